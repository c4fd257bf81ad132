"""`python -m tests.golden.remake`: write the golden reports and the generated pages anew, after a wanted change."""

from __future__ import annotations

import re
from pathlib import Path

import otel_sessionopt.report
from otel_sessionopt.analyzers import pages
from otel_sessionopt.report import OptimizationReport, as_html, as_json, as_markdown, as_text
from tests.golden.cases import ROOT, cases

FOLDER = Path(__file__).resolve().parent / "reports"
HTML = Path(otel_sessionopt.report.__file__).parent / "html"
ASSETS = ("style.css", "script.js")


def _page(report: OptimizationReport) -> str:
    """The page without its style, its script and their hashes, which every page has alike."""
    page = as_html(report, jaeger_url="http://localhost:16686")
    for name in ASSETS:
        page = page.replace((HTML / name).read_text(encoding="utf-8"), f"({name})")
    return re.sub(r"sha256-[\w+/=]+", "sha256-…", page)


FORMS = {"json": as_json, "md": as_markdown, "txt": as_text, "html": _page}
COMMAND = "python -m tests.golden.remake"


def golden_file(name: str, form: str) -> Path:
    """Where the golden form of a case lies."""
    return FOLDER / f"{name}.{form}"


def forms_of(report: OptimizationReport) -> dict[str, str]:
    """The report in every form, by suffix."""
    return {form: render(report) for form, render in FORMS.items()}


def remake() -> None:
    """Write everything."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, report in cases():
        for form, text in forms_of(report).items():
            golden_file(name, form).write_text(text, encoding="utf-8")
    (ROOT / "otel_sessionopt" / "analyzers" / "README.md").write_text(pages.readme(), encoding="utf-8")


if __name__ == "__main__":
    remake()

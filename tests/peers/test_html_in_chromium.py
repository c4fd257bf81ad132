"""The pages of the report in a real Chromium: pictures of them, accessibility, hostile content under their policy.

`conftest.py` gets the browser. `PEERS_SCREENSHOTS=<folder>` keeps the pictures, to be looked at.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.pipeline import Pipeline, analyze_inputs
from otel_sessionopt.report import OptimizationReport, as_html
from otel_sessionopt.report.as_html_comparison import as_comparison_html
from tests.report.reports import report_of
from tests.report.test_as_html import history
from tests.report.test_hostile_content import HOSTILE, session_of

pytestmark = pytest.mark.peers

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
DRIVER = Path(__file__).with_name("chromium_driver.py")
SESSIONS = {
    "short": "claude-code-sessions/context-eval__15c483e0-*.jsonl.xz",
    "middle": "claude-code-sessions/cipher-box__12f1f541-*.jsonl.xz",
    "longest": "pi-sessions/pi-mono__before-compaction.jsonl.xz",
}
JAEGER = "http://localhost:16686"


def browse(python: Path, chromium: str, page: Path, pictures: Path) -> list[dict[str, Any]]:
    """What each view of a page came to, light and dark, wide and narrow."""
    done = subprocess.run(
        [python, DRIVER, chromium, page, pictures], check=False, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    views: list[dict[str, Any]] = json.loads(done.stdout)
    assert [(view["scheme"], view["width"]) for view in views] == [
        ("light", 1280), ("light", 390), ("dark", 1280), ("dark", 390),
    ]  # fmt: skip
    return views


def check(views: list[dict[str, Any]]) -> None:
    for view in views:
        assert view["violations"] == [], view
        assert view["console"] == [], view
        assert view["requests"] == 1, view  # the page itself
        assert view["scroll_width"] <= view["width"], view
        assert Path(view["picture"]).stat().st_size > 20_000
        assert view["dialogs"] == 0


def real_session(name: str) -> OptimizationReport:
    if not DATA.is_dir():
        pytest.skip("needs the real sessions in ../shared/data")
    (path,) = DATA.glob(SESSIONS[name])
    errors: list[InputError] = []
    (report,) = analyze_inputs(find_inputs([str(path)], errors.append), Pipeline(), on_error=errors.append)
    assert errors == []
    return report


@pytest.mark.parametrize("name", SESSIONS)
def test_the_page_of_a_real_session_is_whole_and_accessible(
    name: str, python: Path, chromium: str, pictures: Path, tmp_path: Path
) -> None:
    page = tmp_path / f"{name}.html"
    page.write_text(as_html(real_session(name), jaeger_url=JAEGER), encoding="utf-8")

    check(browse(python, chromium, page, pictures))


def test_a_comparison_is_whole_and_accessible(python: Path, chromium: str, pictures: Path, tmp_path: Path) -> None:
    page = tmp_path / "comparison.html"
    page.write_text(
        as_comparison_html([real_session("middle"), real_session("short")], jaeger_url=JAEGER), encoding="utf-8"
    )

    check(browse(python, chromium, page, pictures))


def test_hostile_content_shows_as_text_and_the_policy_holds(
    python: Path, chromium: str, pictures: Path, tmp_path: Path
) -> None:
    script = (
        "<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>'\"><a href=javascript:alert(4)>x"
    )
    for place, text in enumerate([script, HOSTILE[1] + HOSTILE[2] + HOSTILE[6]]):
        page = tmp_path / f"hostile{place}.html"
        page.write_text(as_html(report_of(session_of(text).session()), jaeger_url=JAEGER), encoding="utf-8")

        views = browse(python, chromium, page, pictures)

        check(views)
        if text is script:
            assert "<script>alert(1)</script>" in views[0]["text"]


def test_what_is_not_in_the_page_s_policy_does_not_run(
    python: Path, chromium: str, pictures: Path, tmp_path: Path
) -> None:
    """The policy works: what an attacker might get into a page by a mistake of ours is refused, and told."""
    html = as_html(report_of(session_of("x").session()))
    page = tmp_path / "broken-in.html"
    page.write_text(html.replace("</main>", "<script>alert(1)</script></main>"), encoding="utf-8")

    (view, *_) = browse(python, chromium, page, pictures)

    assert view["dialogs"] == 0
    assert any("Content Security Policy" in line for line in view["console"])


def test_filters_and_the_spark_line_work(python: Path, chromium: str, pictures: Path, tmp_path: Path) -> None:
    from tests.report.reports import wasteful_session

    page = tmp_path / "filtered.html"
    page.write_text(as_html(report_of(wasteful_session().session()), history=history("1", "3")), encoding="utf-8")

    (view, *_) = browse(python, chromium, page, pictures)

    check([view])
    assert view["issues"] > view["issues_after_filter"] >= 1
    assert view["filter_told"] == f"{view['issues_after_filter']} of {view['issues']} shown"

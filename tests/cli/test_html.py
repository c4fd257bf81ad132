"""Pages from the shell: analyze, export and compare with --format html."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.otlp import line
from tests.cli.run import Outcome
from tests.cli.test_recording_history import history
from tests.report.html_pages import check_page

__all__ = ["history"]  # a fixture

Command = Callable[..., Outcome]
JAEGER = {"SESSIONOPT_REPORT_JAEGER_URL": "http://jaeger:16686"}


@pytest.fixture
def trace(home: Path) -> Path:
    path = home / "trace.jsonl"
    path.write_text(line(2, reads=3) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def two_traces(home: Path) -> Path:
    path = home / "traces.jsonl"
    path.write_text(f"{line(1)}\n{line(2, reads=3)}\n", encoding="utf-8")
    return path


def test_one_session_is_one_page_on_standard_output(here: Command, trace: Path) -> None:
    outcome = here("analyze", trace, "--format", "html", environ=JAEGER)

    assert (outcome.status, outcome.err) == (0, "")
    check_page(outcome.out)
    assert 'href="http://jaeger:16686/trace/00000000000000000000000000000002"' in outcome.out


def test_a_file_name_that_ends_in_html_gets_the_page(here: Command, trace: Path, home: Path) -> None:
    outcome = here("analyze", trace, "--output", home / "page.html")

    assert outcome.status == 0
    assert outcome.out.endswith(f"Wrote the page to {home / 'page.html'}\n")
    check_page((home / "page.html").read_text(encoding="utf-8"))


def test_several_sessions_are_no_page_and_nothing_is_written(here: Command, two_traces: Path, home: Path) -> None:
    outcome = here("analyze", two_traces, "--output", home / "page.html")

    assert outcome.status == 2
    assert "--format html gives one page a session, and there are several; name a folder" in outcome.err
    assert not (home / "page.html").exists()


def test_a_folder_gets_a_page_a_session(here: Command, two_traces: Path, home: Path) -> None:
    assert here("analyze", two_traces, "--format", "html", "--output", home / "out").status == 0

    assert sorted(path.suffix for path in (home / "out").iterdir()) == [".html", ".html"]


def test_a_session_of_the_history_is_exported_beside_the_others_of_its_agent(here: Command, history: Path) -> None:
    outcome = here("export", "bad", "--format", "html")

    check_page(outcome.out)
    assert "1 other session of FORGE cost $" in outcome.out


def test_sessions_are_compared_on_a_page(here: Command, history: Path) -> None:
    outcome = here("compare", "good", "bad", "--format", "html", "--output", history / "compared.html")

    assert outcome == (0, f"Wrote the comparison to {history / 'compared.html'}\n", "")
    page = (history / "compared.html").read_text(encoding="utf-8")
    check_page(page)
    assert "1 gained" in page
    assert "Best is A" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "x.html"], "--output is for the page; add --format html"),
        (["--json", "--format", "html"], "--json and --format html are two forms; give one"),
        (["--format", "html", "--output", "nowhere/x.html"], "the folder"),
    ],
)
def test_wrong_use_of_a_comparison_is_one_line(here: Command, history: Path, arguments: list[str], said: str) -> None:
    outcome = here("compare", "good", "bad", *arguments)

    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert said in outcome.err


def test_an_address_of_jaeger_that_is_no_web_address_is_told(here: Command, trace: Path) -> None:
    outcome = here("analyze", trace, environ={"SESSIONOPT_REPORT_JAEGER_URL": "javascript:alert(1)"})

    assert outcome.status == 2
    assert "SESSIONOPT_REPORT_JAEGER_URL: report.jaeger_url is 'javascript:alert(1)'" in outcome.err

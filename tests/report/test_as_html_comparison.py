"""Sessions side by side: the bill by source, issues gained and lost."""

from __future__ import annotations

import pytest

from otel_sessionopt.errors import RecordingError
from otel_sessionopt.report.as_html_comparison import MOST_SESSIONS, as_comparison_html
from tests.report.html_pages import check_page
from tests.report.reports import quiet_session, report_of, wasteful_session
from tests.report.test_as_html import texts

WASTEFUL = report_of(wasteful_session().session())
QUIET = report_of(quiet_session().session())


def test_issues_that_only_a_later_session_has_are_gained() -> None:
    html = as_comparison_html([QUIET, WASTEFUL])
    page = check_page(html)

    assert f"{len(WASTEFUL.issues)} gained" in texts(page, "b")
    assert "0 lost" in texts(page, "b")
    assert "+ Repeated file read:" in html.replace("\n", "")


def test_issues_that_only_the_first_session_has_are_lost() -> None:
    page = check_page(as_comparison_html([WASTEFUL, QUIET]))

    assert "0 gained" in texts(page, "b")
    assert f"{len(WASTEFUL.issues)} lost" in texts(page, "b")


def test_the_same_issues_are_neither() -> None:
    page = check_page(as_comparison_html([WASTEFUL, WASTEFUL, WASTEFUL]))

    assert texts(page, "b").count("0 gained") == texts(page, "b").count("0 lost") == 2
    assert f"{len(WASTEFUL.issues)} in both" in texts(page, "p")


def test_the_bill_by_source_has_differences_against_the_first() -> None:
    page = check_page(as_comparison_html([QUIET, WASTEFUL, QUIET]))

    cells = texts(page, "td")
    assert "±0" in cells
    assert any(cell.startswith("+$") for cell in cells)
    assert "tool results" in cells


def test_the_best_is_named() -> None:
    assert "Best is B" in as_comparison_html([WASTEFUL, QUIET])


@pytest.mark.parametrize("count", [0, 1, MOST_SESSIONS + 1])
def test_a_comparison_is_of_two_to_twelve_sessions(count: int) -> None:
    with pytest.raises(RecordingError, match="a comparison is of 2 to 12"):
        as_comparison_html([QUIET] * count)

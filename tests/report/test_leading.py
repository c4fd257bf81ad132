"""Which issues lead, and what becomes of the others."""

from __future__ import annotations

from decimal import Decimal

from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, Severity, Waste
from otel_sessionopt.report import OptimizationReport, as_markdown, as_text
from otel_sessionopt.report.leading import LEADING_ISSUES, leading_issues, other_issues
from tests.report.reports import Says, issue, quiet_session, report_of, wasteful_session


def _hint(name: str, severity: Severity = Severity.LOW) -> EfficiencyIssue:
    waste = Waste(tokens=900, basis=Basis.HEURISTIC, cost_usd=Decimal(9))
    return issue(id=name, severity=severity, waste=waste, description=f"This is {name}.")


def _ids(issues: tuple[EfficiencyIssue, ...]) -> list[str]:
    return [each.id for each in issues]


def _hints(count: int) -> OptimizationReport:
    return report_of(quiet_session().session(), [Says(tuple(_hint(f"hint-{place:02}") for place in range(count)))])


def test_what_counts_leads_by_dollars_and_what_is_in_no_total_comes_after() -> None:
    report = report_of(wasteful_session().session())
    leading = leading_issues(report)
    costs = [report.counted[each.id].cost_usd or 0 for each in leading]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 0


def test_at_most_five_lead_and_no_issue_is_lost() -> None:
    report = _hints(9)
    assert LEADING_ISSUES == 5
    assert len(leading_issues(report)) == 5
    assert sorted(_ids(leading_issues(report) + other_issues(report))) == [f"hint-{place:02}" for place in range(9)]
    assert leading_issues(report, 3) == leading_issues(report)[:3]


def test_of_what_is_in_no_total_the_most_severe_leads_not_the_dearest() -> None:
    dear = issue(id="dear", severity=Severity.LOW, waste=Waste(tokens=9_000, basis=Basis.WHAT_IF, cost_usd=Decimal(99)))
    report = report_of(quiet_session().session(), [Says((dear, _hint("severe", Severity.HIGH)))])
    assert _ids(leading_issues(report)) == ["severe", "dear"]


def test_an_issue_that_others_have_counted_does_not_lead() -> None:
    twice = issue(id="twice", waste=Waste(tokens=900, basis=Basis.ESTIMATED, cost_usd=Decimal(1)))
    report = report_of(quiet_session().session(), [Says((twice, _hint("hint")))])
    assert _ids(leading_issues(report)) == ["hint"]
    assert _ids(other_issues(report)) == ["twice"]


def test_the_others_are_told_in_short() -> None:
    text, markdown = as_text(_hints(7)), as_markdown(_hints(7))
    assert "5. LOW Says: $9.00, 900 tokens (heuristic, in no total)\n   This is hint-04." in text
    assert "In short:\n6. LOW Says: $9.00, 900 tokens (heuristic, in no total)\n7. LOW Says" in text
    assert "hint-05" not in text
    assert "<summary>2 more issues</summary>" in markdown
    assert "| 7 | LOW | Says |" in markdown
    assert "hint-05" not in markdown


def test_more_than_fifteen_are_counted() -> None:
    text, markdown = as_text(_hints(18)), as_markdown(_hints(18))
    assert "15. LOW Says" in text
    assert "16. LOW" not in text
    assert "and 3 more, all of them in the JSON form." in text
    assert "and 3 more, all of them in the JSON form." in markdown


def test_text_and_markdown_lead_with_the_same_issues() -> None:
    report = report_of(wasteful_session().session())
    text, markdown = as_text(report), as_markdown(report)
    for place, each in enumerate(leading_issues(report, 3), start=1):
        assert f"{place}. {each.severity.value}" in text
        assert f"| {place} | {each.severity.value} |" in markdown


def test_few_issues_leave_nothing_to_tell_in_short() -> None:
    assert "In short" not in as_text(_hints(5))
    assert "more issue" not in as_markdown(_hints(5))

"""Which issues lead a report, whatever its form, and which are told in short after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.issue import EfficiencyIssue
    from otel_sessionopt.report.document import OptimizationReport

LEADING_ISSUES: Final = 5
"""Issues that are told in full; more than a reader acts on is noise. The JSON form has all of them."""


def leading_issues(report: OptimizationReport, count: int = LEADING_ISSUES) -> tuple[EfficiencyIssue, ...]:
    """The issues that matter most, at most `count`, the dearest first.

    First what adds to the totals, by counted dollars, then counted tokens. Only then what is in no total (hints, what
    is at risk, what-ifs), by severity: those figures are never added to the others. An issue that others have counted
    already does not lead.
    """
    counted = [issue for issue in report.issues if adds_to_totals(report, issue)]
    apart = [issue for issue in report.issues if not adds_to_totals(report, issue) and not _is_counted(issue)]
    return tuple([*counted, *apart][:count])


def other_issues(report: OptimizationReport, count: int = LEADING_ISSUES) -> tuple[EfficiencyIssue, ...]:
    """All issues but the leading ones, in the order of the report."""
    leading = {issue.id for issue in leading_issues(report, count)}
    return tuple(issue for issue in report.issues if issue.id not in leading)


def adds_to_totals(report: OptimizationReport, issue: EfficiencyIssue) -> bool:
    """Whether an issue has a part in the avoidable tokens and dollars."""
    share = report.counted[issue.id]
    return bool(share.tokens or share.cost_usd)


def _is_counted(issue: EfficiencyIssue) -> bool:
    """Whether the waste of an issue is of the kind that totals count."""
    waste = issue.waste
    return waste is not None and waste.basis.counts and not issue.is_preview and bool(waste.tokens or waste.cost_usd)

"""The "Session Efficiency" tab of Jaeger: our numbers in the form that its quality-metrics page reads.

Source: jaeger-ui 2.20, `packages/jaeger-ui/src/components/QualityMetrics/types.tsx`; experimental there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, meta_of
from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.parts import Amount

if TYPE_CHECKING:
    from otel_sessionopt.report import OptimizationReport

_EXAMPLES: Final = 5
_ROWS: Final = 10
_SPANS: Final = 20
_EFFICIENCY: Final = "efficiency"
_CLEAN: Final = "clean"


def quality_metrics(reports: Sequence[OptimizationReport], pages_url: str) -> dict[str, Any]:
    """Scores over `reports`, and per rule the traces that pass and fail.

    Args:
        reports: of the sessions of one service.
        pages_url: address of our own pages, for links.
    """
    billed = [report for report in reports if report.bill.total.tokens]
    mean = sum(report.efficiency_score for report in billed) / len(billed) if billed else 0.0
    clean = sum(not report.issues for report in reports)
    return {
        "traceQualityDocumentationLink": f"{pages_url}/sessions",
        "bannerText": _banner(reports),
        "scores": [
            {"key": _EFFICIENCY, "label": "Tokens well spent", "max": 100, "value": round(mean)},
            {
                "key": _CLEAN,
                "label": "Sessions without an issue",
                "max": 100,
                "value": round(100 * clean / len(reports)) if reports else 0,
            },
        ],
        "metrics": [_metric(each, reports, pages_url) for each in _rules(reports)],
        "clients": [],
    }


def _banner(reports: Sequence[OptimizationReport]) -> dict[str, Any]:
    if not reports:
        return {"value": "No session of this service was analysed in this time.", "styling": {}}
    costs = [report.bill.total.cost_usd for report in reports if report.bill.total.cost_usd is not None]
    wasted = [report.waste.avoidable.cost_usd for report in reports if report.waste.avoidable.cost_usd is not None]
    sentence = figures.count(len(reports), "session")
    if costs:
        sentence += f", {figures.usd(sum(costs[1:], costs[0]))}"
    if wasted:
        sentence += f", of which {figures.usd(sum(wasted[1:], wasted[0]))} was avoidable"
    return {"value": f"{sentence}.", "styling": {}}


def _rules(reports: Sequence[OptimizationReport]) -> list[str]:
    """Rules that ran, those that found most first."""
    found: defaultdict[str, int] = defaultdict(int)
    for report in reports:
        for outcome in report.outcomes:
            if outcome.status == "ok":
                found[outcome.code] += bool(outcome.issues)
    return sorted(found, key=lambda code: (-found[code], code))


_META: Final = {meta.id: meta for meta in map(meta_of, ANALYZER_CLASSES)}


def _metric(code: str, reports: Sequence[OptimizationReport], pages_url: str) -> dict[str, Any]:
    ran = [report for report in reports if any(o.code == code and o.status == "ok" for o in report.outcomes)]
    failing = [report for report in ran if any(issue.code == code for issue in report.issues)]
    passing = [report for report in ran if report not in failing]
    skipped = len(reports) - len(ran)
    title = _META[code].title if code in _META else code
    return {
        "name": title,
        "category": _EFFICIENCY,
        "description": f"Sessions in which the rule {code} found nothing.",
        "metricDocumentationLink": f"{pages_url}/rules/{code}",
        "metricWeight": round(1 / max(len(_META), 1), 4),
        "passCount": len(passing),
        "passExamples": [_example(report, ()) for report in passing[:_EXAMPLES]],
        "failureCount": len(failing),
        "failureExamples": [_example(report, _spans(report, code)) for report in failing[:_EXAMPLES]],
        "exemptionCount": skipped,
        "exemptionExamples": [],
        "details": [_details(code, failing)] if failing else [],
    }


def _example(report: OptimizationReport, spans: Sequence[str]) -> dict[str, Any]:
    trace_id = next(iter(report.session.trace_ids), report.session_id)
    return {"traceID": trace_id, "spanIDs": list(spans)}


def _spans(report: OptimizationReport, code: str) -> list[str]:
    spans = [event for issue in report.issues if issue.code == code for event in issue.events_involved]
    return list(dict.fromkeys(spans))[:_SPANS]


def _details(code: str, failing: Sequence[OptimizationReport]) -> dict[str, Any]:
    rows = []
    for report in failing:
        for issue in report.issues:
            if issue.code == code:
                counted = report.counted[issue.id]
                amount = figures.amount(Amount(tokens=counted.tokens, cost_usd=counted.cost_usd))
                rows.append({"trace": report.session_id, "finding": issue.description, "waste": amount})
    return {
        "header": "Findings",
        "description": phrases.issue_title(next(issue for issue in failing[0].issues if issue.code == code)),
        "columns": [
            {"key": "trace", "label": "Trace"},
            {"key": "finding", "label": "Finding"},
            {"key": "waste", "label": "Avoidable"},
        ],
        "rows": rows[:_ROWS],
    }

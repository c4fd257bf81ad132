"""Attributes that a session's root span carries: what Jaeger and other backends can search for and show.

Backends compare tag values as strings for equality, so everything to search by is a bucket or a flag; exact numbers
stand beside them for reading. Absent means unknown: no price, no `waste.cost_usd`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt import semconv

if TYPE_CHECKING:
    from otel_sessionopt.report import OptimizationReport

ANALYZED: Final = "sessionopt.analyzed"
GRADE: Final = "sessionopt.grade"
SCORE_BUCKET: Final = "sessionopt.score_bucket"
HAS_FINDINGS: Final = "sessionopt.has_findings"
RULE_PREFIX: Final = "sessionopt.rule."
EFFICIENCY_SCORE: Final = "sessionopt.efficiency_score"
WASTE_TOKENS: Final = "sessionopt.waste.tokens"
WASTE_COST_USD: Final = "sessionopt.waste.cost_usd"
RELEASE_REASON: Final = "sessionopt.release.reason"
LATE_SPANS: Final = "sessionopt.late_spans"
DROPPED_PREFIX: Final = "sessionopt.dropped."
FINDINGS: Final = "sessionopt.findings"
"""How many findings there are, on the summary."""
FINDINGS_OMITTED: Final = "sessionopt.findings_omitted"
"""How many of them were not written onto the span."""
REPLAY_TOKENS: Final = "sessionopt.replay.tokens"
REPLAY_COST_USD: Final = "sessionopt.replay.cost_usd"
REPLAY_MODEL_CALLS: Final = "sessionopt.replay.model_calls"
"""What would have been billed without the findings that count, on the summary."""
JAEGER_WARNINGS: Final = "@jaeger@warnings"
EVALUATION: Final = "sessionopt.efficiency"
"""`gen_ai.evaluation.name` of the score."""


def root_attributes(report: OptimizationReport) -> dict[str, Any]:
    """Attributes for the root span, flat primitives only."""
    attributes: dict[str, Any] = {
        ANALYZED: True,
        GRADE: report.grade,
        SCORE_BUCKET: score_bucket(report.efficiency_score),
        HAS_FINDINGS: bool(report.issues),
        EFFICIENCY_SCORE: float(report.efficiency_score),
        WASTE_TOKENS: report.total_waste_tokens,
    }
    if report.total_waste_cost is not None:
        attributes[WASTE_COST_USD] = report.total_waste_cost
    for issue in report.issues:
        attributes[RULE_PREFIX + issue.code] = True
    if report.release is not None:
        attributes[RELEASE_REASON] = report.release.reason
        if report.release.late_spans:
            attributes[LATE_SPANS] = report.release.late_spans
        for reason, count in report.release.dropped.items():
            if count:
                attributes[DROPPED_PREFIX + reason] = count
    return attributes


def replay_attributes(report: OptimizationReport) -> dict[str, Any]:
    """What the session would have been billed without the issues that count; nothing where nothing was billed."""
    if report.replay is None:
        return {}
    after = report.replay.after
    attributes = {REPLAY_TOKENS: after.total.tokens, REPLAY_MODEL_CALLS: after.model_calls}
    cost_usd = after.total.cost_usd
    return attributes if cost_usd is None else attributes | {REPLAY_COST_USD: float(cost_usd)}


def evaluation_attributes(report: OptimizationReport) -> dict[str, Any]:
    """The score in the names of the GenAI conventions, which Jaeger shows first."""
    wasted = f"{report.total_waste_tokens:,} tokens"
    if report.total_waste_cost is not None:
        wasted += f" (${report.total_waste_cost:.4f})"
    return {
        semconv.EVALUATION_NAME: EVALUATION,
        semconv.EVALUATION_SCORE_VALUE: float(report.efficiency_score),
        semconv.EVALUATION_SCORE_LABEL: report.grade,
        semconv.EVALUATION_EXPLANATION: f"{wasted} avoidable; findings: {len(report.issues)}",
    }


def jaeger_warnings(report: OptimizationReport, limit: int) -> list[str]:
    """One sentence per finding, worst first."""
    return [f"{issue.severity.value} {issue.code}: {issue.description}" for issue in report.issues[:limit]]


def score_bucket(score: float) -> str:
    """The tens that a score of 0–100 is in: `0-9` … `80-89`, `90-100`."""
    tens = min(max(int(score) // 10, 0), 9) * 10
    return "90-100" if tens == 90 else f"{tens}-{tens + 9}"

"""The report as JSON: versioned, stable order of keys, money as numbers. `schema.json` describes every key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_sessionopt.report.parts import USD_DIGITS, usd_number
from otel_sessionopt.report.timeline_json import timeline_to_dict

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.issue import EfficiencyIssue
    from otel_sessionopt.analyzers.overlap import CountedWaste
    from otel_sessionopt.report.document import OptimizationReport
    from otel_sessionopt.report.ledger_view import LedgerPart, LedgerSummary
    from otel_sessionopt.report.parts import ReplaySummary, RuleOutcome, SessionCost

"""Decimal places of money: below one token of the cheapest model, and no float noise."""


def as_json(report: OptimizationReport) -> str:
    """One JSON document, indented, ending in a line break."""
    return json.dumps(report_to_dict(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_compact_json(report: OptimizationReport) -> str:
    """The same document on one line: written in a third of the time, for those who write hundreds a second."""
    return json.dumps(report_to_dict(report), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def report_to_dict(report: OptimizationReport) -> dict[str, Any]:
    """The same as plain types."""
    return {
        "schema_version": report.schema_version,
        "session_id": report.session_id,
        "generated_at": report.generated_at,
        "efficiency_score": report.efficiency_score,
        "grade": report.grade,
        "score_basis": report.score_basis.value,
        "total_waste_tokens": report.total_waste_tokens,
        "total_waste_cost": usd_number(report.waste.avoidable.cost_usd),
        "session": _session(report),
        "counts": _counts(report),
        "bill": _bill(report),
        "ledger": _ledger(report.ledger),
        "waste": _waste(report),
        "replay": _replay(report.replay),
        "issues": [_issue(issue, report.counted[issue.id]) for issue in report.issues],
        "recommendations": list(report.recommendations),
        "token_breakdown": dict(report.token_breakdown),
        "comparisons": dict(report.comparisons),
        "outcomes": [_outcome(outcome) for outcome in report.outcomes],
        "release": _release(report),
        "notes": list(report.notes),
        "timeline": None if report.timeline is None else timeline_to_dict(report.timeline),
    }


def _session(report: OptimizationReport) -> dict[str, Any]:
    info = report.session
    return {
        "trace_ids": list(info.trace_ids),
        "conversation_id": info.conversation_id,
        "agent": info.agent,
        "task": info.task,
        "model": info.model,
        "status": info.status,
        "started_at": info.started_at,
        "ended_at": info.ended_at,
        "active_ns": info.active_ns,
        "wall_ns": info.wall_ns,
    }


def _counts(report: OptimizationReport) -> dict[str, Any]:
    counts = report.counts
    return {
        "model_calls": counts.model_calls,
        "tool_calls": counts.tool_calls,
        "errors": counts.errors,
        "tool_errors": counts.tool_errors,
        "rejections": counts.rejections,
        "compactions": counts.compactions,
        "user_messages": counts.user_messages,
        "events": counts.events,
    }


def _bill(report: OptimizationReport) -> dict[str, Any]:
    bill = report.bill
    return {
        "total": bill.total.to_dict(),
        "classes": {price_class.value: entry.to_dict() for price_class, entry in bill.classes.items()},
        "reasoning_tokens": bill.reasoning_tokens,
        "calls": bill.calls,
        "unpriced_calls": bill.unpriced_calls,
        "models": [
            {"model": row.model, "calls": row.calls, **row.amount.to_dict(), "price_source": row.price_source}
            for row in bill.models
        ],
    }


def _ledger(ledger: LedgerSummary | None) -> dict[str, Any] | None:
    if ledger is None:
        return None
    return {
        "measured_ratio": ledger.measured_ratio,
        "estimated_ratio": ledger.estimated_ratio,
        "unattributed_ratio": ledger.unattributed_ratio,
        "total": _ledger_part(ledger.total),
        "dearest": [
            {
                "source": item.source,
                "tool": item.tool,
                "path": item.path,
                "event_id": item.event_id,
                "size_tokens": item.size_tokens,
                "is_measured": item.is_measured,
                "calls": item.calls,
                "billed": item.billed.to_dict(),
            }
            for item in ledger.dearest
        ],
        "contexts": [
            {"context": context.context, "agent": context.agent, "sizes": list(context.sizes)}
            for context in ledger.contexts
        ],
    }


def _ledger_part(part: LedgerPart) -> dict[str, Any]:
    return {"name": part.name, **part.amount.to_dict(), "children": [_ledger_part(child) for child in part.children]}


def _waste(report: OptimizationReport) -> dict[str, Any]:
    waste = report.waste
    return {
        "avoidable": waste.avoidable.to_dict(),
        "measured": waste.measured.to_dict(),
        "estimated": waste.estimated.to_dict(),
        "heuristic": waste.heuristic.to_dict(),
        "at_risk": waste.at_risk.to_dict(),
        "what_if": waste.what_if.to_dict(),
    }


def _replay(replay: ReplaySummary | None) -> dict[str, Any] | None:
    if replay is None:
        return None
    return {"before": _session_cost(replay.before), "after": _session_cost(replay.after)}


def _session_cost(cost: SessionCost) -> dict[str, Any]:
    return {
        **cost.total.to_dict(),
        "classes": {price_class.value: tokens for price_class, tokens in cost.classes.items()},
        "model_calls": cost.model_calls,
    }


def _issue(issue: EfficiencyIssue, counted: CountedWaste) -> dict[str, Any]:
    waste = issue.waste
    cost = issue.estimated_waste_cost
    return {
        "id": issue.id,
        "code": issue.code,
        "issue_type": issue.issue_type.value,
        "severity": issue.severity.value,
        "description": issue.description,
        "suggestion": issue.suggestion,
        "estimated_waste_tokens": issue.estimated_waste_tokens,
        "estimated_waste_cost": None if cost is None else round(cost, USD_DIGITS),
        "events_involved": list(issue.events_involved),
        "metadata": issue.metadata,
        "is_preview": issue.is_preview,
        "waste": None
        if waste is None
        else {
            "tokens": waste.tokens,
            "cost_usd": usd_number(waste.cost_usd),
            "basis": waste.basis.value,
            "duration_ns": waste.duration_ns,
        },
        "counted": {
            "tokens": counted.tokens,
            "cost_usd": usd_number(counted.cost_usd),
            "already_counted_by": list(counted.already_counted_by),
        },
    }


def _outcome(outcome: RuleOutcome) -> dict[str, Any]:
    return {
        "code": outcome.code,
        "status": outcome.status,
        "issues": outcome.issues,
        "missing": [{"fact": missing.fact, "switch": missing.switch} for missing in outcome.missing],
        "error": outcome.error,
        "is_preview": outcome.is_preview,
    }


def _release(report: OptimizationReport) -> dict[str, Any] | None:
    release = report.release
    if release is None:
        return None
    return {
        "reason": release.reason,
        "is_final": release.is_final,
        "span_count": release.span_count,
        "late_spans": release.late_spans,
        "dropped": dict(release.dropped),
        "warnings": dict(release.warnings),
    }

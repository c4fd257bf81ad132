"""Several traces of one conversation as the one session that they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from otel_sessionopt.report.score import efficiency_score
from otel_sessionopt.session.model import Session
from otel_sessionopt.session.times import ns_from_iso
from otel_sessionopt.store.records import Figures, IssueTally


def session_of_traces(session_id: str, traces: Sequence[Session]) -> Session:
    """The session that `traces` (at least one, in order of start) are: the sum of their totals.

    Agent, task and model are those of the first trace that tells them, the status is that of the last one.
    """
    last = max(traces, key=lambda trace: ns_from_iso(trace.ended_at) or ns_from_iso(trace.started_at) or 0)
    return Session(
        id=session_id,
        agent=next((trace.agent for trace in traces if trace.agent), ""),
        task=next((trace.task for trace in traces if trace.task), ""),
        status=last.status,
        started_at=traces[0].started_at,
        ended_at=last.ended_at,
        total_tokens_input=sum(trace.total_tokens_input for trace in traces),
        total_tokens_output=sum(trace.total_tokens_output for trace in traces),
        total_duration_ms=sum(trace.total_duration_ms for trace in traces),
        model=next((trace.model for trace in traces if trace.model), ""),
        trace_ids=tuple(trace_id for trace in traces for trace_id in trace.trace_ids),
        conversation_id=next((trace.conversation_id for trace in traces if trace.conversation_id), None),
        is_recorded=False,
    )


def figures_of_traces(figures: Sequence[Figures]) -> Figures:
    """The sum of the figures of several traces; the score compares dollars where every call of all is priced."""
    cost_usd = _sum(each.cost_usd for each in figures)
    waste_cost_usd = _sum(each.waste_cost_usd for each in figures)
    tokens = sum(each.tokens for each in figures)
    waste_tokens = sum(each.waste_tokens for each in figures)
    unpriced_calls = sum(each.unpriced_calls for each in figures)
    in_dollars = bool(cost_usd) and waste_cost_usd is not None and not unpriced_calls
    issues: defaultdict[str, IssueTally] = defaultdict(IssueTally)
    for each in figures:
        for issue_type, tally in each.issues.items():
            known = issues[issue_type]
            issues[issue_type] = IssueTally(known.issues + tally.issues, known.waste_tokens + tally.waste_tokens)
    return Figures(
        tokens=tokens,
        cost_usd=cost_usd,
        calls=sum(each.calls for each in figures),
        unpriced_calls=unpriced_calls,
        waste_tokens=waste_tokens,
        waste_cost_usd=waste_cost_usd,
        efficiency_score=efficiency_score(waste_cost_usd or 0, cost_usd or 0)
        if in_dollars
        else efficiency_score(waste_tokens, tokens),
        issues=dict(sorted(issues.items())),
    )


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if known else None

"""From reports to the history: the figures of a session, and traces of other sources kept beside the recordings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from otel_sessionopt.session.identity import trace_id_of
from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus
from otel_sessionopt.session.times import NS_PER_MS
from otel_sessionopt.store.records import Figures, IssueTally, StoredSession, StoredTrace

if TYPE_CHECKING:
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.store.protocol import Store


def figures_of(report: OptimizationReport) -> Figures:
    """What lists, statistics and comparisons need of a report."""
    issues: defaultdict[str, IssueTally] = defaultdict(IssueTally)
    for issue in report.issues:
        known = issues[issue.issue_type.value]
        wasted = known.waste_tokens + report.counted[issue.id].tokens
        issues[issue.issue_type.value] = IssueTally(known.issues + 1, wasted)
    return Figures(
        tokens=report.bill.total.tokens,
        cost_usd=report.bill.total.cost_usd,
        calls=report.bill.calls,
        unpriced_calls=report.bill.unpriced_calls,
        waste_tokens=report.waste.avoidable.tokens,
        waste_cost_usd=report.waste.avoidable.cost_usd,
        efficiency_score=report.efficiency_score,
        issues=dict(sorted(issues.items())),
    )


def keep_report(store: Store, report: OptimizationReport) -> bool:
    """Keep the session that a report from spans is about. False when the history has it already, or more of it."""
    trace = _stored_trace(report)
    if store.put_trace(trace):
        return True
    if trace.session_id == trace.trace_id:
        return False
    owner = store.get(trace.session_id)
    if owner is None or owner.session.trace_ids or f"{trace_id_of(owner.session):032x}" == trace.trace_id:
        return False  # more of this trace is kept; or it is a recording's own trace, come back from where it was sent
    return store.put_trace(replace(trace, session_id=trace.trace_id))


def with_billed_event(stored: StoredSession) -> Session:
    """The session; one that came as traces with an event that says what all of them were billed.

    Their own events are not kept, and prices cannot be worked out from totals: cached tokens cost less.
    """
    session, figures = stored.session, stored.figures
    if session.events or not session.trace_ids or figures is None or not figures.tokens:
        return session
    session.events.append(
        SessionEvent(
            id=session.id,
            timestamp=session.started_at,
            event_type=EventType.AI_RESPONSE,
            data={"traces": len(session.trace_ids)},
            tokens_input=session.total_tokens_input,
            tokens_output=session.total_tokens_output,
            duration_ms=session.total_duration_ms,
            context=session.id,
            reported_cost_usd=figures.cost_usd,
        )
    )
    return session


def report_keeper(folder: Path) -> Callable[[OptimizationReport], None]:
    """A callable that keeps every report it gets in the history at `folder`: an `on_report` of the live processor.

    The file is opened at the first report, on the thread that brings it.
    """
    stores: list[Store] = []

    def keep(report: OptimizationReport) -> None:
        if not stores:
            from otel_sessionopt.history.opening import open_history

            stores.append(open_history(folder))
        keep_report(stores[0], report)

    return keep


def _stored_trace(report: OptimizationReport) -> StoredTrace:
    info = report.session
    trace_id = next(iter(info.trace_ids), report.session_id)
    return StoredTrace(
        trace_id=trace_id,
        session_id=info.conversation_id or trace_id,
        session=Session(
            id=trace_id,
            agent=info.agent,
            task=info.task,
            status=SessionStatus(info.status),
            started_at=info.started_at,
            ended_at=info.ended_at,
            total_tokens_input=report.token_breakdown["TOTAL_INPUT"],
            total_tokens_output=report.token_breakdown["TOTAL_OUTPUT"],
            total_duration_ms=(info.active_ns or 0) / NS_PER_MS,
            model=info.model,
            trace_ids=(trace_id,),
            conversation_id=info.conversation_id,
            is_recorded=False,
        ),
        span_count=0 if report.release is None else report.release.span_count,
        figures=figures_of(report),
        report=report.to_dict(),
    )

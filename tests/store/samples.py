"""Sessions, events and traces for tests of stores."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from otel_sessionopt.session import EventType, Session, SessionEvent, SessionStatus
from otel_sessionopt.store.records import Figures, IssueTally, StoredTrace

DAY = "2026-01-{:02d}T09:00:00+00:00"


def event(number: int, event_type: EventType = EventType.FILE_READ, **fields: Any) -> SessionEvent:
    return SessionEvent(f"{number:016x}", f"2026-01-05T10:00:{number % 60:02d}+00:00", event_type, **fields)


def session(session_id: str = "s1", *events: SessionEvent, day: int = 5, **fields: Any) -> Session:
    given: dict[str, Any] = {"agent": "FORGE", "task": "build", "started_at": DAY.format(day), **fields}
    return Session(session_id, events=list(events), **given)


def figures(
    score: float = 80.0, tokens: int = 1_000, cost: str | None = "0.5", issues: dict[str, IssueTally] | None = None
) -> Figures:
    return Figures(
        tokens=tokens,
        cost_usd=None if cost is None else Decimal(cost),
        calls=2,
        unpriced_calls=2 if cost is None else 0,
        waste_tokens=tokens // 5,
        waste_cost_usd=None if cost is None else Decimal(cost) / 5,
        efficiency_score=score,
        issues={"REPEATED_FILE_READ": IssueTally(1, tokens // 5)} if issues is None else issues,
    )


def trace(
    number: int,
    session_id: str | None = None,
    *,
    day: int = 5,
    spans: int = 10,
    agent: str = "coder",
    status: SessionStatus = SessionStatus.COMPLETED,
    of: Figures | None = None,
) -> StoredTrace:
    trace_id = f"{number:032x}"
    return StoredTrace(
        trace_id=trace_id,
        session_id=session_id or trace_id,
        session=session(
            trace_id,
            day=day,
            agent=agent,
            task=f"task {number}",
            status=status,
            ended_at=f"2026-01-{day:02d}T09:30:00+00:00",
            total_tokens_input=900,
            total_tokens_output=100,
            total_duration_ms=60_000,
            model="opus",
            trace_ids=(trace_id,),
            conversation_id=session_id,
            is_recorded=False,
        ),
        span_count=spans,
        figures=of or figures(),
        report={"session_id": trace_id, "number": number},
    )

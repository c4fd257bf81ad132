"""Sessions, events and traces as rows of the SQLite tables, and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from copy import copy
from decimal import Decimal
from typing import Any, Final

from otel_sessionopt.session.model import EventType, Session, SessionEvent
from otel_sessionopt.session.times import ns_from_iso
from otel_sessionopt.store.records import Figures, IssueTally, StoredSession, agent_key

# In the order of the tuples below.
SESSION_COLUMNS: Final = (
    "id", "agent", "agent_key", "task", "status", "started_at", "started_ns", "ended_at", "model", "metadata",
    "further", "event_count", "tokens_input", "tokens_output", "duration_ms",
)  # fmt: skip
FIGURE_COLUMNS: Final = (
    "billed_tokens", "cost_nano_usd", "calls", "unpriced_calls", "waste_tokens", "waste_nano_usd", "efficiency_score",
)  # fmt: skip
EVENT_COLUMNS: Final = (
    "id", "timestamp", "event_type", "data", "tokens_input", "tokens_output", "duration_ms", "model", "further",
)  # fmt: skip
_SESSION_KEYS: Final = frozenset(
    {"id", "agent", "task", "status", "started_at", "ended_at", "events", "total_tokens_input", "total_tokens_output"}
    | {"total_duration_ms", "model", "metadata"}
)
_EVENT_KEYS: Final = frozenset(
    {"id", "timestamp", "event_type", "data", "tokens_input", "tokens_output", "duration_ms", "model"}
)
_NANO: Final = 9  # decimal places of money
_MAX_INTEGER: Final = 2**63 - 1


def json_text(value: object) -> str:
    """Compact JSON, ASCII only: any Python string can be stored."""
    return json.dumps(value, separators=(",", ":"))


def session_row(session: Session) -> tuple[Any, ...]:
    """The values of `SESSION_COLUMNS`."""
    shape = {key: value for key, value in _without_events(session).items() if key not in _SESSION_KEYS}
    return (
        session.id, session.agent, agent_key(session.agent), session.task, session.status.value, session.started_at,
        started_ns(session), session.ended_at, session.model, json_text(session.metadata), json_text(shape),
        len(session.events), session.total_tokens_input, session.total_tokens_output, session.total_duration_ms,
    )  # fmt: skip


def _without_events(session: Session) -> dict[str, Any]:
    bare = copy(session)
    bare.events = []
    return bare.to_dict()


def started_ns(session: Session) -> int:
    """When it started, for sorting; 0 where its time stamp says nothing."""
    return min(max(ns_from_iso(session.started_at) or 0, -_MAX_INTEGER), _MAX_INTEGER)


STORED_COLUMNS: Final = (
    "seq", *(name for name in SESSION_COLUMNS if name not in ("agent_key", "started_ns")),
    "is_exported", "is_stale", "trace_count", *FIGURE_COLUMNS,
)  # fmt: skip


def stored_session(
    row: Sequence[Any], issues: Mapping[str, IssueTally], trace_ids: Sequence[str] = ()
) -> StoredSession:
    """A session from the values of `STORED_COLUMNS`."""
    (
        _, session_id, agent, task, status, started_at, ended_at, model, metadata, further, event_count, tokens_input,
        tokens_output, duration_ms, is_exported, is_stale, _, *figures,
    ) = row  # fmt: skip
    shape = {
        "id": session_id,
        "agent": agent,
        "task": task,
        "status": status,
        "started_at": started_at,
        "ended_at": ended_at,
        "total_tokens_input": tokens_input,
        "total_tokens_output": tokens_output,
        "total_duration_ms": duration_ms,
        "model": model,
        "metadata": json.loads(metadata),
        **json.loads(further),
    }
    if trace_ids:
        shape["trace_ids"] = list(trace_ids)
    return StoredSession(
        session=Session.from_dict(shape),
        event_count=event_count,
        figures=_figures(figures, issues),
        is_stale=bool(is_stale),
        is_exported=bool(is_exported),
    )


def figure_row(figures: Figures) -> tuple[Any, ...]:
    """The values of `FIGURE_COLUMNS`."""
    return (
        figures.tokens, _nano(figures.cost_usd), figures.calls, figures.unpriced_calls, figures.waste_tokens,
        _nano(figures.waste_cost_usd), figures.efficiency_score,
    )  # fmt: skip


def _figures(values: Sequence[Any], issues: Mapping[str, IssueTally]) -> Figures | None:
    tokens, cost, calls, unpriced_calls, waste_tokens, waste_cost, score = values
    if tokens is None:
        return None
    return Figures(
        tokens=tokens,
        cost_usd=usd_from_nano(cost),
        calls=calls,
        unpriced_calls=unpriced_calls,
        waste_tokens=waste_tokens,
        waste_cost_usd=usd_from_nano(waste_cost),
        efficiency_score=score,
        issues=issues,
    )


def figures_text(figures: Figures) -> str:
    """Figures as one JSON text."""
    issues = {name: [tally.issues, tally.waste_tokens] for name, tally in figures.issues.items()}
    return json_text([*figure_row(figures), issues])


def figures_from_text(text: str) -> Figures:
    """Read what `figures_text` wrote."""
    *values, issues = json.loads(text)
    figures = _figures(values, {name: IssueTally(*tally) for name, tally in issues.items()})
    assert figures is not None
    return figures


def _nano(cost_usd: Decimal | None) -> int | None:
    return None if cost_usd is None else int(cost_usd.scaleb(_NANO).to_integral_value())


def usd_from_nano(nano_usd: int | None) -> Decimal | None:
    """Dollars from billionths of one."""
    return None if nano_usd is None else Decimal(nano_usd).scaleb(-_NANO)


def event_row(event: SessionEvent) -> tuple[Any, ...]:
    """The values of `EVENT_COLUMNS`."""
    shape = event.to_dict()
    further = {key: value for key, value in shape.items() if key not in _EVENT_KEYS}
    return (
        event.id, event.timestamp, event.event_type.value, json_text(event.data), event.tokens_input,
        event.tokens_output, event.duration_ms, event.model, json_text(further) if further else None,
    )  # fmt: skip


def event_from_row(row: Sequence[Any]) -> SessionEvent:
    """An event from the values of `EVENT_COLUMNS`."""
    event_id, timestamp, event_type, data, tokens_input, tokens_output, duration_ms, model, further = row
    if further is None:
        return SessionEvent(
            event_id, timestamp, EventType(event_type), json.loads(data), tokens_input, tokens_output, duration_ms,
            model=model,
        )  # fmt: skip
    shape = {
        "id": event_id,
        "timestamp": timestamp,
        "event_type": event_type,
        "data": json.loads(data),
        "tokens_input": tokens_input,
        "tokens_output": tokens_output,
        "duration_ms": duration_ms,
        "model": model,
        **json.loads(further),
    }
    return SessionEvent.from_dict(shape)


def packed_report(report: Mapping[str, Any]) -> bytes:
    """A report's JSON form, compressed: a quarter of its size. A higher level takes three times as long for a tenth."""
    return zlib.compress(json_text(report).encode("ascii"), 1)


def report_from_packed(packed: bytes) -> Mapping[str, Any]:
    """Read what `packed_report` wrote."""
    report: Mapping[str, Any] = json.loads(zlib.decompress(packed))
    return report

"""The JSON form of a timeline, written and read. What is 0, empty or `None` is left out of its many small parts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from otel_sessionopt.report.parts import Amount, usd_number
from otel_sessionopt.report.timeline import ContextLine, ContextPoint, IdleGap, SpanRow, Timeline

_POINT_EXTRAS: Final = ("missed_tokens", "miss_cause", "compactions", "idle_ns")
_ROW_EXTRAS: Final = (
    "detail", "agent", "input_tokens", "cache_read_tokens", "output_tokens", "miss_cause", "error",
)  # fmt: skip


def timeline_to_dict(timeline: Timeline) -> dict[str, Any]:
    """Plain types."""
    return {
        "started_ns": timeline.started_ns,
        "wall_ns": timeline.wall_ns,
        "idle": [{"at_ns": gap.at_ns, "duration_ns": gap.duration_ns} for gap in timeline.idle],
        "contexts": [
            {
                "context": line.context,
                "agent": line.agent,
                "calls": line.calls,
                "points": [_point(point) for point in line.points],
            }
            for line in timeline.contexts
        ],
        "further_contexts": timeline.further_contexts,
        "further_calls": timeline.further_calls,
        "spans": [_row(row) for row in timeline.spans],
    }


def timeline_from_dict(data: Mapping[str, Any]) -> Timeline:
    """Read what `timeline_to_dict` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is no such document.
    """
    return Timeline(
        started_ns=data["started_ns"],
        wall_ns=data["wall_ns"],
        idle=tuple(IdleGap(**gap) for gap in data["idle"]),
        contexts=tuple(
            ContextLine(**{**line, "points": tuple(ContextPoint(**point) for point in line["points"])})
            for line in data["contexts"]
        ),
        further_contexts=data["further_contexts"],
        further_calls=data["further_calls"],
        spans=tuple(_row_from_dict(row) for row in data["spans"]),
    )


def _point(point: ContextPoint) -> dict[str, Any]:
    return {
        "call": point.call,
        "calls": point.calls,
        "event_id": point.event_id,
        "at_ns": point.at_ns,
        "size_tokens": point.size_tokens,
        "sources": dict(point.sources),
        **{name: value for name in _POINT_EXTRAS if (value := getattr(point, name))},
    }


def _row(row: SpanRow) -> dict[str, Any]:
    cost_usd = row.amount.cost_usd
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "at_ns": row.at_ns,
        "duration_ns": row.duration_ns,
        "tokens": row.amount.tokens,
        "cost_usd": usd_number(cost_usd),
        **{name: value for name in _ROW_EXTRAS if (value := getattr(row, name))},
        **({"spans": row.spans} if row.spans > 1 else {}),
    }


def _row_from_dict(data: Mapping[str, Any]) -> SpanRow:
    cost_usd = data["cost_usd"]
    amount = Amount(tokens=data["tokens"], cost_usd=None if cost_usd is None else Decimal(str(cost_usd)))
    known = {name: value for name, value in data.items() if name not in ("tokens", "cost_usd")}
    return SpanRow(**known, amount=amount)

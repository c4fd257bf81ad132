"""Sessions of the history as rows: JSON, CSV and the cells of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.session.times import NS_PER_SECOND, ns_from_iso

if TYPE_CHECKING:
    from otel_sessionopt.store.records import Figures, StoredSession

COLUMNS: Final = (
    "started", "agent", "task", "status", "tokens", "cost", "avoidable", "score", "issues", "session",
)  # fmt: skip
RIGHT: Final = frozenset({"tokens", "cost", "avoidable", "score", "issues"})
SPARE: Final = ("tokens", "status", "issues", "agent", "score")
"""Columns that a narrow terminal does without, the first of them first."""
_TASK_WIDTH: Final = 40
_TRACES_SHOWN: Final = 5
# What spreadsheets take for the beginning of a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def row_of(stored: StoredSession) -> dict[str, Any]:
    """One session as plain values. What only an analysis of its present state can tell is `None` without one."""
    session = stored.session
    figures = None if stored.is_stale else stored.figures
    cost = None if figures is None or figures.cost_usd is None else float(figures.cost_usd)
    wasted = None if figures is None or figures.waste_cost_usd is None else float(figures.waste_cost_usd)
    return {
        "id": session.id,
        "agent": session.agent,
        "task": session.task,
        "status": session.status.value,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "model": session.model,
        "events": stored.event_count,
        "total_tokens_input": session.total_tokens_input,
        "total_tokens_output": session.total_tokens_output,
        "total_tokens": session.total_tokens,
        "cost": cost,
        "efficiency_score": None if figures is None else figures.efficiency_score,
        "issue_count": None if figures is None else figures.issue_count,
        "total_waste_tokens": None if figures is None else figures.waste_tokens,
        "total_waste_cost": wasted,
        "is_recorded": session.is_recorded,
        "conversation_id": session.conversation_id,
        "trace_ids": list(session.trace_ids),
    }


def table_rows(sessions: Sequence[StoredSession]) -> list[tuple[str, ...]]:
    """The cells of `COLUMNS`; below a session of several traces those are listed."""
    from otel_sessionopt.report.session_names import short_ids

    rows: list[tuple[str, ...]] = []
    names = short_ids([stored.session.id for stored in sessions])
    for stored, name in zip(sessions, names, strict=True):
        rows.append(_cells(stored, name))
        traces = stored.session.trace_ids
        if len(traces) <= 1:
            continue
        below = [f"  trace {trace_id}" for trace_id in traces[:_TRACES_SHOWN]]
        if len(traces) > _TRACES_SHOWN:
            below.append(f"  and {len(traces) - _TRACES_SHOWN} more traces (--json lists all)")
        rows += [(*[""] * (len(COLUMNS) - 1), text) for text in below]
    return rows


def _cells(stored: StoredSession, name: str) -> tuple[str, ...]:
    from otel_sessionopt.report import figures as shown
    from otel_sessionopt.report.masking import clean_text

    session = stored.session
    figures = None if stored.is_stale else stored.figures
    is_billed = figures is not None and figures.tokens > 0
    more = "+" if figures is not None and figures.unpriced_calls and figures.cost_usd is not None else ""
    return (
        _local_time(session.started_at),
        clean_text(session.agent),
        clean_text(session.task, _TASK_WIDTH),
        session.status.value,
        f"{session.total_tokens:,}",
        f"{shown.usd(figures.cost_usd)}{more}" if is_billed and figures is not None else "–",
        "–" if figures is None else _avoidable(figures),
        "–" if figures is None else shown.score(figures.efficiency_score),
        "–" if figures is None else f"{figures.issue_count:,}",
        clean_text(name),
    )


def _avoidable(figures: Figures) -> str:
    from otel_sessionopt.report import figures as shown

    if figures.waste_cost_usd:
        return shown.usd(figures.waste_cost_usd)
    return f"{figures.waste_tokens:,} tok." if figures.waste_tokens else "–"


def _local_time(text: str) -> str:
    """`2026-01-21 14:30`: local, as in the ids that are made of it."""
    from otel_sessionopt.report.masking import clean_text

    ns = ns_from_iso(text)
    return clean_text(text) if ns is None else f"{datetime.fromtimestamp(ns / NS_PER_SECOND):%Y-%m-%d %H:%M}"


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV with a header; lists are joined by spaces, `None` is empty, no text begins like a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_cell(row[name]) for name in columns])
    return file.getvalue()


def _csv_cell(value: object) -> object:
    if isinstance(value, (list, tuple)):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value


ROW_COLUMNS: Final = (
    "id", "agent", "task", "status", "started_at", "ended_at", "model", "events", "total_tokens_input",
    "total_tokens_output", "total_tokens", "cost", "efficiency_score", "issue_count", "total_waste_tokens",
    "total_waste_cost", "is_recorded", "conversation_id", "trace_ids",
)  # fmt: skip

"""The picture of a session span by span: one row each, its place in time, and what of it was wasted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from otel_sessionopt.report import figures
from otel_sessionopt.report.html_contexts import MISS_CAUSES
from otel_sessionopt.report.html_page import offset, short_path
from otel_sessionopt.report.timeline import IdleGap, SpanRow, Timeline

_LEAST_WIDTH: Final = 0.5
_LEAST_WASTED_WIDTH: Final = 1.5
"""So that the hatching can be seen; percent, as all widths."""
_GAP_WIDTH: Final = 1.0
"""Percent of the width that an idle gap gets instead of its hours; all of them together at most `_GAPS_WIDTH`."""
_GAPS_WIDTH: Final = 25.0

KIND_NAMES: Final = {
    "AI_RESPONSE": "model call",
    "FILE_READ": "file read",
    "FILE_WRITE": "file write",
    "SEARCH": "search",
    "TOOL_CALL": "other tool call",
    "USER_MESSAGE": "user message",
}
"""Kinds of span with a colour of their own; the others share one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What an issue says about one span: which issue, and whether the span was needed all the same."""

    issue: int
    is_needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallRow:
    """One span, a fold of several, or (`idle` not empty) a gap. `x` and `width` in percent."""

    row: SpanRow | None
    idle: str = ""
    kind: str = ""
    when: str = ""
    detail: str = ""
    x: float = 0
    width: float = 0
    title: str = ""
    marks: tuple[Mark, ...] = ()
    note: str = ""

    @property
    def is_wasted(self) -> bool:
        """Whether an issue holds that it was in vain."""
        return any(not mark.is_needed for mark in self.marks)


def waterfall_rows(timeline: Timeline, marks: Mapping[str, Sequence[Mark]]) -> tuple[WaterfallRow, ...]:
    """The rows in order, idle gaps between them."""
    clock = _Clock(timeline)
    gaps = list(timeline.idle)
    rows: list[WaterfallRow] = []
    for row in timeline.spans:
        while gaps and gaps[0].at_ns + gaps[0].duration_ns <= row.at_ns:
            gap = gaps.pop(0)
            rows.append(WaterfallRow(row=None, idle=figures.duration(gap.duration_ns)))
        rows.append(_row(row, clock, tuple(marks.get(row.id, ())) if row.spans == 1 else ()))
    return tuple(rows)


def _row(row: SpanRow, clock: _Clock, marks: tuple[Mark, ...]) -> WaterfallRow:
    left, right = clock.percent(row.at_ns), clock.percent(row.at_ns + row.duration_ns)
    is_wasted = any(not mark.is_needed for mark in marks)
    width = max(right - left, _LEAST_WASTED_WIDTH if is_wasted else _LEAST_WIDTH)
    notes = []
    if row.error:
        notes.append(f"failed: {row.error}")
    if row.miss_cause:
        notes.append(f"cache miss: {MISS_CAUSES.get(row.miss_cause, row.miss_cause)}")
    return WaterfallRow(
        row=row,
        kind="fold" if row.spans > 1 else row.kind if row.kind in KIND_NAMES else "other",
        when=offset(row.at_ns),
        detail=short_path(row.detail),
        x=round(min(left, 100 - width), 2),
        width=round(width, 2),
        title=_title(row),
        marks=marks,
        note="; ".join(notes),
    )


def _title(row: SpanRow) -> str:
    if row.spans > 1:
        took = figures.duration(row.duration_ns)
        return f"{row.spans:,} spans in {took}: {row.name}\n{figures.amount(row.amount)} for their model calls"
    lines = [f"{row.name} {row.detail}".strip(), f"took {figures.duration(row.duration_ns)}"]
    if row.input_tokens or row.output_tokens:
        lines.append(
            f"{row.input_tokens:,} input ({row.cache_read_tokens:,} from the cache), {row.output_tokens:,} output"
        )
    elif row.amount.tokens:
        lines.append(f"brought {figures.count(row.amount.tokens, 'token')}")
    return "\n".join(lines)


class _Clock:
    """Where on the axis a moment is: idle gaps are cut to a sliver, or a night would hide the work before it."""

    def __init__(self, timeline: Timeline) -> None:
        self._gaps: tuple[IdleGap, ...] = timeline.idle
        self._ends = [gap.at_ns + gap.duration_ns for gap in self._gaps]
        self._gap_width = min(_GAP_WIDTH, _GAPS_WIDTH / len(self._gaps)) if self._gaps else 0.0
        self._active_ns = max(timeline.wall_ns - sum(gap.duration_ns for gap in self._gaps), 1)
        self._scale = (100 - self._gap_width * len(self._gaps)) / self._active_ns

    def percent(self, at_ns: int) -> float:
        """0–100."""
        over = bisect_right(self._ends, at_ns)
        idle_ns = sum(gap.duration_ns for gap in self._gaps[:over])
        if over < len(self._gaps) and at_ns > self._gaps[over].at_ns:
            idle_ns += at_ns - self._gaps[over].at_ns  # within a gap: a span that waited
        return min(max((at_ns - idle_ns) * self._scale + over * self._gap_width, 0.0), 100.0)

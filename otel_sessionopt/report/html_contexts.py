"""The picture of contexts: the size of every prompt, stacked by what it consisted of, and what happened before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otel_sessionopt.report import figures
from otel_sessionopt.report.ledger_view import SOURCE_NAMES
from otel_sessionopt.report.timeline import ContextLine, ContextPoint

WIDTH: Final = 1000
"""Units of a plot across, whatever its width on the screen."""
_HEIGHT: Final = 220
_SMALL_HEIGHT: Final = 90
_TICKS: Final = 5
_SOURCES_TOLD: Final = 4
"""On hover; the table has all of them."""
MISS_CAUSES: Final = {
    "model_changed": "the model changed",
    "compacted": "the conversation was compacted or cleared",
    "not_written": "the call before had not written it",
    "concurrent": "the call before was still running",
    "other_prompt": "another prompt",
    "thoughts_dropped": "earlier thoughts were dropped",
    "idle": "idle for longer than the cache lives",
    "tools_changed": "tool definitions changed",
    "prefix_changed": "something early in the prompt changed",
}
"""Why a prompt was not read from the cache, as people read it."""
_EXPECTED: Final = frozenset({"model_changed", "compacted", "not_written", "concurrent", "other_prompt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One source over all calls. `path` is in units of the plot."""

    source: str
    name: str
    path: str
    largest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One point: where it stands, and all its numbers."""

    x: float
    width: float
    middle: float
    title: str
    when_ns: int
    point: ContextPoint
    miss: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis; `at` in units down, or in percent across."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPicture:
    """Everything a template needs to draw one context."""

    number: int
    name: str
    height: int
    layers: tuple[Layer, ...]
    bars: tuple[Bar, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    sentence: str
    is_folded: bool


def context_pictures(lines: tuple[ContextLine, ...]) -> tuple[ContextPicture, ...]:
    """The first context large, the others small."""
    return tuple(
        _picture(number, line, _SMALL_HEIGHT if number > 1 else _HEIGHT) for number, line in enumerate(lines, start=1)
    )


def _picture(number: int, line: ContextLine, height: int) -> ContextPicture:
    points = line.points
    top = _nice_top(max((point.size_tokens for point in points), default=0))
    sources = [source for source in SOURCE_NAMES if any(source in point.sources for point in points)]
    edges = [round(WIDTH * index / len(points), 1) for index in range(len(points) + 1)]
    floors = [0] * len(points)
    layers = []
    for source in sources:
        sizes = [point.sources.get(source, 0) for point in points]
        tops = [floor + size for floor, size in zip(floors, sizes, strict=True)]
        layers.append(
            Layer(
                source=source,
                name=SOURCE_NAMES[source],
                path=_area(edges, [_y(each, top, height) for each in floors], [_y(each, top, height) for each in tops]),
                largest=max(sizes),
            )
        )
        floors = tops
    return ContextPicture(
        number=number,
        name=line.agent or ("main conversation" if number == 1 else f"context {number}"),
        height=height,
        layers=tuple(layers),
        bars=tuple(
            Bar(
                x=edges[index],
                width=round(edges[index + 1] - edges[index], 1),
                middle=round((edges[index] + edges[index + 1]) / 2 / WIDTH * 100, 2),
                title=_title(point),
                when_ns=point.at_ns,
                point=point,
                miss=_miss_kind(point),
            )
            for index, point in enumerate(points)
        ),
        rows=tuple(
            Tick(at=_y(value, top, height), label=short_count(value))
            for value in ((0, top // 2, top) if height < _HEIGHT else (0, top // 4, top // 2, top * 3 // 4, top))
        ),
        columns=_columns(points),
        sentence=_sentence(line),
        is_folded=any(point.calls > 1 for point in points),
    )


def _y(value: int, top: int, height: int) -> float:
    return round(height * (1 - value / top), 1)


def _area(edges: list[float], floors: list[float], tops: list[float]) -> str:
    """A stepped area: along the tops from left to right, and back along the floors."""
    there = "".join(f"V{y:g}H{right:g}" for y, right in zip(tops, edges[1:], strict=True))
    back = "".join(f"V{y:g}H{left:g}" for y, left in zip(reversed(floors), reversed(edges[:-1]), strict=True))
    return f"M0 {floors[0]:g}{there}{back}Z"


def _columns(points: tuple[ContextPoint, ...]) -> tuple[Tick, ...]:
    count = len(points)
    shown = sorted({round(place * (count - 1) / (_TICKS - 1)) for place in range(_TICKS)})
    return tuple(Tick(at=round((index + 0.5) / count * 100, 2), label=f"{points[index].call:,}") for index in shown)


def _title(point: ContextPoint) -> str:
    calls = f"Call {point.call:,}"
    if point.calls > 1:
        calls += f", the largest of {point.calls:,} calls"
    largest = sorted(point.sources.items(), key=lambda each: -each[1])[:_SOURCES_TOLD]
    parts = [f"{SOURCE_NAMES.get(source, source)} {tokens:,}" for source, tokens in largest]
    lines = [f"{calls}: {figures.count(point.size_tokens, 'token')}", ", ".join(parts)]
    lines += marks_of(point)
    return "\n".join(lines)


def marks_of(point: ContextPoint) -> list[str]:
    """What happened before a call, one sentence each."""
    marks = []
    if point.missed_tokens:
        cause = MISS_CAUSES.get(point.miss_cause or "", "unknown cause")
        marks.append(f"cache miss of {point.missed_tokens:,} tokens: {cause}")
    if point.compactions:
        marks.append("compaction" if point.compactions == 1 else f"{point.compactions} compactions")
    if point.idle_ns:
        marks.append(f"idle for {figures.duration(point.idle_ns)}")
    return marks


def _miss_kind(point: ContextPoint) -> str:
    """`loss` where something went wrong, `expected` where nothing could be read, `""` without a miss."""
    if not point.missed_tokens:
        return ""
    return "expected" if point.miss_cause in _EXPECTED else "loss"


def _sentence(line: ContextLine) -> str:
    points = line.points
    largest = max(points, key=lambda point: point.size_tokens)
    missed = [point for point in points if point.missed_tokens]
    calls = figures.count(line.calls, "call")
    if largest.size_tokens == points[0].size_tokens:
        parts = [f"{calls}; the largest prompt, at the beginning, had {largest.size_tokens:,} tokens"]
    else:
        parts = [
            f"{calls}; the prompt grew from {points[0].size_tokens:,} to at most {largest.size_tokens:,} tokens "
            f"at call {largest.call:,}"
        ]
    if missed:
        tokens = sum(point.missed_tokens for point in missed)
        parts.append(f"{figures.count(len(missed), 'place')} with cache misses of {tokens:,} tokens")
    compactions = sum(point.compactions for point in points)
    if compactions:
        parts.append(figures.count(compactions, "compaction"))
    pauses = sum(point.idle_ns > 0 for point in points)
    if pauses:
        parts.append(figures.count(pauses, "idle gap"))
    return "; ".join(parts) + "."


def _nice_top(largest: int) -> int:
    """The least round number with round quarters that is not below `largest`."""
    power = 100
    while True:
        for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8):
            if factor * power >= largest:
                return int(factor * power)
        power *= 10


def short_count(value: float) -> str:
    """`0`, `800`, `12k`, `1.5M`."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:.3g}M"
    return f"{value / 1_000:.3g}k" if value >= 1_000 else f"{value:g}"

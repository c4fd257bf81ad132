"""Contexts call by call: how large each prompt was, what it consisted of, and what happened before it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from otel_sessionopt.report.masking import clean_text
from otel_sessionopt.report.timeline import MOST_CONTEXTS, ContextLine, ContextPoint, IdleGap
from otel_sessionopt.session.facts.cache import CacheMiss, MissCause, cache_misses
from otel_sessionopt.session.facts.compactions import compactions
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_items import Source
from otel_sessionopt.session.facts.ledger_sharing import share

if TYPE_CHECKING:
    from otel_sessionopt.session import Session
    from otel_sessionopt.session.facts.ledger_context import ContextLedger

MOST_POINTS: Final = 120
"""Of the first context: with more, bars of a picture of usual width have no place between them."""
MOST_FURTHER_POINTS: Final = 40
"""Of every other one: those pictures are small."""


def context_lines(
    session: Session, idle: Sequence[IdleGap], origin_ns: int
) -> tuple[tuple[ContextLine, ...], int, int]:
    """The largest contexts by billed prompts, the largest first; how many others there are, and their calls.

    What was recorded by hand has no context.
    """
    found = [context for context in ledger(session).contexts if context.context and context.calls]
    found.sort(key=lambda context: -sum(context.sizes))
    misses = {miss.call.event.id: miss for miss in cache_misses(session)}
    lines = tuple(
        _line(session, context, misses, idle, origin_ns, MOST_FURTHER_POINTS if number else MOST_POINTS)
        for number, context in enumerate(found[:MOST_CONTEXTS])
    )
    rest = found[MOST_CONTEXTS:]
    return lines, len(rest), sum(len(context.calls) for context in rest)


def _line(
    session: Session,
    context: ContextLedger,
    misses: Mapping[str, CacheMiss],
    idle: Sequence[IdleGap],
    origin_ns: int,
    most_points: int,
) -> ContextLine:
    calls = len(context.calls)
    width = -(-calls // most_points)
    composition = _Composition(context)
    starts = [call.event.start_ns or origin_ns for call in context.calls]
    compacted = sorted(each.start_ns for each in compactions(session, context))
    resumed = [gap.at_ns + gap.duration_ns + origin_ns for gap in idle]
    points = []
    for first in range(0, calls, width):
        last = min(first + width, calls) - 1
        # Most often a point is one call.
        shown = first if width == 1 else max(range(first, last + 1), key=lambda index: (context.sizes[index], -index))
        event = context.calls[shown].event
        missed = [
            miss
            for call in context.calls[first : last + 1]
            if (miss := misses.get(call.event.id)) is not None and miss.cause is not MissCause.FIRST_CALL
        ]
        before_ns = starts[first - 1] if first else starts[0]
        points.append(
            ContextPoint(
                call=shown + 1,
                calls=last + 1 - first,
                event_id=clean_text(event.id),
                at_ns=starts[shown] - origin_ns,
                size_tokens=context.sizes[shown],
                sources=composition.of(shown),
                missed_tokens=sum([miss.tokens for miss in missed]),
                miss_cause=max(missed, key=lambda miss: miss.tokens).cause.value if missed else None,
                compactions=_between(compacted, before_ns, starts[last]) if compacted else 0,
                idle_ns=_idle_between(idle, resumed, before_ns, starts[last]) if idle else 0,
            )
        )
    return ContextLine(
        context=context.context, agent=clean_text(context.agent or ""), calls=calls, points=tuple(points)
    )


def _idle_between(idle: Sequence[IdleGap], resumed: Sequence[int], after_ns: int, until_ns: int) -> int:
    gaps = idle[bisect_left(resumed, after_ns + 1) : bisect_left(resumed, until_ns + 1)]
    return sum([gap.duration_ns for gap in gaps])


def _between(moments: Sequence[int], after_ns: int, until_ns: int) -> int:
    return bisect_left(moments, until_ns + 1) - bisect_left(moments, after_ns + 1)


class _Composition:
    """What the prompts of a context consisted of, by source."""

    def __init__(self, context: ContextLedger) -> None:
        self._context = context
        # By name of the source.
        self._entering: dict[int, dict[str, int]] = {}
        self._carried: dict[str, Sequence[int]] = {}
        calls = len(context.calls)
        changes: dict[str, list[int]] = {}
        table = context.table
        rows = zip(table.sources, table.tokens, table.weights, table.entries, table.ends, strict=True)
        for source, tokens, weight, entry, end in rows:
            name = _NAMES[source]
            here = self._entering.setdefault(entry, {})
            here[name] = here.get(name, 0) + tokens
            if end > entry + 1:
                change = changes.get(name)
                if change is None:
                    change = changes[name] = [0] * (calls + 1)
                change[entry + 1] += weight
                change[end] -= weight
        for name, change in changes.items():
            self._carried[name] = list(accumulate(change))

    def of(self, index: int) -> dict[str, int]:
        """Tokens by source of the prompt of one call; they add up to it."""
        size = self._context.sizes[index]
        new = self._entering.get(index, {})
        if index in self._context.aside:
            return _shared(size, new)
        entered = min(sum(new.values()), size)
        weights = {name: column[index] for name, column in self._carried.items() if column[index] > 0}
        if not weights:
            return _shared(size, new)
        sizes = _shared(entered, new)
        for name, tokens in _shared(size - entered, weights).items():
            sizes[name] = sizes.get(name, 0) + tokens
        return {name: sizes[name] for name in _PLACES if name in sizes}


# Read once: an enum computes its values in Python.
_NAMES: Final = {source: source.value for source in Source}
_UNATTRIBUTED: Final = Source.UNATTRIBUTED.value
_PLACES: Final = tuple(_NAMES.values())


def _shared(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`amount` in proportion to weights; unattributed where there are none."""
    total = sum(weights.values())
    if not total:
        return {_UNATTRIBUTED: amount} if amount else {}
    if total == amount:  # what enters most often does not need to be shared
        return {name: part for name, part in weights.items() if part}
    parts = zip(weights, share(amount, list(weights.values())), strict=True)
    return {name: part for name, part in parts if part}

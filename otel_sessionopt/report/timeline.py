"""What the pictures of a report are drawn from: contexts call by call, spans, idle gaps. Bounded for any session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_sessionopt.report.parts import Amount
from otel_sessionopt.session.facts.activity import IDLE_GAP_NS, activity

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.issue import EfficiencyIssue
    from otel_sessionopt.session import Session

MOST_CONTEXTS: Final = 6
"""Contexts that are drawn, the largest; the others are counted. More small pictures than that nobody compares."""
MOST_SPANS: Final = 240
"""Rows of spans. A page of 1,000 events stays under 300 KB with them, and a person does not scroll further."""
MOST_IDLE_GAPS: Final = 100
"""The longest ones; a year of daily pauses would need no more marks than a screen has places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleGap:
    """Time in which nothing was in progress, longer than a prompt cache usually lives."""

    at_ns: int
    duration_ns: int


class ContextPoint(NamedTuple):
    """The prompt of one model call, or of the largest of several consecutive ones.

    Attributes:
        call: number of the call in its context, from 1.
        calls: consecutive calls that the point stands for.
        event_id: of the call; `at_ns` when it started.
        size_tokens: its prompt; `sources` is the same by what it consisted of, and adds up to it.
        missed_tokens: prompt tokens of all these calls that a cache could have held and did not give.
        miss_cause: why, of the largest miss; see `MissCause`.
        compactions: between the call before and the last of these calls.
        idle_ns: idle time there.
    """

    call: int
    calls: int
    event_id: str
    at_ns: int
    size_tokens: int
    sources: Mapping[str, int]
    missed_tokens: int = 0
    miss_cause: str | None = None
    compactions: int = 0
    idle_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextLine:
    """One context (a conversation; sub-agents have their own) over its model calls."""

    context: str
    agent: str
    calls: int
    points: tuple[ContextPoint, ...]


# Every span of a short session has one: a tuple takes half the time of a frozen dataclass.
class SpanRow(NamedTuple):
    """One span, or several consecutive ones folded into a row.

    Attributes:
        id: of the (first) event.
        kind: its `EventType`.
        name: tool, or what else it was; of folded ones which and how many.
        detail: file and lines, query, command or model.
        agent: whose context it is in.
        at_ns, duration_ns: when it started, how long it took.
        tokens: input and output of a model call; otherwise the size of what the span put into the context.
        cost_usd inside `amount`: what a model call was billed; of other spans what all later calls were billed for
            carrying their result, which is part of the bill of those calls. Folded rows add up their model calls.
        input_tokens, cache_read_tokens, output_tokens: of model calls.
        miss_cause: why a model call was not read from the cache.
        error: type, where it failed.
        spans: how many the row stands for.
    """

    id: str
    kind: str
    name: str
    detail: str = ""
    agent: str = ""
    at_ns: int = 0
    duration_ns: int = 0
    amount: Amount = Amount()
    input_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0
    miss_cause: str | None = None
    error: str | None = None
    spans: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A session over time. All times are ns from `started_ns`.

    Attributes:
        started_ns: epoch ns of the first event; `None` when no event has a time, and then all times are 0.
        wall_ns: to the end of the last event.
        idle: gaps in order.
        contexts: the largest by billed prompts.
        further_contexts, further_calls: what is not in `contexts`.
        spans: in order of start: evidence of issues and the dearest ones by themselves, the others folded.
    """

    started_ns: int | None
    wall_ns: int
    idle: tuple[IdleGap, ...]
    contexts: tuple[ContextLine, ...]
    further_contexts: int
    further_calls: int
    spans: tuple[SpanRow, ...]


class TimelineSource:
    """A timeline, or how to make it when it is first asked for.

    Drawing takes a tenth of the time of a report, and its text forms never show it.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, made: Timeline | None = None, make: Callable[[], Timeline | None] | None = None) -> None:
        self._made = made
        self._make = make

    def get(self) -> Timeline | None:
        """The timeline; what it was made of is let go."""
        make = self._make
        if make is not None:
            self._made = make()
            self._make = None
        return self._made

    def __reduce__(self) -> tuple[type[TimelineSource], tuple[Timeline | None]]:
        return TimelineSource, (self.get(),)


def timeline_of(session: Session, issues: Sequence[EfficiencyIssue]) -> Timeline | None:
    """What of a session its pictures show; `None` where there is no event.

    Args:
        session: is not changed.
        issues: the ones that matter first: the evidence of the first ones is surest to be shown.
    """
    if not session.events:
        return None
    # Here, because they make the shapes above.
    from otel_sessionopt.report.timeline_contexts import context_lines
    from otel_sessionopt.report.timeline_spans import span_rows

    starts = [event.start_ns for event in session.events if event.start_ns is not None]
    started_ns = min(starts, default=None)
    origin_ns = started_ns or 0
    ends_ns = (event.end_ns for event in session.events if event.end_ns is not None)
    spent = activity(session)
    idle = [
        IdleGap(at_ns=at_ns - origin_ns, duration_ns=length)
        for at_ns, length in zip(spent.idle_starts, spent.idle_gaps, strict=True)
    ]
    contexts, further_contexts, further_calls = context_lines(session, idle, origin_ns)
    return Timeline(
        started_ns=started_ns,
        wall_ns=max(max(ends_ns, default=origin_ns) - origin_ns, 0),
        idle=_longest(idle),
        contexts=contexts,
        further_contexts=further_contexts,
        further_calls=further_calls,
        spans=span_rows(session, issues, origin_ns),
    )


def _longest(idle: Sequence[IdleGap]) -> tuple[IdleGap, ...]:
    kept = sorted(idle, key=lambda gap: -gap.duration_ns)[:MOST_IDLE_GAPS]
    return tuple(sorted(kept, key=lambda gap: gap.at_ns))


def merge_timelines(timelines: Sequence[Timeline], evidence: Sequence[str]) -> Timeline | None:
    """The timelines of several traces of one session as one; `evidence` are span ids that stay by themselves."""
    from otel_sessionopt.report.timeline_spans import fold_rows

    if not timelines:
        return None
    starts = [each.started_ns for each in timelines if each.started_ns is not None]
    started_ns = min(starts, default=None)
    shifts = [0 if each.started_ns is None else each.started_ns - (started_ns or 0) for each in timelines]
    rows = [
        row._replace(at_ns=row.at_ns + shift)
        for each, shift in zip(timelines, shifts, strict=True)
        for row in each.spans
    ]
    lines = [
        replace(line, points=tuple(point._replace(at_ns=point.at_ns + shift) for point in line.points))
        for each, shift in zip(timelines, shifts, strict=True)
        for line in each.contexts
    ]
    gaps = [
        replace(gap, at_ns=gap.at_ns + shift)
        for each, shift in zip(timelines, shifts, strict=True)
        for gap in each.idle
    ]
    largest = sorted(lines, key=lambda line: -sum(point.size_tokens * point.calls for point in line.points))
    kept, rest = largest[:MOST_CONTEXTS], largest[MOST_CONTEXTS:]
    return Timeline(
        started_ns=started_ns,
        wall_ns=max(each.wall_ns + shift for each, shift in zip(timelines, shifts, strict=True)),
        idle=_longest([*_pauses_between(timelines, shifts), *gaps]),
        contexts=tuple(line for line in lines if line in kept),
        further_contexts=len(rest) + sum(each.further_contexts for each in timelines),
        further_calls=sum(line.calls for line in rest) + sum(each.further_calls for each in timelines),
        spans=fold_rows(sorted(rows, key=lambda row: row.at_ns), frozenset(evidence)),
    )


def _pauses_between(timelines: Sequence[Timeline], shifts: Sequence[int]) -> list[IdleGap]:
    """Idle time between traces, which no trace by itself shows."""
    pauses: list[IdleGap] = []
    busy_until = 0
    for at_ns, end_ns in sorted((shift, shift + each.wall_ns) for each, shift in zip(timelines, shifts, strict=True)):
        if at_ns - busy_until > IDLE_GAP_NS:
            pauses.append(IdleGap(at_ns=busy_until, duration_ns=at_ns - busy_until))
        busy_until = max(busy_until, end_ns)
    return pauses

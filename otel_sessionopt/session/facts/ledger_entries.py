"""What came into a conversation before each of its calls: results, messages, and what the call before had written."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from otel_sessionopt.session.facts.ledger_calls import ContextCalls, compaction_position
from otel_sessionopt.session.model import EventType, SessionEvent

_AI_RESPONSE: Final = EventType.AI_RESPONSE
_THINKING: Final = EventType.THINKING
_USER_MESSAGE: Final = EventType.USER_MESSAGE
_NOTHING: Final[tuple[SessionEvent, ...]] = ()


class Arrivals:
    """Events by the position of the call whose prompt first held them, to be taken in the order of calls."""

    __slots__ = ("_at", "_events", "_positions")

    def __init__(self) -> None:
        self._events: list[SessionEvent] = []
        self._positions: list[int] = []
        self._at = 0

    def put(self, position: int, event: SessionEvent) -> None:
        """Add an event, after those that came before it in the session."""
        self._positions.append(position)
        self._events.append(event)

    def arrange(self) -> None:
        """Order by position, once all are there. Calls that take long end after those that started later."""
        positions = self._positions
        if any(map(int.__gt__, positions, positions[1:])):
            order = sorted(range(len(positions)), key=positions.__getitem__)
            self._events = [self._events[i] for i in order]
            self._positions = [positions[i] for i in order]
        self._positions.append(-1)  # stops `take`

    def take(self, position: int) -> Sequence[SessionEvent]:
        """The events at a position, after everything before it was taken."""
        positions = self._positions
        start = at = self._at
        if positions[at] != position:
            return _NOTHING
        while positions[at] == position:
            at += 1
        self._at = at
        return self._events[start:at]


class Entries:
    """What entered one conversation, by the position of the call among those that carry it.

    Attributes:
        starts: when those calls started.
        results: events whose content entered: tool results, messages, attached files.
        written: tool calls whose arguments entered, as part of what the call before wrote.
        thoughts: thinking that the call before did.
        compactions: the last compaction before a call.
    """

    __slots__ = ("compactions", "results", "starts", "thoughts", "written")

    def __init__(self, starts: Sequence[int]) -> None:
        self.starts = starts
        self.results = Arrivals()
        self.written = Arrivals()
        self.thoughts = Arrivals()
        self.compactions: dict[int, SessionEvent] = {}


def find_entries(groups: Mapping[str, ContextCalls], events: Iterable[SessionEvent]) -> dict[str, Entries]:
    """What entered each conversation, by context. Contexts without a conversation are not among them."""
    found = {context: Entries(group.starts()) for context, group in groups.items() if group.main}
    for event in events:
        kind = event.event_type
        if kind is _AI_RESPONSE:
            continue
        entries = found.get(event.context)
        if entries is None or event.start_ns is None:
            continue
        if event.tool is not None or event.arguments_tokens is not None:
            _put_tool_call(entries, event, event.start_ns)
        elif kind is _THINKING:
            _put(entries, entries.thoughts, bisect_right(entries.starts, event.start_ns), event)
        elif not event.is_compaction and (event.content_tokens is not None or kind is _USER_MESSAGE):
            _put(entries, entries.results, bisect_left(entries.starts, event.end_ns or event.start_ns), event)
    for context, entries in found.items():
        for arrivals in (entries.results, entries.written, entries.thoughts):
            arrivals.arrange()
        for event in groups[context].compactions:
            entries.compactions[compaction_position(entries.starts, event)] = event
    return found


def _put_tool_call(entries: Entries, event: SessionEvent, start_ns: int) -> None:
    """The result of a call enters when it is there; what the model wrote to make the call, with the next call."""
    starts = entries.starts
    answered = bisect_left(starts, start_ns if event.end_ns is None else event.end_ns)
    written = min(bisect_right(starts, start_ns), answered)
    if answered < len(starts):
        entries.results.put(answered, event)
    if 0 < written < len(starts):
        entries.written.put(written, event)


def _put(entries: Entries, arrivals: Arrivals, position: int, event: SessionEvent) -> None:
    if position < len(entries.starts):  # nobody paid for what comes after the last call
        arrivals.put(position, event)

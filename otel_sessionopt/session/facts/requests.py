"""Requests: which model call asked for which tool calls, and which model calls did nothing else."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from otel_sessionopt.session.facts.contexts import context_events
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.model import EventType, Session, SessionEvent

TOOL_TYPES: Final = frozenset({EventType.TOOL_CALL, EventType.FILE_READ, EventType.FILE_WRITE, EventType.SEARCH})
"""Types of the events that are tool calls."""

# "Let me look at that again": what a model says along with a tool call. A longer text is an answer of its own.
_REMARK_TOKENS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Tool calls and the billed model calls that asked for them.

    Attributes:
        call_of: by id of a tool call, the model call that asked for it. Absent where no call that carries the
            conversation came before.
        events_of: by id of a model call, the tool calls it asked for, in order.
    """

    call_of: Mapping[str, SessionEvent]
    events_of: Mapping[str, tuple[SessionEvent, ...]]

    def calls_for(self, event_ids: Collection[str], beside: Collection[str] = ()) -> tuple[SessionEvent, ...]:
        """The model calls that did nothing but ask for these tool calls and those `beside`, in their order.

        Each asked for one of the former at least. A call that also asked for another one, or that said more than a
        remark, is not among them.
        """
        calls = {call.id: call for each in event_ids if (call := self.call_of.get(each)) is not None}
        return tuple(
            call
            for call in sorted(calls.values(), key=lambda call: (call.start_ns or 0, call.id))
            if (call.content_tokens or 0) <= _REMARK_TOKENS
            and all(event.id in event_ids or event.id in beside for event in self.events_of[call.id])
        )


def requests(session: Session) -> Requests:
    """Who asked for what. It is the last call of the same conversation that started before the tool did.

    Side requests (a title, whether a command is safe) are passed over. Nothing is known of recordings by hand.
    """
    return session.fact(_compute_requests)


def _compute_requests(session: Session) -> Requests:
    call_of: dict[str, SessionEvent] = {}
    events_of: defaultdict[str, list[SessionEvent]] = defaultdict(list)
    events = context_events(session)
    for context in ledger(session).contexts:
        calls = [call.event for index, call in enumerate(context.calls) if index not in context.aside]
        starts = [call.start_ns or 0 for call in calls]
        for event in events.get(context.context, ()) if context.context else ():
            if event.event_type in TOOL_TYPES and event.start_ns is not None:
                # A call that began when the tool was done is the one that answers it.
                ended_ns = event.start_ns if event.end_ns is None else event.end_ns
                position = min(bisect_right(starts, event.start_ns), bisect_left(starts, ended_ns))
                if position:
                    call = calls[position - 1]
                    call_of[event.id] = call
                    events_of[call.id].append(event)
    return Requests(call_of=call_of, events_of={call_id: tuple(asked) for call_id, asked in events_of.items()})

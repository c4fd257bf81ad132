"""Continuity: whether one model call carries on the conversation of another, as far as their numbers show it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.contexts import context_events
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.model import EventType, Session, SessionEvent

# A prompt of which the cache holds more than this share of the one before has that one in front of it.
_SHARED_RATIO: Final = 0.5
# What a call wrote is at least half there in the next prompt, if it is: thoughts may be left out.
_KEPT_RATIO: Final = 0.5
# Without a cache, growth by less than this may be chance: prompts made from a template differ by a few words.
_TELLING_TOKENS: Final = 50


class Step(NamedTuple):
    """Two calls of one conversation, one after the other, and the calls around them.

    Attributes:
        earlier: the call before `before`; `None` at the beginning.
        later: the call after `call`; `None` at the end.
        between: messages, errors and compactions after `before` had started and before `call` did. Where both are said
            to have started at once, those before `call` ended.
    """

    earlier: CallBill | None
    before: CallBill
    call: CallBill
    later: CallBill | None
    between: tuple[SessionEvent, ...]

    @property
    def growth(self) -> int:
        """Tokens by which the prompt grew."""
        return self.call.event.tokens_input - self.before.event.tokens_input

    @property
    def is_of_agent(self) -> bool:
        """Whether nobody spoke and nothing was compacted between the two, and the second began after the first ended.

        What goes on then is the agent's, or its client's, own doing.
        """
        if not _is_after(self.before, self.call):
            return False
        return not any(each.event_type is EventType.USER_MESSAGE or each.is_compaction for each in self.between)

    @property
    def is_in_conversation(self) -> bool:
        """Whether the calls around show that answers stay in the prompt, as they do in a conversation."""
        return (self.earlier is not None and carries_on(self.earlier, self.before)) or (
            self.later is not None and carries_on(self.call, self.later)
        )


@dataclass(frozen=True)
class CallRow:
    """The calls of one context that carry its conversation, in order. Side requests are not among them.

    Attributes:
        calls: the calls.
        events: everything that happened in the context.
    """

    calls: Sequence[CallBill]
    events: Sequence[SessionEvent]

    def step(self, index: int) -> Step:
        """The step from the call with this index to the next one; `IndexError` at the end."""
        calls = self.calls
        before, call = calls[index], calls[index + 1]
        starts, others = self._beside
        began, begins = before.event.start_ns or 0, call.event.start_ns or 0
        first = bisect_right(starts, began)  # what began with a call is what it answers
        last = bisect_right(starts, begins if begins > began else call.event.end_ns or begins)
        return Step(
            calls[index - 1] if index else None,
            before,
            call,
            calls[index + 2] if index + 2 < len(calls) else None,
            tuple(others[first:last]),
        )

    @cached_property
    def _beside(self) -> tuple[list[int], list[SessionEvent]]:
        """Starts of messages, errors and compactions, and those."""
        others = [event for event in self.events if event.start_ns is not None and _is_beside(event)]
        others.sort(key=lambda event: event.start_ns or 0)
        return [event.start_ns or 0 for event in others], others


def call_rows(session: Session) -> Mapping[str, CallRow]:
    """The calls of each context that carry its conversation. Recordings by hand have none."""
    return session.fact(_compute_call_rows)


def carries_on(before: CallBill, call: CallBill) -> bool:
    """Whether the prompt of a call has the prompt and the answer of another one in it, as far as numbers can show."""
    size = before.event.tokens_input
    growth = call.event.tokens_input - size
    if growth <= 0 or growth < _KEPT_RATIO * visible_output(before):
        return False
    cached = call.tokens[PriceClass.CACHE_READ]
    return cached > _SHARED_RATIO * size if cached else visible_output(before) >= _TELLING_TOKENS


def visible_output(call: CallBill) -> int:
    """Tokens of a call's output that are no thoughts."""
    return max(call.tokens[PriceClass.OUTPUT] - (call.event.reasoning_tokens or 0), 0)


def _compute_call_rows(session: Session) -> Mapping[str, CallRow]:
    events = context_events(session)
    return {
        each.context: CallRow(
            [call for index, call in enumerate(each.calls) if index not in each.aside] if each.aside else each.calls,
            events[each.context],
        )
        for each in ledger(session).contexts
        if each.context
    }


def _is_after(before: CallBill, call: CallBill) -> bool:
    """Whether a call began when the other one had ended.

    Transcripts tell when an answer was there, not when it was asked for: two answers to one message begin with it. The
    second one came later if it read from the cache what the first one had written.
    """
    ended, started = before.event.end_ns, call.event.start_ns
    if ended is None or started is None:
        return False
    written = before.tokens[PriceClass.CACHE_WRITE] + before.tokens[PriceClass.CACHE_WRITE_1H]
    has_read_it = written > 0 and call.tokens[PriceClass.CACHE_READ] >= before.tokens[PriceClass.CACHE_READ] + written
    return started >= ended or (started == before.event.start_ns and has_read_it)


def _is_beside(event: SessionEvent) -> bool:
    return event.event_type in (EventType.USER_MESSAGE, EventType.ERROR) or event.is_compaction

"""Compactions: where a conversation was replaced by something much shorter, and which model call came next."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.cache import conversation_calls
from otel_sessionopt.session.facts.contexts import context_events
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import Session, SessionEvent

# Without an event that tells, a prompt below this share of the one before was compacted or cleared. Source: what
# published detectors of compactions use (a drop of over 40 %).
_KEPT_RATIO: Final = 0.6
# And only from this size on: smaller prompts are not compacted, but different ones.
_MIN_PROMPT_TOKENS: Final = 10_000


class Compaction(NamedTuple):
    """One compaction of a context.

    Attributes:
        event: the event that tells of it; `None` where only the prompt does. It is a model call where it was billed.
        start_ns: when it was.
        later: the calls of the conversation after it, in order, until the end or the next compaction; at least one.
        is_last: no other one follows in this context.
    """

    event: SessionEvent | None
    start_ns: int
    later: tuple[SessionEvent, ...]
    is_last: bool


def compactions(session: Session, context: ContextLedger) -> Iterator[Compaction]:
    """The compactions of one context after which its conversation went on, in order."""
    indices = conversation_calls(context)
    calls = [context.calls[index].event for index in indices]
    starts = [call.start_ns or 0 for call in calls]
    found: dict[int, SessionEvent | None] = {}
    for position, (before, index) in enumerate(pairwise(indices), 1):
        size = context.sizes[before]
        if size >= _MIN_PROMPT_TOKENS and context.sizes[index] < _KEPT_RATIO * size:
            found[position] = None
    for event in context_events(session).get(context.context, ()) if calls else ():
        if event.is_compaction and event.start_ns is not None:
            # One that is itself a call of the conversation comes before the next.
            search = bisect_right if event.id in bill(session).call_by_id else bisect_left
            position = search(starts, event.start_ns)
            if 0 < position < len(calls):
                found[position] = event
    for position, following in pairwise([*sorted(found), len(calls)]):
        told = found[position]
        start_ns = starts[position] if told is None or told.start_ns is None else told.start_ns
        yield Compaction(told, start_ns, tuple(calls[position:following]), following == len(calls))

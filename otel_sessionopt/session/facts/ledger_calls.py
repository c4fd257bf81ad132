"""The billed calls of each context, and which of them carry its conversation on."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from otel_sessionopt.session.events import UNATTRIBUTED
from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.ledger_amounts import CLASSES
from otel_sessionopt.session.facts.ledger_items import Source, recorded_source
from otel_sessionopt.session.model import EventType, SessionEvent

# A prompt that is smaller than this share of the one before, and is followed by one that is not, stands beside the
# conversation. Stripped thoughts and cleared tool results leave more, or do not come back.
_RETURN_RATIO: Final = 0.9
# How many calls in a row may stand beside the conversation before it goes on. Clients ask one or two such questions at
# a time (a title, whether a command is safe). The bound can leave a side request unseen: then nothing explains it.
_MAX_ASIDE: Final = 8
# The same for prompts that are larger than the conversation: those are rare, and a large result that is soon cleared
# looks much like one.
_MAX_ASIDE_LARGER: Final = 2
# Smaller jumps up and down are long thoughts that are dropped when a person answers.
_LARGER_RATIO: Final = 1.2
_LARGER_TOKENS: Final = 5_000
# A prompt of which the cache holds more than this share of the conversation is the conversation.
_SHARED_RATIO: Final = 0.5
# A small first call of another model (a title, a topic) before the conversation begins.
_OPENING_RATIO: Final = 2

_INPUT: Final = CLASSES[:4]
_OUTPUT: Final = CLASSES[4]


@dataclass(slots=True)
class ContextCalls:
    """The billed calls of one context, in the order of their starts.

    Attributes:
        context: its id; empty for what was recorded by hand.
        calls: all of them.
        sizes: their prompts in tokens.
        alone: by index, what those are billed for that carry no conversation.
        main: indices of the others, in order.
        compactions: events after which the conversation is another one, in order of their starts.
    """

    context: str
    calls: list[CallBill] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    alone: dict[int, Source] = field(default_factory=dict)
    main: list[int] = field(default_factory=list)
    compactions: list[SessionEvent] = field(default_factory=list)

    @property
    def agent(self) -> str | None:
        """Name of the agent whose context it is."""
        return next((call.event.agent for call in self.calls if call.event.agent), None)

    def starts(self) -> list[int]:
        """When the calls that carry the conversation started."""
        calls = self.calls
        return [calls[i].event.start_ns or 0 for i in self.main]


def context_calls(calls: Iterable[CallBill], events: Iterable[SessionEvent]) -> dict[str, ContextCalls]:
    """The billed calls by context, contexts in the order of their first call."""
    grouped: dict[str, ContextCalls] = {}
    for call in calls:
        context = call.event.context
        group = grouped.get(context)
        if group is None:
            group = grouped[context] = ContextCalls(context)
        group.calls.append(call)
    for event in events:
        if event.is_compaction and event.context in grouped:
            grouped[event.context].compactions.append(event)
    for group in grouped.values():
        _arrange(group)
    return grouped


def _arrange(group: ContextCalls) -> None:
    """Order the calls, size them and tell those apart that carry no conversation."""
    if group.context:
        starts = [call.event.start_ns or 0 for call in group.calls]
        if any(map(int.__gt__, starts, starts[1:])):  # by hand, in any order
            group.calls.sort(key=lambda call: call.event.start_ns or 0)
    main = group.main
    for i, call in enumerate(group.calls):
        tokens = call.tokens
        group.sizes.append(tokens[_INPUT[0]] + tokens[_INPUT[1]] + tokens[_INPUT[2]] + tokens[_INPUT[3]])
        source = _alone_source(call.event, group.sizes[i])
        if source is None:
            main.append(i)
        else:
            group.alone[i] = source
    if len(main) > 1:
        aside = _find_aside(group)
        if aside:
            group.alone.update(dict.fromkeys(aside, Source.SIDE_REQUEST))
            group.main = [i for i in main if i not in aside]


def _alone_source(event: SessionEvent, size: int) -> Source | None:
    """What a call is billed for that can be no part of a conversation; `None` where it can."""
    if not event.context:
        return recorded_source(event)
    if event.event_type is EventType.AI_RESPONSE:
        if event.data:
            if UNATTRIBUTED in event.data:
                return Source.UNATTRIBUTED
            if event.data.get("operation") == "embedding":
                return Source.EMBEDDING
        return None if size > 0 and event.start_ns is not None else Source.SIDE_REQUEST
    if event.is_compaction and size > 0 and event.start_ns is not None:
        return None  # a call over the whole conversation, which its answer then takes the place of
    return Source.EMBEDDING


def _find_aside(group: ContextCalls) -> set[int]:
    """Indices of side requests: calls after which the conversation goes on with its old size.

    old ── small ── small ── old + growth        or        small ── old (of another model), at the very beginning
    """
    main = group.main
    sizes = [group.sizes[i] for i in main]
    barriers = _compacted_positions(group)
    aside: set[int] = set()
    last = _opening(group, sizes)
    aside.update(main[:last])
    at = last + 1
    while at < len(main):
        after = at
        size, old = sizes[at], sizes[last]
        if size < _RETURN_RATIO * old or size > max(_LARGER_RATIO * old, old + _LARGER_TOKENS):
            after = _return_after(group, sizes, last, at)
            if barriers and any(position in barriers for position in range(at, after + 1)):
                after = at
            aside.update(main[at:after])
        last = after
        at = after + 1
    return aside


def _opening(group: ContextCalls, sizes: Sequence[int]) -> int:
    """Position of the first call of the conversation."""
    models = [group.calls[i].event.model for i in group.main[: _MAX_ASIDE + 1]]
    for position in range(len(models) - 1):
        if models[position] == models[position + 1] or sizes[position + 1] < _OPENING_RATIO * sizes[position]:
            return position
    return len(models) - 1


def _return_after(group: ContextCalls, sizes: Sequence[int], last: int, at: int) -> int:
    """Position of the call that goes on where `last` was, if the calls from `at` on stand beside it; else `at`."""
    old, size = sizes[last], sizes[at]
    if size < old:
        for after in range(at + 1, min(at + 1 + _MAX_ASIDE, len(sizes))):
            if sizes[after] >= _RETURN_RATIO * old:
                # In one step; what was cleared comes back in many.
                return after if 2 * (sizes[after] - sizes[after - 1]) >= old - size else at
        return at
    if group.calls[group.main[at]].event.cache_read_tokens > _SHARED_RATIO * old:
        return at
    for after in range(at + 1, min(at + 1 + _MAX_ASIDE_LARGER, len(sizes))):
        if old <= sizes[after] <= old + (size - old) // 4:
            return after
    return at


def _compacted_positions(group: ContextCalls) -> set[int]:
    """Positions in `main` of the first calls after a compaction."""
    if not group.compactions:
        return set()
    starts = group.starts()
    return {compaction_position(starts, event) for event in group.compactions}


def compaction_position(starts: Sequence[int], event: SessionEvent) -> int:
    """Position in `main` of the first call that a compaction changed the prompt of."""
    if event.tokens_input and event.event_type is not EventType.AI_RESPONSE:
        return bisect_right(starts, event.start_ns or 0)  # itself a call, over the old prompt
    return bisect_left(starts, event.start_ns or 0)

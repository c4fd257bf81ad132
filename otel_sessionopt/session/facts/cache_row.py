"""Goes through the calls that one model had in one conversation and finds what they missed in the cache."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from otel_sessionopt.dialects.tool_definitions import TOOL_DEFINITIONS
from otel_sessionopt.session.facts.cache_miss import LEAST_MISS_TOKENS, CacheMiss, MissCause
from otel_sessionopt.session.facts.cache_pauses import find_pause
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import EventType, SessionEvent
from otel_sessionopt.session.times import NS_PER_SECOND

USUAL_LIFE_NS: Final = 5 * 60 * NS_PER_SECOND
"""How long a cached prefix lives after its last use. Source: Anthropic, "Prompt caching", cache lifetime."""
# Written with the longer lifetime. Same source.
_HOUR_LIFE_NS: Final = 60 * 60 * NS_PER_SECOND
# Source: OpenAI, "Prompt caching": five to ten minutes of inactivity.
_OPENAI_LIFE_NS: Final = 10 * 60 * NS_PER_SECOND

# A prompt below this share of the one before is another one: compacted, cleared, or gone back in. Source: what counts
# as a miss in the published recount of 44 sessions (`misses.jsonl`).
_KEPT_RATIO: Final = (8, 10)
# A conversation goes on where the next call reads at least this share of what a call had put into the cache.
_FOLLOWED_RATIO: Final = (9, 10)
# How far ahead a later call is looked for that reads the old prefix again. The bound can leave one unseen, and then a
# call beside the conversation counts as a miss of it.
_MAX_AHEAD: Final = 8
# Two cached prefixes within this distance are the same one: OpenAI caches in steps of 128 tokens.
_SAME_PREFIX_TOKENS: Final = 256


class Marks(NamedTuple):
    """Events of one context that show its conversation going on (tool calls, messages, compactions), by start."""

    starts: list[int]
    events: list[SessionEvent]

    def between(self, before: SessionEvent, after: SessionEvent) -> Sequence[SessionEvent]:
        """Those after the start of one call and up to that of another."""
        start = bisect_right(self.starts, before.start_ns or 0)
        return self.events[start : bisect_right(self.starts, after.start_ns or 0)]


class CacheRow:
    """The calls of one model in one conversation."""

    def __init__(self, context: ContextLedger, marks: Marks, indices: Sequence[int], before: Mapping[int, int]) -> None:
        self._context = context
        self._marks = marks
        self._indices = indices
        self._before = before  # the call of any model before each
        self._has_writes = any(self._event(index).cache_write_tokens for index in indices)
        self._life_ns = USUAL_LIFE_NS
        self._turn_size = 0  # tokens of the prompt with which the newest turn of a person began

    def misses(self) -> Iterator[tuple[int, CacheMiss]]:
        """With the index of the call."""
        has_cached = self._has_writes
        previous: int | None = None
        for position, index in enumerate(self._indices):
            event = self._event(index)
            # Where writes are not told, only a read says that the row is cached at all.
            miss = self._miss(position, index, previous) if has_cached else None
            if miss is not None:
                yield index, miss
                if miss.cause is MissCause.OTHER_PROMPT:
                    continue
            if previous is None or self._has_message(previous, index):
                self._turn_size = self._context.sizes[index]
            previous = index
            has_cached = has_cached or event.cache_read_tokens > 0
            self._life_ns = _life_after(event, self._life_ns)

    def _miss(self, position: int, index: int, previous: int | None) -> CacheMiss | None:
        context = self._context
        event = self._event(index)
        read = event.cache_read_tokens
        if previous is None:
            tokens = context.sizes[index] - read
            cause = MissCause.MODEL_CHANGED if index in self._before else MissCause.FIRST_CALL
        else:
            uncached = min(context.sizes[index], context.sizes[previous]) - read
            if uncached <= LEAST_MISS_TOKENS:
                return None
            tokens = min(uncached, self._cached(previous) - read)
            cause = self._cause(position, index, previous, is_written=tokens > LEAST_MISS_TOKENS)
            if cause is MissCause.NOT_WRITTEN or cause is MissCause.COMPACTED:
                tokens = uncached
        if tokens <= LEAST_MISS_TOKENS:
            return None
        start_ns = event.start_ns or 0
        gap_ns = 0 if previous is None else start_ns - (self._event(previous).start_ns or 0)
        pause = None
        if previous is not None and gap_ns > self._life_ns:
            pause = find_pause(self._marks.between(self._event(previous), event), gap_ns)
        return CacheMiss(
            call=context.calls[index],
            previous=None if previous is None else context.calls[previous],
            tokens=tokens,
            cause=cause,
            gap_ns=gap_ns,
            life_ns=self._life_ns,
            pause=pause,
            rates=None if context.calls[index].cost_usd is None else context.charges.rates[index],
        )

    def _cause(self, position: int, index: int, previous: int, *, is_written: bool) -> MissCause:
        event, earlier = self._event(index), self._event(previous)
        marks = self._marks.between(earlier, event)
        sizes = self._context.sizes
        if self._event(self._before[index]).model != event.model:
            return MissCause.MODEL_CHANGED
        is_smaller = sizes[index] * _KEPT_RATIO[1] < sizes[previous] * _KEPT_RATIO[0]
        if is_smaller or any(mark.is_compaction for mark in marks):
            return MissCause.COMPACTED
        if not is_written:
            return MissCause.NOT_WRITTEN
        if (earlier.end_ns or 0) > (event.start_ns or 0):
            return MissCause.CONCURRENT
        if self._is_read_later(position, index, previous) or not (marks or self._is_followed(position, previous)):
            return MissCause.OTHER_PROMPT
        if self._is_turn_rewritten(index, previous):
            return MissCause.THOUGHTS_DROPPED
        if (event.start_ns or 0) - (earlier.start_ns or 0) > self._life_ns:
            return MissCause.IDLE
        return MissCause.TOOLS_CHANGED if _has_other_tools(earlier, event) else MissCause.PREFIX_CHANGED

    def _is_read_later(self, position: int, index: int, previous: int) -> bool:
        """Whether a later call reads what was in the cache before, and not what this call or one after it put there.

        Then the cache was never lost: this call had another prompt, or was served by another machine.
        """
        old = self._cached(previous)
        newer = [self._cached(index)]
        for later in self._indices[position + 1 : position + 1 + _MAX_AHEAD]:
            read = self._event(later).cache_read_tokens
            distance = abs(read - old)
            if distance <= _SAME_PREFIX_TOKENS and all(distance < abs(read - each) for each in newer):
                return True
            newer.append(self._cached(later))
        return False

    def _is_turn_rewritten(self, index: int, previous: int) -> bool:
        """Whether a person answered, the prompt got shorter, and what came before the last turn was still read."""
        sizes, read = self._context.sizes, self._event(index).cache_read_tokens
        is_shorter = sizes[index] < sizes[previous]
        return is_shorter and read * 10 >= self._turn_size * 9 and self._has_message(previous, index)

    def _has_message(self, before: int, after: int) -> bool:
        marks = self._marks.between(self._event(before), self._event(after))
        return any(mark.event_type is EventType.USER_MESSAGE for mark in marks)

    def _is_followed(self, position: int, previous: int) -> bool:
        """Whether the next call goes on where this one was, as this row's calls do."""
        if position + 1 >= len(self._indices):
            return False
        return self._reads_from(self._indices[position + 1], self._indices[position]) and (
            position < 2 or self._reads_from(previous, self._indices[position - 2])
        )

    def _reads_from(self, index: int, earlier: int) -> bool:
        return self._event(index).cache_read_tokens * _FOLLOWED_RATIO[1] >= self._cached(earlier) * _FOLLOWED_RATIO[0]

    def _cached(self, index: int) -> int:
        """Tokens of a prompt that were in the cache after its call; all of it where writes are not told."""
        event = self._event(index)
        if not self._has_writes:
            return self._context.sizes[index]
        return event.cache_read_tokens + event.cache_write_tokens

    def _event(self, index: int) -> SessionEvent:
        return self._context.calls[index].event


def _has_other_tools(before: SessionEvent, after: SessionEvent) -> bool:
    """Whether two calls are known to have been offered different tools."""
    old, new = before.data.get(TOOL_DEFINITIONS), after.data.get(TOOL_DEFINITIONS)
    return old is not None and new is not None and old != new


def _life_after(event: SessionEvent, life_ns: int) -> int:
    """How long the cache lives after a call. What it wrote last is what the next one has to find."""
    if "openai" in (event.provider or "").lower():
        return _OPENAI_LIFE_NS
    if not event.cache_write_tokens:
        return life_ns
    return _HOUR_LIFE_NS if event.cache_write_1h_tokens >= event.cache_write_tokens else USUAL_LIFE_NS

"""Cache misses of a session: what a provider could have read from its prompt cache and did not."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from otel_sessionopt.session.facts.cache_miss import LEAST_MISS_TOKENS as LEAST_MISS_TOKENS
from otel_sessionopt.session.facts.cache_miss import CacheMiss as CacheMiss
from otel_sessionopt.session.facts.cache_miss import MissCause as MissCause
from otel_sessionopt.session.facts.cache_pauses import Pause as Pause
from otel_sessionopt.session.facts.cache_row import USUAL_LIFE_NS as USUAL_LIFE_NS
from otel_sessionopt.session.facts.cache_row import CacheRow, Marks
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import EventType, Session

_MARK_EVENTS: Final = frozenset(
    {EventType.TOOL_CALL, EventType.FILE_READ, EventType.FILE_WRITE, EventType.SEARCH, EventType.USER_MESSAGE}
)
_NO_MARKS: Final = Marks([], [])


def cache_misses(session: Session) -> tuple[CacheMiss, ...]:
    """Every miss of more than `LEAST_MISS_TOKENS`, by context, in the order of calls.

    Call *j* of a context misses `min(prompt of j-1, prompt of j) - read of j`, where *j-1* is the call of the same
    model before it, and never more than *j-1* had in the cache where writes are told. Side requests, embeddings and
    recordings by hand are not part of that row, and rows without any cached token have no misses.
    """
    return session.fact(_compute_cache_misses)


def misses_between(
    session: Session, *, min_previous_tokens: int, min_prompt_ratio: float, max_read_ratio: float
) -> tuple[CacheMiss, ...]:
    """Misses of any cause, picked by the sizes of the two prompts alone.

    Args:
        min_previous_tokens: the least prompt of the call before.
        min_prompt_ratio: the least prompt of the call, as a share of that one.
        max_read_ratio: the call read less than this share of that one from the cache.
    """
    return tuple(
        miss
        for miss in cache_misses(session)
        if miss.previous is not None
        and (before := miss.previous.event.tokens_input) >= min_previous_tokens
        and miss.call.event.tokens_input >= min_prompt_ratio * before
        and miss.call.event.cache_read_tokens < max_read_ratio * before
    )


def conversation_calls(context: ContextLedger) -> list[int]:
    """Indices of the calls that carry the conversation of a context, in order; none of what was recorded by hand."""
    if not context.context:
        return []
    return [index for index in range(len(context.calls)) if index not in context.aside]


def conversation_rows(context: ContextLedger) -> Mapping[str | None, list[int]]:
    """The same by model: each has a cache of its own."""
    rows: defaultdict[str | None, list[int]] = defaultdict(list)
    for index in conversation_calls(context):
        rows[context.calls[index].event.model].append(index)
    return rows


def _compute_cache_misses(session: Session) -> tuple[CacheMiss, ...]:
    marks = _find_marks(session)
    misses: list[CacheMiss] = []
    for context in ledger(session).contexts:
        calls = conversation_calls(context)
        before = dict(zip(calls[1:], calls, strict=False))
        own_marks = marks.get(context.context, _NO_MARKS)
        found: list[tuple[int, CacheMiss]] = []
        for row in conversation_rows(context).values():
            found += CacheRow(context, own_marks, row, before).misses()
        misses += [miss for _, miss in sorted(found, key=lambda each: each[0])]
    return tuple(misses)


def _find_marks(session: Session) -> Mapping[str, Marks]:
    marks: defaultdict[str, Marks] = defaultdict(lambda: Marks([], []))
    for event in session.events:
        if (event.event_type in _MARK_EVENTS or event.is_compaction) and event.context and event.start_ns is not None:
            starts, events = marks[event.context]
            at = bisect_right(starts, event.start_ns) if starts and event.start_ns < starts[-1] else len(starts)
            starts.insert(at, event.start_ns)
            events.insert(at, event)
    return marks

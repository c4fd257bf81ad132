"""Claims on whole rounds: tool calls made in vain, what they put into the context, the calls that asked for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim
from otel_sessionopt.analyzers.content import result_item, size_of
from otel_sessionopt.analyzers.issue import Basis
from otel_sessionopt.analyzers.premiums import large_misses
from otel_sessionopt.session.facts.cache import LEAST_MISS_TOKENS, cache_misses
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_items import Source
from otel_sessionopt.session.facts.requests import requests
from otel_sessionopt.session.model import Session, SessionEvent

# The share of a prompt from which the rules about caches speak of a miss.
_COLD_RATIO: Final = 0.05
_WRITTEN = frozenset({Source.OUTPUT, Source.REASONING})


def round_claims(
    session: Session, events: Sequence[SessionEvent], beside: Collection[str] = ()
) -> tuple[LedgerClaim, ...]:
    """All that these tool calls cost.

    Their results and arguments, entered and carried; the model calls that did nothing but ask for them, with what
    those wrote; and of other model calls the tokens of the arguments that they wrote. Nothing where nobody was billed.

    A call that had to write the prompt into the cache anew (after a pause, a compaction) did more than ask: without it
    the next call would have had to.

    Args:
        beside: ids of further tool calls in vain, which other issues claim. A model call that asked for both kinds did
            nothing else; it is claimed here when the first of what it asked for is one of `events`.
    """
    asked = requests(session)
    own = {event.id for event in events}
    cold = session.fact(_cold_calls)
    in_vain = [call for call in asked.calls_for(own, beside) if call.id not in cold]
    calls = [call for call in in_vain if asked.events_of[call.id][0].id in own]
    claims: list[LedgerClaim] = [CallClaim(call.id) for call in calls]
    claims += output_items(session, calls)
    book, call_of = ledger(session), asked.call_of
    written: Counter[str] = Counter()
    claimed = {call.id for call in in_vain}
    for event in events:
        for item in book.items_of(event.id):
            if item.tokens > 0:
                claims.append(ItemClaim(item.id, item.tokens))
            call = call_of.get(event.id)
            if item.source is Source.OUTPUT and call is not None and call.id not in claimed:
                written[call.id] += item.tokens
    outputs = {call.id: call.tokens_output for call in call_of.values() if call.id in written} if written else {}
    claims += [
        OutputClaim(call_id, min(tokens, outputs[call_id]))
        for call_id, tokens in written.items()
        if min(tokens, outputs[call_id]) > 0
    ]
    return tuple(claims)


def share_claims(session: Session, event: SessionEvent, ratio: float) -> tuple[LedgerClaim, ...]:
    """That share of the event's result, entered and carried, and nothing of the call that asked for it."""
    item = result_item(session, event)
    tokens = 0 if item is None else round(item.tokens * ratio)
    return () if item is None or tokens <= 0 else (ItemClaim(item.id, tokens),)


def output_items(session: Session, calls: Iterable[SessionEvent]) -> list[LedgerClaim]:
    """What later calls carried of the texts and thoughts that these model calls wrote."""
    book = ledger(session)
    return [
        ItemClaim(item.id, item.tokens)
        for call in calls
        for item in book.items_of(call.id)
        if item.source in _WRITTEN and item.tokens > 0
    ]


def basis_of_claims(session: Session, claims: Iterable[LedgerClaim], events: Iterable[SessionEvent] = ()) -> Basis:
    """`measured` where the numbers of the calls or the source itself say the size of all that is claimed.

    `estimated` also where nothing tells the size of what one of `events` brought.
    """
    book = ledger(session)
    sized = session.fact(_measured_contents)
    for claim in claims:
        if isinstance(claim, ItemClaim):
            item = book.item(claim.item_id)
            if not item.is_measured and not (item.source is Source.TOOL_RESULT and item.id in sized):
                return Basis.ESTIMATED
    is_complete = all(size_of(session, event).tokens is not None for event in events)
    return Basis.MEASURED if is_complete else Basis.ESTIMATED


def _cold_calls(session: Session) -> frozenset[str]:
    """Calls that missed a cache which was there before."""
    misses = large_misses(cache_misses(session), LEAST_MISS_TOKENS, _COLD_RATIO)
    return frozenset(miss.call.event.id for miss in misses if miss.previous is not None)


def _measured_contents(session: Session) -> frozenset[str]:
    """Events whose content the source itself sizes."""
    return frozenset(event.id for event in session.events if event.is_content_measured)

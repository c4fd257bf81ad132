"""From the content that an issue holds to be wasted to the billed tokens it claims, and to their price."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from otel_sessionopt.analyzers.content import Content, content_of
from otel_sessionopt.analyzers.issue import Basis, Claim, Waste
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import CallBill, bill
from otel_sessionopt.session.facts.contexts import entry_call
from otel_sessionopt.session.facts.ledger_amounts import CLASSES, USUAL_PROPORTIONS
from otel_sessionopt.session.model import Session, SessionEvent

# New content is written to the cache where the provider caches, and is uncached input elsewhere; a cache read is the
# old part of a prompt, never an entry.
_ENTRY_CLASSES: Final = (PriceClass.CACHE_WRITE, PriceClass.CACHE_WRITE_1H, PriceClass.INPUT)
_PROPORTIONS: Final = dict(zip(CLASSES, USUAL_PROPORTIONS, strict=True))
# A recording by hand bills the event itself, output included.
_RECORDED_CLASSES: Final = (*_ENTRY_CLASSES, PriceClass.OUTPUT, PriceClass.CACHE_READ)


def entry_claims(session: Session, event: SessionEvent, tokens: int) -> tuple[Claim, ...]:
    """Where `tokens` of the event's content were billed when they first entered a prompt.

    Claims at most what that call was billed in the classes that new content falls into; nothing when no billed call
    followed, for then nobody paid. A smaller claim on the same event is a part of a larger one (`overlap.py` relies
    on it).
    """
    call = entry_call(session, event)
    billed = bill(session).call_by_id.get(call.id) if call is not None else None
    if billed is None:
        return ()
    claims = []
    for price_class in _ENTRY_CLASSES if event.context else _RECORDED_CLASSES:
        share = min(tokens, billed.tokens[price_class])
        if share > 0:
            claims.append(Claim(event.id, billed.event.id, price_class, share))
            tokens -= share
    return tuple(claims)


def waste_of_contents(session: Session, events: Sequence[SessionEvent]) -> Waste:
    """Waste of the whole content of these events, where it was first billed. A size that is not known claims nothing.

    `measured` where the source states the sizes, all of them; otherwise `estimated`.
    """
    contents = [content_of(event) for event in events]
    claims = (
        claim
        for event, content in zip(events, contents, strict=True)
        if content.tokens
        for claim in entry_claims(session, event, content.tokens)
    )
    return waste_from_claims(session, claims, basis_of(contents))


def basis_of(contents: Iterable[Content]) -> Basis:
    """`measured` where the source states the sizes of all of them, else `estimated`."""
    return Basis.MEASURED if all(content.is_measured for content in contents) else Basis.ESTIMATED


def waste_from_claims(session: Session, claims: Iterable[Claim], basis: Basis) -> Waste:
    """Waste of exactly the claimed tokens, at the rates of the calls they were billed in."""
    kept = tuple(claims)
    return Waste(
        tokens=sum(claim.tokens for claim in kept),
        basis=basis,
        cost_usd=cost_of(session, ((claim.call_id, claim.price_class, claim.tokens) for claim in kept)),
        claims=kept,
    )


def cost_of(session: Session, amounts: Iterable[tuple[str, PriceClass, int | float]]) -> Decimal | None:
    """Price of tokens given as (call id, price class, tokens). Sums the priced calls; `None` when none of them is.

    No amounts at all cost 0 where the session has any price, and `None` where it has none.
    """
    ledger = bill(session)
    total: Decimal | None = None
    is_empty = True
    for call_id, price_class, tokens in amounts:
        is_empty = False
        call = ledger.call_by_id.get(call_id)
        cost = _cost(call, price_class, Decimal(tokens)) if call is not None else None
        if cost is not None:
            total = cost if total is None else total + cost
    if is_empty and ledger.cost_usd is not None:
        return Decimal(0)
    return total


def premium_of(session: Session, amounts: Iterable[tuple[str, PriceClass, int]]) -> Decimal | None:
    """What tokens given as (call id, price class, tokens) cost beyond cache reads, never below 0; `None` = unpriced."""
    given = list(amounts)
    paid = cost_of(session, given)
    read = cost_of(session, [(call_id, PriceClass.CACHE_READ, tokens) for call_id, _, tokens in given])
    return None if paid is None or read is None else max(paid - read, Decimal(0))


def _cost(call: CallBill, price_class: PriceClass, tokens: Decimal) -> Decimal | None:
    if call.rates is not None:
        return call.rates.of(price_class) * tokens
    if call.cost_usd is None:
        return None
    weight = sum(_PROPORTIONS[each] * count for each, count in call.tokens.items())
    return call.cost_usd * _PROPORTIONS[price_class] * tokens / weight if weight else None

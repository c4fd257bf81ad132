"""Price of billed tokens, at the rates of the calls that they were billed in."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import CallBill, bill
from otel_sessionopt.session.facts.ledger_amounts import CLASSES, USUAL_PROPORTIONS
from otel_sessionopt.session.model import Session

_PROPORTIONS: Final = dict(zip(CLASSES, USUAL_PROPORTIONS, strict=True))


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


def _cost(call: CallBill, price_class: PriceClass, tokens: Decimal) -> Decimal | None:
    if call.rates is not None:
        return call.rates.of(price_class) * tokens
    if call.cost_usd is None:
        return None
    weight = sum(_PROPORTIONS[each] * count for each, count in call.tokens.items())
    return call.cost_usd * _PROPORTIONS[price_class] * tokens / weight if weight else None

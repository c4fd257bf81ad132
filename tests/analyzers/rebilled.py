"""A slow replay, to hold the quick one against: every item in every call, one by one, for claims on one context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim, PremiumClaim
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.ledger import Ledger, ledger
from otel_sessionopt.session.facts.ledger_amounts import CLASSES, TOKEN_UNITS
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import Session

Vector = list[int]
"""Token units by price class, and money."""
READ, OUTPUT = 1, 4


def rebilled(session: Session, issues: Sequence[Sequence[LedgerClaim]]) -> Vector:
    """What remains of the bill without these claims."""
    book = ledger(session)
    total = [0] * 6
    for context in book.contexts:
        for amount in _calls(book, context, issues):
            total = _sum(total, amount)
    return total


def _calls(book: Ledger, context: ContextLedger, issues: Sequence[Sequence[LedgerClaim]]) -> Iterable[Vector]:
    """What remains of each call."""
    every = [claim for claims in issues for claim in claims]
    removed = {i for i, call in enumerate(context.calls) if CallClaim(call.event.id) in every}
    gone = {
        item.id: min(
            max([claim.tokens for claim in every if isinstance(claim, ItemClaim) and claim.item_id == item.id] + [0]),
            item.tokens,
        )
        for item in context.items
    }
    for index, call in enumerate(context.calls):
        if index in removed:
            continue
        left = _whole(context, index)
        late, anew = [0] * 6, [0] * 6
        run = _run_before(context, index, removed)
        dearest = max([*run, index], key=lambda each: (_price(context, each), -each))
        is_anew = _price(context, dearest) > _price(context, index)
        for item in context.items:
            out = gone[item.id]
            weight = item.weight - item.weight * out // item.tokens
            if item.entry == index:
                left = _sum(left, _times(context.charges.entry[index], -out))
            elif item.entry < index < item.end:
                carry = _carry(context, index)
                left = _sum(left, _times(carry, weight - item.weight))
                is_first = index not in context.aside and all(
                    i in removed or i in context.aside for i in range(item.entry + 1, index)
                )
                if item.entry in removed and is_first:
                    left = _sum(left, _times(carry, -weight))
                    late = _sum(late, _times(context.charges.entry[item.entry], item.tokens - out))
                elif run and item.entry < run[0] and is_anew:
                    left = _sum(left, _times(carry, -weight))
                    anew = _sum(anew, _times(_carry(context, dearest), weight))
        written = max(
            sum(claim.tokens for claim in claims if isinstance(claim, OutputClaim) and claim.call_id == call.event.id)
            for claims in [*issues, ()]
        )
        if context.context:
            written = min(written, call.tokens[PriceClass.OUTPUT])
            left[OUTPUT] -= written * TOKEN_UNITS
            left[5] -= written * TOKEN_UNITS * context.charges.rates[index][OUTPUT]
        for kind in range(4):
            _make_reads(context, index, kind, left, every)
            _make_reads(context, dearest, kind, anew, every if is_anew else [])
        yield _sum(_sum(left, late), anew)


def _run_before(context: ContextLedger, index: int, removed: set[int]) -> list[int]:
    """Removed calls of the conversation right before a call of it, in order."""
    run: list[int] = []
    for before in range(index - 1, -1, -1) if index not in context.aside else ():
        if before in removed and before not in context.aside:
            run.insert(0, before)
        elif before not in context.aside:
            break
    return run


def _price(context: ContextLedger, index: int) -> int:
    carry = _carry(context, index)
    if any(call.cost_usd is not None for call in context.calls):
        return carry[5]
    return sum(each * units for each, units in zip((20, 2, 25, 40, 100), carry[:5], strict=True))


def _make_reads(context: ContextLedger, index: int, kind: int, left: Vector, claims: Iterable[LedgerClaim]) -> None:
    rates, call = context.charges.rates[index], context.calls[index]
    if kind == READ or (call.cost_usd is not None and rates[kind] <= rates[READ]):
        return
    wanted = [
        claim.tokens
        for claim in claims
        if isinstance(claim, PremiumClaim) and (claim.call_id, claim.price_class) == (call.event.id, CLASSES[kind])
    ]
    granted = min(sum(wanted) * TOKEN_UNITS, left[kind])
    left[kind] -= granted
    left[READ] += granted
    left[5] -= granted * (rates[kind] - rates[READ])


def _whole(context: ContextLedger, index: int) -> Vector:
    billed = context.whole(index)
    return [*billed.units, billed.money or 0]


def _carry(context: ContextLedger, index: int) -> Vector:
    carried = context.charges.carried
    return [after - before for after, before in zip(carried[index + 1], carried[index], strict=True)]


def _times(charge: Iterable[int], factor: int) -> Vector:
    return [each * factor for each in charge]


def _sum(left: Iterable[int], right: Iterable[int]) -> Vector:
    return [a + b for a, b in zip(left, right, strict=True)]

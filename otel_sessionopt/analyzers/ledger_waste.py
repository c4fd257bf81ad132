"""What claims on the ledger come to: the bill as it is, less the bill without what they claim."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim
from otel_sessionopt.analyzers.issue import Basis, Waste
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_amounts import NO_CHARGE, Billing, Charge
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.facts.ledger_items import LedgerItem
from otel_sessionopt.session.model import Session

_NOTHING: Final = Billing()


def ledger_waste(session: Session, claims: Iterable[LedgerClaim], basis: Basis) -> Waste:
    """Waste of what is claimed, each billed token once, before overlaps with other issues are resolved.

    A call that falls away takes its prompt and its answer with it. What was new in its prompt and is not claimed would
    have been new in the next call's: it moves there, with the price that it entered at.
    """
    kept = tuple(claims)
    book = ledger(session)
    tokens: dict[str, int] = {}
    calls: dict[str, set[int]] = {}
    outputs: dict[str, int] = {}
    for claim in kept:
        if isinstance(claim, ItemClaim):
            tokens[claim.item_id] = max(tokens.get(claim.item_id, 0), claim.tokens)
        elif isinstance(claim, CallClaim):
            context, index = book.call(claim.call_id)
            calls.setdefault(context.context, set()).add(index)
        elif isinstance(claim, OutputClaim):
            outputs[claim.call_id] = outputs.get(claim.call_id, 0) + claim.tokens
    removed = {context: _RemovedCalls(book.context(context), indices) for context, indices in calls.items()}
    saved = _NOTHING
    for each in removed.values():
        saved += each.saved(tokens)
    for item_id, amount in tokens.items():
        item = book.item(item_id)
        billed = book.billed(item)
        if item.context in removed:
            billed -= removed[item.context].billed(item)
        saved += billed.part(amount, item.tokens)
    for call_id, amount in outputs.items():
        context, index = book.call(call_id)
        if index not in calls.get(context.context, ()):
            saved += context.generated(index, amount)
    cost_usd = saved.cost_usd
    if not kept:
        cost_usd = None if bill(session).cost_usd is None else Decimal(0)
    return Waste(tokens=round(saved.total_tokens), basis=basis, cost_usd=cost_usd, ledger_claims=kept)


class _RemovedCalls:
    """Calls of one context that fall away. Work is linear in their number, and logarithmic for each item."""

    def __init__(self, context: ContextLedger, indices: Iterable[int]) -> None:
        self._context = context
        self._indices = sorted(indices)
        # What a carried weight was billed in them, summed up over all before each one.
        carried = context.charges.carried
        self._sums: list[Charge] = [NO_CHARGE]
        for index in self._indices:
            upto, now, before = self._sums[-1], carried[index + 1], carried[index]
            a, b, c, d, e, money = (x + y - z for x, y, z in zip(upto, now, before, strict=True))
            self._sums.append((a, b, c, d, e, money))

    def billed(self, item: LedgerItem) -> Billing:
        """What an item was billed in them."""
        first, last = self._place(item.entry + 1), self._place(item.end)
        upto, before = self._sums[last], self._sums[first]
        a, b, c, d, e, money = ((x - y) * item.weight for x, y in zip(upto, before, strict=True))
        carried = Billing((a, b, c, d, e), money)
        return carried + self._entry_billed(item) if self._has(item.entry) else carried

    def saved(self, claimed: Mapping[str, int]) -> Billing:
        """All that they were billed, less what content that is not claimed costs more for entering later."""
        context = self._context
        saved = _NOTHING
        for index in self._indices:
            saved += context.whole(index)
        for item in context.items:
            if self._has(item.entry):
                following = self._following(item)
                if following < item.end:
                    moved = self._entry_billed(item) - context.billed(item, following, following + 1)
                    saved -= moved.part(item.tokens - claimed.get(item.id, 0), item.tokens)
        return saved

    def _entry_billed(self, item: LedgerItem) -> Billing:
        return self._context.billed(item, stop=item.entry + 1)

    def _following(self, item: LedgerItem) -> int:
        """The first call that stays after the one at which an item entered."""
        following = item.entry + 1
        while following in self._context.aside or self._has(following):
            following += 1
        return following

    def _place(self, index: int) -> int:
        return bisect_left(self._indices, index)

    def _has(self, index: int) -> bool:
        place = self._place(index)
        return place < len(self._indices) and self._indices[place] == index

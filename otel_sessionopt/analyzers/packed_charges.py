"""A charge as one whole number: its six amounts side by side, so that adding charges is adding numbers.

    amount        money   output   …   cache reads   uncached
    place of bit  5·width 4·width      1·width       0

Sums, differences and multiples of packed charges are those of the charges, as long as every amount keeps within its
width, so a removal (`context_removal.py`) takes one step where it would take six. The width is that of the largest
amount a removal of this context can meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final

from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_amounts import TOKEN_UNITS, USUAL_PROPORTIONS, Charge
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import Session

# A sum has fewer terms than 2⁶³, and the last bit is the sign.
_SPARE_BITS: Final = 64
_OUTPUT: Final = 4


class PackedCharges:
    """The charges of one context, packed; see `Charges` for what they are. Made once for all issues of a session.

    Args:
        context: is not changed.

    Attributes:
        entry: by index of the call, of one token that was new in it.
        carried: of one weight that was carried on, over all calls before each.
    """

    def __init__(self, context: ContextLedger) -> None:
        self.entry = _Row(self.pack, context.charges.entry)
        self.carried = _Row(self.pack, context.charges.carried)
        self._context = context
        self._whole: dict[int, int] = {}

    def pack(self, charge: Charge) -> int:
        """A charge as a number."""
        width = self._width
        a, b, c, d, e, money = charge
        # A negative amount borrows from the one above; `unpack` gives it back.
        return a + (b << width) + (c << 2 * width) + (d << 3 * width) + (e << 4 * width) + (money << 5 * width)

    def unpack(self, packed: int) -> Charge:
        """The charge that a number stands for."""
        width = self._width
        half, mask = 1 << (width - 1), (1 << width) - 1
        amounts = []
        for _ in range(6):
            amount = ((packed + half) & mask) - half
            amounts.append(amount)
            packed = (packed - amount) >> width
        a, b, c, d, e, money = amounts
        return (a, b, c, d, e, money)

    @cached_property
    def prices(self) -> list[int]:
        """By index of the call, what a carried weight cost, not packed: to compare calls of this context by."""
        charges = self._context.charges
        if charges.priced[-1]:
            money = [charge[-1] for charge in charges.carried]
        else:
            money = [
                sum([each * units for each, units in zip(USUAL_PROPORTIONS, charge[:-1], strict=True)])
                for charge in charges.carried
            ]
        return [upto - before for before, upto in pairwise(money)]

    def whole(self, index: int) -> int:
        """Everything that a call was billed."""
        packed = self._whole.get(index)
        if packed is None:
            billed = self._context.whole(index)
            packed = self._whole[index] = self.pack((*billed.units, billed.money or 0))
        return packed

    def output(self, index: int) -> int:
        """What a call billed a token that it wrote."""
        is_priced = self._context.calls[index].cost_usd is not None
        rate = self._context.charges.rates[index][_OUTPUT]
        return self.pack((0, 0, 0, 0, TOKEN_UNITS, TOKEN_UNITS * rate if is_priced else 0))

    @cached_property
    def _width(self) -> int:
        """Bits of the largest charge of one token or of everything, times the most tokens, times many terms."""
        table, charges, total = self._context.table, self._context.charges, self._context.total
        dearest, last = 1, None
        for rates in charges.rates:
            if rates is not last:  # most calls share one object
                dearest, last = max(dearest, *map(abs, rates)), rates
        # What is new has a token's units in one class, or parts of them in each of five.
        amounts = (*total.units, total.money or 0, *charges.carried[-1], 5 * TOKEN_UNITS * dearest)
        factors = (sum(total.units) // TOKEN_UNITS, sum(table.tokens), sum(table.weights))
        return max(map(abs, amounts)).bit_length() + max(factors).bit_length() + _SPARE_BITS


class _Row(dict[int, int]):
    """Charges by index, packed when they are asked for first: most sessions have few claims."""

    __slots__ = ("_charges", "_pack")

    def __init__(self, pack: Callable[[Charge], int], charges: Sequence[Charge]) -> None:
        super().__init__()
        self._pack = pack
        self._charges = charges

    def __missing__(self, index: int) -> int:
        packed = self[index] = self._pack(self._charges[index])
        return packed


def packed_charges(session: Session) -> Mapping[str, PackedCharges]:
    """By context of the ledger."""
    return session.fact(_compute_packed_charges)


def _compute_packed_charges(session: Session) -> Mapping[str, PackedCharges]:
    return {context.context: PackedCharges(context) for context in ledger(session).contexts}

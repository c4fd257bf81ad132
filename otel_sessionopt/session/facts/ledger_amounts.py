"""Exact amounts of billed tokens and money: whole numbers of very small units, so that sums never drift.

What several items share of one call is a fraction of its tokens. Fractions with the denominators of thousands of calls
cannot be summed in reasonable time; whole numbers of 10⁻¹⁸ tokens and 10⁻³⁶ dollars can, and always rounded down they
never add up to more than was billed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from otel_sessionopt.pricing.catalog import PriceClass, Rates
from otel_sessionopt.session.facts.bill import CallBill

TOKEN_UNITS: Final = 10**18
"""Units that one token has."""
RATE_UNITS: Final = 10**18
"""Units that one dollar has in a price per token."""
MONEY_UNITS: Final = TOKEN_UNITS * RATE_UNITS
"""Units that one dollar has in an amount."""

CLASSES: Final = tuple(PriceClass)
"""The order in which amounts by price class are written down."""

# More digits than any amount has: a billion dollars have 46.
_ALL_DIGITS: Final = Context(prec=100)

Charge: TypeAlias = tuple[int, int, int, int, int, int]
"""Token units by price class in the order of `CLASSES`, and money units: of one token, or summed up over calls."""
NO_CHARGE: Final[Charge] = (0, 0, 0, 0, 0, 0)

RateUnits: TypeAlias = tuple[int, int, int, int, int]
"""Price of a token in each class, in the order of `CLASSES`."""
NO_RATES: Final[RateUnits] = (0, 0, 0, 0, 0)

USUAL_PROPORTIONS: Final = (20, 2, 25, 40, 100)
"""What a token of each class costs beside the others, for calls of which only the whole cost is known.

Source: Anthropic's price list; other providers' lists have much the same proportions.
"""


@dataclass(frozen=True, slots=True)
class Billing:
    """What something was billed: tokens by price class, and their price.

    Attributes:
        units: 10⁻¹⁸ tokens by price class, in the order of `PriceClass`.
        money: 10⁻³⁶ dollars; `None` = nothing of it has a price. Sums cover the priced calls.
    """

    units: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    money: int | None = None

    @property
    def tokens(self) -> Mapping[PriceClass, Fraction]:
        """Tokens by price class, all five."""
        return {each: Fraction(units, TOKEN_UNITS) for each, units in zip(CLASSES, self.units, strict=True)}

    @property
    def total_tokens(self) -> Fraction:
        """Tokens of all classes."""
        return Fraction(sum(self.units), TOKEN_UNITS)

    @property
    def cost_usd(self) -> Decimal | None:
        """Their price, with all its digits; `None` = unpriced."""
        return None if self.money is None else usd_of(self.money)

    def __add__(self, other: Billing) -> Billing:
        a, b, c, d, e = self.units
        more = other.units
        money = self.money if other.money is None else other.money + (self.money or 0)
        return Billing((a + more[0], b + more[1], c + more[2], d + more[3], e + more[4]), money)

    def __sub__(self, other: Billing) -> Billing:
        a, b, c, d, e = self.units
        less = other.units
        money = self.money if self.money is None or other.money is None else self.money - other.money
        return Billing((a - less[0], b - less[1], c - less[2], d - less[3], e - less[4]), money)

    def part(self, numerator: int, denominator: int) -> Billing:
        """That share of it, rounded down."""
        if not denominator:
            return Billing(money=None if self.money is None else 0)
        money = None if self.money is None else self.money * numerator // denominator
        return Billing(_five(units * numerator // denominator for units in self.units), money)


def _five(values: Iterable[int]) -> tuple[int, int, int, int, int]:
    a, b, c, d, e = values
    return a, b, c, d, e


def usd_of(money: int) -> Decimal:
    """Money units as dollars, with all their digits."""
    return Decimal(f"{money}E-36").normalize(_ALL_DIGITS)


def whole_tokens(units: int) -> int:
    """Token units as tokens, rounded to nearest."""
    return (units + TOKEN_UNITS // 2) // TOKEN_UNITS


def total_billing(tokens: Mapping[PriceClass, int], cost_usd: Decimal | None) -> Billing:
    """What was billed for so many tokens; the price is `None` where none is known."""
    units = _five(tokens[each] * TOKEN_UNITS for each in CLASSES)
    return Billing(units, None if cost_usd is None else money_units(cost_usd))


def money_units(cost_usd: Decimal) -> int:
    """A price in money units."""
    numerator, denominator = cost_usd.as_integer_ratio()
    return numerator * MONEY_UNITS // denominator


def rate_units(rates: Rates) -> RateUnits:
    """Prices per token in rate units, rounded down."""
    return _five(_per_token(rates.of(each)) for each in CLASSES)


def reported_rate_units(call: CallBill) -> RateUnits:
    """Prices per token of a call of which only the whole cost is known; all zero where not even that is."""
    weight = sum(each * call.tokens[kind] for each, kind in zip(USUAL_PROPORTIONS, CLASSES, strict=True))
    if call.cost_usd is None or not weight:
        return NO_RATES
    whole = money_units(call.cost_usd)
    return _five(whole * each // weight // TOKEN_UNITS for each in USUAL_PROPORTIONS)


def _per_token(usd: Decimal) -> int:
    numerator, denominator = usd.as_integer_ratio()
    return numerator * RATE_UNITS // denominator

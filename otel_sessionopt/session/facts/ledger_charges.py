"""What a token of an item costs in each call: the mix of price classes that new and carried content was billed at.

New content is billed first in the classes that write a cache, then as uncached input, and only then as a cache read;
what the call was billed besides is shared by all that it carried on, in proportion to size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from otel_sessionopt.pricing.catalog import Rates
from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.ledger_amounts import (
    CLASSES,
    NO_CHARGE,
    NO_RATES,
    TOKEN_UNITS,
    Charge,
    RateUnits,
    rate_units,
    reported_rate_units,
)

_INPUT, _READ, _WRITE, _WRITE_1H, _ = CLASSES

_Input: TypeAlias = tuple[int, int, int, int]  # tokens in the first four classes


class RateTable:
    """Prices of calls in rate units, each computed once for all contexts of a session."""

    __slots__ = ("_known", "_last", "_last_units")

    def __init__(self) -> None:
        self._known: dict[Rates, RateUnits] = {}
        self._last: Rates | None = None
        self._last_units = NO_RATES

    def of(self, call: CallBill) -> RateUnits:
        """Prices per token of a call; all zero where none is known."""
        rates = call.rates
        if rates is None:
            return reported_rate_units(call)
        if rates is not self._last:  # by value only where the object is another one: hashing prices is slow
            units = self._known.get(rates)
            if units is None:
                units = self._known[rates] = rate_units(rates)
            self._last, self._last_units = rates, units
        return self._last_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """Charges of one context.

    Attributes:
        entry: by index of the call, of one token that was new in it.
        carried: of one weight that was carried on, summed up: `carried[j]` over all calls before `j`.
        priced: how many of the calls before `j` have a price.
        rates: by index of the call, its prices per token in rate units.
    """

    entry: Sequence[Charge]
    carried: Sequence[Charge]
    priced: Sequence[int]
    rates: Sequence[RateUnits]


def find_charges(
    calls: Sequence[CallBill], entered: Sequence[int], carried: Sequence[int], prices: RateTable
) -> Charges:
    """The charges of calls.

    Args:
        calls: in order.
        entered: by index, new tokens. More than a prompt has are all of the call, output included.
        carried: by index, weights that were carried on.
        prices: for all contexts of the session.
    """
    all_rates = [prices.of(call) for call in calls]
    entry: list[Charge] = []
    sums: list[Charge] = [NO_CHARGE]
    priced = [0]
    for call, rates, new, weight in zip(calls, all_rates, entered, carried, strict=True):
        tokens = call.tokens
        left = (tokens[_INPUT], tokens[_READ], tokens[_WRITE], tokens[_WRITE_1H])
        if new:
            taken = _take(left, new)
            left = (left[0] - taken[0], left[1] - taken[1], left[2] - taken[2], left[3] - taken[3])
            entry.append(_charge(taken, new - sum(taken), new, rates))
        else:
            entry.append(NO_CHARGE)
        if weight:
            sums.append(_plus(sums[-1], _charge(left, 0, weight, rates)))
        else:
            sums.append(sums[-1])
        priced.append(priced[-1] + (call.cost_usd is not None))
    return Charges(entry=entry, carried=sums, priced=priced, rates=all_rates)


def _take(billed: _Input, tokens: int) -> _Input:
    """The classes that new content falls into."""
    uncached, read, write, write_1h = billed
    if tokens <= write:
        return (0, 0, tokens, 0)
    tokens -= write
    if tokens <= write_1h:
        return (0, 0, write, tokens)
    tokens -= write_1h
    if tokens <= uncached:
        return (tokens, 0, write, write_1h)
    return (uncached, min(tokens - uncached, read), write, write_1h)


def _charge(billed: _Input, output: int, amount: int, rates: RateUnits) -> Charge:
    """What one of `amount` shares has of so many tokens."""
    uncached, read, write, write_1h = billed
    if read == amount:  # nearly always, of what is carried
        return (0, TOKEN_UNITS, 0, 0, 0, TOKEN_UNITS * rates[1])
    if write == amount:  # nearly always, of what is new
        return (0, 0, TOKEN_UNITS, 0, 0, TOKEN_UNITS * rates[2])
    a = uncached * TOKEN_UNITS // amount
    b = read * TOKEN_UNITS // amount
    c = write * TOKEN_UNITS // amount
    d = write_1h * TOKEN_UNITS // amount
    e = output * TOKEN_UNITS // amount
    money = a * rates[0] + b * rates[1] + c * rates[2] + d * rates[3] + e * rates[4]
    return (a, b, c, d, e, money)


def _plus(sums: Charge, more: Charge) -> Charge:
    a, b, c, d, e, money = sums
    return (a + more[0], b + more[1], c + more[2], d + more[3], e, money + more[5])


def sum_charges(charges: Charges, tokens: int, weight: int, entry: int, end: int, first: int, stop: int) -> Charge:
    """Everything that an item was billed in the calls from `first` to before `stop`.

    Args:
        charges: of its context.
        tokens, weight, entry, end: the item's.
        first, stop: indices of calls.
    """
    carried = charges.carried
    start = max(first, entry + 1)
    stop = min(stop, end)
    a = b = c = d = e = money = 0
    if start < stop:
        upto, before = carried[stop], carried[start]
        a = (upto[0] - before[0]) * weight
        b = (upto[1] - before[1]) * weight
        c = (upto[2] - before[2]) * weight
        d = (upto[3] - before[3]) * weight
        money = (upto[5] - before[5]) * weight
    if first <= entry < stop:
        new = charges.entry[entry]
        a += new[0] * tokens
        b += new[1] * tokens
        c += new[2] * tokens
        d += new[3] * tokens
        e = new[4] * tokens
        money += new[5] * tokens
    return (a, b, c, d, e, money)

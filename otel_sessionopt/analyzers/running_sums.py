"""Sums over ranges of a row that changes in between: adding and asking cost the logarithm of its length.

Source of the structure: P. Fenwick, "A new data structure for cumulative frequency tables", 1994.
"""

from __future__ import annotations

from otel_sessionopt.session.facts.ledger_amounts import NO_CHARGE, Charge


class RunningCounts:
    """A row of whole numbers, all 0 at first, to whole ranges of which numbers are added."""

    __slots__ = ("_length", "_steps")

    def __init__(self, length: int) -> None:
        self._length = length
        self._steps: dict[int, int] = {}  # only what was added to: most rows stay nearly empty

    def add(self, first: int, stop: int, amount: int) -> None:
        """Add to every place from `first` to before `stop`."""
        if first < stop:
            self._add(first, amount)
            self._add(stop, -amount)

    def at(self, place: int) -> int:
        """The number at one place."""
        steps, total = self._steps, 0
        place += 1
        while place:
            total += steps.get(place - 1, 0)
            place &= place - 1
        return total

    def _add(self, place: int, amount: int) -> None:
        steps = self._steps
        while place < self._length:
            steps[place] = steps.get(place, 0) + amount
            place |= place + 1


class RunningCharges:
    """A row of charges, all nothing at first, which are set one by one and summed over ranges."""

    __slots__ = ("_length", "_sums")

    def __init__(self, length: int) -> None:
        self._length = length
        self._sums: dict[int, Charge] = {}

    def add(self, place: int, charge: Charge) -> None:
        """Add to one place."""
        sums = self._sums
        while place < self._length:
            sums[place] = plus(sums.get(place, NO_CHARGE), charge)
            place |= place + 1

    def between(self, first: int, stop: int) -> Charge:
        """The sum from `first` to before `stop`."""
        return minus(self._before(stop), self._before(first)) if first < stop else NO_CHARGE

    def _before(self, stop: int) -> Charge:
        sums, total = self._sums, NO_CHARGE
        while stop:
            found = sums.get(stop - 1)
            if found is not None:
                total = plus(total, found)
            stop &= stop - 1
        return total


def plus(left: Charge, right: Charge) -> Charge:
    """Both together."""
    a, b, c, d, e, money = left
    return (a + right[0], b + right[1], c + right[2], d + right[3], e + right[4], money + right[5])


def minus(left: Charge, right: Charge) -> Charge:
    """One less the other."""
    a, b, c, d, e, money = left
    return (a - right[0], b - right[1], c - right[2], d - right[3], e - right[4], money - right[5])


def times(charge: Charge, factor: int) -> Charge:
    """A charge, so many times."""
    a, b, c, d, e, money = charge
    return (a * factor, b * factor, c * factor, d * factor, e * factor, money * factor)

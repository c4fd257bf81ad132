"""Sums over ranges of a row that changes in between: adding and asking cost the logarithm of its length.

Source of the structure: P. Fenwick, "A new data structure for cumulative frequency tables", 1994.
"""

from __future__ import annotations


class RunningCounts:
    """A row of whole numbers, all 0 at first, to whole ranges of which numbers are added."""

    __slots__ = ("_length", "_new", "_steps")

    def __init__(self, length: int) -> None:
        self._length = length
        self._steps: dict[int, int] = {}  # only what was added to: most rows stay nearly empty
        self._new: list[tuple[int, int, int]] = []  # not yet in `_steps`: most rows are never asked

    def add(self, first: int, stop: int, amount: int) -> None:
        """Add to every place from `first` to before `stop`."""
        if first < stop:
            self._new.append((first, stop, amount))

    def at(self, place: int) -> int:
        """The number at one place."""
        if self._new:
            for first, stop, amount in self._new:
                self._add(first, amount)
                self._add(stop, -amount)
            self._new.clear()
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


class RunningSums:
    """A row of whole numbers, all 0 at first, to which is added one by one, and which are summed over ranges."""

    __slots__ = ("_known", "_length", "_sums")

    def __init__(self, length: int) -> None:
        self._length = length
        self._sums: dict[int, int] = {}
        self._known: dict[int, int] = {}  # sums before places, since the last change: few places are asked often

    def add(self, place: int, amount: int) -> None:
        """Add to one place."""
        self._known.clear()
        sums = self._sums
        while place < self._length:
            sums[place] = sums.get(place, 0) + amount
            place |= place + 1

    def between(self, first: int, stop: int) -> int:
        """The sum from `first` to before `stop`."""
        return self._before(stop) - self._before(first) if first < stop and self._sums else 0

    def _before(self, stop: int) -> int:
        known = self._known.get(stop)
        if known is not None:
            return known
        sums, total, left = self._sums, 0, stop
        while left:
            found = sums.get(left - 1)
            if found is not None:
                total += found
            left &= left - 1
        self._known[stop] = total
        return total

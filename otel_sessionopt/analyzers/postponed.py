"""What enters a context later because the call that it entered with falls away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush


@dataclass(slots=True)
class Postponed:
    """All that enters with one call that stays, and was new in calls before it that do not.

    Attributes:
        entry: what it was charged where it was new, and is charged here instead (packed: `packed_charges.py`).
        weight: what the call here would carry of it.
        ends: by end, the rows of the items.
    """

    entry: int = 0
    weight: int = 0
    ends: list[tuple[int, int]] = field(default_factory=list)

    def add(self, row: int, end: int, entry: int, weight: int) -> None:
        """Put in one more item."""
        self.entry += entry
        self.weight += weight
        heappush(self.ends, (end, row))

    def reduce(self, entry: int, weight: int) -> None:
        """Less of an item in it."""
        self.entry -= entry
        self.weight -= weight

    def take_ended(self, index: int) -> Iterable[int]:
        """Rows of the items that no call from `index` on carries. They are out of it; `reduce` has to follow."""
        while self.ends and self.ends[0][0] <= index:
            yield heappop(self.ends)[1]


def together(left: Postponed, right: Postponed) -> Postponed:
    """Both as one; neither may be used any more. The smaller is put into the larger, so that it stays cheap."""
    few, many = (left.ends, right.ends) if len(left.ends) < len(right.ends) else (right.ends, left.ends)
    if len(few) * len(many).bit_length() < len(few) + len(many):
        for each in few:
            heappush(many, each)
    else:
        many += few
        heapify(many)
    return Postponed(left.entry + right.entry, left.weight + right.weight, many)

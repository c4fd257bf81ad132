"""What calls that fall away had to send anew because the cache had lost it: the next call that stays has to instead.

    call            a       b       c       d           calls b and c fall away
    carried         read    written read    read        d writes it, as b did

Calls that fall away in a row are a run. What all of them and the call that follows carry is billed there as the dearest
of them billed it, where that is dearer than what the call was billed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from otel_sessionopt.analyzers.packed_charges import PackedCharges
from otel_sessionopt.analyzers.running_sums import RunningSums
from otel_sessionopt.session.facts.ledger_context import ContextLedger


@dataclass(slots=True)
class _Run:
    """Calls in a row that fall away.

    Attributes:
        first: the first of them.
        dearest: the one that billed most for what it carried.
        weight: not taken out when the run was made, of what all of them and the call that follows carry.
        gone: carried weight that was taken out of the call that follows then.
        inner: carried weight taken out of it since, of what was new in the run itself.
    """

    first: int
    dearest: int
    weight: int
    gone: int
    inner: int = 0


class PutOffMisses:
    """The runs of one context.

    Args:
        context, charges: are not changed.
        gone: the weight that is taken out of what a call carried, by index.
        remaining: the weight of an item that is not taken out, by row.
    """

    __slots__ = ("_charges", "_context", "_dearer", "_gone", "_remaining", "_runs")

    def __init__(
        self,
        context: ContextLedger,
        charges: PackedCharges,
        *,
        gone: Callable[[int], int],
        remaining: Callable[[int], int],
    ) -> None:
        self._context = context
        self._charges = charges
        self._gone = gone
        self._remaining = remaining
        self._runs: dict[int, _Run] = {}  # by the call that follows
        self._dearer = RunningSums(len(context.calls))  # what a carried weight is billed more there

    def put_off(self, index: int, following: int) -> int:
        """Join a call that falls away with the runs around it; how much more that saves, packed.

        Args:
            index: of the call.
            following: of the next that stays; the number of calls where none does.
        """
        before, weight_before, saved = self._end(index)
        if following == len(self._context.calls):
            return saved
        after, weight_after, saved_after = self._end(following)
        first = index if before is None else before.first
        entered = range(first, following if after is None else after.first)
        prices, dearest = self._charges.prices, index
        for joined in (before, after):
            if joined is not None:
                other = joined.dearest
                if prices[other] > prices[dearest] or (prices[other] == prices[dearest] and other < dearest):
                    dearest = other
        run = _Run(
            first=first,
            dearest=dearest,
            weight=self._weight_of_both(entered, weight_before, index, following, weight_after),
            gone=self._gone(following),
        )
        self._runs[following] = run
        dearer = self._dearer_by(run, following)
        if dearer:
            self._dearer.add(following, dearer)
        return saved + saved_after - dearer * run.weight

    def dearer_through(self, entry: int, end: int, following: int | None) -> int:
        """What a carried weight of an item is billed more in all its calls, packed.

        Args:
            entry, end: of the item.
            following: where the call it entered with falls away, the next that stays: there it is new.
        """
        total = self._dearer.between(entry + 1, end)
        if following is not None and following < end:
            total -= self._dearer_by(self._runs[following], following)
        return total

    def reduce_inner(self, following: int, weight: int) -> None:
        """Less of an item that was new in the run before a call."""
        self._runs[following].inner += weight

    def weight_in(self, index: int) -> int:
        """Weight in a call that stays that is billed as another call billed it."""
        run = self._runs.get(index)
        return self._weight(run, index) if run is not None and self._dearer_by(run, index) else 0

    def weight_from(self, index: int, following: int) -> int:
        """Weight in the next call that stays that is billed as this one, which falls away, billed it."""
        run = self._runs.get(following)
        if run is None or run.dearest != index or not self._dearer_by(run, following):
            return 0
        return self._weight(run, following)

    def _end(self, following: int) -> tuple[_Run | None, int, int]:
        """Undo the run before a call: the run, the weight through it, and how much more that saves."""
        run = self._runs.pop(following, None)
        if run is None:
            return None, self._context.carried[following] - self._gone(following), 0
        weight = self._weight(run, following)
        dearer = self._dearer_by(run, following)
        if dearer:
            self._dearer.add(following, -dearer)
        return run, weight, dearer * weight

    def _weight(self, run: _Run, following: int) -> int:
        """Weight, not taken out by now, of what a run and the call that follows carry."""
        return run.weight - (self._gone(following) - run.gone) + run.inner

    def _weight_of_both(self, entered: range, before: int, index: int, following: int, after: int) -> int:
        """The same of a run that joins two: what one of them carries, less what the other does not.

        Whichever is less work: of that before, less the items that ended from `index` to `following`; of that after,
        less those that entered in the calls `entered`. So joining runs one by one in any order stays cheap.
        """
        context, table = self._context, self._context.table
        ended, entries, rows = context.ended, table.entries, context.conversation_rows
        begin = bisect_left(ended, (index + 1, 0))
        stop = bisect_left(ended, (following + 1, 0), lo=begin)
        first_row = bisect_left(entries, entered.start, hi=rows)
        stop_row = bisect_left(entries, entered.stop, lo=first_row, hi=rows)
        if stop - begin <= stop_row - first_row:
            gone = [row for _, row in ended[begin:stop] if entries[row] < entered.start]
            return before - sum([self._remaining(row) for row in gone])
        ends = table.ends
        new = [row for row in range(first_row, stop_row) if ends[row] > following]
        return after - sum([self._remaining(row) for row in new])

    def _dearer_by(self, run: _Run, following: int) -> int:
        """What a carried weight is billed more in the call after a run than it was, packed; 0 where it is not."""
        prices = self._charges.prices
        if prices[run.dearest] <= prices[following]:
            return 0
        carried = self._charges.carried
        dearest = run.dearest
        return carried[dearest + 1] - carried[dearest] - (carried[following + 1] - carried[following])

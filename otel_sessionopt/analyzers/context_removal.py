"""One context of the ledger with calls, content and output taken out of it, step by step.

After every step `saved` is exactly what the context was billed, less what it would have been billed without all that
was taken out. Steps may come in any order: what they save together depends on what is taken out alone.

    call      a      b      c      d            call b falls away
    item x    new    carry  carry  carry        not billed in b
    item y           new    carry  carry        new in c, at the price that it had in b
    item z           new                        nobody carries it on: it goes

What b had to send anew because the cache had lost it, c has to (`put_off_misses.py`), and a premium on it goes with it.

What it costs: taking out an item or a call grows with the logarithm of the number of calls, and with nothing else.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Final

from otel_sessionopt.analyzers.packed_charges import PackedCharges
from otel_sessionopt.analyzers.postponed import Postponed, together
from otel_sessionopt.analyzers.put_off_misses import PutOffMisses
from otel_sessionopt.analyzers.running_sums import RunningCounts, RunningSums
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.ledger_amounts import CLASSES, TOKEN_UNITS
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import SessionEvent

_READ: Final = CLASSES.index(PriceClass.CACHE_READ)
_OUTPUT: Final = CLASSES.index(PriceClass.OUTPUT)
_INPUT_CLASSES: Final = 4
"""So many of `CLASSES`, from the first on, are of the prompt."""


class ContextRemoval:
    """What is taken out of a context, by whom, and what that saves.

    Args:
        context: is not changed.
        charges: of that context.

    Attributes:
        saved: token units by price class, and money units, as `charges` packs them. A class may have less than
            nothing: what would have been read from the cache is billed as a cache read.
        owners: who had taken before what later steps asked for; who calls may empty it.
        removed_calls: indices of the calls taken out.
    """

    __slots__ = (
        "_by_owner", "_carried_there", "_charges", "_context", "_entry_owners", "_items", "_items_out", "_misses",
        "_next", "_outputs", "_postponed", "_premiums", "_removed_entry", "_weights", "owners",
        "removed_calls", "saved",
    )  # fmt: skip

    def __init__(self, context: ContextLedger, charges: PackedCharges) -> None:
        self.saved = 0
        self.owners: set[str] = set()
        self.removed_calls: set[int] = set()
        self._context = context
        self._charges = charges
        self._by_owner: dict[str, list[int]] = {}  # calls taken out, in order, by who did it
        self._carried_there = RunningSums(len(context.calls))  # what calls taken out were billed a carried weight
        self._items: dict[int, int] = {}  # tokens taken out, by row
        self._items_out: dict[int, set[str]] = {}  # by whom
        self._outputs: dict[int, tuple[int, str]] = {}  # by call
        self._removed_entry: dict[int, int] = {}  # by call, tokens taken out of what was new
        self._entry_owners: dict[int, set[str]] = {}  # by whom
        self._weights: dict[str, RunningCounts] = {}  # by call, carried weight taken out, by who did it
        self._postponed: dict[int, Postponed] = {}
        self._premiums: dict[tuple[int, int], tuple[int, set[str]]] = {}
        self._next: dict[int, int] = {}
        self._misses = PutOffMisses(context, charges, gone=self._gone, remaining=lambda row: self._remaining(row)[1])

    def removed_events(self) -> Iterator[SessionEvent]:
        """The calls taken out."""
        return (self._context.calls[index].event for index in self.removed_calls)

    # Taking out

    def remove_call(self, index: int, owner: str) -> None:
        """Take out a whole call. What was new in it is new in the next one that stays."""
        if index in self.removed_calls:
            self._note_owners_of_calls(index, index + 1, owner)
            return
        carried = self._carry(index)
        weight = 0
        for name, counts in self._weights.items() if carried else ():
            there = counts.at(index)
            if there:
                weight += there
                self.owners.add(name)
        charges = self._charges
        self.saved += charges.whole(index) - carried * weight
        if index in self._removed_entry:
            self.saved -= charges.entry[index] * self._removed_entry[index]
        if index in self._outputs:
            tokens, name = self._outputs[index]
            self.saved -= charges.output(index) * tokens
            self.owners.add(name)
        if index in self._entry_owners:
            self.owners |= self._entry_owners[index]
        self.removed_calls.add(index)
        insort(self._by_owner.setdefault(owner, []), index)
        self._carried_there.add(index, carried)
        self._postpone(index, carried)
        if index not in self._context.aside:
            self.saved += self._misses.put_off(index, self._following(index))

    def remove_tokens(self, row: int, tokens: int, owner: str) -> None:
        """Take out so many tokens of an item, wherever it is billed; no more than it has, all claims on it included."""
        table = self._context.table
        size, weight, entry, end = table.tokens[row], table.weights[row], table.entries[row], table.ends[row]
        before = self._items.get(row, 0)
        if before:
            self.owners |= self._items_out[row]
        tokens = min(tokens, size)
        if tokens <= before:
            return
        self._items[row] = tokens
        if before:
            self._items_out[row].add(owner)
        else:
            self._items_out[row] = {owner}
        charges, removed = self._charges, self.removed_calls
        more, more_weight = tokens - before, weight
        if before or tokens < size:
            more_weight = weight * tokens // size - weight * before // size
        if removed:
            self._note_owners_of_calls(entry, end, owner)
        if entry + 1 < end:
            billed = charges.carried[end] - charges.carried[entry + 1]
            if removed:
                billed -= self._carried_there.between(entry + 1, end)
                following = self._following(entry) if entry in self.removed_calls else None
                billed += self._misses.dearer_through(entry, end, following)
            self.saved += billed * more_weight
            counts = self._weights.get(owner)
            if counts is None:
                counts = self._weights[owner] = RunningCounts(len(self._context.calls))
            counts.add(entry + 1, end, more_weight)
        if entry not in removed:
            self.saved += charges.entry[entry] * more
            taken = self._removed_entry.get(entry)
            if taken is None:
                self._removed_entry[entry], self._entry_owners[entry] = more, {owner}
            else:
                self._removed_entry[entry] = taken + more
                self._entry_owners[entry].add(owner)
            return
        following = self._following(entry)
        if following < end:
            new = charges.entry[entry] * more
            self.saved += new - self._carry(following) * more_weight
            self._postponed[following].reduce(new, more_weight)
            self._misses.reduce_inner(following, more_weight)

    def remove_output(self, index: int, tokens: int, owner: str) -> None:
        """Take out so many output tokens of a call; no more than it has, all claims on them included."""
        if index in self.removed_calls:
            self._note_owners_of_calls(index, index + 1, owner)
            return
        before, name = self._outputs.get(index, (0, owner))
        if before:
            self.owners.add(name)
        # By hand prompt and answer are one item, which has the output too.
        whole = self._context.calls[index].tokens[PriceClass.OUTPUT] if self._context.context else 0
        tokens = min(tokens, whole)
        if tokens > before:
            self._outputs[index] = (tokens, name)
            self.saved += self._charges.output(index) * (tokens - before)

    def read_from_cache(self, index: int, price_class: PriceClass, tokens: int, owner: str) -> None:
        """Bill so many tokens of a prompt as cache reads; only what of that class nothing else takes out.

        Has to come after all that is taken out. Nothing where cache reads are not cheaper.
        """
        kind = CLASSES.index(price_class)
        rates = self._context.charges.rates[index]
        is_priced = self._context.calls[index].cost_usd is not None
        if kind in (_READ, _OUTPUT) or (is_priced and rates[kind] <= rates[_READ]):
            return
        counted, owners = self._premiums.setdefault((index, kind), (0, set()))
        wanted = tokens * TOKEN_UNITS
        granted = max(min(wanted, self._left(index, kind) - counted), 0)
        if granted < wanted:
            self.owners |= owners
            self._note_owners_of_calls(index, index + 1, owner)
            self.owners.update(name for name, counts in self._weights.items() if counts.at(index))
            self.owners |= self._entry_owners.get(index, set())
        if granted:
            self._premiums[index, kind] = (counted + granted, owners | {owner})
            units = [0] * len(CLASSES)
            units[kind], units[_READ] = granted, -granted
            a, b, c, d, e = units
            self.saved += self._charges.pack((a, b, c, d, e, granted * (rates[kind] - rates[_READ])))

    # What follows from it

    def _postpone(self, index: int, carried: int) -> None:
        """Have enter with the next call that stays what was new in this one, and what had been put off until it."""
        due = self._postponed.pop(index, None) or Postponed()
        self.saved += due.entry - carried * due.weight
        if index in self._context.aside:
            return
        table, entry = self._context.table, self._charges.entry
        following = self._following(index)
        if following == len(self._context.calls):
            return
        for row in due.take_ended(following):
            tokens, weight = self._remaining(row)
            due.reduce(entry[table.entries[row]] * tokens, weight)
        for row in self._rows_new_in(index):
            tokens, weight = self._remaining(row)
            if tokens and following < table.ends[row]:
                due.add(row, table.ends[row], entry[index] * tokens, weight)
        if due.ends:
            self.saved += self._carry(following) * due.weight - due.entry
            there = self._postponed.get(following)
            self._postponed[following] = due if there is None else together(due, there)

    def _following(self, index: int) -> int:
        """The first call after this one that stays and carries the conversation; the number of calls if none does."""
        path = []
        at = index + 1
        while at in self._context.aside or at in self.removed_calls:
            path.append(at)
            at = self._next.get(at, at + 1)
        for each in path:
            self._next[each] = at
        return at

    def _remaining(self, row: int) -> tuple[int, int]:
        """Tokens and weight of an item that are not taken out."""
        size, weight = self._context.table.tokens[row], self._context.table.weights[row]
        taken = self._items.get(row, 0)
        return size - taken, weight - weight * taken // size

    def _rows_new_in(self, index: int) -> Iterator[int]:
        """Rows of the items that entered with a call of the conversation."""
        entries = self._context.table.entries
        rows = self._context.conversation_rows
        first = bisect_left(entries, index, hi=rows)
        yield from range(first, bisect_right(entries, index, lo=first, hi=rows))

    def _left(self, index: int, kind: int) -> int:
        """Units of one class of a prompt that nothing takes out; of a call that falls away, what the next has of it."""
        carried = self._context.charges.carried
        carry = carried[index + 1][kind] - carried[index][kind]
        if index in self.removed_calls:
            return (
                0 if index in self._context.aside else carry * self._misses.weight_from(index, self._following(index))
            )
        gone = self._gone(index) + self._misses.weight_in(index)
        if index in self._postponed:
            gone += self._postponed[index].weight
        billed = self._context.calls[index].tokens[CLASSES[kind]] * TOKEN_UNITS
        entry = self._context.charges.entry[index][kind] * self._removed_entry.get(index, 0)
        return billed - entry - carry * gone

    def _gone(self, index: int) -> int:
        """Weight taken out of what a call carried."""
        return sum(counts.at(index) for counts in self._weights.values())

    def _carry(self, index: int) -> int:
        """What a call billed a weight that it carried."""
        carried = self._charges.carried
        return carried[index + 1] - carried[index]

    def _note_owners_of_calls(self, first: int, stop: int, owner: str) -> None:
        """Remember who but `owner` took out calls from `first` to before `stop`."""
        for name, calls in self._by_owner.items():
            if name == owner:
                continue
            place = bisect_left(calls, first)
            if place < len(calls) and calls[place] < stop:
                self.owners.add(name)

"""`ContextLedger`: the calls and items of one context, and what each item was billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Final

from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.ledger_amounts import CLASSES, TOKEN_UNITS, Billing, Charge, money_units
from otel_sessionopt.session.facts.ledger_calls import ContextCalls
from otel_sessionopt.session.facts.ledger_charges import Charges, RateTable, find_charges, sum_charges
from otel_sessionopt.session.facts.ledger_entries import Entries
from otel_sessionopt.session.facts.ledger_items import ItemTable, LedgerItem
from otel_sessionopt.session.facts.ledger_prompt import Prompt
from otel_sessionopt.session.facts.ledger_sizes import size_conversation

_OUTPUT: Final = CLASSES[4]
_entry = attrgetter("entry")


@dataclass(frozen=True, kw_only=True)
class ContextLedger:
    """What the model calls of one context were billed for.

    Attributes:
        context: id of the context; empty for everything recorded by hand.
        agent: name of its agent.
        calls: its billed calls, in the order of their starts. Indices of items and arguments are positions here.
        sizes: tokens of each call's prompt.
        aside: indices of calls that carry no conversation: side requests, embeddings, recordings by hand, what no call
            accounts for. One item has the whole prompt of each, and the items of the conversation pause there.
        carried: by index of the call, weights of all that it carried on.
        table: the items in columns, for sums over all of them.
        charges: what a token costs in each call.
    """

    context: str
    agent: str | None
    calls: tuple[CallBill, ...]
    sizes: tuple[int, ...]
    aside: frozenset[int]
    carried: Sequence[int]
    table: ItemTable
    charges: Charges

    @cached_property
    def items(self) -> tuple[LedgerItem, ...]:
        """All items, in the order of their entry."""
        items = [self.table.item(position) for position in range(len(self.table.tokens))]
        return tuple(sorted(items, key=_entry) if self.aside else items)

    @cached_property
    def conversation_rows(self) -> int:
        """How many rows of the table are of the conversation: the first ones, in the order of their entry."""
        entries = self.table.entries
        count = len(entries)
        while count and entries[count - 1] in self.aside:
            count -= 1
        return count

    @cached_property
    def ended(self) -> Sequence[tuple[int, int]]:
        """End and row of every item of the conversation that did not stay to the last call, in the order of ends."""
        last, ends = len(self.calls), self.table.ends
        return sorted((ends[row], row) for row in range(self.conversation_rows) if ends[row] < last)

    def billed(self, item: LedgerItem, first: int | None = None, stop: int | None = None) -> Billing:
        """What an item of this context was billed, from call `first` to before call `stop`, or in all.

        Its entry is part of that where `first` is not after it.
        """
        begin = item.entry if first is None else first
        end = item.end if stop is None else stop
        a, b, c, d, e, money = sum_charges(self.charges, item.tokens, item.weight, item.entry, item.end, begin, end)
        return Billing((a, b, c, d, e), money if self._is_priced(item, begin, end) else None)

    @cached_property
    def amounts(self) -> Sequence[Charge]:
        """What each row of the table was billed in all, in the order of the rows."""
        charges, table = self.charges, self.table
        return [
            sum_charges(charges, tokens, weight, entry, end, entry, end)
            for tokens, weight, entry, end in zip(table.tokens, table.weights, table.entries, table.ends, strict=True)
        ]

    @cached_property
    def total(self) -> Billing:
        """Everything that the calls were billed."""
        units = [sum([call.tokens[each] for call in self.calls]) * TOKEN_UNITS for each in CLASSES]
        costs = [call.cost_usd for call in self.calls if call.cost_usd is not None]
        money = money_units(sum(costs[1:], costs[0])) if costs else None
        return Billing((units[0], units[1], units[2], units[3], units[4]), money)

    def generated(self, index: int, tokens: int | None = None) -> Billing:
        """What a call was billed for its output, or for so many tokens of it.

        Nothing for calls recorded by hand: their items have that already.
        """
        call = self.calls[index]
        if not self.context:
            return Billing(money=None if call.cost_usd is None else 0)
        units = TOKEN_UNITS * (call.tokens[_OUTPUT] if tokens is None else tokens)
        money = None if call.cost_usd is None else units * self.charges.rates[index][4]
        return Billing((0, 0, 0, 0, units), money)

    def whole(self, index: int) -> Billing:
        """Everything that a call was billed."""
        return call_billing(self.calls[index])

    def _is_priced(self, item: LedgerItem, first: int, stop: int) -> bool:
        """Whether one of these calls has a price, or there are none."""
        start, stop = max(first, item.entry), min(stop, item.end)
        return start >= stop or self.charges.priced[stop] > self.charges.priced[start]


def call_billing(call: CallBill) -> Billing:
    """Everything that a call was billed, to the last digit."""
    a, b, c, d, e = (call.tokens[each] * TOKEN_UNITS for each in CLASSES)
    return Billing((a, b, c, d, e), None if call.cost_usd is None else money_units(call.cost_usd))


def context_ledger(group: ContextCalls, entries: Entries | None, prices: RateTable) -> ContextLedger:
    """The ledger of one context; without `entries` none of its calls carries a conversation."""
    table = ItemTable(group.context, group.calls)
    prompt = Prompt(table, len(group.calls))
    if entries is not None:
        size_conversation(prompt, group, entries)
    for index, source in group.alone.items():
        call = group.calls[index]
        # By hand prompt and answer are one thing.
        tokens = group.sizes[index] + (0 if group.context else call.tokens[_OUTPUT])
        if tokens > 0:
            table.add(call.event, source, tokens, tokens, True, index, index + 1)
            prompt.entered[index] = tokens
    return ContextLedger(
        context=group.context,
        agent=group.agent,
        calls=tuple(group.calls),
        sizes=tuple(group.sizes),
        aside=frozenset(group.alone),
        carried=prompt.carried,
        table=table,
        charges=find_charges(group.calls, prompt.entered, prompt.carried, prices),
    )

"""The context ledger: every billed token followed to what caused it.

Per context the model calls in order, and the items that their prompts held: system prompt, messages, model output, each
tool result. An item is billed in every call from its entry until it leaves the context, at that call's own mix of
uncached, cache-read and cache-write prices. All of it adds up to the bill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from typing import Final

from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger_amounts import Billing
from otel_sessionopt.session.facts.ledger_calls import context_calls
from otel_sessionopt.session.facts.ledger_charges import RateTable
from otel_sessionopt.session.facts.ledger_context import ContextLedger, context_ledger
from otel_sessionopt.session.facts.ledger_entries import find_entries
from otel_sessionopt.session.facts.ledger_items import LedgerItem
from otel_sessionopt.session.facts.ledger_tally import Confidence, LedgerNode, Tally, tally
from otel_sessionopt.session.model import Session

# An event brings three items at most. Only recordings by hand that use one id for everything have more.
_MAX_ITEMS_PER_EVENT: Final = 8


@dataclass(frozen=True)
class Ledger:
    """What every billed token of a session went to.

    Attributes:
        contexts: in the order of their first call. What was recorded by hand is in the context with the empty name, in
            which every event is a call and an item of its own.
    """

    contexts: tuple[ContextLedger, ...]

    def context(self, context: str) -> ContextLedger:
        """The ledger of one context; `KeyError` where it has no billed call."""
        return self._by_context[context]

    def item(self, item_id: str) -> LedgerItem:
        """The item with an id; `KeyError` where there is none."""
        context, row = self.place(item_id)
        return context.table.item(row)

    def place(self, item_id: str) -> tuple[ContextLedger, int]:
        """The context of an item, and its row in the table there; `KeyError` where there is none.

        Found by the event that its id names: most items are never looked at, and are not made for it.
        """
        found = self.find_place(item_id)
        if found is None:
            raise KeyError(item_id)
        return found

    def find_place(self, item_id: str) -> tuple[ContextLedger, int] | None:
        """The same; `None` where there is none."""
        found = self._places.get(item_id)
        if found is None:
            found = self._look_up(item_id)
            if found is not None:
                self._places[item_id] = found
        return found

    def find_call(self, event_id: str) -> tuple[ContextLedger, int] | None:
        """As `call`; `None` where the event is none."""
        return self._by_call.get(event_id)

    def _look_up(self, item_id: str) -> tuple[ContextLedger, int] | None:
        for event_id in (item_id, item_id.rpartition("/")[0], item_id.rpartition("@")[2]):
            for place in self._rows.get(event_id, ()):
                row, number = divmod(place, len(self.contexts))
                if self.contexts[number].table.item(row).id == item_id:
                    return self.contexts[number], row
        return self._without_event.get(item_id)

    def items_of(self, event_id: str) -> tuple[LedgerItem, ...]:
        """What an event put into its context: its result, arguments, output …, in the order of entry.

        Empty where nothing is known of its size, and where no billed call followed, for then nobody paid.
        """
        found = self._items_of.get(event_id)
        if found is None:
            contexts, count = self.contexts, len(self.contexts)
            places = self._rows.get(event_id, ())
            found = tuple([contexts[place % count].table.item(place // count) for place in places])
            self._items_of[event_id] = found
        return found

    def call(self, event_id: str) -> tuple[ContextLedger, int]:
        """The context of a billed call, and its index there; `KeyError` where the event is none."""
        return self._by_call[event_id]

    def billed(self, item: LedgerItem, from_call: int | None = None) -> Billing:
        """What an item was billed in all, or from the call with this index in its context on."""
        return self._by_context[item.context].billed(item, from_call)

    def entry_billed(self, item: LedgerItem) -> Billing:
        """What an item was billed when it entered."""
        return self._by_context[item.context].billed(item, stop=item.entry + 1)

    def by_source(self, context: str | None = None) -> LedgerNode:
        """Tokens and dollars by source, tool and file, of one context or of all. Adds up to the bill."""
        if context is not None:
            return tally([self._by_context[context]]).tree
        return self._tally.tree

    def dearest(self, count: int = 10) -> tuple[tuple[LedgerItem, Billing], ...]:
        """The items that cost most, with what they were billed; by tokens where nothing has a price."""
        # From the columns: most items are never looked at as objects.
        found = nsmallest(
            count,
            (
                (-money, -(a + b + c + d + e), number, row)
                for number, context in enumerate(self.contexts)
                for row, (a, b, c, d, e, money) in enumerate(context.amounts)
            ),
        )
        items = ((self.contexts[number], self.contexts[number].table.item(row)) for _, _, number, row in found)
        return tuple((item, context.billed(item)) for context, item in items)

    def context_sizes(self, context: str) -> tuple[int, ...]:
        """Tokens of the prompt of every call of a context."""
        return self._by_context[context].sizes

    @property
    def confidence(self) -> Confidence | None:
        """How sure the sizes are; `None` where no input was billed."""
        return self._tally.confidence

    @cached_property
    def _tally(self) -> Tally:
        return tally(self.contexts)

    @cached_property
    def _by_context(self) -> Mapping[str, ContextLedger]:
        return {context.context: context for context in self.contexts}

    @cached_property
    def _without_event(self) -> Mapping[str, tuple[ContextLedger, int]]:
        """Where the items are that nothing recorded brought, by id."""
        return {
            context.table.item(row).id: (context, row)
            for context in self.contexts
            for row, event in enumerate(context.table.events)
            if event is None
        }

    @cached_property
    def _rows(self) -> Mapping[str, tuple[int, ...]]:
        """By event id, where the items are that it brought: row of the table, times contexts, plus the context."""
        found: dict[str, tuple[int, ...]] = {}
        count = len(self.contexts)
        for number, context in enumerate(self.contexts):
            for row, event in enumerate(context.table.events):
                if event is not None:
                    there = found.get(event.id, ())
                    if len(there) < _MAX_ITEMS_PER_EVENT:
                        # Not lists: so many of them are slow to collect.
                        found[event.id] = (*there, row * count + number)
        return found

    @cached_property
    def _places(self) -> dict[str, tuple[ContextLedger, int]]:
        """What was asked for so far: each claim on an item is looked up several times."""
        return {}

    @cached_property
    def _items_of(self) -> dict[str, tuple[LedgerItem, ...]]:
        """Likewise by event."""
        return {}

    @cached_property
    def _by_call(self) -> Mapping[str, tuple[ContextLedger, int]]:
        return {
            call.event.id: (context, index) for context in self.contexts for index, call in enumerate(context.calls)
        }


def ledger(session: Session) -> Ledger:
    """The context ledger of a session."""
    return session.fact(_compute_ledger)


def _compute_ledger(session: Session) -> Ledger:
    groups = context_calls(bill(session).calls, session.events)
    entries = find_entries(groups, session.events)
    prices = RateTable()
    return Ledger(tuple(context_ledger(group, entries.get(context), prices) for context, group in groups.items()))

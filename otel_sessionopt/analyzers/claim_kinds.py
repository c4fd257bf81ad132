"""The kinds of claim an issue can make on the bill, resolved against the context ledger."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from otel_sessionopt.analyzers.issue import PremiumClaim


class ItemClaim(NamedTuple):
    """Content that was in the context in vain: its entry and every later call that carried it.

    Attributes:
        item_id: id of the ledger item.
        tokens: how many of the item's tokens, > 0.
        from_call: event id of the first call from which carrying was in vain; `None` = from the entry on.
    """

    item_id: str
    tokens: int
    from_call: str | None = None


class CallClaim(NamedTuple):
    """A whole model call in vain: everything it was billed."""

    call_id: str


class OutputClaim(NamedTuple):
    """Output tokens of a model call in vain."""

    call_id: str
    tokens: int


LedgerClaim: TypeAlias = "ItemClaim | CallClaim | OutputClaim | PremiumClaim"

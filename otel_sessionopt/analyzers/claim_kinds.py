"""The kinds of claim an issue can make on the bill, resolved against the context ledger (`replay.py`)."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from otel_sessionopt.analyzers.issue import PremiumClaim


class ItemClaim(NamedTuple):
    """Content that was in the context in vain: its entry and every later call that carried it.

    Attributes:
        item_id: id of the ledger item.
        tokens: how many of the item's tokens, > 0.
    """

    item_id: str
    tokens: int


class CallClaim(NamedTuple):
    """A whole model call in vain: everything it was billed. What was new in it enters with the next call that stays."""

    call_id: str


class OutputClaim(NamedTuple):
    """Output tokens of a model call in vain, as they were generated; what carries them on is an item.

    Claims of one issue on one call add up; of those of several issues the largest counts.
    """

    call_id: str
    tokens: int


LedgerClaim: TypeAlias = "ItemClaim | CallClaim | OutputClaim | PremiumClaim"

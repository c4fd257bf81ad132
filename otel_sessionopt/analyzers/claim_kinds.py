"""The kinds of claim an issue can make on the bill, resolved against the context ledger (`replay.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from typing_extensions import assert_never

from otel_sessionopt.pricing.catalog import PriceClass


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


class PremiumClaim(NamedTuple):
    """Input that would have been read from the cache: dollars only, the price paid less the cache-read price.

    Attributes:
        call_id: the model call.
        price_class: what was paid (`INPUT`, `CACHE_WRITE` or `CACHE_WRITE_1H`).
        tokens: how many, > 0; they stay on the bill, as cache reads.
    """

    call_id: str
    price_class: PriceClass
    tokens: int


LedgerClaim: TypeAlias = "ItemClaim | CallClaim | OutputClaim | PremiumClaim"


def claim_to_dict(claim: LedgerClaim) -> dict[str, Any]:
    """A claim as plain values for JSON; `kind` says which it is."""
    if isinstance(claim, ItemClaim):
        return {"kind": "item", "item_id": claim.item_id, "tokens": claim.tokens}
    if isinstance(claim, CallClaim):
        return {"kind": "call", "call_id": claim.call_id}
    if isinstance(claim, OutputClaim):
        return {"kind": "output", "call_id": claim.call_id, "tokens": claim.tokens}
    if isinstance(claim, PremiumClaim):
        price_class = claim.price_class.value
        return {"kind": "premium", "call_id": claim.call_id, "price_class": price_class, "tokens": claim.tokens}
    assert_never(claim)


def claim_from_dict(data: Mapping[str, Any]) -> LedgerClaim:
    """Read what `claim_to_dict` wrote. Raises `ValueError` on a wrong value, `KeyError` on a missing key."""
    kind = data["kind"]
    if kind == "item":
        return ItemClaim(str(data["item_id"]), _tokens(data))
    if kind == "call":
        return CallClaim(str(data["call_id"]))
    if kind == "output":
        return OutputClaim(str(data["call_id"]), _tokens(data))
    if kind == "premium":
        return PremiumClaim(str(data["call_id"]), PriceClass(data["price_class"]), _tokens(data))
    raise ValueError(f"a claim's kind is {kind!r}; item, call, output or premium is allowed")


def _tokens(data: Mapping[str, Any]) -> int:
    tokens = data["tokens"]
    if isinstance(tokens, bool) or not isinstance(tokens, int):
        raise ValueError(f"a claim's tokens are {tokens!r}; a whole number is wanted")
    return tokens

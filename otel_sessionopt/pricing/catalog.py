"""What a token costs: the price classes, `Rates`, and the `PriceCatalog` that answers with them."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import NamedTuple, Protocol


class PriceClass(str, Enum):
    """The five ways in which a provider bills a token."""

    INPUT = "input"  # uncached input
    CACHE_READ = "cache_read"
    CACHE_WRITE = "cache_write"
    CACHE_WRITE_1H = "cache_write_1h"
    OUTPUT = "output"

    # Enum computes it in Python; as keys of every call's bill they are hashed more than anything else.
    __hash__ = str.__hash__


class Rates(NamedTuple):
    """USD per token in each price class, for one call.

    `source` says where they come from: `genai-prices`, `short name` or `override`, and what was assumed.
    """

    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    cache_write_1h: Decimal
    output: Decimal
    source: str

    def of(self, price_class: PriceClass) -> Decimal:
        """USD per token of one class."""
        rate: Decimal = getattr(self, price_class.value)
        return rate

    def cost(self, *, input: int, cache_read: int, cache_write: int, cache_write_1h: int, output: int) -> Decimal:
        """USD for so many tokens in each class."""
        return (
            input * self.input
            + cache_read * self.cache_read
            + cache_write * self.cache_write
            + cache_write_1h * self.cache_write_1h
            + output * self.output
        )


class PriceCatalog(Protocol):
    """Answers what one model call costs. Implementations are thread-safe and remember look-ups."""

    def rates(self, model: str | None, provider: str | None, at_ns: int | None, input_tokens: int) -> Rates | None:
        """Rates for a call of `model` at `at_ns` (epoch ns, `None` = now) with `input_tokens` in all.

        Some models charge more for long prompts. `None` when the model is not known: never a made-up price.
        """
        ...


CACHE_AS_INPUT = "cache reads billed as input"
"""Note in `Rates.source` where a source has no price for cache reads."""


def rates_per_million(
    *,
    input_usd: Decimal,
    output_usd: Decimal,
    cache_read_usd: Decimal | None,
    cache_write_usd: Decimal | None,
    cache_write_1h_usd: Decimal | None,
    source: str,
) -> Rates:
    """Rates from prices in USD per million tokens, as providers publish them.

    Cache reads and writes without a price of their own are billed as input, one-hour writes as other writes. For writes
    that is how providers without such a price bill them; for reads it may be too much, and `Rates.source` says so.
    """
    if cache_read_usd is None:
        source = f"{source} ({CACHE_AS_INPUT})"
    write = input_usd if cache_write_usd is None else cache_write_usd
    return Rates(
        input=_per_token(input_usd),
        cache_read=_per_token(input_usd if cache_read_usd is None else cache_read_usd),
        cache_write=_per_token(write),
        cache_write_1h=_per_token(write if cache_write_1h_usd is None else cache_write_1h_usd),
        output=_per_token(output_usd),
        source=source,
    )


def _per_token(usd_per_million: Decimal) -> Decimal:
    return usd_per_million.scaleb(-6)

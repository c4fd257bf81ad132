"""What a token costs: `PriceCatalog` and the price classes. Placeholder until pricing lands."""
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


class Rates(NamedTuple):
    """USD per token in each price class, for one call; `source` says where they come from (`genai-prices`, `short name`, `override`)."""

    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    cache_write_1h: Decimal
    output: Decimal
    source: str


class PriceCatalog(Protocol):
    """Answers what one model call costs. Implementations are thread-safe and remember look-ups."""

    def rates(self, model: str | None, provider: str | None, at_ns: int | None, input_tokens: int) -> Rates | None:
        """Rates for a call of `model` at `at_ns` (epoch ns, `None` = newest) with `input_tokens` in all (some models
        charge more for long prompts). `None` when the model is not known: never a made-up price."""
        ...

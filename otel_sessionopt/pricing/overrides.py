"""Prices that a user sets: they beat every other source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

from otel_sessionopt.pricing.catalog import Rates, rates_per_million

SOURCE: Final = "override"

_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class PriceOverride:
    """Prices of one model, or of all whose names match, in USD per million tokens.

    Attributes:
        input, output: uncached input and whole output.
        cache_read, cache_write: `None` = billed as input.
        cache_write_1h: `None` = as `cache_write`.

    Raises:
        ValueError: a price is negative or no number.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h"):
            price: Decimal | None = getattr(self, name)
            if price is not None and not (price.is_finite() and price >= 0):
                raise ValueError(f"{name}: a price of at least 0 is needed, not {price}")


class OverrideTable:
    """Overrides by model name. Names are compared without regard to case; an exact name beats a pattern, a longer
    pattern a shorter one."""

    def __init__(self, overrides: Mapping[str, PriceOverride]) -> None:
        rates = {name.lower(): _rates(override) for name, override in overrides.items()}
        self._exact = rates
        # Of equally long patterns the first in the alphabet wins, so that the order in a file does not matter.
        patterns = sorted((name for name in rates if _WILDCARDS & set(name)), key=lambda name: (-len(name), name))
        self._patterns = [(pattern, rates[pattern]) for pattern in patterns]

    def find(self, model: str) -> Rates | None:
        """Rates set for a model; `None` when the user set none."""
        name = model.lower()
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        return next((rates for pattern, rates in self._patterns if fnmatchcase(name, pattern)), None)


def _rates(override: PriceOverride) -> Rates:
    return rates_per_million(
        input_usd=override.input,
        output_usd=override.output,
        cache_read_usd=override.cache_read,
        cache_write_usd=override.cache_write,
        cache_write_1h_usd=override.cache_write_1h,
        source=SOURCE,
    )

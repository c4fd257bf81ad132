"""`Catalog`: every source of prices, in the order in which they are believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache

from otel_sessionopt.pricing.catalog import Rates
from otel_sessionopt.pricing.genai import GenaiPrices
from otel_sessionopt.pricing.overrides import OverrideTable, PriceOverride
from otel_sessionopt.pricing.short_names import SHORT_NAME_RATES


class Catalog:
    """A `PriceCatalog`: the user's overrides, then the short names, then `genai-prices`.

    Thread-safe. Look-ups are remembered; the price list is loaded at the first one that needs it.

    Args:
        overrides: by model name or pattern (`claude-opus-*`).
        clock: epoch ns, for calls that do not say when they were made.
    """

    def __init__(
        self, overrides: Mapping[str, PriceOverride] | None = None, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._overrides = OverrideTable(overrides or {})
        self._listed = GenaiPrices()
        self._clock = clock

    def rates(self, model: str | None, provider: str | None, at_ns: int | None, input_tokens: int) -> Rates | None:
        """See `PriceCatalog.rates`."""
        if not model:
            return None
        override = self._overrides.find(model)
        if override is not None:
            return override
        short = SHORT_NAME_RATES.get(model)
        if short is not None:
            return short
        return self._listed.rates(model, provider, self._clock() if at_ns is None else at_ns, input_tokens)


@cache
def default_catalog() -> Catalog:
    """The catalog without overrides. One for the process: all it holds are look-ups in data that do not change."""
    return Catalog()

"""Short model names with fixed prices, as people who record sessions by hand write them.

`default` is the literal name that such a session has when its user names no model. It never stands in for a model that
nobody knows.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from otel_sessionopt.pricing.catalog import Rates, rates_per_million

SOURCE: Final = "short name"

# Anthropic bills a cache read at a tenth of the input, a write at 1.25 of it, a one-hour write at twice.
# Source: Anthropic, "Prompt caching", pricing, checked 2026-11-22.
_CACHE_READ_RATIO = Decimal("0.1")
_CACHE_WRITE_RATIO = Decimal("1.25")
_CACHE_WRITE_1H_RATIO = Decimal(2)


def _rates(input_usd_per_1000: str, output_usd_per_1000: str, *, has_cache_prices: bool) -> Rates:
    input_usd = Decimal(input_usd_per_1000) * 1000
    return rates_per_million(
        input_usd=input_usd,
        output_usd=Decimal(output_usd_per_1000) * 1000,
        cache_read_usd=input_usd * _CACHE_READ_RATIO if has_cache_prices else None,
        cache_write_usd=input_usd * _CACHE_WRITE_RATIO if has_cache_prices else None,
        cache_write_1h_usd=input_usd * _CACHE_WRITE_1H_RATIO if has_cache_prices else None,
        source=SOURCE,
    )


# USD per 1,000 tokens, input and output: fixed, so that old recordings keep their cost.
SHORT_NAME_RATES: Final = {
    "opus": _rates("0.015", "0.075", has_cache_prices=True),
    "sonnet": _rates("0.003", "0.015", has_cache_prices=True),
    "grok": _rates("0", "0", has_cache_prices=False),
    "gpt4": _rates("0.010", "0.030", has_cache_prices=False),
    "gemini": _rates("0.00025", "0.0005", has_cache_prices=False),
    "default": _rates("0.010", "0.030", has_cache_prices=False),
}

"""Prices from the `genai-prices` library: offline, by date, by length of the prompt.

The library is imported at the first look-up, which takes about a third of a second: never on a host's own thread. Its
updater, which goes to the network, is never started.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_sessionopt.pricing.catalog import Rates, rates_per_million
from otel_sessionopt.pricing.model_names import listed_names

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice

SOURCE: Final = "genai-prices"

_log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_DAY_NS = 86_400 * 1_000_000_000
_MINUTE_NS = 60 * 1_000_000_000
_LAST_NS = 253_402_214_400 * 1_000_000_000  # the last day of year 9999, where `datetime` ends

# Holds a year of days for ten models, and sessions have a handful. The bound costs repeated look-ups, never a price.
_MAX_REMEMBERED: Final = 4_096

# Anthropic, "Prompt caching", pricing: a one-hour write costs twice the input. For lists that lack it.
_CLAUDE_WRITE_1H_RATIO: Final = Decimal(2)


class _Tiers(NamedTuple):
    """Rates by prompt length: `rates[i]` is for prompts of up to `limits[i]` tokens, the last for all longer ones."""

    limits: Sequence[int]
    rates: Sequence[Rates]

    def at(self, input_tokens: int) -> Rates:
        return self.rates[bisect_left(self.limits, input_tokens)]


class _Listed(NamedTuple):
    """A model of the list. `period_ns` is how long a price holds at least: a day, a minute where nights are cheaper."""

    model: ModelInfo
    period_ns: int


class GenaiPrices:
    """A price catalog over the data that comes with the library. Thread-safe; remembers its look-ups."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._snapshot: DataSnapshot | None = None
        self._models: dict[tuple[str, str | None], _Listed | None] = {}
        self._tiers: dict[tuple[str, str | None, int], _Tiers | None] = {}

    def rates(self, model: str, provider: str | None, at_ns: int, input_tokens: int) -> Rates | None:
        """See `PriceCatalog.rates`."""
        name = (model, provider)
        try:
            listed = self._models[name]
        except KeyError:
            listed = self._remember_model(name)
        if listed is None:
            return None
        period = min(max(at_ns, 0), _LAST_NS) // listed.period_ns
        key = (model, provider, period)
        try:
            tiers = self._tiers[key]
        except KeyError:
            tiers = self._remember_tiers(key, listed)
        return None if tiers is None else tiers.at(input_tokens)

    def _remember_model(self, name: tuple[str, str | None]) -> _Listed | None:
        with self._lock:
            if len(self._models) >= _MAX_REMEMBERED:
                self._models.clear()
            if name not in self._models:
                self._models[name] = self._find_model(*name)
            return self._models[name]

    def _remember_tiers(self, key: tuple[str, str | None, int], listed: _Listed) -> _Tiers | None:
        with self._lock:
            if len(self._tiers) >= _MAX_REMEMBERED:
                self._tiers.clear()
            if key not in self._tiers:
                moment = _EPOCH + timedelta(microseconds=key[2] * listed.period_ns // 1000)
                self._tiers[key] = _tiers(listed.model.get_prices(moment), listed.model.id)
            return self._tiers[key]

    def _find_model(self, model: str, provider: str | None) -> _Listed | None:
        if self._snapshot is None:
            self._snapshot = _load_snapshot()
        known = frozenset(each.id for each in self._snapshot.providers)
        for listed in listed_names(model, provider, known):
            try:
                _, found = self._snapshot.find_provider_model(listed.model, None, listed.provider, None)
            except LookupError:
                continue
            return _Listed(found, _MINUTE_NS if _has_night_price(found) else _DAY_NS)
        _log.debug("no price is known for a model of provider %s", provider)
        return None


def _load_snapshot() -> DataSnapshot:
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    # One of our own, so that a host which updates the library's prices at run time does not change our results.
    return DataSnapshot(providers=providers, from_auto_update=False)


def _has_night_price(model: ModelInfo) -> bool:
    prices = model.prices if isinstance(model.prices, list) else []
    return any(hasattr(price.constraint, "start_time") for price in prices)


def _tiers(price: ModelPrice, model_id: str) -> _Tiers | None:
    """Rates of one model on one day. `None` when it is billed by other things than tokens."""
    if price.input_mtok is None:
        return None
    classes = (price.input_mtok, price.output_mtok, price.cache_read_mtok, price.cache_write_mtok)
    limits = sorted({tier.start for each in classes for tier in getattr(each, "tiers", ())})
    # A prompt longer than a tier's start pays that tier's price for all of its tokens.
    lengths = [0, *(limit + 1 for limit in limits)]
    return _Tiers(limits, [_rates(price, model_id, input_tokens) for input_tokens in lengths])


def _rates(price: ModelPrice, model_id: str, input_tokens: int) -> Rates:
    input_usd = _usd_at(price.input_mtok, input_tokens) or Decimal(0)
    write_1h_usd = _usd_at(getattr(price, "cache_write_1h_mtok", None), input_tokens)
    if write_1h_usd is None and "claude" in model_id:
        write_1h_usd = input_usd * _CLAUDE_WRITE_1H_RATIO
    return rates_per_million(
        input_usd=input_usd,
        output_usd=_usd_at(price.output_mtok, input_tokens) or Decimal(0),  # embeddings have no output
        cache_read_usd=_usd_at(price.cache_read_mtok, input_tokens),
        cache_write_usd=_usd_at(price.cache_write_mtok, input_tokens),
        cache_write_1h_usd=write_1h_usd,
        source=SOURCE,
    )


def _usd_at(price: object, input_tokens: int) -> Decimal | None:
    """A price in USD per million tokens for a prompt of that length."""
    if price is None or isinstance(price, Decimal):
        return price
    from genai_prices.types import TieredPrices

    if not isinstance(price, TieredPrices):
        raise TypeError(f"genai-prices has a new kind of price: {type(price).__name__}")
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base

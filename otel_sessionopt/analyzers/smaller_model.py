"""What a row of model calls would have cost on a smaller model, caches included."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from otel_sessionopt.pricing import default_catalog
from otel_sessionopt.pricing.catalog import Rates
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import Session

# The dearest models of a family, by a part of the name, and a small one of the same family that calls tools well.
# Source: the providers' own lists of models.
_SMALLER: Final = (
    ("claude-opus", "claude-haiku-4-5"),
    ("claude-3-opus", "claude-haiku-4-5"),
    ("claude-fable", "claude-haiku-4-5"),
    ("gpt-5-pro", "gpt-5-mini"),
    ("gemini-2.5-pro", "gemini-2.5-flash"),
)


def smaller_model(model: str | None) -> str | None:
    """A smaller model of the family, for the dearest one of it; `None` for any other."""
    return next((smaller for name, smaller in _SMALLER if name in (model or "").lower()), None)


def saved_usd(session: Session, context: ContextLedger, run: Sequence[int], smaller: str) -> Decimal | None:
    """What a run of calls, by index, cost more than it would have on another model; negative where it would not pay.

    The other model writes the whole prompt into a cache of its own and then reads it; afterwards the first one has to
    write what was new. Where nothing was cached, nothing is. `None` without a price for all of them.
    """
    prices = session.prices if session.prices is not None else default_catalog()
    is_cached = any(each.event.cache_read_tokens or each.event.cache_write_tokens for each in context.calls)
    saved = Decimal(0)
    held = 0  # what the other model has in its cache
    for index in run:
        call, size = context.calls[index], context.sizes[index]
        rates = prices.rates(smaller, call.event.provider, call.event.start_ns, size)
        if rates is None or call.rates is None or call.cost_usd is None:
            return None
        read = min(held, size) if is_cached else 0
        saved += call.cost_usd - read * rates.cache_read - (size - read) * _new_rate(rates, is_cached=is_cached)
        saved -= call.event.tokens_output * rates.output
        held = size
    own = context.calls[run[-1]].rates
    if is_cached and own is not None:
        before = context.sizes[run[0] - 1] if run[0] else 0
        saved -= max(context.sizes[run[-1]] - before, 0) * (own.cache_write - own.cache_read)
    return saved


def _new_rate(rates: Rates, *, is_cached: bool) -> Decimal:
    return rates.cache_write if is_cached else rates.input

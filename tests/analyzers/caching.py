"""Conversations that use a prompt cache, for the tests of the rules about it."""

from __future__ import annotations

from decimal import Decimal

from otel_sessionopt.pricing.catalog import PriceCatalog, Rates
from tests.support.digest_builder import TraceBuilder


class MicroPrices:
    """The proportions of `FLAT`, in dollars a million tokens: for what depends on the amount."""

    def rates(self, model: str | None, provider: str | None, at_ns: int | None, input_tokens: int) -> Rates | None:
        read, base, write, write_1h, output = (Decimal(each).scaleb(-6) for each in (1, 10, 12, 20, 50))
        return Rates(base, read, write, write_1h, output, "micro")


class NoDiscountPrices:
    """A provider that is not known to read its cache for less than input."""

    def rates(self, model: str | None, provider: str | None, at_ns: int | None, input_tokens: int) -> Rates | None:
        return Rates(Decimal(10), Decimal(10), Decimal(10), Decimal(10), Decimal(50), "flat")


MICRO: PriceCatalog = MicroPrices()
NO_DISCOUNT: PriceCatalog = NoDiscountPrices()


def talk(trace: TraceBuilder | None = None, *, kept_for_an_hour: bool = False) -> TraceBuilder:
    """Two calls without output: 20,000 tokens are written to the cache, then read, and 1,200 are written behind them.

    With `FLAT` they cost 20,000 × 12 + 20,000 + 1,200 × 12 = 274,400.
    """
    trace = trace or TraceBuilder()
    for read, written in ((0, 20_000), (20_000, 1_200)):
        hour = written if kept_for_an_hour else 0
        trace.model_call(input=0, cache_read=read, cache_write=written, cache_write_1h=hour, output=0)
        trace.tool("lookup", tokens=500)
    return trace


def missed(trace: TraceBuilder, *, read: int = 5_000, hour: bool = False) -> TraceBuilder:
    """A call with a prompt of 22,000 tokens, of which only `read` come from the cache."""
    written = 22_000 - read
    return trace.model_call(
        input=0, cache_read=read, cache_write=written, cache_write_1h=written if hour else 0, output=0
    )


def hit(trace: TraceBuilder, *, read: int = 21_200, written: int = 800) -> TraceBuilder:
    """A call that reads all there was."""
    return trace.model_call(input=0, cache_read=read, cache_write=written, output=0)

"""What a model call costs: a small table of prices, and billed tokens by class.

Source: Anthropic's price list (platform.claude.com/docs/en/about-claude/pricing) as it was on the days of the sessions;
five-minute cache writes cost 1.25 ×, one-hour writes 2 × and cache reads 0.1 × the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

_MILLION: Final = 1_000_000


class Price(NamedTuple):
    """USD per million tokens of input and output. `limit`: the longest prompt that this price holds for."""

    input_usd: float
    output_usd: float
    limit: int

    @property
    def read_usd(self) -> float:
        """A token read from the cache, in USD."""
        return self.input_usd * 0.1 / _MILLION

    @property
    def uncached_usd(self) -> float:
        """A token of uncached input, in USD."""
        return self.input_usd / _MILLION

    @property
    def write_5m_usd(self) -> float:
        """A token written to the cache for five minutes, in USD."""
        return self.input_usd * 1.25 / _MILLION

    @property
    def write_1h_usd(self) -> float:
        """A token written to the cache for an hour, in USD."""
        return self.input_usd * 2 / _MILLION

    @property
    def answer_usd(self) -> float:
        """A token of output, in USD."""
        return self.output_usd / _MILLION


# By the beginning of the model's name. Longer prompts cost more on the models with a limit of 200,000 tokens.
PRICES: Final = {
    "claude-fable-5": Price(10, 50, 1_000_000),
    "claude-opus-5": Price(5, 25, 1_000_000),
    "claude-opus-4-5": Price(5, 25, 200_000),
    "claude-opus-4-6": Price(5, 25, 200_000),
    "claude-sonnet-5": Price(2, 10, 1_000_000),
    "claude-sonnet-4-5": Price(3, 15, 200_000),
    "claude-sonnet-4-6": Price(3, 15, 200_000),
    "claude-haiku-4-5": Price(1, 5, 200_000),
}
DEAREST_MODEL: Final = "claude-fable-5"
CHEAPEST_MODEL: Final = "claude-haiku-4-5-20251001"


@dataclass(slots=True)
class Usage:
    """Tokens that one model call was billed. The prompt is everything but the output."""

    uncached: int = 0
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        """Tokens of the whole prompt."""
        return self.uncached + self.read + self.write_5m + self.write_1h

    @property
    def write(self) -> int:
        """Tokens written to the cache."""
        return self.write_5m + self.write_1h

    @property
    def cached(self) -> int:
        """Length of the prefix that is in the cache after this call."""
        return self.read + self.write

    def copy(self) -> Usage:
        """The same numbers, to be changed."""
        return Usage(self.uncached, self.read, self.write_5m, self.write_1h, self.output)


def price_of(model: str) -> Price | None:
    """The price of a model, `None` for one that is not in the table."""
    return next((price for name, price in PRICES.items() if model.startswith(name)), None)


def cost_usd(model: str, usage: Usage) -> float:
    """What one call cost. Raises `LookupError` for a model or prompt that the table has no price for."""
    price = price_of(model)
    if price is None or usage.prompt > price.limit:
        raise LookupError(f"no price for {usage.prompt} tokens of {model!r}")
    return (
        usage.uncached * price.uncached_usd
        + usage.read * price.read_usd
        + usage.write_5m * price.write_5m_usd
        + usage.write_1h * price.write_1h_usd
        + usage.output * price.answer_usd
    )

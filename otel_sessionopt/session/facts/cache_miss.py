"""`CacheMiss`: one prompt that a provider could have read from its cache and did not, and why."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.cache_pauses import Pause
from otel_sessionopt.session.facts.ledger_amounts import CLASSES, RateUnits

LEAST_MISS_TOKENS: Final = 1_024
"""A miss has more tokens than this: nobody caches shorter prompts. Source: Anthropic and OpenAI, "Prompt caching"."""

# What missed tokens were paid as: they are the beginning of the prompt. Blocks kept for an hour stand before those kept
# for five minutes, and what is in no block is the end. Source: Anthropic, "Prompt caching", mixing different TTLs.
_PAID_CLASSES: Final = (PriceClass.CACHE_WRITE_1H, PriceClass.CACHE_WRITE, PriceClass.INPUT)
_READ: Final = CLASSES.index(PriceClass.CACHE_READ)


class MissCause(str, Enum):
    """Why a prompt was not read from the cache; of several, the first here that fits. The last three are losses."""

    FIRST_CALL = "first_call"  # of its context: nothing can have been there
    MODEL_CHANGED = "model_changed"  # each model has a cache of its own
    COMPACTED = "compacted"  # or cleared: the prompt is another one
    NOT_WRITTEN = "not_written"  # the call before had not put it into the cache
    CONCURRENT = "concurrent"  # the call before was still running
    OTHER_PROMPT = "other_prompt"  # nothing shows that the call goes on where the one before was
    THOUGHTS_DROPPED = "thoughts_dropped"  # a person answered: thoughts since the message before are not sent any more
    IDLE = "idle"  # longer than the cache lives
    TOOLS_CHANGED = "tools_changed"  # their definitions stand before everything else
    PREFIX_CHANGED = "prefix_changed"  # something else that comes early in the prompt, for all that is known

    @property
    def is_break(self) -> bool:
        """Whether something changed that could have stayed the same."""
        return self in (MissCause.TOOLS_CHANGED, MissCause.PREFIX_CHANGED)

    @property
    def is_loss(self) -> bool:
        """Whether the tokens would have been read, had nothing gone wrong."""
        return self.is_break or self is MissCause.IDLE


class CacheMiss(NamedTuple):
    """One model call that did not read what its conversation had in the cache.

    Attributes:
        call: the model call.
        previous: the call before it of the same context and model; `None` for the first one.
        tokens: what it could have read and did not, over `LEAST_MISS_TOKENS`.
        cause: why.
        gap_ns: since the start of `previous`, which last used the cache; 0 without one.
        life_ns: how long the cache lives.
        pause: what the gap was spent on, where it is longer than that.
        rates: prices of the call; `None` = unpriced.
    """

    call: CallBill
    previous: CallBill | None
    tokens: int
    cause: MissCause
    gap_ns: int
    life_ns: int
    pause: Pause | None
    rates: RateUnits | None

    @property
    def shared_tokens(self) -> int:
        """The most that the prompt can have in common with the one before."""
        size = self.call.event.tokens_input
        return size if self.previous is None else min(size, self.previous.event.tokens_input)

    @property
    def paid(self) -> tuple[tuple[PriceClass, int], ...]:
        """The price classes that the tokens were billed in, with their parts."""
        parts, left = [], self.tokens
        for price_class in _PAID_CLASSES:
            part = min(left, self.call.tokens[price_class])
            if part > 0:
                parts.append((price_class, part))
                left -= part
        return tuple(parts)

    @property
    def premium_usd(self) -> Decimal | None:
        """What they cost beyond cache reads, ≥ 0; `None` = unpriced."""
        return None if self.rates is None else premium_usd(self.rates, self.paid)


def premium_usd(rates: RateUnits, paid: Iterable[tuple[PriceClass, int]]) -> Decimal:
    """What tokens cost beyond cache reads, by the price classes they were billed in; ≥ 0."""
    units = sum(tokens * (rates[CLASSES.index(each)] - rates[_READ]) for each, tokens in paid)
    return Decimal(f"{max(units, 0)}E-18")

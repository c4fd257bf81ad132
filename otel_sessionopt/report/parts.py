"""The parts that an `OptimizationReport` is made of. All texts in them are cleaned already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from otel_sessionopt.pricing.catalog import PriceClass

USD_DIGITS: Final = 9
"""Digits of a dollar that JSON has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Tokens and what they cost; `cost_usd` is `None` where no price is known, never 0 for that."""

    tokens: int = 0
    cost_usd: Decimal | None = None

    @classmethod
    def sum_of(cls, parts: Iterable[tuple[int, Decimal | None]]) -> Amount:
        """The sum of tokens, and of the costs that are known; `None` when none is."""
        tokens = 0
        costs: list[Decimal] = []
        for part_tokens, cost in parts:
            tokens += part_tokens
            if cost is not None:
                costs.append(cost)
        return cls(tokens=tokens, cost_usd=sum(costs, Decimal(0)) if costs else None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; dollars to a billionth."""
        return {"tokens": self.tokens, "cost_usd": usd_number(self.cost_usd)}


def usd_number(cost: Decimal | None) -> float | None:
    """A price as JSON has it, to a billionth of a dollar."""
    return None if cost is None else float(round(cost, USD_DIGITS))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShare:
    """What one model had of the bill. `price_source` says where its prices come from; `None` = unpriced."""

    model: str
    calls: int
    amount: Amount
    price_source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillSummary:
    """What the session was charged for.

    Attributes:
        total: all tokens; the cost covers the priced calls.
        classes: every price class; every token is in exactly one.
        reasoning_tokens: inside the output; `None` when no call told.
        calls, unpriced_calls: billed calls, and those of them without a price.
        models: one row a model, dearest first.
    """

    total: Amount
    classes: Mapping[PriceClass, Amount]
    reasoning_tokens: int | None
    calls: int
    unpriced_calls: int
    models: tuple[ModelShare, ...]

    @property
    def is_fully_priced(self) -> bool:
        """Whether every billed call has a price."""
        return self.calls > 0 and self.unpriced_calls == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCost:
    """What a session is billed: in all, tokens by price class, and in how many model calls."""

    total: Amount
    classes: Mapping[PriceClass, int]
    model_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySummary:
    """The session as it was billed, and as it would have been without the issues that count (`analyzers/replay.py`).

    The difference of the totals is the avoidable waste. Cache reads can be more after than before: what had to be sent
    anew is one where its cache is not missed.
    """

    before: SessionCost
    after: SessionCost

    @property
    def fewer_calls(self) -> int:
        """Model calls that would not have been made."""
        return self.before.model_calls - self.after.model_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class WasteTotals:
    """Waste of all issues by basis. The bases say different things and are never added together.

    `avoidable` is `measured` and `estimated` with every token counted once; the score uses it alone.
    """

    avoidable: Amount
    measured: Amount
    estimated: Amount
    heuristic: Amount
    at_risk: Amount
    what_if: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often what happened. `errors` are all failed events, `tool_errors` those that are tool calls."""

    model_calls: int = 0
    tool_calls: int = 0
    errors: int = 0
    tool_errors: int = 0
    rejections: int = 0
    compactions: int = 0
    user_messages: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """Which session it was. Durations are nanoseconds; `None` when no event has times."""

    trace_ids: tuple[str, ...]
    conversation_id: str | None
    agent: str
    task: str
    model: str
    status: str
    started_at: str
    ended_at: str
    active_ns: int | None
    wall_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFact:
    """Something a rule needed and the session does not contain, and the switch that would bring it."""

    fact: str
    switch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """How one rule fared: `status` is `ok`, `not_applicable` (see `missing`) or `failed` (see `error`)."""

    code: str
    status: str
    issues: int = 0
    missing: tuple[MissingFact, ...] = ()
    error: str | None = None
    is_preview: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseInfo:
    """Why the analysis ran when it did, and what it did not see (see `session.Release`)."""

    reason: str
    is_final: bool
    span_count: int
    late_spans: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)

"""What cache misses cost: the waste of rules that cost dollars only, and how much it matters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from otel_sessionopt.analyzers.base import BaseAnalyzer, threshold
from otel_sessionopt.analyzers.claim_kinds import PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, Severity, Waste
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.cache import LEAST_MISS_TOKENS, CacheMiss, MissCause
from otel_sessionopt.session.model import Session

# Shares of a session that cost next to nothing say nothing: a severity also wants some dollars.
_MEDIUM_USD: Final = Decimal("0.10")
_HIGH_USD: Final = Decimal("0.50")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMissAnalyzer(BaseAnalyzer):
    """What the rules about single cache misses share: from which size on one counts, and how much it matters."""

    min_tokens: int = threshold(
        LEAST_MISS_TOKENS,
        unit="tokens",
        ge=LEAST_MISS_TOKENS,
        le=10_000_000,
        doc="Missed tokens over which a call counts; providers cache no shorter prompts.",
    )
    min_ratio: float = threshold(
        0.05, unit="ratio", ge=0.0, le=1.0, doc="Share of what two prompts can share over which a miss counts."
    )
    medium_ratio: float = threshold(
        0.05, unit="ratio", ge=0.0, le=1.0, doc="Share of the session's cost from which it is MEDIUM."
    )
    high_ratio: float = threshold(
        0.15, unit="ratio", ge=0.0, le=1.0, doc="Share of the session's cost from which it is HIGH."
    )


def premium_claims(misses: Iterable[CacheMiss]) -> tuple[PremiumClaim, ...]:
    """The tokens that would have been cache reads."""
    return tuple(
        PremiumClaim(miss.call.event.id, price_class, tokens) for miss in misses for price_class, tokens in miss.paid
    )


def premium_waste(misses: Sequence[CacheMiss]) -> Waste:
    """Measured waste of misses: the dollars that they cost beyond cache reads. No tokens: those stay on the bill."""
    priced = [miss.premium_usd for miss in misses if miss.premium_usd is not None]
    return Waste(
        tokens=0,
        basis=Basis.MEASURED,
        cost_usd=sum(priced, Decimal(0)) if priced else None,
        premiums=premium_claims(misses),
    )


def large_misses(misses: Iterable[CacheMiss], min_tokens: int, min_ratio: float) -> list[CacheMiss]:
    """Those of more tokens than `min_tokens` and than that share of what the two prompts can have in common."""
    return [miss for miss in misses if miss.tokens > max(min_tokens, min_ratio * miss.shared_tokens)]


def costs_more(miss: CacheMiss) -> bool:
    """Whether cache reads are known to be cheaper, or no price is known at all."""
    return miss.premium_usd is None or miss.premium_usd > 0


def told_causes(misses: Iterable[CacheMiss]) -> dict[str, int]:
    """How many misses have each cause that is no loss, for an issue's metadata."""
    told = [miss.cause for miss in misses]
    return {cause.value: told.count(cause) for cause in MissCause if cause in told and not cause.is_loss}


def severity_of(session: Session, cost_usd: Decimal | None, *, medium_ratio: float, high_ratio: float) -> Severity:
    """By the share of the session's bill; `LOW` where the dollars are few, or where no price is known."""
    whole_usd = bill(session).cost_usd
    if cost_usd is None or not whole_usd:
        return Severity.LOW
    if cost_usd >= max(Decimal(str(high_ratio)) * whole_usd, _HIGH_USD):
        return Severity.HIGH
    if cost_usd >= max(Decimal(str(medium_ratio)) * whole_usd, _MEDIUM_USD):
        return Severity.MEDIUM
    return Severity.LOW

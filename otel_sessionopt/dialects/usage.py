"""Usage of a model call made comparable: are cached and reasoning tokens inside the totals?

Every API and every convention answers differently (genai-conventions §21). Here it is decided once, by ordered tests,
and the outcome is always disjoint: uncached + cache read + cache write = whole input; reasoning is part of the output.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class CacheVerdict(Enum):
    """Whether the stated input contains the cache tokens stated beside it."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"
    UNKNOWN = "unknown"


class RawUsage(NamedTuple):
    """Token numbers as a span states them; `None` = not stated."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None


class Usage(NamedTuple):
    """The normalised numbers, in the order of the fields of `ModelUse`."""

    uncached_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    output_tokens: int
    reasoning_tokens: int | None
    is_assumed: bool
    warnings: tuple[str, ...] = ()


# What the provider's own API means by its input field (§21.1), for instrumentations that pass it on unchanged.
PROVIDER_VERDICTS: Final = {
    "anthropic": CacheVerdict.EXCLUSIVE,
    "aws.bedrock": CacheVerdict.EXCLUSIVE,
    "aws_bedrock": CacheVerdict.EXCLUSIVE,
    "bedrock": CacheVerdict.EXCLUSIVE,
    "openai": CacheVerdict.INCLUSIVE,
    "azure.ai.openai": CacheVerdict.INCLUSIVE,
    "az.ai.openai": CacheVerdict.INCLUSIVE,
    "azure.ai.inference": CacheVerdict.INCLUSIVE,
    "az.ai.inference": CacheVerdict.INCLUSIVE,
    "gcp.gen_ai": CacheVerdict.INCLUSIVE,
    "gcp.gemini": CacheVerdict.INCLUSIVE,
    "gcp.vertex_ai": CacheVerdict.INCLUSIVE,
    "gemini": CacheVerdict.INCLUSIVE,
    "vertex_ai": CacheVerdict.INCLUSIVE,
    "deepseek": CacheVerdict.INCLUSIVE,
    "x_ai": CacheVerdict.INCLUSIVE,
    "xai": CacheVerdict.INCLUSIVE,
}


def normalise_usage(
    raw: RawUsage,
    by_dialect: CacheVerdict = CacheVerdict.UNKNOWN,
    provider: str | None = None,
    has_provider_total: bool = False,
) -> Usage:
    """Sort cache and reasoning tokens out of a span's numbers.

    Args:
        raw: the numbers as stated, each ≥ 0.
        by_dialect: what the dialect, in the version that wrote the span, means by its input field (§21.2).
        provider: provider of the model, as sent.
        has_provider_total: `raw.total_tokens` is the provider's own. Where a dialect adds it up itself it proves
            nothing about the input and must not be used for the cache tests.
    """
    total = raw.total_tokens
    given = raw.input_tokens or 0
    read = raw.cache_read_tokens or 0
    one_hour = raw.cache_write_1h_tokens or 0
    # Some sources state the hourly part only; the whole is never smaller than its part.
    write = max(raw.cache_write_tokens or 0, one_hour)
    output = raw.output_tokens or 0
    reasoning = raw.reasoning_tokens
    warnings: tuple[str, ...] = ()

    if reasoning and total is not None and total == given + output + reasoning:
        output += reasoning  # Gemini: thoughts are counted beside the candidates
    elif reasoning is not None and reasoning > output:
        reasoning, warnings = output, ("reasoning-over-output",)

    verdict, is_assumed = _cache_verdict(
        given, read + write, output, total if has_provider_total else None, by_dialect, provider
    )
    uncached = given if verdict is CacheVerdict.EXCLUSIVE else max(given - read - write, 0)
    return Usage(uncached, read, write, one_hour, output, reasoning, is_assumed, warnings)


def _cache_verdict(
    given: int, cached: int, output: int, total: int | None, by_dialect: CacheVerdict, provider: str | None
) -> tuple[CacheVerdict, bool]:
    """The ordered tests of §21.3; the second value says that nothing decided and the OTel rule was assumed."""
    if cached == 0:
        return CacheVerdict.INCLUSIVE, False
    if cached > given:
        return CacheVerdict.EXCLUSIVE, False
    if total is not None and total == given + output:
        return CacheVerdict.INCLUSIVE, False
    if total is not None and total == given + output + cached:
        return CacheVerdict.EXCLUSIVE, False
    if by_dialect is not CacheVerdict.UNKNOWN:
        return by_dialect, False
    by_provider = PROVIDER_VERDICTS.get((provider or "").lower())
    if by_provider is not None:
        return by_provider, False
    return CacheVerdict.INCLUSIVE, True

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.never_cached_context import NeverCachedContextAnalyzer
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.model import EventType
from tests.analyzers.caching import MICRO, NO_DISCOUNT, talk
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TraceBuilder

RULE = NeverCachedContextAnalyzer()


def _uncached(
    calls: int = 5, *, first: int = 10_000, step: int = 1_000, trace: TraceBuilder | None = None
) -> TraceBuilder:
    """A conversation whose prompt grows from `first` by `step` a call; nothing is ever cached."""
    trace = trace or TraceBuilder()
    for turn in range(calls):
        trace.model_call(input=first + step * turn, output=0).tool()
    return trace


def _openai(trace: TraceBuilder | None = None) -> TraceBuilder:
    return trace or TraceBuilder(provider="openai", model="gpt-5")


def test_a_growing_prompt_that_is_never_cached_is_an_issue() -> None:
    issue = find_one(RULE, _uncached().session(prices=FLAT))
    assert issue.issue_type is IssueType.NEVER_CACHED_CONTEXT
    # 10,000 + 11,000 + 12,000 + 13,000
    assert issue.description == (
        "5 calls sent up to 46,000 tokens that had been sent before, none of them from a cache."
    )
    assert len(issue.events_involved) == 5


def test_the_waste_is_what_reading_saves_less_what_writing_once_costs() -> None:
    trace = _uncached()
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.waste is not None
    # 46,000 × (10 − 1) − 14,000 × (12 − 10) = 414,000 − 28,000
    # That write is worth 28,000 / 9 = 3,111.1 tokens, which the first claim is short of: 3,112.
    assert issue.waste.cost_usd == (46_000 - 3_112) * 9
    assert (issue.waste.tokens, issue.waste.basis) == (0, Basis.ESTIMATED)
    assert issue.waste.premiums == (
        PremiumClaim(issue.events_involved[1], PriceClass.INPUT, 10_000 - 3_112),
        PremiumClaim(issue.events_involved[2], PriceClass.INPUT, 11_000),
        PremiumClaim(issue.events_involved[3], PriceClass.INPUT, 12_000),
        PremiumClaim(issue.events_involved[4], PriceClass.INPUT, 13_000),
    )


def test_a_prompt_that_shrinks_a_little_can_share_only_what_it_has() -> None:
    trace = _uncached(6).model_call(input=13_500, output=0).tool()
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.metadata["resent_tokens"] == 10_000 + 11_000 + 12_000 + 13_000 + 14_000 + 13_500


def test_after_a_long_pause_nothing_would_have_been_read() -> None:
    trace = _uncached(3)
    trace.pause(minutes=9)
    _uncached(3, first=13_000, trace=trace)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.metadata["resent_tokens"] == 10_000 + 11_000 + 13_000 + 14_000
    assert issue.waste is not None
    # Written: 12,000, and after the pause 15,000: 54,000 more than input, 6,000 tokens of 9.
    assert issue.waste.cost_usd == (48_000 - 6_000) * 9


def test_after_a_compaction_the_prompt_is_written_again() -> None:
    trace = _uncached(4).compaction()
    _uncached(4, first=4_000, trace=trace)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.metadata["resent_tokens"] == 10_000 + 11_000 + 12_000 + 4_000 + 5_000 + 6_000


def test_writes_that_cost_no_more_than_input_are_not_taken_off() -> None:
    trace = _openai()
    trace.agent("main").model_call(input=0, cache_read=9_000)
    _uncached(trace=trace.agent("other"))
    issue = find_one(RULE, trace.session())
    assert issue.waste is not None
    # gpt-5: $1.25 a million, $0.125 from the cache
    assert issue.waste.cost_usd == Decimal(46_000) * Decimal("1.125") / 1_000_000


def test_without_a_price_it_is_a_low_issue_without_dollars() -> None:
    issue = find_one(RULE, _uncached(trace=TraceBuilder(model="unknown-claude-1")).session(prices=FLAT))
    assert issue.waste is not None
    assert (issue.severity, issue.waste.cost_usd, len(issue.waste.premiums)) == (Severity.LOW, None, 4)


@pytest.mark.parametrize(
    ("others", "severity"), [(0, Severity.HIGH), (200_000, Severity.MEDIUM), (900_000, Severity.LOW)]
)
def test_the_severity_follows_the_share_of_the_cost(others: int, severity: Severity) -> None:
    # 385,992 of 600,000, of 600,000 + 2.4 million, and of 600,000 + 10.8 million
    trace = TraceBuilder().agent("other").model_call(input=0, cache_write=others, output=0, has_usage=others > 0).end()
    _uncached(trace=trace)
    assert find_one(RULE, trace.session(prices=FLAT)).severity is severity


def test_a_large_share_of_a_few_cents_is_no_high_issue() -> None:
    assert find_one(RULE, _uncached().session(prices=MICRO)).severity is Severity.MEDIUM


# Silence


@pytest.mark.parametrize("kind", ["cache_read", "cache_write"])
def test_one_cached_token_is_enough_for_silence(kind: str) -> None:
    trace = _uncached(9)
    if kind == "cache_read":
        trace.model_call(input=19_000, cache_read=1_100)
    else:
        trace.model_call(input=19_000, cache_write=1_100)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_prompts_that_do_not_grow_are_silent() -> None:
    trace = TraceBuilder()
    for size in (10_000, 10_300, 9_900, 10_100, 9_800, 10_200, 10_000, 10_400):
        trace.model_call(input=size)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_chunks_of_one_size_are_silent() -> None:
    trace = TraceBuilder()
    for _ in range(20):
        trace.model_call(input=8_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_provider_that_caches_by_itself_is_silent_without_a_proof_that_reads_are_recorded() -> None:
    assert find(RULE, _uncached(trace=_openai()).session()) == []


def test_reads_of_another_provider_are_no_proof() -> None:
    trace = talk(TraceBuilder(provider="openai", model="gpt-5"))
    session = _uncached(trace=trace.agent("other")).session(prices=FLAT)
    for event in session.events:
        if event.agent == "coder":
            event.provider = "deepseek"
    assert find(RULE, session) == []


@pytest.mark.parametrize("provider", ["ollama", None, "groq"])
def test_providers_of_which_no_cache_is_known_are_silent(provider: str | None) -> None:
    trace = talk(TraceBuilder(provider=provider, model="llama-4"))
    assert find(RULE, _uncached(trace=trace.agent("other")).session(prices=FLAT)) == []


def test_a_provider_without_a_discount_is_silent() -> None:
    assert find(RULE, _uncached().session(prices=NO_DISCOUNT)) == []


@pytest.mark.parametrize(
    ("model", "first", "expected"),
    [
        ("claude-sonnet-4-5", 1_015, 0),
        ("claude-sonnet-4-5", 1_024, 1),
        ("claude-sonnet-4-6", 1_100, 0),
        ("claude-sonnet-4-6", 2_048, 1),
        ("claude-opus-4-1", 1_024, 1),
        ("claude-opus-4-6", 3_900, 0),
        ("claude-opus-4-6", 4_096, 1),
        ("claude-haiku-4-5", 3_900, 0),
        ("claude-3-5-haiku-latest", 2_048, 1),
        ("claude-next-9", 3_900, 0),
        ("anthropic.claude-sonnet-4-20250514-v1:0", 1_024, 1),
    ],
)
def test_prompts_too_short_for_the_models_cache_are_silent(model: str, first: int, expected: int) -> None:
    trace = _uncached(9, first=first, step=1, trace=TraceBuilder(model=model))
    assert len(find(RULE, trace.session(prices=FLAT))) == expected


def test_embeddings_are_silent() -> None:
    trace = TraceBuilder()
    for size in range(10_000, 20_000, 1_000):
        trace.embedding(input=size, model="claude-embeds")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_calls_of_different_contexts_do_not_add_up() -> None:
    trace = TraceBuilder().agent("main")
    for turn in range(8):
        trace.agent("explorer").model_call(input=10_000 + 1_000 * turn).end()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_recording_by_hand_is_silent() -> None:
    recording = Recording(model="claude-sonnet-4-5")
    for turn in range(8):
        recording.add(EventType.AI_RESPONSE, 10_000 + 1_000 * turn)
    assert find(RULE, recording.session()) == []


def test_what_writing_costs_more_than_reading_saves_is_silent() -> None:
    trace = TraceBuilder()
    for turn in range(6):
        trace.model_call(input=10_000 + 1_000 * turn, output=0).pause(minutes=6).user_message()
    assert find(RULE, trace.session(prices=FLAT)) == []


# Thresholds


@pytest.mark.parametrize(("calls", "expected"), [(4, 0), (5, 1), (6, 1)])
def test_it_wants_five_calls(calls: int, expected: int) -> None:
    assert len(find(RULE, _uncached(calls).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("min_calls", "expected"), [(7, 1), (8, 0)])
def test_the_number_of_calls_can_be_set(min_calls: int, expected: int) -> None:
    assert len(find(NeverCachedContextAnalyzer(min_calls=min_calls), _uncached(7).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("min_prefix", "resent"), [(12_999, 13_000), (13_000, 13_000), (12_000, 25_000)])
def test_the_shortest_prefix_can_be_set(min_prefix: int, resent: int) -> None:
    rule = NeverCachedContextAnalyzer(min_prefix_tokens=min_prefix)
    assert find_one(rule, _uncached().session(prices=FLAT)).metadata["resent_tokens"] == resent


def test_no_prefix_is_that_long() -> None:
    assert find(NeverCachedContextAnalyzer(min_prefix_tokens=13_001), _uncached().session(prices=FLAT)) == []


@pytest.mark.parametrize(
    ("medium", "high", "severity"),
    [(0.64, 0.65, Severity.MEDIUM), (0.64, 0.64, Severity.HIGH), (0.65, 0.65, Severity.LOW)],
)
def test_the_shares_of_the_severities_can_be_set(medium: float, high: float, severity: Severity) -> None:
    rule = NeverCachedContextAnalyzer(medium_ratio=medium, high_ratio=high)  # 385,992 of 600,000 are 64.3 %
    assert find_one(rule, _uncached().session(prices=FLAT)).severity is severity

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import PremiumClaim
from otel_sessionopt.analyzers.idle_cache_expiry import IdleCacheExpiryAnalyzer
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.prompt_cache_break import PromptCacheBreakAnalyzer
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.model import EventType
from tests.analyzers.caching import MICRO, NO_DISCOUNT, hit, missed, talk
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TraceBuilder

RULE = IdleCacheExpiryAnalyzer()
BREAK = PromptCacheBreakAnalyzer()


def _after_a_pause(minutes: float = 12) -> TraceBuilder:
    """A person comes back and the whole conversation is written to the cache again."""
    return missed(talk().pause(minutes=minutes).user_message(), read=0)


def test_a_prompt_billed_anew_after_a_pause_is_an_issue() -> None:
    trace = _after_a_pause()
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.issue_type is IssueType.IDLE_CACHE_EXPIRY
    assert issue.events_involved == [trace.last_id]
    assert issue.description == (
        "21,200 tokens were billed anew after a pause of 12 min waiting for a person: the cache had expired."
    )


def test_the_waste_is_what_was_paid_beyond_cache_reads() -> None:
    trace = _after_a_pause()
    waste = find_one(RULE, trace.session(prices=FLAT)).waste
    assert waste is not None
    assert (waste.tokens, waste.basis) == (0, Basis.MEASURED)
    assert waste.premiums == (PremiumClaim(trace.last_id, PriceClass.CACHE_WRITE, 21_200),)
    assert waste.cost_usd == 21_200 * 11


def test_pauses_of_an_agent_are_one_issue_with_the_longest_of_them() -> None:
    trace = _after_a_pause().pause(minutes=40).user_message()
    trace.model_call(input=0, cache_write=23_000, output=0)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.metadata["pauses"] == 2
    assert issue.metadata["missed_tokens"] == 21_200 + 22_000
    assert "2 pauses of up to 40 min" in issue.description


Waits = Callable[[TraceBuilder], TraceBuilder]


@pytest.mark.parametrize(
    ("waits", "pause", "words"),
    [
        (lambda trace: trace.pause(minutes=6).user_message(), "person", "waiting for a person"),
        (lambda trace: trace.tool("AskUserQuestion", seconds=400), "person", "waiting for a person"),
        (lambda trace: trace.shell("make test", seconds=400), "tool", "in one tool call"),
        (lambda trace: trace.pause(minutes=6).tool(), "unknown", "between model calls"),
    ],
)
def test_a_persons_pause_is_told_from_a_long_tool(waits: Waits, pause: str, words: str) -> None:
    issue = find_one(RULE, missed(waits(talk())).session(prices=FLAT))
    assert issue.metadata["pause"] == pause
    assert words in issue.description


def test_pauses_of_a_person_and_of_a_tool_are_two_issues() -> None:
    trace = _after_a_pause().shell("make test", seconds=600).model_call(input=0, cache_write=23_000, output=0)
    issues = find(RULE, trace.session(prices=FLAT))
    assert [issue.metadata["pause"] for issue in issues] == ["person", "tool"]
    assert len({issue.id for issue in issues}) == 2


def test_no_call_is_both_a_break_and_an_expiry() -> None:
    trace = _after_a_pause()
    expired = trace.last_id
    trace.tool().model_call(input=0, cache_read=3_000, cache_write=20_000, output=0)
    broken = trace.last_id
    session = trace.session(prices=FLAT)
    assert find_one(RULE, session).events_involved == [expired]
    assert find_one(BREAK, session).events_involved == [broken]


def test_without_a_price_it_is_a_low_issue_without_dollars() -> None:
    trace = missed(talk(TraceBuilder(model="unknown-1")).pause(minutes=6).user_message())
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.waste is not None
    assert (issue.severity, issue.waste.cost_usd) == (Severity.LOW, None)


@pytest.mark.parametrize(("hits", "severity"), [(5, Severity.HIGH), (40, Severity.MEDIUM), (200, Severity.LOW)])
def test_the_severity_follows_the_share_of_the_cost(hits: int, severity: Severity) -> None:
    # 233,200 of 274,400 + 264,000 + 30,800 a hit: 33.7 %, 13.2 %, 3.5 %
    trace = _after_a_pause()
    for _ in range(hits):
        hit(trace.tool(), read=22_000)
    assert find_one(RULE, trace.session(prices=FLAT)).severity is severity


def test_a_large_share_of_a_few_cents_is_no_high_issue() -> None:
    assert find_one(RULE, _after_a_pause().session(prices=MICRO)).severity is Severity.MEDIUM


# Silence


def test_a_pause_that_the_cache_outlived_is_silent() -> None:
    assert find(RULE, hit(talk().pause(hours=3).user_message()).session(prices=FLAT)) == []


def test_a_pause_shorter_than_the_cache_lives_is_silent() -> None:
    assert find(RULE, _after_a_pause(minutes=4.9).session(prices=FLAT)) == []


def test_half_an_hour_is_silent_where_the_cache_was_written_for_an_hour() -> None:
    trace = talk(kept_for_an_hour=True).pause(minutes=30).user_message()
    assert find(RULE, missed(trace, hour=True).session(prices=FLAT)) == []
    trace = talk(kept_for_an_hour=True).pause(minutes=62).user_message()
    assert len(find(RULE, missed(trace, hour=True).session(prices=FLAT))) == 1


@pytest.mark.parametrize(("minutes", "expected"), [(9, 0), (11, 1)])
def test_at_openai_nine_minutes_are_silent(minutes: int, expected: int) -> None:
    trace = TraceBuilder(provider="openai").model_call(input=20_000).tool().model_call(input=1_000, cache_read=20_000)
    trace.pause(minutes=minutes).user_message().model_call(input=22_000)
    assert len(find(RULE, trace.session(prices=FLAT))) == expected


def test_a_new_conversation_after_a_pause_is_silent() -> None:
    trace = talk().pause(hours=1).user_message().model_call(input=0, cache_read=3_000, cache_write=4_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_compaction_after_a_pause_is_silent() -> None:
    trace = talk().pause(hours=1).compaction().user_message().model_call(input=0, cache_write=19_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_another_model_after_a_pause_is_silent() -> None:
    trace = talk().pause(hours=1).user_message().model_call(input=0, cache_write=22_000, model="claude-opus-4-6")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_sub_agent_that_starts_after_a_pause_is_silent() -> None:
    trace = talk().agent("explorer").pause(minutes=30).model_call(input=0, cache_write=30_000).end()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_conversation_without_a_cache_is_silent() -> None:
    trace = TraceBuilder()
    for size in range(20_000, 27_000, 1_000):
        trace.model_call(input=size).pause(minutes=8).user_message()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_separate_questions_an_hour_apart_are_silent() -> None:
    trace = TraceBuilder()
    for size in (20_000, 22_000, 21_000, 24_000):
        trace.model_call(input=0, cache_write=size).pause(hours=1)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_provider_without_a_discount_is_silent() -> None:
    trace = TraceBuilder(provider="openai").model_call(input=20_000).tool().model_call(input=1_000, cache_read=20_000)
    trace.pause(hours=1).user_message().model_call(input=22_000)
    assert find(RULE, trace.session(prices=NO_DISCOUNT)) == []


def test_a_recording_by_hand_is_silent() -> None:
    recording = Recording().add(EventType.AI_RESPONSE, 20_000, minutes=9).add(EventType.AI_RESPONSE, 21_000)
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("min_tokens", "expected"), [(21_199, 1), (21_200, 0), (21_201, 0)])
def test_the_least_tokens_can_be_set(min_tokens: int, expected: int) -> None:
    rule = IdleCacheExpiryAnalyzer(min_tokens=min_tokens)
    assert len(find(rule, _after_a_pause().session(prices=FLAT))) == expected


@pytest.mark.parametrize(("read", "expected"), [(20_140, 0), (20_139, 1)])
def test_a_miss_of_five_percent_is_not_counted(read: int, expected: int) -> None:
    trace = missed(talk().pause(minutes=6).user_message(), read=read)
    assert len(find(RULE, trace.session(prices=FLAT))) == expected


@pytest.mark.parametrize(
    ("medium", "high", "severity"),
    [(0.43, 0.44, Severity.MEDIUM), (0.43, 0.43, Severity.HIGH), (0.44, 0.44, Severity.LOW)],
)
def test_the_shares_of_the_severities_can_be_set(medium: float, high: float, severity: Severity) -> None:
    rule = IdleCacheExpiryAnalyzer(medium_ratio=medium, high_ratio=high)  # 233,200 of 538,400 are 43.3 %
    assert find_one(rule, _after_a_pause().session(prices=FLAT)).severity is severity


def test_a_day_later_the_dollars_are_those_of_the_known_prices() -> None:
    waste = find_one(RULE, _after_a_pause(minutes=60 * 24).session()).waste
    assert waste is not None
    assert waste.cost_usd == Decimal(21_200) * (Decimal("3.75") - Decimal("0.30")) / 1_000_000

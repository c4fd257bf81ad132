from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.prompt_cache_break import PromptCacheBreakAnalyzer
from otel_sessionopt.dialects.tool_definitions import TOOL_DEFINITIONS
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.model import EventType
from tests.analyzers.caching import MICRO, NO_DISCOUNT, hit, missed, talk
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TraceBuilder, model_use

RULE = PromptCacheBreakAnalyzer()


def test_a_prompt_billed_anew_though_it_was_in_the_cache_is_an_issue() -> None:
    trace = missed(talk())
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.issue_type is IssueType.PROMPT_CACHE_BREAK
    assert issue.events_involved == [trace.last_id]
    assert issue.description == "16,200 tokens that were in the prompt cache were billed anew in 1 call."
    assert issue.metadata["causes"] == {"prefix_changed": 1}


def test_the_waste_is_what_was_paid_beyond_cache_reads_and_no_tokens() -> None:
    trace = missed(talk())
    waste = find_one(RULE, trace.session(prices=FLAT)).waste
    assert waste is not None
    assert (waste.tokens, waste.basis) == (0, Basis.MEASURED)
    assert waste.premiums == (PremiumClaim(trace.last_id, PriceClass.CACHE_WRITE, 16_200),)
    assert waste.cost_usd == 16_200 * (12 - 1)


def test_one_hour_writes_cost_more() -> None:
    trace = missed(talk(kept_for_an_hour=True), hour=True)
    waste = find_one(RULE, trace.session(prices=FLAT)).waste
    assert waste is not None
    assert waste.cost_usd == 16_200 * (20 - 1)


def test_where_nothing_is_written_the_input_was_too_dear() -> None:
    trace = TraceBuilder(provider="openai").model_call(input=20_000).tool().model_call(input=1_000, cache_read=20_000)
    trace.tool().model_call(input=12_000, cache_read=10_000)
    waste = find_one(RULE, trace.session(prices=FLAT)).waste
    assert waste is not None
    assert waste.premiums == (PremiumClaim(trace.last_id, PriceClass.INPUT, 11_000),)
    assert waste.cost_usd == 11_000 * (10 - 1)


def test_a_prompt_that_changes_every_turn_is_one_issue_of_all_its_calls() -> None:
    trace = talk()
    for size in (22_000, 23_000, 24_000):
        trace.tool().model_call(input=0, cache_read=2_000, cache_write=size - 2_000, output=0)
    issue = find_one(RULE, trace.session(prices=FLAT))
    # 21,200, 22,000 and 23,000 less 2,000 each
    assert issue.metadata["missed_tokens"] == 60_200
    assert issue.metadata["breaks"] == 3
    assert issue.description.endswith("in 3 calls.")


def test_changed_tools_are_named() -> None:
    session = missed(talk()).session(prices=FLAT)
    calls = [event for event in session.events if event.event_type is EventType.AI_RESPONSE]
    for call in calls:
        call.data[TOOL_DEFINITIONS] = {"count": 2, "chars": 900, "names_hash": 1}
    calls[-1].data[TOOL_DEFINITIONS] = {"count": 3, "chars": 1_400, "names_hash": 2}
    issue = find_one(RULE, session)
    assert issue.metadata["causes"] == {"tools_changed": 1}
    assert "tools" in issue.suggestion


def test_without_a_price_it_is_a_low_issue_without_dollars() -> None:
    issue = find_one(RULE, missed(talk(TraceBuilder(model="unknown-1"))).session(prices=FLAT))
    assert issue.waste is not None
    assert (issue.severity, issue.waste.cost_usd, len(issue.waste.premiums)) == (Severity.LOW, None, 1)


def test_what_is_not_counted_is_told() -> None:
    trace = missed(talk()).user_message().model_call(input=0, cache_write=23_000, model="claude-opus-4-6")
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.metadata["not_counted"] == {"first_call": 1, "model_changed": 1}
    assert issue.metadata["breaks"] == 1


def test_agents_of_one_name_are_one_issue_and_others_have_their_own() -> None:
    trace = TraceBuilder().agent("main")
    missed(talk(trace))
    for name in ("explorer", "explorer", "writer"):
        missed(talk(trace.agent(name))).end()
    issues = find(RULE, trace.session(prices=FLAT))
    assert [(issue.metadata["agent"], issue.metadata["breaks"]) for issue in issues] == [
        ("main", 1),
        ("explorer", 2),
        ("writer", 1),
    ]
    assert len({issue.id for issue in issues}) == 3


# Severity


@pytest.mark.parametrize(
    ("hits", "severity"),
    [(10, Severity.HIGH), (30, Severity.MEDIUM), (150, Severity.LOW)],
)
def test_the_severity_follows_the_share_of_the_cost(hits: int, severity: Severity) -> None:
    # The break costs 178,200. The session: 274,400 + 209,000 for the first three calls, 30,800 for each other one,
    # which is 791,400 (22.5 %), 1,407,400 (12.7 %) and 5,103,400 (3.5 %).
    trace = missed(talk())
    for _ in range(hits):
        hit(trace.tool(), read=22_000)
    assert find_one(RULE, trace.session(prices=FLAT)).severity is severity


def test_a_large_share_of_few_cents_is_no_high_issue() -> None:
    # 17.8 cents of 48.3
    assert find_one(RULE, missed(talk()).session(prices=MICRO)).severity is Severity.MEDIUM


def test_a_large_share_of_a_cent_is_a_low_issue() -> None:
    trace = TraceBuilder().model_call(input=0, cache_write=4_000, output=0).tool()
    trace.model_call(input=0, cache_read=4_000, cache_write=500, output=0).tool()
    trace.model_call(input=0, cache_write=5_000, output=0)
    assert find_one(RULE, trace.session(prices=MICRO)).severity is Severity.LOW


# Silence


def test_a_prompt_read_from_the_cache_is_silent() -> None:
    assert find(RULE, hit(talk()).session(prices=FLAT)) == []


def test_the_first_call_is_silent() -> None:
    assert find(RULE, TraceBuilder().model_call(input=0, cache_write=90_000).session(prices=FLAT)) == []


def test_a_sub_agents_cold_start_is_silent() -> None:
    trace = talk().agent("explorer").model_call(input=0, cache_write=30_000).end()
    assert find(RULE, hit(trace).session(prices=FLAT)) == []


def test_a_switch_of_the_model_is_silent() -> None:
    trace = talk().user_message().model_call(input=0, cache_write=22_000, model="claude-opus-4-6")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_compaction_is_silent() -> None:
    trace = talk().compaction().model_call(input=0, cache_read=3_000, cache_write=15_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_cleared_prompt_is_silent() -> None:
    trace = talk().user_message().model_call(input=0, cache_read=3_000, cache_write=10_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_what_had_never_been_written_is_silent() -> None:
    trace = TraceBuilder().model_call(input=15_000, cache_write=5_000).tool()
    trace.model_call(input=0, cache_read=5_000, cache_write=16_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_an_expired_cache_is_another_rules_matter() -> None:
    assert find(RULE, missed(talk().pause(minutes=6).user_message()).session(prices=FLAT)) == []


def test_a_call_beside_a_running_one_is_silent() -> None:
    trace = talk().model_call(input=0, cache_read=21_200, cache_write=9_000, seconds=30)
    trace.now_ns -= 20 * 10**9
    trace.model_call(input=0, cache_read=21_200, cache_write=9_500)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_side_request_is_silent() -> None:
    trace = talk().model_call(input=6_000, output=5)
    assert find(RULE, hit(trace).session(prices=FLAT)) == []


def test_prompts_about_different_things_are_silent() -> None:
    trace = TraceBuilder()
    for size in (20_000, 22_000, 21_000, 24_000, 25_000):
        trace.model_call(input=0, cache_write=size)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_another_prompt_beside_a_conversation_whose_cache_lives_on_is_silent() -> None:
    trace = talk().model_call(input=0, cache_write=24_000).tool()
    assert find(RULE, hit(trace).session(prices=FLAT)) == []


def test_a_conversation_without_any_cache_is_another_rules_matter() -> None:
    trace = TraceBuilder()
    for size in range(20_000, 30_000, 1_000):
        trace.model_call(input=size).tool()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_provider_without_a_discount_is_silent() -> None:
    trace = TraceBuilder(provider="openai").model_call(input=20_000).tool().model_call(input=1_000, cache_read=20_000)
    assert find(RULE, trace.tool().model_call(input=22_000).session(prices=NO_DISCOUNT)) == []


def test_totals_of_a_container_are_silent() -> None:
    trace = TraceBuilder().agent("coder", usage=model_use(99_000, cache_read=20_000))
    assert find(RULE, talk(trace).model_call(has_usage=False).session(prices=FLAT)) == []


def test_a_recording_by_hand_is_silent() -> None:
    recording = Recording().add(EventType.AI_RESPONSE, 20_000).add(EventType.AI_RESPONSE, 21_000)
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("read", "expected"), [(20_140, 0), (20_139, 1)])
def test_a_miss_of_five_percent_is_not_counted(read: int, expected: int) -> None:
    # 5 % of 21,200 are 1,060.
    assert len(find(RULE, missed(talk(), read=read).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("min_tokens", "expected"), [(16_199, 1), (16_200, 0), (16_201, 0)])
def test_the_least_tokens_can_be_set(min_tokens: int, expected: int) -> None:
    rule = PromptCacheBreakAnalyzer(min_tokens=min_tokens)
    assert len(find(rule, missed(talk()).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("min_ratio", "expected"), [(0.7, 1), (0.8, 0)])
def test_the_least_share_can_be_set(min_ratio: float, expected: int) -> None:
    rule = PromptCacheBreakAnalyzer(min_ratio=min_ratio)  # 16,200 of 21,200 are 76 %
    assert len(find(rule, missed(talk()).session(prices=FLAT))) == expected


@pytest.mark.parametrize(
    ("medium", "high", "severity"),
    [(0.36, 0.37, Severity.MEDIUM), (0.36, 0.36, Severity.HIGH), (0.37, 0.37, Severity.LOW)],
)
def test_the_shares_of_the_severities_can_be_set(medium: float, high: float, severity: Severity) -> None:
    rule = PromptCacheBreakAnalyzer(medium_ratio=medium, high_ratio=high)  # 178,200 of 483,400 are 36.9 %
    assert find_one(rule, missed(talk()).session(prices=FLAT)).severity is severity


def test_the_dollars_are_those_of_the_known_prices() -> None:
    trace = TraceBuilder().model_call(input=0, cache_write=20_000, output=0).tool()
    trace.model_call(input=0, cache_read=20_000, cache_write=1_200, output=0).tool()
    waste = find_one(RULE, missed(trace).session()).waste
    assert waste is not None
    # claude-sonnet-4-5: $3.75 a million written, $0.30 a million read
    assert waste.cost_usd == Decimal(16_200) * (Decimal("3.75") - Decimal("0.30")) / 1_000_000

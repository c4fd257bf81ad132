from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.token_spike import TokenSpikeAnalyzer
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TraceBuilder, model_use

RULE = TokenSpikeAnalyzer()


def _trace(spike: int, usual: int = 100, others: int = 9) -> TraceBuilder:
    """One call with `spike` uncached tokens among `others` with `usual`."""
    trace = TraceBuilder()
    for _ in range(others):
        trace.model_call(input=usual, output=0)
    return trace.model_call(input=spike, output=0)


def test_a_call_far_over_the_mean_is_a_medium_issue() -> None:
    trace = _trace(9_100)  # the mean of 9 × 100 and 9,100 is 1,000
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert (issue.issue_type, issue.severity) == (IssueType.TOKEN_SPIKE, Severity.MEDIUM)
    assert issue.events_involved == [trace.last_id]
    assert issue.description == ("1 call had more than 3 × the mean of 1,000 new tokens (the largest 9,100, 9.1 ×).")


def test_the_waste_is_what_is_over_one_and_a_half_means_and_claims_nothing() -> None:
    waste = find_one(RULE, _trace(9_100).session(prices=FLAT)).waste
    assert waste is not None
    assert (waste.tokens, waste.basis, waste.claims) == (7_600, Basis.HEURISTIC, ())
    assert waste.cost_usd == Decimal(76_000)


def test_the_cost_follows_the_mix_of_the_call() -> None:
    trace = TraceBuilder()
    for _ in range(9):
        trace.model_call(input=100, output=0)
    trace.model_call(input=4_550, output=4_550)
    waste = find_one(RULE, trace.session(prices=FLAT)).waste
    assert waste is not None
    assert waste.cost_usd == Decimal(3_800 * 10 + 3_800 * 50)


def test_recorded_events_are_judged_without_the_floor() -> None:
    session = Recording()
    for _ in range(9):
        session.add(EventType.AI_RESPONSE, 10)
    issue = find_one(RULE, session.add(EventType.TOOL_CALL, 910).session())
    assert issue.events_involved == ["e10"]
    assert issue.estimated_waste_tokens == 760


def test_spikes_are_one_issue_in_the_order_of_the_session() -> None:
    trace = TraceBuilder()
    for place in range(20):
        trace.model_call(input=10_000 if place in (3, 12) else 100, output=0)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert len(issue.events_involved) == 2
    assert issue.events_involved == sorted(issue.events_involved)


# Silence


def test_even_calls_are_silent() -> None:
    assert find(RULE, _trace(5_000, usual=5_000).session(prices=FLAT)) == []


def test_cached_input_is_no_spike() -> None:
    trace = TraceBuilder()
    for _ in range(9):
        trace.model_call(input=100, output=0)
    trace.model_call(input=100, cache_read=150_000, cache_write=60_000, output=0)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_totals_of_a_container_are_no_spike() -> None:
    trace = TraceBuilder().agent("coder", usage=model_use(50_000, output=9_000))
    for _ in range(9):
        trace.model_call(input=100, output=0)
    trace.model_call(has_usage=False)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_an_embedding_is_no_spike() -> None:
    trace = TraceBuilder()
    for _ in range(9):
        trace.model_call(input=100, output=0)
    assert find(RULE, trace.embedding(input=50_000).session(prices=FLAT)) == []


def test_two_calls_have_no_usual_size() -> None:
    rule = TokenSpikeAnalyzer(factor=1.0)
    assert find(rule, _trace(9_000, others=1).session(prices=FLAT)) == []
    assert len(find(rule, _trace(9_000, others=2).session(prices=FLAT))) == 1


def test_calls_without_tokens_do_not_lower_the_mean() -> None:
    trace = _trace(4_000, usual=1_000, others=3)
    for _ in range(20):
        trace.model_call(has_usage=False)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_session_without_calls_is_silent() -> None:
    assert find(RULE, Recording().session()) == []


# Thresholds


@pytest.mark.parametrize(("spike", "expected"), [(4_199, 0), (4_200, 0), (4_201, 1)])
def test_it_fires_over_three_means(spike: int, expected: int) -> None:
    # Of 7 × 1,000 and 4,200 the mean is 11,200 / 8 = 1,400, and 4,200 is exactly three times that.
    assert len(find(RULE, _trace(spike, usual=1_000, others=7).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("spike", "expected"), [(1_999, 0), (2_000, 1), (2_001, 1)])
def test_on_spans_a_spike_has_at_least_two_thousand_new_tokens(spike: int, expected: int) -> None:
    assert len(find(RULE, _trace(spike, usual=10).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("factor", "expected"), [(9.0, 1), (9.1, 0), (9.2, 0)])
def test_the_factor_can_be_set(factor: float, expected: int) -> None:
    assert len(find(TokenSpikeAnalyzer(factor=factor), _trace(9_100).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("kept_factor", "tokens"), [(0.0, 9_100), (1.5, 7_600), (9.1, 0), (20.0, 0)])
def test_the_part_that_is_no_waste_can_be_set(kept_factor: float, tokens: int) -> None:
    rule = TokenSpikeAnalyzer(kept_factor=kept_factor)
    assert find_one(rule, _trace(9_100).session(prices=FLAT)).estimated_waste_tokens == tokens

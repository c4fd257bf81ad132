from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.base import Fact
from otel_sessionopt.analyzers.excessive_thinking import ExcessiveThinkingAnalyzer
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.runner import OutcomeStatus, run_analyzers
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TraceBuilder

RULE = ExcessiveThinkingAnalyzer()


def test_output_that_is_mostly_reasoning_is_a_medium_issue() -> None:
    trace = TraceBuilder().model_call(output=600, reasoning=500)
    first = trace.last_id
    trace.model_call(output=400, reasoning=100)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert (issue.issue_type, issue.severity) == (IssueType.EXCESSIVE_THINKING, Severity.MEDIUM)
    assert issue.events_involved == [first, trace.last_id]
    assert issue.description == "60% of the output was reasoning (600 of 1,000 tokens)."


def test_the_waste_is_what_is_over_three_tenths_and_claims_nothing() -> None:
    trace = TraceBuilder().model_call(output=600, reasoning=500).model_call(output=400, reasoning=100)
    waste = find_one(RULE, trace.session(prices=FLAT)).waste
    assert waste is not None
    assert (waste.tokens, waste.basis, waste.claims) == (300, Basis.HEURISTIC, ())
    assert waste.cost_usd == Decimal(15_000)  # 300 output tokens at 50


def test_calls_that_do_not_tell_are_left_out_and_that_is_said() -> None:
    trace = TraceBuilder().model_call(output=1_000, reasoning=500).model_call(output=9_000)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.description == "50% of the output was reasoning (500 of 1,000 tokens; 1 of 2 model calls tell it)."
    assert issue.metadata["judged_calls"] == 1


def test_recorded_thinking_events_are_the_reasoning() -> None:
    session = Recording().add(EventType.THINKING, 0, 500).add(EventType.AI_RESPONSE, 100, 500).session()
    issue = find_one(RULE, session)
    assert issue.events_involved == ["e1"]
    assert issue.waste is not None
    assert (issue.waste.tokens, issue.waste.cost_usd) == (200, Decimal(10_000))


def test_evidence_is_bounded_and_in_order() -> None:
    trace = TraceBuilder()
    for reasoning in range(30):
        trace.model_call(output=30, reasoning=reasoning)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert len(issue.events_involved) == 20
    assert issue.events_involved == sorted(issue.events_involved)
    assert issue.events_involved[-1] == trace.last_id


# Silence


def test_little_reasoning_is_silent() -> None:
    trace = TraceBuilder().model_call(output=100_000, reasoning=30_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_one_call_that_thinks_much_is_silent_where_the_session_does_not() -> None:
    trace = TraceBuilder().model_call(output=1_000, reasoning=900).model_call(output=9_000, reasoning=0)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_thinking_spans_beside_calls_that_tell_nothing_are_no_numbers() -> None:
    trace = TraceBuilder().thinking(chars=40_000).model_call(output=100)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_session_without_output_is_silent() -> None:
    assert find(RULE, TraceBuilder().model_call(output=0, reasoning=0).session(prices=FLAT)) == []
    assert find(RULE, Recording().session()) == []


def test_unknown_reasoning_is_not_evaluated() -> None:
    (outcome,) = run_analyzers(TraceBuilder().model_call(output=100).session(prices=FLAT), [RULE])
    assert (outcome.status, outcome.missing) == (OutcomeStatus.NOT_APPLICABLE, (Fact.REASONING,))


def test_more_reasoning_than_output_counts_as_all_of_it() -> None:
    trace = TraceBuilder().model_call(output=100, reasoning=700)
    assert find_one(RULE, trace.session(prices=FLAT)).estimated_waste_tokens == 70


# Thresholds


@pytest.mark.parametrize(("reasoning", "expected"), [(399, 0), (400, 0), (401, 1)])
def test_it_fires_over_four_tenths(reasoning: int, expected: int) -> None:
    trace = TraceBuilder().model_call(output=1_000, reasoning=reasoning)
    assert len(find(RULE, trace.session(prices=FLAT))) == expected


@pytest.mark.parametrize(("kept_ratio", "tokens"), [(0.0, 500), (0.3, 200), (0.5, 0), (0.6, 0)])
def test_the_share_that_is_no_waste_can_be_set(kept_ratio: float, tokens: int) -> None:
    trace = TraceBuilder().model_call(output=1_000, reasoning=500)
    rule = ExcessiveThinkingAnalyzer(kept_ratio=kept_ratio)
    assert find_one(rule, trace.session(prices=FLAT)).estimated_waste_tokens == tokens

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.side_request_overhead import SideRequestOverheadAnalyzer
from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TraceBuilder, model_use

RULE = SideRequestOverheadAnalyzer()


def _conversation(trace: TraceBuilder | None = None) -> TraceBuilder:
    trace = trace or TraceBuilder()
    for size in (60_000, 61_000, 62_000):
        trace.model_call(input=size).tool()
    return trace


def _classified(requests: int = 3, *, prompt: int = 12_000, output: int = 10) -> TraceBuilder:
    """A conversation with side requests between its calls, each followed by a call that goes on."""
    trace = _conversation()
    for turn in range(requests):
        trace.model_call(input=prompt, output=output).tool().model_call(input=63_000 + 1_000 * turn)
    return trace


def _suggested(requests: int = 3, *, prompt: int = 40_000, output: int = 10) -> TraceBuilder:
    """A conversation, and agents beside it that make one call."""
    trace = _conversation()
    for _ in range(requests):
        trace.agent("suggester").model_call(input=prompt, output=output).end()
    return trace.model_call(input=66_000)


def test_large_prompts_for_a_few_words_beside_the_conversation_are_a_low_issue() -> None:
    issue = find_one(RULE, _classified().session(prices=FLAT))
    assert (issue.issue_type, issue.severity) == (IssueType.SIDE_REQUEST_OVERHEAD, Severity.LOW)
    assert len(issue.events_involved) == 3
    assert issue.description == (
        "3 requests beside the conversation sent 36,000 tokens for 30 tokens of answers (9% of the bill)."
    )


def test_it_is_a_what_if_that_claims_nothing() -> None:
    waste = find_one(RULE, _classified().session(prices=FLAT)).waste
    assert waste is not None
    assert (waste.basis, waste.claims, waste.tokens) == (Basis.WHAT_IF, (), 36_030)
    assert waste.cost_usd == 36_000 * 10 + 30 * 50


def test_agents_that_make_one_call_and_use_no_tool_stand_beside_the_conversation() -> None:
    issue = find_one(RULE, _suggested().session(prices=FLAT))
    assert issue.metadata == {
        "agent": "suggester",
        "requests": 3,
        "prompt_tokens": 120_000,
        "output_tokens": 30,
    }


def test_without_a_price_the_share_is_one_of_tokens() -> None:
    session = _classified().session(prices=FLAT)
    for event in session.events:
        event.model = "unknown-1"
    issue = find_one(RULE, session)
    assert issue.waste is not None
    assert issue.waste.cost_usd is None


# Silence


def test_sub_agents_that_a_tool_call_started_are_no_side_requests() -> None:
    trace = _conversation()
    start_ns = trace.now_ns
    for _ in range(3):
        trace.agent("asked").model_call(input=40_000, output=10).end()
    use = ToolUse("Task", ToolKind.SUB_AGENT, arguments_hash=1)
    trace.add(SpanDigest(900, 1, "Task", start_ns - 1, trace.now_ns, Operation.TOOL_CALL, "test", tool=use))
    assert find(RULE, trace.model_call(input=66_000).session(prices=FLAT)) == []


def test_short_answers_in_the_conversation_are_silent() -> None:
    trace = TraceBuilder()
    for size in range(60_000, 70_000, 1_000):
        trace.model_call(input=size, output=9).tool()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_sub_agent_that_worked_is_silent() -> None:
    trace = _conversation()
    for _ in range(4):
        trace.agent("explorer").model_call(input=20_000, output=20).read("/repo/a.py").end()
    assert find(RULE, trace.model_call(input=66_000).session(prices=FLAT)) == []


def test_a_sub_agent_of_several_calls_is_silent() -> None:
    trace = _conversation()
    for _ in range(4):
        trace.agent("explorer").model_call(input=20_000, output=20).model_call(input=21_000, output=20).end()
    assert find(RULE, trace.model_call(input=66_000).session(prices=FLAT)) == []


def test_a_session_of_single_calls_is_silent() -> None:
    trace = TraceBuilder().container()
    for _ in range(9):
        trace.agent("classifier").model_call(input=20_000, output=5).end()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_compaction_is_silent() -> None:
    trace = _conversation().compaction()
    for size in (12_000, 12_500, 13_000):
        trace.model_call(input=size, output=10).tool()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_embeddings_are_silent() -> None:
    trace = _conversation()
    for _ in range(5):
        trace.embedding(input=30_000)
    assert find(RULE, trace.model_call(input=66_000).session(prices=FLAT)) == []


def test_totals_of_a_container_are_silent() -> None:
    trace = TraceBuilder().agent("coder", usage=model_use(900_000, output=9))
    assert find(RULE, _conversation(trace).model_call(has_usage=False).session(prices=FLAT)) == []


def test_an_answer_whose_text_is_longer_than_the_stated_output_is_silent() -> None:
    session = _classified(output=2).session(prices=FLAT)
    for event in session.events:
        if event.tokens_output == 2:
            event.content_tokens = 500  # the client stated a placeholder
    assert find(RULE, session) == []


def test_a_recording_by_hand_is_silent() -> None:
    recording = Recording()
    for _ in range(9):
        recording.add(EventType.AI_RESPONSE, 20_000, 5)
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("requests", "expected"), [(2, 0), (3, 1), (4, 1)])
def test_it_wants_three_requests(requests: int, expected: int) -> None:
    assert len(find(RULE, _classified(requests).session(prices=FLAT))) == expected
    assert len(find(RULE, _suggested(requests).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("min_requests", "expected"), [(4, 1), (5, 0)])
def test_the_number_of_requests_can_be_set(min_requests: int, expected: int) -> None:
    rule = SideRequestOverheadAnalyzer(min_requests=min_requests)
    assert len(find(rule, _classified(4).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("prompt", "expected"), [(9_999, 0), (10_000, 0), (10_001, 1)])
def test_a_prompt_up_to_10000_tokens_is_short(prompt: int, expected: int) -> None:
    assert len(find(RULE, _classified(prompt=prompt).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("output", "expected"), [(99, 1), (100, 0), (101, 0)])
def test_an_answer_of_100_tokens_is_more_than_a_few_words(output: int, expected: int) -> None:
    assert len(find(RULE, _classified(output=output).session(prices=FLAT))) == expected


def test_prompt_and_output_can_be_set() -> None:
    session = _classified().session(prices=FLAT)
    assert find(SideRequestOverheadAnalyzer(min_prompt_tokens=12_000), session) == []
    assert find(SideRequestOverheadAnalyzer(max_output_tokens=10), session) == []


@pytest.mark.parametrize(("min_ratio", "expected"), [(0.08, 1), (0.1, 0)])
def test_the_least_share_of_the_cost_can_be_set(min_ratio: float, expected: int) -> None:
    # 361,500 of 361,500 + 3,720,000 + 30,000: 8.8 %
    session = _classified().session(prices=FLAT)
    assert len(find(SideRequestOverheadAnalyzer(min_ratio=min_ratio), session)) == expected


def test_the_dollars_are_those_of_the_known_prices() -> None:
    waste = find_one(RULE, _classified().session()).waste
    assert waste is not None
    assert waste.cost_usd == Decimal(36_000) * 3 / 1_000_000 + Decimal(30) * 15 / 1_000_000

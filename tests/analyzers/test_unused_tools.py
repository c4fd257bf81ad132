from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.base import Fact
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.presence import missing_facts
from otel_sessionopt.analyzers.runner import OutcomeStatus, run_analyzers
from otel_sessionopt.analyzers.unused_tools import UnusedToolsAnalyzer
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

RULE = UnusedToolsAnalyzer()
# Characters: 250 tokens of a tool that is called, 3,000 of two that are not.
TOOLS = {"lookup": 1_000, "mcp__crm__find_person": 8_000, "mcp__crm__merge": 4_000}


def _offered(calls: int = 5, tools: Mapping[str, int] = TOOLS, *, talk: Conversation | None = None) -> Conversation:
    """A conversation in which `lookup` is called after each call but the last."""
    talk = talk or Conversation(system=4_000)
    for number in range(calls):
        if number:
            talk.tool("lookup", arguments=str(number))
        talk.ask(tool_sizes=tools)
    return talk


def test_tools_that_were_offered_and_never_called_are_a_low_hint() -> None:
    issue = find_one(RULE, _offered().session())
    assert (issue.issue_type, issue.severity) == (IssueType.UNUSED_TOOLS, Severity.LOW)
    assert issue.description == (
        "2 of 3 tools offered in up to 5 calls were never called (about 3,000 tokens a call): "
        "mcp__crm__find_person, mcp__crm__merge."
    )
    assert issue.metadata == {
        "agent": "coder",
        "tools_offered": 3,
        "unused_tools": {"mcp__crm__find_person": 2_000, "mcp__crm__merge": 1_000},
        "called_tools": ["lookup"],
        "model_calls": 5,
    }


def test_it_is_a_what_if_at_the_prices_of_the_calls_less_one_rewrite_of_the_prompt() -> None:
    waste = find_one(RULE, _offered(calls=10).session()).waste
    assert waste is not None
    assert (waste.basis, waste.claims, waste.ledger_claims) == (Basis.WHAT_IF, (), ())
    # 3,000 tokens, written once at 12 and read nine times at 1; the other 1,000 of the first prompt would have to be
    # written at 12 once more instead of being read at 1.
    assert (waste.tokens, waste.cost_usd) == (30_000, Decimal(3_000 * 12 + 9 * 3_000 * 1 - 1_000 * (12 - 1)))


# Silence


def test_tools_that_were_all_called_are_silent() -> None:
    assert find(RULE, _offered(tools={"lookup": 40_000}).session()) == []


def test_a_tool_is_called_whatever_prefix_a_server_puts_before_it() -> None:
    assert find(RULE, _offered(tools={"mcp__files__lookup": 40_000}).session()) == []


@pytest.mark.parametrize("outcome", [{"error": "timeout"}, {"rejected": True}])
def test_a_call_that_failed_or_was_refused_is_a_call(outcome: dict[str, object]) -> None:
    trace = TraceBuilder()
    for _ in range(6):
        trace.model_call(input=20_000, tool_sizes={"deploy": 40_000})
    trace.tool("deploy", **outcome).model_call(input=20_000)  # type: ignore[arg-type]
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_source_without_tool_definitions_is_not_evaluated_and_says_what_is_missing() -> None:
    talk = Conversation()
    for _ in range(9):
        talk.ask()
        talk.tool()
    session = talk.session()
    assert find(RULE, session) == []
    assert missing_facts(session, {Fact.TOOL_DEFINITIONS}) == (Fact.TOOL_DEFINITIONS,)
    (outcome,) = run_analyzers(session, [RULE])
    assert (outcome.status, outcome.missing) == (OutcomeStatus.NOT_APPLICABLE, (Fact.TOOL_DEFINITIONS,))


def test_a_rewrite_of_the_prompt_that_costs_more_than_it_saves_is_silent() -> None:
    talk = _offered(calls=5, talk=Conversation(system=100_000))
    assert find(RULE, talk.session()) == []


def test_another_agents_call_is_a_call_of_its_own_tools_only() -> None:
    trace = TraceBuilder().agent("coder")
    for _ in range(6):
        trace.model_call(input=20_000, tool_sizes={"lookup": 40_000})
    trace.agent("helper").model_call(input=900, tool_sizes={"lookup": 40_000}).tool("lookup").model_call(input=999)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.metadata["agent"] == "coder"


def test_contexts_of_one_agent_are_judged_together() -> None:
    trace = TraceBuilder().agent("caller")
    for calls in (6, 6):
        trace.agent("coder")
        for _ in range(calls):
            trace.model_call(input=20_000, tool_sizes={"deploy": 40_000})
        trace.end()
    trace.agent("coder").model_call(input=20_000, tool_sizes={"deploy": 40_000}).tool("deploy").end()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_recordings_by_hand_are_silent() -> None:
    assert find(RULE, Recording().session()) == []


def test_an_unpriced_session_is_told_without_a_cost() -> None:
    trace = TraceBuilder(model="unknown-model")
    for number in range(6):
        trace.model_call(input=20_000 + 100 * number, output=100, tool_sizes={"deploy": 40_000})
    waste = find_one(RULE, trace.session(prices=FLAT)).waste
    assert waste is not None
    assert (waste.tokens, waste.cost_usd) == (60_000, None)


# Thresholds


@pytest.mark.parametrize(("calls", "expected"), [(4, 0), (5, 1), (6, 1)])
def test_min_calls_below_at_and_above_five_calls(calls: int, expected: int) -> None:
    assert len(find(RULE, _offered(calls).session())) == expected


@pytest.mark.parametrize(("min_tokens", "expected"), [(2_999, 1), (3_000, 1), (3_001, 0)])
def test_min_tokens_below_at_and_above_three_thousand(min_tokens: int, expected: int) -> None:
    assert len(find(UnusedToolsAnalyzer(min_tokens=min_tokens), _offered().session())) == expected

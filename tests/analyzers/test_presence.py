from __future__ import annotations

import pytest

from otel_sessionopt.analyzers.base import Fact
from otel_sessionopt.analyzers.presence import (
    PartlyMissing,
    dialects_that_lack,
    missing_facts,
    partly_missing_facts,
)
from otel_sessionopt.dialects.digest import ModelUse, Operation, ResultDigest, SpanDigest, ToolUse
from otel_sessionopt.session.model import EventType, Session, SessionEvent
from tests.analyzers.cases import FLAT, Recording
from tests.support.digest_builder import START_NS, TraceBuilder

ALL = frozenset(Fact)


def _bare_tool(trace: TraceBuilder) -> TraceBuilder:
    """A tool span with a name and nothing else."""
    return trace.model_call().add(
        SpanDigest(900, 1, "tool", START_NS, START_NS + 1, Operation.TOOL_CALL, tool=ToolUse("lookup"))
    )


def test_an_empty_session_lacks_nothing() -> None:
    assert missing_facts(Recording().session(), ALL) == ()


def test_a_session_that_says_everything_lacks_nothing() -> None:
    trace = TraceBuilder().model_call(reasoning=10, tools=(3, 900)).read("/repo/a.py").model_call()
    assert missing_facts(trace.session(prices=FLAT), ALL) == ()


def test_a_session_without_tool_calls_lacks_no_arguments_and_no_sizes() -> None:
    trace = TraceBuilder().model_call(reasoning=10, finish_reason="stop", tools=(3, 900))
    assert missing_facts(trace.session(prices=FLAT), ALL) == ()


def test_model_calls_that_do_not_tell_which_tools_they_were_offered_lack_definitions() -> None:
    trace = TraceBuilder().model_call()
    assert missing_facts(trace.session(prices=FLAT), {Fact.TOOL_DEFINITIONS}) == (Fact.TOOL_DEFINITIONS,)


def test_model_calls_without_usage_lack_usage() -> None:
    trace = TraceBuilder().model_call(has_usage=False)
    assert missing_facts(trace.session(prices=FLAT), {Fact.USAGE}) == (Fact.USAGE,)


def test_one_call_with_usage_is_enough() -> None:
    trace = TraceBuilder().model_call(has_usage=False).model_call()
    assert missing_facts(trace.session(prices=FLAT), {Fact.USAGE}) == ()


def test_calls_that_do_not_tell_their_reasoning_lack_it() -> None:
    trace = TraceBuilder().thinking().model_call()
    assert missing_facts(trace.session(prices=FLAT), {Fact.REASONING}) == (Fact.REASONING,)


def test_a_call_that_tells_zero_reasoning_lacks_nothing() -> None:
    trace = TraceBuilder().model_call(reasoning=0)
    assert missing_facts(trace.session(prices=FLAT), {Fact.REASONING}) == ()


def test_a_tool_without_arguments_and_result_lacks_both() -> None:
    session = _bare_tool(TraceBuilder()).session(prices=FLAT)
    assert missing_facts(session, ALL - {Fact.REASONING, Fact.TOOL_DEFINITIONS}) == (
        Fact.TOOL_ARGUMENTS,
        Fact.TOOL_SIZES,
    )


def test_facts_come_in_one_order_whatever_is_asked_first() -> None:
    session = _bare_tool(TraceBuilder()).session(prices=FLAT)
    assert missing_facts(session, [Fact.TOOL_SIZES, Fact.TOOL_ARGUMENTS]) == (Fact.TOOL_ARGUMENTS, Fact.TOOL_SIZES)


def test_only_refused_calls_lack_no_sizes() -> None:
    trace = TraceBuilder().model_call().tool("deploy", rejected=True)
    assert missing_facts(trace.session(prices=FLAT), {Fact.TOOL_SIZES}) == ()


@pytest.mark.parametrize("reason", ["tool_use", "tool_calls"])
def test_a_model_that_asked_for_tools_which_nobody_recorded_lacks_tool_calls(reason: str) -> None:
    trace = TraceBuilder().model_call(finish_reason=reason)
    assert missing_facts(trace.session(prices=FLAT), {Fact.TOOL_CALLS}) == (Fact.TOOL_CALLS,)


def test_an_odd_finish_reason_is_survived() -> None:
    session = TraceBuilder().model_call().session(prices=FLAT)
    session.events[0].data["finish_reason"] = ["tool_use"]
    assert missing_facts(session, {Fact.TOOL_CALLS}) == ()


def test_recorded_events_without_tokens_lack_usage_and_sizes() -> None:
    session = Recording().add(EventType.FILE_READ, path="a.py").add(EventType.AI_RESPONSE).session()
    assert missing_facts(session, ALL) == (Fact.USAGE, Fact.TOOL_SIZES, Fact.TOOL_DEFINITIONS)


def test_recorded_thinking_tells_the_reasoning() -> None:
    session = Recording().add(EventType.THINKING, 0, 5).add(EventType.AI_RESPONSE, 5, 5).session()
    assert missing_facts(session, {Fact.REASONING}) == ()


def test_events_without_any_time_lack_times() -> None:
    session = Session(
        id="s", agent="", task="", started_at="2026-01-05T09:00:00", events=[SessionEvent("e", "", EventType.CUSTOM)]
    )
    assert missing_facts(session, {Fact.TIMES}) == (Fact.TIMES,)


def test_nothing_required_is_nothing_missing() -> None:
    assert missing_facts(_bare_tool(TraceBuilder()).session(prices=FLAT), ()) == ()


def test_usage_of_a_container_alone_is_usage() -> None:
    trace = TraceBuilder().agent("coder", usage=ModelUse(uncached_tokens=10, has_usage=True)).tool()
    assert missing_facts(trace.session(prices=FLAT), {Fact.USAGE}) == ()


def _mixed(*rows: tuple[str, bool]) -> Session:
    """Tool calls as (dialect, whether arguments and result are told)."""
    trace = TraceBuilder().model_call()
    for number, (dialect, is_told) in enumerate(rows):
        use = ToolUse("lookup", arguments_hash=number, result=ResultDigest(chars=400)) if is_told else ToolUse("lookup")
        at_ns = START_NS + number
        trace.add(SpanDigest(900 + number, 1, "tool", at_ns, at_ns + 1, Operation.TOOL_CALL, tool=use, dialect=dialect))
    return trace.session(prices=FLAT)


def test_a_dialect_whose_calls_all_lack_what_others_tell_is_named() -> None:
    session = _mixed(("openllmetry", True), ("anthropic-sdk", False), ("anthropic-sdk", False))
    assert missing_facts(session, ALL - {Fact.REASONING, Fact.TOOL_DEFINITIONS}) == ()
    assert partly_missing_facts(session) == (
        PartlyMissing(Fact.TOOL_ARGUMENTS, "anthropic-sdk", 2),
        PartlyMissing(Fact.TOOL_SIZES, "anthropic-sdk", 2),
    )


@pytest.mark.parametrize(
    "rows",
    [
        [("openllmetry", True), ("openllmetry", False)],
        [("openllmetry", False), ("anthropic-sdk", False)],
        [("openllmetry", True), ("anthropic-sdk", True)],
        [],
    ],
    ids=["some calls of the one dialect", "all of all", "none", "no calls"],
)
def test_nothing_is_missing_in_part(rows: list[tuple[str, bool]]) -> None:
    assert partly_missing_facts(_mixed(*rows)) == ()


def test_what_tool_calls_lack_is_the_matter_of_their_dialects_alone() -> None:
    session = _mixed(("anthropic-sdk", False))
    assert dialects_that_lack(session, Fact.TOOL_ARGUMENTS) == {"anthropic-sdk"}
    assert dialects_that_lack(session, Fact.USAGE) >= {"anthropic-sdk"}

from __future__ import annotations

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.analyzers.abandoned_run import AbandonedRunAnalyzer
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.dialects import read_span
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.session import Release, ReleaseReason
from otel_sessionopt.session.model import EventType, Session, SessionStatus
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TRACE_ID, TraceBuilder

RULE = AbandonedRunAnalyzer()


def _failed(*, status: str | None = "timeout") -> TraceBuilder:
    """A run of 3,100 tokens whose root ends in an error, after a tool call."""
    trace = TraceBuilder().agent("coder", error=status)
    return trace.model_call(input=1_000).tool().model_call(input=1_900).tool(error="exit-1")


def _provider_error(trace: TraceBuilder) -> TraceBuilder:
    """What a transcript tells of a request that the provider refused."""
    attributes = {semconv.EVENT_TYPE: "ERROR", semconv.ERROR_TYPE: "overloaded_error"}
    record = SpanRecord(TRACE_ID, 0xE0, 1, "error", trace.now_ns, trace.now_ns, attributes, 1, is_error=True)
    trace.pause(seconds=1)
    return trace.add(read_span(record))


def test_a_run_that_ended_in_an_error_without_an_answer_is_a_medium_issue() -> None:
    trace = _failed()
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert (issue.issue_type, issue.severity) == (IssueType.ABANDONED_RUN, Severity.MEDIUM)
    assert issue.events_involved == [trace.last_id]
    assert issue.description == "The run ended in an error and without an answer after 2 model calls."


def test_the_whole_bill_is_at_risk_and_nothing_is_claimed() -> None:
    waste = find_one(RULE, _failed().session(prices=FLAT)).waste
    assert waste is not None
    assert (waste.basis, waste.claims, waste.tokens) == (Basis.AT_RISK, (), 3_100)
    assert waste.cost_usd == 2_900 * 10 + 200 * 50


def test_a_failed_model_call_is_no_answer() -> None:
    trace = TraceBuilder().agent("coder", error="timeout").model_call(input=5_000).tool()
    trace.model_call(has_usage=False, error="timeout", finish_reason=None)
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


@pytest.mark.parametrize(
    ("reason", "expected"), [("tool_use", 1), ("tool_calls", 1), ("function_call", 1), ("stop", 0), (None, 0)]
)
def test_a_call_that_asks_for_a_tool_is_no_answer(reason: str | None, expected: int) -> None:
    trace = TraceBuilder().agent("coder", error="timeout").model_call(input=5_000, finish_reason=reason)
    assert len(find(RULE, trace.session(prices=FLAT))) == expected


def test_a_transcript_that_ends_with_an_error_of_the_provider_is_abandoned() -> None:
    trace = _provider_error(TraceBuilder().model_call(input=5_000).tool())
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.events_involved == [f"{0xE0:016x}"]


@pytest.mark.parametrize("status", [SessionStatus.FAILED, SessionStatus.ABANDONED])
def test_a_recording_that_was_ended_so_is_abandoned(status: SessionStatus) -> None:
    session = Recording().add(EventType.AI_RESPONSE, 5_000, 10).add(EventType.ERROR).session()
    session.status = status
    assert len(find(RULE, session)) == 1


def test_what_a_sub_agent_answered_is_no_answer_of_the_run() -> None:
    trace = TraceBuilder().agent("main", error="timeout").model_call(input=5_000).tool("Task", seconds=30)
    trace.now_ns -= 29 * 10**9
    trace.agent("explorer").model_call(input=3_000, finish_reason="stop").end()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_an_agent_that_failed_after_another_one_had_answered_is_abandoned() -> None:
    trace = TraceBuilder().container(error="timeout")
    trace.agent("first").model_call(input=5_000, finish_reason="stop").end()
    trace.agent("second").model_call(input=5_000).end()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


# Silence


def test_a_run_that_went_well_is_silent() -> None:
    assert find(RULE, _failed(status=None).session(prices=FLAT)) == []


def test_an_error_after_the_answer_is_silent() -> None:
    trace = _failed().model_call(input=3_000, finish_reason="end_turn")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_an_error_of_the_provider_that_was_followed_by_an_answer_is_silent() -> None:
    trace = _provider_error(TraceBuilder().model_call(input=5_000).tool()).model_call(finish_reason="end_turn")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_failed_operation_at_the_end_of_a_root_that_went_well_is_silent() -> None:
    trace = TraceBuilder().model_call(input=5_000).tool().span("POST /metrics", error="500")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_tool_that_failed_at_the_end_of_a_transcript_is_silent() -> None:
    trace = TraceBuilder().model_call(input=5_000).tool(error="exit-1").user_message()
    assert find(RULE, trace.session(prices=FLAT)) == []


@pytest.mark.parametrize("reason", [ReleaseReason.IDLE_TIMEOUT, ReleaseReason.SHUTDOWN])
def test_a_root_that_nobody_saw_end_is_silent(reason: ReleaseReason) -> None:
    digests = [digest for digest in _failed().digests() if digest.parent_span_id is not None]
    trace = TraceBuilder()
    for digest in digests:
        trace.add(digest)
    session = trace.session(prices=FLAT, release=Release(reason=reason))
    assert session.status is SessionStatus.ABANDONED
    assert find(RULE, session) == []


def test_an_active_session_is_silent() -> None:
    trace = _provider_error(TraceBuilder().model_call(input=5_000).tool())
    session = trace.session(prices=FLAT, release=Release(is_final=False))
    assert session.status is SessionStatus.ACTIVE
    assert find(RULE, session) == []


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.ACTIVE])
def test_a_recording_that_was_not_ended_so_is_silent(status: SessionStatus) -> None:
    session = Recording().add(EventType.AI_RESPONSE, 5_000, 10).add(EventType.ERROR).session()
    session.status = status
    assert find(RULE, session) == []


def test_a_failed_session_without_events_is_silent() -> None:
    session = Session(id="s", agent="a", task="t", status=SessionStatus.FAILED, total_tokens_input=9_000)
    assert find(RULE, session) == []


def test_a_failed_program_without_a_model_is_silent() -> None:
    trace = TraceBuilder().container(error="boom").span("POST /", error="500")
    assert find(AbandonedRunAnalyzer(min_tokens=0), trace.session(prices=FLAT)) == []


# Thresholds


@pytest.mark.parametrize(("min_tokens", "expected"), [(3_099, 1), (3_100, 1), (3_101, 0)])
def test_the_least_tokens_can_be_set(min_tokens: int, expected: int) -> None:
    assert len(find(AbandonedRunAnalyzer(min_tokens=min_tokens), _failed().session(prices=FLAT))) == expected


@pytest.mark.parametrize(("tokens", "expected"), [(899, 0), (900, 1), (901, 1)])
def test_a_run_of_less_than_a_thousand_tokens_is_not_worth_telling(tokens: int, expected: int) -> None:
    trace = TraceBuilder().agent("coder", error="timeout").model_call(input=tokens)  # and 100 of output
    assert len(find(RULE, trace.session(prices=FLAT))) == expected

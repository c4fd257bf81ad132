from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.high_error_rate import HighErrorRateAnalyzer
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

RULE = HighErrorRateAnalyzer()


def _trace(failed: int, total: int) -> TraceBuilder:
    """So many tool calls, the failed ones first; no model calls."""
    trace = TraceBuilder()
    for place in range(total):
        trace.tool("lookup", error="timeout" if place < failed else None)
    return trace


def test_many_failures_are_a_medium_issue() -> None:
    issue = find_one(RULE, _trace(3, 10).session(prices=FLAT))
    assert (issue.issue_type, issue.severity) == (IssueType.HIGH_ERROR_RATE, Severity.MEDIUM)
    assert len(issue.events_involved) == 3
    assert issue.description == "30% of what was tried failed (3 of 10 events; most: lookup 3)."


def test_tool_calls_and_model_calls_are_what_can_fail() -> None:
    trace = TraceBuilder().model_call(error="overloaded").tool("lookup", error="timeout")
    trace.model_call(input=900).tool("lookup").model_call().tool("lookup")
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert (issue.metadata["failed_events"], issue.metadata["judged_events"]) == (2, 6)
    assert issue.metadata["failed_by_tool"] == {"AI_RESPONSE": 1, "lookup": 1}


def test_the_tokens_of_the_failed_events_are_at_risk_and_not_claimed() -> None:
    talk = Conversation()
    talk.ask()
    talk.trace.model_call(input=100, output=0, error="cut")  # 100 billed at 10
    talk.tool(tokens=50, error="timeout")
    talk.ask()  # writes the 50 at 12
    talk.ask()  # reads them at 1
    waste = find_one(HighErrorRateAnalyzer(min_events=4), talk.session()).waste
    assert waste is not None
    assert (waste.tokens, waste.basis, waste.claims) == (100 + 2 * 50, Basis.AT_RISK, ())
    assert waste.cost_usd == 100 * 10 + 50 * (12 + 1)


def test_recorded_errors_count_among_all_events() -> None:
    session = Recording().add(EventType.ERROR, 40).add(EventType.ERROR, 60)
    for _ in range(4):
        session.add(EventType.CUSTOM)
    issue = find_one(RULE, session.session())
    assert (issue.metadata["failed_events"], issue.metadata["judged_events"]) == (2, 6)
    assert issue.waste is not None
    assert (issue.waste.tokens, issue.waste.cost_usd) == (100, Decimal(1_000))


def test_a_recorded_event_that_carries_an_error_has_failed() -> None:
    session = Recording().add(EventType.TOOL_CALL, error="timeout").add(EventType.FILE_READ, error="missing")
    for _ in range(4):
        session.add(EventType.CUSTOM)
    assert len(find(RULE, session.session())) == 1


# Silence


def test_a_session_without_failures_is_silent() -> None:
    assert find(RULE, _trace(0, 10).session(prices=FLAT)) == []
    assert find(RULE, Recording().session()) == []


def test_calls_that_the_user_refused_are_neither_failures_nor_tries() -> None:
    trace = _trace(1, 6)
    for _ in range(5):
        trace.tool("deploy", rejected=True)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_calls_that_were_cancelled_because_another_failed_are_not_counted() -> None:
    trace = _trace(1, 6)
    for error in ("cancelled", "CancelledError"):
        for _ in range(5):
            trace.tool("Edit", error=error)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_errors_of_ordinary_spans_are_not_the_agents() -> None:
    trace = _trace(0, 6)
    for _ in range(10):
        trace.span("GET /", error="500")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_messages_are_no_tries_on_spans() -> None:
    trace = _trace(2, 5)
    for _ in range(5):
        trace.user_message()
    assert find(RULE, trace.session(prices=FLAT)) == []


# Thresholds


@pytest.mark.parametrize(("failed", "expected"), [(19, 0), (20, 0), (21, 1)])
def test_it_fires_over_one_fifth(failed: int, expected: int) -> None:
    assert len(find(RULE, _trace(failed, 100).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("failed", "severity"), [(39, Severity.MEDIUM), (40, Severity.MEDIUM), (41, Severity.HIGH)])
def test_it_is_high_over_two_fifths(failed: int, severity: Severity) -> None:
    assert find_one(RULE, _trace(failed, 100).session(prices=FLAT)).severity is severity


@pytest.mark.parametrize(("total", "expected"), [(4, 0), (5, 0), (6, 1)])
def test_more_than_five_events_are_needed(total: int, expected: int) -> None:
    assert len(find(RULE, _trace(total, total).session(prices=FLAT))) == expected

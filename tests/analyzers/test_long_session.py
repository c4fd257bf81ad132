from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.long_session import LongSessionAnalyzer
from otel_sessionopt.session.model import EventType, Session
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TraceBuilder

RULE = LongSessionAnalyzer()


def _lasting(minutes: float) -> Session:
    """1,000 input tokens at 10 and so many minutes of work."""
    return Recording().add(EventType.AI_RESPONSE, 1_000, minutes=minutes).session()


def test_more_than_an_hour_of_work_is_a_medium_issue() -> None:
    issue = find_one(RULE, _lasting(75))
    assert (issue.issue_type, issue.severity) == (IssueType.LONG_SESSION, Severity.MEDIUM)
    assert issue.description == "75 minutes of active work in one session (wall time 75 minutes)."
    assert issue.events_involved == ["e1"]


@pytest.mark.parametrize(
    ("minutes", "tokens"),
    [
        (75, 50),  # 15 minutes over: 5 %
        (90, 100),  # 30 minutes over: 10 %
        (150, 300),  # 90 minutes over: 30 %
        (600, 300),  # never more than 30 %
    ],
)
def test_the_waste_grows_with_the_excess_and_claims_nothing(minutes: float, tokens: int) -> None:
    waste = find_one(RULE, _lasting(minutes)).waste
    assert waste is not None
    assert (waste.tokens, waste.basis, waste.claims) == (tokens, Basis.HEURISTIC, ())
    assert waste.cost_usd == Decimal(tokens * 10)


def test_active_time_and_wall_time_are_told_side_by_side() -> None:
    trace = TraceBuilder()
    for _ in range(31):
        trace.model_call(seconds=120)
    trace.pause(hours=8).model_call()
    issue = find_one(RULE, trace.session(prices=FLAT))
    # 31 × 2 minutes, the pause counted as 5, and seconds in between
    assert issue.description == "67 minutes of active work in one session (wall time 9 h 02 min)."
    assert len(issue.events_involved) == 2


def test_stored_totals_stand_in_where_no_event_was_kept() -> None:
    session = Session(
        id="s", agent="a", task="t", started_at="2026-01-05T09:00:00+00:00", ended_at="2026-01-05T10:30:00+00:00",
        total_tokens_input=1_000, total_duration_ms=90 * 60_000, model="flat", prices=FLAT,
    )  # fmt: skip
    issue = find_one(RULE, session)
    assert (issue.estimated_waste_tokens, issue.events_involved) == (100, [])


# Silence


def test_a_session_left_open_over_night_is_silent() -> None:
    trace = TraceBuilder().model_call().pause(hours=14).model_call().pause(hours=3).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_session_without_events_is_silent() -> None:
    assert find(RULE, Recording().session()) == []


def test_an_unpriced_session_has_no_cost() -> None:
    session = Recording(model="unknown").add(EventType.AI_RESPONSE, 1_000, minutes=90).session()
    waste = find_one(RULE, session).waste
    assert waste is not None
    assert (waste.tokens, waste.cost_usd) == (100, None)


# Thresholds


@pytest.mark.parametrize(("minutes", "expected"), [(59.9, 0), (60, 0), (60.1, 1)])
def test_a_session_is_long_over_an_hour(minutes: float, expected: int) -> None:
    assert len(find(RULE, _lasting(minutes))) == expected


@pytest.mark.parametrize(
    ("minutes", "severity"), [(119.9, Severity.MEDIUM), (120, Severity.HIGH), (120.1, Severity.HIGH)]
)
def test_it_is_high_from_two_hours_on(minutes: float, severity: Severity) -> None:
    assert find_one(RULE, _lasting(minutes)).severity is severity

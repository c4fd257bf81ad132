from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt import EventType, SessionOptimizer
from otel_sessionopt.errors import RecordingError
from otel_sessionopt.history.statistics import statistics, trend
from otel_sessionopt.store.records import HistoryTotals, IssueTally
from tests.support.recordings import Clock, optimizer_in_memory, reads

NOTHING = HistoryTotals(sessions=0, tokens=0, cost_usd=None, waste_tokens=0, waste_cost_usd=None, scores=[], issues={})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def optimizer(clock: Clock) -> SessionOptimizer:
    return optimizer_in_memory(clock)


class TestTrend:
    @pytest.mark.parametrize(
        ("scores", "name", "change"),
        [
            ([80.0, 85.0], "stable", 5.0),  # five points are none
            ([80.0, 85.1], "improving", 5.1),
            ([85.0, 80.0], "stable", -5.0),
            ([85.1, 80.0], "declining", -5.1),
            ([90.0, 90.0], "stable", 0.0),
            ([50.0, 60.0, 90.0], "improving", 25.0),  # the middle one is of the second half
            ([10.0, 20.0, 30.0, 40.0], "improving", 20.0),
        ],
    )
    def test_halves_of_a_period_differ_by_more_than_five_points(
        self, scores: list[float], name: str, change: float
    ) -> None:
        found = trend(scores)

        assert (found["trend"], found["change_percent"]) == (name, change)
        assert found["second_period_avg"] - found["first_period_avg"] == pytest.approx(change)

    @pytest.mark.parametrize("scores", [[], [50.0]])
    def test_one_session_makes_no_trend(self, scores: list[float]) -> None:
        assert trend(scores) == {
            "trend": "insufficient_data",
            "change_percent": 0.0,
            "first_period_avg": 0.0,
            "second_period_avg": 0.0,
        }


def test_an_agent_without_sessions_gives_the_whole_dict_with_zeros(optimizer: SessionOptimizer) -> None:
    reads(optimizer, 3)

    assert optimizer.agent_statistics("NOBODY", days=7) == {
        "agent": "NOBODY",
        "period_days": 7,
        "sessions_analyzed": 0,
        "total_tokens": 0,
        "total_cost": 0.0,
        "average_efficiency": 0.0,
        "total_waste_tokens": 0,
        "total_waste_cost": 0.0,
        "common_issues": [],
        "trends": trend([]),
    }


def test_sums_averages_and_issues_of_an_agent(optimizer: SessionOptimizer, clock: Clock) -> None:
    for count in (1, 2, 4):
        optimizer.end_session(reads(optimizer, count).id)
        clock.wait(hours=1)
    optimizer.end_session(reads(optimizer, 9, agent="ATLAS").id)

    stats = optimizer.agent_statistics("forge")
    assert stats == {
        "agent": "forge",
        "period_days": 30,
        "sessions_analyzed": 3,
        "total_tokens": 3_500,
        "total_cost": pytest.approx(0.0525),
        "average_efficiency": pytest.approx((100 + 50 + 25) / 3),
        "total_waste_tokens": 2_000,
        "total_waste_cost": pytest.approx(0.03),
        "common_issues": [{"type": "REPEATED_FILE_READ", "count": 2}],
        "trends": {
            "trend": "declining",
            "change_percent": -62.5,
            "first_period_avg": 100.0,
            "second_period_avg": 37.5,
        },
    }
    assert optimizer.agent_statistics(None)["sessions_analyzed"] == 4


def test_only_sessions_that_started_in_the_period_count(optimizer: SessionOptimizer, clock: Clock) -> None:
    reads(optimizer, 1)
    clock.wait(days=7)

    assert optimizer.agent_statistics("FORGE", days=7)["sessions_analyzed"] == 1
    clock.wait(seconds=1)
    assert optimizer.agent_statistics("FORGE", days=7)["sessions_analyzed"] == 0
    assert optimizer.agent_statistics("FORGE", days=10**9)["sessions_analyzed"] == 1


def test_sessions_that_still_run_are_analysed_as_they_are(optimizer: SessionOptimizer) -> None:
    session = reads(optimizer, 1)
    before = optimizer.agent_statistics("FORGE")["total_tokens"]
    optimizer.log_event(session.id, EventType.FILE_READ, {"file_path": "/a.py"}, tokens_input=500)

    assert before == 500
    assert optimizer.agent_statistics("FORGE")["total_waste_tokens"] == 500


@pytest.mark.parametrize("days", [0, -1, True, float("nan")])
def test_a_period_of_no_days_is_an_error(optimizer: SessionOptimizer, days: int) -> None:
    with pytest.raises(RecordingError, match="days is "):
        optimizer.agent_statistics("FORGE", days)


def test_where_nothing_is_priced_there_is_no_cost() -> None:
    totals = HistoryTotals(
        sessions=2, tokens=10, cost_usd=None, waste_tokens=0, waste_cost_usd=None, scores=[1.0, 2.0], issues={}
    )

    assert statistics("A", 30, totals)["total_cost"] is None
    assert statistics("A", 30, NOTHING)["total_cost"] == 0.0


def test_the_five_most_common_issues_are_told_the_most_common_first() -> None:
    issues = {
        f"TYPE_{letter}": IssueTally(count, 0) for letter, count in zip("ABCDEF", (1, 5, 3, 5, 2, 4), strict=True)
    }
    totals = HistoryTotals(
        sessions=1, tokens=0, cost_usd=Decimal(0), waste_tokens=0, waste_cost_usd=None, scores=[1.0], issues=issues
    )
    common = statistics("A", 30, totals)["common_issues"]

    assert [(each["type"][-1], each["count"]) for each in common] == [("B", 5), ("D", 5), ("F", 4), ("C", 3), ("E", 2)]

from __future__ import annotations

from dataclasses import replace

import pytest

from otel_sessionopt import SessionOptimizer
from otel_sessionopt.history.comparison import compare
from otel_sessionopt.store.records import Figures, IssueTally, StoredSession
from tests.store.samples import figures, session
from tests.support.recordings import Clock, optimizer_in_memory, reads


def stored(session_id: str, of: Figures | None = None, model: str = "opus") -> StoredSession:
    return StoredSession(session=session(session_id, model=model), figures=of or figures(), is_stale=False)


class TestCompareSessions:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def optimizer(self, clock: Clock) -> SessionOptimizer:
        return optimizer_in_memory(clock)

    def test_figures_averages_best_and_worst(self, optimizer: SessionOptimizer) -> None:
        good, bad = reads(optimizer, 1), reads(optimizer, 3)

        compared = optimizer.compare_sessions([bad.id, good.id])
        assert compared["sessions"] == [
            {
                "id": bad.id,
                "agent": "FORGE",
                "task": "read",
                "total_tokens": 1_500,
                "cost": pytest.approx(0.0225),
                "efficiency_score": 33.3,
                "issue_count": 1,
            },
            {
                "id": good.id,
                "agent": "FORGE",
                "task": "read",
                "total_tokens": 500,
                "cost": pytest.approx(0.0075),
                "efficiency_score": 100.0,
                "issue_count": 0,
            },
        ]
        assert compared["averages"] == {
            "tokens": 1_000,
            "cost": pytest.approx(0.015),
            "efficiency": pytest.approx(66.65),
            "issues": 0.5,
        }
        assert (compared["best_performer"], compared["worst_performer"]) == (good.id, bad.id)
        assert compared["recommendations"] == [
            f"{good.id} has no “repeated file read”, {bad.id} has 1, 1,000 tokens wasted: avoid it as {good.id} does.",
            f"{good.id} needed 500 tokens, the others 1,500 on average: give the others its narrower task or context.",
        ]

    def test_events_since_the_last_analysis_count(self, optimizer: SessionOptimizer) -> None:
        one, two = reads(optimizer, 1), reads(optimizer, 1)
        optimizer.compare_sessions([one.id, two.id])
        optimizer.log_event(two.id, "FILE_READ", {"file_path": "/a.py"}, tokens_input=500)

        assert optimizer.compare_sessions([one.id, two.id])["worst_performer"] == two.id

    @pytest.mark.parametrize("ids", [[], ["x"], ["x", "y"], ["mine"], ["mine", "x"], ["mine", "mine"]])
    def test_fewer_than_two_known_sessions_are_an_error(self, optimizer: SessionOptimizer, ids: list[str]) -> None:
        optimizer.start_session("FORGE", "x", session_id="mine")

        compared = optimizer.compare_sessions(ids)
        assert list(compared) == ["error"]
        for unknown in {"x", "y"} & set(ids):
            assert unknown in compared["error"]

    def test_unknown_ids_among_known_ones_are_left_out(self, optimizer: SessionOptimizer) -> None:
        ids = [reads(optimizer, 1).id, "nobody", reads(optimizer, 1).id]

        assert [row["id"] for row in optimizer.compare_sessions(ids)["sessions"]] == [ids[0], ids[2]]


class TestBest:
    def test_the_lower_cost_decides_between_equal_scores(self) -> None:
        compared = compare([stored("a", figures(cost="2")), stored("b", figures(cost="1"))])

        assert (compared["best_performer"], compared["worst_performer"]) == ("b", "a")

    def test_a_session_without_tokens_is_no_model_for_others(self) -> None:
        empty = replace(figures(score=100.0, tokens=0, cost="0", issues={}), calls=0)

        assert compare([stored("empty", empty), stored("real", figures(score=60.0))])["best_performer"] == "real"

    def test_an_unpriced_session_comes_after_priced_ones(self) -> None:
        assert compare([stored("a", figures(cost=None)), stored("b")])["best_performer"] == "b"

    def test_averages_of_costs_are_over_the_priced(self) -> None:
        both = [stored("a", figures(cost=None)), stored("b", figures(cost="1"))]

        assert compare(both)["averages"]["cost"] == 1.0
        assert compare([stored("a", figures(cost=None)), stored("b", figures(cost=None))])["averages"]["cost"] is None


class TestRecommendations:
    def test_the_dearest_difference_comes_first_and_equal_counts_are_no_difference(self) -> None:
        best = figures(score=90.0, issues={"LONG_SESSION": IssueTally(1, 0), "FAILED_RETRY": IssueTally(1, 5)})
        other = figures(
            score=50.0,
            issues={
                "LONG_SESSION": IssueTally(1, 0),
                "FAILED_RETRY": IssueTally(3, 10),
                "REPEATED_SEARCH": IssueTally(1, 400),
            },
        )

        assert compare([stored("good", best), stored("bad", other)])["recommendations"] == [
            "good has no “repeated search”, bad has 1, 400 tokens wasted: avoid it as good does.",
            "good has 1 “failed retry”, bad has 3, 10 tokens wasted: avoid it as good does.",
        ]

    def test_another_model_is_told(self) -> None:
        compared = compare([stored("good", figures(score=90.0), "sonnet"), stored("bad")])

        assert "good ran on sonnet, others on opus." in compared["recommendations"]
        assert not any(
            "ran on" in sentence for sentence in compare([stored("a", model="default"), stored("b")])["recommendations"]
        )

    def test_where_nothing_differs_that_is_said(self) -> None:
        assert compare([stored("a"), stored("b")])["recommendations"] == [
            "Nothing that the rules look at sets these sessions apart."
        ]

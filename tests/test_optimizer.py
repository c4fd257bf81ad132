"""`SessionOptimizer`: recording, ending, listing, analysing, exporting."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt import (
    BaseAnalyzer,
    EfficiencyIssue,
    EventType,
    IssueType,
    Session,
    SessionOptimizer,
    SessionStatus,
    default_analyzers,
)
from otel_sessionopt.errors import RecordingError
from otel_sessionopt.pricing import Catalog, PriceOverride
from tests.support.recordings import Clock, optimizer_in_memory, present, reads, report_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def optimizer(clock: Clock) -> SessionOptimizer:
    return optimizer_in_memory(clock)


class Silent(BaseAnalyzer):
    """A rule of a user's own that finds nothing."""

    def analyze(self, session: Session) -> list[EfficiencyIssue]:
        return []


class TestStart:
    def test_agent_is_upper_cased_model_lower_cased_and_the_id_made_of_agent_and_time(
        self, optimizer: SessionOptimizer, clock: Clock
    ) -> None:
        session = optimizer.start_session("Forge", "Build", "OPUS", metadata={"a": 1})

        assert (session.agent, session.model, session.task) == ("FORGE", "opus", "Build")
        assert session.id == f"forge_{clock.now.astimezone():%Y%m%d_%H%M%S}"
        assert (session.status, session.ended_at, session.metadata) == (SessionStatus.ACTIVE, "", {"a": 1})
        assert session.started_at == clock.now.isoformat()
        assert optimizer.start_session("x", "y").model == "default"

    def test_an_id_that_is_taken_gets_a_number(self, optimizer: SessionOptimizer) -> None:
        ids = [optimizer.start_session("FORGE", "x").id for _ in range(3)]

        assert ids[1:] == [f"{ids[0]}_2", f"{ids[0]}_3"]

    def test_a_given_id_that_is_taken_is_an_error(self, optimizer: SessionOptimizer) -> None:
        optimizer.start_session("FORGE", "x", session_id="mine")

        with pytest.raises(RecordingError, match="session_id 'mine' is taken"):
            optimizer.start_session("FORGE", "y", session_id="mine")
        assert present(optimizer.get_session("mine")).task == "x"

    def test_a_default_id_is_fit_for_a_command_line(self, optimizer: SessionOptimizer) -> None:
        assert optimizer.start_session("My Agent/2 ü", "x").id.startswith("my_agent_2_ü_2026")

    def test_it_gives_a_snapshot(self, optimizer: SessionOptimizer) -> None:
        session = optimizer.start_session("FORGE", "x")
        optimizer.log_event(session.id, EventType.FILE_READ, tokens_input=5)
        session.task = "changed"

        assert session.total_tokens == 0
        assert present(optimizer.get_session(session.id)).total_tokens == 5
        assert present(optimizer.get_session(session.id)).task == "x"

    def test_start_and_end_are_events_of_their_own(self, optimizer: SessionOptimizer, clock: Clock) -> None:
        session = optimizer.start_session("FORGE", "x")
        clock.wait(minutes=5)
        optimizer.end_session(session.id, "failed")

        start, end = present(optimizer.get_session(session.id)).events
        assert (start.event_type, start.timestamp) == (EventType.SESSION_START, session.started_at)
        assert start.data == {"agent": "FORGE", "task": "x"}
        assert (end.event_type, end.timestamp) == (EventType.SESSION_END, clock.now.isoformat())
        assert end.data == {"status": "FAILED"}

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (("", "x"), "agent"),
            (("  ", "x"), "agent"),
            ((7, "x"), "agent"),
            (("FORGE", None), "task"),
            (("FORGE", "x", 3), "model"),
            (("FORGE", "x", "opus", " "), "session_id"),
            (("FORGE", "x", "opus", None, [1]), "metadata"),
            (("FORGE", "x", "opus", None, {"x": float("nan")}), "metadata"),
        ],
    )
    def test_what_is_of_the_wrong_kind_is_named(
        self, optimizer: SessionOptimizer, arguments: tuple[Any, ...], named: str
    ) -> None:
        with pytest.raises(RecordingError, match=f"^{named}"):
            optimizer.start_session(*arguments)

    def test_half_a_character_does_not_harm(self, tmp_path: Path) -> None:
        with SessionOptimizer(tmp_path, environ={}) as optimizer:
            session = optimizer.start_session("FORGE", "x\ud800y", metadata={"k": "\ud800"})
            optimizer.log_event(session.id, EventType.ERROR, {"message": "\udfff"})

            assert present(optimizer.get_session(session.id)).task == "x?y"


class TestLog:
    def test_an_event_is_kept_as_it_was_given(self, optimizer: SessionOptimizer, clock: Clock) -> None:
        session = optimizer.start_session("FORGE", "x")
        clock.wait(seconds=1)
        event = optimizer.log_event(session.id, EventType.SEARCH, {"query": "q"}, 1, 2, 3.5)

        assert event is not None
        assert present(optimizer.get_session(session.id)).events[-1] == event
        assert (event.tokens_input, event.tokens_output, event.duration_ms) == (1, 2, 3.5)
        assert event.timestamp == clock.now.isoformat()
        assert len(event.id) == 16

    @pytest.mark.parametrize("name", ["FILE_READ", "file_read", " File-Read ", EventType.FILE_READ])
    def test_types_are_understood_in_any_letter_case(self, optimizer: SessionOptimizer, name: str) -> None:
        event = optimizer.log_event(optimizer.start_session("FORGE", "x").id, name)

        assert event is not None
        assert event.event_type is EventType.FILE_READ

    def test_every_type_can_be_logged(self, optimizer: SessionOptimizer) -> None:
        session = optimizer.start_session("FORGE", "x")
        for event_type in EventType:
            assert optimizer.log_event(session.id, event_type, tokens_input=100) is not None

        assert report_of(optimizer, session).token_breakdown["TOTAL"] == 1_300

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (("FILE_EATEN",), "event type 'FILE_EATEN' is not allowed; allowed are SESSION_START, "),
            ((7,), "event type int"),
            (("CUSTOM", "text"), "data is str"),
            (("CUSTOM", {"x": float("inf")}), "data is no JSON"),
            (("CUSTOM", {(1, 2): 3}), "data is no JSON"),
            (("CUSTOM", {}, -1), "tokens_input is -1"),
            (("CUSTOM", {}, 1.5), "tokens_input is 1.5"),
            (("CUSTOM", {}, True), "tokens_input is True"),
            (("CUSTOM", {}, 0, 10**13), "tokens_output is 10"),
            (("CUSTOM", {}, 0, 0, -0.1), "duration_ms is -0.1"),
            (("CUSTOM", {}, 0, 0, float("nan")), "duration_ms is nan"),
            (("CUSTOM", {}, 0, 0, 10**400), "duration_ms is 10"),
        ],
    )
    def test_what_cannot_be_recorded_is_an_error_and_leaves_no_trace(
        self, optimizer: SessionOptimizer, arguments: tuple[Any, ...], named: str
    ) -> None:
        session = optimizer.start_session("FORGE", "x")

        with pytest.raises(ValueError, match=named):
            optimizer.log_event(session.id, *arguments)
        assert len(present(optimizer.get_session(session.id)).events) == 1

    def test_what_json_has_no_form_for_is_kept_as_text(self, optimizer: SessionOptimizer) -> None:
        data = {"file_path": Path("/a.py"), "at": datetime(2026, 1, 1), "pair": (1, 2)}
        event = optimizer.log_event(optimizer.start_session("FORGE", "x").id, "CUSTOM", data)

        assert event is not None
        assert event.data == {"file_path": "/a.py", "at": "2026-01-01 00:00:00", "pair": [1, 2]}

    def test_the_given_data_stays_the_callers_own(self, optimizer: SessionOptimizer) -> None:
        session = optimizer.start_session("FORGE", "x")
        data = {"list": [1]}
        optimizer.log_event(session.id, "CUSTOM", data)
        data["list"].append(2)

        assert present(optimizer.get_session(session.id)).events[-1].data == {"list": [1]}

    def test_usage_that_is_reported_once_counts_and_twice_does_not(self, optimizer: SessionOptimizer) -> None:
        session = optimizer.start_session("FORGE", "x", "opus")
        told = {"source": "TokenTracker", "model": "OPUS"}
        optimizer.log_event(session.id, EventType.TOKEN_USAGE, told, 1_500, 3_000)
        optimizer.log_event(session.id, EventType.AI_RESPONSE, None, 100, 200)
        optimizer.log_event(session.id, EventType.TOKEN_USAGE, told, 100, 200)

        assert present(optimizer.get_session(session.id)).total_tokens == 4_800
        assert report_of(optimizer, session).token_breakdown["TOTAL"] == 4_800

    def test_usage_is_priced_by_the_model_it_names(self, optimizer: SessionOptimizer) -> None:
        session = optimizer.start_session("FORGE", "x", "opus")
        optimizer.log_event(session.id, EventType.TOKEN_USAGE, {"model": "sonnet"}, 1_000, 0)

        assert float(report_of(optimizer, session).bill.total.cost_usd or 0) == pytest.approx(0.003)

    def test_an_unknown_model_is_unpriced(self, optimizer: SessionOptimizer) -> None:
        session = optimizer.start_session("FORGE", "x", "acme-9000")
        optimizer.log_event(session.id, EventType.AI_RESPONSE, None, 100, 200)

        assert present(optimizer.get_session(session.id)).estimated_cost is None
        assert report_of(optimizer, session).bill.total.cost_usd is None

    def test_a_compressed_read_is_no_large_file(self, clock: Clock) -> None:
        optimizer = optimizer_in_memory(clock, analyzers=None)
        session = optimizer.start_session("FORGE", "x")
        data = {"file_path": "/large.json", "compressed": True, "original_tokens": 15_000, "compressed_tokens": 3_000}
        optimizer.log_event(session.id, EventType.FILE_READ, data, tokens_input=3_000)
        codes = [issue.code for issue in report_of(optimizer, session).issues]
        optimizer.log_event(session.id, EventType.FILE_READ, {"file_path": "/b.json"}, tokens_input=15_000)

        assert "large-file" not in codes
        assert "large-file" in [issue.code for issue in report_of(optimizer, session).issues]

    @pytest.mark.parametrize(("is_recovered", "expected"), [(False, True), (True, False)])
    def test_an_error_that_was_recovered_from_is_no_failed_retry(
        self, clock: Clock, is_recovered: bool, expected: bool
    ) -> None:
        optimizer = optimizer_in_memory(clock, analyzers=None)
        session = optimizer.start_session("FORGE", "x")
        for _ in range(4):
            data = {"message": "Connection timeout", "recovered": is_recovered}
            optimizer.log_event(session.id, EventType.ERROR, data, tokens_input=100)

        assert ("failed-retry" in [issue.code for issue in report_of(optimizer, session).issues]) is expected


class TestEnd:
    def test_a_session_ends_once(self, optimizer: SessionOptimizer, clock: Clock) -> None:
        session = optimizer.start_session("FORGE", "x")
        first = present(optimizer.end_session(session.id))
        clock.wait(hours=3)
        second = present(optimizer.end_session(session.id))

        assert first.status is SessionStatus.COMPLETED
        assert second.ended_at == first.ended_at
        assert len(second.events) == 2

    def test_another_status_and_later_events_move_the_end(self, optimizer: SessionOptimizer, clock: Clock) -> None:
        session = optimizer.start_session("FORGE", "x")
        optimizer.end_session(session.id)
        clock.wait(minutes=1)
        failed = present(optimizer.end_session(session.id, SessionStatus.FAILED))
        clock.wait(minutes=1)
        optimizer.log_event(session.id, EventType.CUSTOM)
        again = present(optimizer.end_session(session.id, "FAILED"))

        assert failed.status is SessionStatus.FAILED
        assert failed.duration_seconds == 60
        assert again.duration_seconds == 120

    def test_events_after_the_end_are_kept_and_analysed_again(self, optimizer: SessionOptimizer) -> None:
        session = reads(optimizer, 1)
        optimizer.end_session(session.id)
        before = report_of(optimizer, session)
        optimizer.log_event(session.id, EventType.FILE_READ, {"file_path": "/a.py"}, tokens_input=500)
        after = report_of(optimizer, session)

        assert (len(before.issues), before.total_waste_tokens) == (0, 0)
        assert ([issue.code for issue in after.issues], after.total_waste_tokens) == (["repeated-file-read"], 500)
        assert present(optimizer.get_session(session.id)).status is SessionStatus.COMPLETED

    @pytest.mark.parametrize("status", ["ACTIVE", SessionStatus.ACTIVE, "DONE", 3])
    def test_a_status_that_ends_nothing_is_an_error(self, optimizer: SessionOptimizer, status: str) -> None:
        session = optimizer.start_session("FORGE", "x")

        with pytest.raises(RecordingError, match="allowed are COMPLETED, FAILED, ABANDONED"):
            optimizer.end_session(session.id, status)


class TestUnknownIds:
    def test_they_give_none_or_false(self, optimizer: SessionOptimizer) -> None:
        assert optimizer.get_session("nobody") is None
        assert optimizer.end_session("nobody") is None
        assert optimizer.log_event("nobody", EventType.FILE_READ) is None
        assert optimizer.analyze("nobody") is None
        assert optimizer.export_report("nobody") is None
        assert optimizer.summary("nobody") is None
        assert optimizer.delete_session("nobody") is False

    def test_a_deleted_session_is_unknown(self, optimizer: SessionOptimizer) -> None:
        session = optimizer.start_session("FORGE", "x")

        assert optimizer.delete_session(session.id) is True
        assert optimizer.get_session(session.id) is None


class TestList:
    def test_newest_first_with_events_and_every_filter(self, optimizer: SessionOptimizer, clock: Clock) -> None:
        ids = []
        for agent in ("FORGE", "ATLAS", "FORGE"):
            ids.append(reads(optimizer, 2, agent=agent).id)
            clock.wait(days=1)
        optimizer.end_session(ids[0], "ABANDONED")

        assert [each.id for each in optimizer.list_sessions()] == ids[::-1]
        assert [each.id for each in optimizer.list_sessions(agent="forge")] == [ids[2], ids[0]]
        assert [each.id for each in optimizer.list_sessions(status=SessionStatus.ABANDONED)] == [ids[0]]
        assert [each.id for each in optimizer.list_sessions(status="active", limit=1)] == [ids[2]]
        assert [each.id for each in optimizer.list_sessions(since=clock.now - timedelta(days=2))] == ids[:0:-1]
        assert len(optimizer.list_sessions(limit=None)[0].events) == 3

    def test_a_naive_time_is_local(self, optimizer: SessionOptimizer, clock: Clock) -> None:
        optimizer.start_session("FORGE", "x")
        local = clock.now.astimezone().replace(tzinfo=None)

        assert len(optimizer.list_sessions(since=local)) == 1
        assert len(optimizer.list_sessions(since=local.isoformat())) == 1
        assert optimizer.list_sessions(since=local + timedelta(seconds=1)) == []

    @pytest.mark.parametrize("filters", [{"limit": -1}, {"status": "DONE"}, {"since": "yesterday"}])
    def test_a_filter_that_is_none_is_an_error(self, optimizer: SessionOptimizer, filters: dict[str, Any]) -> None:
        with pytest.raises(RecordingError):
            optimizer.list_sessions(**filters)


class TestAnalyze:
    def test_the_report_has_what_its_users_know(self, optimizer: SessionOptimizer, clock: Clock) -> None:
        report = report_of(optimizer, reads(optimizer, 3))

        assert report.generated_at == clock.now.isoformat()
        assert [issue.issue_type for issue in report.issues] == [IssueType.REPEATED_FILE_READ]
        assert report.total_waste_tokens == 1_000
        assert report.total_waste_cost == pytest.approx(0.015)
        assert report.efficiency_score == 33.3
        assert len(report.recommendations) == 1
        assert report.token_breakdown == {"FILE_READ": 1_500, "TOTAL_INPUT": 1_500, "TOTAL_OUTPUT": 0, "TOTAL": 1_500}

    def test_a_session_without_tokens_scores_100(self, optimizer: SessionOptimizer) -> None:
        assert report_of(optimizer, optimizer.start_session("FORGE", "x")).efficiency_score == 100

    def test_comparisons_hold_the_agents_recent_average_beside_this_sessions_figures(
        self, optimizer: SessionOptimizer
    ) -> None:
        for count in (1, 3):
            optimizer.end_session(reads(optimizer, count).id)
        optimizer.end_session(reads(optimizer, 9, agent="ATLAS").id)
        session = reads(optimizer, 2)

        comparisons = report_of(optimizer, session).comparisons
        recent = comparisons.pop("recent")
        assert [(row["tokens"], row["efficiency_score"], row["issue_count"]) for row in recent] == [
            (1_500, 33.3, 1),
            (500, 100.0, 0),
        ]
        assert comparisons == {
            "agent": "FORGE",
            "session": {"tokens": 1_000, "cost": 0.015, "efficiency": 50.0, "issues": 1.0},
            "recent_sessions": 2,
            "recent_average": {
                "tokens": 1_000,
                "cost": pytest.approx(0.015),
                "efficiency": pytest.approx((100 + 33.3) / 2),
                "issues": 0.5,
            },
        }

    def test_without_other_sessions_there_is_no_average(self, optimizer: SessionOptimizer) -> None:
        comparisons = report_of(optimizer, reads(optimizer, 1)).comparisons

        assert (comparisons["recent_sessions"], comparisons["recent_average"]) == (0, None)

    def test_the_defaults_are_at_hand_to_be_included(self, clock: Clock) -> None:
        rules = [*SessionOptimizer.default_analyzers(), Silent()]
        optimizer = optimizer_in_memory(clock, analyzers=rules)
        codes = [outcome.code for outcome in report_of(optimizer, reads(optimizer, 2)).outcomes]

        assert codes == [*(outcome for outcome in codes if outcome != codes[-1]), "silent"]
        assert len(codes) == len(default_analyzers()) + 1

    def test_a_rule_that_raises_is_reported_and_the_others_run(self, clock: Clock) -> None:
        class Broken(BaseAnalyzer):
            def analyze(self, session: Session) -> list[EfficiencyIssue]:
                raise RuntimeError("no idea")

        rules = [Broken(), *default_analyzers()]
        optimizer = optimizer_in_memory(clock, analyzers=rules)
        session = reads(optimizer, 3)
        report = report_of(optimizer, session)

        assert (report.outcomes[0].code, report.outcomes[0].status) == ("broken", "failed")
        assert "no idea" in (report.outcomes[0].error or "")
        assert "repeated-file-read" in [issue.code for issue in report.issues]
        assert present(optimizer.end_session(session.id)).status is SessionStatus.COMPLETED

    def test_own_prices_are_used_everywhere(self, clock: Clock) -> None:
        per_million = Decimal(1_000_000)
        prices = Catalog({"opus": PriceOverride(input=per_million, output=per_million)})
        optimizer = optimizer_in_memory(clock, prices=prices)
        session = reads(optimizer, 2, tokens=1)

        assert present(optimizer.get_session(session.id)).estimated_cost == 2.0
        assert optimizer.agent_statistics("FORGE")["total_cost"] == 2.0


class TestExport:
    def test_json_is_the_report(self, optimizer: SessionOptimizer) -> None:
        session = reads(optimizer, 2)
        document = json.loads(optimizer.export_report(session.id) or "")

        assert document == json.loads(json.dumps(report_of(optimizer, session).to_dict()))
        assert document["session_id"] == session.id

    def test_markdown_and_text_are_its_other_forms(self, optimizer: SessionOptimizer) -> None:
        session = reads(optimizer, 2)

        assert (optimizer.export_report(session.id, format="markdown") or "").startswith("### Could have cost")
        assert f"Session {session.id}" in (optimizer.export_report(session.id, "text") or "")

    @pytest.mark.parametrize("session_id", ["nobody", None])
    def test_an_unknown_format_is_an_error_that_names_the_known_ones(
        self, optimizer: SessionOptimizer, session_id: str | None
    ) -> None:
        with pytest.raises(ValueError, match="format 'pdf' is unknown; known are json, markdown, text"):
            optimizer.export_report(session_id or reads(optimizer, 1).id, format="pdf")

"""The suite that every backend passes: what `Store` promises."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from otel_sessionopt.errors import RecordingError
from otel_sessionopt.session import EventType, Release, ReleaseReason, SessionStatus
from otel_sessionopt.session.model import Session
from otel_sessionopt.store.protocol import Store
from otel_sessionopt.store.records import HistoryTotals, IssueTally, SessionQuery, StoredSession
from tests.store.samples import DAY, event, figures, session, trace


def ids(found: list[StoredSession]) -> list[str]:
    return [stored.session.id for stored in found]


def loaded(store: Store, session_id: str = "s1") -> Session:
    stored = store.load(session_id)
    assert stored is not None
    return stored.session


def row(store: Store, session_id: str = "s1") -> StoredSession:
    stored = store.get(session_id)
    assert stored is not None
    return stored


class TestSessions:
    def test_a_session_comes_back_as_it_was_given(self, store: Store) -> None:
        given = session(
            "s1",
            event(1, data={"file_path": "a.py", "deep": {"list": [1, None, "ü\ud800"]}}, tokens_input=100),
            event(2, EventType.AI_RESPONSE, tokens_input=10, tokens_output=20, duration_ms=1.5, model="opus"),
            event(3, EventType.ERROR, error="timeout", cache_read_tokens=5, is_compaction=True, start_ns=7, end_ns=9),
            task="tab\there \U0001f600",
            model="opus",
            metadata={"team": "a", "numbers": [1, 2.5]},
        )
        assert store.add(given)

        assert loaded(store) == given
        assert loaded(store).to_dict() == given.to_dict()

    def test_ids_are_found_by_how_they_or_those_of_their_traces_begin(self, store: Store) -> None:
        store.add(session("forge_1"))
        store.add(session("forge_2"))
        store.add(session("Forge_3"))
        store.put_trace(trace(0x12, "talk"))
        store.put_trace(trace(0x13, "talk"))

        assert store.ids_beginning("forge_", 9) == ["forge_1", "forge_2"]
        assert store.ids_beginning("forge_", 1) == ["forge_1"]
        assert store.ids_beginning("0" * 30, 9) == ["talk"]
        assert store.ids_beginning(f"{0x13:032x}", 9) == ["talk"]
        assert store.ids_beginning("f%", 9) == []
        assert store.ids_beginning("nobody", 9) == []

    def test_what_only_sessions_from_spans_have_comes_back_too(self, store: Store) -> None:
        given = session(
            "s1",
            trace_ids=("ab", "cd"),
            conversation_id="c1",
            is_recorded=False,
            release=Release(ReleaseReason.IDLE_TIMEOUT, False, 4, 1, {"queue_full": 2}, {"invalid-json": 1}),
        )
        store.add(given)

        assert loaded(store).to_dict() == given.to_dict()

    def test_stored_totals_win_where_there_are_no_events(self, store: Store) -> None:
        store.add(session("s1", total_tokens_input=5_000, total_tokens_output=2_000, total_duration_ms=3_600_000))

        assert loaded(store).total_tokens == 7_000
        assert loaded(store).total_duration_ms == 3_600_000

    def test_an_id_is_taken_once(self, store: Store) -> None:
        assert store.add(session("s1", task="first"))
        assert not store.add(session("s1", event(1), task="second"))

        assert loaded(store).task == "first"
        assert loaded(store).events == []

    def test_ids_are_compared_exactly(self, store: Store) -> None:
        assert store.add(session("a"))
        assert store.add(session("A"))
        assert store.get("a ") is None

    def test_the_store_keeps_its_own_copy(self, store: Store) -> None:
        given = session("s1", event(1, data={"x": 1}))
        store.add(given)
        given.task = "changed"
        given.events[0].data["x"] = 2
        loaded(store).events.clear()

        assert loaded(store).task == "build"
        assert [each.data for each in loaded(store).events] == [{"x": 1}]

    def test_get_leaves_the_events_out_and_counts_them(self, store: Store) -> None:
        store.add(session("s1", event(1), event(2)))

        assert row(store).session.events == []
        assert row(store).event_count == 2

    def test_what_is_not_there_is_none(self, store: Store) -> None:
        assert store.get("s1") is None
        assert store.load("s1") is None
        assert store.reports("s1") == []

    def test_delete_forgets_everything_of_a_session(self, store: Store) -> None:
        store.add(session("s1", event(1)))
        store.put_figures("s1", figures(), 1)

        assert store.delete("s1")
        assert not store.delete("s1")
        assert store.get("s1") is None
        assert store.totals(SessionQuery()).sessions == 0
        assert store.add(session("s1"))
        assert loaded(store).events == []
        assert row(store).figures is None

    def test_replace_takes_the_place_of_the_session_that_the_caller_saw(self, store: Store) -> None:
        store.add(session("s1", event(1)))
        store.put_figures("s1", figures(), 1)

        assert store.replace(session("s1", event(1), event(2), task="later"), 1)
        assert [each.id[-1] for each in loaded(store).events] == ["1", "2"]
        assert loaded(store).task == "later"
        assert row(store).figures is None
        assert row(store).is_stale

    def test_replace_does_nothing_when_events_came_meanwhile(self, store: Store) -> None:
        store.add(session("s1", event(1)))
        store.append("s1", event(2))

        assert not store.replace(session("s1", task="later"), 1)
        assert len(loaded(store).events) == 2
        assert not store.replace(session("s2"), 0)


class TestEvents:
    def test_events_come_back_in_the_order_in_which_they_were_added(self, store: Store) -> None:
        store.add(session("s1"))
        store.add(session("s2"))
        for number in (5, 3, 9, 1):  # not the order of their times
            assert store.append("s1", event(number))
            assert store.append("s2", event(number + 100))

        assert [int(each.id, 16) for each in loaded(store).events] == [5, 3, 9, 1]
        assert [int(each.id, 16) for each in loaded(store, "s2").events] == [105, 103, 109, 101]

    def test_events_add_to_the_totals(self, store: Store) -> None:
        store.add(session("s1", event(1, tokens_input=7)))
        store.append("s1", event(2, tokens_input=100, tokens_output=10, duration_ms=20))
        store.append("s1", event(3, tokens_input=40, duration_ms=5.5))

        found = row(store)
        assert (found.session.total_tokens_input, found.session.total_tokens_output) == (147, 10)
        assert (found.session.total_duration_ms, found.event_count) == (25.5, 3)

    def test_an_unknown_session_takes_no_event(self, store: Store) -> None:
        assert not store.append("s1", event(1))
        assert not store.end("s1", SessionStatus.FAILED, event(1))

    def test_end_sets_status_and_time_with_the_last_event(self, store: Store) -> None:
        store.add(session("s1"))
        last = event(1, EventType.SESSION_END)

        assert store.end("s1", SessionStatus.FAILED, last)
        ended = loaded(store)
        assert (ended.status, ended.ended_at) == (SessionStatus.FAILED, last.timestamp)
        assert ended.events == [last]

    def test_events_after_the_end_leave_status_and_time(self, store: Store) -> None:
        store.add(session("s1"))
        store.end("s1", SessionStatus.COMPLETED, event(1, EventType.SESSION_END))
        store.append("s1", event(2, tokens_input=5))

        assert loaded(store).status is SessionStatus.COMPLETED
        assert loaded(store).ended_at == event(1).timestamp
        assert loaded(store).total_tokens == 5

    @pytest.mark.parametrize(
        ("before", "model", "counted"),
        [
            ([], "default", 110),  # nothing it could repeat
            ([(EventType.AI_RESPONSE, 100, 10, None)], "default", 0),
            ([(EventType.AI_RESPONSE, 100, 11, None)], "default", 110),
            ([(EventType.FILE_READ, 100, 10, None)], "default", 110),
            ([(EventType.AI_RESPONSE, 100, 10, "opus")], "opus", 0),
            ([(EventType.AI_RESPONSE, 100, 10, "opus")], "sonnet", 110),
            ([(EventType.AI_RESPONSE, 100, 10, None), (EventType.TOKEN_USAGE, 1, 1, None)], "default", 110),
            ([(EventType.AI_RESPONSE, 100, 10, None), (EventType.FILE_READ, 0, 0, None)], "default", 0),
        ],
    )
    def test_usage_that_a_model_call_has_told_is_not_added_again(
        self, store: Store, before: list[tuple[EventType, int, int, str | None]], model: str, counted: int
    ) -> None:
        store.add(session("s1", model=model))
        for number, (event_type, tokens_input, tokens_output, of) in enumerate(before):
            store.append(
                "s1", event(number, event_type, tokens_input=tokens_input, tokens_output=tokens_output, model=of)
            )
        earlier = loaded(store).total_tokens
        store.append("s1", event(99, EventType.TOKEN_USAGE, tokens_input=100, tokens_output=10))

        stored = loaded(store)
        assert stored.total_tokens - earlier == counted
        # The same as a session says that got the events in memory.
        again = Session("s1", "FORGE", "build", started_at=DAY.format(5), model=model)
        for each in stored.events:
            again.add_event(each)
        assert (stored.total_tokens_input, stored.total_tokens_output) == (
            again.total_tokens_input,
            again.total_tokens_output,
        )

    def test_usage_names_its_own_model(self, store: Store) -> None:
        store.add(session("s1", model="opus"))
        store.append("s1", event(1, EventType.AI_RESPONSE, tokens_input=100, model="sonnet"))
        store.append("s1", event(2, EventType.TOKEN_USAGE, tokens_input=100, model="sonnet"))

        assert row(store).session.total_tokens == 100

    def test_threads_lose_nothing(self, store: Store) -> None:
        store.add(session("s1"))

        def log(start: int) -> None:
            for number in range(start, start + 50):
                store.append("s1", event(number, tokens_input=1))

        threads = [threading.Thread(target=log, args=(start,)) for start in range(0, 400, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(int(each.id, 16) for each in loaded(store).events) == [
            number for start in range(0, 400, 100) for number in range(start, start + 50)
        ]
        assert row(store).session.total_tokens_input == 200


class TestFind:
    def test_newest_come_first_and_later_added_ones_of_the_same_time(self, store: Store) -> None:
        for session_id, day in (("a", 5), ("b", 7), ("c", 6), ("d", 6)):
            store.add(session(session_id, day=day))

        assert ids(store.find(SessionQuery())) == ["b", "d", "c", "a"]
        assert ids(store.find(SessionQuery(limit=2))) == ["b", "d"]
        assert store.find(SessionQuery(limit=0)) == []

    def test_times_are_compared_whatever_their_zone(self, store: Store) -> None:
        store.add(session("late", started_at="2026-01-05T09:00:00-05:00"))  # 14:00 in UTC
        store.add(session("early", started_at="2026-01-05T13:00:00Z"))

        assert ids(store.find(SessionQuery())) == ["late", "early"]

    def test_a_session_without_a_readable_start_comes_last(self, store: Store) -> None:
        store.add(session("odd", started_at="once upon a time"))
        store.add(session("a"))

        assert ids(store.find(SessionQuery())) == ["a", "odd"]

    def test_agents_are_compared_without_letter_case(self, store: Store) -> None:
        store.add(session("a", agent="Coder"))
        store.add(session("b", agent="FORGE"))

        assert ids(store.find(SessionQuery(agent="cODER "))) == ["a"]
        assert loaded(store, "a").agent == "Coder"
        assert store.find(SessionQuery(agent="none")) == []

    def test_status_and_start_narrow_down(self, store: Store) -> None:
        store.add(session("a", day=5, status=SessionStatus.FAILED))
        store.add(session("b", day=6))
        since_ns = 1_767_690_000_000_000_000  # day 6, 09:00

        assert ids(store.find(SessionQuery(status=SessionStatus.FAILED))) == ["a"]
        assert ids(store.find(SessionQuery(since_ns=since_ns))) == ["b"]
        assert store.find(SessionQuery(since_ns=since_ns + 1)) == []
        assert "b" not in ids(store.find(SessionQuery(before_ns=since_ns)))
        assert "b" in ids(store.find(SessionQuery(before_ns=since_ns + 1)))


class TestFigures:
    def test_figures_come_back_to_the_billionth(self, store: Store) -> None:
        store.add(session("s1"))
        given = figures(cost="123.456789012")
        store.put_figures("s1", given, 0)

        found = row(store).figures
        assert found is not None
        assert found.cost_usd == Decimal("123.456789012")
        assert found.issues == {"REPEATED_FILE_READ": IssueTally(1, 200)}
        assert (found.tokens, found.calls, found.waste_tokens, found.efficiency_score) == (1_000, 2, 200, 80.0)
        assert found.issue_count == 1

    def test_what_is_unpriced_stays_so(self, store: Store) -> None:
        store.add(session("s1"))
        store.put_figures("s1", figures(cost=None), 0)

        assert (row(store).figures or figures()).cost_usd is None

    def test_a_session_is_stale_until_it_is_analysed_and_again_after_an_event(self, store: Store) -> None:
        store.add(session("s1", event(1)))
        states = [row(store).is_stale]
        store.put_figures("s1", figures(), 1)
        states.append(row(store).is_stale)
        store.append("s1", event(2))
        states.append(row(store).is_stale)

        assert states == [True, False, True]
        assert row(store).figures is not None  # the old ones, to be shown as such
        assert ids(store.find(SessionQuery(stale_only=True))) == ["s1"]
        assert ids(store.find(SessionQuery(stale_only=True, agent="forge"))) == ["s1"]

    def test_an_analysis_that_missed_an_event_leaves_the_session_stale(self, store: Store) -> None:
        store.add(session("s1", event(1)))
        store.append("s1", event(2))
        store.put_figures("s1", figures(), 1)

        assert row(store).is_stale

    def test_new_figures_take_the_place_of_old_ones(self, store: Store) -> None:
        store.add(session("s1"))
        store.put_figures("s1", figures(), 0)
        store.put_figures("s1", figures(score=50.0, issues={"FAILED_RETRY": IssueTally(3, 10)}), 0)

        assert store.totals(SessionQuery()).issues == {"FAILED_RETRY": IssueTally(3, 10)}
        assert (row(store).figures or figures()).efficiency_score == 50.0

    def test_figures_of_a_session_that_is_gone_are_dropped(self, store: Store) -> None:
        store.put_figures("s1", figures(), 0)

        assert store.get("s1") is None


class TestTotals:
    def test_nothing_adds_up_to_nothing(self, store: Store) -> None:
        store.add(session("s1"))  # not analysed

        assert store.totals(SessionQuery()) == HistoryTotals(
            sessions=0, tokens=0, cost_usd=None, waste_tokens=0, waste_cost_usd=None, scores=[], issues={}
        )

    def test_sums_scores_and_issues_of_the_sessions_meant(self, store: Store) -> None:
        for number, (day, agent, score, cost) in enumerate(
            [(7, "FORGE", 90.0, "0.3"), (5, "FORGE", 70.0, "0.1"), (6, "forge", 80.0, None), (6, "ATLAS", 10.0, "9")]
        ):
            store.add(session(f"s{number}", day=day, agent=agent))
            store.put_figures(f"s{number}", figures(score=score, cost=cost), 0)

        totals = store.totals(SessionQuery(agent="Forge", limit=1))
        assert (totals.sessions, totals.tokens, totals.waste_tokens) == (3, 3_000, 600)
        assert (totals.cost_usd, totals.waste_cost_usd) == (Decimal("0.4"), Decimal("0.08"))
        assert list(totals.scores) == [70.0, 80.0, 90.0]
        assert totals.issues == {"REPEATED_FILE_READ": IssueTally(3, 600)}
        assert store.totals(SessionQuery()).sessions == 4
        assert store.totals(SessionQuery(since_ns=1_767_690_000_000_000_000)).sessions == 3

    def test_money_is_added_exactly(self, store: Store) -> None:
        for number in range(10):
            store.add(session(f"s{number}"))
            store.put_figures(f"s{number}", figures(cost="0.1"), 0)

        assert store.totals(SessionQuery()).cost_usd == Decimal("1.0")


class TestTraces:
    def test_a_trace_is_a_session_with_its_figures(self, store: Store) -> None:
        assert store.put_trace(trace(1))

        found = row(store, f"{1:032x}")
        assert found.session.agent == "coder"
        assert found.session.trace_ids == (f"{1:032x}",)
        assert found.session.total_tokens == 1_000
        assert found.figures == figures()
        assert not found.is_stale
        assert not found.session.is_recorded
        assert store.reports(f"{1:032x}") == [{"session_id": f"{1:032x}", "number": 1}]

    def test_traces_of_one_conversation_are_one_session(self, store: Store) -> None:
        store.put_trace(trace(2, "c1", day=6, status=SessionStatus.FAILED))
        store.put_trace(trace(1, "c1", day=5))

        (found,) = store.find(SessionQuery())
        assert found.session.id == "c1"
        assert found.session.conversation_id == "c1"
        assert found.session.trace_ids == (f"{1:032x}", f"{2:032x}")
        assert found.session.task == "task 1"
        assert found.session.started_at == DAY.format(5)
        assert found.session.ended_at == "2026-01-06T09:30:00+00:00"
        assert found.session.status is SessionStatus.FAILED
        assert found.session.total_tokens == 2_000
        assert found.figures is not None
        assert (found.figures.tokens, found.figures.cost_usd) == (2_000, Decimal("1.0"))
        assert found.figures.issues == {"REPEATED_FILE_READ": IssueTally(2, 400)}
        assert found.figures.efficiency_score == 80.0  # $0.20 of $1.00
        assert [report["number"] for report in store.reports("c1")] == [1, 2]
        assert store.totals(SessionQuery()).sessions == 1

    def test_the_score_of_a_conversation_compares_tokens_where_a_call_is_unpriced(self, store: Store) -> None:
        store.put_trace(trace(1, "c1", of=figures(tokens=1_000)))
        store.put_trace(trace(2, "c1", of=figures(tokens=3_000, cost=None)))

        found = row(store, "c1").figures
        assert found is not None
        assert found.efficiency_score == 80.0  # 800 of 4,000 tokens
        assert (found.cost_usd, found.unpriced_calls) == (Decimal("0.5"), 2)

    def test_the_same_trace_again_counts_once(self, store: Store) -> None:
        store.put_trace(trace(1, "c1"))
        assert store.put_trace(trace(1, "c1", spans=12, of=figures(tokens=5_000)))

        found = row(store, "c1")
        assert found.session.trace_ids == (f"{1:032x}",)
        assert (found.figures or figures()).tokens == 5_000
        assert len(store.reports("c1")) == 1

    def test_a_joint_report_stands_in_place_of_those_of_all_traces_until_one_changes(self, store: Store) -> None:
        ids = [f"{number:032x}" for number in (1, 2, 3)]
        store.put_trace(trace(1, "c1", day=5))
        store.put_trace(trace(2, "c1", day=6))
        joint = {"session_id": "c1", "traces": 2}

        assert not store.put_joint_report("c1", ids[:1], joint, figures())  # it has a second trace
        assert not store.put_joint_report("c2", ids, joint, figures())
        assert store.put_joint_report("c1", ids, joint, figures(tokens=7))
        assert store.reports("c1") == [joint]
        assert (row(store, "c1").figures or figures()).tokens == 7
        assert row(store, "c1").session.total_tokens == 2_000

        store.put_trace(trace(2, "c1", day=6, spans=11))
        assert [report["number"] for report in store.reports("c1")] == [1, 2]
        assert (row(store, "c1").figures or figures()).tokens == 2_000

    def test_a_deleted_session_leaves_no_joint_report(self, store: Store) -> None:
        store.put_trace(trace(1, "c1"))
        store.put_joint_report("c1", [f"{1:032x}"], {"joint": True}, figures())

        store.delete("c1")
        assert store.reports("c1") == []
        store.put_trace(trace(1, "c1"))
        assert [report["number"] for report in store.reports("c1")] == [1]

    def test_a_recording_has_no_joint_report(self, store: Store) -> None:
        store.add(session("s1"))

        assert not store.put_joint_report("s1", [], {}, figures())

    def test_a_part_of_a_trace_does_not_take_the_place_of_more_of_it(self, store: Store) -> None:
        store.put_trace(trace(1, spans=10))

        assert not store.put_trace(trace(1, spans=9, of=figures(tokens=5)))
        assert (row(store, f"{1:032x}").figures or figures(tokens=5)).tokens == 1_000

    def test_a_trace_that_tells_its_conversation_later_moves_there(self, store: Store) -> None:
        store.put_trace(trace(1))
        store.put_trace(trace(2, "c1"))
        store.put_trace(trace(1, "c1"))

        assert ids(store.find(SessionQuery())) == ["c1"]
        assert row(store, "c1").session.trace_ids == (f"{2:032x}", f"{1:032x}")

    def test_a_conversation_that_loses_a_trace_keeps_the_rest(self, store: Store) -> None:
        store.put_trace(trace(1, "c1"))
        store.put_trace(trace(2, "c1"))
        store.put_trace(trace(1, "c2"))

        assert row(store, "c1").session.trace_ids == (f"{2:032x}",)
        assert (row(store, "c1").figures or figures(tokens=9)).tokens == 1_000
        assert store.totals(SessionQuery()).tokens == 2_000

    def test_a_recording_of_that_id_is_left_alone(self, store: Store) -> None:
        store.add(session("c1", event(1)))

        assert not store.put_trace(trace(1, "c1"))
        assert len(loaded(store, "c1").events) == 1
        assert store.reports("c1") == []

    def test_events_cannot_be_logged_to_traces(self, store: Store) -> None:
        store.put_trace(trace(1, "c1"))

        with pytest.raises(RecordingError, match="c1 was kept from traces"):
            store.append("c1", event(1))
        with pytest.raises(RecordingError, match="c1"):
            store.end("c1", SessionStatus.FAILED, event(1))
        assert row(store, "c1").session.status is SessionStatus.COMPLETED

    def test_delete_forgets_the_traces(self, store: Store) -> None:
        store.put_trace(trace(1, "c1"))
        store.delete("c1")

        assert store.reports("c1") == []
        assert store.put_trace(trace(1, spans=1))  # nothing is left that it could be a part of


class TestFacts:
    def test_one_of_several_callers_learns_that_an_export_is_due(self, store: Store) -> None:
        store.add(session("s1"))

        assert [store.set_exported("s1", True), store.set_exported("s1", True)] == [True, False]
        assert row(store).is_exported
        assert store.set_exported("s1", False)
        assert not row(store).is_exported
        assert not store.set_exported("s2", True)

    def test_notes_are_kept(self, store: Store) -> None:
        assert store.note("a") is None
        store.set_note("a", "1")
        store.set_note("a", "2")

        assert store.note("a") == "2"

    def test_a_closed_store_opens_again(self, store: Store) -> None:
        store.add(session("s1"))
        store.close()
        store.close()

        assert store.get("s1") is not None

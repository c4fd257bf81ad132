from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from otel_sessionopt.session import EventType, Release, ReleaseReason, Session, SessionEvent, SessionStatus
from otel_sessionopt.session.model import repeats_model_call
from tests.support.digest_builder import TraceBuilder

NINE = "2026-01-05T09:00:00+00:00"
NINE_NS = 1_767_603_600_000_000_000


def _event(
    event_type: EventType = EventType.AI_RESPONSE, tokens: tuple[int, int] = (100, 10), **fields: Any
) -> SessionEvent:
    return SessionEvent("e1", NINE, event_type, {}, *tokens, **fields)


def _session(*events: SessionEvent, **fields: Any) -> Session:
    session = Session("s1", "coder", "fix the build", started_at=NINE, **fields)
    for event in events:
        session.add_event(event)
    return session


class TestSessionEvent:
    def test_start_and_end_come_from_the_time_stamp_and_the_duration(self) -> None:
        event = _event(duration_ms=1_500)

        assert (event.start_ns, event.end_ns) == (NINE_NS, NINE_NS + 1_500_000_000)

    def test_a_time_stamp_that_says_nothing_leaves_them_unknown(self) -> None:
        event = SessionEvent("e1", "once upon a time", EventType.CUSTOM)

        assert (event.start_ns, event.end_ns) == (None, None)

    def test_given_times_stay(self) -> None:
        event = _event(start_ns=5, end_ns=9)

        assert (event.start_ns, event.end_ns) == (5, 9)

    def test_uncached_tokens_are_what_no_cache_served_or_stored(self) -> None:
        assert _event(tokens=(100, 0), cache_read_tokens=60, cache_write_tokens=30).uncached_tokens == 10
        assert _event(tokens=(100, 0), cache_read_tokens=600).uncached_tokens == 0

    def test_an_event_recorded_by_hand_has_exactly_the_seven_known_keys(self) -> None:
        event = SessionEvent("e1", NINE, EventType.FILE_READ, {"file_path": "a.py"}, 100, 10, 25)

        assert event.to_dict() == {
            "id": "e1",
            "timestamp": NINE,
            "event_type": "FILE_READ",
            "data": {"file_path": "a.py"},
            "tokens_input": 100,
            "tokens_output": 10,
            "duration_ms": 25,
        }

    def test_further_fields_appear_where_they_say_something(self) -> None:
        event = _event(
            cache_read_tokens=60, reasoning_tokens=0, model="opus", error="timeout", is_compaction=True,
            start_ns=NINE_NS + 1, end_ns=NINE_NS + 7, reported_cost_usd=Decimal("0.25"),
        )  # fmt: skip

        further = {key: value for key, value in event.to_dict().items() if key not in _event().to_dict()}

        assert further == {
            "cache_read_tokens": 60,
            "reasoning_tokens": 0,
            "model": "opus",
            "error": "timeout",
            "is_compaction": True,
            "start_ns": NINE_NS + 1,
            "end_ns": NINE_NS + 7,
            "reported_cost_usd": 0.25,
        }

    def test_writing_does_not_share_data_with_the_event(self) -> None:
        event = _event()
        event.to_dict()["data"]["x"] = 1

        assert event.data == {}

    def test_unknown_keys_are_ignored(self) -> None:
        data = {**_event().to_dict(), "colour": "red", "nested": {"a": 1}}

        assert SessionEvent.from_dict(data) == _event()

    def test_only_id_time_stamp_and_type_are_needed(self) -> None:
        event = SessionEvent.from_dict({"id": "e1", "timestamp": NINE, "event_type": "SEARCH"})

        assert event == SessionEvent("e1", NINE, EventType.SEARCH)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("id", None),
            ("id", 7),
            ("timestamp", None),
            ("event_type", "FILE_EATEN"),
            ("event_type", ["SEARCH"]),
            ("data", [1]),
            ("tokens_input", -1),
            ("tokens_input", "12"),
            ("tokens_output", True),
            ("tokens_output", 1.5),
            ("duration_ms", float("nan")),
            ("duration_ms", float("inf")),
            ("cache_read_tokens", "x"),
            ("is_compaction", "yes"),
            ("model", 4),
            ("reported_cost_usd", -1),
        ],
    )
    def test_a_missing_key_or_a_wrong_value_is_named(self, key: str, value: object) -> None:
        with pytest.raises(ValueError, match=key):
            SessionEvent.from_dict({**_event().to_dict(), key: value})


class TestRecording:
    def test_a_session_starts_when_it_is_made(self) -> None:
        before = datetime.now(timezone.utc)
        started_at = datetime.fromisoformat(Session("s1", "coder", "task").started_at)

        assert before <= started_at <= datetime.now(timezone.utc)

    def test_events_add_to_the_totals(self) -> None:
        session = _session(_event(duration_ms=20), _event(EventType.FILE_READ, (40, 0), duration_ms=5))

        assert (session.total_tokens_input, session.total_tokens_output, session.total_duration_ms) == (140, 10, 25)
        assert session.total_tokens == 150

    def test_events_given_on_construction_are_added_up(self) -> None:
        session = Session("s1", "coder", "task", events=[_event(), _event()])

        assert session.total_tokens == 220

    def test_totals_given_on_construction_stay(self) -> None:
        session = Session("s1", "coder", "task", events=[_event()], total_tokens_input=7)

        assert session.total_tokens == 7

    @pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.FAILED])
    def test_end_sets_the_status_and_the_time(self, status: SessionStatus) -> None:
        session = _session()
        session.end(status)

        assert session.status is status
        assert datetime.fromisoformat(session.ended_at) > datetime.fromisoformat(NINE)

    def test_a_session_ends_well_unless_told_otherwise(self) -> None:
        session = _session()
        session.end()

        assert session.status is SessionStatus.COMPLETED

    def test_duration_goes_from_start_to_end(self) -> None:
        assert _session(ended_at="2026-01-05T10:30:00+00:00").duration_seconds == 5_400

    def test_duration_of_an_active_session_goes_to_its_last_event(self) -> None:
        assert _session(_event(duration_ms=2_500)).duration_seconds == 2.5

    def test_duration_is_never_negative(self) -> None:
        assert _session(ended_at="2026-01-05T08:00:00+00:00").duration_seconds == 0

    def test_duration_without_times_is_the_sum_of_the_events(self) -> None:
        session = Session("s1", "coder", "task", started_at="?", total_duration_ms=1_500)

        assert session.duration_seconds == 1.5

    def test_cost_follows_the_model_of_the_session(self) -> None:
        assert _session(_event(tokens=(1_000, 1_000)), model="opus").estimated_cost == pytest.approx(0.09)

    def test_cost_is_none_when_nothing_is_priced(self) -> None:
        assert _session(_event(), model="acme-9000").estimated_cost is None

    def test_cost_of_an_empty_recording_is_zero(self) -> None:
        assert _session().estimated_cost == 0.0

    def test_cost_follows_what_is_recorded_later(self) -> None:
        session = _session(_event(tokens=(1_000, 0)), model="opus")
        first = session.estimated_cost
        session.add_event(_event(tokens=(1_000, 0)))
        session.events.append(_event(tokens=(1_000, 0)))  # some append themselves

        assert [first, session.estimated_cost] == pytest.approx([0.015, 0.045])

    def test_a_fact_is_computed_once_and_again_after_a_change(self) -> None:
        session, calls = _session(), []

        def count(of: Session) -> int:
            calls.append(of.id)
            return len(of.events)

        assert [session.fact(count), session.fact(count)] == [0, 0]
        session.add_event(_event())
        assert session.fact(count) == 1
        assert len(calls) == 2


class TestTokenUsage:
    def test_numbers_that_a_model_call_reported_are_not_added_again(self) -> None:
        session = _session(_event(), _event(EventType.FILE_READ, (0, 0)), _event(EventType.TOKEN_USAGE))

        assert session.total_tokens == 110

    def test_other_numbers_are_added(self) -> None:
        assert _session(_event(), _event(EventType.TOKEN_USAGE, (100, 11))).total_tokens == 221

    def test_the_same_numbers_of_another_model_are_added(self) -> None:
        session = _session(_event(model="opus"), _event(EventType.TOKEN_USAGE, model="sonnet"))

        assert session.total_tokens == 220

    def test_an_event_without_a_model_means_that_of_the_session(self) -> None:
        session = _session(_event(model="opus"), _event(EventType.TOKEN_USAGE), model="opus")

        assert session.total_tokens == 110

    def test_one_model_call_explains_one_report(self) -> None:
        session = _session(_event(), _event(EventType.TOKEN_USAGE), _event(EventType.TOKEN_USAGE))

        assert session.total_tokens == 220

    def test_a_report_before_the_call_is_added(self) -> None:
        assert _session(_event(EventType.TOKEN_USAGE), _event()).total_tokens == 220

    def test_only_a_model_call_explains_a_report(self) -> None:
        assert _session(_event(EventType.FILE_READ), _event(EventType.TOKEN_USAGE)).total_tokens == 220

    def test_other_events_never_repeat_a_call(self) -> None:
        assert not repeats_model_call([_event(), _event(EventType.FILE_READ)], 1, "default")


class TestSessionJson:
    def test_a_recording_has_exactly_the_twelve_known_keys(self) -> None:
        session = _session(_event(), metadata={"team": "a"})

        assert session.to_dict() == {
            "id": "s1",
            "agent": "coder",
            "task": "fix the build",
            "status": "ACTIVE",
            "started_at": NINE,
            "ended_at": "",
            "events": [_event().to_dict()],
            "total_tokens_input": 100,
            "total_tokens_output": 10,
            "total_duration_ms": 0,
            "model": "default",
            "metadata": {"team": "a"},
        }

    def test_a_recording_is_read_back_as_it_was(self) -> None:
        session = _session(_event(), _event(EventType.TOKEN_USAGE), model="opus")
        session.end(SessionStatus.FAILED)

        assert Session.from_dict(json.loads(json.dumps(session.to_dict()))) == session

    def test_a_session_from_spans_is_written_the_same_after_it_was_read(self) -> None:
        release = Release(ReleaseReason.IDLE_TIMEOUT, False, 4, 1, {"queue_full": 2}, {"invalid-json": 1})
        session = (
            TraceBuilder().agent("coder", task="t").model_call(cache_read=50, reasoning=5).read("/a.py").compaction()
            .session(release=release)
        )  # fmt: skip
        data = json.loads(json.dumps(session.to_dict()))

        assert Session.from_dict(data).to_dict() == data
        assert data["release"]["reason"] == "idle_timeout"
        assert data["trace_ids"] == [session.id]
        assert data["is_recorded"] is False

    def test_stored_totals_win_where_there_are_no_events(self) -> None:
        stored = {
            "id": "s1",
            "started_at": NINE,
            "total_tokens_input": 1_000,
            "total_tokens_output": 1_000,
            "model": "opus",
        }
        session = Session.from_dict(stored)

        assert session.total_tokens == 2_000
        assert session.estimated_cost == pytest.approx(0.09)

    def test_events_without_totals_are_added_up(self) -> None:
        session = Session.from_dict({"id": "s1", "events": [_event().to_dict()]})

        assert session.total_tokens == 110
        assert session.started_at == NINE

    def test_null_is_a_missing_value(self) -> None:
        session = Session.from_dict({**_session().to_dict(), "ended_at": None, "metadata": None, "release": None})

        assert session == _session()

    def test_a_wrong_event_is_named_with_its_place(self) -> None:
        data = _session(_event(), _event()).to_dict()
        data["events"][1]["tokens_input"] = "many"

        with pytest.raises(ValueError, match=r"events\[1\]\.tokens_input"):
            Session.from_dict(data)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("id", None),
            ("started_at", None),
            ("status", "DONE"),
            ("events", {}),
            ("events", ["x"]),
            ("model", 3),
            ("release", {}),
        ],
    )
    def test_a_missing_key_or_a_wrong_value_is_named(self, key: str, value: object) -> None:
        with pytest.raises(ValueError, match=key if value != {} or key != "release" else "reason"):
            Session.from_dict({**_session().to_dict(), key: value})

    def test_messages_do_not_show_the_value(self) -> None:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - what the message leaves out is the test
            Session.from_dict({**_session().to_dict(), "model": {"secret": "hunter2"}})

        assert "hunter2" not in str(caught.value)

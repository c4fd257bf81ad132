"""`import_session`: the known JSON shape, and everything that is no session."""

from __future__ import annotations

from typing import Any, Final

import pytest

from otel_sessionopt import EventType, SessionOptimizer, SessionStatus
from tests.support.recordings import Clock, optimizer_in_memory, present, reads, report_of

DATA: Final[dict[str, Any]] = {
    "id": "imported_session_001",
    "agent": "NEXUS",
    "task": "Imported task",
    "status": "COMPLETED",
    "started_at": "2026-01-21T10:00:00",
    "ended_at": "2026-01-21T11:00:00",
    "events": [],
    "total_tokens_input": 5000,
    "total_tokens_output": 2000,
    "total_duration_ms": 3600000,
    "model": "grok",
    "metadata": {},
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def optimizer(clock: Clock) -> SessionOptimizer:
    return optimizer_in_memory(clock)


def test_the_known_shape_is_read_and_written_as_it_was(optimizer: SessionOptimizer) -> None:
    session = present(optimizer.import_session(DATA))

    assert session.to_dict() == DATA
    assert present(optimizer.get_session("imported_session_001")).total_tokens == 7_000
    assert report_of(optimizer, session).token_breakdown["TOTAL"] == 7_000


def test_a_recording_goes_round(optimizer: SessionOptimizer, clock: Clock) -> None:
    session = reads(optimizer, 3)
    optimizer.end_session(session.id)
    data = present(optimizer.get_session(session.id)).to_dict()
    elsewhere = optimizer_in_memory(clock)

    assert present(elsewhere.import_session(data)).to_dict() == data
    assert report_of(elsewhere, session).to_dict() == report_of(optimizer, session).to_dict()


@pytest.mark.parametrize(
    "data",
    [
        {"missing": "required_fields"},
        {},
        None,
        [],
        "text",
        7,
        {**DATA, "id": 7},
        {**DATA, "status": "DONE"},
        {**DATA, "events": "none"},
        {**DATA, "events": [1]},
        {**DATA, "events": [{"id": "e"}]},
        {**DATA, "total_tokens_input": -1},
        {**DATA, "total_tokens_input": "many"},
        {**DATA, "metadata": [1]},
        {**DATA, "started_at": None},
        {**DATA, "id": " "},
        {**DATA, "total_tokens_output": 2**63},
        {**DATA, "total_duration_ms": 1e300},
        {**DATA, "events": [{"id": "e", "timestamp": "x", "event_type": "CUSTOM", "tokens_input": 10**13}]},
        dict([*DATA.items(), (("a", "b"), 1)]),
    ],
)
def test_what_is_no_session_gives_none(optimizer: SessionOptimizer, data: Any) -> None:
    assert optimizer.import_session(data) is None
    assert optimizer.find() == []


def test_something_that_contains_itself_gives_none(optimizer: SessionOptimizer) -> None:
    data: dict[str, Any] = dict(DATA)
    data["metadata"] = data

    assert optimizer.import_session(data) is None


def test_names_are_understood_in_any_letter_case(optimizer: SessionOptimizer) -> None:
    event = {"id": "e", "timestamp": "2026-01-21T10:00:00", "event_type": "file_read", "data": {"model": "Opus"}}
    session = present(optimizer.import_session({**DATA, "status": "failed", "events": [event]}))

    assert session.status is SessionStatus.FAILED
    assert (session.events[0].event_type, session.events[0].model) == (EventType.FILE_READ, "opus")


def test_event_ids_that_occur_twice_are_told_apart(optimizer: SessionOptimizer) -> None:
    event = {
        "id": "e",
        "timestamp": "2026-01-21T10:00:00",
        "event_type": "FILE_READ",
        "data": {"file_path": "/a.py"},
        "tokens_input": 100,
    }
    data = {**DATA, "events": [event, event, event], "total_tokens_input": 300, "total_tokens_output": 0}
    session = present(optimizer.import_session(data))

    assert [each.id for each in session.events] == ["e", "e-2", "e-3"]
    assert report_of(optimizer, session).total_waste_tokens == 200


def test_the_same_session_again_is_one_session(optimizer: SessionOptimizer) -> None:
    optimizer.import_session(DATA)
    session = present(optimizer.import_session({**DATA, "task": "later"}))

    assert session.task == "later"
    assert len(optimizer.find()) == 1


def test_an_import_that_lacks_events_replaces_nothing(optimizer: SessionOptimizer) -> None:
    session = reads(optimizer, 2)
    early = present(optimizer.get_session(session.id)).to_dict()
    optimizer.log_event(session.id, EventType.CUSTOM)
    imported = present(optimizer.import_session(early))

    assert imported.id == f"{session.id}_2"
    assert len(present(optimizer.get_session(session.id)).events) == 4
    assert len(imported.events) == 3


def test_the_given_mapping_stays_as_it_is(optimizer: SessionOptimizer) -> None:
    data = {**DATA, "status": "completed"}
    optimizer.import_session(data)

    assert data == {**DATA, "status": "completed"}


def test_ids_that_look_like_those_of_doubles_stay_apart(optimizer: SessionOptimizer) -> None:
    event = {"timestamp": "2026-01-21T10:00:00", "event_type": "CUSTOM"}
    given = ("e", "e-2", "e", "e", "e-2")
    session = present(optimizer.import_session({**DATA, "events": [{"id": own, **event} for own in given]}))

    assert [each.id for each in session.events] == ["e", "e-2", "e-3", "e-4", "e-2-2"]


def test_many_events_of_one_id_take_no_longer_than_others(optimizer: SessionOptimizer) -> None:
    event = {"id": "e", "timestamp": "2026-01-21T10:00:00", "event_type": "CUSTOM"}
    session = present(optimizer.import_session({**DATA, "events": [event] * 5_000}))

    assert len({each.id for each in session.events}) == 5_000

from __future__ import annotations

import pytest

from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session import EventType, Session, SessionEvent
from otel_sessionopt.session.facts.activity import Activity, activity
from tests.support.digest_builder import TraceBuilder

MINUTE_NS = 60 * 10**9
NINE = "2026-01-05T09:00:00+00:00"


def _minutes(*spans: tuple[float, float]) -> Activity:
    """Activity of a trace with tool calls from minute to minute."""
    builder = TraceBuilder()
    for number, (start, end) in enumerate(spans, 1):
        builder.add(
            SpanDigest(number, None, "t", round(start * MINUTE_NS), round(end * MINUTE_NS), Operation.TOOL_CALL)
        )
    return activity(builder.session())


@pytest.mark.parametrize(
    ("spans", "active", "wall", "idle"),
    [
        ([(0, 10)], 10, 10, []),
        ([(0, 2), (6, 8)], 8, 8, []),  # a gap of four minutes is a pause for thought
        ([(0, 2), (7, 8)], 8, 8, []),  # five still are
        ([(0, 2), (8, 9)], 8, 9, [6]),  # of six one is idle
        ([(0, 1), (61, 62), (122, 123)], 13, 123, [60, 60]),
        ([(0, 100), (20, 30), (90, 95)], 100, 100, []),  # events inside a longer one
        ([(0, 10), (5, 40), (50, 51)], 46, 51, [10]),  # events that overlap
    ],
)
def test_idle_gaps_are_capped_at_five_minutes(
    spans: list[tuple[float, float]], active: int, wall: int, idle: list[int]
) -> None:
    spent = _minutes(*spans)

    assert (spent.active_ns, spent.wall_ns) == (active * MINUTE_NS, wall * MINUTE_NS)
    assert list(spent.idle_gaps) == [gap * MINUTE_NS for gap in idle]


def test_the_longest_gap_is_told_even_if_it_is_short() -> None:
    assert _minutes((0, 1), (3, 4), (5, 6)).longest_gap_ns == 2 * MINUTE_NS


def test_an_agent_that_waits_for_its_person_is_idle() -> None:
    session = TraceBuilder().agent().tool(seconds=60).pause(hours=3).tool(seconds=60).session()

    assert activity(session).active_ns == pytest.approx(7 * MINUTE_NS, rel=1e-3)
    assert activity(session).wall_ns == pytest.approx(182 * MINUTE_NS, rel=1e-3)


class TestRecordings:
    def _session(self, *events: tuple[str, float], **fields: str) -> Session:
        session = Session("s1", "coder", "task", **{"started_at": NINE, **fields})  # type: ignore[arg-type]  # texts only
        for number, (timestamp, minutes) in enumerate(events):
            session.add_event(SessionEvent(f"e{number}", timestamp, EventType.TOOL_CALL, duration_ms=minutes * 60_000))
        return session

    def test_lengths_count_one_after_the_other_whatever_the_time_stamps_say(self) -> None:
        spent = activity(self._session((NINE, 10), (NINE, 10), (NINE, 10)))

        assert (spent.active_ns, spent.wall_ns) == (30 * MINUTE_NS, 30 * MINUTE_NS)

    def test_gaps_between_time_stamps_count_as_in_traces(self) -> None:
        spent = activity(self._session((NINE, 0), ("2026-01-05T09:04:00Z", 0), ("2026-01-05T11:04:00Z", 0)))

        assert (spent.active_ns, spent.wall_ns) == (9 * MINUTE_NS, 124 * MINUTE_NS)

    def test_start_and_end_of_the_session_count(self) -> None:
        spent = activity(self._session(("2026-01-05T09:02:00Z", 0), ended_at="2026-01-05T09:05:00Z"))

        assert spent.active_ns == spent.wall_ns == 5 * MINUTE_NS

    def test_a_start_that_was_filled_in_later_does_not_count(self) -> None:
        spent = activity(self._session((NINE, 1), started_at="2026-11-22T09:00:00Z"))

        assert spent.wall_ns == MINUTE_NS

    def test_without_times_it_is_the_sum_of_the_lengths(self) -> None:
        spent = activity(self._session((NINE, 1), ("some day", 70)))

        assert (spent.active_ns, spent.wall_ns) == (71 * MINUTE_NS, 71 * MINUTE_NS)

    def test_without_events_it_is_the_stored_sum(self) -> None:
        session = Session("s1", "coder", "task", started_at=NINE, total_duration_ms=90 * 60_000)

        assert activity(session).active_ns == 90 * MINUTE_NS

    def test_without_anything_it_is_next_to_nothing(self) -> None:
        session = Session("s1", "coder", "task", started_at=NINE, ended_at="2026-01-05T12:00:00Z")

        assert (activity(session).active_ns, activity(session).wall_ns) == (5 * MINUTE_NS, 180 * MINUTE_NS)


def _open_for(tool: ToolUse, minutes: float) -> Activity:
    call = SpanDigest(1, None, "t", 0, round(minutes * MINUTE_NS), Operation.TOOL_CALL, tool=tool)
    answer = SpanDigest(2, None, "chat", call.end_ns, call.end_ns + MINUTE_NS, Operation.MODEL_CALL)
    return activity(TraceBuilder().add(call).add(answer).session())


@pytest.mark.parametrize(
    "tool",
    [
        ToolUse("Read", ToolKind.READ),
        ToolUse("Edit", ToolKind.WRITE),
        ToolUse("Grep", ToolKind.SEARCH),
        ToolUse("Bash", ToolKind.SHELL, command="git diff --stat"),
        ToolUse("Agent", ToolKind.SUB_AGENT, is_rejected=True),
    ],
)
def test_a_quick_call_that_stood_open_for_hours_was_waiting_for_a_person(tool: ToolUse) -> None:
    spent = _open_for(tool, 136)
    assert spent.active_ns == 6 * MINUTE_NS
    assert spent.wall_ns == 137 * MINUTE_NS


def test_a_long_test_run_is_work() -> None:
    assert _open_for(ToolUse("Bash", ToolKind.SHELL, command="pytest"), 136).active_ns == 137 * MINUTE_NS

"""Tool calls that model calls tell of, once each, whatever spans there are for them."""

from __future__ import annotations

import random

import pytest

from otel_sessionopt.dialects.digest import (
    FileAccess,
    ModelUse,
    Operation,
    ResultDigest,
    SpanDigest,
    ToldCall,
    ToolKind,
    ToolUse,
)
from otel_sessionopt.session import EventType, Release, Session, build_session

READ = ToolUse(
    "Read", ToolKind.READ, "call_abc1", 77, (FileAccess("/a.py"),), result=ResultDigest(chars=400), arguments_chars=20
)


def session_of(*spans: SpanDigest) -> Session:
    agent = SpanDigest(1, None, "invoke_agent", 0, 1_000, Operation.AGENT, agent="coder")
    given = [agent, *spans]
    session = build_session(1, given, Release())
    for seed in range(3):
        random.Random(seed).shuffle(given)
        assert build_session(1, given, Release()).events == session.events
    return session


def call(span_id: int, start: int, *told: ToolUse, error: str | None = None, parent: int = 1) -> SpanDigest:
    use = ModelUse("m", uncached_tokens=100, output_tokens=10, has_usage=True)
    return SpanDigest(
        span_id, parent, "chat", start, start + 50, Operation.MODEL_CALL, model=use,
        told=tuple(ToldCall(tool, error) for tool in told),
    )  # fmt: skip


def tool(span_id: int, start: int, use: ToolUse | None, parent: int = 1) -> SpanDigest:
    return SpanDigest(span_id, parent, "tool", start, start + 20, Operation.TOOL_CALL, tool=use)


def tools_of(session: Session) -> list[tuple[str, EventType, int | None]]:
    return [(event.id, event.event_type, event.content_tokens) for event in session.events if event.tool is not None]


def test_a_call_without_a_span_becomes_an_event_where_its_result_came_in() -> None:
    session = session_of(call(2, 10), call(3, 100, READ))

    (event,) = (event for event in session.events if event.tool is not None)
    assert (event.event_type, event.content_tokens, event.data["file_path"]) == (EventType.FILE_READ, 100, "/a.py")
    assert (event.start_ns, event.end_ns) == (100, 100)
    # It can be found by the span that tells of it, and its own id does not pretend to be one.
    assert event.span_id == f"{3:016x}"
    assert len(event.id) > 16
    assert event.context == f"{1:016x}"


def test_each_call_counts_once_however_often_it_is_told() -> None:
    repeated = session_of(call(2, 10), call(3, 100, READ), call(4, 200, READ), call(5, 210, READ, parent=4))

    assert len(tools_of(repeated)) == 1


def test_a_bare_span_is_completed_by_its_id() -> None:
    session = session_of(call(2, 10), tool(3, 70, ToolUse("Read", call_id="call_abc1")), call(4, 100, READ))

    assert tools_of(session) == [(f"{3:016x}", EventType.FILE_READ, 100)]


@pytest.mark.parametrize("own", [ToolUse("Read"), ToolUse("read")])
def test_a_bare_span_without_an_id_is_completed_by_name_and_place(own: ToolUse) -> None:
    session = session_of(call(2, 10), tool(3, 70, own), call(4, 100, READ))

    assert tools_of(session) == [(f"{3:016x}", EventType.FILE_READ, 100)]


def test_spans_with_ids_of_their_own_are_known_by_equal_arguments() -> None:
    own = READ._replace(call_id="other-id", result=None)
    session = session_of(call(2, 10), tool(3, 70, own), call(4, 100, READ))

    assert tools_of(session) == [(f"{3:016x}", EventType.FILE_READ, 100)]


def test_a_span_of_another_tool_or_of_an_earlier_round_is_another_call() -> None:
    other = session_of(call(2, 10), tool(3, 70, ToolUse("Grep")), call(4, 100, READ))
    assert len(tools_of(other)) == 2
    earlier = session_of(tool(3, 5, ToolUse("Read")), call(2, 10), call(4, 100, READ))
    assert len(tools_of(earlier)) == 2


def test_two_calls_of_one_tool_find_their_two_spans() -> None:
    second = READ._replace(call_id="call_abc2", arguments_hash=78, result=ResultDigest(chars=800))
    session = session_of(
        call(2, 10), tool(3, 70, ToolUse("Read")), tool(5, 80, ToolUse("Read")), call(4, 100, READ, second)
    )

    assert tools_of(session) == [(f"{3:016x}", EventType.FILE_READ, 100), (f"{5:016x}", EventType.FILE_READ, 200)]


def test_a_tool_span_of_which_nothing_is_known_may_be_the_call() -> None:
    session = session_of(call(2, 10), tool(3, 70, None), call(4, 100, READ))

    assert [event.event_type for event in session.events].count(EventType.FILE_READ) == 0


def test_what_a_span_says_itself_is_not_replaced() -> None:
    own = READ._replace(result=ResultDigest(chars=40))
    session = session_of(call(2, 10), tool(3, 70, own), call(4, 100, READ))

    assert tools_of(session) == [(f"{3:016x}", EventType.FILE_READ, 10)]


def test_a_told_error_fails_the_call_and_a_refused_call_stays_no_error() -> None:
    failed = session_of(call(2, 10), tool(3, 70, ToolUse("Read", call_id="call_abc1")), call(4, 100, READ, error="e"))
    assert [event.error for event in failed.events if event.tool] == ["e"]
    refused = ToolUse("Read", call_id="call_abc1", is_rejected=True)
    kept = session_of(call(2, 10), tool(3, 70, refused), call(4, 100, READ, error="e"))
    assert [event.error for event in kept.events if event.tool] == [None]


def test_short_ids_count_up_in_every_conversation() -> None:
    first = READ._replace(call_id="c1")
    helper = SpanDigest(10, 1, "invoke_agent", 300, 900, Operation.AGENT, agent="helper")
    session = session_of(
        call(2, 10), call(3, 100, first), helper, call(11, 310, parent=10), call(12, 400, first, parent=10)
    )

    assert len(tools_of(session)) == 2


def test_a_result_whose_call_was_never_seen_makes_no_event() -> None:
    assert tools_of(session_of(call(2, 10), call(3, 100, ToolUse("", call_id="c", result=ResultDigest(9))))) == []

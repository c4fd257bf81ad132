from __future__ import annotations

import pytest

from otel_sessionopt.dialects.digest import FileAccess, Operation, ResultDigest, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session import EventType, SessionEvent
from tests.support.digest_builder import TraceBuilder


def _only(builder: TraceBuilder) -> SessionEvent:
    (event,) = builder.session().events
    return event


def _tool(use: ToolUse) -> SessionEvent:
    span = SpanDigest(2, 1, "execute_tool", 1, 8, Operation.TOOL_CALL, tool=use)
    return _only(TraceBuilder().add(span))


@pytest.mark.parametrize(
    ("use", "event_type"),
    [
        (ToolUse("Read", ToolKind.READ), EventType.FILE_READ),
        (ToolUse("Edit", ToolKind.WRITE), EventType.FILE_WRITE),
        (ToolUse("Grep", ToolKind.SEARCH), EventType.SEARCH),
        (ToolUse("WebSearch", ToolKind.WEB, query="q"), EventType.SEARCH),
        (ToolUse("WebFetch", ToolKind.WEB), EventType.TOOL_CALL),
        (ToolUse("Bash", ToolKind.SHELL), EventType.TOOL_CALL),
        (ToolUse("Task", ToolKind.SUB_AGENT), EventType.TOOL_CALL),
        (ToolUse("lookup"), EventType.TOOL_CALL),
    ],
)
def test_a_tool_call_becomes_what_it_does(use: ToolUse, event_type: EventType) -> None:
    assert _tool(use).event_type is event_type


def test_a_tool_span_that_says_nothing_is_a_tool_call() -> None:
    assert (
        _only(TraceBuilder().agent().span("execute_tool", operation=Operation.TOOL_CALL)).event_type
        is EventType.TOOL_CALL
    )


@pytest.mark.parametrize(
    ("operation", "event_type"),
    [
        (Operation.MODEL_CALL, EventType.AI_RESPONSE),
        (Operation.EMBEDDING, EventType.AI_RESPONSE),
        (Operation.RETRIEVAL, EventType.SEARCH),
        (Operation.THINKING, EventType.THINKING),
        (Operation.USER_MESSAGE, EventType.USER_MESSAGE),
        (Operation.COMPACTION, EventType.CONTEXT_LOAD),
    ],
)
def test_other_spans_become_what_they_stand_for(operation: Operation, event_type: EventType) -> None:
    assert _only(TraceBuilder().agent().span(operation=operation)).event_type is event_type


@pytest.mark.parametrize("operation", [Operation.AGENT, Operation.CONTAINER, Operation.OTHER])
def test_agents_containers_and_ordinary_spans_make_no_event(operation: Operation) -> None:
    assert TraceBuilder().agent().span(operation=operation).session().events == []


def test_a_failed_call_keeps_its_type_and_carries_the_error() -> None:
    event = _only(TraceBuilder().agent().read("/a.py", error="not-found"))

    assert (event.event_type, event.error) == (EventType.FILE_READ, "not-found")


def test_a_rejected_call_is_no_error() -> None:
    event = _only(TraceBuilder().agent().write("/a.py", rejected=True))

    assert (event.error, event.data["rejected"]) == (None, True)


def test_a_model_call_is_billed_and_a_tool_call_has_content() -> None:
    session = (
        TraceBuilder()
        .model_call(input=100, cache_read=20, cache_write=8, cache_write_1h=3, output=9)
        .read("/a.py", chars=401)
        .session()
    )
    call, read = session.events

    assert (call.tokens_input, call.tokens_output, call.uncached_tokens) == (128, 9, 100)
    assert (call.cache_read_tokens, call.cache_write_tokens, call.cache_write_1h_tokens) == (20, 8, 3)
    assert call.content_tokens is None
    assert (read.tokens_input, read.tokens_output) == (0, 0)
    assert (read.content_tokens, read.is_content_measured) == (101, False)


def test_a_stated_size_beats_the_length_of_the_text() -> None:
    event = _only(TraceBuilder().agent().read("/a.py", chars=4_000, tokens=700))

    assert (event.content_tokens, event.is_content_measured) == (700, True)


def test_a_size_that_nobody_tells_is_unknown() -> None:
    assert _tool(ToolUse("Read", ToolKind.READ)).content_tokens is None
    assert _tool(ToolUse("Read", ToolKind.READ, result=ResultDigest())).content_tokens is None
    assert _tool(ToolUse("Read", ToolKind.READ, result=ResultDigest(chars=0))).content_tokens == 0


def test_messages_and_thinking_have_the_size_of_their_text() -> None:
    session = TraceBuilder().agent().user_message(chars=10).thinking(chars=8).compaction(chars=4_000).session()

    assert [event.content_tokens for event in session.events] == [3, 2, 1_000]


def test_compaction_is_marked() -> None:
    assert _only(TraceBuilder().agent().compaction()).is_compaction is True


def test_embeddings_are_told_from_chat() -> None:
    assert _only(TraceBuilder().agent().embedding()).data["operation"] == "embedding"
    assert "operation" not in _only(TraceBuilder().agent().model_call()).data


def test_data_holds_the_small_facts_of_a_tool_call() -> None:
    accesses = (FileAccess("/b.py", True), FileAccess("/a.py", False, 3, 9))
    result = ResultDigest(chars=4, exit_code=0)
    use = ToolUse("Read", ToolKind.READ, accesses=accesses, query="q", command="sed -n 3,9p a.py", result=result)

    assert _tool(use).data == {
        "tool_name": "Read",
        "file_path": "/a.py",
        "first_line": 3,
        "last_line": 9,
        "query": "q",
        "command": "sed -n 3,9p a.py",
        "exit_code": 0,
    }


def test_the_path_of_a_write_is_the_one_that_is_written() -> None:
    use = ToolUse("cp", ToolKind.WRITE, accesses=(FileAccess("/from"), FileAccess("/to", True)))

    assert _tool(use).data["file_path"] == "/to"


def test_details_of_the_span_become_data_but_not_those_about_the_session() -> None:
    span = SpanDigest(2, 1, "user", 1, 8, Operation.USER_MESSAGE, detail={"mode": "plan", "task": "t", "service": "s"})

    assert _only(TraceBuilder().add(span)).data == {"mode": "plan"}


def test_an_event_tells_where_it_comes_from() -> None:
    event = _only(TraceBuilder(start_ns=10**18 + 1).agent().tool("lookup", seconds=0.5))

    assert (event.id, event.span_id, event.parent_span_id) == (
        "0000000000000002",
        "0000000000000002",
        "0000000000000001",
    )
    assert (event.name, event.dialect) == ("execute_tool lookup", "test")
    assert (event.timestamp, event.duration_ms) == ("2001-09-09T01:46:40.000000001+00:00", 500)


def test_a_span_that_ends_before_it_starts_takes_no_time() -> None:
    event = _only(TraceBuilder().add(SpanDigest(1, None, "t", 900, 100, Operation.TOOL_CALL)))

    assert (event.start_ns, event.end_ns, event.duration_ms) == (900, 900, 0)


class TestRecorded:
    def test_an_event_recorded_by_hand_keeps_its_type_and_data_and_is_billed(self) -> None:
        event = _only(TraceBuilder(model="opus").agent().recorded("FILE_READ", input=300, output=20, file_path="a.py"))

        assert (event.event_type, event.data) == (EventType.FILE_READ, {"file_path": "a.py"})
        assert (event.tokens_input, event.tokens_output, event.content_tokens) == (300, 20, 320)
        assert event.context == ""

    def test_a_type_that_nobody_knows_is_custom(self) -> None:
        assert _only(TraceBuilder().agent().recorded("DANCE")).event_type is EventType.CUSTOM

    def test_without_tokens_its_size_is_unknown(self) -> None:
        assert _only(TraceBuilder().agent().recorded("FILE_READ")).content_tokens is None

    def test_in_a_conversation_an_event_that_nobody_was_billed_for_belongs_to_it(self) -> None:
        load = SpanDigest(
            2,
            1,
            "load",
            0,
            0,
            Operation.RECORDED,
            content_chars=80,
            detail={"event_type": "CONTEXT_LOAD", "file_path": "/a"},
        )
        builder = (
            TraceBuilder().agent("coder").model_call().recorded("FILE_READ", input=5).add(load._replace(span_id=9))
        )
        by_type = {event.event_type: event for event in builder.session().events}

        assert (by_type[EventType.CONTEXT_LOAD].context, by_type[EventType.FILE_READ].context) == (
            "0000000000000001",
            "",
        )
        assert by_type[EventType.CONTEXT_LOAD].content_tokens == 20


def test_a_stated_content_size_and_a_compaction_beside_a_call_are_fields_and_no_data() -> None:
    span = SpanDigest(2, 1, "chat", 1, 8, Operation.MODEL_CALL, detail={"content_tokens": 40, "is_compaction": True})
    event = _only(TraceBuilder().add(span))

    assert (event.content_tokens, event.is_content_measured, event.is_compaction, event.data) == (40, True, True, {})

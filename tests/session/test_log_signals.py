"""Log records beside spans: completed, stood in for, never counted twice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.dialects.genai_logs import MessageLogs
from otel_sessionopt.dialects.logs import read_log
from otel_sessionopt.ingest.log_record import LogRecord
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.session import EventType, Release, Session, build_session
from otel_sessionopt.session.log_signals import UNMATCHED_LOG
from tests.dialects.log_records import SECOND_NS, SESSION, START_NS, THREAD, claude, codex, gemini, log

CLAUDE_SCOPE = "com.anthropic.claude_code.tracing"


def span(
    span_id: int, name: str, start: float, end: float, parent: int | None = 1, *, scope: Any, **attributes: Any
) -> SpanDigest:
    """What a span says that ran between two seconds."""
    return read_span(
        SpanRecord(
            trace_id=7,
            span_id=span_id,
            parent_span_id=parent,
            name=name,
            start_ns=START_NS + round(start * SECOND_NS),
            end_ns=START_NS + round(end * SECOND_NS),
            attributes=attributes,
            scope_name=scope,
        )
    )


def logs(*records: LogRecord) -> list[SpanDigest]:
    return [digest for record in records if (digest := read_log(record)) is not None]


def session_of(*digests: SpanDigest) -> Session:
    given = list(digests)
    session = build_session(7, given, Release())
    for seed in range(3):
        random.Random(seed).shuffle(given)
        again = build_session(7, [*given, *given[:2]], Release())
        assert again.events == session.events
    return session


def told(session: Session) -> list[tuple[EventType, int, int, str | None]]:
    return [(each.event_type, each.tokens_input, each.tokens_output, each.error) for each in session.events]


CLAUDE_LOGS = (
    claude("user_prompt", 1, prompt_length=40),
    claude("api_request", 4, model="claude-sonnet-4-5", input_tokens=100, output_tokens=30, cache_read_tokens=1_000,
           cache_creation_tokens=100, cost_usd=0.01, duration_ms=2_000, request_id="req_1"),
    claude("assistant_response", 4.1, model="claude-sonnet-4-5", request_id="req_1", response_length=80),
    claude("tool_decision", 4.2, tool_name="Read", tool_use_id="toolu_1", decision="accept", source="config"),
    claude("tool_result", 5, tool_name="Read", tool_use_id="toolu_1", success="true", duration_ms=100,
           tool_input='{"file_path": "/a/b.py"}', tool_result_size_bytes=400),
    claude("tool_decision", 5.2, tool_name="Bash", tool_use_id="toolu_2", decision="reject", source="user_reject"),
    claude("api_request", 8, model="claude-sonnet-4-5", input_tokens=50, output_tokens=20, cache_read_tokens=1_200,
           cache_creation_tokens=0, duration_ms=2_000, request_id="req_2"),
)  # fmt: skip
CLAUDE_SPANS = (
    span(1, "claude_code.interaction", 0, 9, None, scope=CLAUDE_SCOPE, **{"session.id": SESSION}),
    span(2, "claude_code.llm_request", 2, 4, scope=CLAUDE_SCOPE, model="claude-sonnet-4-5", request_id="req_1",
         input_tokens=100, output_tokens=30, cache_read_tokens=1_000, cache_creation_tokens=100),
    span(3, "claude_code.tool", 4.8, 5, scope=CLAUDE_SCOPE, tool_name="Read", tool_use_id="toolu_1"),
    span(4, "claude_code.llm_request", 6, 8, scope=CLAUDE_SCOPE, model="claude-sonnet-4-5", request_id="req_2",
         input_tokens=50, output_tokens=20, cache_read_tokens=1_200, cache_creation_tokens=0),
)  # fmt: skip


def test_log_records_alone_make_the_session() -> None:
    session = session_of(*logs(*CLAUDE_LOGS))

    assert told(session) == [
        (EventType.USER_MESSAGE, 0, 0, None),
        (EventType.AI_RESPONSE, 1_200, 30, None),
        (EventType.FILE_READ, 0, 0, None),
        (EventType.TOOL_CALL, 0, 0, None),  # refused
        (EventType.AI_RESPONSE, 1_250, 20, None),
    ]
    message, call, read, refused, _ = session.events
    assert (message.content_tokens, call.content_tokens, read.content_tokens) == (10, 20, 100)
    assert (read.data["file_path"], refused.data["rejected"]) == ("/a/b.py", True)
    assert len({event.context for event in session.events}) == 1
    assert (session.agent, session.conversation_id) == ("claude-code", SESSION)


def test_log_records_complete_spans_and_count_nothing_twice() -> None:
    alone = session_of(*CLAUDE_SPANS)
    both = session_of(*CLAUDE_SPANS, *logs(*CLAUDE_LOGS))

    assert (both.total_tokens_input, both.total_tokens_output) == (1_200 + 1_250, 50)
    assert (alone.total_tokens_input, alone.total_tokens_output) == (1_200 + 1_250, 50)
    assert [event.event_type for event in alone.events].count(EventType.FILE_READ) == 1
    assert told(both) == told(session_of(*logs(*CLAUDE_LOGS)))
    (read,) = (event for event in both.events if event.event_type is EventType.FILE_READ)
    # Its own times and id, the log record's arguments and size.
    assert (read.span_id, read.data["file_path"], read.content_tokens) == (f"{3:016x}", "/a/b.py", 100)
    assert len({event.context for event in both.events}) == 1


def test_a_span_that_was_lost_is_replaced_by_its_log_record() -> None:
    session = session_of(*CLAUDE_SPANS[:3], *logs(*CLAUDE_LOGS))

    assert (session.total_tokens_input, session.total_tokens_output) == (1_200 + 1_250, 50)


def test_a_failed_attempt_is_told_beside_the_span_that_went_well_in_the_end() -> None:
    failed = claude("api_error", 3, model="claude-sonnet-4-5", status_code=529, attempt=1, request_id="req_1")
    session = session_of(*CLAUDE_SPANS, *logs(*CLAUDE_LOGS, failed))

    assert [event.error for event in session.events if event.error] == ["529"]
    assert session.total_tokens_input == 1_200 + 1_250


@pytest.mark.parametrize("extra", [{}, {"sessionopt.content.chars": 80}], ids=["plain", "with-sizes"])
def test_a_transcript_of_the_session_tells_everything_already(extra: dict[str, Any]) -> None:
    attributes = extra | {
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 1_200, "gen_ai.usage.output_tokens": 30,
        "gen_ai.response.id": "msg_1", "gen_ai.conversation.id": SESSION}  # fmt: skip
    call = span(2, "chat", 2, 4, scope="claude-code", **attributes)
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Read", "gen_ai.tool.call.id": "toolu_1"}
    tool = span(3, "execute_tool Read", 4.5, 5, scope="claude-code", **attributes)
    session = session_of(call, tool, *logs(*CLAUDE_LOGS[:5]))

    assert told(session) == [(EventType.AI_RESPONSE, 1_200, 30, None), (EventType.FILE_READ, 0, 0, None)]
    assert session.release is not None
    assert session.release.warnings[UNMATCHED_LOG] == 2  # the message and the request, which have other ids there


def test_what_a_sub_agent_asks_is_a_conversation_of_its_own() -> None:
    helper = claude("api_request", 6, model="m", input_tokens=10, output_tokens=1, request_id="r9",
                    query_source="agent:builtin:Explore")  # fmt: skip
    session = session_of(*logs(*CLAUDE_LOGS, helper))

    assert len({event.context for event in session.events}) == 2


CODEX_LOGS = (
    codex("user_prompt", 1, prompt_length=40),
    codex("sse_event", 4, **{"event.kind": "response.completed"}, input_token_count=1_200, output_token_count=300,
          cached_token_count=1_000, reasoning_token_count=100, tool_token_count=1_500),
    codex("tool_result", 5, tool_name="exec_command", call_id="call_1", arguments='{"cmd": "cat b.py"}',
          duration_ms="200", success="true", output="x = 1"),
    codex("sse_event", 8, **{"event.kind": "response.completed"}, input_token_count=1_600, output_token_count=50,
          cached_token_count=1_500, reasoning_token_count=0, tool_token_count=1_650),
)  # fmt: skip
TOTALS: dict[str, Any] = {
    "model": "gpt-5-codex", "thread.id": THREAD, "codex.turn.token_usage.input_tokens": 2_800,
    "codex.turn.token_usage.cached_input_tokens": 2_500, "codex.turn.token_usage.output_tokens": 350,
    "codex.turn.token_usage.reasoning_output_tokens": 100, "codex.turn.token_usage.total_tokens": 3_150,
}  # fmt: skip
TURN = span(1, "session_task.turn", 0, 9, None, scope="codex_cli_rs", **TOTALS)


def response(span_id: int, end: float, given: int, read: int, output: int) -> SpanDigest:
    usage = {"gen_ai.usage.input_tokens": given, "gen_ai.usage.output_tokens": output,
             "gen_ai.usage.cache_read.input_tokens": read}  # fmt: skip
    return span(span_id, "handle_responses", end - 0.01, end, scope="codex_cli_rs", **usage)


RESPONSES = (response(2, 4.002, 1_200, 1_000, 300), response(3, 8.001, 1_600, 1_500, 50))


@pytest.mark.parametrize(
    "spans",
    [(), (TURN,), (TURN, *RESPONSES), RESPONSES],
    ids=["no-spans", "the-turn", "turn-and-responses", "responses"],
)
def test_codex_is_the_same_session_from_any_of_its_signals(spans: tuple[SpanDigest, ...]) -> None:
    session = session_of(*spans, *logs(*CODEX_LOGS))

    assert (session.total_tokens_input, session.total_tokens_output) == (2_800, 350)
    assert [event.event_type for event in session.events] == [
        EventType.USER_MESSAGE, EventType.AI_RESPONSE, EventType.FILE_READ, EventType.AI_RESPONSE,
    ]  # fmt: skip
    read = session.events[2]
    assert (read.data["file_path"], read.tool and read.tool.result and read.tool.result.chars) == ("b.py", 5)
    calls = [event for event in session.events if event.event_type is EventType.AI_RESPONSE]
    assert [(call.model, call.cache_read_tokens) for call in calls] == [("gpt-5-codex", 1_000), ("gpt-5-codex", 1_500)]
    assert sum(call.reasoning_tokens or 0 for call in calls) == 100


def test_a_turn_of_codex_without_calls_counts_by_its_totals() -> None:
    session = session_of(TURN)

    assert (session.total_tokens_input, session.total_tokens_output) == (2_800, 350)


def test_calls_of_codex_have_the_model_of_their_turn() -> None:
    session = session_of(TURN, *RESPONSES)

    assert [event.model for event in session.events] == ["gpt-5-codex", "gpt-5-codex"]
    assert session.total_tokens_input == 2_800


GEMINI_LOGS = (
    gemini("api_response", 4, model="gemini-2.5-pro", input_token_count=1_200, output_token_count=200,
           cached_content_token_count=1_000, thoughts_token_count=100, total_token_count=1_500, duration_ms=2_000),
    gemini("tool_call", 5, function_name="read_file", function_args='{"file_path": "/a/b.py"}', success=True,
           duration_ms=100, content_length=400),
    gemini("tool_call", 5.3, function_name="read_file", function_args='{"file_path": "/a/c.py"}', success=True,
           duration_ms=100, content_length=800),
)  # fmt: skip


def gemini_span(span_id: int, operation: str, start: float, end: float, **attributes: Any) -> SpanDigest:
    common = {"gen_ai.operation.name": operation, "gen_ai.conversation.id": SESSION}
    parent = None if operation == "user_prompt" else 1
    return span(span_id, operation, start, end, parent, scope="gemini-cli", **common, **attributes)


GEMINI_SPANS = (
    gemini_span(1, "user_prompt", 0, 9),
    gemini_span(2, "llm_call", 2, 4.01, **{"gen_ai.request.model": "gemini-2.5-pro",
                                           "gen_ai.usage.input_tokens": 1_200, "gen_ai.usage.output_tokens": 200}),
    gemini_span(3, "tool_call", 4.9, 5.01, **{"gen_ai.tool.name": "read_file", "gen_ai.tool.call_id": "r1"}),
    gemini_span(4, "tool_call", 5.2, 5.31, **{"gen_ai.tool.name": "read_file", "gen_ai.tool.call_id": "r2"}),
)  # fmt: skip


@pytest.mark.parametrize("spans", [(), GEMINI_SPANS], ids=["logs", "both"])
def test_gemini_counts_thoughts_and_the_cache_where_the_logs_tell_them(spans: tuple[SpanDigest, ...]) -> None:
    session = session_of(*spans, *logs(*GEMINI_LOGS))

    call, first, second = session.events
    assert (call.tokens_input, call.tokens_output) == (1_200, 300)
    assert (call.cache_read_tokens, call.reasoning_tokens) == (1_000, 100)
    # No ids on the records: each belongs to the span that ended with it.
    assert (first.data["file_path"], first.content_tokens) == ("/a/b.py", 100)
    assert (second.data["file_path"], second.content_tokens) == ("/a/c.py", 200)


CHAT = span(5, "chat gpt-4o", 1, 3, None, scope="opentelemetry.instrumentation.openai_v2", **{
    "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10})  # fmt: skip


def test_one_record_with_all_attributes_completes_its_span_and_counts_nothing() -> None:
    details = log(
        "gen_ai.client.inference.operation.details",
        {
            "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10,
            "gen_ai.input.messages": [
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_12345", "name": "Read",
                                                 "arguments": {"file_path": "/a.py"}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_12345", "response": "x" * 40}]},
            ],
            "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "y" * 20}]}],
        },
        second=3, trace=7, span=5,
    )  # fmt: skip
    session = session_of(CHAT, *logs(details))

    read, call = session.events
    assert (read.event_type, read.content_tokens) == (EventType.FILE_READ, 10)
    assert (call.tokens_input, call.tokens_output, call.content_tokens) == (100, 10, 5)


def test_one_record_for_each_message_completes_its_span() -> None:
    def message(name: str, second: float, body: dict[str, object]) -> LogRecord:
        return log(f"gen_ai.{name}", {"gen_ai.system": "openai"}, second=second, body=body, trace=7, span=5)

    def round_of(call_id: str, path: str) -> list[LogRecord]:
        function = {"name": "Read", "arguments": f'{{"file_path": "{path}"}}'}
        return [
            message(
                "assistant.message", 1, {"tool_calls": [{"id": call_id, "type": "function", "function": function}]}
            ),
            message("tool.message", 1, {"id": call_id, "content": "x" * 40}),
        ]

    collected = MessageLogs()
    for record in [
        message("user.message", 1, {"content": "look"}), *round_of("call_old11", "/old.py"),
        *round_of("call_new11", "/new.py"), message("choice", 3, {"index": 0, "message": {"content": "y" * 20}}),
    ]:  # fmt: skip
        collected.add(record)
    digests = [digest for trace_id, digest in collected.digests() if trace_id == 7]

    read, call = session_of(CHAT, *digests).events
    assert (read.data["file_path"], read.content_tokens) == ("/new.py", 10)
    assert (call.tokens_input, call.content_tokens) == (100, 5)

"""What spans of coding agents say beyond the table: parts of tool calls, refusals, sub-agents, partial arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import FileAccess, Operation, SpanDigest, ToolKind
from otel_sessionopt.session import EventType, Session
from tests.dialects.records import record
from tests.dialects.table import claude_code, codex, gemini_cli, qwen_code
from tests.dialects.table.sample import Sample, Span

CLAUDE = claude_code.CLAUDE_CODE
COMMON = claude_code.COMMON


def session_of(sample: Sample, *inner: Span, root: Span) -> Session:
    return sample.session(Span(name=root.name, attributes=root.attributes, inner=inner))


INTERACTION = Span(name="claude_code.interaction", attributes=COMMON)


def claude_tool(*inner: Span, **attributes: Any) -> Span:
    given = COMMON | {"tool_name": "Read", "tool_use_id": "toolu_01"} | attributes
    return Span(name="claude_code.tool", attributes=given, inner=inner)


def digest_of(sample: Sample, span: Span) -> SpanDigest:
    return read_span(sample.records(span)[0])


def test_a_call_that_failed_in_its_execution_has_failed_once() -> None:
    execution = Span(
        name="claude_code.tool.execution",
        attributes=COMMON | {"success": "false", "error": "secret", "tool_use_id": "toolu_01"},
        is_error=True,
    )
    (event,) = session_of(CLAUDE, claude_tool(execution), root=INTERACTION).events

    assert (event.event_type, event.error) == (EventType.FILE_READ, "error")
    assert "secret" not in repr(event)


def test_a_call_that_the_user_refused_is_no_error() -> None:
    waiting = Span(name="claude_code.tool.blocked_on_user", attributes=COMMON | {"decision": "reject"}, is_error=True)
    (event,) = session_of(CLAUDE, claude_tool(waiting), root=INTERACTION).events

    assert (event.data["rejected"], event.error) == (True, None)


def test_parts_of_a_call_whose_own_span_is_missing_are_no_calls() -> None:
    parts = [
        Span(name="claude_code.tool.blocked_on_user", attributes=COMMON | {"decision": "accept"}),
        Span(name="claude_code.tool.execution", attributes=COMMON | {"success": True}),
    ]

    assert session_of(CLAUDE, *parts, root=INTERACTION).events == []


def test_what_a_sub_agent_does_is_a_context_of_its_own() -> None:
    other = Span(name="claude_code.llm_request", attributes=claude_code.PLAIN | {"request_id": "r2"})
    agent = claude_tool(other, claude_tool(tool_use_id="toolu_02"), tool_name="Agent", subagent_type="Explore")
    session = session_of(CLAUDE, claude_code.MODEL_CALL, agent, root=INTERACTION)
    main, start, inner_call, inner_tool = session.events
    assert main.context == start.context
    assert inner_call.context == inner_tool.context
    assert inner_call.context != main.context


@pytest.mark.parametrize(
    ("shown", "accesses", "has_hash"),
    [
        # Which lines were read is never told: that two reads are the same may not be concluded.
        ({"file_path": "/a/b.py"}, (), False),
        ({"tool_name": "Edit", "file_path": "/a/b.py"}, (FileAccess("/a/b.py", is_write=True),), False),
        ({"tool_name": "Bash", "full_command": "cat /a/b.py"}, (FileAccess("/a/b.py"),), True),
        ({}, (), False),
    ],
)
def test_only_what_the_shown_arguments_say_is_said(
    shown: dict[str, str], accesses: tuple[FileAccess, ...], has_hash: bool
) -> None:
    digest = digest_of(CLAUDE, claude_tool(**shown))

    assert digest.tool is not None
    assert digest.tool.accesses == accesses
    assert (digest.tool.arguments_hash is not None) is has_hash
    assert digest.warnings == ()


def test_a_tool_call_of_codex_is_told_by_a_span_event_with_its_sizes() -> None:
    root = Span(name="session_task.turn", attributes=codex.TURN)
    inside = Span(name="dispatch_tool_call", attributes={}, events=[codex.TOOL_EVENT])
    answer = Span(name="handle_responses", attributes=codex.RESPONSE)
    session = session_of(codex.CODEX, answer, inside, root=root)

    call, tool = session.events
    assert (call.model, call.tokens_input) == ("gpt-5-codex", 1_200)
    assert (tool.event_type, tool.content_tokens, tool.arguments_tokens) == (EventType.FILE_READ, 2, 6)
    assert (tool.context, tool.error) == (call.context, None)
    assert (session.conversation_id, session.agent) == (codex.THREAD, "codex")


@pytest.mark.parametrize("usage", [{}, {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}])
def test_a_response_of_codex_that_states_no_tokens_is_no_model_call(usage: dict[str, int]) -> None:
    span = Span(name="handle_responses", attributes={"tool_name": "shell", "otel.name": "function_call"} | usage)

    assert digest_of(codex.CODEX, span).operation is Operation.OTHER


def test_the_totals_of_a_turn_count_what_its_responses_do_not_tell() -> None:
    root = Span(name="session_task.turn", attributes=codex.TURN | codex.TOTALS)

    assert codex.CODEX.session(root).total_tokens_input == 1_200
    inside = Span(name="handle_responses", attributes=codex.RESPONSE)
    assert session_of(codex.CODEX, inside, root=root).total_tokens_input == 1_200


def test_contents_of_gemini_that_were_cut_are_counted_and_not_guessed() -> None:
    arguments = json.dumps({"request": {"callId": "read-1", "args": {"file_path": "/a/b.py", "content": "x" * 90}}})
    span = Span(name="tool_call", attributes=gemini_cli.TOOL | {"gen_ai.input.messages": arguments[:80]})

    digest = digest_of(gemini_cli.GEMINI_CLI, span)
    assert digest.tool is not None
    assert (digest.tool.accesses, digest.tool.arguments_hash) == ((), None)
    assert digest.warnings == ("cut-value",)


@pytest.mark.parametrize(
    ("kind", "error", "is_rejected"),
    [("tool_error", "tool_error", False), ("timeout", "timeout", False), ("permission_denied", None, True)],
)
def test_kinds_of_failure_of_qwen_code(kind: str, error: str | None, is_rejected: bool) -> None:
    attributes = qwen_code.COMMON | {"tool.name": "read_file", "success": False, "tool.failure_kind": kind}
    digest = digest_of(qwen_code.QWEN_CODE, Span(name="qwen-code.tool", attributes=attributes, is_error=True))

    assert digest.tool is not None
    assert (digest.error, digest.tool.is_rejected, digest.tool.kind) == (error, is_rejected, ToolKind.READ)


def test_scopes_and_names_of_other_programs_are_not_taken_for_these_agents() -> None:
    for name, scope in (("claude", "com.anthropic"), ("codex", "codexample"), ("llm_call", "gemini"), ("qwen", "qwen")):
        assert read_span(record(name, {"http.route": "/"}, scope=scope)).dialect == "plain"

"""Log records of each product: model call, tool call, error, cached, reasoning, refusal; numbers counted by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sessionopt.dialects.digest import FileAccess, Operation, SpanDigest
from otel_sessionopt.dialects.logs import read_log
from otel_sessionopt.ingest.log_record import LogRecord
from tests.dialects.log_records import SECOND_NS, SESSION, START_NS, THREAD, claude, codex, gemini, log, qwen

READ = json.dumps({"file_path": "/a/b.py"})

# 1,200 tokens in, 300 out, in each product's way of counting: uncached, read, written, output, reasoning.
MODEL_CALLS = [
    pytest.param(
        claude("api_request", 9, model="claude-sonnet-4-5", input_tokens="1200", output_tokens="300",
               cache_read_tokens="0", cache_creation_tokens="0", cost_usd="0.0081", duration_ms="2000",
               request_id="req_1", query_source="repl_main_thread"),
        (1_200, 0, 0, 300, None), id="claude-code",
    ),
    pytest.param(
        claude("api_request", 9, model="claude-sonnet-4-5", input_tokens=100, output_tokens=300,
               cache_read_tokens=1_000, cache_creation_tokens=100, request_id="req_1", duration_ms=2000),
        (100, 1_000, 100, 300, None), id="claude-code-cached",
    ),
    pytest.param(
        codex("sse_event", 9, **{"event.kind": "response.completed"}, duration_ms="2000", input_token_count="1200",
              output_token_count="300", cached_token_count=0, reasoning_token_count=0, tool_token_count="1500"),
        (1_200, 0, 0, 300, 0), id="codex",
    ),
    pytest.param(
        codex("sse_event", 9, **{"event.kind": "response.completed"}, duration_ms="2000", input_token_count="1200",
              output_token_count="300", cached_token_count=1_000, cache_write_token_count=100,
              reasoning_token_count=100, tool_token_count="1500"),
        (100, 1_000, 100, 300, 100), id="codex-cached-reasoning",
    ),
    pytest.param(
        gemini("api_response", 9, model="gemini-2.5-pro", status_code=200, duration_ms=2000, input_token_count=1_200,
               output_token_count=300, cached_content_token_count=0, thoughts_token_count=0, tool_token_count=0,
               total_token_count=1_500, prompt_id="p1"),
        (1_200, 0, 0, 300, 0), id="gemini-cli",
    ),
    pytest.param(
        # Thoughts are not inside the output, and what tools of the provider added is not inside the input.
        gemini("api_response", 9, model="gemini-2.5-pro", duration_ms=2000, input_token_count=1_150,
               output_token_count=200, cached_content_token_count=1_000, thoughts_token_count=100, tool_token_count=50,
               total_token_count=1_500),
        (200, 1_000, 0, 300, 100), id="gemini-cli-cached-reasoning",
    ),
    pytest.param(
        qwen("api_response", 9, model="qwen3-coder-plus", duration_ms=2000, input_token_count=1_200,
             output_token_count=300, cached_content_token_count=1_000, thoughts_token_count=100,
             total_token_count=1_500),
        (200, 1_000, 0, 300, 100), id="qwen-code-cached-reasoning",
    ),
]  # fmt: skip


def read(record: LogRecord) -> SpanDigest:
    digest = read_log(record)
    assert digest is not None
    assert digest.is_log
    return digest


@pytest.mark.parametrize(("record", "parts"), MODEL_CALLS)
def test_a_model_call_has_its_tokens(record: LogRecord, parts: tuple[int | None, ...]) -> None:
    digest = read(record)

    use = digest.model
    assert digest.operation is Operation.MODEL_CALL
    assert use is not None
    assert (
        use.uncached_tokens,
        use.cache_read_tokens,
        use.cache_write_tokens,
        use.output_tokens,
        use.reasoning_tokens,
    ) == parts
    assert (use.input_tokens, use.output_tokens, use.has_usage, use.is_assumed) == (1_200, 300, True, False)
    assert use.model
    assert (digest.start_ns, digest.end_ns) == (START_NS + 7 * SECOND_NS, START_NS + 9 * SECOND_NS)
    assert digest.conversation_id in (SESSION, THREAD)
    assert (digest.error, digest.warnings) == (None, ())


TOOL_CALLS = [
    pytest.param(
        claude("tool_result", 9, tool_name="Read", tool_use_id="toolu_1", success="true", duration_ms="12",
               tool_input=READ, tool_input_size_bytes="23", tool_result_size_bytes="5"),
        id="claude-code",
    ),
    pytest.param(
        codex("tool_result", 9, tool_name="Read", call_id="toolu_1", arguments=READ, duration_ms="12",
              success="true", output="x = 1", mcp_server=""),
        id="codex",
    ),
    pytest.param(
        gemini("tool_call", 9, function_name="Read", function_args=READ, duration_ms=12, success=True,
               decision="auto_accept", content_length=5, call_id="toolu_1"),
        id="gemini-cli",
    ),
    pytest.param(
        qwen("tool_call", 9, function_name="Read", function_args=READ, duration_ms=12, success=True,
             content_length=5, call_id="toolu_1"),
        id="qwen-code",
    ),
]  # fmt: skip


@pytest.mark.parametrize("record", TOOL_CALLS)
def test_a_tool_call_is_the_file_read_that_it_is(record: LogRecord) -> None:
    digest = read(record)

    assert digest.operation is Operation.TOOL_CALL
    assert digest.tool is not None
    assert (digest.tool.name, digest.tool.call_id) == ("Read", "toolu_1")
    assert digest.tool.accesses == (FileAccess("/a/b.py"),)
    assert digest.tool.result is not None
    assert digest.tool.result.chars == 5
    assert digest.end_ns - digest.start_ns == 12_000_000
    assert (digest.error, digest.warnings) == (None, ())


FAILURES = [
    (claude("api_error", 9, model="m", error="secret", status_code="529", attempt=3), Operation.MODEL_CALL, "529"),
    (codex("api_request", 9, **{"http.response.status_code": 429, "error.message": "secret"}), Operation.MODEL_CALL,
     "429"),
    (codex("sse_event", 9, **{"event.kind": "response.failed", "error.message": "secret"}), Operation.MODEL_CALL,
     "stream_error"),
    (gemini("api_error", 9, model="m", error="secret", error_type="ApiError", status_code=500), Operation.MODEL_CALL,
     "ApiError"),
    (qwen("api_error", 9, model="m", error="secret", status_code=500), Operation.MODEL_CALL, "500"),
    (claude("tool_result", 9, tool_name="Bash", success="false", error_type="ShellError", error="secret"),
     Operation.TOOL_CALL, "ShellError"),
    (codex("tool_result", 9, tool_name="shell", call_id="c", arguments="{}", success="false", output="no"),
     Operation.TOOL_CALL, "tool_error"),
    (gemini("tool_call", 9, function_name="glob", success=False, error="secret", error_type="invalid_params"),
     Operation.TOOL_CALL, "invalid_params"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "operation", "error"), FAILURES)
def test_a_failure_has_its_type_and_no_text(record: LogRecord, operation: Operation, error: str) -> None:
    digest = read(record)

    assert (digest.operation, digest.error) == (operation, error)
    assert "secret" not in repr(digest)


REFUSALS = [
    claude("tool_decision", 9, tool_name="Bash", tool_use_id="c", decision="reject", source="user_reject"),
    codex("tool_decision", 9, tool_name="shell", call_id="c", decision="denied", source="user"),
    gemini("tool_call", 9, function_name="run_shell_command", success=False, decision="reject"),
]


@pytest.mark.parametrize("record", REFUSALS)
def test_a_refused_call_is_no_error(record: LogRecord) -> None:
    digest = read(record)

    assert digest.tool is not None
    assert (digest.tool.is_rejected, digest.error) == (True, None)


SILENT = [
    claude("tool_decision", 9, tool_name="Bash", tool_use_id="c", decision="accept", source="config"),
    claude("hook_execution_start", 9),
    claude("subagent_completed", 9, agent_type="Explore", total_tokens=99_999),
    claude("api_request_body", 9, body="{}"),
    codex("sse_event", 9, **{"event.kind": "response.output_item.done"}, duration_ms="9"),
    codex("api_request", 9, **{"http.response.status_code": 200}),
    codex("tool_decision", 9, tool_name="shell", call_id="c", decision="approved"),
    codex("conversation_starts", 9),
    gemini("config", 9),
    gemini("api_request", 9, model="m", request_text="secret"),
    log("gen_ai.client.inference.operation.details", {"gen_ai.usage.input_tokens": 5}, service="gemini-cli"),
    log("", {}, body="a line of text"),
    log("my.event", {"model": "x", "input_tokens": 9}),
]


@pytest.mark.parametrize("record", SILENT)
def test_records_that_tell_of_nothing_in_the_session_are_let_go(record: LogRecord) -> None:
    assert read_log(record) is None


def test_messages_and_compactions() -> None:
    for record in (claude("user_prompt", 1, prompt_length="40"), codex("user_prompt", 1, prompt_length="40"),
                   gemini("user_prompt", 1, prompt_length=40, prompt="secret")):  # fmt: skip
        digest = read(record)
        assert (digest.operation, digest.content_chars) == (Operation.USER_MESSAGE, 40)
        assert "secret" not in repr(digest)
    assert read(claude("compaction", 1, trigger="auto", success="true")).operation is Operation.COMPACTION
    assert read(gemini("chat_compression", 1, tokens_before=9, tokens_after=3)).operation is Operation.COMPACTION


def test_a_cut_argument_is_left_out_and_says_nothing_about_repeats() -> None:
    record = claude(
        "tool_result", 1, tool_name="Write", tool_use_id="c", success="true",
        tool_input=json.dumps({"file_path": "/a.py", "content": "x" * 512}), tool_input_size_bytes=9_000,
    )  # fmt: skip
    tool = read(record).tool

    assert tool is not None
    assert tool.accesses == (FileAccess("/a.py", is_write=True),)
    assert (tool.arguments_hash, tool.arguments_chars, tool.may_write) == (None, 9_000, True)


def test_a_long_command_is_given_whole_among_the_details() -> None:
    command = "cat /a.py && echo " + "y" * 600
    record = claude(
        "tool_result", 1, tool_name="Bash", tool_use_id="c", success="true",
        tool_input=json.dumps({"command": command[:512], "description": "look"}),
        tool_parameters=json.dumps({"bash_command": "cat", "full_command": command}),
    )  # fmt: skip
    digest = read(record)

    assert digest.tool is not None
    assert digest.tool.command == command[:200]
    assert digest.tool.arguments_hash is not None


def test_without_details_a_tool_has_a_name_and_sizes_only() -> None:
    digest = read(claude("tool_result", 1, tool_name="Bash", success="true", tool_result_size_bytes=80))

    assert digest.tool is not None
    assert (digest.tool.command, digest.tool.arguments_hash, digest.tool.arguments_chars) == (None, None, None)
    assert digest.tool.result is not None
    assert digest.tool.result.chars == 80


@pytest.mark.parametrize("value", [None, "", "{", '{"a": [', [], {}, [[1]], {"a": b"x"}, True, -1, 1e400, "nan", b"\0"])
def test_no_value_of_any_attribute_makes_a_reader_raise_or_invent_tokens(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import otel_sessionopt.dialects.logs as logs

    def fail(*_: object) -> None:
        raise AssertionError("a reader raised")

    monkeypatch.setattr(logs._logger, "debug", fail)
    samples: list[Any] = [*(each.values[0] for each in (*MODEL_CALLS, *TOOL_CALLS)), *(each[0] for each in FAILURES)]
    for record in (*samples, *REFUSALS):
        for key in record.attributes:
            digest = read_log(record._replace(attributes={**record.attributes, key: value}))
            if digest is not None and digest.model is not None:
                assert digest.model.input_tokens <= 2_200
                assert digest.model.output_tokens <= 400


def test_the_same_record_gives_the_same_digest_and_another_does_not() -> None:
    one = codex("sse_event", 9, **{"event.kind": "response.completed"}, input_token_count=5, output_token_count=1)
    assert read(one) == read(one)
    assert read(one).span_id != read(one._replace(time_ns=one.time_ns + 1)).span_id

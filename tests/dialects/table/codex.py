from __future__ import annotations

from typing import Any

from tests.dialects.table.sample import Sample, Span

THREAD = "019a2f3c-1111-7222-8333-944455566677"
TURN: dict[str, Any] = {
    "thread.id": THREAD,
    "turn.id": "019a2f3c-9999-7222-8333-944455566677",
    "model": "gpt-5-codex",
    "codex.turn.reasoning_effort": "medium",
}
TOTALS: dict[str, Any] = {
    "codex.turn.token_usage.input_tokens": 1_200,
    "codex.turn.token_usage.cached_input_tokens": 0,
    "codex.turn.token_usage.non_cached_input_tokens": 1_200,
    "codex.turn.token_usage.output_tokens": 300,
    "codex.turn.token_usage.reasoning_output_tokens": 0,
    "codex.turn.token_usage.total_tokens": 1_500,
}
# `thread.id` of inner spans is the number of a thread of the program.
RESPONSE: dict[str, Any] = {
    "thread.id": 10,
    "thread.name": "tokio-runtime-worker",
    "model": "gpt-5-codex",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
    "codex.usage.total_tokens": 1_500,
}
# Without the texts: those are in the log signal.
TOOL_EVENT: tuple[str, dict[str, Any]] = (
    "event session_telemetry.rs:1",
    {
        "event.name": "codex.tool_result",
        "conversation.id": THREAD,
        "tool_name": "Read",
        "call_id": "call_1",
        "duration_ms": "12",
        "success": "true",
        "arguments_length": 24,
        "output_length": 5,
        "output_line_count": 1,
    },
)

CODEX = Sample(
    dialect="codex",
    scope="codex_cli_rs",
    resource={"service.name": "codex_exec"},
    model_call=Span(name="handle_responses", attributes=RESPONSE),
    cached=Span(
        name="handle_responses",
        attributes=RESPONSE
        | {"gen_ai.usage.cache_read.input_tokens": 1_000, "gen_ai.usage.cache_write.input_tokens": 100},
    ),
    reasoning=Span(name="handle_responses", attributes=RESPONSE | {"codex.usage.reasoning_output_tokens": 100}),
    absent={
        "tool_call": "spans tell no arguments; see the tests of signals",
        "error": "spans tell no failed requests; see the tests of signals",
        "nested": "spans tell no arguments; see the tests of signals",
    },
)
SAMPLES = [CODEX]

from __future__ import annotations

from typing import Any

from tests.dialects.table.sample import Sample, Span

COMMON: dict[str, Any] = {"session.id": "session-1"}
CALL: dict[str, Any] = COMMON | {
    "qwen-code.model": "qwen3-coder-plus",
    "qwen-code.prompt_id": "p1",
    "gen_ai.request.model": "qwen3-coder-plus",
    "gen_ai.provider.name": "openai",
    "llm_request.context": "interaction",
    "input_tokens": 1_200,
    "output_tokens": 300,
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
    "success": True,
    "attempt": 1,
}
MODEL_CALL = Span(name="qwen-code.llm_request", attributes=CALL)
TOOL_CALL = Span(
    name="qwen-code.tool",
    attributes=COMMON
    | {
        "tool.name": "Read",
        "tool.call_id": "call_1",
        "success": True,
        "tool_input": '[TOOL INPUT: Read]\n{"file_path": "/a/b.py"}',
        "tool_result": "[TOOL RESULT: Read]\nx = 1",
    },
    inner=[Span(name="qwen-code.tool.execution", attributes=COMMON | {"success": True})],
)

QWEN_CODE = Sample(
    dialect="qwen-code",
    scope="qwen-code",
    resource={"service.name": "qwen-code"},
    model_call=MODEL_CALL,
    tool_call=TOOL_CALL,
    error=Span(
        name="qwen-code.tool",
        attributes=COMMON | {"tool.name": "Read", "success": False, "tool.failure_kind": "timeout", "error": "secret"},
        is_error=True,
    ),
    error_type="timeout",
    cached=Span(
        name="qwen-code.llm_request",
        attributes=CALL | {"cached_input_tokens": 1_000, "gen_ai.usage.cache_creation.input_tokens": 100},
    ),
    reasoning=Span(name="qwen-code.llm_request", attributes=CALL | {"thoughts_token_count": 100}),
    nested=Span(
        name="qwen-code.interaction",
        attributes=COMMON,
        inner=[
            MODEL_CALL,
            Span(
                name="qwen-code.subagent",
                attributes=COMMON | {"qwen-code.subagent.name": "reader"},
                inner=[TOOL_CALL],
            ),
            # An older release's copy of the log record of the same call.
            Span(
                name="qwen-code.api_response",
                attributes=COMMON
                | {
                    "model": "qwen3-coder-plus",
                    "input_token_count": 1_200,
                    "output_token_count": 300,
                    "total_token_count": 1_500,
                },
            ),
        ],
    ),
)
SAMPLES = [QWEN_CODE]

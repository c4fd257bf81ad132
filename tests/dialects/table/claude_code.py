from __future__ import annotations

from typing import Any

from tests.dialects.table.sample import Sample, Span

SESSION = "0b8f6a52-7d3c-4f52-9b7e-0d5a1c2e3f40"
COMMON: dict[str, Any] = {"session.id": SESSION, "user.id": "u", "terminal.type": "vscode"}
# Input without the cache: 1,200 = 100 + 1,000 read + 100 written.
REQUEST: dict[str, Any] = COMMON | {
    "span.type": "llm_request",
    "model": "claude-sonnet-4-5",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "query_source": "repl_main_thread",
    "llm_request.context": "interaction",
    "request_id": "req_011",
    "gen_ai.response.id": "req_011",
    "success": True,
    "stop_reason": "tool_use",
}
PLAIN = REQUEST | {"input_tokens": 1_200, "output_tokens": 300, "cache_read_tokens": 0, "cache_creation_tokens": 0}
CACHED = REQUEST | {
    "input_tokens": "100",
    "output_tokens": "300",
    "cache_read_tokens": "1000",
    "cache_creation_tokens": "100",
}
TOOL: dict[str, Any] = COMMON | {"span.type": "tool", "tool_name": "Read", "tool_use_id": "toolu_01", "duration_ms": 12}
MODEL_CALL = Span(name="claude_code.llm_request", attributes=PLAIN)
TOOL_CALL = Span(
    name="claude_code.tool",
    attributes=TOOL | {"tool_input": '{"file_path": "/a/b.py"}', "result_tokens": 2},
    events=[("tool.output", {"content": "x = 1"})],
    inner=[
        Span(name="claude_code.tool.blocked_on_user", attributes=COMMON | {"decision": "accept", "source": "config"}),
        Span(
            name="claude_code.tool.execution",
            attributes=COMMON | {"tool_use_id": "toolu_01", "success": "true", "duration_ms": 9},
        ),
    ],
)

CLAUDE_CODE = Sample(
    dialect="claude-code",
    scope="com.anthropic.claude_code.tracing",
    resource={"service.name": "claude-code"},
    model_call=MODEL_CALL,
    tool_call=TOOL_CALL,
    error=Span(
        name="claude_code.llm_request",
        attributes=REQUEST | {"success": "false", "status_code": 529, "error": "Overloaded", "attempt": 3},
        is_error=True,
    ),
    error_type="529",
    cached=Span(name="claude_code.llm_request", attributes=CACHED),
    nested=Span(
        name="claude_code.interaction",
        attributes=COMMON | {"span.type": "interaction", "user_prompt": "<REDACTED>", "user_prompt_length": 40},
        inner=[
            Span(name="claude_code.hook", attributes=COMMON | {"hook_event": "PreToolUse", "num_hooks": 1}),
            MODEL_CALL,
            TOOL_CALL,
        ],
    ),
    absent={"reasoning": "its spans do not tell thinking tokens"},
)
SAMPLES = [CLAUDE_CODE]

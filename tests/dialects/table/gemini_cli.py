from __future__ import annotations

from typing import Any

from tests.dialects.table.sample import Sample, Span, exception

COMMON: dict[str, Any] = {"gen_ai.agent.name": "gemini-cli", "gen_ai.conversation.id": "session-1"}
CALL: dict[str, Any] = COMMON | {
    "gen_ai.operation.name": "llm_call",
    "gen_ai.request.model": "gemini-2.5-pro",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
}
TOOL: dict[str, Any] = COMMON | {
    "gen_ai.operation.name": "tool_call",
    "gen_ai.tool.name": "Read",
    "gen_ai.tool.call_id": "read-1",
    "gen_ai.input.messages": '{"request": {"callId": "read-1", "name": "Read", "args": {"file_path": "/a/b.py"}}}',
    "gen_ai.output.messages": '{"responseParts": [{"functionResponse": {"id": "read-1", "name": "Read", '
    '"response": {"output": "x = 1"}}}]}',
}
MODEL_CALL = Span(name="llm_call", attributes=CALL)
TOOL_CALL = Span(name="tool_call", attributes=TOOL)

GEMINI_CLI = Sample(
    dialect="gemini-cli",
    scope="gemini-cli",
    resource={"service.name": "gemini-cli"},
    model_call=MODEL_CALL,
    tool_call=TOOL_CALL,
    error=Span(
        name="llm_call",
        attributes=COMMON | {"gen_ai.operation.name": "llm_call", "gen_ai.request.model": "gemini-2.5-pro"},
        is_error=True,
        events=[exception("ApiError")],
    ),
    error_type="ApiError",
    nested=Span(
        name="user_prompt",
        attributes=COMMON | {"gen_ai.operation.name": "user_prompt"},
        inner=[
            MODEL_CALL,
            Span(
                name="schedule_tool_calls",
                attributes=COMMON | {"gen_ai.operation.name": "schedule_tool_calls"},
                inner=[TOOL_CALL],
            ),
        ],
    ),
    absent={
        "cached": "its spans do not tell cached tokens; see the tests of signals",
        "reasoning": "its spans do not tell thoughts; see the tests of signals",
    },
)
SAMPLES = [GEMINI_CLI]

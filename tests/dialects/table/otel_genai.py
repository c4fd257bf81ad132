from __future__ import annotations

from typing import Any

from tests.dialects.table.sample import Sample, Span

CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
}
TOOL: dict[str, Any] = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "Read",
    "gen_ai.tool.call.id": "call_1",
    "gen_ai.tool.call.arguments": '{"file_path": "/a/b.py"}',
    "gen_ai.tool.call.result": "x = 1",
}
MODEL_CALL = Span(name="chat gpt-5-mini", attributes=CHAT, kind=3)
TOOL_CALL = Span(name="execute_tool Read", attributes=TOOL)
FAILED = Span(
    name="chat gpt-5-mini",
    attributes={
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "error.type": "RateLimitError",
    },
    kind=3,
    is_error=True,
)

OTEL_GENAI = Sample(
    dialect="otel-genai",
    scope="opentelemetry.instrumentation.genai.openai",
    model_call=MODEL_CALL,
    tool_call=TOOL_CALL,
    error=FAILED,
    error_type="RateLimitError",
    cached=Span(
        name="chat claude-sonnet-4-5",
        kind=3,
        attributes=CHAT
        | {
            "gen_ai.provider.name": "anthropic",
            "gen_ai.usage.cache_read.input_tokens": 1_000,
            "gen_ai.usage.cache_write.input_tokens": 100,
        },
    ),
    reasoning=Span(name="chat gpt-5-mini", kind=3, attributes=CHAT | {"gen_ai.usage.reasoning.output_tokens": 100}),
    nested=Span(
        name="invoke_agent coder",
        attributes=CHAT | {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "coder"},
        inner=[
            # The framework's own span of the call around that of the client library, both with the usage.
            Span(name="chat gpt-5-mini", attributes=CHAT, kind=3, inner=[MODEL_CALL]),
            TOOL_CALL,
        ],
    ),
)
# OpenAI Agents SDK through openai-agents-v2: handoffs and guardrails are neither model nor tool calls.
OPENAI_AGENTS = Sample(
    dialect="otel-genai",
    label="openai-agents",
    scope="opentelemetry.instrumentation.openai_agents",
    model_call=MODEL_CALL,
    tool_call=TOOL_CALL,
    error=FAILED,
    error_type="RateLimitError",
    cached=Span(name="chat gpt-5-mini", kind=3, attributes=CHAT | {"gen_ai.usage.cache_read.input_tokens": 1_000}),
    cached_parts=(200, 1_000, 0),
    reasoning=Span(name="chat gpt-5-mini", kind=3, attributes=CHAT | {"gen_ai.usage.reasoning.output_tokens": 100}),
    nested=Span(
        name="Agent workflow",
        attributes={"gen_ai.operation.name": "invoke_agent"},
        inner=[
            Span(
                name="invoke_agent coder",
                attributes=CHAT | {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "coder"},
                inner=[
                    Span(
                        name="guardrail_check",
                        attributes={
                            "gen_ai.operation.name": "guardrail_check",
                            "gen_ai.guardrail.name": "polite",
                            "gen_ai.guardrail.triggered": False,
                        },
                    ),
                    MODEL_CALL,
                    TOOL_CALL,
                    Span(
                        name="agent_handoff coder",
                        attributes={
                            "gen_ai.operation.name": "agent_handoff",
                            "gen_ai.handoff.from_agent": "coder",
                            "gen_ai.handoff.to_agent": "tester",
                        },
                    ),
                ],
            )
        ],
    ),
)
SAMPLES = [OTEL_GENAI, OPENAI_AGENTS]

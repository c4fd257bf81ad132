"""Rows of the frameworks that write OTel names with additions of their own."""

from __future__ import annotations

import json
from typing import Any

from tests.dialects.table.sample import Sample, Span, exception

ARGUMENTS = '{"file_path": "/a/b.py"}'


def usage(**more: Any) -> dict[str, Any]:
    """1,200 tokens in, 300 out, under the names in use since 1.27."""
    return {"gen_ai.usage.input_tokens": 1_200, "gen_ai.usage.output_tokens": 300} | more


# Pydantic AI 1 names its tool spans and their attributes in its own way, and repeats the usage on the agent.
PYDANTIC_CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-5-mini",
    "operation.cost": 0.0009,
} | usage()
PYDANTIC_CALL = Span(name="chat gpt-5-mini", attributes=PYDANTIC_CHAT, kind=3)
PYDANTIC_TOOL = Span(
    name="running tool",
    attributes={
        "gen_ai.tool.name": "Read",
        "gen_ai.tool.call.id": "call_1",
        "tool_arguments": ARGUMENTS,
        "tool_response": "x = 1",
        "logfire.msg": "running tool: Read",
    },
)
PYDANTIC_AI = Sample(
    dialect="pydantic-ai",
    scope="pydantic-ai",
    scope_version="1.0.0",
    model_call=PYDANTIC_CALL,
    tool_call=PYDANTIC_TOOL,
    error=Span(
        name="execute_tool lookup",
        attributes={
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "lookup",
            "pydantic_ai.tool.failure_stage": "validation",
        },
        events=[exception("ToolRetryError")],
    ),
    error_type="tool_error",
    cached=Span(
        name="chat claude-sonnet-4-5",
        kind=3,
        attributes=PYDANTIC_CHAT
        | {
            "gen_ai.system": "anthropic",
            "gen_ai.usage.details.cache_read_tokens": 1_000,
            "gen_ai.usage.details.cache_write_tokens": 100,
        },
    ),
    reasoning=Span(
        name="chat gpt-5-mini", kind=3, attributes=PYDANTIC_CHAT | {"gen_ai.usage.details.reasoning_tokens": 100}
    ),
    nested=Span(
        name="agent run",
        attributes={"agent_name": "coder", "model_name": "gpt-5-mini", "final_result": "done"} | usage(),
        inner=[
            Span(
                name="chat gpt-5-mini",
                kind=3,
                attributes=PYDANTIC_CHAT,
                # The OpenAI instrumentation is on as well.
                inner=[Span(name="chat gpt-5-mini", kind=3, attributes=PYDANTIC_CHAT, scope="opentelemetry.openai")],
            ),
            Span(name="running 1 tool", attributes={"tools": ["Read"]}, inner=[PYDANTIC_TOOL]),
        ],
    ),
)

ADK_USAGE: dict[str, Any] = {
    "gen_ai.system": "gcp.vertex.agent",
    "gen_ai.request.model": "gemini-2.5-flash",
    "gcp.vertex.agent.session_id": "session-1",
    "gcp.vertex.agent.llm_request": "{}",
} | usage()
ADK_GENERATE: dict[str, Any] = {
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": "gemini-2.5-flash",
} | usage()
ADK_TOOL = Span(
    name="execute_tool Read",
    attributes={
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.system": "gcp.vertex.agent",
        "gen_ai.tool.name": "Read",
        "gen_ai.tool.call.id": "adk-1",
        "gcp.vertex.agent.tool_call_args": ARGUMENTS,
        "gcp.vertex.agent.tool_response": '{"result": "x = 1"}',
    },
)
GOOGLE_ADK = Sample(
    dialect="google-adk",
    scope="gcp.vertex.agent",
    model_call=Span(name="call_llm", attributes=ADK_USAGE),
    tool_call=ADK_TOOL,
    error=Span(
        name="execute_tool lookup",
        attributes={
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "lookup",
            "gcp.vertex.agent.tool_response": '{"error": "no such city"}',
        },
    ),
    error_type="tool_error",
    cached=Span(name="call_llm", attributes=ADK_USAGE | {"gen_ai.usage.cache_read.input_tokens": 1_000}),
    cached_parts=(200, 1_000, 0),
    reasoning=Span(name="call_llm", attributes=ADK_USAGE | {"gen_ai.usage.reasoning.output_tokens": 100}),
    nested=Span(
        name="invocation",
        attributes={},
        inner=[
            Span(
                name="agent_run [coder]",
                attributes={},
                inner=[
                    Span(
                        name="call_llm",
                        attributes=ADK_USAGE,
                        inner=[
                            Span(name="generate_content gemini-2.5-flash", attributes=ADK_GENERATE),
                            ADK_TOOL,
                            Span(
                                name="execute_tool (merged)",
                                attributes={
                                    "gen_ai.operation.name": "execute_tool",
                                    "gen_ai.tool.name": "(merged tools)",
                                },
                            ),
                        ],
                    ),
                ],
            )
        ],
    ),
)

# Bedrock's own total tells that the input includes the cache: 1,200 + 300.
STRANDS_CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "strands-agents",
    "gen_ai.request.model": "us.anthropic.claude-sonnet-4-20250514-v1:0",
    "gen_ai.usage.prompt_tokens": 1_200,
    "gen_ai.usage.completion_tokens": 300,
    "gen_ai.usage.total_tokens": 1_500,
} | usage()
STRANDS_CALL = Span(
    name="chat",
    attributes=STRANDS_CHAT,
    events=[
        ("gen_ai.user.message", {"content": '[{"text": "what is in b?"}]'}),
        ("gen_ai.choice", {"finish_reason": "end_turn", "message": '[{"text": "done"}]'}),
    ],
)
STRANDS_TOOL = Span(
    name="execute_tool Read",
    attributes={
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.system": "strands-agents",
        "gen_ai.tool.name": "Read",
        "gen_ai.tool.call.id": "tooluse_1",
        "gen_ai.tool.status": "success",
    },
    events=[
        ("gen_ai.tool.message", {"role": "tool", "content": ARGUMENTS, "id": "tooluse_1"}),
        ("gen_ai.choice", {"message": '[{"text": "x = 1"}]', "id": "tooluse_1"}),
    ],
)
STRANDS = Sample(
    dialect="strands",
    scope="strands.telemetry.tracer",
    model_call=STRANDS_CALL,
    tool_call=STRANDS_TOOL,
    error=Span(
        name="execute_tool lookup",
        attributes={
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.system": "strands-agents",
            "gen_ai.tool.name": "lookup",
            "gen_ai.tool.status": "error",
        },
    ),
    error_type="tool_error",
    # Up to 1.40 the input is Bedrock's: 500 uncached. 500 + 600 + 100 + 300 is the total, which proves it.
    cached=Span(
        name="chat",
        attributes=STRANDS_CHAT
        | {
            "gen_ai.usage.prompt_tokens": 800,
            "gen_ai.usage.input_tokens": 800,
            "gen_ai.usage.cache_read_input_tokens": 300,
            "gen_ai.usage.cache_write_input_tokens": 100,
        },
    ),
    cached_parts=(800, 300, 100),
    # The agent's totals grow over its life: these are of three invocations.
    nested=Span(
        name="invoke_agent coder",
        attributes=STRANDS_CHAT
        | {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.usage.input_tokens": 3_600,
            "gen_ai.usage.prompt_tokens": 3_600,
            "gen_ai.usage.output_tokens": 900,
            "gen_ai.usage.completion_tokens": 900,
        },
        inner=[
            Span(
                name="execute_event_loop_cycle",
                attributes={"event_loop.cycle_id": "c1", "gen_ai.system": "strands-agents"},
                inner=[STRANDS_CALL, STRANDS_TOOL],
            )
        ],
    ),
    absent={"reasoning": "Bedrock reports no count of reasoning tokens"},
)

FRAMEWORK_CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.response.id": "resp_1",
} | usage()
FRAMEWORK_CALL = Span(name="chat gpt-5-mini", kind=3, attributes=FRAMEWORK_CHAT)
OTEL_TOOL = Span(
    name="execute_tool Read",
    attributes={
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "Read",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": ARGUMENTS,
        "gen_ai.tool.call.result": "x = 1",
    },
)
AGENT_FRAMEWORK = Sample(
    dialect="agent-framework",
    scope="agent_framework",
    model_call=FRAMEWORK_CALL,
    tool_call=OTEL_TOOL,
    error=Span(
        name="chat gpt-5-mini",
        kind=3,
        attributes={"gen_ai.operation.name": "chat", "error.type": "openai.APITimeoutError"},
        is_error=True,
    ),
    error_type="openai.APITimeoutError",
    cached=Span(
        name="chat gpt-5-mini",
        kind=3,
        attributes=FRAMEWORK_CHAT | {"gen_ai.usage.cache_read.input_tokens": 1_000},
    ),
    cached_parts=(200, 1_000, 0),
    reasoning=Span(
        name="chat gpt-5-mini", kind=3, attributes=FRAMEWORK_CHAT | {"gen_ai.usage.reasoning.output_tokens": 100}
    ),
    nested=Span(
        name="workflow.run",
        attributes={"workflow.id": "w"},
        inner=[
            Span(
                name="executor.process coder",
                attributes={"executor.id": "coder"},
                inner=[
                    Span(
                        name="invoke_agent coder",
                        attributes=FRAMEWORK_CHAT | {"gen_ai.operation.name": "invoke_agent"},
                        inner=[FRAMEWORK_CALL, OTEL_TOOL, Span(name="message.send", attributes={})],
                    )
                ],
            )
        ],
    ),
)
COPILOT_CHAT = FRAMEWORK_CHAT | {"gen_ai.provider.name": "github", "copilot_chat.request.max_prompt_tokens": 128_000}
COPILOT = Sample(
    dialect="copilot",
    scope="copilot-chat",
    resource={"service.name": "copilot-chat"},
    model_call=Span(name="chat gpt-5-mini", kind=3, attributes=COPILOT_CHAT),
    tool_call=OTEL_TOOL,
    error=Span(
        name="chat gpt-5-mini",
        kind=3,
        attributes={"gen_ai.operation.name": "chat", "error.type": "timeout"},
        is_error=True,
    ),
    error_type="timeout",
    cached=Span(
        name="chat gpt-5-mini", kind=3, attributes=COPILOT_CHAT | {"gen_ai.usage.cache_read.input_tokens": 1_000}
    ),
    cached_parts=(200, 1_000, 0),
    reasoning=Span(
        name="chat gpt-5-mini", kind=3, attributes=COPILOT_CHAT | {"gen_ai.usage.reasoning.output_tokens": 100}
    ),
    nested=Span(
        name="invoke_agent copilot",
        attributes=COPILOT_CHAT | {"gen_ai.operation.name": "invoke_agent", "copilot_chat.turn_count": 1},
        inner=[Span(name="chat gpt-5-mini", kind=3, attributes=COPILOT_CHAT), OTEL_TOOL],
    ),
)
CREWAI = Sample(
    dialect="crewai",
    scope="crewai.telemetry",
    error=Span(name="Tool Usage Error", attributes={"crewai_version": "1.1", "tool_name": "lookup", "llm": "gpt-5"}),
    error_type="tool_error",
    # Its own spans inside those of OpenInference, which have the facts.
    nested=Span(
        name="Crew.kickoff",
        scope="openinference.instrumentation.crewai",
        attributes={"openinference.span.kind": "CHAIN", "llm.token_count.total": 1_500},
        inner=[
            Span(name="Crew Created", attributes={"crewai_version": "1.1", "crew_key": "k"}),
            Span(
                name="Task._execute_core",
                scope="openinference.instrumentation.crewai",
                attributes={"openinference.span.kind": "AGENT"},
                inner=[
                    Span(name="Task Created", attributes={"crew_key": "k", "task_id": "t"}),
                    Span(
                        name="completion",
                        scope="openinference.instrumentation.litellm",
                        attributes={
                            "openinference.span.kind": "LLM",
                            "llm.model_name": "gpt-5-mini",
                            "llm.token_count.prompt": 1_200,
                            "llm.token_count.completion": 300,
                        },
                    ),
                    Span(
                        name="Read",
                        scope="openinference.instrumentation.crewai",
                        attributes={
                            "openinference.span.kind": "TOOL",
                            "tool.name": "Read",
                            "input.value": ARGUMENTS,
                            "output.value": "x = 1",
                        },
                        inner=[Span(name="Tool Usage", attributes={"crewai_version": "1.1", "tool_name": "Read"})],
                    ),
                ],
            ),
        ],
    ),
    absent=dict.fromkeys(
        ("model_call", "tool_call", "cached", "reasoning"), "CrewAI's own telemetry has neither tokens nor arguments"
    ),
)

ANTHROPIC_CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.id": "msg_01ABCDEFGH",
    "anthropic.message.stop_reason": "end_turn",
} | usage()
ANTHROPIC_TOOL = Span(
    name="anthropic.tool_use Read",
    attributes={
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "Read",
        "gen_ai.tool.call.id": "toolu_1",
        "gen_ai.tool.call.arguments": ARGUMENTS,
        "anthropic.tool_result.content": json.dumps([{"type": "text", "text": "x = 1"}]),
    },
)
ANTHROPIC_SDK = Sample(
    dialect="anthropic-sdk",
    scope="com.anthropic.sdk.python",
    # 200 in and 100 out of a compaction stand beside the numbers of the call.
    model_call=Span(
        name="anthropic.messages.create",
        kind=3,
        attributes=ANTHROPIC_CALL
        | {
            "gen_ai.usage.input_tokens": 1_000,
            "gen_ai.usage.output_tokens": 200,
            "anthropic.usage.compaction.input_tokens": 200,
            "anthropic.usage.compaction.output_tokens": 100,
        },
    ),
    tool_call=ANTHROPIC_TOOL,
    error=Span(
        name="anthropic.messages.create",
        kind=3,
        attributes={"gen_ai.operation.name": "chat", "error.type": "overloaded_error"},
        is_error=True,
    ),
    error_type="overloaded_error",
    cached=Span(
        name="anthropic.messages.create",
        kind=3,
        attributes=ANTHROPIC_CALL
        | {"gen_ai.usage.cache_read.input_tokens": 1_000, "gen_ai.usage.cache_write.input_tokens": 100},
    ),
    reasoning=Span(
        name="anthropic.messages.create",
        kind=3,
        attributes=ANTHROPIC_CALL | {"gen_ai.usage.reasoning.output_tokens": 100},
    ),
    nested=Span(
        name="anthropic.messages.tool_runner",
        attributes={"gen_ai.operation.name": "invoke_agent"},
        inner=[
            Span(
                name="anthropic.chat",
                scope="opentelemetry.instrumentation.anthropic",
                kind=3,
                attributes={
                    "llm.request.type": "chat",
                    "gen_ai.system": "Anthropic",
                    "gen_ai.request.model": "claude-sonnet-4-5",
                }
                | usage(),
                inner=[
                    Span(
                        name="anthropic.messages.create",
                        kind=3,
                        attributes=ANTHROPIC_CALL,
                        inner=[
                            Span(
                                name="anthropic.messages.create",
                                kind=2,
                                scope="com.anthropic.claude-platform",
                                attributes=ANTHROPIC_CALL,
                            )
                        ],
                    )
                ],
            ),
            ANTHROPIC_TOOL,
            Span(
                name="anthropic.messages.count_tokens",
                kind=3,
                attributes={"gen_ai.request.model": "claude-sonnet-4-5", "gen_ai.usage.input_tokens": 999},
            ),
        ],
    ),
)
SAMPLES = [PYDANTIC_AI, GOOGLE_ADK, STRANDS, AGENT_FRAMEWORK, COPILOT, CREWAI, ANTHROPIC_SDK]

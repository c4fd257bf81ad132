from __future__ import annotations

import json
from typing import Any

from tests.dialects.table.sample import Sample, Span, exception

LLM: dict[str, Any] = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-5-mini",
    "llm.provider": "openai",
    "llm.token_count.prompt": 1_200,
    "llm.token_count.completion": 300,
    "llm.token_count.total": 1_500,
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "done",
}
TOOL: dict[str, Any] = {
    "openinference.span.kind": "TOOL",
    "tool.name": "Read",
    "tool.parameters": '{"type": "object", "properties": {"file_path": {"type": "string"}}}',
    "input.value": '{"file_path": "/a/b.py"}',
    "input.mime_type": "application/json",
    "output.value": "x = 1",
}
TOTALS: dict[str, Any] = {
    "llm.token_count.prompt": 1_200,
    "llm.token_count.completion": 300,
    "llm.token_count.total": 1_500,
}
MODEL_CALL = Span(name="ChatCompletion", attributes=LLM)
TOOL_CALL = Span(name="Read", attributes=TOOL)

OPENINFERENCE = Sample(
    dialect="openinference",
    scope="openinference.instrumentation.openai",
    scope_version="0.1.30",
    model_call=MODEL_CALL,
    tool_call=TOOL_CALL,
    error=Span(
        name="ChatCompletion",
        attributes={"openinference.span.kind": "LLM", "llm.model_name": "gpt-5-mini"},
        is_error=True,
        events=[exception("openai.RateLimitError")],
    ),
    error_type="openai.RateLimitError",
    cached=Span(
        name="messages.create",
        attributes=LLM
        | {
            "llm.provider": "anthropic",
            "llm.token_count.prompt_details.cache_read": 1_000,
            "llm.token_count.prompt_details.cache_write": 100,
        },
    ),
    reasoning=Span(name="ChatCompletion", attributes=LLM | {"llm.token_count.completion_details.reasoning": 100}),
    # smolagents: the run has the totals of all its steps.
    nested=Span(
        name="ToolCallingAgent.run",
        attributes={"openinference.span.kind": "AGENT", "smolagents.max_steps": 20} | TOTALS,
        inner=[
            Span(name="Step 1", attributes={"openinference.span.kind": "CHAIN"}, inner=[MODEL_CALL, TOOL_CALL]),
        ],
    ),
)
# LangChain's tool input is a Python mapping in a text, and the chat model is wrapped around the provider's client.
LANGCHAIN = Sample(
    dialect="openinference",
    label="langchain",
    scope="openinference.instrumentation.langchain",
    scope_version="0.1.80",
    model_call=Span(name="ChatOpenAI", attributes=LLM),
    tool_call=Span(name="Read", attributes=TOOL | {"input.value": "{'file_path': '/a/b.py'}"}),
    error=Span(
        name="Read",
        attributes={
            "openinference.span.kind": "TOOL",
            "input.value": "{'file_path': '/a/b.py'}",
            "output.value": '{"type": "tool", "status": "error", "content": "no such file", "tool_call_id": "call_1"}',
            "tool.name": "Read",
        },
    ),
    error_type="tool_error",
    cached=Span(name="ChatOpenAI", attributes=LLM | {"llm.token_count.prompt_details.cache_read": 1_000}),
    cached_parts=(200, 1_000, 0),
    reasoning=Span(name="ChatOpenAI", attributes=LLM | {"llm.token_count.completion_details.reasoning": 100}),
    nested=Span(
        name="LangGraph",
        attributes={"openinference.span.kind": "CHAIN"},
        inner=[
            Span(
                name="agent",
                attributes={"openinference.span.kind": "CHAIN"},
                inner=[
                    Span(
                        name="ChatOpenAI",
                        attributes=LLM,
                        inner=[
                            Span(name="ChatCompletion", attributes=LLM, scope="openinference.instrumentation.openai")
                        ],
                    )
                ],
            ),
            Span(name="tools", attributes={"openinference.span.kind": "CHAIN"}, inner=[TOOL_CALL]),
        ],
    ),
)
# The newest one writes the only argument of a tool bare, and its result as a message in two layers.
LANGCHAIN_BARE = Sample(
    dialect="openinference",
    label="langchain-bare-argument",
    scope="openinference.instrumentation.langchain",
    scope_version="0.1.80",
    tool_call=Span(
        name="Read",
        attributes=TOOL
        | {
            "input.value": "/a/b.py",
            "output.value": json.dumps(
                {
                    "type": "tool",
                    "data": {
                        "content": "x = 1",
                        "additional_kwargs": {},
                        "response_metadata": {},
                        "type": "tool",
                        "name": "Read",
                        "id": None,
                        "tool_call_id": "call_12345",
                        "artifact": None,
                        "status": "success",
                    },
                }
            ),
        },
    ),
    absent=dict.fromkeys(("model_call", "error", "cached", "reasoning", "nested"), "as above"),
)
# No spans of the model calls: the query has the totals. Its input leaves the cache out up to 0.1.10.
CLAUDE_AGENT_SDK = Sample(
    dialect="openinference",
    label="claude-agent-sdk",
    scope="openinference.instrumentation.claude_agent_sdk",
    scope_version="0.1.8",
    model_call=Span(
        name="ClaudeAgentSDK.query",
        attributes={"openinference.span.kind": "AGENT", "llm.model_name": "claude-sonnet-4-6"} | TOTALS,
    ),
    tool_call=TOOL_CALL,
    error=Span(
        name="ClaudeAgentSDK.query",
        attributes={"openinference.span.kind": "AGENT"},
        is_error=True,
        events=[exception("ProcessError")],
    ),
    error_type="ProcessError",
    # 1,100 uncached and 100 read would be exclusive by version only: the numbers alone do not prove it.
    cached=Span(
        name="ClaudeAgentSDK.query",
        attributes={
            "openinference.span.kind": "AGENT",
            "llm.token_count.prompt": 1_000,
            "llm.token_count.completion": 300,
            "llm.token_count.prompt_details.cache_read": 100,
            "llm.token_count.prompt_details.cache_write": 100,
        },
    ),
    cached_parts=(1_000, 100, 100),
    nested=Span(
        name="ClaudeAgentSDK.query",
        attributes={"openinference.span.kind": "AGENT", "llm.model_name": "claude-sonnet-4-6"} | TOTALS,
        inner=[TOOL_CALL],
    ),
    absent={"reasoning": "the SDK reports no count of thinking tokens"},
)
SAMPLES = [OPENINFERENCE, LANGCHAIN, LANGCHAIN_BARE, CLAUDE_AGENT_SDK]

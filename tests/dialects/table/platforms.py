"""Rows of the observability platforms' own SDKs, and of LiteLLM."""

from __future__ import annotations

import json
from typing import Any

from tests.dialects.table.sample import Sample, Span, exception

ARGUMENTS = '{"file_path": "/a/b.py"}'
# A tool call and its result as LangChain serialises them.
WRAPPED_ARGUMENTS = json.dumps(
    {"input_str": "{'file_path': '/a/b.py'}", "tags": [], "metadata": {}, "inputs": {"file_path": "/a/b.py"}}
)
TOOL_MESSAGE = {"content": "x = 1", "type": "tool", "name": "Read", "tool_call_id": "call_1", "status": "success"}
WRAPPED_RESULT = json.dumps(
    {
        "output": {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "schema", "messages", "ToolMessage"],
            "kwargs": {**TOOL_MESSAGE, "additional_kwargs": {}, "response_metadata": {}},
        },
        "kwargs": {"run_id": "r"},
    }
)

TRACELOOP_OLD: dict[str, Any] = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "what is in b?",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "done",
    "gen_ai.usage.prompt_tokens": 1_200,
    "gen_ai.usage.completion_tokens": 300,
    "llm.usage.total_tokens": 1_500,
}
TRACELOOP_TOOL = Span(
    name="execute_tool Read",
    attributes={
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": "Read",
        "traceloop.entity.path": "coder.Read",
        "traceloop.entity.input": WRAPPED_ARGUMENTS,
        "traceloop.entity.output": WRAPPED_RESULT,
        "traceloop.association.properties.thread_id": "thread-1",
    },
)
OPENLLMETRY = Sample(
    dialect="openllmetry",
    label="until-0.53",
    scope="opentelemetry.instrumentation.openai.v1",
    scope_version="0.50.1",
    model_call=Span(name="openai.chat", kind=3, attributes=TRACELOOP_OLD),
    tool_call=TRACELOOP_TOOL,
    error=Span(
        name="openai.chat",
        kind=3,
        attributes={"llm.request.type": "chat", "gen_ai.request.model": "gpt-5-mini"},
        is_error=True,
        events=[exception("RateLimitError")],
    ),
    error_type="RateLimitError",
    # Anthropic's figures were summed up already.
    cached=Span(
        name="anthropic.chat",
        kind=3,
        attributes=TRACELOOP_OLD
        | {
            "gen_ai.system": "Anthropic",
            "gen_ai.usage.cache_read_input_tokens": 1_000,
            "gen_ai.usage.cache_creation_input_tokens": 100,
        },
    ),
    reasoning=Span(name="openai.chat", kind=3, attributes=TRACELOOP_OLD | {"llm.usage.reasoning_tokens": 100}),
    nested=Span(
        name="coder.workflow",
        attributes={"traceloop.span.kind": "workflow", "traceloop.entity.name": "coder"},
        inner=[
            Span(
                name="coder.agent",
                attributes={
                    "traceloop.span.kind": "agent",
                    "traceloop.entity.name": "coder",
                    "gen_ai.usage.prompt_tokens": 1_200,
                    "gen_ai.usage.completion_tokens": 300,
                },
                inner=[
                    Span(
                        name="ChatOpenAI.chat",
                        scope="opentelemetry.instrumentation.langchain",
                        attributes=TRACELOOP_OLD | {"gen_ai.system": "Langchain"},
                        inner=[Span(name="openai.chat", kind=3, attributes=TRACELOOP_OLD)],
                    ),
                    Span(
                        name="RunnableSequence.task",
                        attributes={"traceloop.span.kind": "task", "traceloop.entity.name": "RunnableSequence"},
                        inner=[TRACELOOP_TOOL],
                    ),
                ],
            )
        ],
    ),
)
TRACELOOP_NEW: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "aws.bedrock",
    "gen_ai.request.model": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.total_tokens": 1_500,
    "gen_ai.is_streaming": False,
}
BEDROCK_CALL = Span(name="bedrock.converse", kind=3, attributes=TRACELOOP_NEW)
NEW_TOOL = Span(
    name="execute_tool Read",
    scope="opentelemetry.instrumentation.langchain",
    attributes={
        "traceloop.span.kind": "tool",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "Read",
        "gen_ai.tool.call.arguments": WRAPPED_ARGUMENTS,
        "traceloop.entity.input": WRAPPED_ARGUMENTS,
        "gen_ai.tool.call.result": WRAPPED_RESULT,
        "traceloop.entity.output": WRAPPED_RESULT,
    },
)
OPENLLMETRY_BEDROCK = Sample(
    dialect="openllmetry",
    label="bedrock",
    scope="opentelemetry.instrumentation.bedrock",
    scope_version="0.62.4",
    model_call=BEDROCK_CALL,
    tool_call=NEW_TOOL,
    error=Span(
        name="bedrock.converse",
        kind=3,
        attributes={
            "gen_ai.operation.name": "chat",
            "llm.request.type": "chat",
            "error.type": "ThrottlingException",
        },
        is_error=True,
    ),
    error_type="ThrottlingException",
    # Bedrock's input leaves the cache out and is passed on; the total is OpenLLMetry's own and proves nothing.
    cached=Span(
        name="bedrock.converse",
        kind=3,
        attributes=TRACELOOP_NEW
        | {
            "gen_ai.usage.input_tokens": 800,
            "gen_ai.usage.total_tokens": 1_100,
            "gen_ai.usage.cache_read.input_tokens": 300,
            "gen_ai.usage.cache_creation.input_tokens": 100,
        },
    ),
    cached_parts=(800, 300, 100),
    reasoning=Span(name="bedrock.converse", kind=3, attributes=TRACELOOP_NEW | {"gen_ai.usage.reasoning_tokens": 100}),
    nested=Span(
        name="invoke_agent coder",
        scope="opentelemetry.instrumentation.langchain",
        attributes={
            "traceloop.span.kind": "workflow",
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "coder",
        },
        inner=[
            Span(
                name="execute_task agent",
                scope="opentelemetry.instrumentation.langchain",
                attributes={"traceloop.span.kind": "task", "gen_ai.operation.name": "execute_task"},
                inner=[
                    Span(
                        name="ChatBedrockConverse.chat",
                        scope="opentelemetry.instrumentation.langchain",
                        attributes=TRACELOOP_NEW,
                        inner=[BEDROCK_CALL],
                    )
                ],
            ),
            NEW_TOOL,
        ],
    ),
)

AGENTOPS_LLM: dict[str, Any] = {
    "agentops.span.kind": "llm",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.usage.prompt_tokens": 1_200,
    "gen_ai.usage.completion_tokens": 300,
    "gen_ai.usage.total_tokens": 1_500,
}
AGENTOPS_TOOL = Span(
    name="Read.tool",
    attributes={
        "agentops.span.kind": "tool",
        "tool.name": "Read",
        "tool.parameters": ARGUMENTS,
        "tool.result": "x = 1",
        "tool.status": "succeeded",
    },
)
AGENTOPS = Sample(
    dialect="agentops",
    scope="agentops",
    model_call=Span(name="openai.chat.completion", kind=3, attributes=AGENTOPS_LLM),
    tool_call=AGENTOPS_TOOL,
    error=Span(
        name="lookup.tool",
        attributes={"agentops.span.kind": "tool", "tool.name": "lookup", "tool.status": "error"},
    ),
    error_type="tool_error",
    cached=Span(
        name="openai.chat.completion",
        kind=3,
        attributes=AGENTOPS_LLM | {"gen_ai.usage.cache_read_input_tokens": 1_000},
    ),
    cached_parts=(200, 1_000, 0),
    reasoning=Span(
        name="openai.chat.completion", kind=3, attributes=AGENTOPS_LLM | {"gen_ai.usage.reasoning_tokens": 100}
    ),
    nested=Span(
        name="default.session",
        attributes=AGENTOPS_LLM | {"agentops.span.kind": "session"},
        inner=[
            Span(
                name="coder.agent",
                attributes=AGENTOPS_LLM | {"agentops.span.kind": "agent", "agentops.entity.name": "coder"},
                inner=[Span(name="openai.chat.completion", kind=3, attributes=AGENTOPS_LLM), AGENTOPS_TOOL],
            )
        ],
    ),
)

LANGSMITH_LLM: dict[str, Any] = {
    "langsmith.span.kind": "llm",
    "langsmith.trace.name": "ChatOpenAI",
    "langsmith.metadata.thread_id": "thread-1",
    "langsmith.metadata.ls_provider": "openai",
    "langsmith.metadata.ls_model_name": "gpt-5-mini",
    "gen_ai.operation.name": "chat",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.total_tokens": 1_500,
}
LANGSMITH_TOOL = Span(
    name="Read",
    attributes={
        "langsmith.span.kind": "tool",
        "langsmith.trace.name": "Read",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.prompt": json.dumps({"input": "{'file_path': '/a/b.py'}"}),
        "gen_ai.completion": json.dumps({"output": TOOL_MESSAGE}),
    },
)
LANGSMITH = Sample(
    dialect="langsmith",
    scope="langsmith",
    model_call=Span(name="ChatOpenAI", attributes=LANGSMITH_LLM),
    tool_call=LANGSMITH_TOOL,
    error=Span(
        name="Read",
        attributes={
            "langsmith.span.kind": "tool",
            "langsmith.trace.name": "Read",
            "gen_ai.prompt": json.dumps({"input": "{'file_path': '/a/b.py'}"}),
            "gen_ai.completion": json.dumps({"output": {**TOOL_MESSAGE, "status": "error"}}),
        },
    ),
    error_type="tool_error",
    cached=Span(
        name="ChatAnthropic",
        attributes=LANGSMITH_LLM | {"gen_ai.usage.input_token_details": '{"cache_read": 1000, "cache_creation": 100}'},
    ),
    # JavaScript: all of the numbers in one JSON.
    reasoning=Span(
        name="ChatOpenAI",
        attributes={
            "langsmith.span.kind": "llm",
            "langsmith.usage_metadata": json.dumps(
                {"input_tokens": 1_200, "output_tokens": 300, "output_token_details": {"reasoning": 100}}
            ),
        },
    ),
    nested=Span(
        name="LangGraph",
        attributes={"langsmith.span.kind": "chain", "langsmith.trace.name": "LangGraph"},
        inner=[
            # The outputs of the node contain the model's, and with it its usage.
            Span(
                name="agent",
                attributes=LANGSMITH_LLM | {"langsmith.span.kind": "chain", "gen_ai.operation.name": "chain"},
                inner=[Span(name="ChatOpenAI", attributes=LANGSMITH_LLM)],
            ),
            Span(
                name="tools",
                attributes={"langsmith.span.kind": "chain", "langsmith.trace.name": "tools"},
                inner=[LANGSMITH_TOOL],
            ),
        ],
    ),
)

MLFLOW_LLM: dict[str, Any] = {
    "mlflow.spanType": '"CHAT_MODEL"',
    "mlflow.llm.model": '"gpt-5-mini"',
    "mlflow.llm.provider": '"openai"',
    "mlflow.chat.tokenUsage": '{"input_tokens": 1200, "output_tokens": 300, "total_tokens": 1500}',
}
MLFLOW_TOOL = Span(
    name="Read",
    attributes={"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": ARGUMENTS, "mlflow.spanOutputs": '"x = 1"'},
)
MLFLOW = Sample(
    dialect="mlflow",
    scope="mlflow",
    model_call=Span(name="Completions", attributes=MLFLOW_LLM),
    tool_call=MLFLOW_TOOL,
    error=Span(
        name="Completions",
        attributes={"mlflow.spanType": '"CHAT_MODEL"'},
        is_error=True,
        events=[exception("RateLimitError")],
    ),
    error_type="RateLimitError",
    cached=Span(
        name="Messages.create",
        attributes=MLFLOW_LLM
        | {
            "mlflow.chat.tokenUsage": json.dumps(
                {
                    "input_tokens": 1_200,
                    "output_tokens": 300,
                    "total_tokens": 1_500,
                    "cache_read_input_tokens": 1_000,
                    "cache_creation_input_tokens": 100,
                }
            )
        },
    ),
    nested=Span(
        name="run",
        attributes=MLFLOW_LLM | {"mlflow.spanType": '"AGENT"'},
        inner=[
            Span(
                name="ChatOpenAI",
                attributes=MLFLOW_LLM,
                inner=[Span(name="Completions", attributes=MLFLOW_LLM)],
            ),
            MLFLOW_TOOL,
        ],
    ),
    absent={"reasoning": "its usage has no key for it"},
)

LANGFUSE_LLM: dict[str, Any] = {
    "langfuse.observation.type": "generation",
    "langfuse.observation.model.name": "gpt-5-mini",
    "langfuse.observation.usage_details": '{"input": 1200, "output": 300, "total": 1500}',
    "langfuse.observation.cost_details": '{"total": 0.0009}',
    "session.id": "session-1",
}
LANGFUSE_TOOL = Span(
    name="Read",
    attributes={
        "langfuse.observation.type": "tool",
        "langfuse.observation.input": ARGUMENTS,
        "langfuse.observation.output": '"x = 1"',
    },
)
LANGFUSE = Sample(
    dialect="langfuse",
    scope="langfuse-sdk",
    model_call=Span(name="OpenAI-generation", attributes=LANGFUSE_LLM),
    tool_call=LANGFUSE_TOOL,
    error=Span(
        name="OpenAI-generation",
        attributes={
            "langfuse.observation.type": "generation",
            "langfuse.observation.level": "ERROR",
            "langfuse.observation.status_message": "secret",
        },
    ),
    # Disjoint parts: 100 + 1,000 + 100 in.
    cached=Span(
        name="anthropic",
        attributes=LANGFUSE_LLM
        | {
            "langfuse.observation.usage_details": json.dumps(
                {
                    "input": 100,
                    "input_cached_tokens": 1_000,
                    "cache_creation_input_tokens": 100,
                    "output": 300,
                    "total": 1_500,
                }
            )
        },
    ),
    # 200 + 100 out.
    reasoning=Span(
        name="ChatOpenAI",
        attributes=LANGFUSE_LLM
        | {
            "langfuse.observation.usage_details": json.dumps(
                {"input": 1_200, "output": 200, "output_reasoning": 100, "total": 1_500}
            )
        },
    ),
    nested=Span(
        name="LangGraph",
        attributes={"langfuse.observation.type": "span"},
        inner=[
            Span(
                name="ChatOpenAI",
                attributes=LANGFUSE_LLM,
                inner=[Span(name="OpenAI-generation", attributes=LANGFUSE_LLM)],
            ),
            Span(
                name="tools",
                attributes={
                    "langfuse.observation.type": "span",
                    "langfuse.observation.output": json.dumps({"messages": [TOOL_MESSAGE]}),
                },
                inner=[
                    Span(
                        name="Read",
                        attributes={
                            "langfuse.observation.type": "span",  # older callback handlers
                            "langfuse.observation.input": "{'file_path': '/a/b.py'}",
                            "langfuse.observation.output": json.dumps(TOOL_MESSAGE),
                        },
                    )
                ],
            ),
        ],
    ),
)
# Some integrations leave the cache inside the input: the total says so.
LANGFUSE_INCLUSIVE = Sample(
    dialect="langfuse",
    label="overlapping",
    scope="langfuse-sdk",
    cached=Span(
        name="OpenAI-generation",
        attributes=LANGFUSE_LLM
        | {
            "langfuse.observation.usage_details": json.dumps(
                {"input": 1_200, "input_cached_tokens": 1_000, "output": 300, "total": 1_500}
            )
        },
    ),
    cached_parts=(200, 1_000, 0),
    reasoning=Span(
        name="OpenAI-generation",
        attributes=LANGFUSE_LLM
        | {
            "langfuse.observation.usage_details": json.dumps(
                {
                    "prompt_tokens": 1_200,
                    "completion_tokens": 300,
                    "output_reasoning_tokens": 100,
                    "total_tokens": 1_500,
                }
            )
        },
    ),
    absent=dict.fromkeys(("model_call", "tool_call", "error", "nested"), "as above"),
)

OPENLIT_CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cost": 0.0081,
    "gen_ai.environment": "default",
}
OPENLIT = Sample(
    dialect="openlit",
    scope="openlit.otel.tracing",
    resource={"telemetry.sdk.name": "openlit", "service.name": "bot"},
    model_call=Span(name="chat claude-sonnet-4-5", kind=3, attributes=OPENLIT_CHAT),
    tool_call=Span(
        name="execute_tool Read",
        attributes={
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "Read",
            "gen_ai.tool.args": ARGUMENTS,
            "gen_ai.tool.call.result": "x = 1",
        },
    ),
    error=Span(
        name="chat claude-sonnet-4-5",
        kind=3,
        attributes={"gen_ai.operation.name": "chat", "error.type": "APIStatusError"},
        is_error=True,
    ),
    error_type="APIStatusError",
    # Anthropic's own figure, which leaves the cache out.
    cached=Span(
        name="chat claude-sonnet-4-5",
        kind=3,
        attributes=OPENLIT_CHAT
        | {
            "gen_ai.usage.input_tokens": 800,
            "gen_ai.usage.cache_read.input_tokens": 300,
            "gen_ai.usage.cache_creation.input_tokens": 100,
        },
    ),
    cached_parts=(800, 300, 100),
    reasoning=Span(
        name="chat gpt-5-mini",
        kind=3,
        attributes=OPENLIT_CHAT | {"gen_ai.system": "openai", "gen_ai.usage.reasoning_tokens": 100},
    ),
    # Its hook in a coding agent: the session repeats the tokens of its turns.
    nested=Span(
        name="coding_agent.session",
        attributes={
            "coding_agent.client": "claude-code",
            "gen_ai.usage.input_tokens": 1_200,
            "gen_ai.usage.output_tokens": 300,
        },
        inner=[
            Span(
                name="coding_agent.llm.turn",
                attributes={
                    "coding_agent.session.id": "session-1",
                    "gen_ai.request.model": "claude-sonnet-4-5",
                    "gen_ai.usage.input_tokens": 1_200,
                    "gen_ai.usage.output_tokens": 300,
                },
            ),
            Span(
                name="coding_agent.tool.call",
                attributes={"gen_ai.tool.name": "Read", "gen_ai.tool.args": ARGUMENTS},
            ),
            Span(name="coding_agent.edit.decision", attributes={"coding_agent.client": "claude-code"}),
        ],
    ),
)

LITELLM_REQUEST: dict[str, Any] = {
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.usage.prompt_tokens": 1_200,
    "gen_ai.usage.completion_tokens": 300,
    "llm.is_streaming": "False",
    "llm.request.type": "acompletion",
}
LITELLM_TOOL = Span(
    name="execute_tool Read",
    attributes={
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.provider.name": "mcp",
        "gen_ai.tool.name": "Read",
        "gen_ai.tool.call.arguments": ARGUMENTS,
        "gen_ai.tool.call.result": "x = 1",
    },
)
LITELLM = Sample(
    dialect="litellm",
    scope="litellm",
    model_call=Span(name="litellm_request", attributes=LITELLM_REQUEST),
    tool_call=LITELLM_TOOL,
    error=Span(
        name="litellm_request",
        attributes={"gen_ai.system": "openai", "gen_ai.request.model": "gpt-5-mini"},
        is_error=True,
        events=[exception("RateLimitError")],
    ),
    error_type="RateLimitError",
    cached=Span(
        name="litellm_request",
        attributes=LITELLM_REQUEST
        | {
            "gen_ai.system": "anthropic",
            "gen_ai.usage.cache_read_input_tokens": 1_000,
            "gen_ai.usage.cache_creation_input_tokens": 100,
        },
    ),
    reasoning=Span(name="litellm_request", attributes=LITELLM_REQUEST | {"gen_ai.usage.reasoning_tokens": 100}),
    nested=Span(
        name="Received Proxy Server Request",
        attributes=LITELLM_REQUEST,
        inner=[
            Span(
                name="my generation",  # the caller's own name for it
                attributes=LITELLM_REQUEST,
                inner=[
                    Span(
                        name="raw_gen_ai_request",
                        attributes={"llm.openai.messages": "[]", "llm.openai.usage": '{"prompt_tokens": 1200}'},
                    )
                ],
            ),
            LITELLM_TOOL,
        ],
    ),
)
# Its newer form, siblings named after the model: what the provider counted in detail stands in an object.
LITELLM_2 = Sample(
    dialect="litellm",
    label="2",
    scope="litellm",
    model_call=Span(
        name="chat gpt-5-mini",
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5-mini",
            "gen_ai.usage.input_tokens": 1_200,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.cost.total_cost": 0.0009,
        },
    ),
    cached=Span(
        name="chat claude-sonnet-4-5",
        attributes=LITELLM_REQUEST
        | {
            "metadata.usage_object": "{'prompt_tokens': 1200, 'cache_read_input_tokens': 1000, "
            "'cache_creation_input_tokens': 100, 'prompt_tokens_details': {'cached_tokens': None}}"
        },
    ),
    reasoning=Span(
        name="chat gpt-5-mini",
        attributes=LITELLM_REQUEST
        | {
            "metadata.usage_object": "{'completion_tokens': 300, "
            "'completion_tokens_details': {'reasoning_tokens': 100, 'audio_tokens': None}}"
        },
    ),
    absent=dict.fromkeys(("tool_call", "error", "nested"), "as above"),
)
SAMPLES = [
    OPENLLMETRY,
    OPENLLMETRY_BEDROCK,
    AGENTOPS,
    LANGSMITH,
    MLFLOW,
    LANGFUSE,
    LANGFUSE_INCLUSIVE,
    OPENLIT,
    LITELLM,
    LITELLM_2,
]

from __future__ import annotations

import json
from typing import Any

from tests.dialects.table.otel_genai import CHAT
from tests.dialects.table.otel_genai import TOOL_CALL as OTEL_TOOL
from tests.dialects.table.sample import Sample, Span, exception

MODEL: dict[str, Any] = {"ai.model.id": "gpt-5-mini", "ai.model.provider": "openai.responses"}
OLD_USAGE: dict[str, Any] = {"ai.usage.promptTokens": 1_200, "ai.usage.completionTokens": 300}
NEW_USAGE: dict[str, Any] = {
    "ai.usage.inputTokens": 1_200,
    "ai.usage.outputTokens": 300,
    "ai.usage.totalTokens": 1_500,
}
# 4: usage twice, under its own names and under those of OTel.
GENERATE: dict[str, Any] = (
    MODEL
    | OLD_USAGE
    | {
        "ai.operationId": "ai.generateText.doGenerate",
        "operation.name": "ai.generateText.doGenerate coder",
        "ai.response.text": "done",
        "gen_ai.system": "openai.responses",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": 1_200,
        "gen_ai.usage.output_tokens": 300,
    }
)
STREAM: dict[str, Any] = MODEL | NEW_USAGE | {"ai.operationId": "ai.streamText.doStream", "ai.response.text": "done"}
TOOL_CALL = Span(
    name="ai.toolCall",
    attributes={
        "ai.operationId": "ai.toolCall",
        "ai.toolCall.name": "Read",
        "ai.toolCall.id": "call_1",
        "ai.toolCall.args": '{"file_path": "/a/b.py"}',
        "ai.toolCall.result": '"x = 1"',
    },
)
FAILED = Span(
    name="ai.generateText",
    attributes=MODEL | {"ai.operationId": "ai.generateText"},
    is_error=True,
    events=[exception("AI_RetryError")],
    inner=[
        Span(
            name="ai.generateText.doGenerate",
            attributes=MODEL | {"ai.operationId": "ai.generateText.doGenerate"},
            is_error=True,
            events=[exception("AI_APICallError")],
        )
    ],
)
UNTIL_5 = Sample(
    dialect="vercel-ai-sdk",
    label="until-5",
    scope="ai",
    model_call=Span(name="ai.generateText.doGenerate", attributes=GENERATE),
    tool_call=TOOL_CALL,
    error=FAILED,
    error_type="AI_APICallError",
    # Anthropic: the input leaves the cache out, the written tokens are in the metadata only.
    cached=Span(
        name="ai.generateText.doGenerate",
        attributes=GENERATE
        | {
            "ai.model.provider": "anthropic.messages",
            "ai.usage.promptTokens": 800,
            "gen_ai.usage.input_tokens": 800,
            "ai.usage.cachedInputTokens": 300,
            "ai.response.providerMetadata": json.dumps(
                {"anthropic": {"cacheCreationInputTokens": 100, "cacheReadInputTokens": 300}}
            ),
        },
    ),
    cached_parts=(800, 300, 100),
    reasoning=Span(name="ai.streamText.doStream", attributes=STREAM | {"ai.usage.reasoningTokens": 100}),
    nested=Span(
        name="ai.generateText",
        attributes=MODEL | OLD_USAGE | {"ai.operationId": "ai.generateText", "ai.telemetry.functionId": "coder"},
        inner=[Span(name="ai.generateText.doGenerate", attributes=GENERATE), TOOL_CALL],
    ),
)
SINCE_6 = Sample(
    dialect="vercel-ai-sdk",
    label="6",
    scope="ai",
    model_call=Span(name="ai.streamText.doStream", attributes=STREAM),
    tool_call=TOOL_CALL,
    error=FAILED,
    error_type="AI_APICallError",
    cached=Span(
        name="ai.streamText.doStream",
        attributes=STREAM
        | {
            "ai.model.provider": "anthropic.messages",
            "ai.usage.cachedInputTokens": 1_000,
            "ai.usage.inputTokenDetails.noCacheTokens": 100,
            "ai.usage.inputTokenDetails.cacheReadTokens": 1_000,
            "ai.usage.inputTokenDetails.cacheWriteTokens": 100,
        },
    ),
    reasoning=Span(
        name="ai.streamText.doStream", attributes=STREAM | {"ai.usage.outputTokenDetails.reasoningTokens": 100}
    ),
    nested=Span(
        name="ai.streamText",
        attributes=MODEL | NEW_USAGE | {"ai.operationId": "ai.streamText"},
        inner=[Span(name="ai.streamText.doStream", attributes=STREAM), TOOL_CALL],
    ),
)
SEVEN_CALL = Span(name="chat gpt-5-mini", kind=3, attributes=CHAT)
SEVEN = Sample(
    dialect="vercel-ai-sdk-7",
    scope="gen_ai",
    model_call=SEVEN_CALL,
    tool_call=OTEL_TOOL,
    error=Span(
        name="chat gpt-5-mini",
        kind=3,
        attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini"},
        is_error=True,
        events=[exception("AI_APICallError")],
    ),
    error_type="AI_APICallError",
    cached=Span(
        name="chat claude-sonnet-4-5",
        kind=3,
        attributes=CHAT
        | {
            "gen_ai.provider.name": "anthropic",
            "gen_ai.usage.cache_read.input_tokens": 1_000,
            "gen_ai.usage.cache_creation.input_tokens": 100,
        },
    ),
    reasoning=Span(
        name="chat gpt-5-mini", kind=3, attributes=CHAT | {"ai.usage.outputTokenDetails.reasoningTokens": 100}
    ),
    nested=Span(
        name="invoke_agent gpt-5-mini",
        attributes=CHAT | {"gen_ai.operation.name": "invoke_agent"},
        inner=[Span(name="step 1", attributes={"gen_ai.operation.name": "agent_step"}, inner=[SEVEN_CALL, OTEL_TOOL])],
    ),
)
SAMPLES = [UNTIL_5, SINCE_6, SEVEN]

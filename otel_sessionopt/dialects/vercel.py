"""Vercel AI SDK: the `ai.*` spans of 3 to 6 (and of 7 with its legacy integration), and the OTel spans of 7.

Source: genai-conventions §7, §20.1, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.message_history import INPUT_MESSAGES, MAX_WHOLE_CHARS, OUTPUT_MESSAGES
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.renaming import TOTAL_TOKENS, Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_structure, read_text
from otel_sessionopt.ingest.span_record import SpanRecord

OPERATION_ID: Final = "ai.operationId"
METADATA: Final = "ai.response.providerMetadata"
_DETAILS: Final = ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.inputTokenDetails.cacheWriteTokens")
_REASONING: Final = ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens")

_LEGACY: Final = Renaming(
    {
        semconv.RESPONSE_MODEL: ("ai.response.model", semconv.RESPONSE_MODEL),
        semconv.REQUEST_MODEL: ("ai.model.id",),
        semconv.PROVIDER_NAME: ("ai.model.provider", "gen_ai.system"),
        # Where both generations are written, the older ones may lack what the newer include.
        semconv.INPUT_TOKENS: (
            "ai.usage.inputTokens",
            "ai.usage.promptTokens",
            "ai.usage.tokens",
            semconv.INPUT_TOKENS,
            "gen_ai.usage.prompt_tokens",
        ),
        semconv.OUTPUT_TOKENS: (
            "ai.usage.outputTokens",
            "ai.usage.completionTokens",
            semconv.OUTPUT_TOKENS,
            "gen_ai.usage.completion_tokens",
        ),
        semconv.CACHE_READ_TOKENS: (_DETAILS[0], "ai.usage.cachedInputTokens"),
        semconv.CACHE_WRITE_TOKENS: (_DETAILS[1],),
        semconv.REASONING_TOKENS: _REASONING,
        semconv.RESPONSE_ID: ("ai.response.id", semconv.RESPONSE_ID),
        semconv.FINISH_REASONS: ("ai.response.finishReason", "ai.finishReason", semconv.FINISH_REASONS),
        semconv.CONVERSATION_ID: ("ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.conversationId"),
        semconv.AGENT_NAME: ("ai.telemetry.functionId",),
        semconv.TOOL_NAME: ("ai.toolCall.name",),
        semconv.TOOL_CALL_ID: ("ai.toolCall.id",),
        semconv.TOOL_ARGUMENTS: ("ai.toolCall.args",),
        semconv.TOOL_RESULT: ("ai.toolCall.result",),
        INPUT_MESSAGES: ("ai.prompt.messages",),
    }
)
_STANDARD: Final = Renaming(
    {semconv.REASONING_TOKENS: (semconv.REASONING_TOKENS, *_REASONING), TOTAL_TOKENS: ("ai.usage.totalTokens",)}
)
_CALLS: Final = {
    "doGenerate": Operation.MODEL_CALL,
    "doStream": Operation.MODEL_CALL,
    "doEmbed": Operation.EMBEDDING,
    "toolCall": Operation.TOOL_CALL,
    # A loop of calls and tools: what runs inside a tool of it has a context of its own.
    "generateText": Operation.AGENT,
    "streamText": Operation.AGENT,
}


class VercelLegacy:
    """Spans named `ai.*`."""

    id = "vercel-ai-sdk"
    markers = Markers(frozenset({OPERATION_ID}), names=("ai.",))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the span states an operation of the SDK, or has its name and scope."""
        return OPERATION_ID in record.attributes or (record.name.startswith("ai.") and record.scope_name == "ai")

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        operation = _CALLS.get(_operation_name(record), Operation.CONTAINER)
        standard = _LEGACY.standard(attributes)
        verdict = CacheVerdict.INCLUSIVE
        if operation is Operation.MODEL_CALL:
            standard[OUTPUT_MESSAGES] = [_answer(attributes)]
        if operation is not Operation.TOOL_CALL and attributes.keys().isdisjoint(_DETAILS):
            verdict = _read_cache_until_5(attributes, standard)
        # The span's name is no agent's: without a function id the agent has none.
        return read_genai(record._replace(attributes=standard), self.id, operation=operation, by_dialect=verdict)


class Vercel7:
    """Spans of `@ai-sdk/otel`: OTel names, with a span for each step."""

    id = "vercel-ai-sdk-7"
    markers = Markers(scopes=("gen_ai",))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope is the SDK's."""
        return record.scope_name == "gen_ai"

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        standard = _STANDARD.standard(record.attributes)
        return read_genai(record._replace(attributes=standard), self.id, by_dialect=CacheVerdict.INCLUSIVE)


def _operation_name(record: SpanRecord) -> str:
    """`doGenerate` of `ai.generateText.doGenerate`."""
    stated = read_text(record.attributes.get(OPERATION_ID)) or record.name
    return stated.partition(" ")[0].rpartition(".")[2]


def _read_cache_until_5(attributes: Mapping[str, Any], standard: dict[str, Any]) -> CacheVerdict:
    """Until 5 cache tokens of Anthropic stand beside the input, the written ones only in the provider's metadata."""
    provider = read_text(standard.get(semconv.PROVIDER_NAME)) or ""
    is_anthropic = "anthropic" in provider
    if is_anthropic and METADATA in attributes:
        metadata = read_structure(attributes[METADATA]).value
        own = metadata.get("anthropic") if isinstance(metadata, Mapping) else None
        if isinstance(own, Mapping):
            for standard_name, name in (
                (semconv.CACHE_READ_TOKENS, "cacheReadInputTokens"),
                (semconv.CACHE_WRITE_TOKENS, "cacheCreationInputTokens"),
            ):
                if own.get(name) is not None:
                    standard.setdefault(standard_name, own[name])
    # Bedrock's own figure leaves the cache out, too, whoever made the model.
    return CacheVerdict.EXCLUSIVE if is_anthropic or "bedrock" in provider else CacheVerdict.INCLUSIVE


def _answer(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The answer as a message: its text, and the tools that it calls."""
    called = attributes.get("ai.response.toolCalls", attributes.get("ai.result.toolCalls"))
    if isinstance(called, str):
        called = read_structure(called).value if len(called) <= MAX_WHOLE_CHARS else None
    text = attributes.get("ai.response.text", attributes.get("ai.result.text", attributes.get("ai.response.object")))
    return {"role": "assistant", "content": text, "tool_calls": called}

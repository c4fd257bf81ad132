"""OpenLLMetry (Traceloop), old and new: `traceloop.*`, `llm.request.type`, flattened `gen_ai.prompt.N`.

Since 0.55 its provider spans are plain OTel GenAI and are read as that, except where their numbers mean something else.

Source: genai-conventions §6, §20.1, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.flat_messages import FlatForm, last_messages
from otel_sessionopt.dialects.langchain import call_id_in, unwrap_arguments, unwrap_result
from otel_sessionopt.dialects.message_history import INPUT_MESSAGES, OUTPUT_MESSAGES
from otel_sessionopt.dialects.otel_genai import OPERATIONS, SYSTEM, read_genai
from otel_sessionopt.dialects.renaming import TOTAL_TOKENS, Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_text
from otel_sessionopt.ingest.span_record import SpanRecord

KIND: Final = "traceloop.span.kind"
REQUEST_TYPE: Final = "llm.request.type"
ENTITY_NAME: Final = "traceloop.entity.name"
_BEDROCK_SCOPE: Final = "opentelemetry.instrumentation.bedrock"
_OWN_SCOPES: Final = "opentelemetry.instrumentation."
# Flattened lists of messages: other products use them too, so that there the scope has to agree.
_FLAT: Final = frozenset(
    {"gen_ai.prompt.0.role", "gen_ai.prompt.0.content", "gen_ai.completion.0.role", "gen_ai.completion.0.content"}
)
_TELLING: Final = frozenset({KIND, REQUEST_TYPE, "traceloop.entity.input", "llm.usage.total_tokens"})

_NAMES: Final = Renaming(
    {
        TOTAL_TOKENS: ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        semconv.REASONING_TOKENS: (semconv.REASONING_TOKENS, "llm.usage.reasoning_tokens"),
        semconv.CONVERSATION_ID: (
            semconv.CONVERSATION_ID,
            "traceloop.association.properties.session_id",
            "traceloop.association.properties.thread_id",
            "session.id",
        ),
        semconv.TOOL_NAME: (semconv.TOOL_NAME, ENTITY_NAME),
        semconv.TOOL_ARGUMENTS: (semconv.TOOL_ARGUMENTS, "traceloop.entity.input", "mcp.request.argument"),
        semconv.TOOL_RESULT: (semconv.TOOL_RESULT, "traceloop.entity.output", "mcp.response.value"),
        semconv.FINISH_REASONS: (semconv.FINISH_REASONS, "gen_ai.completion.0.finish_reason"),
    }
)
_KINDS: Final = {
    "tool": Operation.TOOL_CALL,
    "agent": Operation.AGENT,
    "workflow": Operation.CONTAINER,
    "task": Operation.CONTAINER,
    "session": Operation.CONTAINER,
    "handoff": Operation.CONTAINER,
}
_REQUEST_TYPES: Final = {
    "chat": Operation.MODEL_CALL,
    "completion": Operation.MODEL_CALL,
    "embedding": Operation.EMBEDDING,
    "rerank": Operation.CONTAINER,
}
_OWN_OPERATIONS: Final = {
    "llm_request": Operation.MODEL_CALL,
    "execute_task": Operation.CONTAINER,
    "vector_db_retrieve": Operation.RETRIEVAL,
}
_PROMPT: Final = FlatForm("gen_ai.prompt.{}", "tool_calls.{}")
_COMPLETION: Final = FlatForm("gen_ai.completion.{}", "tool_calls.{}")


class OpenLLMetry:
    """Spans of Traceloop's SDK and of its single instrumentations."""

    id = "openllmetry"
    markers = Markers(_TELLING | _FLAT, scopes=(_BEDROCK_SCOPE,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the span has Traceloop's attributes, or flattened messages from one of its instrumentations."""
        attributes = record.attributes
        return (
            not _TELLING.isdisjoint(attributes)
            or (record.scope_name.startswith(_OWN_SCOPES) and not _FLAT.isdisjoint(attributes))
            or (record.scope_name.startswith(_BEDROCK_SCOPE) and semconv.INPUT_TOKENS in attributes)
        )

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        operation = _operation(attributes)
        standard = _NAMES.standard(attributes)
        if operation is Operation.TOOL_CALL:
            standard[semconv.TOOL_ARGUMENTS] = unwrap_arguments(standard.get(semconv.TOOL_ARGUMENTS))
            result = standard[semconv.TOOL_RESULT] = unwrap_result(standard.get(semconv.TOOL_RESULT))
            standard.setdefault(semconv.TOOL_CALL_ID, call_id_in(result))
            standard.setdefault(semconv.TOOL_NAME, record.name.removesuffix(".tool"))
        else:
            if attributes.get(semconv.TOOL_NAME) is None:
                standard.pop(semconv.TOOL_NAME, None)  # the entity is no tool
            for name, form in ((INPUT_MESSAGES, _PROMPT), (OUTPUT_MESSAGES, _COMPLETION)):
                messages = [] if name in standard else last_messages(attributes, form)
                if messages:
                    standard[name] = messages
        digest = read_genai(
            record._replace(attributes=standard), self.id, operation=operation, by_dialect=_cache_verdict(record)
        )
        if operation is Operation.AGENT and digest.agent is None:
            digest = digest._replace(agent=read_text(attributes.get(ENTITY_NAME)))
        return digest


def _operation(attributes: Mapping[str, Any]) -> Operation | None:
    """By the operation's name, the kind, the type of request; `None` = as the OTel names have it."""
    stated = attributes.get(semconv.OPERATION_NAME)
    if isinstance(stated, str):
        if stated in OPERATIONS:
            return OPERATIONS[stated]
        if stated in _OWN_OPERATIONS:
            return _OWN_OPERATIONS[stated]
    kind = attributes.get(KIND)
    if isinstance(kind, str) and kind in _KINDS:
        return _KINDS[kind]
    request = attributes.get(REQUEST_TYPE)
    return _REQUEST_TYPES.get(request) if isinstance(request, str) else None


def _cache_verdict(record: SpanRecord) -> CacheVerdict:
    """Included for all providers, except Bedrock, whose own figure is passed on (0.62.4)."""
    attributes = record.attributes
    provider = attributes.get(semconv.PROVIDER_NAME, attributes.get(SYSTEM))
    is_bedrock = record.scope_name.startswith(_BEDROCK_SCOPE) or provider in ("aws.bedrock", "AWS")
    return CacheVerdict.EXCLUSIVE if is_bedrock else CacheVerdict.INCLUSIVE

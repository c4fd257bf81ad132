"""OTel GenAI semantic conventions, all generations: current names, `gen_ai.system`, `prompt_tokens` of ≤ 1.26.

One reader serves them all: every field has its names in order of preference (`KEYS`), and the names that were found
tell which generation wrote the span. MCP spans (`tools/call …`) belong to the same conventions.

Source: genai-conventions §3, §4, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import KeyTable, Markers, read_error, read_model_use, record_warnings, root_detail
from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest, ToldCall, ToolKind, ToolUse
from otel_sessionopt.dialects.message_events import messages_from_events
from otel_sessionopt.dialects.message_history import INPUT_MESSAGES, OUTPUT_MESSAGES, HistoryReading, read_history
from otel_sessionopt.dialects.tool_calls import ToolCall, read_tool_call
from otel_sessionopt.dialects.tool_definitions import TOOL_DEFINITIONS, read_tool_definitions
from otel_sessionopt.dialects.tools import MAX_SHOWN_CHARS, hash_query
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_flag, read_text
from otel_sessionopt.ingest.span_record import SpanRecord

SYSTEM: Final = "gen_ai.system"  # until 1.36; then gen_ai.provider.name
_CLIENT: Final = 3
MCP_METHOD: Final = "mcp.method.name"
MCP_RESOURCE: Final = "mcp.resource.uri"
RETRIEVAL_QUERY: Final = "gen_ai.retrieval.query.text"
DATA_SOURCE: Final = "gen_ai.data_source.id"
# Names that the conventions gave cache tokens when they also said that the input includes them (1.40).
_STANDARD_CACHE_KEYS: Final = frozenset(
    {semconv.CACHE_READ_TOKENS, semconv.CACHE_WRITE_TOKENS, "gen_ai.usage.cache_creation.input_tokens"}
)

FIELDS: Final = {
    "operation": (semconv.OPERATION_NAME,),
    "model": (semconv.RESPONSE_MODEL, semconv.REQUEST_MODEL),
    "provider": (semconv.PROVIDER_NAME, SYSTEM),
    "input": (semconv.INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    "output": (semconv.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
    "cache_read": (
        semconv.CACHE_READ_TOKENS,
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cache.read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "gen_ai.usage.cached_tokens",
    ),
    # cache_write replaced cache_creation: some write both while they change over, so the first one counts alone
    "cache_write": (
        semconv.CACHE_WRITE_TOKENS,
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.cache.creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
    ),
    "cache_write_1h": (semconv.CACHE_WRITE_1H_TOKENS,),
    "reasoning": (
        semconv.REASONING_TOKENS,
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
    ),
    "total": ("gen_ai.usage.total_tokens",),
    "cost": ("gen_ai.usage.cost",),
    "response_id": (semconv.RESPONSE_ID,),
    "finish_reason": (semconv.FINISH_REASONS, "gen_ai.response.finish_reason"),
    "conversation": (semconv.CONVERSATION_ID, "session.id"),
    "compacted": (semconv.CONVERSATION_COMPACTED,),
    "agent": (semconv.AGENT_NAME,),
    "tool": (semconv.TOOL_NAME,),
    "call_id": (semconv.TOOL_CALL_ID, "gen_ai.tool.call_id"),
    "arguments": (semconv.TOOL_ARGUMENTS,),
    "result": (semconv.TOOL_RESULT,),
    "mcp_method": (MCP_METHOD,),
    "mcp_resource": (MCP_RESOURCE,),
    "query": (RETRIEVAL_QUERY,),
    "data_source": (DATA_SOURCE,),
    "definitions": (semconv.TOOL_DEFINITIONS,),
    "inputs": (INPUT_MESSAGES, "gen_ai.prompt"),
    "outputs": (OUTPUT_MESSAGES, "gen_ai.completion"),
}
"""Field → its names in order of preference. A dialect that deviates makes its own table from these."""
KEYS: Final = KeyTable(FIELDS)
# Also written on spans that have nothing to do with models.
_NOT_TELLING: Final = frozenset({"session.id"})
_FURTHER_MARKERS: Final = frozenset({"gen_ai.agent.id", "gen_ai.workflow.name"})

OPERATIONS: Final = {
    "chat": Operation.MODEL_CALL,
    "text_completion": Operation.MODEL_CALL,
    "generate_content": Operation.MODEL_CALL,
    "completion": Operation.MODEL_CALL,
    "responses": Operation.MODEL_CALL,
    "messages": Operation.MODEL_CALL,
    "embeddings": Operation.EMBEDDING,
    "embedding": Operation.EMBEDDING,
    "execute_tool": Operation.TOOL_CALL,
    "retrieval": Operation.RETRIEVAL,
    "search_memory": Operation.RETRIEVAL,
    "invoke_agent": Operation.AGENT,
    "create_agent": Operation.CONTAINER,
    "invoke_workflow": Operation.CONTAINER,
    "plan": Operation.CONTAINER,
    "create_memory_store": Operation.OTHER,
    "delete_memory_store": Operation.OTHER,
    "create_memory": Operation.OTHER,
    "update_memory": Operation.OTHER,
    "upsert_memory": Operation.OTHER,
    "delete_memory": Operation.OTHER,
}
# Of `OPERATIONS`: those whose span may state usage.
# Looked up once: an enum member costs more than all of a span's other tests.
_TOOL_CALL: Final = Operation.TOOL_CALL
_RETRIEVAL: Final = Operation.RETRIEVAL
_MODEL_CALL: Final = Operation.MODEL_CALL
_CONTAINERS: Final = frozenset({Operation.AGENT, Operation.CONTAINER})
_WITH_USAGE: Final = _CONTAINERS | {Operation.MODEL_CALL, Operation.EMBEDDING}


class OtelGenAi:
    """Spans with names of the OTel GenAI conventions."""

    id = "otel-genai"
    markers = Markers(KEYS.keys - _NOT_TELLING | _FURTHER_MARKERS)

    def matches(self, record: SpanRecord) -> bool:
        """Whether any of the conventions' own attributes is there."""
        return not self.markers.attributes.isdisjoint(record.attributes)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        return read_genai(record, self.id)


def read_genai(
    record: SpanRecord,
    dialect: str,
    *,
    keys: KeyTable = KEYS,
    operation: Operation | None = None,
    by_dialect: CacheVerdict | None = None,
    has_provider_total: bool = False,
    stated_error: str | None = None,
    **call_facts: Any,
) -> SpanDigest:
    """Read a span by the OTel names, for this dialect and for those that build on it.

    Args:
        record: the span.
        dialect: id of the dialect that asks.
        keys: its own table, with the fields of `FIELDS`.
        operation: what the span stands for, where the asking dialect knows it.
        by_dialect: whether that dialect means an input that includes cache tokens; by the names found when not given.
        has_provider_total: as in `normalise_usage`.
        stated_error: error type where the asking dialect has its own way to say that the span failed.
        call_facts: further arguments of `read_tool_call` that the asking dialect knows.
    """
    attributes = record.attributes
    found = keys.find(attributes)
    if operation is None:
        operation = read_operation(record, found)
    error = stated_error or read_error(record)
    warnings = record_warnings(record)
    model: ModelUse | None = None
    tool: ToolUse | None = None
    content_chars: int | None = None
    told: tuple[ToldCall, ...] = ()
    detail = root_detail(record)
    if operation in _WITH_USAGE:
        verdict = cache_verdict(found) if by_dialect is None else by_dialect
        model, problems = read_model_use(attributes, found, verdict, has_provider_total)
        warnings += problems
        if operation in _CONTAINERS and not model.has_usage and model.reported_cost_usd is None:
            model = None
        if operation is _MODEL_CALL and (record.events or "inputs" in found or "outputs" in found):
            told, content_chars, problems = _read_messages(record, found)
            warnings += problems
        if operation is _MODEL_CALL and "definitions" in found:
            definitions = read_tool_definitions(attributes[found["definitions"]])
            detail = detail if definitions is None else {**(detail or {}), TOOL_DEFINITIONS: definitions}
    elif operation is _TOOL_CALL:
        call = _read_call(record, found, error, call_facts)
        tool, error = call.use, call.error
        warnings += call.warnings
    elif operation is _RETRIEVAL:
        tool = _read_retrieval(attributes, found)
    if "compacted" in found and read_flag(attributes[found["compacted"]]):
        detail = {**(detail or {}), "is_compaction": True}
    return SpanDigest(
        record.span_id,
        record.parent_span_id,
        read_text(record.name) or "",
        record.start_ns,
        record.end_ns,
        operation,
        dialect,
        error,
        read_text(attributes[found["agent"]]) if "agent" in found else None,
        read_text(attributes[found["conversation"]]) if "conversation" in found else None,
        model,
        tool,
        content_chars,
        detail,
        warnings,
        told,
    )


def _read_messages(record: SpanRecord, found: Mapping[str, str]) -> HistoryReading:
    """The messages of a model call, from its attributes or from its span events."""
    attributes = record.attributes
    inputs = attributes[found["inputs"]] if "inputs" in found else None
    outputs = attributes[found["outputs"]] if "outputs" in found else None
    if record.events and (inputs is None or outputs is None):
        from_events = messages_from_events(record.events)
        inputs = from_events.inputs if inputs is None else inputs
        outputs = from_events.outputs if outputs is None else outputs
    return read_history(inputs, outputs)


def read_operation(record: SpanRecord, found: Mapping[str, str]) -> Operation:
    """What the span stands for: the stated operation, else the beginning of its name, else what it has."""
    stated = record.attributes[found["operation"]] if "operation" in found else None
    if isinstance(stated, str) and stated in OPERATIONS:
        return OPERATIONS[stated]
    if "mcp_method" in found:
        method = record.attributes[MCP_METHOD]
        return Operation.TOOL_CALL if method in ("tools/call", "resources/read") else Operation.OTHER
    named = OPERATIONS.get(record.name.partition(" ")[0].rpartition(".")[2])
    if named is not None:
        return named
    if "tool" in found or "arguments" in found:
        return Operation.TOOL_CALL
    if isinstance(stated, str) and stated:
        # An operation that we do not know: its usage counts only where nothing below it has any.
        return Operation.CONTAINER
    if "response_id" in found or "input" in found or "output" in found:
        return Operation.MODEL_CALL
    # A model's name alone stands on wrappers too; a request to a service with it is a call that failed.
    return Operation.MODEL_CALL if "model" in found and record.kind == _CLIENT else Operation.OTHER


def cache_verdict(found: Mapping[str, str]) -> CacheVerdict:
    """Whether the generation that wrote these names means an input that includes cache tokens (§21.2).

    Since 1.40, which named the cache attributes, it does. Before, and under `gen_ai.system`, instrumentations passed
    on what the provider said.
    """
    keys = {found[field] for field in ("cache_read", "cache_write") if field in found}
    is_current = found.get("provider") != SYSTEM
    return CacheVerdict.INCLUSIVE if is_current and keys and keys <= _STANDARD_CACHE_KEYS else CacheVerdict.UNKNOWN


def _read_call(record: SpanRecord, found: Mapping[str, str], error: str | None, facts: Mapping[str, Any]) -> ToolCall:
    attributes = record.attributes
    name = read_text(attributes[found["tool"]]) if "tool" in found else None
    arguments = attributes[found["arguments"]] if "arguments" in found else None
    if name is None and "mcp_resource" in found:
        name = "read_mcp_resource"
        arguments = {"uri": attributes[found["mcp_resource"]]} if arguments is None else arguments
    return read_tool_call(
        name or record.name.partition(" ")[2] or record.name,
        arguments,
        attributes[found["result"]] if "result" in found else None,
        call_id=attributes[found["call_id"]] if "call_id" in found else None,
        stated_error=error,
        **facts,
    )


def _read_retrieval(attributes: Mapping[str, Any], found: Mapping[str, str]) -> ToolUse:
    """A retrieval as the search that it is."""
    query = attributes[found["query"]] if "query" in found else None
    source = read_text(attributes[found["data_source"]]) if "data_source" in found else None
    if not isinstance(query, str):
        return ToolUse("retrieval", ToolKind.SEARCH, scope=source or "")
    return ToolUse(
        "retrieval",
        ToolKind.SEARCH,
        query=query[:MAX_SHOWN_CHARS],
        query_hash=hash_query(query),
        scope=source or "",
    )

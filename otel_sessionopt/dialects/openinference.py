"""OpenInference (Phoenix, Arize): `llm.*`, `tool.*`, `input.value`, with `openinference.span.kind` on every span.

Source: genai-conventions §5, §20.1, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.flat_messages import FlatForm, last_messages
from otel_sessionopt.dialects.langchain import call_id_in, tool_message, unwrap_result
from otel_sessionopt.dialects.literals import read_literal
from otel_sessionopt.dialects.message_history import INPUT_MESSAGES, OUTPUT_MESSAGES
from otel_sessionopt.dialects.otel_genai import RETRIEVAL_QUERY, read_genai
from otel_sessionopt.dialects.recorded_messages import find_response_id
from otel_sessionopt.dialects.renaming import COST, TOTAL_TOKENS, Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_structure, read_text
from otel_sessionopt.ingest.span_record import SpanRecord

KIND: Final = "openinference.span.kind"
INPUT: Final = "input.value"
OUTPUT: Final = "output.value"

_NAMES: Final = Renaming(
    {
        semconv.RESPONSE_MODEL: ("llm.response.model_name", "llm.model_name"),
        semconv.REQUEST_MODEL: ("llm.request.model_name", "embedding.model_name", "reranker.model_name"),
        semconv.PROVIDER_NAME: ("llm.provider", "llm.system"),
        semconv.INPUT_TOKENS: ("llm.token_count.prompt", "decision.token_count.input"),
        semconv.OUTPUT_TOKENS: ("llm.token_count.completion", "decision.token_count.output"),
        semconv.CACHE_READ_TOKENS: (
            "llm.token_count.prompt_details.cache_read",
            "llm.token_count.prompt_details.cache_input",
        ),
        semconv.CACHE_WRITE_TOKENS: ("llm.token_count.prompt_details.cache_write",),
        semconv.REASONING_TOKENS: ("llm.token_count.completion_details.reasoning",),
        TOTAL_TOKENS: ("llm.token_count.total",),
        COST: ("llm.cost.total",),
        semconv.FINISH_REASONS: ("llm.finish_reason",),
        semconv.CONVERSATION_ID: ("session.id",),
        semconv.AGENT_NAME: ("agent.name", "graph.node.id"),
        semconv.TOOL_NAME: ("tool.name",),
        semconv.TOOL_CALL_ID: ("tool.id", "tool_call.id"),
        # `tool.parameters` is the input by the specification and the schema in several instrumentations.
        semconv.TOOL_ARGUMENTS: (INPUT, semconv.TOOL_ARGUMENTS, "gcp.vertex.agent.tool_call_args", "tool.parameters"),
        semconv.TOOL_RESULT: (OUTPUT,),
    }
)
_OPERATIONS: Final = {
    "llm": Operation.MODEL_CALL,
    "embedding": Operation.EMBEDDING,
    "tool": Operation.TOOL_CALL,
    "agent": Operation.AGENT,
    "retriever": Operation.RETRIEVAL,
}
_SCOPES: Final = "openinference.instrumentation."
# BeeAI's events become spans, several for one call; these stand for the call, the others are the agent's state.
_BEEAI_SCOPE: Final = "openinference.instrumentation.beeai"
_BEEAI_PHASES: Final = {
    Operation.MODEL_CALL: frozenset({"start"}),
    Operation.EMBEDDING: frozenset({"start"}),
    Operation.TOOL_CALL: frozenset({"success", "error"}),
}
# All state an input that includes the cache, except these versions (up to which), which pass on the provider's (§21.2).
_RAW_UP_TO: Final = {
    "openinference.instrumentation.bedrock": (0, 1, 45),
    "openinference.instrumentation.claude_agent_sdk": (0, 1, 10),
}
_INPUTS: Final = FlatForm(
    "llm.input_messages.{}.message", "tool_calls.{}.tool_call", "function.", "contents.{}.message_content"
)
_OUTPUTS: Final = _INPUTS._replace(message="llm.output_messages.{}.message")


class OpenInference:
    """Spans with `openinference.span.kind`."""

    id = "openinference"
    markers = Markers(frozenset({KIND}), scopes=(_SCOPES,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the span states its kind in this dialect, or has lost it on the way."""
        return KIND in record.attributes or record.scope_name.startswith(_SCOPES)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        operation = _operation(record)
        standard = _NAMES.standard(attributes)
        if operation is Operation.MODEL_CALL:
            standard |= _model_call(attributes)
        elif operation is Operation.TOOL_CALL:
            standard[semconv.TOOL_ARGUMENTS] = read_literal(standard.get(semconv.TOOL_ARGUMENTS))
            result = standard[semconv.TOOL_RESULT] = unwrap_result(standard.get(semconv.TOOL_RESULT))
            standard.setdefault(semconv.TOOL_CALL_ID, call_id_in(result))
            if semconv.TOOL_NAME not in standard:
                standard[semconv.TOOL_NAME] = _tool_name(record)
        elif operation is Operation.RETRIEVAL:
            standard[RETRIEVAL_QUERY] = attributes.get(INPUT)
        return read_genai(
            record._replace(attributes=standard), self.id, operation=operation, by_dialect=_cache_verdict(record)
        )


def _operation(record: SpanRecord) -> Operation:
    attributes, name = record.attributes, record.name
    kind = attributes.get(KIND)
    if not isinstance(kind, str):
        return _operation_by_output(attributes.get(OUTPUT))
    operation = _OPERATIONS.get(kind.lower(), Operation.CONTAINER)
    if operation is Operation.TOOL_CALL and name.startswith("handoff to "):
        return Operation.CONTAINER  # OpenAI Agents: one agent hands over to the next, no tool runs
    if record.scope_name == _BEEAI_SCOPE and operation is not Operation.CONTAINER:
        phase = name.rpartition(".")[2].rpartition("-")[0]
        return operation if phase in _BEEAI_PHASES.get(operation, ()) or "." not in name else Operation.CONTAINER
    return operation


def _operation_by_output(output: object) -> Operation:
    """What a span was whose kind got lost, as in exports that keep the contents only: LangChain's outputs tell."""
    answer = read_structure(output).value
    if isinstance(answer, Mapping) and "generations" in answer:
        return Operation.MODEL_CALL
    return Operation.CONTAINER if tool_message(answer) is None else Operation.TOOL_CALL


def _tool_name(record: SpanRecord) -> str:
    """Of a tool span that does not state it."""
    if record.scope_name == _BEEAI_SCOPE:
        return record.name.rpartition(".")[0].rpartition(".")[2]  # `tool.search.wikipedia.success-12`
    message = None if KIND in record.attributes else tool_message(read_structure(record.attributes.get(OUTPUT)).value)
    return record.name if message is None else read_text(message.get("name")) or record.name


def _cache_verdict(record: SpanRecord) -> CacheVerdict:
    raw_up_to = _RAW_UP_TO.get(record.scope_name)
    if raw_up_to is None:
        return CacheVerdict.INCLUSIVE
    version = tuple(int(part) if part.isdecimal() else 0 for part in record.scope_version[:40].split(".")[:3])
    return CacheVerdict.EXCLUSIVE if version and version <= raw_up_to else CacheVerdict.INCLUSIVE


def _model_call(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a model call says in flattened lists and in the recorded response."""
    facts: dict[str, Any] = {}
    for name, form in ((INPUT_MESSAGES, _INPUTS), (OUTPUT_MESSAGES, _OUTPUTS)):
        messages = last_messages(attributes, form)
        if messages:
            facts[name] = messages
    tools = _tool_schemas(attributes)
    if tools:
        facts[semconv.TOOL_DEFINITIONS] = f"[{','.join(tools)}]"
    response_id = find_response_id(attributes.get(OUTPUT))
    if response_id is not None:
        facts[semconv.RESPONSE_ID] = response_id
    return facts


def _tool_schemas(attributes: Mapping[str, Any]) -> list[str]:
    schemas: list[str] = []
    while isinstance(schema := attributes.get(f"llm.tools.{len(schemas)}.tool.json_schema"), str):
        schemas.append(schema)
    return schemas

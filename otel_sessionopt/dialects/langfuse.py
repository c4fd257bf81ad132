"""Langfuse SDK: `langfuse.observation.*`, with usage as a JSON mapping of freely named, disjoint parts.

Source: genai-conventions §17, §20.1, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.langchain import call_id_in, tool_message, unwrap_arguments, unwrap_result
from otel_sessionopt.dialects.otel_genai import RETRIEVAL_QUERY, read_genai
from otel_sessionopt.dialects.recorded_messages import model_messages
from otel_sessionopt.dialects.renaming import COST, Renaming, name_broken_usage
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_count, read_structure, read_text
from otel_sessionopt.ingest.span_record import SpanRecord

KIND: Final = "langfuse.observation.type"
INPUT: Final = "langfuse.observation.input"
OUTPUT: Final = "langfuse.observation.output"
USAGE: Final = "langfuse.observation.usage_details"
_SCOPE: Final = "langfuse-sdk"
_NAMES: Final = Renaming(
    {
        semconv.RESPONSE_MODEL: ("langfuse.observation.model.name",),
        semconv.CONVERSATION_ID: ("session.id", "langfuse.session.id"),
        semconv.TOOL_ARGUMENTS: (semconv.TOOL_ARGUMENTS, INPUT),
        semconv.TOOL_RESULT: (semconv.TOOL_RESULT, OUTPUT),
    }
)
_OPERATIONS: Final = {
    "generation": Operation.MODEL_CALL,
    "embedding": Operation.EMBEDDING,
    "tool": Operation.TOOL_CALL,
    "agent": Operation.AGENT,
    "retriever": Operation.RETRIEVAL,
    "event": Operation.OTHER,
}
_INPUT_NAMES: Final = ("input", "input_tokens", "prompt_tokens", "promptTokens")
_OUTPUT_NAMES: Final = ("output", "output_tokens", "completion_tokens", "completionTokens")
_TOTAL_NAMES: Final = ("total", "total_tokens", "totalTokens")
_WHOLES: Final = frozenset((*_INPUT_NAMES, *_OUTPUT_NAMES, *_TOTAL_NAMES))
# A tool's result is looked at only so far, to tell a step of a graph from the tool that it runs.
_MAX_MESSAGE_CHARS: Final = 100_000


class Langfuse:
    """Spans of Langfuse's SDKs."""

    id = "langfuse"
    markers = Markers(frozenset({KIND}), scopes=(_SCOPE,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the span states its type in this dialect, or comes from the SDK and is nobody else's."""
        return KIND in record.attributes or (
            record.scope_name == _SCOPE and semconv.OPERATION_NAME not in record.attributes
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
            standard.setdefault(semconv.TOOL_NAME, record.name)
        elif operation is Operation.RETRIEVAL:
            standard[RETRIEVAL_QUERY] = unwrap_arguments(attributes.get(INPUT))
        else:
            standard |= _usage(attributes)
        if operation is Operation.MODEL_CALL:
            standard |= model_messages(attributes.get(INPUT), attributes.get(OUTPUT))
        digest = read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=operation,
            by_dialect=CacheVerdict.INCLUSIVE,  # `_usage` has put the parts together
            stated_error=_level_error(record),
        )
        if operation is Operation.AGENT and digest.agent is None:
            digest = digest._replace(agent=read_text(record.name))
        return name_broken_usage(digest, attributes, (USAGE,))


def _operation(attributes: Mapping[str, Any]) -> Operation:
    kind = attributes.get(KIND)
    operation = _OPERATIONS.get(kind.lower(), Operation.CONTAINER) if isinstance(kind, str) else Operation.CONTAINER
    if operation is Operation.CONTAINER and _answers_a_call(attributes.get(OUTPUT)):
        return Operation.TOOL_CALL  # LangChain's callback handler until it knew more types than spans and generations
    return operation


def _answers_a_call(output: object) -> bool:
    """Whether the output is the message that answers a tool call, and nothing around it."""
    if not isinstance(output, str) or len(output) > _MAX_MESSAGE_CHARS or '"tool_call_id"' not in output:
        return False
    return tool_message(read_structure(output).value) is not None


def _level_error(record: SpanRecord) -> str | None:
    is_error = record.attributes.get("langfuse.observation.level") == "ERROR"
    return "error" if is_error and not (record.is_error or record.events) else None


def _usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Usage with the parts put into the whole input and output, as the OTel names mean them.

    The parts are meant to be disjoint, which SDK integrations do not always obey: where the stated total is input and
    output alone, these contain the parts.
    """
    facts: dict[str, Any] = {}
    cost = read_structure(attributes.get("langfuse.observation.cost_details")).value
    if isinstance(cost, Mapping) and cost.get("total") is not None:
        facts[COST] = cost["total"]
    usage = read_structure(attributes.get(USAGE)).value
    if not isinstance(usage, Mapping):
        return facts
    given = _first_count(usage, _INPUT_NAMES)
    output = _first_count(usage, _OUTPUT_NAMES)
    if given is None and output is None:
        return facts
    total = _first_count(usage, _TOTAL_NAMES)
    read = write = reasoning = other_input = other_output = 0
    has_reasoning = False
    for key, value in usage.items():
        count = read_count(value)
        if count is None or key in _WHOLES:
            continue
        name = str(key).lower()
        if "cache" in name and ("creat" in name or "write" in name):
            write += count
        elif "cache" in name:
            read += count
        elif "reasoning" in name or "thought" in name:
            reasoning, has_reasoning = reasoning + count, True
        elif name.startswith(("output", "completion")):
            other_output += count
        else:
            other_input += count
    is_inclusive = total == (given or 0) + (output or 0)
    facts[semconv.CACHE_READ_TOKENS] = read
    facts[semconv.CACHE_WRITE_TOKENS] = write
    facts[semconv.INPUT_TOKENS] = (given or 0) + (0 if is_inclusive else read + write + other_input)
    facts[semconv.OUTPUT_TOKENS] = (output or 0) + (0 if is_inclusive else reasoning + other_output)
    if has_reasoning:
        facts[semconv.REASONING_TOKENS] = reasoning
    return facts


def _first_count(usage: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((count for name in names if (count := read_count(usage.get(name))) is not None), None)

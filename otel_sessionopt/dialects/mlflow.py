"""MLflow: every attribute value is JSON text, the usage one mapping.

Source: genai-conventions §16, §20.1, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.otel_genai import RETRIEVAL_QUERY, read_genai
from otel_sessionopt.dialects.recorded_messages import model_messages
from otel_sessionopt.dialects.renaming import COST, TOTAL_TOKENS, Renaming, name_broken_usage
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_structure, read_text
from otel_sessionopt.ingest.span_record import SpanRecord

KIND: Final = "mlflow.spanType"
USAGE: Final = "mlflow.chat.tokenUsage"
_OUTPUTS: Final = "mlflow.spanOutputs"
_INPUTS: Final = "mlflow.spanInputs"
_NAMES: Final = Renaming(
    {
        semconv.REQUEST_MODEL: ("mlflow.llm.model", semconv.REQUEST_MODEL),
        semconv.PROVIDER_NAME: ("mlflow.llm.provider", semconv.PROVIDER_NAME),
        semconv.CONVERSATION_ID: ("mlflow.trace.session", "session.id"),
        semconv.TOOL_ARGUMENTS: (semconv.TOOL_ARGUMENTS, _INPUTS),
        semconv.TOOL_RESULT: (semconv.TOOL_RESULT, _OUTPUTS),
        semconv.TOOL_DEFINITIONS: (semconv.TOOL_DEFINITIONS, "mlflow.chat.tools"),
    }
)
# Of short texts: JSON strings in the JSON that every value is.
_TEXTS: Final = (semconv.REQUEST_MODEL, semconv.PROVIDER_NAME, semconv.CONVERSATION_ID)
_USAGE_KEYS: Final = {
    semconv.INPUT_TOKENS: "input_tokens",
    semconv.OUTPUT_TOKENS: "output_tokens",
    TOTAL_TOKENS: "total_tokens",
    semconv.CACHE_READ_TOKENS: "cache_read_input_tokens",
    semconv.CACHE_WRITE_TOKENS: "cache_creation_input_tokens",
    semconv.CACHE_WRITE_1H_TOKENS: "cache_creation_input_tokens_above_1hr",
}
_OPERATIONS: Final = {
    "LLM": Operation.MODEL_CALL,
    "CHAT_MODEL": Operation.MODEL_CALL,
    "EMBEDDING": Operation.EMBEDDING,
    "TOOL": Operation.TOOL_CALL,
    "AGENT": Operation.AGENT,
    "RETRIEVER": Operation.RETRIEVAL,
    "PARSER": Operation.OTHER,
    "MEMORY": Operation.OTHER,
}


class MlFlow:
    """Spans with `mlflow.spanType`."""

    id = "mlflow"
    markers = Markers(frozenset({KIND}))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the span states its type in this dialect."""
        return KIND in record.attributes

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        kind = read_structure(attributes[KIND]).value
        operation = _OPERATIONS.get(kind.upper(), Operation.CONTAINER) if isinstance(kind, str) else Operation.CONTAINER
        standard = _NAMES.standard(attributes)
        for name in _TEXTS:
            if name in standard:
                standard[name] = read_structure(standard[name]).value
        if operation is Operation.TOOL_CALL:
            standard.setdefault(semconv.TOOL_NAME, record.name)
        elif operation is Operation.RETRIEVAL:
            inputs = read_structure(attributes.get(_INPUTS)).value
            standard[RETRIEVAL_QUERY] = inputs.get("query") if isinstance(inputs, Mapping) else inputs
        else:
            standard |= _usage(attributes)
        if operation is Operation.MODEL_CALL:
            standard |= model_messages(attributes.get(_INPUTS), attributes.get(_OUTPUTS))
        digest = read_genai(
            record._replace(attributes=standard), self.id, operation=operation, by_dialect=CacheVerdict.INCLUSIVE
        )
        if operation is Operation.AGENT and digest.agent is None:
            digest = digest._replace(agent=read_text(record.name))
        return name_broken_usage(digest, attributes, (USAGE,))


def _usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    usage = read_structure(attributes.get(USAGE)).value
    if isinstance(usage, Mapping):
        facts = {name: usage[key] for name, key in _USAGE_KEYS.items() if usage.get(key) is not None}
    cost = read_structure(attributes.get("mlflow.llm.cost")).value
    if isinstance(cost, Mapping) and cost.get("total_cost") is not None:
        facts[COST] = cost["total_cost"]
    return facts

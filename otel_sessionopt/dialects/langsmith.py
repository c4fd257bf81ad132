"""LangSmith's OTel spans of LangChain and LangGraph runs, Python and JavaScript.

Source: genai-conventions §15, §20.1, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.langchain import call_id_in, unwrap_arguments, unwrap_result
from otel_sessionopt.dialects.otel_genai import RETRIEVAL_QUERY, read_genai
from otel_sessionopt.dialects.recorded_messages import model_messages
from otel_sessionopt.dialects.renaming import Renaming, name_broken_usage
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_structure
from otel_sessionopt.ingest.span_record import SpanRecord

KIND: Final = "langsmith.span.kind"
RUN_NAME: Final = "langsmith.trace.name"
PROMPT: Final = "gen_ai.prompt"
COMPLETION: Final = "gen_ai.completion"
_INPUT_DETAILS: Final = "gen_ai.usage.input_token_details"
_OUTPUT_DETAILS: Final = "gen_ai.usage.output_token_details"
_USAGE: Final = "langsmith.usage_metadata"
# Not `langsmith.trace.session_id`: that is the project.
_NAMES: Final = Renaming(
    {
        semconv.REQUEST_MODEL: (semconv.REQUEST_MODEL, "langsmith.metadata.ls_model_name"),
        semconv.PROVIDER_NAME: (semconv.PROVIDER_NAME, "langsmith.metadata.ls_provider", "gen_ai.system"),
        semconv.CONVERSATION_ID: (
            "langsmith.metadata.session_id",
            "langsmith.metadata.thread_id",
            "langsmith.metadata.conversation_id",
        ),
        semconv.TOOL_NAME: (semconv.TOOL_NAME, RUN_NAME),
        semconv.TOOL_ARGUMENTS: (semconv.TOOL_ARGUMENTS, PROMPT),
        semconv.TOOL_RESULT: (semconv.TOOL_RESULT, COMPLETION),
    }
)
# Usage may be copied to a chain whose outputs contain it: only what is called `llm` is a call.
_OPERATIONS: Final = {
    "llm": Operation.MODEL_CALL,
    "tool": Operation.TOOL_CALL,
    "retriever": Operation.RETRIEVAL,
    "embedding": Operation.EMBEDDING,
    "prompt": Operation.OTHER,
    "parser": Operation.OTHER,
}
# OTel name → where it stands in LangChain's `usage_metadata`.
_DETAIL_KEYS: Final = {
    semconv.CACHE_READ_TOKENS: ("input_token_details", "cache_read"),
    semconv.CACHE_WRITE_TOKENS: ("input_token_details", "cache_creation"),
    semconv.REASONING_TOKENS: ("output_token_details", "reasoning"),
}


class LangSmith:
    """Spans with `langsmith.span.kind`."""

    id = "langsmith"
    markers = Markers(frozenset({KIND, RUN_NAME}))

    def matches(self, record: SpanRecord) -> bool:
        """Whether LangSmith says what kind of run the span is, or its name."""
        return not self.markers.attributes.isdisjoint(record.attributes)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        kind = attributes.get(KIND)
        operation = _OPERATIONS.get(kind.lower(), Operation.CONTAINER) if isinstance(kind, str) else None
        standard = _NAMES.standard(attributes)
        if operation is Operation.TOOL_CALL:
            standard[semconv.TOOL_ARGUMENTS] = unwrap_arguments(standard.get(semconv.TOOL_ARGUMENTS))
            result = standard[semconv.TOOL_RESULT] = unwrap_result(standard.get(semconv.TOOL_RESULT))
            standard.setdefault(semconv.TOOL_CALL_ID, call_id_in(result))
            standard.setdefault(semconv.TOOL_NAME, record.name)
        else:
            standard.pop(semconv.TOOL_NAME, None)  # the run's name, which is no tool's here
            if operation is Operation.RETRIEVAL:
                standard[RETRIEVAL_QUERY] = unwrap_arguments(attributes.get(PROMPT))
            elif operation in (Operation.MODEL_CALL, Operation.EMBEDDING):
                standard |= model_messages(attributes.get(PROMPT), attributes.get(COMPLETION))
                _read_usage(attributes, standard)
        digest = read_genai(
            record._replace(attributes=standard), self.id, operation=operation, by_dialect=CacheVerdict.INCLUSIVE
        )
        return name_broken_usage(digest, attributes, (_USAGE, _INPUT_DETAILS, _OUTPUT_DETAILS))


def _read_usage(attributes: Mapping[str, Any], standard: dict[str, Any]) -> None:
    """Numbers in JSON: the details of the input and the output, and in JavaScript all of them."""
    usage = read_structure(attributes.get(_USAGE)).value
    stated: dict[str, Any] = dict(usage) if isinstance(usage, Mapping) else {}
    for key, name in (("input_token_details", _INPUT_DETAILS), ("output_token_details", _OUTPUT_DETAILS)):
        details = read_structure(attributes.get(name)).value
        if isinstance(details, Mapping):
            stated[key] = details
    for name, (holder, key) in _DETAIL_KEYS.items():
        details = stated.get(holder)
        if isinstance(details, Mapping) and details.get(key) is not None:
            standard.setdefault(name, details[key])
    for name, key in ((semconv.INPUT_TOKENS, "input_tokens"), (semconv.OUTPUT_TOKENS, "output_tokens")):
        if stated.get(key) is not None:
            standard.setdefault(name, stated[key])

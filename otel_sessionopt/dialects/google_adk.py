"""Google ADK: OTel names with the contents in `gcp.vertex.agent.*`; a model call is written by two spans.

Source: genai-conventions §12, §20.1, §21.2, §22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.message_history import INPUT_MESSAGES, OUTPUT_MESSAGES
from otel_sessionopt.dialects.otel_genai import OPERATIONS, read_genai
from otel_sessionopt.dialects.renaming import Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_structure, read_text
from otel_sessionopt.ingest.span_record import SpanRecord

SCOPE: Final = "gcp.vertex.agent"
RESPONSE: Final = "gcp.vertex.agent.tool_response"
# A summary of calls that have spans of their own.
MERGED: Final = "(merged tools)"
_NAMES: Final = Renaming(
    {
        semconv.TOOL_ARGUMENTS: (semconv.TOOL_ARGUMENTS, "gcp.vertex.agent.tool_call_args"),
        semconv.TOOL_RESULT: (semconv.TOOL_RESULT, RESPONSE),
        INPUT_MESSAGES: (INPUT_MESSAGES, "gcp.vertex.agent.llm_request"),
        OUTPUT_MESSAGES: (OUTPUT_MESSAGES, "gcp.vertex.agent.llm_response"),
        semconv.CONVERSATION_ID: (semconv.CONVERSATION_ID, "gcp.vertex.agent.session_id"),
    }
)
_MARKERS: Final = frozenset(
    {
        "gcp.vertex.agent.invocation_id",
        "gcp.vertex.agent.session_id",
        "gcp.vertex.agent.event_id",
        "gcp.vertex.agent.llm_request",
        "gcp.vertex.agent.tool_call_args",
        RESPONSE,
    }
)


class GoogleAdk:
    """Spans of ADK's own tracer."""

    id = "google-adk"
    markers = Markers(_MARKERS, scopes=(SCOPE,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether scope or attributes are ADK's."""
        return record.scope_name == SCOPE or not _MARKERS.isdisjoint(record.attributes)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        standard = _NAMES.standard(record.attributes)
        operation = _operation(record)
        digest = read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=operation,
            by_dialect=CacheVerdict.INCLUSIVE,
            stated_error=_response_error(record) if operation is Operation.TOOL_CALL else None,
        )
        if operation is Operation.AGENT and digest.agent is None:
            return digest._replace(agent=read_text(record.name.partition(" ")[2].strip("[]")))
        return digest


def _operation(record: SpanRecord) -> Operation:
    attributes, name = record.attributes, record.name
    if name == "call_llm":
        return Operation.MODEL_CALL
    if attributes.get(semconv.TOOL_NAME) == MERGED or name.endswith("(merged)"):
        return Operation.OTHER
    stated = attributes.get(semconv.OPERATION_NAME)
    if isinstance(stated, str) and stated in OPERATIONS:
        return OPERATIONS[stated]
    first = name.partition(" ")[0]
    if first == "agent_run":
        return Operation.AGENT
    return OPERATIONS.get(first, Operation.CONTAINER)


def _response_error(record: SpanRecord) -> str | None:
    """A tool hands its failure back as `{"error": …}`, and the span stays as if nothing was."""
    if record.is_error or semconv.ERROR_TYPE in record.attributes:
        return None
    response = read_structure(record.attributes.get(RESPONSE)).value
    return "tool_error" if isinstance(response, Mapping) and response.get("error") else None

"""AgentOps: OpenLLMetry's older names with kinds and entities of its own.

Source: genai-conventions §18, §21.2.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.langchain import call_id_in, unwrap_arguments, unwrap_result
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.renaming import Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_text
from otel_sessionopt.ingest.span_record import SpanRecord

KIND: Final = "agentops.span.kind"
ENTITY_NAME: Final = "agentops.entity.name"
_NAMES: Final = Renaming(
    {
        semconv.TOOL_NAME: (semconv.TOOL_NAME, "tool.name", ENTITY_NAME),
        semconv.TOOL_CALL_ID: (semconv.TOOL_CALL_ID, "tool.id"),
        semconv.TOOL_ARGUMENTS: (semconv.TOOL_ARGUMENTS, "tool.parameters", "agentops.entity.input"),
        semconv.TOOL_RESULT: (semconv.TOOL_RESULT, "tool.result", "agentops.entity.output"),
        semconv.AGENT_NAME: (semconv.AGENT_NAME, "agent.name"),
    }
)
_OPERATIONS: Final = {
    "llm": Operation.MODEL_CALL,
    "tool": Operation.TOOL_CALL,
    "agent": Operation.AGENT,
    "text": Operation.OTHER,
    "http": Operation.OTHER,
}


class AgentOps:
    """Spans with `agentops.span.kind`."""

    id = "agentops"
    markers = Markers(frozenset({KIND}))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the span states its kind in this dialect."""
        return KIND in record.attributes

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        kind = attributes[KIND]
        operation = _OPERATIONS.get(kind.lower(), Operation.CONTAINER) if isinstance(kind, str) else None
        standard = _NAMES.standard(attributes)
        if operation is Operation.TOOL_CALL:
            standard[semconv.TOOL_ARGUMENTS] = unwrap_arguments(standard.get(semconv.TOOL_ARGUMENTS))
            result = standard[semconv.TOOL_RESULT] = unwrap_result(standard.get(semconv.TOOL_RESULT))
            standard.setdefault(semconv.TOOL_CALL_ID, call_id_in(result))
            standard.setdefault(semconv.TOOL_NAME, record.name)
        digest = read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=operation,
            by_dialect=CacheVerdict.UNKNOWN,
            stated_error="tool_error" if attributes.get("tool.status") in ("error", "failed") else None,
        )
        if operation is Operation.AGENT and digest.agent is None:
            digest = digest._replace(agent=read_text(attributes.get(ENTITY_NAME)))
        return digest

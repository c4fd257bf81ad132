"""CrewAI's own telemetry: which tool was used, without tokens and arguments. More comes from instrumentations of it.

Source: genai-conventions §18.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.ingest.span_record import SpanRecord

_SCOPE: Final = "crewai.telemetry"
_TOOL_SPANS: Final = frozenset({"Tool Usage", "Tool Repeated Usage", "Tool Usage Error"})


class CrewAi:
    """Spans of CrewAI's own tracer."""

    id = "crewai"
    markers = Markers(frozenset({"crewai_version"}), scopes=(_SCOPE,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope is CrewAI's, or the span states CrewAI's version."""
        return record.scope_name == _SCOPE or "crewai_version" in record.attributes

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says: only tool spans say anything."""
        attributes = record.attributes
        is_tool = record.name in _TOOL_SPANS
        return read_genai(
            record._replace(attributes={semconv.TOOL_NAME: attributes.get("tool_name")} if is_tool else {}),
            self.id,
            operation=Operation.TOOL_CALL if is_tool else Operation.CONTAINER,
            stated_error="tool_error" if record.name == "Tool Usage Error" and not record.is_error else None,
        )

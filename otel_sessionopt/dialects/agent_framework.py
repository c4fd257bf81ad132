"""Microsoft Agent Framework: OTel names with the provider's own figures; workflows and their messages around them.

Source: genai-conventions §18, §20.1, §21.2.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.ingest.span_record import SpanRecord

SCOPE: Final = "agent_framework"
_WORKFLOW: Final = ("workflow.", "executor.", "edge_group.", "message.")


class AgentFramework:
    """Spans of Agent Framework's tracer."""

    id = "agent-framework"
    markers = Markers(scopes=(SCOPE,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope is Agent Framework's."""
        return record.scope_name.startswith(SCOPE)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        is_workflow = semconv.OPERATION_NAME not in record.attributes and record.name.startswith(_WORKFLOW)
        operation = Operation.CONTAINER if is_workflow else None
        return read_genai(record, self.id, operation=operation, by_dialect=CacheVerdict.UNKNOWN)

"""AWS Strands: OTel names with the contents in span events, in the form of Bedrock's messages.

Source: genai-conventions §13, §20, §21.2, §22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.otel_genai import OPERATIONS, SYSTEM, read_genai
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.ingest.span_record import SpanRecord

PROVIDER: Final = "strands-agents"
_CYCLE: Final = frozenset({"event_loop.cycle_id", "event_loop.parent_cycle_id"})
_CONTAINERS: Final = frozenset({Operation.AGENT, Operation.CONTAINER})


class Strands:
    """Spans of Strands' tracer, recognised by the name that it puts where the provider belongs."""

    id = "strands"
    markers = Markers(_CYCLE, scopes=("strands.telemetry",), providers=frozenset({PROVIDER}))

    def matches(self, record: SpanRecord) -> bool:
        """Whether Strands says that it wrote the span."""
        attributes = record.attributes
        return (
            attributes.get(SYSTEM) == PROVIDER
            or attributes.get(semconv.PROVIDER_NAME) == PROVIDER
            or record.scope_name.startswith("strands.telemetry")
            or not _CYCLE.isdisjoint(attributes)
        )

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        operation = _operation(record)
        attributes = {**record.attributes, **_event_facts(record, operation)}
        digest = read_genai(
            record._replace(attributes=attributes),
            self.id,
            operation=operation,
            # The total is the provider's own: it tells whether the input includes the cache (it does since 1.62).
            by_dialect=CacheVerdict.UNKNOWN,
            has_provider_total=True,
            stated_error=_tool_error(attributes) if operation is Operation.TOOL_CALL else None,
        )
        # Totals of the life of the agent, which earlier invocations are part of: nothing can be concluded from them.
        return digest._replace(model=None) if operation in _CONTAINERS else digest


def _operation(record: SpanRecord) -> Operation:
    stated = record.attributes.get(semconv.OPERATION_NAME)
    if isinstance(stated, str) and stated in OPERATIONS:
        return OPERATIONS[stated]
    return OPERATIONS.get(record.name.partition(" ")[0], Operation.CONTAINER)


def _tool_error(attributes: Mapping[str, Any]) -> str | None:
    is_failed = attributes.get("gen_ai.tool.status") == "error" and semconv.ERROR_TYPE not in attributes
    return "tool_error" if is_failed else None


def _event_facts(record: SpanRecord, operation: Operation) -> dict[str, Any]:
    """Arguments and result of a tool call, where no attribute has them; messages of a model call are read as such."""
    facts: dict[str, Any] = {}
    if operation is not Operation.TOOL_CALL:
        return facts
    for event in record.events:
        given = event.attributes
        if event.name == "gen_ai.tool.message":
            facts[semconv.TOOL_ARGUMENTS] = given.get("content")
            facts.setdefault(semconv.TOOL_CALL_ID, given.get("id"))
        elif event.name == "gen_ai.choice":
            facts[semconv.TOOL_RESULT] = given.get("message")
    return {name: value for name, value in facts.items() if value is not None and name not in record.attributes}

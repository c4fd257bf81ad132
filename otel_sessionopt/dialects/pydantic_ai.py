"""Pydantic AI (and Logfire's spans of it), instrumentation versions 1 to 6: OTel names, and older ones for tools.

Source: genai-conventions §11, §20.1, §21.2.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.message_history import INPUT_MESSAGES
from otel_sessionopt.dialects.otel_genai import OPERATIONS, read_genai
from otel_sessionopt.dialects.renaming import COST, Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.ingest.span_record import SpanRecord

SCOPE: Final = "pydantic-ai"
_NAMES: Final = Renaming(
    {
        COST: ("operation.cost",),
        INPUT_MESSAGES: (INPUT_MESSAGES, "events"),
        semconv.AGENT_NAME: (semconv.AGENT_NAME, "agent_name"),
        semconv.REQUEST_MODEL: (semconv.REQUEST_MODEL, "model_name"),
        semconv.TOOL_ARGUMENTS: (semconv.TOOL_ARGUMENTS, "tool_arguments"),
        semconv.TOOL_RESULT: (semconv.TOOL_RESULT, "tool_response"),
        semconv.CACHE_WRITE_TOKENS: (
            semconv.CACHE_WRITE_TOKENS,
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.details.cache_write_tokens",
        ),
    }
)
_AGENT_SIGNS: Final = frozenset({"agent_name", "all_messages_events", "pydantic_ai.all_messages", "final_result"})


class PydanticAi:
    """Spans of Pydantic AI's own tracer."""

    id = "pydantic-ai"
    markers = Markers(scopes=(SCOPE,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope is Pydantic AI's."""
        return record.scope_name.startswith(SCOPE)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        standard = _NAMES.standard(record.attributes)
        failed = "pydantic_ai.tool.failure_stage" in record.attributes
        return read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=_operation(record),
            by_dialect=CacheVerdict.INCLUSIVE,
            stated_error="tool_error" if failed and not record.is_error else None,
        )


def _operation(record: SpanRecord) -> Operation:
    stated = record.attributes.get(semconv.OPERATION_NAME)
    if isinstance(stated, str) and stated in OPERATIONS:
        return OPERATIONS[stated]
    name = record.name
    if name.startswith(("running tool: ", "execute_tool ")) or name == "running tool":
        return Operation.TOOL_CALL
    if name.startswith("running ") and name.endswith((" tools", " tool")):
        return Operation.CONTAINER  # around the calls of one answer
    if not _AGENT_SIGNS.isdisjoint(record.attributes):
        return Operation.AGENT
    return Operation.MODEL_CALL if name.startswith("chat ") else Operation.CONTAINER

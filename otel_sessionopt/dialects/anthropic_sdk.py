"""Spans that the Anthropic SDK and the Claude API write themselves: OTel names with some facts under others.

Source: genai-conventions §8.6, §20.1, §21.2.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.otel_genai import OPERATIONS, read_genai
from otel_sessionopt.dialects.renaming import Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_count
from otel_sessionopt.ingest.span_record import SpanRecord

_SCOPES: Final = ("com.anthropic.sdk.", "com.anthropic.claude-platform")
_NAMES: Final = Renaming(
    {
        semconv.FINISH_REASONS: ("anthropic.message.stop_reason", semconv.FINISH_REASONS),
        semconv.TOOL_RESULT: (semconv.TOOL_RESULT, "anthropic.tool_result.content"),
        semconv.CONVERSATION_ID: (semconv.CONVERSATION_ID, "anthropic.session.id"),
    }
)
# Tokens of a compaction inside the call, which the call's own numbers leave out.
_COMPACTION: Final = {
    semconv.INPUT_TOKENS: "anthropic.usage.compaction.input_tokens",
    semconv.OUTPUT_TOKENS: "anthropic.usage.compaction.output_tokens",
}


class AnthropicSdk:
    """Spans of the SDK (client side) and of the API (server side)."""

    id = "anthropic-sdk"
    markers = Markers(scopes=_SCOPES)

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope is Anthropic's."""
        return record.scope_name.startswith(_SCOPES)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        stated = attributes.get(semconv.OPERATION_NAME)
        standard = _NAMES.standard(attributes)
        for name, extra in _COMPACTION.items():
            more, given = read_count(attributes.get(extra)), read_count(standard.get(name))
            if more and given is not None:
                standard[name] = given + more
        return read_genai(
            record._replace(attributes=standard),
            self.id,
            # Every other method of the API has a span as well: counting tokens bills none.
            operation=OPERATIONS.get(stated, Operation.CONTAINER) if isinstance(stated, str) else Operation.OTHER,
            by_dialect=CacheVerdict.INCLUSIVE,
        )

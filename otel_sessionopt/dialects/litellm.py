"""LiteLLM's own spans: one for the request, and inside it a raw one of what went over the wire.

Source: genai-conventions §18, §20.1, §21.2.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.openllmetry import REQUEST_TYPE
from otel_sessionopt.dialects.otel_genai import OPERATIONS, SYSTEM, read_genai
from otel_sessionopt.dialects.renaming import TOTAL_TOKENS, Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.ingest.span_record import SpanRecord

SCOPE: Final = "litellm"
_RAW: Final = "raw_gen_ai_request"
_PROXY: Final = ("Received Proxy Server Request", "Failed Proxy Server Request")
_NAMES: Final = Renaming(
    {
        TOTAL_TOKENS: ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        semconv.CONVERSATION_ID: (semconv.CONVERSATION_ID, "metadata.session_id"),
    }
)
# Either name can be replaced by the caller's own, but only the request says which model it asks.
_REQUEST_SIGNS: Final = frozenset({semconv.REQUEST_MODEL, SYSTEM, semconv.PROVIDER_NAME})


class LiteLlm:
    """Spans of LiteLLM's tracer."""

    id = "litellm"
    markers = Markers(scopes=(SCOPE,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope is LiteLLM's."""
        return record.scope_name == SCOPE

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        standard = _NAMES.standard(record.attributes)
        return read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=_operation(record),
            by_dialect=CacheVerdict.INCLUSIVE,
        )


def _operation(record: SpanRecord) -> Operation:
    attributes = record.attributes
    if record.name == _RAW or _REQUEST_SIGNS.isdisjoint(attributes):
        return Operation.OTHER
    if record.name.startswith(_PROXY):
        return Operation.CONTAINER
    stated = attributes.get(semconv.OPERATION_NAME)
    if isinstance(stated, str) and stated in OPERATIONS:
        return OPERATIONS[stated]
    is_embedding = attributes.get(REQUEST_TYPE) in ("embedding", "aembedding")
    return Operation.EMBEDDING if is_embedding else Operation.MODEL_CALL

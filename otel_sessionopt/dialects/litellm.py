"""LiteLLM's own spans: one for the request, and inside it a raw one of what went over the wire.

Source: genai-conventions §18, §20.1, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.literals import read_literal
from otel_sessionopt.dialects.openllmetry import REQUEST_TYPE
from otel_sessionopt.dialects.otel_genai import OPERATIONS, SYSTEM, read_genai
from otel_sessionopt.dialects.renaming import COST, TOTAL_TOKENS, Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_structure
from otel_sessionopt.ingest.span_record import SpanRecord

SCOPE: Final = "litellm"
_RAW: Final = "raw_gen_ai_request"
_PROXY: Final = ("Received Proxy Server Request", "Failed Proxy Server Request")
_NAMES: Final = Renaming(
    {
        TOTAL_TOKENS: ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        semconv.CONVERSATION_ID: (semconv.CONVERSATION_ID, "metadata.session_id"),
        COST: ("gen_ai.cost.total_cost", COST),
    }
)
# The provider's usage as LiteLLM keeps it, with what has no attribute of its own: OTel name → where it stands.
_USAGE: Final = "metadata.usage_object"
_USAGE_KEYS: Final = {
    semconv.CACHE_READ_TOKENS: (("prompt_tokens_details", "cached_tokens"), ("cache_read_input_tokens",)),
    semconv.CACHE_WRITE_TOKENS: (
        ("prompt_tokens_details", "cache_creation_tokens"),
        ("cache_creation_input_tokens",),
    ),
    semconv.REASONING_TOKENS: (("completion_tokens_details", "reasoning_tokens"),),
}
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
        operation = _operation(record)
        if operation is Operation.MODEL_CALL:
            standard = {**_details(record.attributes.get(_USAGE)), **standard}
        return read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=operation,
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


def _details(value: object) -> dict[str, Any]:
    """Cached and reasoning tokens out of the usage object, which is text in Python's notation or in JSON."""
    usage = read_structure(read_literal(value)).value
    facts: dict[str, Any] = {}
    for name, places in _USAGE_KEYS.items():
        for place in places:
            count = usage
            for key in place:
                count = count.get(key) if isinstance(count, Mapping) else None
            if count:  # LiteLLM writes 0 where the provider says nothing
                facts.setdefault(name, count)
    return facts

"""All dialects, in the order in which a span is offered to them."""

from __future__ import annotations

from typing import Final

from otel_sessionopt.dialects.base import Dialect
from otel_sessionopt.dialects.otel_genai import OtelGenAi
from otel_sessionopt.dialects.plain import Plain
from otel_sessionopt.dialects.sessionopt import SessionOpt
from otel_sessionopt.ingest.span_record import SpanRecord

# Order matters: the first that matches reads the span. Our own attributes stand beside OTel names and say more, so
# they come first. Dialects of single products use `gen_ai.*` names too, with meanings of their own: they go between the
# two, so that OTel GenAI gets what nobody else claims (§2).
DIALECTS: Final[tuple[Dialect, ...]] = (SessionOpt(), OtelGenAi())
PLAIN: Final[Dialect] = Plain()

_ATTRIBUTES: Final = frozenset().union(*(dialect.markers.attributes for dialect in DIALECTS))
_SCOPES: Final = tuple(scope for dialect in DIALECTS for scope in dialect.markers.scopes)
_NAMES: Final = tuple(name for dialect in DIALECTS for name in dialect.markers.names)


def find_dialect(record: SpanRecord) -> Dialect:
    """The dialect that a span is written in; `PLAIN` for ordinary spans."""
    # Most spans of a traced program are ordinary: three cheap tests keep them away from all the dialects.
    if (
        not _ATTRIBUTES.isdisjoint(record.attributes)
        or record.scope_name.startswith(_SCOPES)
        or record.name.startswith(_NAMES)
    ):
        for dialect in DIALECTS:
            if dialect.matches(record):
                return dialect
    return PLAIN

"""Ordinary spans: databases, HTTP, our own reports. They keep the tree together and say nothing about tokens."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from otel_sessionopt.dialects.base import Markers, read_error, root_detail
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.values import read_text
from otel_sessionopt.ingest.span_record import SpanRecord

UNKNOWN_DIALECT: Final = "unknown-dialect"
"""Warning: the span speaks of model calls, in no convention that is known."""

# Beginnings of attribute names of agent telemetry, and the names that nearly everyone gives to token counts.
_TELLING: Final = re.compile(
    r"(?:gen_?ai|llm|traceloop|langfuse|langsmith|mlflow|openinference|genkit|lmnr|lk|flue|agentops|coding_agent)[.:]"
    r"|.*(?:prompt|completion|input|output)_?tokens?(?:_?count)?$"
    r"|.*tokens?_?counts?(?:$|[._])",
    re.IGNORECASE | re.DOTALL,
)


class Plain:
    """The last dialect: matches every span."""

    id = "plain"
    markers = Markers()

    def matches(self, record: SpanRecord) -> bool:  # noqa: ARG002 - part of the protocol
        """Always."""
        return True

    def read(self, record: SpanRecord) -> SpanDigest:
        """Its place in the tree and its error."""
        return SpanDigest(
            record.span_id,
            record.parent_span_id,
            read_text(record.name) or "",
            record.start_ns,
            record.end_ns,
            Operation.OTHER,
            self.id,
            # Asked only when there may be one: this runs for every ordinary span.
            read_error(record) if record.is_error or record.events or "error.type" in record.attributes else None,
            detail=root_detail(record) if record.parent_span_id is None else None,
            warnings=(UNKNOWN_DIALECT,) if any(map(_tells_of_models, record.attributes)) else (),
        )


@lru_cache(maxsize=4096)  # a program has hundreds of attribute names; the bound is for hostile input
def _tells_of_models(name: str) -> bool:
    return _TELLING.match(name) is not None

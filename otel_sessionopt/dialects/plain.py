"""Ordinary spans: databases, HTTP, our own reports. They keep the tree together and say nothing about tokens."""

from __future__ import annotations

from otel_sessionopt.dialects.base import Markers, read_error, root_detail
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.values import read_text
from otel_sessionopt.ingest.span_record import SpanRecord


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
        )

"""Span records for tests, with realistic defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_sessionopt.ingest.span_record import SpanEventRecord, SpanRecord

START_NS = 1_760_000_000_000_000_000


def record(
    name: str,
    attributes: Mapping[str, Any],
    *,
    kind: int = 1,
    is_error: bool = False,
    events: Sequence[SpanEventRecord] = (),
    parent: int | None = 7,
    scope: str = "agent",
    resource: Mapping[str, Any] | None = None,
    dropped: int = 0,
) -> SpanRecord:
    """A span of one second."""
    return SpanRecord(
        trace_id=1,
        span_id=8,
        parent_span_id=parent,
        name=name,
        start_ns=START_NS,
        end_ns=START_NS + 1_000_000_000,
        attributes=attributes,
        kind=kind,
        is_error=is_error,
        events=events,
        resource=resource or {},
        scope_name=scope,
        dropped_attributes=dropped,
    )


def exception(error_type: str) -> SpanEventRecord:
    """The event of an exception."""
    return SpanEventRecord(START_NS, "exception", {"exception.type": error_type, "exception.message": "secret"})

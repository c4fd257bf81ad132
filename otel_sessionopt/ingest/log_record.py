"""`LogRecord`: one immutable log record, from whatever source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from otel_sessionopt.ingest.span_record import EMPTY_ATTRIBUTES, SpanRecord

EVENT_NAME: Final = "event.name"  # attribute that held the name before log records had a field for it


class LogRecord(NamedTuple):
    """One log record, as its source gave it; nothing interpreted yet.

    Attributes:
        trace_id, span_id: what it was written in; 0 outside of any span.
        time_ns: when it happened, or else was seen, in nanoseconds since the epoch; 0 when not told.
        event_name: the record's own, else the attribute `event.name`; empty when it has none.
        body: as OTLP allows values.
        attributes, resource: as in `SpanRecord`; shared with the source, nobody may change them.
    """

    trace_id: int
    span_id: int
    time_ns: int
    event_name: str = ""
    body: Any = None
    attributes: Mapping[str, Any] = EMPTY_ATTRIBUTES
    resource: Mapping[str, Any] = EMPTY_ATTRIBUTES
    scope_name: str = ""
    scope_version: str = ""
    dropped_attributes: int = 0


Record = SpanRecord | LogRecord
"""What readers give: records of the signals that are read, in the order in which they stand in the input."""


def event_name_of(stated: str, attributes: Mapping[str, Any]) -> str:
    """The event's name from its field or, from senders older than that, its attribute."""
    if stated:
        return stated
    name = attributes.get(EVENT_NAME)
    return name if isinstance(name, str) else ""

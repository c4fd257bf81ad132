"""One log record of OTLP/JSON, as `json` decodes it, to a `LogRecord`. As tolerant as the reader of spans."""

from __future__ import annotations

from typing import Any

from otel_sessionopt.ingest.json_span import json_attributes, json_id, json_integer, json_text, json_time, json_value
from otel_sessionopt.ingest.log_record import LogRecord, event_name_of
from otel_sessionopt.ingest.malformed import Malformed
from otel_sessionopt.ingest.scope import Scope
from otel_sessionopt.ingest.span_record import EMPTY_ATTRIBUTES


def log_from_json(log: Any, scope: Scope) -> LogRecord:
    """One log record. Raises `Malformed` where a value is of the wrong type."""
    if type(log) is not dict:
        raise Malformed("it is not an object")
    get = log.get
    items = get("attributes")
    attributes = json_attributes(items) if items else EMPTY_ATTRIBUTES
    trace_id = get("traceId") or get("trace_id")
    span_id = get("spanId") or get("span_id")
    time_ns = json_time(get("timeUnixNano") or get("time_unix_nano") or 0, "timeUnixNano")
    seen = get("observedTimeUnixNano") or get("observed_time_unix_nano") or 0
    dropped = get("droppedAttributesCount") or get("dropped_attributes_count")
    return LogRecord(
        json_id(trace_id, 16, "traceId") if trace_id else 0,
        json_id(span_id, 8, "spanId") if span_id else 0,
        time_ns or json_time(seen, "observedTimeUnixNano"),
        event_name_of(json_text(log, "eventName") or json_text(log, "event_name"), attributes),
        json_value(get("body")),
        attributes,
        scope.resource,
        scope.name,
        scope.version,
        json_integer(dropped) if dropped else 0,
    )

"""OTLP protobuf to records of spans and logs: `TracesData`, `LogsData` and export requests are alike on the wire.

The levels are walked on the wire, field 1 → field 2 → field 2, and spans and log records are parsed one by one.

Source: opentelemetry-proto, `opentelemetry/proto/{trace/v1/trace,logs/v1/logs}.proto`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from sys import maxsize
from typing import Any, Final, NamedTuple, TypeVar

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # its stubs are a package of their own
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_sessionopt.ingest.byte_stream import MAX_PIECE_BYTES, ByteStream
from otel_sessionopt.ingest.log_record import LogRecord as Log
from otel_sessionopt.ingest.log_record import Record, event_name_of
from otel_sessionopt.ingest.malformed import CutOff, Malformed
from otel_sessionopt.ingest.protobuf_wire import varint
from otel_sessionopt.ingest.scope import Scope
from otel_sessionopt.ingest.span_record import SpanEventRecord, SpanRecord

_RESOURCE_SPANS: Final = 1
_RESOURCE: Final = 1
_SCOPE_SPANS: Final = (2, 1000)  # 1000: `instrumentation_library_spans`, until 2022
_SCOPE: Final = 1
_SPAN: Final = 2
_ERROR_CODE: Final = 2
_REMOTE_FLAGS: Final = 0x300  # bit 8: it is known whether the parent is remote, bit 9: it is
_VARINT: Final = 0
_LENGTH_DELIMITED: Final = 2
_FIXED_SIZES: Final = {1: 8, 5: 4}
_MAX_FIELD_HEAD: Final = 20  # two varints

_CUT_OFF: Final = "the message is cut off here"

# A log record starts with a time or a severity, a span with the bytes of its trace id.
_LOG_STARTS: Final = (b"\x09", b"\x59", b"\x10")

_M = TypeVar("_M", Resource, InstrumentationScope)

Report = Callable[[int, str], None]
"""Told the offset and the reason of what cannot be read."""


class _Field(NamedTuple):
    """One field of a message: its number, where its content starts and how long it is."""

    number: int
    is_bytes: bool
    start: int
    end: int


def records_from_message(stream: ByteStream, report: Report, end: int = maxsize) -> Iterator[Record]:
    """Spans and log records of the message that goes on to offset `end`, or to the end of the stream.

    Metrics, which are built alike, are passed over. Raises `CutOff` where the stream ends within a field.
    """
    for field in _fields(stream, end, report):
        if field.number == _RESOURCE_SPANS and field.is_bytes:
            yield from _resource_spans(stream, field.end, report)


def records_from_request(request: ExportTraceServiceRequest, report: Callable[[str], None]) -> Iterator[SpanRecord]:
    """Spans of a parsed request. Those without valid ids are told to `report` and left out."""
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = Scope(resource, scope_spans.scope.name, scope_spans.scope.version)
            for span in scope_spans.spans:
                try:
                    yield record_from_span(span, scope)
                except Malformed as malformed:
                    report(f"span left out: {malformed}")


def logs_from_request(request: ExportLogsServiceRequest) -> Iterator[Log]:
    """Log records of a parsed request. All can be read: ids that are none count as absent."""
    for resource_logs in request.resource_logs:
        resource = _attributes(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            scope = Scope(resource, scope_logs.scope.name, scope_logs.scope.version)
            for log in scope_logs.log_records:
                yield record_from_log(log, scope)


def record_from_span(span: Span, scope: Scope) -> SpanRecord:
    """One parsed span. Raises `Malformed` where it has no valid ids."""
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or len(span_id) != 8 or len(parent) not in (0, 8):
        raise Malformed("its ids are not 16 and 8 bytes")
    trace_number, span_number = int.from_bytes(trace_id, "big"), int.from_bytes(span_id, "big")
    if not trace_number or not span_number:
        raise Malformed(f"its {'span_id' if trace_number else 'trace_id'} is zero")
    status = span.status
    return SpanRecord(
        trace_number,
        span_number,
        int.from_bytes(parent, "big") or None,
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _attributes(span.attributes),
        span.kind if 0 <= span.kind <= 5 else 0,
        status.code == _ERROR_CODE,
        status.message,
        tuple(
            [SpanEventRecord(event.time_unix_nano, event.name, _attributes(event.attributes)) for event in span.events]
        ),
        scope.resource,
        scope.name,
        scope.version,
        span.flags & _REMOTE_FLAGS == _REMOTE_FLAGS,
        span.dropped_attributes_count,
    )


def _resource_spans(stream: ByteStream, end: int, report: Report) -> Iterator[Record]:
    scope = Scope()
    for field in _fields(stream, end, report):
        if field.number == _RESOURCE and field.is_bytes:
            resource = _parse(stream, field, Resource, report)
            scope = Scope(_attributes(resource.attributes))
        elif field.number in _SCOPE_SPANS and field.is_bytes:
            yield from _scope_spans(stream, field.end, scope, report)


def _scope_spans(stream: ByteStream, end: int, scope: Scope, report: Report) -> Iterator[Record]:
    for field in _fields(stream, end, report):
        if field.number == _SCOPE and field.is_bytes:
            parsed = _parse(stream, field, InstrumentationScope, report)
            scope = scope._replace(name=parsed.name, version=parsed.version)
        elif field.number == _SPAN and field.is_bytes:
            record = _record(_content(stream, field, report), scope, partial(report, field.start))
            if record is not None:
                yield record


def _record(content: bytes, scope: Scope, report: Callable[[str], None]) -> Record | None:
    """The span or the log record in these bytes; `None`, and reported, where they are neither nor a metric."""
    if content.startswith(_LOG_STARTS):
        log = _log(content, scope)
        if log is not None:
            return log
    try:
        return record_from_span(Span.FromString(content), scope)
    except DecodeError:
        reason = "it is not a protobuf span"
    except Malformed as malformed:
        reason = str(malformed)
    log = _log(content, scope)
    if log is None and content and not _is_metric(content):
        report(f"span left out: {reason}")
    return log


def record_from_log(log: LogRecord, scope: Scope) -> Log:
    """One parsed log record. Ids of another length than they should have are none."""
    attributes = _attributes(log.attributes)
    return Log(
        int.from_bytes(log.trace_id, "big") if len(log.trace_id) == 16 else 0,
        int.from_bytes(log.span_id, "big") if len(log.span_id) == 8 else 0,
        log.time_unix_nano or log.observed_time_unix_nano,
        event_name_of(log.event_name, attributes),
        _any_value(log.body),
        attributes,
        scope.resource,
        scope.name,
        scope.version,
        log.dropped_attributes_count,
    )


def _log(content: bytes, scope: Scope) -> Log | None:
    try:
        log = LogRecord.FromString(content)
    except DecodeError:
        return None
    return record_from_log(log, scope) if log.time_unix_nano or log.observed_time_unix_nano else None


def _fields(stream: ByteStream, end: int, report: Report) -> Iterator[_Field]:
    """Fields up to offset `end`; what the caller leaves of one is passed over.

    Where the wire format is broken the rest of this message is passed over, so that the one around it can go on.
    """
    while stream.offset < end:
        start = stream.offset
        head = stream.peek(_MAX_FIELD_HEAD)
        if not head and end == maxsize:
            return
        try:
            field = _field(head, start, end)
        except CutOff:
            raise
        except Malformed as malformed:
            report(start, str(malformed))
            stream.skip(end - start)
            return
        stream.skip(field.start - start)
        yield field
        left = field.end - stream.offset
        if left > 0 and stream.skip(left) < left:
            raise CutOff(_CUT_OFF)


def _field(head: bytes, offset: int, end: int) -> _Field:
    """The field that starts with `head` at an offset of a message that goes on to `end`."""
    tag, at = varint(head, 0)
    wire_type = tag & 7
    if wire_type == _LENGTH_DELIMITED:
        length, at = varint(head, at)
    elif wire_type == _VARINT:
        length = varint(head, at)[1] - at
    elif wire_type in _FIXED_SIZES:
        length = _FIXED_SIZES[wire_type]
    else:
        raise Malformed("not protobuf: a field of unknown wire type")
    start = offset + at
    if not tag >> 3 or start + length > end:
        raise Malformed("not protobuf: a field is longer than its message, or has no number")
    return _Field(tag >> 3, wire_type == _LENGTH_DELIMITED, start, start + length)


def _content(stream: ByteStream, field: _Field, report: Report) -> bytes:
    """The bytes of a field; empty, and reported, where there are more than may be held."""
    size = field.end - field.start
    if size > MAX_PIECE_BYTES:
        report(field.start, f"left out: a single span or resource is longer than {MAX_PIECE_BYTES:,} bytes")
        return b""
    content = stream.read(size)
    if len(content) < size:
        raise CutOff(_CUT_OFF)
    return content


def _parse(stream: ByteStream, field: _Field, message: type[_M], report: Report) -> _M:
    """The field as a message; an empty one, and reported, where it is none."""
    try:
        return message.FromString(_content(stream, field, report))  # type: ignore[no-any-return]  # as above
    except DecodeError:
        report(field.start, "left out: a resource or scope that is not protobuf")
        return message()


def _attributes(items: Iterable[KeyValue]) -> dict[str, Any]:
    attributes = {}
    for item in items:
        value = item.value
        # The usual kinds are tried first: asking for the kind costs as much as three values.
        attributes[item.key] = value.string_value or value.int_value or _any_value(value)
    return attributes


def _any_value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_any_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind)


def _is_metric(content: bytes) -> bool:
    """Whether what is no span is a metric: `MetricsData` nests in the same way."""
    try:
        return Metric.FromString(content).WhichOneof("data") is not None
    except DecodeError:
        return False

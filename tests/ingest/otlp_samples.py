"""The same few spans in every form that a file can have, encoded by the SDK and by the protobuf library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.span_record import SpanRecord

ATTRIBUTES: dict[str, Any] = {
    "gen_ai.operation.name": "execute_tool",
    "empty": "",
    "count": 2**62,
    "negative": -7,
    "ratio": 0.25,
    "flag": True,
    "no": False,
    "names": ("a", "b"),
    "raw": b"\x00\xff",
    "text": 'größer \U0001f600 "quoted" \\ud83d',
}


def sdk_spans(traces: int = 2) -> list[ReadableSpan]:
    """Spans of so many traces, each a root with one failed child that has an event, as the SDK ends them."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "sample"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("sample.scope", "1.2")
    for number in range(traces):
        with (
            tracer.start_as_current_span(f"invoke_agent {number}", attributes={"gen_ai.agent.name": "coder"}),
            tracer.start_as_current_span("execute_tool Read", kind=SpanKind.CLIENT, attributes=ATTRIBUTES) as child,
        ):
            child.add_event("retry", {"attempt": 2})
            child.set_status(StatusCode.ERROR, "gone")
    provider.shutdown()
    return list(memory.get_finished_spans())


def message(spans: Sequence[ReadableSpan]) -> TracesData:
    """Them as one message, by the SDK's own encoder."""
    data = TracesData()
    data.ParseFromString(encode_spans(spans).SerializeToString())
    return data


def framed(messages: Sequence[bytes]) -> bytes:
    """Messages with their length before them, as the Collector's file exporter writes them."""
    return b"".join(len(data).to_bytes(4, "big") + data for data in messages)


def json_document(data: TracesData) -> dict[str, Any]:
    """A message as OTLP/JSON: hex ids, numbers of enums, 64-bit integers as text."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource_spans.resource.attributes)},
                "scopeSpans": [
                    {
                        "scope": {"name": scope_spans.scope.name, "version": scope_spans.scope.version},
                        "spans": [_span(span) for span in scope_spans.spans],
                    }
                    for scope_spans in resource_spans.scope_spans
                ],
            }
            for resource_spans in data.resource_spans
        ]
    }


def json_line(data: TracesData) -> bytes:
    return json.dumps(json_document(data)).encode() + b"\n"


class Errors(list[InputError]):
    """Collects what `on_error` is told."""

    def __call__(self, error: InputError) -> None:
        self.append(error)

    @property
    def positions(self) -> list[str]:
        return [error.position for error in self]


def by_id(records: Sequence[SpanRecord]) -> dict[tuple[int, int], SpanRecord]:
    return {(record.trace_id, record.span_id): record for record in records}


def _span(span: Any) -> dict[str, Any]:
    document = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
        "attributes": _attributes(span.attributes),
        "events": [
            {
                "timeUnixNano": str(event.time_unix_nano),
                "name": event.name,
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ],
        "status": {"code": span.status.code, "message": span.status.message} if span.status.code else {},
    }
    if span.parent_span_id:
        document["parentSpanId"] = span.parent_span_id.hex()
    return document


def _attributes(items: Any) -> list[dict[str, Any]]:
    return [{"key": item.key, "value": _value(item.value)} for item in items]


def _value(value: Any) -> dict[str, Any]:
    import base64

    kind = value.WhichOneof("value")
    if kind is None:
        return {}
    if kind == "int_value":
        return {"intValue": str(value.int_value)}
    if kind == "bytes_value":
        return {"bytesValue": base64.b64encode(value.bytes_value).decode()}
    if kind == "array_value":
        return {"arrayValue": {"values": [_value(item) for item in value.array_value.values]}}
    if kind == "kvlist_value":
        return {"kvlistValue": {"values": _attributes(value.kvlist_value.values)}}
    camel = {"string_value": "stringValue", "bool_value": "boolValue", "double_value": "doubleValue"}[kind]
    return {camel: getattr(value, kind)}

"""Hold mode: the spans of each trace, kept until its analysis, and sent once with the findings on them."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format  # type: ignore[import-untyped]  # its stubs are a package of their own
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from otel_sessionopt.writeback.attributes import HAS_FINDINGS, RULE_PREFIX, evaluation_attributes, root_attributes
from otel_sessionopt.writeback.span_events import WrittenEvent, finding_event, report_events

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from otel_sessionopt.report import OptimizationReport

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""A large trace goes out in several requests of about this size: many receivers take no more."""
_FAST: Final = 1
_MAX_DEPTH: Final = 90
"""Of what a span says: protobuf reads messages up to 100 deep, and a span is three deep in its request."""
_ID_KEYS: Final = ("traceId", "spanId", "parentSpanId")


def split_by_trace(request: ExportTraceServiceRequest) -> dict[int, bytes]:
    """The spans of each trace as a request of their own, compressed."""
    parts: dict[int, ExportTraceServiceRequest] = {}
    for resource_spans in request.resource_spans:
        of_resource: dict[int, Any] = {}
        for scope_spans in resource_spans.scope_spans:
            of_scope: dict[int, Any] = {}
            for span in scope_spans.spans:
                trace_id = int.from_bytes(span.trace_id, "big")
                if trace_id not in of_scope:
                    if trace_id not in of_resource:
                        target = parts.setdefault(trace_id, ExportTraceServiceRequest()).resource_spans.add()
                        target.resource.CopyFrom(resource_spans.resource)
                        target.schema_url = resource_spans.schema_url
                        of_resource[trace_id] = target
                    added = of_resource[trace_id].scope_spans.add()
                    added.scope.CopyFrom(scope_spans.scope)
                    added.schema_url = scope_spans.schema_url
                    of_scope[trace_id] = added
                of_scope[trace_id].spans.append(span)
    return {trace_id: zlib.compress(part.SerializeToString(), _FAST) for trace_id, part in parts.items()}


def request_from_json(document: Mapping[str, Any]) -> ExportTraceServiceRequest:
    """An OTLP/JSON document as a message. Its ids are hex, where protobuf's own JSON has base64.

    Each part is read by itself: a span that is not as OTLP has it is left out, and takes no other with it.
    """
    request = ExportTraceServiceRequest()
    for resource_spans in _objects(document, "resourceSpans"):
        target = request.resource_spans.add(schema_url=str(resource_spans.get("schemaUrl") or ""))
        _fill(target.resource, resource_spans.get("resource"))
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            added = target.scope_spans.add(schema_url=str(scope_spans.get("schemaUrl") or ""))
            _fill(added.scope, scope_spans.get("scope"))
            for span in _objects(scope_spans, "spans"):
                if not _fill(added.spans.add(), span):
                    del added.spans[-1]
    return request


def _objects(holder: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    members = holder.get(name)
    yield from (each for each in members if isinstance(each, dict)) if isinstance(members, list) else ()


def _fill(message: Any, content: Any) -> bool:
    """Read JSON into a message; false, and the message is as it was made, where it cannot be."""
    try:
        content = _with_base64_ids(content or {})
        json_format.ParseDict(content, message, ignore_unknown_fields=True, max_recursion_depth=_MAX_DEPTH)
    except (json_format.ParseError, AttributeError, RecursionError, TypeError, ValueError):
        message.Clear()
        return False
    return True


def annotated_requests(
    held: Sequence[bytes], report: OptimizationReport | None, root_id: int, max_findings: int
) -> tuple[bytes, ...]:
    """The spans that were held, each once, with the findings: on the root all of them, on each cause its own.

    Args:
        held: what `split_by_trace` gave for one trace.
        report: `None` = the spans go out as they came.
        root_id: which span the report goes onto.
        max_findings: on one span, worst first.
    """
    # Requests one after the other are one request: fields of messages add up.
    request = ExportTraceServiceRequest.FromString(b"".join(zlib.decompress(body) for body in held))
    seen: set[bytes] = set()
    for _, _, spans in _span_lists(request):
        _drop_known(spans, seen)
        if report is not None:
            for span in spans:
                _annotate(span, report, root_id, max_findings)
    return tuple(_in_pieces(request))


def _drop_known(spans: Any, seen: set[bytes]) -> None:
    """Leave out spans that were seen byte for byte: they were delivered twice."""
    kept = []
    for span in spans:
        content = span.SerializeToString()
        if content not in seen:
            seen.add(content)
            kept.append(span)
    if len(kept) < len(spans):
        del spans[:]
        spans.extend(kept)


def _annotate(span: Span, report: OptimizationReport, root_id: int, max_findings: int) -> None:
    span_id = span.span_id.hex()
    events: list[WrittenEvent] = []
    attributes: dict[str, Any] = {}
    if int(span_id or "0", 16) == root_id:
        attributes = {**evaluation_attributes(report), **root_attributes(report)}
        events = report_events(report, max_findings, span.start_time_unix_nano, span.end_time_unix_nano)
    else:
        caused = [issue for issue in report.issues if issue.events_involved and issue.events_involved[-1] == span_id]
        if caused:
            attributes = {HAS_FINDINGS: True, **{RULE_PREFIX + issue.code: True for issue in caused}}
            events = [finding_event(issue, span.end_time_unix_nano) for issue in caused[:max_findings]]
    known = {attribute.key for attribute in span.attributes}
    span.attributes.extend(key_value(key, value) for key, value in attributes.items() if key not in known)
    for event in events:
        added = span.events.add(name=event.name, time_unix_nano=event.time_ns)
        added.attributes.extend(key_value(key, value) for key, value in event.attributes.items())


def key_value(key: str, value: Any) -> KeyValue:
    """An attribute of ours: text, a flag, a number, or a sequence of texts."""
    return KeyValue(key=key, value=_any_value(value))


def _any_value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(array_value=ArrayValue(values=[_any_value(item) for item in value]))


def _span_lists(request: ExportTraceServiceRequest) -> Iterator[tuple[Any, Any, Any]]:
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            yield resource_spans, scope_spans, scope_spans.spans


def _in_pieces(request: ExportTraceServiceRequest) -> Iterator[bytes]:
    piece = ExportTraceServiceRequest()
    size = 0
    for resource_spans, scope_spans, spans in _span_lists(request):
        target: Any = None
        for span in spans:
            if target is None or size > MAX_REQUEST_BYTES:
                if size > MAX_REQUEST_BYTES:
                    yield bytes(piece.SerializeToString())
                    piece, size = ExportTraceServiceRequest(), 0
                resource = piece.resource_spans.add(schema_url=resource_spans.schema_url)
                resource.resource.CopyFrom(resource_spans.resource)
                target = resource.scope_spans.add(schema_url=scope_spans.schema_url)
                target.scope.CopyFrom(scope_spans.scope)
            target.spans.append(span)
            size += span.ByteSize()
    if size:
        yield bytes(piece.SerializeToString())


def _with_base64_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _base64_id(content) if key in _ID_KEYS and isinstance(content, str) else _with_base64_ids(content)
            for key, content in value.items()
        }
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    return value


def _base64_id(content: str) -> str:
    try:
        return b64encode(bytes.fromhex(content)).decode()
    except ValueError:
        return ""  # no id; the sender was told

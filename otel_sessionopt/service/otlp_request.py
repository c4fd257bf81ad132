"""What a body must be to be taken as OTLP, and what is answered. Used by both receivers.

Source: opentelemetry-proto, `docs/specification.md` ("OTLP/HTTP", "OTLP/gRPC").
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # its stubs are a package of their own
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # as above
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from otel_sessionopt.service.request_log import Form, Request, Signal

CONTENT_TYPES: Final = {Form.PROTOBUF: "application/x-protobuf", Form.JSON: "application/json"}
RETRY_SECONDS: Final = 1
"""What senders that must wait are told; their own back-off grows from there."""

# Codes of google.rpc.Code.
INVALID_ARGUMENT: Final = 3
PERMISSION_DENIED: Final = 7
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
UNAVAILABLE: Final = 14
UNAUTHENTICATED: Final = 16

LARGE_BYTES: Final = 4 * 1024 * 1024
"""A request beyond is checked off the event loop, and one at a time."""
_MOST_PARTS: Final = 4_000_000
"""Objects and arrays in JSON, lists of spans in protobuf. 64 MiB of spans in JSON have 3,600,000 where each attribute
has 36 bytes, which is as short as they get; so many take about 1 GB in memory."""
_LEAST_SPAN_BYTES: Final = 28  # its two ids

_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)
_GZIP: Final = 16 + zlib.MAX_WBITS
_RESOURCES: Final = {Signal.TRACES: "resourceSpans", Signal.LOGS: "resourceLogs"}
_BAD_IDS: Final = "spans without a valid trace id and span id are not analysed"


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A request that is not taken, and how that is answered in both protocols."""

    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @property
    def may_retry(self) -> bool:
        """The sender should try again."""
        return self.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)


class Accepted(NamedTuple):
    """A request that is well-formed: how many spans or log records it has, and how many of them are of no use."""

    items: int
    rejected: int


def bad_request(message: str) -> Refusal:
    """What is sent is no OTLP: trying again is useless."""
    return Refusal(HTTPStatus.BAD_REQUEST, INVALID_ARGUMENT, message)


def too_large(limit: int) -> Refusal:
    """More than may be sent at a time."""
    message = f"the request has more than {limit:,} bytes; send smaller batches"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, RESOURCE_EXHAUSTED, message)


def too_many() -> Refusal:
    """Parts that are next to nothing each, and more of them than any sender has."""
    message = f"the request has more than {_MOST_PARTS:,} parts; send smaller batches"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, RESOURCE_EXHAUSTED, message)


def unavailable(message: str) -> Refusal:
    """Not now."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE, message)


def check_request(request: Request, max_bytes: int, one_at_a_time: AbstractContextManager[object]) -> Accepted:
    """Whether the body is what it says. Raises `Refusal` where it is not, or where it has more bytes than allowed.

    A few kilobytes of gzip can be a large request, and one of many small parts takes up to thirty times its size in
    memory: those beyond `LARGE_BYTES` are checked while `one_at_a_time` is held.
    """
    usual = min(LARGE_BYTES, max_bytes)
    content = _inflated(request.body, usual) if request.is_gzip else request.body
    if content is not None and len(content) <= usual:
        return _check(request, content)
    with one_at_a_time:
        content = inflate(request.body, max_bytes) if request.is_gzip else request.body
        if len(content) > max_bytes:
            raise too_large(max_bytes)
        return _check(request, content)


def inflate(body: bytes, max_bytes: int) -> bytes:
    """Undo gzip, up to a size. Raises `Refusal`."""
    content = _inflated(body, max_bytes)
    if content is None:
        raise too_large(max_bytes)
    return content


def _inflated(body: bytes, max_bytes: int) -> bytes | None:
    """`None` for more than `max_bytes`. Raises `Refusal` where it is no gzip."""
    parts: list[bytes] = []
    size = 0
    rest = body
    while rest:
        decompressor = zlib.decompressobj(_GZIP)
        try:
            part = decompressor.decompress(rest, max_bytes - size + 1)
        except zlib.error:
            raise bad_request("the body is not gzip") from None
        size += len(part)
        if size > max_bytes:
            return None
        if not decompressor.eof:
            raise bad_request("the gzip data is cut off")
        parts.append(part)
        rest = decompressor.unused_data.lstrip(b"\0")  # padding between members
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check(request: Request, content: bytes) -> Accepted:
    if request.form is Form.JSON:
        return _check_json(json_document(content), request.signal)
    try:
        if request.signal is Signal.TRACES:
            return _count_spans(ExportTraceServiceRequest.FromString(content), len(content))
        return _count_logs(ExportLogsServiceRequest.FromString(content))
    except DecodeError:
        raise bad_request("the body is not an OTLP request in protobuf") from None


def json_document(content: bytes) -> Any:
    """The JSON value of a body; an empty body is an empty request. Raises `Refusal`."""
    if not content.strip():
        return {}
    if content.count(b"{") + content.count(b"[") > _MOST_PARTS:
        raise too_many()
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise bad_request("the body is not JSON") from None


def answer(signal: Signal, form: Form, accepted: Accepted) -> bytes:
    """The body of a success, whole or partial."""
    if form is Form.JSON:
        if not accepted.rejected:
            return b"{}"
        name = "rejectedSpans" if signal is Signal.TRACES else "rejectedLogRecords"
        partial = {name: str(accepted.rejected), "errorMessage": _BAD_IDS}
        return json.dumps({"partialSuccess": partial}).encode()
    response: Any
    if signal is Signal.TRACES:
        response = ExportTraceServiceResponse()
        if accepted.rejected:
            partial_traces = ExportTracePartialSuccess(rejected_spans=accepted.rejected, error_message=_BAD_IDS)
            response.partial_success.CopyFrom(partial_traces)
    else:
        response = ExportLogsServiceResponse()
        if accepted.rejected:
            response.partial_success.CopyFrom(ExportLogsPartialSuccess(rejected_log_records=accepted.rejected))
    return bytes(response.SerializeToString())


def refusal_body(form: Form, refusal: Refusal) -> bytes:
    """The body of a failure: google.rpc.Status in the form of the request."""
    if form is Form.JSON:
        return json.dumps({"code": refusal.code, "message": refusal.message}).encode()
    return bytes(Status(code=refusal.code, message=refusal.message).SerializeToString())


def received_now(signal: Signal, form: Form, body: bytes, *, is_gzip: bool) -> Request:
    """The request that came just now."""
    return Request(signal, form, is_gzip, time.time_ns(), body)


def _count_spans(message: ExportTraceServiceRequest, size: int) -> Accepted:
    items = rejected = 0
    lists = len(message.resource_spans)
    for resource_spans in message.resource_spans if lists <= _MOST_PARTS else ():
        lists += len(resource_spans.scope_spans)
        if lists > _MOST_PARTS:
            break
        for scope_spans in resource_spans.scope_spans:
            spans = scope_spans.spans
            items += len(spans)
            if items * _LEAST_SPAN_BYTES > size + _MOST_PARTS:
                raise too_many()
            for span in spans:
                trace_id, span_id = span.trace_id, span.span_id
                if len(trace_id) != 16 or len(span_id) != 8 or trace_id == _NO_TRACE or span_id == _NO_SPAN:
                    rejected += 1
    if lists > _MOST_PARTS:
        raise too_many()
    return Accepted(items, rejected)


def _count_logs(message: ExportLogsServiceRequest) -> Accepted:
    scopes = (scope for resource in message.resource_logs for scope in resource.scope_logs)
    return Accepted(sum(len(scope.log_records) for scope in scopes), 0)


def _check_json(document: Any, signal: Signal) -> Accepted:
    if not isinstance(document, dict):
        raise bad_request("the body is not a JSON object")
    scopes_name, items_name = ("scopeSpans", "spans") if signal is Signal.TRACES else ("scopeLogs", "logRecords")
    items = rejected = 0
    for resource in _members(document, _RESOURCES[signal]):
        for scope in _members(resource, scopes_name):
            for item in _members(scope, items_name):
                items += 1
                if signal is Signal.TRACES and not (_is_id(item, "traceId", 32) and _is_id(item, "spanId", 16)):
                    rejected += 1
    return Accepted(items, rejected)


def _members(holder: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    members = holder.get(name)
    if members is None:
        return
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise bad_request(f"`{name}` is not an array of objects")
    yield from members


def _is_id(item: dict[str, Any], name: str, digits: int) -> bool:
    value = item.get(name)
    if not isinstance(value, str) or len(value) != digits:
        return False
    try:
        return any(bytes.fromhex(value))
    except ValueError:
        return False

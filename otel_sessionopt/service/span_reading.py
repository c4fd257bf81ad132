"""From logged requests to packed digests by trace."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_sessionopt import semconv
from otel_sessionopt.dialects.genai_logs import MessageLogs, is_message_log
from otel_sessionopt.dialects.logs import read_log
from otel_sessionopt.ingest.log_record import LogRecord
from otel_sessionopt.ingest.otlp_json import records_from_document
from otel_sessionopt.ingest.otlp_protobuf import logs_from_request, records_from_request
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.span_ids import trace_id_of
from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.processor_packing import pack_digest
from otel_sessionopt.service.held_traces import request_from_json, split_by_trace
from otel_sessionopt.service.otlp_request import inflate
from otel_sessionopt.service.request_log import Form, Request, Signal
from otel_sessionopt.service.trace_store import Arrived

if TYPE_CHECKING:
    from otel_sessionopt.dialects.digest import SpanDigest

_log = logging.getLogger(__name__)

NS_PER_S: Final = 1_000_000_000
_MAX_CONTENT_BYTES: Final = 1 << 31  # the receiver has checked it against its limit


def digests_of(requests: Iterable[Request], *, holds_spans: bool = False) -> dict[int, Arrived]:
    """What requests say, by trace id; with `holds_spans` the spans themselves, too.

    Requests that are no OTLP were answered with an error before: they are not among these. A log record belongs to
    the trace that it names, one that names none to a trace of its session's own.

    Spans that this package itself wrote are passed over, so that findings that come back make no new session.
    """
    arrived: defaultdict[int, Arrived] = defaultdict(Arrived)
    messages = MessageLogs()
    for request in requests:
        try:
            _read(request, arrived, messages, holds_spans=holds_spans)
        except Exception as error:  # noqa: BLE001 - or the reader would stumble over the same request for ever
            _log.error(
                "a request of %d bytes cannot be read and is left out: %s", len(request.body), type(error).__name__
            )
    return arrived


def _read(request: Request, arrived: defaultdict[int, Arrived], messages: MessageLogs, *, holds_spans: bool) -> None:
    received_s = request.received_ns / NS_PER_S
    if holds_spans and request.signal is Signal.TRACES:
        for trace_id, body in split_by_trace(message_of(request)).items():
            _part(arrived, trace_id, received_s).held.append(body)
    for record in records_of(request):
        if isinstance(record, LogRecord):
            _add_log(arrived, record, messages, received_s)
            continue
        if record.name == semconv.REPORT_SPAN and record.scope_name == semconv.SCOPE_NAME:
            continue
        part = _part(arrived, record.trace_id, received_s)
        digest = Pipeline.digest(record)
        _add(part, digest)
        if record.parent_span_id is None:
            part.has_root = True
    for trace_id, digest in messages.digests():
        if trace_id:
            _part(arrived, trace_id, received_s).digests.append(pack_digest(digest))


def _part(arrived: defaultdict[int, Arrived], trace_id: int, received_s: float) -> Arrived:
    part = arrived[trace_id]
    part.last_s = received_s
    return part


def _add_log(arrived: defaultdict[int, Arrived], record: LogRecord, messages: MessageLogs, received_s: float) -> None:
    if is_message_log(record):
        messages.add(record)
        return
    digest = read_log(record)
    if digest is None:
        return
    trace_id = record.trace_id or (trace_id_of(digest.conversation_id) if digest.conversation_id else 0)
    if trace_id:
        _add(_part(arrived, trace_id, received_s), digest)


def _add(part: Arrived, digest: SpanDigest) -> None:
    part.digests.append(pack_digest(digest))
    if digest.conversation_id and not part.conversation:
        part.conversation = digest.conversation_id


def records_of(request: Request) -> Iterable[SpanRecord | LogRecord]:
    """The spans or log records of one request."""
    if request.form is Form.JSON:
        return records_from_document(json.loads(_content(request) or b"{}"), _tell)
    if request.signal is Signal.LOGS:
        return logs_from_request(ExportLogsServiceRequest.FromString(_content(request)))
    return records_from_request(message_of(request), _tell)


def message_of(request: Request) -> ExportTraceServiceRequest:
    """A request for traces as a message."""
    if request.form is Form.JSON:
        return request_from_json(json.loads(_content(request) or b"{}"))
    message: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(_content(request))
    return message


def _content(request: Request) -> bytes:
    return inflate(request.body, _MAX_CONTENT_BYTES) if request.is_gzip else request.body


def _tell(reason: str) -> None:
    _log.debug("%s", reason)  # the sender was told how many

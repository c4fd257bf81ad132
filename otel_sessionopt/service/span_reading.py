"""From logged requests to packed digests by trace."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_sessionopt import semconv
from otel_sessionopt.ingest.otlp_json import records_from_document
from otel_sessionopt.ingest.otlp_protobuf import records_from_request
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.processor_packing import pack_digest
from otel_sessionopt.service.held_traces import request_from_json, split_by_trace
from otel_sessionopt.service.otlp_request import inflate
from otel_sessionopt.service.request_log import Form, Request, Signal
from otel_sessionopt.service.trace_store import Arrived

_log = logging.getLogger(__name__)

NS_PER_S: Final = 1_000_000_000
_MAX_CONTENT_BYTES: Final = 1 << 31  # the receiver has checked it against its limit


def digests_of(requests: Iterable[Request], *, holds_spans: bool = False) -> dict[int, Arrived]:
    """What requests say, by trace id; with `holds_spans` the spans themselves, too.

    Requests that cannot be read were answered with an error before: they are not among these.

    Spans that this package itself wrote are passed over, so that findings that come back make no new session.
    """
    arrived: dict[int, Arrived] = {}
    for request in requests:
        received_s = request.received_ns / NS_PER_S
        if holds_spans and request.signal is Signal.TRACES:
            for trace_id, body in split_by_trace(message_of(request)).items():
                holder = arrived.setdefault(trace_id, Arrived())
                holder.held.append(body)
                holder.last_s = received_s
        for record in records_of(request):
            if record.name == semconv.REPORT_SPAN and record.scope_name == semconv.SCOPE_NAME:
                continue
            part = arrived.get(record.trace_id)
            if part is None:
                part = arrived[record.trace_id] = Arrived()
            part.digests.append(pack_digest(Pipeline.digest(record)))
            part.last_s = received_s
            if record.parent_span_id is None:
                part.has_root = True
    return arrived


def records_of(request: Request) -> Iterator[SpanRecord]:
    """The spans of one request; none for other signals."""
    if request.signal is not Signal.TRACES:
        return iter(())
    if request.form is Form.JSON:
        records = records_from_document(json.loads(_content(request) or b"{}"), _tell)
        return (record for record in records if isinstance(record, SpanRecord))
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

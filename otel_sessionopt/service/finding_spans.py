"""A report as an OTLP request with one `sessionopt.report` span: what follows the spans to where they were sent."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator

from otel_sessionopt.writeback.report_span import ReportSpanWriter

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from otel_sessionopt.dialects.digest import SpanDigest
    from otel_sessionopt.processor_settings import ProcessorSettings
    from otel_sessionopt.report import OptimizationReport

_HASH_BYTES = 8
_SERVICE = "sessionoptimizer"


class FindingRequest(NamedTuple):
    """An OTLP request, and a hash that changes when the findings do."""

    body: bytes
    findings_hash: bytes


def finding_request(
    trace_id: int, report: OptimizationReport, digests: Sequence[SpanDigest], settings: ProcessorSettings
) -> FindingRequest:
    """The request that tells `report`. The same report gives the same bytes, so that sending it twice does no harm."""
    request = _request(_root(trace_id, digests), report, settings)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    findings_hash = blake2b(request.SerializeToString(deterministic=True), digest_size=_HASH_BYTES).digest()
    span.span_id = findings_hash
    return FindingRequest(request.SerializeToString(deterministic=True), findings_hash)


def root_digest(digests: Sequence[SpanDigest]) -> SpanDigest:
    """The root of a trace, or what stands for it: the first span without a parent, else without one that is known."""
    known = {digest.span_id for digest in digests}
    tops = [digest for digest in digests if digest.parent_span_id is None]
    tops = tops or [digest for digest in digests if digest.parent_span_id not in known] or list(digests)
    return min(tops, key=lambda digest: (digest.start_ns, digest.span_id))


def _root(trace_id: int, digests: Sequence[SpanDigest]) -> ReadableSpan:
    digest = root_digest(digests)
    services = (str(each.detail["service"]) for each in digests if each.detail and "service" in each.detail)
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    return ReadableSpan(
        name=digest.name,
        context=trace.SpanContext(trace_id, digest.span_id, is_remote=True, trace_flags=flags),
        resource=Resource({"service.name": next(services, _SERVICE)}),
        start_time=digest.start_ns,
        end_time=digest.end_ns,
    )


def _request(root: ReadableSpan, report: OptimizationReport, settings: ProcessorSettings) -> ExportTraceServiceRequest:
    spans = _Collected()
    writer = ReportSpanWriter(
        spans,
        None,
        SpanLimits(),
        max_findings=settings.max_findings_per_span,
        has_jaeger_warnings=settings.jaeger_warnings,
        ids=_NoId(),
    )
    writer.write(root, report, {})
    return encode_spans(spans.spans)


class _Collected(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class _NoId(IdGenerator):
    """The span's id is a hash of what it says, which is known when it is written."""

    def generate_span_id(self) -> int:
        return 1

    def generate_trace_id(self) -> int:
        raise NotImplementedError  # the trace is there already

"""A session recorded by hand as one OTLP trace, and sending it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace.status import Status, StatusCode

from otel_sessionopt import semconv
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.session.identity import root_span_id_of, span_id_of, trace_id_of
from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus
from otel_sessionopt.session.times import ns_from_iso
from otel_sessionopt.version import __version__
from otel_sessionopt.writeback.span_events import RootCopyWriter
from otel_sessionopt.writeback.span_sender import SpanSender

if TYPE_CHECKING:
    from otel_sessionopt.config_endpoint import Endpoint
    from otel_sessionopt.report import OptimizationReport

SERVICE: Final = "sessionoptimizer"
"""`service.name` where `OTEL_SERVICE_NAME` gives none."""
_SCOPE: Final = InstrumentationScope(semconv.SCOPE_NAME, __version__)


def session_spans(session: Session, report: OptimizationReport) -> list[ReadableSpan]:
    """The spans of a recording: one per event, in their order, then the root with the findings.

    Ids are hashes of the session's, so that the same recording is the same trace wherever and whenever it is sent.
    """
    resource = Resource({"service.name": SERVICE}).merge(OTELResourceDetector().detect())
    root_context = _context(trace_id_of(session), root_span_id_of(session))
    started_ns = ns_from_iso(session.started_at) or 0
    children = [_event_span(session, event, root_context, resource, started_ns) for event in session.events]
    ended_ns = max([started_ns, ns_from_iso(session.ended_at) or 0, *(child.end_time or 0 for child in children)])
    root = ReadableSpan(
        name=f"invoke_agent {session.agent}",
        context=root_context,
        parent=None,
        resource=resource,
        attributes=BoundedAttributes(None, _root_attributes(session)),
        status=Status(StatusCode.ERROR) if session.status is SessionStatus.FAILED else Status(StatusCode.UNSET),
        start_time=min([started_ns, *(child.start_time or started_ns for child in children)]),
        end_time=ended_ns,
        instrumentation_scope=_SCOPE,
    )
    writer = RootCopyWriter(
        SpanLimits(), max_findings=ProcessorSettings().max_findings_per_span, has_jaeger_warnings=False
    )
    end_times = {
        _hex(event.id): child.end_time or started_ns for event, child in zip(session.events, children, strict=True)
    }
    return [*children, writer.write(root, _with_span_ids(report), end_times)]


def send_session(session: Session, report: OptimizationReport, endpoint: Endpoint) -> bool:
    """Send the trace of a recording; False when the receiver did not take all of it. Waits for the answer."""
    with SpanSender(endpoint) as sender:
        for span in session_spans(session, report):
            sender.send(span)
        return sender.flush()


def _event_span(
    session: Session, event: SessionEvent, parent: trace.SpanContext, resource: Resource, started_ns: int
) -> ReadableSpan:
    start_ns = started_ns if event.start_ns is None else event.start_ns
    end_ns = start_ns if event.end_ns is None else max(event.end_ns, start_ns)
    is_failed = event.event_type is EventType.ERROR or event.error is not None
    return ReadableSpan(
        name=event.event_type.value,
        context=_context(parent.trace_id, span_id_of(event.id)),
        parent=parent,
        resource=resource,
        attributes=BoundedAttributes(None, _event_attributes(session, event)),
        status=Status(StatusCode.ERROR) if is_failed else Status(StatusCode.UNSET),
        start_time=start_ns,
        end_time=end_ns,
        instrumentation_scope=_SCOPE,
    )


def _root_attributes(session: Session) -> Mapping[str, Any]:
    return {
        semconv.OPERATION_NAME: "invoke_agent",
        semconv.AGENT_NAME: session.agent,
        semconv.CONVERSATION_ID: session.id,
        semconv.REQUEST_MODEL: session.model,
        semconv.INPUT_TOKENS: session.total_tokens_input,
        semconv.OUTPUT_TOKENS: session.total_tokens_output,
        semconv.TASK: session.task,
    }


def _event_attributes(session: Session, event: SessionEvent) -> Mapping[str, Any]:
    # No `gen_ai.operation.name` and no `gen_ai.usage.*`: those of the root are the sum, and most receivers would add
    # both up.
    attributes: dict[str, Any] = {
        semconv.EVENT_TYPE: event.event_type.value,
        semconv.EVENT_TOKENS_INPUT: event.tokens_input,
        semconv.EVENT_TOKENS_OUTPUT: event.tokens_output,
        semconv.EVENT_DATA: json.dumps(event.data),
        semconv.REQUEST_MODEL: event.model or session.model,
    }
    if event.error is not None:
        attributes[semconv.ERROR_TYPE] = event.error
    return attributes


def _with_span_ids(report: OptimizationReport) -> OptimizationReport:
    """The report with span ids for event ids, so that evidence can be found in the trace."""
    issues = [replace(issue, events_involved=list(map(_hex, issue.events_involved))) for issue in report.issues]
    return replace(report, issues=issues)


def _hex(event_id: str) -> str:
    return f"{span_id_of(event_id):016x}"


def _context(trace_id: int, span_id: int) -> trace.SpanContext:
    return trace.SpanContext(trace_id, span_id, is_remote=False, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED))

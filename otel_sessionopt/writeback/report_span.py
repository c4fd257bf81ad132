"""`sessionopt.report`: a report as one extra span, for when the spans themselves are not ours to touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_sessionopt import semconv
from otel_sessionopt.version import __version__
from otel_sessionopt.writeback.attributes import JAEGER_WARNINGS, jaeger_warnings, root_attributes
from otel_sessionopt.writeback.span_events import (
    MAX_EVIDENCE_IDS,
    EventWriter,
    SpanEvents,
    WrittenEvent,
    report_events,
    room_for_findings,
    sdk_event,
    times_of,
)

if TYPE_CHECKING:
    from otel_sessionopt.report import OptimizationReport

MAX_LINKS: Final = 128
"""The SDK's own default for the links of a span."""
SPAN_ID_DIGITS: Final = 16
LINK_CODES: Final = "sessionopt.finding.codes"
"""On a link: the findings that the linked span is evidence of."""


class ReportSpanWriter:
    """Writes each report as a span `sessionopt.report`: child of the root, links to the evidence, findings as events.

    The span lies at the end of the root and has no duration: a longer one would count as time that the agent spent.
    Where the trace was not sampled it is not sampled either.

    Args:
        processor: gets the span; without one it goes through a tracer of `tracer_provider`, with all its processors.
        tracer_provider: the global one when not given, looked up when first needed.
        limits: of the SDK, for events.
        max_findings: findings per span, worst first.
        has_jaeger_warnings: also as `@jaeger@warnings`.
        ids: makes the span id where there is no tracer to do it.
        events: where the events go; onto the report span when not given.
    """

    def __init__(
        self,
        processor: SpanProcessor | None,
        tracer_provider: trace.TracerProvider | None,
        limits: SpanLimits,
        *,
        max_findings: int,
        has_jaeger_warnings: bool,
        ids: IdGenerator | None = None,
        events: EventWriter | None = None,
    ) -> None:
        self._events = events or SpanEvents()
        self._processor = processor
        self._tracer_provider = tracer_provider
        self._limits = limits
        self._max_findings = max_findings
        self._has_jaeger_warnings = has_jaeger_warnings
        self._ids = ids or RandomIdGenerator()

    def write(
        self,
        root: ReadableSpan,
        report: OptimizationReport,
        evidence_ns: Mapping[str, int],  # noqa: ARG002 - the span has no duration for the evidence to lie in
    ) -> ReadableSpan:
        """Send the report span of `root`; gives `root` itself. All events are at its one moment."""
        _, at_ns = times_of(root)
        room = room_for_findings(0, self._limits, self._max_findings)
        attributes = root_attributes(report)
        if self._has_jaeger_warnings and report.issues:
            attributes[JAEGER_WARNINGS] = jaeger_warnings(report, self._max_findings)
        draft = _Draft(
            parent=root.context,
            at_ns=at_ns,
            attributes=attributes,
            events=self._events.write(root, report_events(report, room, at_ns, at_ns)),
            links=evidence_links(report, root.context),
        )
        if self._processor is None:
            self._send_by_tracer(draft)
        else:
            self._processor.on_end(self._report_span(draft, root))
        return root

    def _report_span(self, draft: _Draft, root: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=semconv.REPORT_SPAN,
            context=trace.SpanContext(
                draft.parent.trace_id,
                self._ids.generate_span_id(),
                is_remote=False,
                trace_flags=draft.parent.trace_flags,
                trace_state=draft.parent.trace_state,
            ),
            parent=draft.parent,
            resource=root.resource,
            attributes=BoundedAttributes(None, draft.attributes),
            events=[sdk_event(event, self._limits) for event in draft.events],
            links=draft.links,
            start_time=draft.at_ns,
            end_time=draft.at_ns,
            instrumentation_scope=InstrumentationScope(semconv.SCOPE_NAME, __version__),
        )

    def _send_by_tracer(self, draft: _Draft) -> None:
        provider = self._tracer_provider or trace.get_tracer_provider()
        span = provider.get_tracer(semconv.SCOPE_NAME, __version__).start_span(
            semconv.REPORT_SPAN,
            context=trace.set_span_in_context(trace.NonRecordingSpan(draft.parent)),
            attributes=draft.attributes,
            links=draft.links,
            start_time=draft.at_ns,
        )
        for event in draft.events:
            span.add_event(event.name, event.attributes, event.time_ns)
        span.end(draft.at_ns)


class _Draft(NamedTuple):
    parent: trace.SpanContext
    at_ns: int
    attributes: Mapping[str, Any]
    events: Sequence[WrittenEvent]
    links: Sequence[trace.Link]


def evidence_links(report: OptimizationReport, root: trace.SpanContext) -> list[trace.Link]:
    """One link for each evidence span, with the codes of the findings that name it; worst findings first."""
    codes: dict[int, list[str]] = {}
    for issue in report.issues:
        for event_id in issue.events_involved[:MAX_EVIDENCE_IDS]:
            span_id = _span_id(event_id)
            if span_id is not None and issue.code not in codes.setdefault(span_id, []):
                codes[span_id].append(issue.code)
    return [
        trace.Link(
            trace.SpanContext(root.trace_id, span_id, is_remote=False, trace_flags=root.trace_flags),
            {LINK_CODES: tuple(of_span)},
        )
        for span_id, of_span in list(codes.items())[:MAX_LINKS]
    ]


def _span_id(event_id: str) -> int | None:
    """The span id that an event id stands for; `None` for ids that are none."""
    if len(event_id) != SPAN_ID_DIGITS:
        return None
    try:
        return int(event_id, 16) or None
    except ValueError:
        return None

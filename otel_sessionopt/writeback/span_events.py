"""A report as span events, and copies of ended spans that carry them.

An ended span cannot be changed, so findings travel on a copy that goes out in its place. `WrittenEvent` knows nothing
of spans: an `EventWriter` decides whether events go onto the span (`SpanEvents`) or elsewhere (`LogEvents`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits
from opentelemetry.sdk.util import BoundedList

from otel_sessionopt import semconv
from otel_sessionopt.writeback.attributes import (
    FINDINGS,
    FINDINGS_OMITTED,
    HAS_FINDINGS,
    JAEGER_WARNINGS,
    RULE_PREFIX,
    evaluation_attributes,
    jaeger_warnings,
    replay_attributes,
    root_attributes,
)

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.issue import EfficiencyIssue
    from otel_sessionopt.analyzers.overlap import CountedWaste
    from otel_sessionopt.report import OptimizationReport

EMPTY_TIMES: Final[Mapping[str, int]] = MappingProxyType({})
MAX_EVIDENCE_IDS: Final = 32
"""Evidence span ids on one finding: enough to click through, small enough for every backend."""
_EXTRA_EVENTS = 2  # the summary and the evaluation


class WrittenEvent(NamedTuple):
    """One event to be written: `time_ns` lies inside the span it goes onto."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any]


class EventWriter(Protocol):
    """Where the events of a report go. Called on the worker's thread."""

    def write(self, span: ReadableSpan, events: Sequence[WrittenEvent]) -> Sequence[WrittenEvent]:
        """Write events about the ended span `span` elsewhere; gives those that are to go onto it, or its copy."""
        ...


class SpanEvents:
    """Leaves all events to the span: the default."""

    def write(self, span: ReadableSpan, events: Sequence[WrittenEvent]) -> Sequence[WrittenEvent]:  # noqa: ARG002
        """All of `events`."""
        return events


class SpanWriter(Protocol):
    """Puts a report where the trace is. Called on the worker's thread, once for every local root."""

    def write(self, root: ReadableSpan, report: OptimizationReport, evidence_ns: Mapping[str, int]) -> ReadableSpan:
        """Write `report` for the ended local root `root`, and give the span that goes on in its place.

        Args:
            root: stays as it is.
            report: of its trace.
            evidence_ns: end times of evidence events by event id.
        """
        ...


class CauseWriter(Protocol):
    """Puts findings onto the spans that caused them. Called on the worker's thread."""

    def write_onto_cause(self, span: ReadableSpan, issues: Sequence[EfficiencyIssue]) -> ReadableSpan:
        """The span that goes on in place of `span`, with a finding for each of `issues`."""
        ...


class RootCopyWriter:
    """Writes a report onto a copy of the root, and findings onto copies of the spans that caused them.

    Args:
        limits: of the SDK; the copy keeps to those on events.
        max_findings: findings per span, worst first.
        has_jaeger_warnings: also as `@jaeger@warnings`.
        events: where the events go; onto the copies when not given.
    """

    def __init__(
        self, limits: SpanLimits, *, max_findings: int, has_jaeger_warnings: bool, events: EventWriter | None = None
    ) -> None:
        self._events = events or SpanEvents()
        self._limits = limits
        self._max_findings = max_findings
        self._has_jaeger_warnings = has_jaeger_warnings

    def write(self, root: ReadableSpan, report: OptimizationReport, evidence_ns: Mapping[str, int]) -> ReadableSpan:
        """A copy of `root` with events and searchable attributes."""
        room = room_for_findings(len(root.events), self._limits, self._max_findings)
        attributes = root_attributes(report)
        if self._has_jaeger_warnings and report.issues:
            attributes[JAEGER_WARNINGS] = jaeger_warnings(report, self._max_findings)
        # The program's own evaluations come first.
        for name, value in evaluation_attributes(report).items():
            if name not in (root.attributes or {}):
                attributes[name] = value
        start_ns, end_ns = times_of(root)
        events = self._events.write(root, report_events(report, room, start_ns, end_ns, evidence_ns))
        return copy_with(root, events, attributes, self._limits)

    def write_onto_cause(self, span: ReadableSpan, issues: Sequence[EfficiencyIssue]) -> ReadableSpan:
        """A copy of `span`, which caused `issues`, with a finding for each."""
        shown = issues[: room_for_findings(len(span.events), self._limits, self._max_findings)]
        _, end_ns = times_of(span)
        attributes: dict[str, Any] = {HAS_FINDINGS: True}
        attributes |= {RULE_PREFIX + issue.code: True for issue in issues}
        events = self._events.write(span, [finding_event(issue, end_ns) for issue in shown])
        return copy_with(span, events, attributes, self._limits)


def finding_event(issue: EfficiencyIssue, time_ns: int, counted: CountedWaste | None = None) -> WrittenEvent:
    """One issue as `sessionopt.finding`.

    `waste` is all that the issue is about; `counted`, where it is known, what of it other findings do not own: that
    adds up to the waste of the session.
    """
    values: dict[str, Any] = {
        "code": issue.code,
        "severity": issue.severity.value,
        "message": issue.description,
        "recommendation": issue.suggestion,
        "waste.tokens": issue.estimated_waste_tokens,
        "waste.cost_usd": issue.estimated_waste_cost,
        "waste.basis": None if issue.waste is None else issue.waste.basis.value,
        "evidence.span_ids": tuple(issue.events_involved[:MAX_EVIDENCE_IDS]),
    }
    if counted is not None:
        values["counted.tokens"] = counted.tokens
        values["counted.cost_usd"] = None if counted.cost_usd is None else float(counted.cost_usd)
        values["counted.already_by"] = counted.already_counted_by or None
    attributes = {semconv.FINDING_PREFIX + name: value for name, value in values.items() if value is not None}
    return WrittenEvent(semconv.FINDING_EVENT, time_ns, attributes)


def report_events(
    report: OptimizationReport,
    max_findings: int,
    start_ns: int,
    end_ns: int,
    evidence_ns: Mapping[str, int] = EMPTY_TIMES,
) -> list[WrittenEvent]:
    """The events that tell a report: findings worst first, the summary, the score as an evaluation result.

    Args:
        report: whose issues are worst first already.
        max_findings: the summary says how many were left out.
        start_ns, end_ns: of the span that they go onto. All events lie inside, or Jaeger hides them: a finding is at
            the end of its last evidence event.
        evidence_ns: end times of evidence events by event id.
    """
    shown = report.issues[:max_findings]
    events = [
        finding_event(issue, _time_of(issue, start_ns, end_ns, evidence_ns), report.counted.get(issue.id))
        for issue in shown
    ]
    summary = root_attributes(report) | replay_attributes(report) | {FINDINGS: len(report.issues)}
    if len(shown) < len(report.issues):
        summary[FINDINGS_OMITTED] = len(report.issues) - len(shown)
    events.append(WrittenEvent(semconv.SUMMARY_EVENT, end_ns, summary))
    events.append(WrittenEvent(semconv.EVALUATION_EVENT, end_ns, evaluation_attributes(report)))
    return events


def room_for_findings(event_count: int, limits: SpanLimits, max_findings: int) -> int:
    """How many findings fit beside the events that a span has; the program's own events are never pushed out."""
    if limits.max_events is None:
        return max_findings
    return max(min(max_findings, limits.max_events - event_count - _EXTRA_EVENTS), 0)


def copy_with(
    span: ReadableSpan,
    events: Sequence[WrittenEvent],
    attributes: Mapping[str, Any],
    limits: SpanLimits,
) -> ReadableSpan:
    """A copy of an ended span with further events and attributes; the span stays as it is.

    Its counts of dropped attributes, events and links are kept: they show in containers of the SDK's own types only.
    """
    added = [sdk_event(event, limits) for event in events]
    all_events = BoundedList.from_seq(None, (*span.events, *added))
    all_events.dropped = span.dropped_events
    links = BoundedList.from_seq(None, span.links)
    links.dropped = span.dropped_links
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_merged(span, attributes),
        events=all_events,
        links=links,
        kind=span.kind,
        # Deprecated, and still what old exporters read. Not through the property: that one warns.
        instrumentation_info=getattr(span, "_instrumentation_info", None),
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def sdk_event(event: WrittenEvent, limits: SpanLimits) -> Event:
    """`event` as the SDK has it, within the limits that the SDK would have kept it to."""
    attributes = BoundedAttributes(
        limits.max_event_attributes, event.attributes, max_value_len=limits.max_attribute_length
    )
    return Event(event.name, attributes, event.time_ns)


def _merged(span: ReadableSpan, attributes: Mapping[str, Any]) -> BoundedAttributes:
    # Without a limit: a few small attributes of ours must not push out the program's own, as the SDK's limit would.
    merged = BoundedAttributes(None, {**(span.attributes or {}), **attributes})
    merged.dropped = span.dropped_attributes
    return merged


def _time_of(issue: EfficiencyIssue, start_ns: int, end_ns: int, evidence_ns: Mapping[str, int]) -> int:
    last = issue.events_involved[-1] if issue.events_involved else ""
    # min after max: where a clock jumped and the end lies before the start, the end wins.
    return min(max(evidence_ns.get(last, end_ns), start_ns), end_ns)


def times_of(span: ReadableSpan) -> tuple[int, int]:
    """Start and end of a span in ns; one stands for the other where it is missing."""
    start_ns, end_ns = span.start_time, span.end_time
    if start_ns is None:
        start_ns = end_ns or 0
    return start_ns, start_ns if end_ns is None else end_ns

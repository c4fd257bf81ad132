"""Sends what is in files to a receiver of traces, with what was found in it.

The files are read twice: to analyse them, then to send them. So memory holds no spans, only what is to be written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from otel_sessionopt.ingest.files import read_spans
from otel_sessionopt.pipeline import release_of_input, spool_inputs
from otel_sessionopt.report.timeline import TimelineSource

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from otel_sessionopt.analyzers.issue import EfficiencyIssue
    from otel_sessionopt.config_endpoint import Endpoint
    from otel_sessionopt.dialects.digest import SpanDigest
    from otel_sessionopt.errors import InputError
    from otel_sessionopt.ingest.inputs import InputFile
    from otel_sessionopt.pipeline import Pipeline
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.writeback.span_events import RootCopyWriter

_MAX_FINDINGS: Final = 50  # on the root; the summary says how many more there are


@dataclass(slots=True)
class Exported:
    """What was sent.

    Attributes:
        traces: with an agent's session in them.
        others: traces without one, sent as they are.
        without_spans: sessions that only log records tell of: there is no span to send.
        spans: taken by the receiver, each id once.
        findings: in all sessions.
        is_complete: the receiver took everything.
    """

    traces: int = 0
    others: int = 0
    without_spans: int = 0
    spans: int = 0
    findings: int = 0
    is_complete: bool = True


@dataclass(slots=True)
class _Findings:
    """What is to be written onto spans of one trace."""

    root_id: int
    report: OptimizationReport | None
    evidence_ns: dict[str, int] = field(default_factory=dict)
    causes: dict[int, list[EfficiencyIssue]] = field(default_factory=dict)
    unsent: set[int] | None = None  # ids that came more than once


def export_inputs(
    inputs: Sequence[InputFile],
    pipeline: Pipeline,
    endpoint: Endpoint,
    *,
    on_error: Callable[[InputError], None],
    on_progress: Callable[[int], None] | None = None,
) -> Exported:
    """Send every trace in `inputs`, with its findings on the root and on the spans that caused them.

    Ids are those in the files, and those of transcripts are hashes of ids in them: another export is the same traces.

    Args:
        inputs: readable twice: no standard input.
        on_error: is told once what could not be read.
        on_progress: gets the bytes read since its last call, of both times.
    """
    from otel_sessionopt.writeback.record_span import RecordSpans
    from otel_sessionopt.writeback.span_sender import SpanSender

    result = Exported()
    found = _analyse(inputs, pipeline, result, on_error, on_progress)
    spans, writer = RecordSpans(), _writer()
    with SpanSender(endpoint) as sender:
        records = (record for each in inputs for record in read_spans(each, _tell_nobody, on_progress))
        for record in records:
            findings = found.get(record.trace_id)
            if findings is None or not _is_first(findings, record.span_id):
                continue
            if not sender.send(_annotated(spans.span(record), findings, writer)):
                break
        result.is_complete = sender.flush()
    result.spans = sender.sent
    return result


def _analyse(
    inputs: Sequence[InputFile],
    pipeline: Pipeline,
    result: Exported,
    on_error: Callable[[InputError], None],
    on_progress: Callable[[int], None] | None,
) -> dict[int, _Findings]:
    found: dict[int, _Findings] = {}
    spans: Counter[int] = Counter()

    def count(trace_id: int) -> None:
        spans[trace_id] += 1

    with spool_inputs(inputs, pipeline, on_error, on_progress, count) as spool:
        for trace_id, digests in spool:
            report = pipeline.analyze(trace_id, digests, release_of_input(digests))
            if not spans[trace_id]:
                result.without_spans += report is not None
                continue
            found[trace_id] = _findings(report, digests[: spans[trace_id]])
            if report is None:
                result.others += 1
            else:
                result.traces += 1
                result.findings += len(report.issues)
    return found


def _findings(report: OptimizationReport | None, digests: Sequence[SpanDigest]) -> _Findings:
    ids = {digest.span_id for digest in digests}
    # Several local roots where the file holds a part of a trace: the report goes onto the first.
    roots = [digest for digest in digests if digest.parent_span_id is None or digest.parent_span_id not in ids]
    root = min(roots or digests, key=lambda each: (each.parent_span_id is not None, each.start_ns, each.span_id))
    kept = (
        None if report is None else replace(report, ledger=None, timeline_source=TimelineSource())
    )  # large, and not written
    findings = _Findings(root.span_id, kept, unsent=ids if len(ids) < len(digests) else None)
    if report is not None:
        wanted = {issue.events_involved[-1]: issue for issue in report.issues if issue.events_involved}
        for digest in digests:
            if (name := f"{digest.span_id:016x}") in wanted:
                findings.evidence_ns[name] = digest.end_ns
        for issue in report.issues:
            # The last of the evidence caused it; the first one was necessary.
            if issue.events_involved and (cause := issue.events_involved[-1]) in findings.evidence_ns:
                findings.causes.setdefault(int(cause, 16), []).append(issue)
    return findings


def _is_first(findings: _Findings, span_id: int) -> bool:
    if findings.unsent is None:
        return True
    if span_id not in findings.unsent:
        return False
    findings.unsent.discard(span_id)
    return True


def _annotated(span: ReadableSpan, findings: _Findings, writer: RootCopyWriter) -> ReadableSpan:
    span_id = span.context.span_id
    if span_id == findings.root_id and findings.report is not None:
        return writer.write(span, findings.report, findings.evidence_ns)
    issues = findings.causes.get(span_id)
    return writer.write_onto_cause(span, issues) if issues else span


def _writer() -> RootCopyWriter:
    from opentelemetry.sdk.trace import SpanLimits

    from otel_sessionopt.writeback.span_events import RootCopyWriter

    return RootCopyWriter(SpanLimits(), max_findings=_MAX_FINDINGS, has_jaeger_warnings=False)


def _tell_nobody(_error: InputError) -> None:
    """What could not be read was told the first time."""

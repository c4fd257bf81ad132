"""What the live processor's worker does with spans and traces: digests, reports, report files."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from otel_sessionopt.ingest.readable_span import record_from_readable_span

if TYPE_CHECKING:
    from otel_sessionopt.dialects.digest import SpanDigest
    from otel_sessionopt.ingest.buffered_trace import DueTrace
    from otel_sessionopt.ingest.span_record import SpanRecord
    from otel_sessionopt.processor_stats import Counters, Guard
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.session.release import Release


class LivePipeline(Protocol):
    """What the live processor needs of `pipeline.Pipeline`."""

    def digest(self, record: SpanRecord) -> SpanDigest:
        """What one span says."""
        ...

    def analyze(self, trace_id: int, digests: Sequence[SpanDigest], release: Release) -> OptimizationReport | None:
        """The report of a trace; `None` when it is no session."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutputs:
    """Where reports go beside the trace: files in `folder` (`None` = none), and a callable; both are optional."""

    folder: Path | None = None
    formats: Sequence[str] = ("json", "md", "txt", "html")
    jaeger_url: str | None = None
    on_report: Callable[[OptimizationReport], None] | None = None


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Analysis:
    """How an analysis went.

    Attributes:
        report: `None` when there was nothing to report, or when the analysis failed.
        is_session: an agent is at work in the trace; also assumed where the analysis failed.
        evidence_ns: end times of the spans that findings name, by event id.
    """

    report: OptimizationReport | None
    is_session: bool
    evidence_ns: Mapping[str, int] = field(default_factory=dict)


NO_ANALYSIS: Final = Analysis(None, is_session=True)
"""There was none yet, or no time for one."""


class LiveAnalysis:
    """Runs the pipeline for the worker, which alone calls it. Nothing in here raises (the tests' guard excepted).

    Everything behind the pipeline is imported when first used, on the worker's thread: a program that adds the
    processor does not wait for it.

    Attributes:
        first_use: held until the first analysis is done, for as long as something may be imported. A fork has to wait
            for it: in the child nobody would finish that import, and whoever needs the module would wait for ever.
    """

    def __init__(self, pipeline: LivePipeline | None, outputs: ReportOutputs, guard: Guard, counters: Counters) -> None:
        self._pipeline = pipeline
        self._outputs = outputs
        self._guard = guard
        self._counters = counters
        self.first_use = threading.RLock()
        self._is_used = False

    def digest(self, span: Any) -> bytes | None:
        """What an ended SDK span says, packed; `None` when it could not be read (counted)."""
        with nullcontext() if self._is_used else self.first_use:
            try:
                from otel_sessionopt.processor_packing import pack_digest

                return pack_digest(self._get_pipeline().digest(record_from_readable_span(span)))
            except Exception as error:  # noqa: BLE001 - a span of any shape may come, and the host must not notice
                self._guard.failed("reading a span", error)
                return None

    def analyze(self, item: DueTrace[bytes]) -> Analysis:
        """Analyse a trace, and send its report to files and callable."""
        with nullcontext() if self._is_used else self.first_use:
            analysis = self._analyze(item)
            self._is_used = self._is_used or analysis.report is not None
            return analysis

    def _analyze(self, item: DueTrace[bytes]) -> Analysis:
        from otel_sessionopt.processor_packing import unpack_digest

        try:
            digests = [unpack_digest(packed) for packed in item.trace.digests]
            report = self._get_pipeline().analyze(item.trace.trace_id, digests, release_of(item))
        except Exception as error:  # noqa: BLE001 - rules may be the user's own
            self._guard.failed("analysis", error)
            return NO_ANALYSIS
        self._counters.add("releases", item.reason)
        if report is None:
            return Analysis(None, is_session=_has_agent(digests))
        self._send(report)
        return Analysis(report, is_session=True, evidence_ns=_evidence_times(report, digests))

    def _get_pipeline(self) -> LivePipeline:
        if self._pipeline is None:
            self._pipeline = self._configured_pipeline()
        return self._pipeline

    def _configured_pipeline(self) -> LivePipeline:
        """Rules, paths and prices as the settings file and the environment say; the defaults if those are wrong."""
        from otel_sessionopt.config import load_settings
        from otel_sessionopt.errors import ConfigError
        from otel_sessionopt.pipeline import Pipeline

        try:
            return Pipeline.from_settings(load_settings())
        except ConfigError as error:
            _log.warning("%s; the default rules are used", error)
            self._guard.failed("settings", error)
            return Pipeline()

    def _send(self, report: OptimizationReport) -> None:
        if self._outputs.folder is not None:
            from otel_sessionopt.writeback.report_files import write_report

            try:
                write_report(
                    report,
                    self._outputs.folder.expanduser(),
                    self._outputs.formats,
                    jaeger_url=self._outputs.jaeger_url,
                )
            except Exception as error:  # noqa: BLE001 - a full disk, a folder without permission, a home that is none
                self._guard.failed("writing report files", error)
        if self._outputs.on_report is not None:
            try:
                self._outputs.on_report(report)
            except Exception as error:  # noqa: BLE001 - the user's own code
                self._guard.failed("on_report", error)


def release_of(item: DueTrace[bytes]) -> Release:
    """How collection ended, as the report tells it."""
    from otel_sessionopt.session.release import Release, ReleaseReason

    trace = item.trace
    return Release(
        reason=ReleaseReason(item.reason),
        is_final=item.is_final,
        span_count=trace.span_count,
        late_spans=trace.late_spans,
        dropped=dict(trace.dropped),
    )


def _has_agent(digests: Sequence[SpanDigest]) -> bool:
    """An agent's span is among them, even if nothing was done below it so far: what comes late belongs to a session."""
    from otel_sessionopt.dialects.digest import Operation

    return any(digest.operation is not Operation.OTHER for digest in digests)


def _evidence_times(report: OptimizationReport, digests: Sequence[SpanDigest]) -> dict[str, int]:
    wanted = {event_id for issue in report.issues for event_id in issue.events_involved}
    if not wanted:
        return {}
    times = ((format(digest.span_id, "016x"), digest.end_ns) for digest in digests)
    return {event_id: end_ns for event_id, end_ns in times if event_id in wanted}

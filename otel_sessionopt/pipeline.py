"""The whole flow in one place: span record → digest → session → analyzers → report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from otel_sessionopt.analyzers.catalog import build_analyzers, default_analyzers
from otel_sessionopt.analyzers.runner import run_analyzers
from otel_sessionopt.dialects import read_span
from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.files import InputFile, read_records
from otel_sessionopt.ingest.log_record import LogRecord
from otel_sessionopt.ingest.spool import TraceSpool
from otel_sessionopt.log_placing import LogPlacer
from otel_sessionopt.pricing import Catalog
from otel_sessionopt.report.document import build_report
from otel_sessionopt.session import Release, ReleaseReason, build_session
from otel_sessionopt.session.conversation import build_conversation, conversation_of

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.base import BaseAnalyzer
    from otel_sessionopt.config import Settings
    from otel_sessionopt.dialects.digest import SpanDigest
    from otel_sessionopt.ingest.span_record import SpanRecord
    from otel_sessionopt.pricing.catalog import PriceCatalog
    from otel_sessionopt.report.document import OptimizationReport
    from otel_sessionopt.session import Session


def utc_now() -> datetime:
    """The clock that pipelines use unless they are given another."""
    return datetime.now(timezone.utc)


class Pipeline:
    """Turns the spans of a trace into its report. Stateless between traces and safe to share between threads.

    Args:
        analyzers: configured rules; the eight defaults when not given.
        prices: where prices come from; the offline catalog when not given.
        ignore_paths: globs of paths that no finding may be about.
        clock: gives `generated_at`.
    """

    def __init__(
        self,
        *,
        analyzers: Sequence[BaseAnalyzer] | None = None,
        prices: PriceCatalog | None = None,
        ignore_paths: Sequence[str] = (),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._analyzers = tuple(default_analyzers() if analyzers is None else analyzers)
        self._prices = prices
        self._ignore_paths = tuple(ignore_paths)
        self._clock = clock

    @classmethod
    def from_settings(cls, settings: Settings) -> Pipeline:
        """A pipeline with the rules, ignored paths and prices of `settings`."""
        return cls(
            analyzers=build_analyzers(settings.rules, source="settings"),
            prices=Catalog(settings.prices),
            ignore_paths=settings.ignore_paths,
        )

    @staticmethod
    def digest(record: SpanRecord) -> SpanDigest:
        """What one span says, in compact form. Never raises; the record need not be kept."""
        return read_span(record)

    def analyze(self, trace_id: int, digests: Sequence[SpanDigest], release: Release) -> OptimizationReport | None:
        """The report of one trace; `None` when nothing in it was done by an agent (ordinary web or database traces)."""
        session = build_session(trace_id, digests, release, self._prices)
        return self.analyze_session(session) if session.events else None

    def analyze_conversation(
        self, conversation_id: str, traces: Mapping[int, Sequence[SpanDigest]], release: Release
    ) -> OptimizationReport | None:
        """The report of the session that several traces of one conversation are; `None` as in `analyze`."""
        session = build_conversation(conversation_id, traces, release, self._prices)
        return self.analyze_session(session) if session.events else None

    def analyze_session(self, session: Session) -> OptimizationReport:
        """The report of a session that is there already, such as one recorded by hand. It is not changed."""
        outcomes = run_analyzers(session, self._analyzers, self._ignore_paths)
        return build_report(session, outcomes, generated_at=self._clock().isoformat())


def analyze_inputs(
    inputs: Iterable[InputFile],
    pipeline: Pipeline,
    *,
    on_error: Callable[[InputError], None],
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[OptimizationReport]:
    """Reports of all traces in `inputs`, in order of first appearance; sessions that only log records tell of, last.

    A trace may be spread over several inputs, and log records complete its spans, so the first report comes after the
    last input was read. Memory holds digests up to the spool's budget, however large the inputs are.

    Args:
        inputs: what `ingest.files.find_inputs` found.
        pipeline: makes the reports.
        on_error: gets each thing that could not be read; the rest goes on.
        on_progress: gets the bytes read since its last call.
    """
    with spool_inputs(inputs, pipeline, on_error, on_progress) as spool:
        for trace_id, digests in spool:
            report = pipeline.analyze(trace_id, digests, release_of_input(digests))
            if report is not None:
                yield report


def analyze_conversations(
    inputs: Iterable[InputFile],
    pipeline: Pipeline,
    *,
    on_error: Callable[[InputError], None],
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[OptimizationReport]:
    """As `analyze_inputs`, with one report for all traces of a conversation; traces that name none stay by themselves.

    Memory holds the spans of one conversation at a time.
    """
    with spool_inputs(inputs, pipeline, on_error, on_progress) as spool:
        groups: dict[str | int, list[int]] = {}
        for trace_id, digests in spool:
            groups.setdefault(conversation_of(digests) or trace_id, []).append(trace_id)
        for key, trace_ids in groups.items():
            traces = {trace_id: spool.items_of(trace_id) for trace_id in trace_ids}
            release = release_of_input([digest for digests in traces.values() for digest in digests])
            if isinstance(key, str):
                report = pipeline.analyze_conversation(key, traces, release)
            else:
                report = pipeline.analyze(key, traces[key], release)
            if report is not None:
                yield report


def spool_inputs(
    inputs: Iterable[InputFile],
    pipeline: Pipeline,
    on_error: Callable[[InputError], None],
    on_progress: Callable[[int], None] | None,
    on_span: Callable[[int], None] | None = None,
) -> TraceSpool[SpanDigest]:
    """All spans by trace, behind them the log records that go with them; the caller closes the spool.

    `on_span` is told the trace of every span.
    """
    spool: TraceSpool[SpanDigest] = TraceSpool()
    try:
        with LogPlacer() as logs:
            for input_file in inputs:
                for record in read_records(input_file, on_error, on_progress):
                    if isinstance(record, LogRecord):
                        logs.add_log(record)
                        continue
                    digest = pipeline.digest(record)
                    logs.add_span(record.trace_id, digest)
                    spool.add(record.trace_id, digest)
                    if on_span is not None:
                        on_span(record.trace_id)
            logs.place_into(spool)
            if logs.unplaced:
                on_error(
                    InputError("log records", "", f"{logs.unplaced:,} name neither a session nor a trace: left out")
                )
    except BaseException:
        spool.close()
        raise
    return spool


def release_of_input(digests: Sequence[SpanDigest]) -> Release:
    """How collection ended for a trace that was read from files: with its root, or with the end of the input."""
    has_root = any(digest.parent_span_id is None for digest in digests)
    reason = ReleaseReason.ROOT_ENDED if has_root else ReleaseReason.SHUTDOWN
    return Release(reason=reason, span_count=len(digests))

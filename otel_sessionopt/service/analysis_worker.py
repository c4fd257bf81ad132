"""The worker process: takes traces that are due, makes their reports, writes files and history."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_sessionopt.history.keeping import figures_of, keep_report
from otel_sessionopt.history.opening import open_history
from otel_sessionopt.own_process import collect_garbage_rarely
from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.processor_packing import unpack_digest
from otel_sessionopt.report.as_json import as_compact_json
from otel_sessionopt.service.finding_spans import finding_request, root_digest
from otel_sessionopt.service.held_traces import annotated_requests
from otel_sessionopt.service.trace_store import DueTrace, Figures, Outcome, TraceStore
from otel_sessionopt.session import Release
from otel_sessionopt.session.conversation import conversation_of
from otel_sessionopt.writeback.report_files import FORMATS, write_report

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from otel_sessionopt.config import Settings
    from otel_sessionopt.dialects.digest import SpanDigest
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.store.protocol import Store

_log = logging.getLogger(__name__)

_RENDERERS: Final = {**FORMATS, "json": as_compact_json}

MOST_JOINT_SPANS: Final = 20_000
"""Of a conversation that is judged as one, again with each of its traces; so many take about two seconds."""
RETIRE_BYTES: Final = 128 * 1024 * 1024
"""A worker that a large trace has made so big ends; a fresh one takes its place."""


class Failed(NamedTuple):
    """An analysis that did not succeed, and the kind of its error."""

    due: DueTrace
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker made of a batch.

    Attributes:
        is_last: the worker ends now.
    """

    outcomes: Sequence[Outcome]
    failed: Sequence[Failed]
    is_last: bool


class Analysis:
    """Makes the report of one trace and sends it everywhere."""

    def __init__(self, store: TraceStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._pipeline = Pipeline.from_settings(settings)
        self._history: Store | None = None

    def run(self, due: DueTrace) -> Outcome:
        """Analyse a trace as it is now.

        Raises:
            OSError, SessionOptError: files or history cannot be written.
        """
        started = time.process_time()
        digests = different_digests(self._store.digests_of(due.key, due.up_to_row))
        spans = len(digests)
        release = Release(
            reason=due.next.reason,
            is_final=due.next.is_final,
            span_count=spans + due.dropped_spans,
            late_spans=max(spans - due.reported_spans, 0) if due.reported_spans else 0,
            dropped={"span_limit": due.dropped_spans} if due.dropped_spans else {},
        )
        report = self._pipeline.analyze(due.trace_id, digests, release) if digests else None
        is_session = report is not None
        if report is not None and not self._is_news(report):
            report = None  # some late spans of a trace that was forgotten: what was told of all of it stays true
        if report is not None and self._settings.report.enabled:
            self._write(report)
        if report is not None and report.session.conversation_id:
            self._judge_conversation(due, report.session.conversation_id, digests, release)
        outgoing = self._outgoing(due, report, digests)
        seconds = time.process_time() - started
        figures = due.counted if report is None else _figures(report)
        return Outcome(due, is_session, spans, seconds, *outgoing, figures)

    def _judge_conversation(
        self, due: DueTrace, session_id: str, digests: Sequence[SpanDigest], release: Release
    ) -> None:
        """Refresh the report of all traces of a conversation together, where there are others of it."""
        packed = self._store.digests_of_conversation(conversation_of(digests) or "", MOST_JOINT_SPANS)
        if len(packed) < 2:
            return
        traces = {trace_id: different_digests(each) for trace_id, each in packed.items()} | {due.trace_id: digests}
        release = release._replace(span_count=sum(map(len, traces.values())), late_spans=0, dropped={})
        report = self._pipeline.analyze_conversation(session_id, traces, release)
        if report is None:
            return
        if self._history is not None:
            trace_ids = [f"{trace_id:032x}" for trace_id in traces]
            if not self._history.put_joint_report(session_id, trace_ids, report.to_dict(), figures_of(report)):
                return  # an earlier trace of it was forgotten: the history adds up what each came to
        if self._settings.report.enabled:
            self._write(report)

    def _write(self, report: OptimizationReport) -> None:
        report_settings, service = self._settings.report, self._settings.service
        write_report(report, report_settings.folder, service.report_formats, renderers=_RENDERERS)

    def _is_news(self, report: OptimizationReport) -> bool:
        """Keep it in the history; false where that has a report about more spans."""
        if not self._settings.service.save_history:
            return True
        if self._history is None:
            self._history = open_history(self._settings.history.folder)
        return keep_report(self._history, report)

    def _outgoing(
        self, due: DueTrace, report: OptimizationReport | None, digests: Sequence[SpanDigest]
    ) -> tuple[tuple[bytes, ...], bytes, int]:
        """What is to be sent, the hash of the findings in it, and up to which row held spans are in it."""
        service = self._settings.service
        if not due.next.is_final or not (service.forward or service.findings_to):
            return (), due.findings_hash, 0
        requests: tuple[bytes, ...] = ()
        # Also where traces are no longer held: those from before the restart are still there.
        held_row, held = self._store.held_of(due.key)
        is_first = not due.reported_spans
        if held:
            root_id = root_digest(digests).span_id if digests else 0
            max_findings = self._settings.processor.max_findings_per_span
            requests = annotated_requests(held, report if is_first else None, root_id, max_findings)
        if report is None or not service.sends_findings or ((service.hold or held) and is_first):
            return requests, due.findings_hash, held_row
        found = finding_request(due.trace_id, report, digests, self._settings.processor)
        if found.findings_hash != due.findings_hash:
            requests += (found.body,)
        return requests, found.findings_hash, held_row


def different_digests(packed: Sequence[bytes]) -> list[SpanDigest]:
    """Digests of the spans, each once: one that was delivered twice is the same span."""
    by_id: dict[int, list[SpanDigest]] = {}
    for body in dict.fromkeys(packed):
        digest = unpack_digest(body)
        known = by_id.setdefault(digest.span_id, [])
        if digest not in known:
            known.append(digest)
    return [digest for known in by_id.values() for digest in known]


def run_worker(connection: Connection, folder: Path, settings: Settings) -> None:
    """Answer batches of due traces until the other end closes. The main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the reader says when to stop
    collect_garbage_rarely()
    store = TraceStore(folder, settings.service)
    analysis = Analysis(store, settings)
    while True:
        try:
            batch: Sequence[DueTrace] = connection.recv()
            answer = _answer(analysis, batch)
            connection.send(answer)
        except (EOFError, OSError):
            return
        if answer.is_last:
            return


def _answer(analysis: Analysis, batch: Sequence[DueTrace]) -> Answer:
    outcomes: list[Outcome] = []
    failed: list[Failed] = []
    for due in batch:
        try:
            outcomes.append(analysis.run(due))
        except Exception as error:  # noqa: BLE001 - one trace must not take the others with it; the reader logs it
            failed.append(Failed(due, _reason(error)))
    return Answer(outcomes, failed, is_last=_resident_bytes() > RETIRE_BYTES)


def _figures(report: OptimizationReport) -> Figures:
    return Figures(
        tuple(sorted(Counter(issue.code for issue in report.issues).items())),
        report.total_waste_tokens,
        report.total_waste_cost or 0.0,
        float(report.bill.total.cost_usd or 0),
    )


def _reason(error: Exception) -> str:
    # Not the message of any error: it may quote what a span said. Those of the disk are ours.
    return f"{type(error).__name__}: {error.strerror}" if isinstance(error, OSError) else type(error).__name__


def _resident_bytes() -> int:
    try:
        import resource
    except ImportError:
        return 0  # Windows
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    return 0

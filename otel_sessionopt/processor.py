"""`SessionOptSpanProcessor`: finds wasted tokens in live spans and writes them onto the trace."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor

from otel_sessionopt import semconv
from otel_sessionopt.errors import ConfigError
from otel_sessionopt.ingest.trace_buffer import TraceBuffer
from otel_sessionopt.processor_analysis import LiveAnalysis, LivePipeline, ReportOutputs
from otel_sessionopt.processor_fork import register_fork_hooks
from otel_sessionopt.processor_held import HeldSpans
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.processor_stats import Counters, Guard, ProcessorStats
from otel_sessionopt.processor_worker import AnalysisWorker
from otel_sessionopt.writeback.report_span import ReportSpanWriter
from otel_sessionopt.writeback.span_events import EventWriter, RootCopyWriter, SpanEvents, SpanWriter

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext, TracerProvider
    from typing_extensions import Unpack

    from otel_sessionopt.config import Settings
    from otel_sessionopt.ingest.buffered_trace import LocalRoot
    from otel_sessionopt.processor_options import AttachForm, FindingForm, ProcessorOptions
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.writeback.log_events import LogPipeline

    _Root = LocalRoot[bytes]

_OUR_SCOPE: Final = semconv.SCOPE_NAME
_MAX_FORK_WAIT_SECONDS: Final = 1.0
"""The first analysis with all its imports takes a third of that."""
DEFAULT_REPORT_FOLDER: Final = Path("~/.sessionoptimizer/reports")


class SessionOptSpanProcessor(SpanProcessor):
    """Analyses every agent session that passes through it, and writes what was wasted onto its root span.

    It wraps the processor that would have got the spans:

        provider.add_span_processor(SessionOptSpanProcessor(BatchSpanProcessor(OTLPSpanExporter())))

    Each span goes on to `next_processor` the moment it ends, except local roots: those are held until the session is
    analysed and go on once, as a copy with the findings as span events. `observer()` makes one that touches no span.

    The hooks do a handful of dict operations on the calling thread, never block and never raise; one daemon thread
    does the rest. It survives `fork`: the child starts anew, and roots held in the parent go out there.

    Args:
        next_processor: gets every span exactly once. Flushed and shut down with this one.
        attach: `root`, or `spans` to hold whole traces (within `settings.max_held_spans`) and put each finding on the
            span that caused it as well; then nothing of a trace goes on before its root ends.
        settings: how long to wait and how much to keep.
        report_folder: where report files go; `None` writes none.
        report_formats: `json`, `md`, `txt`, `html`.
        jaeger_url: address of the Jaeger UI that HTML reports link to.
        on_report: gets each report, refreshed and interim ones too, on the worker's thread.
        pipeline: makes the reports; when not given, one with the rules and prices of the settings file and the
            environment (`from_settings` takes the bounds and report files from there as well).
        findings: `span-events`, or `log-events` to send them through the Logs API; what cannot go there stays on spans.
        log_pipeline: gives the logger provider for log events; the program's own (the global one) when not given.
        clock: seconds of a steady clock, for the time-outs.
        reraise: for tests: failures that are otherwise logged and counted go on to the caller.

    Raises:
        ConfigError: `attach` or `findings` is neither of the two.
    """

    def __init__(
        self,
        next_processor: SpanProcessor,
        *,
        attach: AttachForm = "root",
        settings: ProcessorSettings | None = None,
        report_folder: Path | str | None = DEFAULT_REPORT_FOLDER,
        report_formats: Sequence[str] = ("json", "md", "txt", "html"),
        jaeger_url: str | None = None,
        on_report: Callable[[OptimizationReport], None] | None = None,
        pipeline: LivePipeline | None = None,
        findings: FindingForm = "span-events",
        log_pipeline: LogPipeline | None = None,
        clock: Callable[[], float] = time.monotonic,
        reraise: bool = False,
    ) -> None:
        if attach not in ("root", "spans"):
            raise ConfigError(f'attach={attach!r} must be "root" or "spans"')
        if findings not in ("span-events", "log-events"):
            raise ConfigError(f'findings={findings!r} must be "span-events" or "log-events"')
        self._settings = settings or ProcessorSettings()
        self._outputs = ReportOutputs(
            folder=None if report_folder is None else Path(report_folder),
            formats=tuple(report_formats),
            jaeger_url=jaeger_url,
            on_report=on_report,
        )
        self._pipeline = pipeline
        self._clock = clock
        self._reraise = reraise
        self._next = next_processor
        self._holds_children = attach == "spans"
        self._event_writer = _event_writer(findings, log_pipeline)
        self._copy_writer = RootCopyWriter(
            SpanLimits(),
            max_findings=self._settings.max_findings_per_span,
            has_jaeger_warnings=self._settings.jaeger_warnings,
            events=self._event_writer,
        )
        self._writer: SpanWriter = self._copy_writer
        if not hasattr(next_processor, "on_start"):
            kind = type(next_processor).__name__
            raise TypeError(
                f"next_processor is of type {kind}; a span processor is wanted: BatchSpanProcessor(exporter)"
            )
        # Bound once: these are called for every span. A processor made before SDK 1.40 may lack the middle one.
        self._forward_start = next_processor.on_start
        self._forward_ending = getattr(next_processor, "_on_ending", _ignore)
        self._forward_end = next_processor.on_end
        self._is_shut_down = False
        self._start_anew()
        register_fork_hooks(self._before_fork, self._after_fork_in_parent, self._start_anew)

    @classmethod
    def from_settings(cls, next_processor: SpanProcessor, settings: Settings) -> SessionOptSpanProcessor:
        """A processor as configured (see `config.load_settings`): bounds, report files, rules, paths and prices."""
        from otel_sessionopt.processor_options import attach_of, options_from

        return cls(next_processor, attach=attach_of(settings), **options_from(settings))

    @classmethod
    def observer(
        cls,
        report_processor: SpanProcessor | None = None,
        *,
        tracer_provider: TracerProvider | None = None,
        **options: Unpack[ProcessorOptions],
    ) -> SessionOptSpanProcessor:
        """A processor that stands beside others and touches no span.

        It adds one span `sessionopt.report` to each session: a child of the root with the findings as events and links
        to the evidence. Add it before the processors that export, or what it finds at shutdown comes after them.

        Args:
            report_processor: gets the report spans and nothing else; flushed and shut down with this one.
            tracer_provider: makes the report spans where there is no `report_processor`; the global one by default.
            options: as for the class.
        """
        observer = cls(_Beside(report_processor), **options)
        observer._writer = ReportSpanWriter(
            report_processor,
            tracer_provider,
            SpanLimits(),
            max_findings=observer._settings.max_findings_per_span,
            has_jaeger_warnings=observer._settings.jaeger_warnings,
            events=observer._event_writer,
        )
        observer._start_anew()
        return observer

    # --- hooks --------------------------------------------------------------------------------------------------

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass the start on and remember which trace the span is in."""
        try:
            self._forward_start(span, parent_context=parent_context)
        except Exception as error:  # noqa: BLE001 - what goes wrong behind us must not reach the agent through us
            self._guard.failed("next processor's on_start", error)
        try:
            scope = span.instrumentation_scope
            # Our own report spans are no part of the session.
            if scope is not None and scope.name == _OUR_SCOPE:
                return
            # A span context is a tuple, and its properties cost three times what its items do: trace and span id.
            context = span.context
            parent = span.parent
            trace = self._traces.get(context[0])
            root = trace.members.get(parent[1]) if trace is not None and parent is not None else None
            if trace is None or root is None:
                self._start_below_unknown(context, parent)
            else:
                root.open.add(context[1])
                trace.members[context[1]] = root
        except Exception as error:  # noqa: BLE001 - the agent must not notice
            self._guard.failed("on_start", error)

    def _on_ending(self, span: Span) -> None:
        try:
            self._forward_ending(span)
        except Exception as error:  # noqa: BLE001 - as in `on_start`
            self._guard.failed("next processor's _on_ending", error)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass the span on, or hold it if it is a local root; queue it for the analysis."""
        root = None
        is_held = False
        span_id = 0
        try:
            context = span.context
            span_id = context[1]
            trace = self._traces.get(context[0])
            root = trace.members.get(span_id) if trace is not None else None
            if root is None:
                self._count_unknown(span)
            elif root.span_id == span_id:
                is_held, root = self._hold_root(root, span)
            elif self._holds_children:
                is_held = self._held.hold_child(root, span)
        except Exception as error:  # noqa: BLE001 - the agent must not notice; the span goes on below
            self._guard.failed("on_end", error)
        if not is_held:
            try:
                self._forward_end(span)
            except Exception as error:  # noqa: BLE001 - as in `on_start`
                self._guard.failed("next processor's on_end", error)
        if root is None:
            return
        try:
            queue = self._queue
            if len(queue) >= self._wake_size or root.trace.is_full or root.span_id == span_id:
                self._worker.offer(root, span, span_id)
            else:
                # What `offer` does, for the common case. The queue first: see `TraceBuffer.span_ended`.
                queue.append((root, span))
                root.open.discard(span_id)
        except Exception as error:  # noqa: BLE001 - the agent must not notice
            self._guard.failed("on_end", error)

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Analyse what has ended, let it go, and flush the next processor, all within the timeout.

        Sessions that still run are not touched. False when the time did not suffice.
        """
        timeout = self._settings.flush_timeout_seconds if timeout_millis is None else timeout_millis / 1000
        deadline = time.monotonic() + timeout
        is_done = False
        try:
            self._check_process()
            is_done = self._is_shut_down or self._worker.flush(timeout)
        except Exception as error:  # noqa: BLE001 - the agent must not notice
            self._guard.failed("force_flush", error)
        remaining_ms = int((deadline - time.monotonic()) * 1000)
        if remaining_ms <= 0:
            return False
        try:
            # Processors written without a result mean yes.
            return self._next.force_flush(remaining_ms) is not False and is_done
        except Exception as error:  # noqa: BLE001 - as in `on_start`
            self._guard.failed("next processor's force_flush", error)
            return False

    def shutdown(self) -> None:
        """Report every session, unfinished ones too, let all held spans go, and shut the next processor down. Once."""
        if self._is_shut_down:
            return
        try:
            self._check_process()
            self._is_shut_down = True
            self._worker.stop(self._settings.shutdown_timeout_seconds)
        except Exception as error:  # noqa: BLE001 - the agent must not notice
            self._guard.failed("shutdown", error)
        # What the worker had no time for goes on without findings.
        self._held.let_all_go()
        try:
            self._next.shutdown()
        except Exception as error:  # noqa: BLE001 - as in `on_start`
            self._guard.failed("next processor's shutdown", error)

    @property
    def is_shut_down(self) -> bool:
        """`shutdown` was called: spans only pass through."""
        return self._is_shut_down

    @property
    def stats(self) -> ProcessorStats:
        """A snapshot of the counters."""
        counters = self._counters
        dropped = counters.by_name("dropped")
        analysed, unknown, waiting = counters.total("analysed"), counters.total("unknown"), self._worker.waiting
        return ProcessorStats(
            spans_seen=analysed + sum(dropped.values()) + unknown + waiting,
            spans_analysed=analysed,
            spans_waiting=waiting,
            spans_held=len(self._held),
            spans_late=counters.total("late") + unknown,
            spans_dropped=dropped,
            releases=counters.by_name("releases"),
            failures=counters.by_name("failures"),
            traces_kept=self._buffer.trace_count,
            buffered_bytes=self._buffer.size_bytes,
        )

    # --- behind the hooks ---------------------------------------------------------------------------------------

    def _start_below_unknown(self, context: SpanContext, parent: SpanContext | None) -> None:
        """The start of a span whose parent was not seen: the first of its trace, or another local root."""
        if self._is_shut_down:
            return
        self._check_process()
        self._worker.ensure_running()
        if parent is None:
            self._buffer.span_started(context.trace_id, context.span_id, None, False)
        else:
            self._buffer.span_started(context.trace_id, context.span_id, parent.span_id, parent.is_remote)

    def _hold_root(self, root: _Root, span: ReadableSpan) -> tuple[bool, _Root | None]:
        """Whether the ended local root is held, and the root to queue it for: none in a child forked meanwhile."""
        if not self._check_process():
            return False, None
        # A root is only held while there is a worker to let it go again.
        return self._worker.ensure_running() and self._held.hold_root(root, span), root

    def _forward(self, span: ReadableSpan) -> None:
        try:
            self._forward_end(span)
        except Exception as error:  # noqa: BLE001 - as in `on_start`
            self._guard.failed("next processor's on_end", error)

    def _count_unknown(self, span: ReadableSpan) -> None:
        scope = span.instrumentation_scope
        if scope is None or scope.name != _OUR_SCOPE:
            self._counters.add("unknown")

    def _check_process(self) -> bool:
        """Start anew in a child that was forked behind Python's back; whether this is the process it was."""
        if self._pid == os.getpid():
            return True
        self._start_anew()
        return False

    def _before_fork(self) -> None:
        self._is_fork_waiting = self._analysis.first_use.acquire(timeout=_MAX_FORK_WAIT_SECONDS)

    def _after_fork_in_parent(self) -> None:
        if self._is_fork_waiting:
            self._analysis.first_use.release()

    def _start_anew(self) -> None:
        """Forget everything. What the parent of a forked process holds goes out there."""
        self._pid = os.getpid()
        self._counters = Counters()
        self._guard = Guard(self._counters, reraises=self._reraise)
        self._buffer: TraceBuffer[bytes] = TraceBuffer(self._settings)
        self._held = HeldSpans(
            self._forward,
            self._writer,
            self._copy_writer if self._holds_children else None,
            self._guard,
            max_roots=2 * self._settings.max_traces,
            max_children=self._settings.max_held_spans,
        )
        self._analysis = LiveAnalysis(self._pipeline, self._outputs, self._guard, self._counters)
        self._is_fork_waiting = False
        self._worker = AnalysisWorker(
            self._settings,
            self._buffer,
            self._held,
            self._analysis,
            self._guard,
            self._counters,
            self._clock,
        )
        # What the hooks touch for every span, without a detour.
        self._traces = self._buffer.traces
        self._queue, self._wake_size = self._worker.queue, self._worker.wake_size


def _event_writer(findings: FindingForm, log_pipeline: LogPipeline | None) -> EventWriter:
    if findings == "span-events":
        return SpanEvents()
    # Imported here: few ask for it, and the Logs API costs as much as the rest of this module.
    from otel_sessionopt.writeback.log_events import LogEvents, program_logs

    return LogEvents(log_pipeline or program_logs())


class _Beside(SpanProcessor):
    """What an observer has for a next processor: ignores spans; the processor of the report spans ends with it."""

    def __init__(self, report_processor: SpanProcessor | None) -> None:
        self._report_processor = report_processor

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._report_processor is None or self._report_processor.force_flush(timeout_millis) is not False

    def shutdown(self) -> None:
        if self._report_processor is not None:
            self._report_processor.shutdown()


def _ignore(_span: Span) -> None:
    """Stand in for a hook that the next processor has not."""

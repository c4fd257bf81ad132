"""`SessionOptSpanExporter`: findings on root spans without touching code, `OTEL_TRACES_EXPORTER=sessionopt`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_sessionopt import semconv
from otel_sessionopt.config import process_environ
from otel_sessionopt.exporter_delegate import (
    NO_EXPORTER,
    OWN_NAME,
    DelegateLogs,
    delegate_exporter,
    exporter_names,
    is_exporter,
)
from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_options import attach_of, options_from, settings_or_defaults

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings

_DEFAULT_DELEGATE: Final = "otlp"
_log = logging.getLogger(__name__)


class SessionOptSpanExporter(SpanExporter):
    """Wraps another exporter: every span goes on to it once, roots with what was found in their session.

    It sees spans when they have ended, in batches. Those without a parent in this process are held until their
    session is analysed, mostly within the same batch: then they go out with it. Where spans do not come in the order
    in which they ended, a root waits for more, for `processor.grace_seconds`. At shutdown everything goes out.

    The analysis is that of `SessionOptSpanProcessor`, on its thread; the exporting thread waits for it while a root is
    in its batch, for `processor.flush_timeout_seconds` at most. Roots that are ready later go out on the analysis
    thread. Thread-safe; survives `fork`.

    Args:
        delegate: sends the spans: an exporter; the name of one as in `OTEL_TRACES_EXPORTER`; a name with its arguments
            (`{"otlp_http": {"endpoint": ...}}`). The setting `exporter.delegate` when not given, which is `otlp`.
        settings: as `config.load_settings` gives them; loaded here when not given.
        options: settings as tables (`report={"folder": "reports"}`), stronger than file and variables. This is what
            OpenTelemetry's declarative configuration calls it with.

    Raises:
        ConfigError: there is no such `delegate`. Settings that are wrong, `exporter.delegate` too, are logged and the
            defaults used instead, so that no span is lost.
    """

    def __init__(
        self,
        delegate: SpanExporter | str | Mapping[str, Any] | None = None,
        *,
        settings: Settings | None = None,
        **options: Any,
    ) -> None:
        settings = settings or settings_or_defaults("the traces exporter", options)
        if delegate is None:
            delegate = _known_delegate(settings.exporter.delegate)
        _warn_of_doubles(process_environ(), delegate)
        self._delegate = delegate_exporter(delegate)
        self._core: _Core | None = None
        if settings.enabled:
            self._core = _Core(self._delegate, DelegateLogs.of(delegate), settings)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans on, except roots whose session is not analysed yet."""
        return self._delegate.export(spans) if self._core is None else self._core.export(spans)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Analyse what has ended, send it, and flush the delegate."""
        flushed = self._delegate if self._core is None else self._core
        return flushed.force_flush(timeout_millis) is not False

    def shutdown(self) -> None:
        """Report every session, unfinished ones too, send what is held, and shut the delegate down. Once."""
        (self._delegate if self._core is None else self._core).shutdown()


def _known_delegate(name: str) -> str:
    """The exporter that the settings name; the default, and one line in the log, where there is none of that name."""
    if name in (NO_EXPORTER, _DEFAULT_DELEGATE) or is_exporter(name):
        return name
    known = ", ".join((*exporter_names(), NO_EXPORTER))
    _log.error("the setting exporter.delegate is %r; known are %s; spans go to %s", name, known, _DEFAULT_DELEGATE)
    return _DEFAULT_DELEGATE


class _Core(SessionOptSpanProcessor):
    """The live processor, fed with ended spans instead of hooks."""

    def __init__(self, delegate: SpanExporter, logs: DelegateLogs, settings: Settings) -> None:
        self._outbox = _Outbox(delegate)
        self._logs = logs
        options = options_from(settings)
        options["log_pipeline"] = logs.pipeline
        super().__init__(self._outbox, attach=attach_of(settings), **options)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send on what is not held, and what is let go meanwhile."""
        self._check_process()
        with self._exporting:
            self._outbox.begin()
            sent: list[ReadableSpan] = []
            has_root = False
            for span in spans:
                is_held, is_root = self._take(span)
                has_root |= is_root
                if not is_held:
                    sent.append(span)
            # A root is worth waiting for. So is room in the queue: this thread has nothing better to do.
            if has_root or self._worker.waiting > self._settings.queue_size // 2:
                self._worker.settle(self._settings.flush_timeout_seconds)
            return self._outbox.send(sent)

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """As the processor's; then the log events, if there are any."""
        return super().force_flush(timeout_millis) and self._logs.force_flush()

    def shutdown(self) -> None:
        """As the processor's; then the log events, if there are any."""
        super().shutdown()
        self._logs.shutdown()

    def _take(self, span: ReadableSpan) -> tuple[bool, bool]:
        """Queue a span for the analysis; whether it is held, and whether it is a local root."""
        is_held = is_root = False
        try:
            scope = span.instrumentation_scope
            if self._is_shut_down or (scope is not None and scope.name == semconv.SCOPE_NAME):
                return False, False
            context, parent = span.context, span.parent
            root = self._buffer.span_came(
                context.trace_id,
                context.span_id,
                parent.span_id if parent is not None else None,
                parent is not None and parent.is_remote,
                span.end_time or 0,
            )
            if root is None:
                self._counters.add("unknown")
                return False, False
            is_root = root.span_id == context.span_id
            is_held = self._held.hold_root(root, span) if is_root else self._held.hold_child(root, span)
            self._worker.ensure_running()
            self._worker.offer(root, span, context.span_id)
        except Exception as error:  # noqa: BLE001 - the span goes on, at shutdown at the latest
            self._guard.failed("export", error)
        return is_held, is_root

    def _start_anew(self) -> None:
        super()._start_anew()
        self._exporting = threading.Lock()
        self._outbox.start_anew()
        # Now, not with the first span: that one may come when the interpreter ends, and then no thread can be started.
        self._worker.ensure_running()


class _Outbox(SpanProcessor):
    """What is let go: sent with the batch that is being exported, or at once where there is none."""

    def __init__(self, delegate: SpanExporter) -> None:
        self._delegate = delegate
        self.start_anew()

    def start_anew(self) -> None:
        """Forget what a parent process has to send."""
        self._lock = threading.Lock()  # guards the batch
        self._sending = threading.Lock()  # exporters need not bear two calls at a time
        self._batch: list[ReadableSpan] | None = None

    def begin(self) -> None:
        """Collect what is let go from now on."""
        with self._lock:
            self._batch = []

    def send(self, spans: list[ReadableSpan]) -> SpanExportResult:
        """Send `spans` and what was collected."""
        with self._lock:
            spans += self._batch or ()
            self._batch = None
        with self._sending:
            return self._delegate.export(spans) if spans else SpanExportResult.SUCCESS

    def on_end(self, span: ReadableSpan) -> None:
        """Collect a span that is let go, or send it."""
        with self._lock:
            if self._batch is not None:
                self._batch.append(span)
                return
        with self._sending:
            self._delegate.export([span])

    def shutdown(self) -> None:
        """Shut the delegate down."""
        self._delegate.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the delegate."""
        return self._delegate.force_flush(timeout_millis) is not False


def _warn_of_doubles(environ: Mapping[str, str], delegate: object) -> None:
    names = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "").split(",")]
    others = [name for name in names if name.startswith("otlp")]
    if OWN_NAME in names and others and delegate != NO_EXPORTER:
        _log.warning(
            "OTEL_TRACES_EXPORTER names %s beside sessionopt, which sends every span itself: each would be sent twice. "
            "Name sessionopt alone, or set SESSIONOPT_EXPORTER_DELEGATE=none for reports only",
            others[0],
        )

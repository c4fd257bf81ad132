"""`SessionOptInstrumentor`: installed means on, for programs that run under `opentelemetry-instrument`."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined, import-not-found, unused-ignore]
    BaseInstrumentor,  # it comes with the extra and has no `__all__` in some versions
)
from opentelemetry.sdk.trace import TracerProvider

from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_options import options_from, settings_or_defaults
from otel_sessionopt.processor_presence import has_processor

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InstrumentorConfiguration:
    """What `instrumentation/development: python: sessionopt:` may contain: the tables of the settings file."""

    report: dict[str, Any] | None = None
    history: dict[str, Any] | None = None
    processor: dict[str, Any] | None = None
    writeback: dict[str, Any] | None = None
    rules: dict[str, Any] | None = None
    prices: dict[str, Any] | None = None
    ignore_paths: list[str] | None = None


class SessionOptInstrumentor(BaseInstrumentor):  # type: ignore[misc, unused-ignore]  # untyped where not installed
    """Adds the observer to the tracer provider: each session gets one span `sessionopt.report`, no other is touched.

    It does nothing where a processor or exporter of ours is at work already, or where `SESSIONOPT_ENABLED` says no;
    with `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=sessionopt` it is not even loaded.
    """

    configuration: ClassVar[type[InstrumentorConfiguration]] = InstrumentorConfiguration
    """Read by the SDK's declarative configuration, which checks options against it."""

    _observer: SessionOptSpanProcessor | None = None
    _undo: Callable[[], None] | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: it instruments no library."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        provider = kwargs.pop("tracer_provider", None) or trace.get_tracer_provider()
        if not isinstance(provider, TracerProvider):
            _log.info("no tracer provider of the SDK is set: sessions are not analysed")
            return
        if has_processor(provider):
            _log.debug("sessions are analysed already")
            return
        settings = settings_or_defaults("the instrumentor", kwargs)
        if not settings.enabled:
            return
        observer = SessionOptSpanProcessor.observer(tracer_provider=provider, **options_from(settings))
        provider.add_span_processor(observer)
        self._observer = observer
        self._undo = _run_before_shutdown(provider, observer.shutdown)

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ARG002 - the signature is given
        """Report what is left and stop. The SDK removes no processors: ours stays and does nothing."""
        if self._observer is not None:
            self._observer.shutdown()
            self._observer = None
        if self._undo is not None:
            self._undo()
            self._undo = None


def _run_before_shutdown(provider: TracerProvider, finish: Callable[[], None]) -> Callable[[], None]:
    """Call `finish` before `provider` shuts its exporters down, which come before our processor; gives the undoing.

    The provider registered itself for the end of the program earlier, so that what is registered now runs first.
    """
    shutdown = provider.shutdown

    def finish_and_shut_down() -> None:
        finish()
        shutdown()

    atexit.register(finish)
    provider.shutdown = finish_and_shut_down  # type: ignore[method-assign]

    def undo() -> None:
        atexit.unregister(finish)
        if provider.__dict__.get("shutdown") is finish_and_shut_down:
            del provider.__dict__["shutdown"]

    return undo

"""Findings as log events: where OpenTelemetry is going with events, beside the span instead of on it.

Source: OpenTelemetry OTEP 4430 (the span event API is to be deprecated for events as logs), Logs API specification.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber, get_logger_provider
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from otel_sessionopt import semconv
from otel_sessionopt.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

    from otel_sessionopt.writeback.span_events import WrittenEvent

_log = logging.getLogger(__name__)

LogPipeline = Callable[["Resource"], "LoggerProvider | None"]
"""Gives the logger provider for spans of a resource; `None` when there is none."""


class LogEvents:
    """Writes events as log records with the trace and span id of the span that they are about.

    Without a log pipeline they stay on the span, which is logged once. Of traces that are not sampled nothing is
    written. Called on the worker's thread.

    Args:
        pipeline: where the records go.
    """

    def __init__(self, pipeline: LogPipeline) -> None:
        self._pipeline = pipeline
        self._has_warned = False

    def write(self, span: ReadableSpan, events: Sequence[WrittenEvent]) -> Sequence[WrittenEvent]:
        """Emit `events`; gives those that have to go onto the span: none, or all without a log pipeline."""
        if not span.context.trace_flags.sampled:
            return ()
        provider = self._pipeline(span.resource)
        if provider is None:
            if not self._has_warned:
                self._has_warned = True
                _log.warning("findings go onto spans: there is no log pipeline to send log events to")
            return events
        logger = provider.get_logger(semconv.SCOPE_NAME, __version__)
        context = set_span_in_context(NonRecordingSpan(span.context))
        for event in events:
            logger.emit(
                LogRecord(
                    timestamp=event.time_ns,
                    observed_timestamp=time.time_ns(),
                    context=context,
                    # Of the record; how bad a finding is says its attribute.
                    severity_number=SeverityNumber.INFO,
                    event_name=event.name,
                    attributes=event.attributes,
                )
            )
        return ()


def program_logs(provider: LoggerProvider | None = None) -> LogPipeline:
    """The program's own log pipeline: `provider`, else the global one where a program or an agent has set one."""

    def pipeline(_resource: Resource) -> LoggerProvider | None:
        found = provider or get_logger_provider()
        # What the API itself brings only throws records away.
        return None if type(found).__module__.startswith("opentelemetry._logs") else found

    return pipeline

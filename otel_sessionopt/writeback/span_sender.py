"""`SpanSender`: takes spans one by one and sends them to a receiver in requests that it accepts."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from otel_sessionopt.config_endpoint import Endpoint

SPANS_AT_ONCE: Final = 1_000
"""Spans in one request."""
CHARS_AT_ONCE: Final = 1_500_000
"""Characters of text in one request: even at two bytes each, and with all that is not text, below the 4 MB that gRPC
receivers take."""


class SpanSender:
    """Sends spans to one receiver, in order. Use it as a context manager; what is left is sent at its end.

    After a request that was not taken nothing more is sent: the next one would only wait for the same timeout.

    Attributes:
        sent: spans that were taken.
        has_failed: whether a request was not taken.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._exporter = _exporter(endpoint)
        self._waiting: list[ReadableSpan] = []
        self._chars = 0
        self.sent = 0
        self.has_failed = False

    def __enter__(self) -> SpanSender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.flush()
        finally:
            self._exporter.shutdown()

    def send(self, span: ReadableSpan) -> bool:
        """Take a span, and send those that wait when they are enough; whether all requests were taken so far."""
        chars = _text_chars(span)
        if self._waiting and (len(self._waiting) == SPANS_AT_ONCE or self._chars + chars > CHARS_AT_ONCE):
            self.flush()
        if not self.has_failed:
            self._waiting.append(span)
            self._chars += chars
        return not self.has_failed

    def flush(self) -> bool:
        """Send those that wait, and wait for the answer; whether all requests were taken so far."""
        waiting, self._waiting, self._chars = self._waiting, [], 0
        if waiting and not self.has_failed:
            # Instrumented HTTP and gRPC libraries would make spans of the sending.
            token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
            try:
                self.has_failed = self._exporter.export(waiting) is not SpanExportResult.SUCCESS
            finally:
                detach(token)
            if not self.has_failed:
                self.sent += len(waiting)
        return not self.has_failed


def _text_chars(span: ReadableSpan) -> int:
    return sum(len(value) for value in (span.attributes or {}).values() if isinstance(value, str))


def _exporter(endpoint: Endpoint) -> SpanExporter:
    # Headers, certificates and compression: the exporters read OpenTelemetry's own variables.
    if endpoint.is_grpc:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter(endpoint=endpoint.url, timeout=endpoint.timeout_seconds)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter(endpoint=endpoint.url, timeout=endpoint.timeout_seconds)

"""The service's metrics: one set of OTel instruments, read by `/metrics` and, where an endpoint is set, by OTLP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader

from otel_sessionopt import semconv
from otel_sessionopt.service.trace_store import FINDINGS_OF

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
Status = Callable[[], Mapping[str, Any]]


class _Metric(NamedTuple):
    """One instrument: its name, unit and meaning, and the counter that it shows."""

    name: str
    unit: str
    doc: str
    counter: str
    is_sum: bool = True


METRICS: Final = (
    _Metric("sessionopt.received.requests", "{request}", "Requests acknowledged.", "received_requests"),
    _Metric("sessionopt.received.spans", "{span}", "Spans in acknowledged requests.", "received_traces"),
    _Metric("sessionopt.received.log_records", "{record}", "Log records in acknowledged requests.", "received_logs"),
    _Metric("sessionopt.rejected.spans", "{span}", "Spans without valid ids.", "received_rejected"),
    _Metric("sessionopt.refused.requests", "{request}", "Requests that the store did not take.", "refused_by_store"),
    _Metric("sessionopt.read.spans", "{span}", "Spans read from the log.", "spans_read"),
    _Metric("sessionopt.analysed.spans", "{span}", "Spans in analyses, again with each analysis.", "spans_analysed"),
    _Metric("sessionopt.reports", "{report}", "Reports made, refreshed ones included.", "reports"),
    _Metric("sessionopt.analyses.failed", "{analysis}", "Analyses that failed.", "analyses_failed"),
    _Metric("sessionopt.waste.tokens", "{token}", "Avoidable tokens, each session's once.", "waste_tokens"),
    _Metric("sessionopt.waste.cost", "USD", "What they cost, where there is a price.", "waste_usd"),
    _Metric("sessionopt.cost", "USD", "What the sessions cost, where there is a price.", "cost_usd"),
    _Metric("sessionopt.reader.restarts", "{restart}", "How often the reader process died.", "reader_restarts"),
    _Metric("sessionopt.log.unread", "By", "Requests on disk that wait to be read.", "unread_bytes", is_sum=False),
    _Metric("sessionopt.traces.waiting", "{trace}", "Traces with spans not reported yet.", "traces_waiting", False),
    _Metric("sessionopt.traces.kept", "{trace}", "Traces kept for late spans.", "traces_kept", False),
)
SUMMED: Final = (
    "spans_read",
    "spans_analysed",
    "reports",
    "analyses_failed",
    "waste_tokens",
    "waste_usd",
    "cost_usd",
)
"""Counters of the reader that go on growing when another reader takes its place."""
_FORWARDED: Final = ("sent", "own", "retries", "refused", "dropped")


def otlp_readers(environ: Mapping[str, str]) -> list[MetricReader]:
    """A reader that sends by OTLP/HTTP every minute, where OpenTelemetry's own variable for metrics says where to.

    Not the variable for all signals: where it is set, it leads agents to this very service.
    """
    endpoint = environ.get(ENDPOINT_VARIABLE, "").strip()
    if not endpoint:
        return []
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return [PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint))]


class ServiceMetrics:
    """The instruments. Nothing is loaded before the first use.

    Args:
        status: gives the counters.
        further_readers: makes those that send by themselves; called once, at the start.
    """

    def __init__(self, status: Status, further_readers: Callable[[], Iterable[MetricReader]] = tuple) -> None:
        self._status = status
        self._further_readers = further_readers
        self._provider: MeterProvider | None = None
        self._registry: Any = None
        self._starting = threading.Lock()

    def exposition(self) -> tuple[str, bytes]:
        """All metrics as text in Prometheus's format: its content type, and the text."""
        from prometheus_client import exposition

        self.start()
        return exposition.CONTENT_TYPE_LATEST, exposition.generate_latest(self._registry)

    def start(self) -> None:
        """Make the instruments, once. Safe to call from any thread."""
        with self._starting:
            if self._provider is None:
                self._make()

    def _make(self) -> None:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from prometheus_client import REGISTRY, CollectorRegistry

        reader = PrometheusMetricReader(disable_target_info=True)
        # The exporter registers itself with the process-wide registry, which others may use too.
        REGISTRY.unregister(reader._collector)
        self._registry = CollectorRegistry()
        self._registry.register(reader._collector)
        self._provider = MeterProvider([reader, *self._further_readers()])
        meter = self._provider.get_meter(semconv.SCOPE_NAME)
        for metric in METRICS:
            make = meter.create_observable_counter if metric.is_sum else meter.create_observable_gauge
            make(metric.name, [self._observer(metric.counter)], metric.unit, metric.doc)
        meter.create_observable_counter(
            "sessionopt.findings", [self._observe_findings], "{finding}", "Findings in the reports, by rule."
        )
        meter.create_observable_counter(
            "sessionopt.forwarded.requests", [self._observe_forwarded], "{request}", "Requests sent on, by what became."
        )

    def stop(self) -> None:
        """Send what is there, and end."""
        if self._provider is not None:
            self._provider.shutdown()

    def _observer(self, counter: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _options: [Observation(self._status().get(counter, 0))]

    def _observe_findings(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, count in self._status().items():
            if name.startswith(FINDINGS_OF):
                yield Observation(count, {"code": name.removeprefix(FINDINGS_OF)})

    def _observe_forwarded(self, _options: CallbackOptions) -> Iterable[Observation]:
        for endpoint in self._status().get("forwarded", ()):
            for outcome in _FORWARDED:
                yield Observation(endpoint.get(outcome, 0), {"endpoint": endpoint["url"], "outcome": outcome})

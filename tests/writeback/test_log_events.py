"""Findings as log events: through the real Logs API, in every form of the live processor, and over the wire."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, StaticSampler

from otel_sessionopt.errors import ConfigError
from otel_sessionopt.exporter import SessionOptSpanExporter
from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.writeback.log_events import program_logs
from tests.support.live_spans import FINDING, Recorder, live, run_agent
from tests.support.otlp_sink import OtlpSink, http_sink

EVENTS = ["sessionopt.finding", "sessionopt.summary", "gen_ai.evaluation.result"]


def logs_to(sink: OtlpSink) -> LoggerProvider:
    provider = LoggerProvider(shutdown_on_exit=False)
    exporter = OTLPLogExporter(endpoint=sink.url.replace("/v1/traces", "/v1/logs"))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return provider


def attributes(record: LogRecord) -> Mapping[str, Any]:
    return {item.key: item.value.string_value for item in record.attributes}


def test_the_processor_sends_findings_as_log_events_of_the_root() -> None:
    with http_sink() as sink:
        logs = logs_to(sink)
        with live(findings="log-events", log_pipeline=program_logs(logs)) as world:
            run_agent(world.tracer)
            root = world.recorder.wait(6)[-1]
        logs.shutdown()
        assert [record.event_name for record in sink.logs] == EVENTS
        finding = sink.logs[0]
        assert finding.trace_id == root.context.trace_id.to_bytes(16, "big")
        assert finding.span_id == root.context.span_id.to_bytes(8, "big")
        assert attributes(finding)["sessionopt.finding.code"] == FINDING
        assert (root.start_time or 0) <= finding.time_unix_nano <= (root.end_time or 0)
        assert root.events == ()
        assert (root.attributes or {})["sessionopt.rule.repeated-file-read"] is True


def test_the_observer_sends_them_beside_its_span() -> None:
    with http_sink() as sink:
        logs = logs_to(sink)
        reports = Recorder()
        observer = SessionOptSpanProcessor.observer(
            reports, report_folder=None, findings="log-events", log_pipeline=program_logs(logs)
        )
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(observer)
        run_agent(provider.get_tracer("tests"))
        provider.shutdown()
        logs.shutdown()
        assert [record.event_name for record in sink.logs] == EVENTS
        (report,) = reports.ended
        assert not report.events
        assert report.links


def test_the_exporter_sends_them_where_its_spans_go_even_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_sink() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url.removesuffix("/v1/traces"))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        exporter = SessionOptSpanExporter(report={"enabled": False}, writeback={"findings": "log-events"})
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        run_agent(provider.get_tracer("tests"))
        provider.shutdown()
        assert [record.event_name for record in sink.logs] == EVENTS
        root = next(span for span in sink.spans if not span.parent_span_id)
        assert not root.events
        assert {record.span_id for record in sink.logs} == {root.span_id}


def test_findings_on_their_causes_are_log_events_of_those_spans() -> None:
    with http_sink() as sink:
        logs = logs_to(sink)
        with live(attach="spans", findings="log-events", log_pipeline=program_logs(logs)) as world:
            run_agent(world.tracer)
            spans = world.recorder.wait(6)
        logs.shutdown()
        cause = next(span for span in spans if (span.attributes or {}).get("sessionopt.has_findings") and span.parent)
        of_cause = [record for record in sink.logs if int.from_bytes(record.span_id, "big") == cause.context.span_id]
        assert [record.event_name for record in of_cause] == ["sessionopt.finding"]


def test_without_a_log_pipeline_findings_stay_on_spans_and_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "otel_sessionopt"):
        with live(findings="log-events", log_pipeline=program_logs(NoOpLoggerProvider())) as world:
            for _ in range(2):
                run_agent(world.tracer)
            spans = world.recorder.wait(12)
    assert [[event.name for event in span.events] for span in spans if span.parent is None] == [EVENTS, EVENTS]
    assert caplog.messages == ["findings go onto spans: there is no log pipeline to send log events to"]


def test_of_a_trace_that_is_not_sampled_nothing_is_sent() -> None:
    with http_sink() as sink:
        logs = logs_to(sink)
        processor = SessionOptSpanProcessor(
            Recorder(), report_folder=None, findings="log-events", log_pipeline=program_logs(logs)
        )
        provider = TracerProvider(sampler=StaticSampler(Decision.RECORD_ONLY), shutdown_on_exit=False)
        provider.add_span_processor(processor)
        run_agent(provider.get_tracer("tests"))
        provider.shutdown()
        logs.shutdown()
        assert sink.logs == []
        assert json.dumps(dict(processor.stats.failures)) == "{}"


def test_another_form_of_findings_is_refused() -> None:
    with pytest.raises(ConfigError, match="findings='smoke' must be"):
        SessionOptSpanProcessor(Recorder(), findings="smoke")  # type: ignore[arg-type]

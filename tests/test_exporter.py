"""The traces exporter, over the wire and with batches in every order."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from otel_sessionopt.config import Settings, load_settings
from otel_sessionopt.errors import ConfigError
from otel_sessionopt.exporter import SessionOptSpanExporter
from otel_sessionopt.exporter_delegate import delegate_exporter
from tests.support.live_spans import AGENT, FINDING, findings, run_agent, wait_until
from tests.support.otlp_sink import OtlpSink, grpc_sink, http_sink

ROOT = "invoke_agent coder"
SPANS_OF_AGENT = 6


class Delegate(SpanExporter):
    """An exporter that remembers what it got, batch by batch."""

    def __init__(self, result: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.batches: list[list[ReadableSpan]] = []
        self.result = result
        self.shutdowns = 0
        self.flushes = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.batches.append(list(spans))
        return self.result

    def shutdown(self) -> None:
        self.shutdowns += 1

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.flushes += 1
        return True

    @property
    def spans(self) -> list[ReadableSpan]:
        return [span for batch in self.batches for span in batch]

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]


def settings_of(**tables: Any) -> Settings:
    return load_settings(environ={}, options={"report": {"enabled": False}, **tables})


def ended_session(sessions: int = 1) -> list[ReadableSpan]:
    """The ended spans of sessions, in the order in which they ended."""
    delegate = Delegate()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(delegate))
    for _ in range(sessions):
        run_agent(provider.get_tracer("tests"))
    return delegate.spans


@pytest.fixture
def delegate() -> Delegate:
    return Delegate()


@pytest.fixture
def exporter(delegate: Delegate) -> Iterator[SessionOptSpanExporter]:
    exporter = SessionOptSpanExporter(delegate, settings=settings_of())
    yield exporter
    exporter.shutdown()


def codes(span: ReadableSpan) -> list[str]:
    return [finding["sessionopt.finding.code"] for finding in findings(span)]


def test_a_session_in_one_batch_goes_on_as_one_batch_with_findings_on_its_root(
    exporter: SessionOptSpanExporter, delegate: Delegate
) -> None:
    assert exporter.export(ended_session()) is SpanExportResult.SUCCESS
    (batch,) = delegate.batches
    assert [span.name for span in batch][-1] == ROOT
    assert [codes(span) for span in batch] == [[]] * 5 + [[FINDING]]


def test_spans_go_on_before_their_root_comes(exporter: SessionOptSpanExporter, delegate: Delegate) -> None:
    *children, root = ended_session()
    exporter.export(children)
    assert delegate.spans == children
    exporter.export([root])
    assert codes(delegate.spans[-1]) == [FINDING]


@pytest.mark.parametrize("seed", range(8))
def test_batches_in_any_order_lose_and_double_nothing(delegate: Delegate, seed: int) -> None:
    exporter = SessionOptSpanExporter(delegate, settings=settings_of(processor={"grace_seconds": 0.2}))
    spans = ended_session(3)
    chance = random.Random(seed)
    chance.shuffle(spans)
    while spans:
        count = chance.randint(1, 5)
        exporter.export(spans[:count])
        del spans[:count]
    exporter.shutdown()
    ids = [span.context.span_id for span in delegate.spans]
    assert len(ids) == len(set(ids)) == 3 * SPANS_OF_AGENT
    assert delegate.names.count(ROOT) == 3


@pytest.mark.parametrize("seed", range(4))
def test_a_root_waits_for_spans_that_are_late_because_nothing_is_in_order(delegate: Delegate, seed: int) -> None:
    exporter = SessionOptSpanExporter(delegate, settings=settings_of())
    *children, root = ended_session()
    random.Random(seed).shuffle(children)
    second, first, *others = sorted(children[:2], key=lambda span: -(span.end_time or 0)) + children[2:]
    for span in (second, first, root, *others):
        exporter.export([span])
    assert ROOT not in delegate.names
    exporter.shutdown()
    assert codes(delegate.spans[-1]) == [FINDING]


def test_a_root_that_came_first_goes_out_by_itself_when_its_time_is_over(delegate: Delegate) -> None:
    exporter = SessionOptSpanExporter(delegate, settings=settings_of(processor={"grace_seconds": 0.05}))
    *children, root = ended_session()
    exporter.export([root])
    assert delegate.spans == []
    exporter.export(children)
    wait_until(lambda: len(delegate.spans) == SPANS_OF_AGENT)
    assert codes(delegate.spans[-1]) == [FINDING]
    exporter.shutdown()


def test_flush_waits_for_nothing(exporter: SessionOptSpanExporter, delegate: Delegate) -> None:
    *children, root = ended_session()
    exporter.export([root])
    exporter.export(children)
    assert exporter.force_flush(10_000)
    assert codes(delegate.spans[-1]) == [FINDING]
    assert delegate.flushes == 1


def test_shutdown_sends_what_is_held_once(exporter: SessionOptSpanExporter, delegate: Delegate) -> None:
    *children, root = ended_session()
    exporter.export([root])
    exporter.export(children)
    exporter.shutdown()
    exporter.shutdown()
    assert sorted(delegate.names) == sorted(span.name for span in (*children, root))
    assert delegate.shutdowns == 1


def test_what_comes_after_shutdown_passes_through(exporter: SessionOptSpanExporter, delegate: Delegate) -> None:
    exporter.shutdown()
    spans = ended_session()
    exporter.export(spans)
    assert delegate.spans == spans


def test_the_answer_of_the_delegate_is_the_answer() -> None:
    exporter = SessionOptSpanExporter(Delegate(SpanExportResult.FAILURE), settings=settings_of())
    assert exporter.export(ended_session()) is SpanExportResult.FAILURE
    exporter.shutdown()


def test_findings_can_be_on_the_spans_that_caused_them(delegate: Delegate) -> None:
    exporter = SessionOptSpanExporter(delegate, settings=settings_of(writeback={"attach": "spans"}))
    for span in ended_session():
        exporter.export([span])
    assert [span.name for span in delegate.spans if codes(span)] == ["execute_tool Read", ROOT]
    assert len(delegate.spans) == SPANS_OF_AGENT
    exporter.shutdown()


def test_spans_held_below_a_root_that_turned_out_later_are_let_go_with_it(delegate: Delegate) -> None:
    settings = settings_of(writeback={"attach": "spans"}, processor={"grace_seconds": 0.05})
    exporter = SessionOptSpanExporter(delegate, settings=settings)
    *children, root = ended_session()
    exporter.export([children[-1]])
    exporter.export([root, *children[:-1]])
    wait_until(lambda: len(delegate.spans) == SPANS_OF_AGENT)
    exporter.shutdown()
    assert len(delegate.spans) == SPANS_OF_AGENT


def test_switched_off_it_only_passes_spans_on(delegate: Delegate) -> None:
    exporter = SessionOptSpanExporter(delegate, settings=settings_of(enabled=False))
    spans = ended_session()
    exporter.export(spans)
    assert delegate.spans == spans
    assert exporter.force_flush()
    exporter.shutdown()
    assert (delegate.flushes, delegate.shutdowns) == (1, 1)


def test_reports_are_written(delegate: Delegate, tmp_path: Path) -> None:
    exporter = SessionOptSpanExporter(delegate, report={"folder": str(tmp_path), "formats": ["json"]})
    exporter.export(ended_session())
    (report,) = tmp_path.iterdir()
    assert report.name.endswith("_report.json")
    exporter.shutdown()


def test_wrong_options_are_told_once_and_no_span_is_lost(delegate: Delegate, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "otel_sessionopt"):
        exporter = SessionOptSpanExporter(delegate, rules={"large-file": {"min_tokens": "many"}})
    exporter.export(ended_session())
    exporter.shutdown()
    assert len(delegate.spans) == SPANS_OF_AGENT
    (message,) = caplog.messages
    assert message == (
        "options of sessionopt: rules.large-file.min_tokens is 'many'; "
        "a whole number from 100 to 10,000,000 is wanted; the traces exporter goes on with the defaults"
    )


def test_the_same_spans_sent_twice_are_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, delegate: Delegate
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp,sessionopt")
    SessionOptSpanExporter(delegate, settings=settings_of()).shutdown()
    assert "each would be sent twice" in caplog.text


# --- delegates


def test_otlp_is_what_the_usual_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(delegate_exporter("otlp"), GrpcExporter)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    assert isinstance(delegate_exporter("otlp"), HttpExporter)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
    assert isinstance(delegate_exporter("otlp"), GrpcExporter)


def test_a_delegate_can_have_arguments() -> None:
    exporter = delegate_exporter({"otlp_http": {"endpoint": "http://localhost:9/v1/traces"}})
    assert isinstance(exporter, HttpExporter)
    assert isinstance(delegate_exporter({"console": None}), ConsoleSpanExporter)


def test_none_sends_nothing() -> None:
    assert delegate_exporter("none").export(ended_session()) is SpanExportResult.SUCCESS


@pytest.mark.parametrize(
    ("delegate", "says"),
    [
        ("nothing-like-it", "no traces exporter 'nothing-like-it'; known are"),
        ("sessionopt", "no traces exporter 'sessionopt'"),
        ({"console": {"colour": "red"}}, "console does not take colour"),
        ({}, "one exporter is wanted, not none"),
        ({"console": None, "otlp": None}, "one exporter is wanted, not console, otlp"),
    ],
)
def test_a_delegate_that_is_none_is_refused(delegate: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        delegate_exporter(delegate)


def test_a_setting_that_names_no_exporter_is_told_and_no_span_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with http_sink() as sink:
        monkeypatch.setenv("SESSIONOPT_EXPORTER_DELEGATE", "jaeger")
        monkeypatch.setenv("SESSIONOPT_REPORT_ENABLED", "false")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", sink.url)
        exporter = SessionOptSpanExporter()
        exporter.export(ended_session())
        exporter.shutdown()

        assert len(sink.spans) == len(ended_session())
    (line,) = caplog.messages
    assert line.startswith("the setting exporter.delegate is 'jaeger'; known are console, otlp, ")
    assert line.endswith("none; spans go to otlp")


def test_an_unknown_protocol_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier pigeon")
    with pytest.raises(ConfigError, match="'carrier pigeon'; grpc or http/protobuf or http/json is wanted"):
        delegate_exporter("otlp")


# --- over the wire


@pytest.fixture(params=[(http_sink, "otlp_http"), (grpc_sink, "otlp_grpc")], ids=["http", "grpc"])
def wire(request: pytest.FixtureRequest) -> Iterator[tuple[OtlpSink, TracerProvider]]:
    make_sink, name = request.param
    with make_sink() as sink:
        exporter = SessionOptSpanExporter({name: {"endpoint": sink.url}}, settings=settings_of())
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=20))
        yield sink, provider
        provider.shutdown()


def test_each_span_arrives_once_and_the_flush_of_the_provider_brings_the_root(
    wire: tuple[OtlpSink, TracerProvider],
) -> None:
    sink, provider = wire
    for _ in range(3):
        run_agent(provider.get_tracer("tests"))
    assert provider.force_flush()
    roots = [span for span in sink.spans if span.name == ROOT]
    assert len(sink.spans) == 3 * SPANS_OF_AGENT
    assert [next(event.name for event in root.events) for root in roots] == ["sessionopt.finding"] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_parent_and_forked_child_each_send_their_own_session_once() -> None:
    with http_sink() as sink:
        exporter = SessionOptSpanExporter({"otlp_http": {"endpoint": sink.url}}, settings=settings_of())
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=20))
        tracer = provider.get_tracer("tests")
        run_agent(tracer)
        held = tracer.start_span("held root", attributes=AGENT)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                run_agent(tracer)
                provider.shutdown()
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        held.end()
        provider.shutdown()
        assert sink.names.count(ROOT) == 2
        assert sink.names.count("held root") == 1
        assert len(sink.spans) == 2 * SPANS_OF_AGENT + 1

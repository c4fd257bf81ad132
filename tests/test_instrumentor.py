"""The instrumentor: on where it is installed, off where something says so, gone when it is taken back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_sessionopt.exporter import SessionOptSpanExporter
from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_presence import has_processor
from tests.support.live_spans import FINDING, Recorder, findings, run_agent

pytest.importorskip("opentelemetry.instrumentation.instrumentor", reason="comes with the extra [instrument]")

from otel_sessionopt.instrumentor import SessionOptInstrumentor

REPORT = "sessionopt.report"


class World:
    """A provider whose exporter was there before the instrumentor."""

    def __init__(self) -> None:
        self.exported = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(self.exported))
        self.instrumentor = SessionOptInstrumentor()

    def instrument(self, **options: Any) -> None:
        given = {"report": {"enabled": False}, **options}
        self.instrumentor.instrument(tracer_provider=self.provider, **given)

    def run(self) -> None:
        run_agent(self.provider.get_tracer("tests"))

    @property
    def report_spans(self) -> list[ReadableSpan]:
        return [span for span in self.exported.get_finished_spans() if span.name == REPORT]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    if world.instrumentor.is_instrumented_by_opentelemetry:
        world.instrumentor.uninstrument()
    world.provider.shutdown()


def test_each_session_gets_a_report_span_even_when_the_program_ends_at_once(world: World) -> None:
    world.instrument()
    world.run()
    world.provider.shutdown()
    (report,) = world.report_spans
    assert [finding["sessionopt.finding.code"] for finding in findings(report)] == [FINDING]
    assert len(world.exported.get_finished_spans()) == 7


def test_uninstrumented_it_reports_nothing_more(world: World) -> None:
    world.instrument()
    world.run()
    world.instrumentor.uninstrument()
    world.run()
    world.provider.shutdown()
    assert len(world.report_spans) == 1
    assert len(world.exported.get_finished_spans()) == 13


def test_it_can_be_instrumented_again(world: World) -> None:
    world.instrument()
    world.instrumentor.uninstrument()
    world.instrument()
    world.run()
    world.provider.shutdown()
    assert len(world.report_spans) == 1


def test_uninstrumented_the_provider_is_as_before(world: World) -> None:
    world.instrument()
    world.instrumentor.uninstrument()
    assert "shutdown" not in vars(world.provider)


def test_switched_off_it_adds_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONOPT_ENABLED", "false")
    world.instrument()
    assert not has_processor(world.provider)
    world.run()
    world.provider.shutdown()
    assert world.report_spans == []


@pytest.mark.parametrize("kind", ["owner", "exporter", "simple exporter"])
def test_it_stands_back_where_sessions_are_analysed_already(world: World, kind: str) -> None:
    processors: dict[str, Callable[[], SpanProcessor]] = {
        "owner": lambda: SessionOptSpanProcessor(Recorder(), report_folder=None),
        "exporter": lambda: BatchSpanProcessor(SessionOptSpanExporter("none", report={"enabled": False})),
        "simple exporter": lambda: SimpleSpanProcessor(SessionOptSpanExporter("none", report={"enabled": False})),
    }
    processor = processors[kind]()
    world.provider.add_span_processor(processor)
    world.instrument()
    world.run()
    world.provider.shutdown()
    assert world.report_spans == []


def test_options_are_settings(world: World, tmp_path: Path) -> None:
    world.instrument(
        report={"folder": str(tmp_path), "formats": ["json"]}, rules={"repeated-file-read": {"enabled": False}}
    )
    world.run()
    world.provider.shutdown()
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
    assert findings(world.report_spans[0]) == []


def test_wrong_options_are_told_in_one_line_and_the_defaults_hold(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with caplog.at_level(logging.ERROR, "otel_sessionopt"):
        world.instrument(writeback={"attach": "everywhere"})
    assert caplog.messages == [
        "options of sessionopt: writeback.attach is 'everywhere'; root or spans is wanted; "
        "the instrumentor goes on with the defaults"
    ]
    world.run()
    world.provider.shutdown()
    assert len(world.report_spans) == 1

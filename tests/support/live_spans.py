"""An agent's live spans for tests of the processor, made with the real SDK."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import Tracer
from opentelemetry.util.types import Attributes

from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.report import OptimizationReport
from otel_sessionopt.session import Release

AGENT: Attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "coder"}
CHAT: Attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 9_000,
    "gen_ai.usage.output_tokens": 200,
}
READ: Attributes = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "Read",
    "gen_ai.tool.call.arguments": '{"file_path": "/src/values.py"}',
    "gen_ai.tool.call.result": "\n".join(f"{row:6}\tvalue_{row} = compute({row})" for row in range(1, 200)),
}
FINDING = "repeated-file-read"
"""The code of the one finding in `run_agent`."""


def run_agent(tracer: Tracer) -> None:
    """A session of six spans in which one file is read twice: root, chat, read, chat, read, chat."""
    with tracer.start_as_current_span("invoke_agent coder", attributes=AGENT):
        for name in ("chat", "execute_tool Read", "chat", "execute_tool Read", "chat"):
            with tracer.start_as_current_span(name, attributes=CHAT if name == "chat" else READ):
                pass


def run_agents(tracer: Tracer, count: int) -> None:
    """`count` such sessions, one after the other."""
    for _ in range(count):
        run_agent(tracer)


class Recorder(SpanProcessor):
    """A next processor that remembers what it got, in order."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ending: list[str] = []
        self.ended: list[ReadableSpan] = []
        self.shutdowns = 0
        self.flushes: list[int] = []
        self.threads: list[str] = []

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        self.started.append(span.name)

    def _on_ending(self, span: Span) -> None:
        self.ending.append(span.name)

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)
        self.threads.append(threading.current_thread().name)

    def shutdown(self) -> None:
        self.shutdowns += 1

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.flushes.append(timeout_millis)
        return True

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.ended]

    def wait(self, count: int, seconds: float = 10) -> list[ReadableSpan]:
        """What was got, as soon as it is `count` spans; fails when it is not in time."""
        wait_until(lambda: len(self.ended) >= count, seconds, lambda: f"{len(self.ended)} of {count}: {self.names}")
        return list(self.ended)


class FakeClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class SlowOrBroken(Pipeline):
    """The real pipeline, with an analysis that raises or waits for `gate` first."""

    def __init__(self, *, error: Exception | None = None, gate: threading.Event | None = None) -> None:
        super().__init__()
        self.error = error
        self.gate = gate
        self.analysed: list[int] = []

    def analyze(self, trace_id: int, digests: Sequence[SpanDigest], release: Release) -> OptimizationReport | None:
        self.analysed.append(len(digests))
        if self.gate is not None:
            # Looked at, not waited for: a fork in the middle of a wait would leave the child a gate that is locked.
            patience = time.monotonic() + 10
            while not self.gate.is_set() and time.monotonic() < patience:
                time.sleep(0.002)
        if self.error is not None:
            raise self.error
        return super().analyze(trace_id, digests, release)


class BrokenReading(Pipeline):
    """The real pipeline, with a reader that raises for every span."""

    @staticmethod
    def digest(record: SpanRecord) -> SpanDigest:  # noqa: ARG004 - the signature is given
        raise ValueError("the prompt says: hunter2")


class Live:
    """A provider with the processor in it, and what comes out at the other side."""

    def __init__(
        self, processor: SessionOptSpanProcessor, recorder: Recorder, reports: list[OptimizationReport]
    ) -> None:
        self.processor = processor
        self.recorder = recorder
        self.reports = reports
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(processor)
        self.tracer = self.provider.get_tracer("tests")

    @property
    def reasons(self) -> list[str]:
        """Release reasons of the reports so far."""
        return [report.release.reason for report in self.reports if report.release is not None]

    def wait_for_reports(self, count: int, seconds: float = 10) -> list[OptimizationReport]:
        wait_until(lambda: len(self.reports) >= count, seconds, lambda: f"{len(self.reports)} of {count} reports")
        return list(self.reports)


@contextmanager
def live(
    recorder: Recorder | None = None, *, settings: ProcessorSettings | None = None, **options: Any
) -> Iterator[Live]:
    """The processor in its owner form around `recorder`, shut down at the end. No report files unless asked for."""
    recorder = recorder or Recorder()
    reports: list[OptimizationReport] = []
    given: dict[str, Any] = {"report_folder": None, "on_report": reports.append, **options}
    world = Live(SessionOptSpanProcessor(recorder, settings=settings, **given), recorder, reports)
    try:
        yield world
    finally:
        world.provider.shutdown()


def wait_until(condition: Callable[[], bool], seconds: float = 10, describe: Callable[[], str] = str) -> None:
    """Wait for a condition that another thread brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {describe()}"
        time.sleep(0.002)


def findings(span: ReadableSpan) -> list[dict[str, Any]]:
    """Attributes of the finding events on a span."""
    return [dict(event.attributes or {}) for event in span.events if event.name == "sessionopt.finding"]


def span_ids(spans: Sequence[ReadableSpan]) -> list[int]:
    return [span.context.span_id for span in spans]

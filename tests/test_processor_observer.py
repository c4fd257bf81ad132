"""The observer form: it touches no span and adds one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, StaticSampler

from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.report import OptimizationReport
from tests.support.live_spans import AGENT, CHAT, FINDING, Recorder, SlowOrBroken, findings, run_agent, wait_until

REPORT = "sessionopt.report"


class World:
    """A provider with an observer and, after it, the processor that exports."""

    def __init__(self, *, through_processor: bool, **options: Any) -> None:
        self.reports: list[OptimizationReport] = []
        self.exported = Recorder()
        self.sent = Recorder()
        self.provider = TracerProvider(shutdown_on_exit=False)
        given: dict[str, Any] = {"report_folder": None, "on_report": self.reports.append, **options}
        self.observer = (
            SessionOptSpanProcessor.observer(self.sent, **given)
            if through_processor
            else SessionOptSpanProcessor.observer(tracer_provider=self.provider, **given)
        )
        self.provider.add_span_processor(self.observer)
        self.provider.add_span_processor(self.exported)
        self.tracer = self.provider.get_tracer("tests")

    @property
    def report_spans(self) -> list[ReadableSpan]:
        return [span for span in (*self.exported.ended, *self.sent.ended) if span.name == REPORT]


@pytest.fixture(params=[True, False], ids=["through a processor", "through the tracer"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(through_processor=request.param)
    yield world
    world.provider.shutdown()


def test_no_span_is_touched_or_held(world: World) -> None:
    run_agent(world.tracer)
    ended = world.exported.ended[:6]
    assert [span.name for span in ended][-1] == "invoke_agent coder"
    world.observer.force_flush()
    assert all(not findings(span) for span in ended)
    assert dict(ended[-1].attributes or {}) == AGENT
    assert world.exported.names.count("invoke_agent coder") == 1


def test_one_report_span_is_added_below_the_root(world: World) -> None:
    run_agent(world.tracer)
    wait_until(lambda: len(world.report_spans) == 1)
    root = next(span for span in world.exported.ended if span.name == "invoke_agent coder")
    (report,) = world.report_spans
    assert report.parent is not None
    assert (report.context.trace_id, report.parent.span_id) == (root.context.trace_id, root.context.span_id)
    assert report.context.span_id != root.context.span_id
    assert report.context.trace_flags == root.context.trace_flags
    assert (report.start_time, report.end_time) == (root.end_time, root.end_time)
    assert [event.name for event in report.events] == [
        "sessionopt.finding",
        "sessionopt.summary",
        "gen_ai.evaluation.result",
    ]
    assert {event.timestamp for event in report.events} == {root.end_time}
    assert findings(report)[0]["sessionopt.finding.code"] == FINDING
    assert (report.attributes or {})[f"sessionopt.rule.{FINDING}"] is True
    assert report.instrumentation_scope is not None
    assert report.instrumentation_scope.name == "otel_sessionopt"
    assert report.resource == root.resource


def test_it_links_to_the_evidence(world: World) -> None:
    run_agent(world.tracer)
    wait_until(lambda: len(world.report_spans) == 1)
    reads = [span.context.span_id for span in world.exported.ended if span.name == "execute_tool Read"]
    links = world.report_spans[0].links
    assert [link.context.span_id for link in links] == reads
    assert [dict(link.attributes or {}) for link in links] == [{"sessionopt.finding.codes": (FINDING,)}] * 2


def test_report_spans_are_not_analysed_themselves(world: World) -> None:
    for _ in range(3):
        run_agent(world.tracer)
    wait_until(lambda: len(world.report_spans) == 3)
    world.observer.force_flush()
    assert world.observer.stats.spans_seen == 18
    assert world.observer.stats.spans_late == 0
    assert len(world.reports) == 3


def test_a_refreshed_report_adds_no_second_span() -> None:
    world = World(through_processor=True, settings=ProcessorSettings(grace_seconds=0.05))
    with world.tracer.start_as_current_span("root", attributes=AGENT) as root:
        world.tracer.start_span("chat", attributes=CHAT).end()
    wait_until(lambda: len(world.sent.ended) == 1)
    world.tracer.start_span("late", context=trace.set_span_in_context(root), attributes=CHAT).end()
    wait_until(lambda: len(world.reports) == 2)
    world.provider.shutdown()
    assert world.sent.names == [REPORT]


def test_unfinished_sessions_are_reported_without_a_span(world: World) -> None:
    root = world.tracer.start_span("root", attributes=AGENT)
    world.tracer.start_span("chat", context=trace.set_span_in_context(root), attributes=CHAT).end()
    world.provider.shutdown()
    assert [report.release.reason for report in world.reports if report.release] == ["shutdown"]
    assert world.report_spans == []


def test_the_report_processor_is_flushed_and_shut_down_with_it() -> None:
    world = World(through_processor=True)
    assert world.observer.force_flush(1_000) is True
    assert len(world.sent.flushes) == 1
    world.provider.shutdown()
    assert world.sent.shutdowns == 1
    assert world.sent.ended == []


def test_without_anything_given_the_global_tracer_provider_makes_the_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    recorder = Recorder()
    provider.add_span_processor(SessionOptSpanProcessor.observer(report_folder=None))
    provider.add_span_processor(recorder)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    run_agent(provider.get_tracer("tests"))
    recorder.wait(7)
    provider.shutdown()
    assert recorder.names[-1] == REPORT


@pytest.mark.parametrize("through_processor", [True, False])
def test_the_report_of_an_unsampled_trace_is_not_sampled_either(through_processor: bool) -> None:
    world = World(through_processor=through_processor)
    world.provider.sampler = StaticSampler(Decision.RECORD_ONLY)
    world.tracer = world.provider.get_tracer("unsampled")
    run_agent(world.tracer)
    wait_until(lambda: len(world.report_spans) == 1)
    world.provider.shutdown()
    assert world.report_spans[0].context.trace_flags.sampled is False


def test_an_analysis_that_fails_adds_no_span() -> None:
    world = World(through_processor=True, pipeline=SlowOrBroken(error=RuntimeError("no")))
    run_agent(world.tracer)
    world.provider.shutdown()
    assert world.sent.ended == []
    assert world.observer.stats.failures == {"analysis": 1}


def test_a_report_processor_that_raises_is_counted() -> None:
    class Broken(Recorder):
        def on_end(self, span: ReadableSpan) -> None:
            raise RuntimeError("no")

    provider = TracerProvider(shutdown_on_exit=False)
    observer = SessionOptSpanProcessor.observer(Broken(), report_folder=None)
    provider.add_span_processor(observer)
    run_agent(provider.get_tracer("tests"))
    provider.shutdown()
    assert observer.stats.failures == {"writing findings": 1}

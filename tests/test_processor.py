"""`SessionOptSpanProcessor` in its owner form: what goes on, when, and with what on it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value
from opentelemetry.sdk.trace import (
    ConcurrentMultiSpanProcessor,
    ReadableSpan,
    Span,
    SpanLimits,
    SpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from otel_sessionopt.config import load_settings
from otel_sessionopt.errors import ConfigError
from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_settings import ProcessorSettings
from tests.support.live_spans import (
    AGENT,
    CHAT,
    FINDING,
    READ,
    Recorder,
    SlowOrBroken,
    findings,
    live,
    run_agent,
    span_ids,
    wait_until,
)

NO_GRACE = ProcessorSettings(grace_seconds=0)


def remote_parent(trace_id: int = 7, span_id: int = 9) -> Any:
    """A context with a parent in another process."""
    parent = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(1))
    return trace.set_span_in_context(NonRecordingSpan(parent))


# --- forwarding


def test_children_go_on_before_the_root_has_ended() -> None:
    with live() as world, world.tracer.start_as_current_span("root", attributes=AGENT):
        with world.tracer.start_as_current_span("child", attributes=CHAT):
            pass
        assert world.recorder.names == ["child"]


def test_children_go_on_from_the_calling_thread_and_the_root_from_the_worker() -> None:
    with live() as world:
        run_agent(world.tracer)
        world.recorder.wait(6)
        here = threading.current_thread().name
        assert world.recorder.threads == [here] * 5 + ["OtelSessionOptWorker"]


def test_the_root_goes_on_once_with_its_findings() -> None:
    with live() as world:
        run_agent(world.tracer)
        spans = world.recorder.wait(6)
        world.provider.shutdown()
        assert world.recorder.names == [
            "chat",
            "execute_tool Read",
            "chat",
            "execute_tool Read",
            "chat",
            "invoke_agent coder",
        ]
        assert len(set(span_ids(spans))) == len(spans)
        root = spans[-1]
        assert [event.name for event in root.events] == [
            "sessionopt.finding",
            "sessionopt.summary",
            "gen_ai.evaluation.result",
        ]
        (finding,) = findings(root)
        assert finding["sessionopt.finding.code"] == FINDING
        reads = [format(span.context.span_id, "016x") for span in spans if span.name == "execute_tool Read"]
        assert finding["sessionopt.finding.evidence.span_ids"] == tuple(reads)
        assert (root.attributes or {})[f"sessionopt.rule.{FINDING}"] is True


def test_spans_below_the_root_go_on_as_they_are() -> None:
    given: list[ReadableSpan] = []

    class Before(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            given.append(span)

    with live() as world:
        world.provider.add_span_processor(Before())
        run_agent(world.tracer)
        spans = world.recorder.wait(6)
        assert all(a is b for a, b in zip(spans[:5], given[:5], strict=True))
        assert spans[5] is not given[5]


def test_the_copy_of_the_root_has_everything_that_the_root_had() -> None:
    limits = SpanLimits(max_span_attributes=3, max_events=2, max_links=1)
    recorder = Recorder()
    processor = SessionOptSpanProcessor(recorder, report_folder=None)
    provider = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    links = [trace.Link(SpanContext(1, number, is_remote=True)) for number in (1, 2, 3)]
    span = provider.get_tracer("library", "1.2").start_span(
        "root",
        kind=trace.SpanKind.SERVER,
        attributes={"dropped": 1, **(AGENT or {}), "kept": 2},
        links=links,
        start_time=1_000,
    )
    for number in range(4):
        span.add_event(f"event {number}", {"number": number}, timestamp=2_000 + number)
    span.set_status(StatusCode.ERROR, "out of credit")
    with provider.get_tracer("x").start_as_current_span(
        "chat", context=trace.set_span_in_context(span), attributes=CHAT
    ):
        pass
    span.end(9_000)
    assert isinstance(span, ReadableSpan)
    root = recorder.wait(2)[1]
    provider.shutdown()
    assert (root.name, root.kind, root.context, root.parent) == (span.name, span.kind, span.context, None)
    assert (root.start_time, root.end_time, root.resource) == (1_000, 9_000, span.resource)
    assert (root.status.status_code, root.status.description) == (StatusCode.ERROR, "out of credit")
    assert root.instrumentation_scope == span.instrumentation_scope
    assert (root.dropped_attributes, root.dropped_events, root.dropped_links) == (1, 2, 2)
    assert dict(span.attributes or {}).items() <= dict(root.attributes or {}).items()
    assert root.links == span.links
    assert list(root.events[:2]) == list(span.events)
    assert [event.name for event in span.events] == ["event 2", "event 3"]  # the span itself is as it was


def test_the_other_hooks_are_passed_on() -> None:
    with live() as world:
        run_agent(world.tracer)
        assert world.recorder.started == [
            "invoke_agent coder",
            "chat",
            "execute_tool Read",
            "chat",
            "execute_tool Read",
            "chat",
        ]
        assert len(world.recorder.ending) == (6 if hasattr(SpanProcessor, "_on_ending") else 0)


def test_a_next_processor_without_the_newer_hook_will_do() -> None:
    class Old:
        ended: list[str]

        def on_start(self, span: Span, parent_context: Any = None) -> None:
            self.ended = []

        def on_end(self, span: ReadableSpan) -> None:
            self.ended.append(span.name)

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 30000) -> bool:
            return True

    old = Old()
    processor = SessionOptSpanProcessor(old, report_folder=None)  # type: ignore[arg-type]  # that is the point
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    with provider.get_tracer("x").start_as_current_span("root"):
        pass
    provider.shutdown()
    assert old.ended == ["root"]
    assert processor.stats.failures == {}


def test_traces_without_an_agent_go_on_untouched_and_unreported() -> None:
    with live() as world:
        with world.tracer.start_as_current_span("GET /", attributes={"http.request.method": "GET"}) as span:
            pass
        (root,) = world.recorder.wait(1)
        world.processor.force_flush()
        assert root.attributes == span.attributes  # type: ignore[attr-defined]  # the API's span has none
        assert root.events == ()
        assert world.reports == []
        assert world.processor.stats.traces_kept == 0


def test_spans_that_are_only_recorded_are_analysed_and_stay_unsampled() -> None:
    class RecordOnly(Sampler):
        def should_sample(
            self,
            parent_context: Any,
            trace_id: int,
            name: str,
            kind: Any = None,
            attributes: Any = None,
            links: Any = None,
            trace_state: Any = None,
        ) -> SamplingResult:
            return SamplingResult(Decision.RECORD_ONLY, attributes)

        def get_description(self) -> str:
            return "record only"

    recorder = Recorder()
    reports: list[Any] = []
    processor = SessionOptSpanProcessor(recorder, report_folder=None, on_report=reports.append)
    provider = TracerProvider(sampler=RecordOnly(), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    run_agent(provider.get_tracer("x"))
    spans = recorder.wait(6)
    provider.shutdown()
    assert [span.context.trace_flags.sampled for span in spans] == [False] * 6
    assert len(reports) == 1


def test_spans_of_our_own_scope_are_no_part_of_a_session() -> None:
    with live() as world:
        ours = world.provider.get_tracer("otel_sessionopt")
        with world.tracer.start_as_current_span("root", attributes=AGENT):
            with world.tracer.start_as_current_span("chat", attributes=CHAT):
                pass
            with ours.start_as_current_span("sessionopt.report"):
                pass
        world.recorder.wait(3)
        assert world.recorder.names[1] == "sessionopt.report"
        (report,) = world.wait_for_reports(1)
        assert report.release is not None
        assert report.release.span_count == 2
        assert world.processor.stats.spans_seen == 2


def test_hooks_may_run_on_threads_of_a_pool() -> None:
    recorder = Recorder()
    provider = TracerProvider(shutdown_on_exit=False, active_span_processor=ConcurrentMultiSpanProcessor(2))
    provider.add_span_processor(SessionOptSpanProcessor(recorder, report_folder=None))
    for _ in range(20):
        run_agent(provider.get_tracer("x"))
    provider.shutdown()
    assert len(set(span_ids(recorder.ended))) == len(recorder.ended) == 120
    assert sum(len(findings(span)) for span in recorder.ended) == 20


def test_settings_from_file_and_environment_are_obeyed(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    environ = {
        "SESSIONOPT_CONFIG": "",
        "HOME": str(tmp_path),
        "SESSIONOPT_REPORT_FOLDER": str(folder),
        "SESSIONOPT_PROCESSOR_MAX_FINDINGS_PER_SPAN": "0",
        "SESSIONOPT_RULES_REPEATED_FILE_READ_ENABLED": "false",
    }
    recorder = Recorder()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SessionOptSpanProcessor.from_settings(recorder, load_settings(environ=environ)))
    run_agent(provider.get_tracer("x"))
    provider.shutdown()
    root = recorder.ended[-1]
    assert (root.attributes or {})["sessionopt.analyzed"] is True
    assert f"sessionopt.rule.{FINDING}" not in (root.attributes or {})
    assert list(folder.glob("*_report.json"))


def test_attach_is_checked() -> None:
    with pytest.raises(ConfigError, match="attach='trace'"):
        SessionOptSpanProcessor(Recorder(), attach="trace")  # type: ignore[arg-type]  # that is the point


# --- which spans are held


def test_a_span_with_a_remote_parent_is_held_until_its_session_is_analysed() -> None:
    gate = threading.Event()
    with live(pipeline=SlowOrBroken(gate=gate)) as world:
        with (
            world.tracer.start_as_current_span("sub-agent", context=remote_parent(), attributes=AGENT),
            world.tracer.start_as_current_span("chat", attributes=CHAT),
        ):
            pass
        assert world.recorder.names == ["chat"]
        gate.set()
        root = world.recorder.wait(2)[1]
        assert (root.attributes or {})["sessionopt.analyzed"] is True


def test_a_span_below_a_parent_made_by_hand_is_held() -> None:
    parent = SpanContext(7, 9, is_remote=False, trace_flags=TraceFlags(1))
    context = trace.set_span_in_context(NonRecordingSpan(parent))
    with live() as world:
        with (
            world.tracer.start_as_current_span("agent", context=context, attributes=AGENT),
            world.tracer.start_as_current_span("chat", attributes=CHAT),
        ):
            pass
        root = world.recorder.wait(2)[1]
        assert (root.attributes or {})["sessionopt.analyzed"] is True


def test_two_local_roots_of_one_trace_each_carry_the_report_as_it_was_then() -> None:
    with live() as world:
        for number in (1, 2):
            with world.tracer.start_as_current_span(f"turn {number}", context=remote_parent(), attributes=AGENT):
                with world.tracer.start_as_current_span("execute_tool Read", attributes=READ):
                    pass
                with world.tracer.start_as_current_span("chat", attributes=CHAT):
                    pass
            world.recorder.wait(3 * number)
        first, second = (span for span in world.recorder.ended if span.name.startswith("turn"))
        assert [report.release.span_count for report in world.reports if report.release] == [3, 6]
        assert (first.attributes or {})["sessionopt.analyzed"] is True
        assert (second.attributes or {})["sessionopt.analyzed"] is True
        assert len({report.session_id for report in world.reports}) == 1


def test_overlapping_local_roots_wait_only_for_what_is_below_them() -> None:
    with live() as world:
        outer = world.tracer.start_span("outer", context=remote_parent(span_id=9), attributes=AGENT)
        inner = world.tracer.start_span("inner", context=remote_parent(span_id=10), attributes=AGENT)
        with world.tracer.start_as_current_span("chat", context=trace.set_span_in_context(inner), attributes=CHAT):
            pass
        inner.end()
        world.recorder.wait(2)
        assert world.recorder.names == ["chat", "inner"]
        outer.end()
        world.recorder.wait(3)
        assert world.reasons == ["root_ended", "root_ended"]
        assert [report.release.is_final for report in world.reports if report.release] == [False, True]


# --- ends that come late or not at all


def test_a_child_that_outlives_the_root_is_waited_for() -> None:
    with live(settings=ProcessorSettings(grace_seconds=60)) as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        child = world.tracer.start_span("chat", context=trace.set_span_in_context(root), attributes=CHAT)
        root.end()
        child.end()
        world.recorder.wait(2)
        assert world.recorder.names == ["chat", "root"]
        assert world.reasons == ["root_ended"]


def test_a_child_that_stays_away_is_late() -> None:
    with live(settings=ProcessorSettings(grace_seconds=0.1)) as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        context = trace.set_span_in_context(root)
        with world.tracer.start_as_current_span("chat", context=context, attributes=CHAT):
            pass
        child = world.tracer.start_span("late chat", context=context, attributes=CHAT)
        root.end()
        world.recorder.wait(2)
        child.end()
        assert world.recorder.names == ["chat", "root", "late chat"]
        reports = world.wait_for_reports(2)
        assert world.reasons == ["late_children", "late_span"]
        assert [report.counts.model_calls for report in reports] == [1, 2]
        assert world.processor.stats.spans_late == 1
        world.provider.shutdown()
        assert world.recorder.names.count("root") == 1


def test_a_span_that_starts_after_the_root_was_let_go_is_late() -> None:
    with live(settings=NO_GRACE) as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        root.end()
        world.recorder.wait(1)
        world.tracer.start_span("chat", context=trace.set_span_in_context(root), attributes=CHAT).end()
        assert world.recorder.names == ["root", "chat"]
        world.wait_for_reports(1)
        assert world.reasons == ["late_span"]  # the first time there was nothing to report


def test_a_span_that_is_never_ended_is_told_in_the_report() -> None:
    with live() as world:
        with world.tracer.start_as_current_span("root", attributes=AGENT) as root:
            with world.tracer.start_as_current_span("chat", attributes=CHAT):
                pass
            world.tracer.start_span("leaked", attributes=CHAT)
        assert isinstance(root, ReadableSpan)
        world.processor.force_flush()
        assert world.recorder.names == ["chat", "root"]
        assert world.reasons == ["late_children"]


def test_no_span_is_kept_alive_by_the_processor() -> None:
    with live() as world:
        run_agent(world.tracer)
        world.processor.force_flush()
        world.recorder.ended.clear()
        open_span = world.tracer.start_span("open", attributes=AGENT)
        gc.collect()
        names = [item.name for item in gc.get_objects() if isinstance(item, ReadableSpan)]
        assert names == ["open"]
        del open_span
        gc.collect()
        assert not [item for item in gc.get_objects() if isinstance(item, ReadableSpan)]


def test_a_span_ended_by_the_garbage_collection_of_a_generator_goes_on() -> None:
    with live(settings=ProcessorSettings(grace_seconds=60)) as world:

        def stream() -> Generator[int, None, None]:
            with world.tracer.start_as_current_span("chat", attributes=CHAT):
                yield 1

        with world.tracer.start_as_current_span("root", attributes=AGENT):
            chunks = stream()
            next(chunks)
            del chunks
        world.recorder.wait(2)
        assert sorted(world.recorder.names) == ["chat", "root"]


# --- what the worker runs under


def test_the_worker_suppresses_instrumentation_so_that_it_makes_no_spans() -> None:
    seen: list[object] = []
    with live(on_report=lambda _report: seen.append(get_value(_SUPPRESS_INSTRUMENTATION_KEY))) as world:
        run_agent(world.tracer)
        wait_until(lambda: bool(seen))
        assert seen == [True]
        assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


def test_there_is_no_thread_before_the_first_span_and_one_afterwards() -> None:
    def workers() -> int:
        return sum(thread.name == "OtelSessionOptWorker" for thread in threading.enumerate())

    before = workers()
    with live() as world:
        assert workers() == before
        for _ in range(2):
            with world.tracer.start_as_current_span("root"):
                assert workers() == before + 1
    assert workers() == before


def test_an_exporter_in_the_place_of_a_processor_is_told_how_it_is_wanted() -> None:
    with pytest.raises(TypeError, match=r"of type InMemorySpanExporter; .* BatchSpanProcessor\(exporter\)"):
        SessionOptSpanProcessor(InMemorySpanExporter())  # type: ignore[arg-type]

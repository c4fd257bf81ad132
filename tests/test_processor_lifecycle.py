"""Flush, shutdown, fork, and sessions that never end."""

from __future__ import annotations

import faulthandler
import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_settings import ProcessorSettings
from tests.support.live_spans import (
    AGENT,
    CHAT,
    FakeClock,
    Live,
    Recorder,
    SlowOrBroken,
    findings,
    live,
    run_agent,
    wait_until,
)

LONG_GRACE = ProcessorSettings(grace_seconds=3_600)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


# --- force_flush


def test_a_flush_lets_go_what_has_ended_and_flushes_the_next_processor() -> None:
    with live(settings=LONG_GRACE) as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        with world.tracer.start_as_current_span("chat", context=trace.set_span_in_context(root), attributes=CHAT):
            pass
        world.tracer.start_span("open", context=trace.set_span_in_context(root))
        root.end()
        assert world.processor.force_flush(5_000) is True
        assert world.recorder.names == ["chat", "root"]
        (remaining,) = world.recorder.flushes
        assert 0 < remaining <= 5_000


def test_a_flush_leaves_running_sessions_alone() -> None:
    with live() as world, world.tracer.start_as_current_span("root", attributes=AGENT):
        with world.tracer.start_as_current_span("chat", attributes=CHAT):
            pass
        assert world.processor.force_flush() is True
        assert world.recorder.names == ["chat"]
        assert world.reports == []


def test_a_flush_of_nothing_is_done_at_once() -> None:
    with live() as world:
        assert world.processor.force_flush() is True
        assert len(world.recorder.flushes) == 1


def test_a_flush_keeps_to_its_time_and_says_when_it_did_not_suffice() -> None:
    gate = threading.Event()
    with live(pipeline=SlowOrBroken(gate=gate)) as world:
        run_agent(world.tracer)
        began = time.monotonic()
        assert world.processor.force_flush(100) is False
        assert 0.09 <= time.monotonic() - began < 2
        assert world.recorder.flushes == []  # no time was left for it
        gate.set()
        assert world.processor.force_flush(10_000) is True
        assert len(world.recorder.ended) == 6


def test_a_flush_passes_on_what_the_next_processor_says() -> None:
    class Unwilling(Recorder):
        def force_flush(self, timeout_millis: int = 30000) -> bool:
            return False

    with live(Unwilling()) as world:
        assert world.processor.force_flush() is False


def test_a_flush_without_a_time_takes_that_of_the_settings() -> None:
    gate = threading.Event()
    with live(pipeline=SlowOrBroken(gate=gate), settings=ProcessorSettings(flush_timeout_seconds=0.1)) as world:
        run_agent(world.tracer)
        assert world.processor.force_flush() is False
        gate.set()


def test_a_report_callback_may_flush_without_a_deadlock() -> None:
    results: list[bool] = []
    worlds: list[Live] = []
    with live(on_report=lambda _report: results.append(worlds[0].processor.force_flush(5_000))) as world:
        worlds.append(world)
        began = time.monotonic()
        run_agent(world.tracer)
        world.recorder.wait(6)
        assert time.monotonic() - began < 3
        assert results == [False]  # it cannot wait for the thread that it is on


# --- shutdown


def test_shutdown_reports_unfinished_sessions_and_lets_ended_roots_go() -> None:
    with live(settings=LONG_GRACE) as world:
        waiting = world.tracer.start_span("waiting", attributes=AGENT)
        with world.tracer.start_as_current_span("chat 1", context=trace.set_span_in_context(waiting), attributes=CHAT):
            pass
        world.tracer.start_span("leaked", context=trace.set_span_in_context(waiting))
        waiting.end()
        running = world.tracer.start_span("running", attributes=AGENT)
        with world.tracer.start_as_current_span("chat 2", context=trace.set_span_in_context(running), attributes=CHAT):
            pass
        world.provider.shutdown()
        assert world.recorder.names == ["chat 1", "chat 2", "waiting"]
        assert world.reasons == ["late_children", "shutdown"]
        assert world.reports[1].session.status == "ABANDONED"
        assert world.recorder.shutdowns == 1


def test_a_second_shutdown_does_nothing() -> None:
    with live() as world:
        run_agent(world.tracer)
        world.processor.shutdown()
        world.processor.shutdown()
        assert world.recorder.shutdowns == 1
        assert len(world.recorder.ended) == 6
        assert len(world.reports) == 1


def test_a_shutdown_without_any_span_starts_no_thread() -> None:
    before = threading.active_count()
    with live() as world:
        world.processor.shutdown()
        assert threading.active_count() == before
        assert world.recorder.shutdowns == 1


def test_shutdown_keeps_to_its_time_and_lets_roots_go_as_they_are() -> None:
    gate = threading.Event()
    settings = ProcessorSettings(shutdown_timeout_seconds=0.2)
    with live(pipeline=SlowOrBroken(gate=gate), settings=settings) as world:
        for _ in range(3):
            run_agent(world.tracer)
        began = time.monotonic()
        world.processor.shutdown()
        assert time.monotonic() - began < 2
        assert world.recorder.names.count("invoke_agent coder") == 3
        assert all(not findings(span) for span in world.recorder.ended)
        assert world.recorder.shutdowns == 1
        gate.set()
        wait_until(lambda: not any(thread.name == "OtelSessionOptWorker" for thread in threading.enumerate()))
        assert len(world.recorder.ended) == 18  # the worker, free again, sends nothing twice


def test_spans_after_shutdown_go_on_as_they_are() -> None:
    with live() as world:
        open_root = world.tracer.start_span("before", attributes=AGENT)
        world.processor.shutdown()
        open_root.end()
        run_agent(world.tracer)
        assert world.recorder.names == [
            "before",
            "chat",
            "execute_tool Read",
            "chat",
            "execute_tool Read",
            "chat",
            "invoke_agent coder",
        ]
        assert world.reports == []
        assert world.processor.stats.failures == {}


def test_shutdown_while_threads_still_work_loses_nothing() -> None:
    settings = ProcessorSettings(shutdown_timeout_seconds=0.2)  # four busy threads leave the worker little time
    for _ in range(5):
        recorder = Recorder()
        processor = SessionOptSpanProcessor(recorder, report_folder=None, settings=settings)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        made = [0, 0, 0, 0]

        def work(number: int, tracer: trace.Tracer, made: list[int], stop: threading.Event) -> None:
            while not stop.is_set():
                with tracer.start_as_current_span("root", attributes=AGENT):
                    tracer.start_span("chat", attributes=CHAT).end()
                made[number] += 2

        stop = threading.Event()
        tracer = provider.get_tracer("x")
        threads = [threading.Thread(target=work, args=(number, tracer, made, stop)) for number in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.01)
        provider.shutdown()
        stop.set()
        for thread in threads:
            thread.join()
        assert len(recorder.ended) == sum(made)
        assert len({id(span.context) for span in recorder.ended}) == sum(made)


def test_a_report_callback_may_shut_down() -> None:
    worlds: list[Live] = []
    with live(on_report=lambda _report: worlds[0].processor.shutdown()) as world:
        worlds.append(world)
        run_agent(world.tracer)
        world.recorder.wait(6)
        wait_until(lambda: world.recorder.shutdowns == 1)
        assert world.recorder.names.count("invoke_agent coder") == 1


# --- sessions that go on for hours


def test_an_idle_session_is_reported_meanwhile_and_its_root_still_held() -> None:
    clock = FakeClock()
    with live(clock=clock) as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        context = trace.set_span_in_context(root)
        world.tracer.start_span("chat", context=context, attributes=CHAT).end()
        world.processor.force_flush()
        clock.now += 901
        world.processor.force_flush()
        assert world.reasons == ["idle_timeout"]
        assert world.reports[0].release is not None
        assert world.reports[0].release.is_final is False
        assert world.recorder.names == ["chat"]
        world.tracer.start_span("chat", context=context, attributes=CHAT).end()
        root.end()
        last = world.recorder.wait(3)[2]
        assert world.reasons == ["idle_timeout", "root_ended"]
        assert world.reports[1].counts.model_calls == 2
        assert (last.attributes or {})["sessionopt.release.reason"] == "root_ended"


def test_after_a_day_the_report_is_final_and_the_root_gets_it_when_it_ends() -> None:
    clock = FakeClock()
    with live(clock=clock) as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        context = trace.set_span_in_context(root)
        world.tracer.start_span("chat", context=context, attributes=CHAT).end()
        world.processor.force_flush()
        clock.now += 86_401
        world.processor.force_flush()
        assert world.reasons == ["idle_timeout"]
        world.tracer.start_span("chat", context=context, attributes=CHAT).end()
        root.end()
        last = world.recorder.wait(3)[2]
        assert world.reasons == ["idle_timeout"]
        assert (last.attributes or {})["sessionopt.release.reason"] == "idle_timeout"
        assert world.processor.stats.spans_dropped == {"idle_timeout": 2}


# --- fork


def in_child(work: Callable[[], None]) -> int:
    """Exit status of a forked child that does `work`: 0 when it did not raise."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            faulthandler.dump_traceback_later(20, exit=True)  # a child that hangs is a failure, not a wait
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@needs_fork
def test_a_forked_child_analyses_its_own_sessions_and_leaves_those_of_its_parent() -> None:
    gate = threading.Event()
    with live(pipeline=SlowOrBroken(gate=gate)) as world:
        run_agent(world.tracer)  # its root is held here until the gate opens
        open_root = world.tracer.start_span("open across the fork", attributes=AGENT)

        def child() -> None:
            gate.set()
            assert len(world.processor.stats.releases) == 0
            assert world.processor.stats.spans_held == 0
            before = len(world.recorder.ended)
            run_agent(world.tracer)
            spans = world.recorder.wait(before + 6)
            assert findings(spans[-1])
            open_root.end()  # both processes end it: neither's processor knows better
            assert world.recorder.names[-1] == "open across the fork"
            assert not findings(world.recorder.ended[-1])
            world.processor.shutdown()
            assert len(world.recorder.ended) == before + 7

        assert in_child(child) == 0
        assert len(world.recorder.ended) == 5
        gate.set()
        assert findings(world.recorder.wait(6)[-1])
        open_root.end()
        world.recorder.wait(7)


@needs_fork
def test_spans_in_the_child_below_a_span_of_the_parent_are_a_session_of_their_own() -> None:
    with live() as world, world.tracer.start_as_current_span("root", attributes=AGENT):

        def child() -> None:
            with world.tracer.start_as_current_span("sub-agent", attributes=AGENT):
                world.tracer.start_span("chat", attributes=CHAT).end()
            spans = world.recorder.wait(2)
            assert [span.name for span in spans] == ["chat", "sub-agent"]
            assert (spans[1].attributes or {})["sessionopt.analyzed"] is True

        assert in_child(child) == 0
        assert world.recorder.names == []


@needs_fork
def test_a_child_forked_behind_pythons_back_starts_anew_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with live() as world:
        run_agent(world.tracer)
        world.recorder.wait(6)
        held = world.tracer.start_span("held", attributes=AGENT)
        pid = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: pid + 1)
        run_agent(world.tracer)
        world.recorder.wait(12)
        held.end()
        world.recorder.wait(13)
        assert world.processor.stats.spans_seen == 7
        assert world.processor.stats.spans_late == 1


@needs_fork
def test_a_fork_waits_for_the_first_analysis_which_imports_and_for_no_other() -> None:
    gate = threading.Event()
    pipeline = SlowOrBroken(gate=gate)
    with live(pipeline=pipeline) as world:
        run_agent(world.tracer)
        wait_until(lambda: bool(pipeline.analysed))
        threading.Timer(0.2, gate.set).start()
        began = time.monotonic()
        assert in_child(lambda: None) == 0
        assert gate.is_set()
        assert time.monotonic() - began < 3
        world.processor.force_flush()
        gate.clear()
        run_agent(world.tracer)
        wait_until(lambda: len(pipeline.analysed) == 2)
        assert in_child(lambda: None) == 0
        assert not gate.is_set()
        gate.set()


@needs_fork
def test_a_fork_does_not_wait_for_ever() -> None:
    gate = threading.Event()
    pipeline = SlowOrBroken(gate=gate)
    with live(pipeline=pipeline) as world:
        run_agent(world.tracer)
        wait_until(lambda: bool(pipeline.analysed))
        assert in_child(lambda: None) == 0
        assert in_child(lambda: run_agent(world.tracer)) == 0
        gate.set()
        world.recorder.wait(6)


@needs_fork
def test_a_fork_after_the_processor_is_gone_is_no_error() -> None:
    processor = SessionOptSpanProcessor(Recorder(), report_folder=None)
    del processor
    gc.collect()
    assert in_child(lambda: None) == 0


@needs_fork
def test_parent_and_child_write_their_own_report_files(tmp_path: Path) -> None:
    with live(report_folder=tmp_path) as world:
        run_agent(world.tracer)
        world.processor.force_flush()

        def child() -> None:
            run_agent(world.tracer)
            world.processor.force_flush()

        assert in_child(child) == 0
        assert len(list(tmp_path.glob("*_report.json"))) == 2


def test_the_span_that_was_shared_is_unchanged() -> None:
    with live() as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        with world.tracer.start_as_current_span("chat", context=trace.set_span_in_context(root), attributes=CHAT):
            pass
        root.end()
        world.recorder.wait(2)
        assert isinstance(root, ReadableSpan)
        assert root.events == ()
        assert dict(root.attributes or {}) == AGENT

"""What must not happen to the agent, whatever comes: an exception, a wait, a lost or doubled span, endless memory."""

from __future__ import annotations

import errno
import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

import otel_sessionopt.processor_stats
import otel_sessionopt.writeback.report_files
from otel_sessionopt import semconv
from otel_sessionopt.ingest.buffered_trace import TRACE_BYTES
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.processor_stats import RepeatFilter
from tests.support.live_spans import (
    AGENT,
    CHAT,
    READ,
    BrokenReading,
    Live,
    Recorder,
    SlowOrBroken,
    findings,
    live,
    run_agent,
    run_agents,
    span_ids,
    wait_until,
)


@pytest.fixture(autouse=True)
def _fresh_log_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test may log what another logged just before."""
    monkeypatch.setattr(otel_sessionopt.processor_stats.logger, "filters", [RepeatFilter()])


def assert_all_went_on(world: Live, count: int) -> None:
    spans = world.recorder.wait(count)
    world.provider.shutdown()
    assert len(world.recorder.ended) == count
    assert len(set(span_ids(spans))) == count


# --- what we call raises


def test_an_analysis_that_raises_lets_the_root_go_as_it_is() -> None:
    with live(pipeline=SlowOrBroken(error=ZeroDivisionError("no"))) as world:
        run_agents(world.tracer, 3)
        assert_all_went_on(world, 18)
        assert not any(findings(span) for span in world.recorder.ended)
        assert world.processor.stats.failures == {"analysis": 3}


def test_a_reader_that_raises_drops_no_span() -> None:
    with live(pipeline=BrokenReading()) as world:
        run_agent(world.tracer)
        assert_all_went_on(world, 6)
        assert world.processor.stats.spans_dropped == {"unreadable": 6}
        assert world.processor.stats.failures == {"reading a span": 6}


def test_a_callback_that_raises_is_counted() -> None:
    def on_report(report: Any) -> None:
        raise KeyError("no")

    with live(on_report=on_report) as world:
        run_agent(world.tracer)
        assert_all_went_on(world, 6)
        assert world.processor.stats.failures == {"on_report": 1}


def test_a_full_disk_costs_only_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(otel_sessionopt.writeback.report_files, "write_report", full)
    with live(report_folder=tmp_path) as world:
        run_agents(world.tracer, 2)
        assert_all_went_on(world, 12)
        assert [len(findings(span)) for span in world.recorder.ended if span.name.startswith("invoke")] == [1, 1]
        assert len(world.reports) == 2
        assert world.processor.stats.failures == {"writing report files": 2}


def test_a_report_folder_that_cannot_be_made_costs_only_the_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with live(report_folder=tmp_path / "file" / "reports") as world:
        run_agent(world.tracer)
        assert_all_went_on(world, 6)
        assert world.processor.stats.failures == {"writing report files": 1}


def test_reports_are_written_where_asked(tmp_path: Path) -> None:
    with live(report_folder=tmp_path / "reports", report_formats=("json", "md")) as world:
        run_agent(world.tracer)
        world.processor.force_flush()
        session = world.reports[0].session_id
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
        f"{session}_report.json",
        f"{session}_report.md",
    ]


class Raising(Recorder):
    """A next processor that fails at everything, after it has got the span."""

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        super().on_start(span, parent_context)
        raise RuntimeError("on_start")

    def _on_ending(self, span: Span) -> None:
        raise RuntimeError("_on_ending")

    def on_end(self, span: ReadableSpan) -> None:
        super().on_end(span)
        raise RuntimeError("on_end")

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        raise RuntimeError("force_flush")

    def shutdown(self) -> None:
        raise RuntimeError("shutdown")


def test_a_next_processor_that_raises_does_not_reach_the_agent() -> None:
    with live(Raising()) as world:
        run_agent(world.tracer)
        world.recorder.wait(6)
        assert findings(world.recorder.ended[-1])
        assert world.processor.force_flush() is False
        world.provider.shutdown()
        failures = dict(world.processor.stats.failures)
        failures.pop("next processor's _on_ending", None)  # SDK 1.40 and newer
        assert failures == {
            "next processor's on_start": 6,
            "next processor's on_end": 6,
            "next processor's force_flush": 1,
            "next processor's shutdown": 1,
        }
        assert len(world.recorder.ended) == 6


def test_a_failure_of_ours_lets_the_span_go_on() -> None:
    with live() as world:
        world.processor._traces = None  # type: ignore[assignment]  # as broken as can be
        run_agent(world.tracer)
        assert len(world.recorder.ended) == 6
        assert world.processor.stats.failures == {"on_start": 6, "on_end": 6}


def test_the_tests_own_guard_raises_again() -> None:
    with live(reraise=True) as world:
        world.processor._traces = None  # type: ignore[assignment]  # as above
        with pytest.raises(AttributeError):
            world.tracer.start_span("x")


def test_failures_are_logged_once_in_a_while_without_what_the_exception_says(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), live(pipeline=BrokenReading()) as world:
        run_agents(world.tracer, 5)
        world.processor.force_flush()
    (record,) = caplog.records
    assert record.getMessage().startswith("reading a span failed: ValueError at ")
    assert "hunter2" not in caplog.text


def test_a_worker_that_fails_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with live() as world:
        due = world.processor._buffer.due
        failures = iter([RuntimeError("no"), RuntimeError("no")])

        def broken_twice(now: float, *, at_once: bool = False) -> Any:
            error = next(failures, None)
            if error is not None:
                raise error
            return due(now, at_once=at_once)

        monkeypatch.setattr(world.processor._buffer, "due", broken_twice)
        run_agent(world.tracer)
        world.recorder.wait(6)
        assert world.processor.stats.failures == {"worker": 2}


def test_without_a_thread_roots_go_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more_threads(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with live() as world:
        monkeypatch.setattr(threading.Thread, "start", no_more_threads)
        run_agent(world.tracer)
        assert len(world.recorder.ended) == 6
        assert not any(findings(span) for span in world.recorder.ended)
        assert world.processor.force_flush() is False


# --- nobody waits


def test_hooks_do_not_wait_for_an_analysis() -> None:
    gate = threading.Event()
    with live(pipeline=SlowOrBroken(gate=gate)) as world:
        run_agent(world.tracer)
        wait_until(lambda: bool(world.processor._held))
        began = time.monotonic()
        run_agents(world.tracer, 50)
        assert time.monotonic() - began < 2
        assert len(world.recorder.ended) == 51 * 5
        gate.set()
        assert_all_went_on(world, 51 * 6)


def test_when_the_queue_is_full_spans_go_on_and_are_counted() -> None:
    gate = threading.Event()
    with live(pipeline=SlowOrBroken(gate=gate), settings=ProcessorSettings(queue_size=10)) as world:
        run_agent(world.tracer)
        wait_until(lambda: world.processor.stats.spans_waiting == 0)
        with world.tracer.start_as_current_span("root", attributes=AGENT):
            for _ in range(25):
                world.tracer.start_span("chat", attributes=CHAT).end()
        assert world.processor.stats.spans_dropped == {"queue_full": 15}
        gate.set()
        assert_all_went_on(world, 6 + 26)
        root = world.recorder.ended[-1]
        assert (root.attributes or {})["sessionopt.dropped.queue_full"] == 15
        stats = world.processor.stats
        assert (stats.spans_seen, stats.spans_analysed, stats.spans_waiting) == (32, 17, 0)


def test_held_roots_are_bounded() -> None:
    gate = threading.Event()
    with live(pipeline=SlowOrBroken(gate=gate), settings=ProcessorSettings(max_traces=5)) as world:
        run_agent(world.tracer)
        wait_until(lambda: world.processor.stats.spans_waiting == 0)
        for _ in range(100):
            world.tracer.start_span("root", attributes=AGENT).end()
        assert world.processor.stats.spans_held <= 10
        gate.set()
        assert_all_went_on(world, 6 + 100)


# --- endless input


def test_a_trace_of_100_000_spans_stays_within_its_bounds() -> None:
    limit = ProcessorSettings(max_spans_per_trace=1_000, queue_size=2_000)
    began = time.monotonic()
    with live(settings=limit) as world:
        sizes = []
        with world.tracer.start_as_current_span("root", attributes=AGENT):
            for number in range(100_000):
                world.tracer.start_span("chat", attributes=CHAT if number % 100 == 0 else None).end()
                if number % 10_000 == 0:
                    sizes.append(world.processor.stats.buffered_bytes)
            assert len(world.recorder.ended) == 100_000
            world.processor.force_flush()
            (kept,) = world.processor._buffer.traces.values()
            assert len(kept.digests) == 1_000
            assert len(kept.members) == 1
        root = world.recorder.wait(100_001)[-1]
        assert max(sizes) < 1_000 * 700 + TRACE_BYTES
        attributes = root.attributes or {}
        assert attributes["sessionopt.release.reason"] == "span_limit"
        dropped = {key: value for key, value in attributes.items() if key.startswith("sessionopt.dropped.")}
        stats = world.processor.stats
        assert sum(value for value in dropped.values() if isinstance(value, int)) == 99_001
        assert stats.spans_seen == 100_001
        assert stats.spans_analysed == 1_000
    assert time.monotonic() - began < 60


def test_a_session_that_takes_too_much_memory_is_reported_early_and_its_root_gets_that_report() -> None:
    text = "\n".join(f"{row:6}\tvalue_{row} = compute({row})" for row in range(1, 2_000))
    read = {**(READ or {}), "gen_ai.tool.call.result": text}
    with live(settings=ProcessorSettings(memory_budget_bytes=65_536)) as world:
        with world.tracer.start_as_current_span("root", attributes=AGENT):
            for _ in range(5):
                for _ in range(5):
                    world.tracer.start_span("execute_tool Read", attributes=read).end()
                    world.tracer.start_span("chat", attributes=CHAT).end()
                world.processor.force_flush()
                assert world.processor.stats.buffered_bytes < 2 * 65_536
        root = world.recorder.wait(51)[-1]
        assert world.reasons == ["memory_limit"]
        attributes = root.attributes or {}
        assert attributes["sessionopt.release.reason"] == "memory_limit"
        assert findings(root)


# --- endless variety

IDS = st.integers(1, 2**64 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
KNOWN_NAMES = sorted(
    value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str) and "." in value
)
ATTRIBUTES = st.dictionaries(st.sampled_from(KNOWN_NAMES) | st.text(), VALUES, max_size=8)
OPERATIONS = st.sampled_from(["chat", "execute_tool", "invoke_agent", "embeddings", "", "x"])


@settings(max_examples=40, deadline=None)
@given(
    spans=st.lists(st.tuples(ATTRIBUTES, OPERATIONS, st.integers(0, 5)), min_size=1, max_size=8),
    attach=st.sampled_from(["root", "spans"]),
)
@pytest.mark.filterwarnings("ignore")
def test_no_attribute_makes_a_hook_raise_or_a_span_disappear(
    spans: list[tuple[dict[str, Any], str, int]], attach: str
) -> None:
    logging.disable(logging.WARNING)  # the SDK complains about such attributes at length
    try:
        with live(attach=attach) as world:
            open_spans: list[Any] = []
            for attributes, operation, parent in spans:
                context = trace.set_span_in_context(open_spans[parent]) if parent < len(open_spans) else None
                span = world.tracer.start_span("x", context=context, attributes=attributes)
                span.set_attribute("gen_ai.operation.name", operation)
                open_spans.append(span)
            for span in reversed(open_spans):
                span.end()
            assert world.processor.force_flush()
            assert len(world.recorder.ended) == len(spans)
            assert world.processor.stats.failures == {}
    finally:
        logging.disable(logging.NOTSET)


@settings(max_examples=40, deadline=None)
@given(
    spans=st.lists(
        st.tuples(
            st.integers(1, 3),  # trace
            IDS,  # parent
            st.booleans(),  # is it remote
            st.integers(0, 2**63 - 1),  # start
            st.integers(0, 2**63 - 1),  # end, before the start as often as after it
            st.booleans(),  # does it end at all
        ),
        min_size=1,
        max_size=12,
    )
)
def test_missing_parents_and_clocks_that_jump_lose_nothing(
    spans: list[tuple[int, int, bool, int, int, bool]],
) -> None:
    with live(settings=ProcessorSettings(grace_seconds=0)) as world:
        count = 0
        for trace_id, parent_id, is_remote, start, end, ends in spans:
            parent = SpanContext(trace_id, parent_id, is_remote=is_remote, trace_flags=TraceFlags(1))
            context = trace.set_span_in_context(NonRecordingSpan(parent))
            span = world.tracer.start_span("chat", context=context, attributes=CHAT, start_time=start)
            if ends:
                span.end(end)
                count += 1
        world.provider.shutdown()
        assert len(world.recorder.ended) == count
        assert len(set(span_ids(world.recorder.ended))) == count
        assert world.processor.stats.failures == {}
        for ended in world.recorder.ended:
            assert ended.start_time is not None
            assert ended.end_time is not None
            low = min(ended.start_time, ended.end_time)
            assert all(low <= event.timestamp <= ended.end_time for event in ended.events)


def test_ids_that_are_no_ids_lose_nothing() -> None:
    with live() as world:
        for trace_id, span_id in ((0, 0), (0, 5), (5, 0), (2**128 - 1, 2**64 - 1)):
            parent = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(1))
            context = trace.set_span_in_context(NonRecordingSpan(parent))
            world.tracer.start_span("chat", context=context, attributes=CHAT).end()
        assert_all_went_on(world, 4)
        assert world.processor.stats.failures == {}


def test_a_span_that_ends_inside_a_hook_of_ours_is_no_deadlock() -> None:
    """As a garbage collection does it: in the middle of whatever is running."""
    with live() as world:
        pending = [world.tracer.start_span("root", attributes=AGENT) for _ in range(50)]
        depth = 0

        def end_one(frame: Any, event: str, argument: Any) -> None:
            nonlocal depth
            if pending and depth < 3 and frame.f_globals.get("__name__", "").startswith("otel_sessionopt"):
                depth += 1
                pending.pop().end()
                depth -= 1

        sys.setprofile(end_one)
        try:
            run_agents(world.tracer, 3)
        finally:
            sys.setprofile(None)
        assert pending == []
        assert_all_went_on(world, 18 + 50)

"""`attach="spans"`: each finding also on the span that caused it."""

from __future__ import annotations

import threading

from opentelemetry import trace

from otel_sessionopt.processor_settings import ProcessorSettings
from tests.support.live_spans import (
    AGENT,
    CHAT,
    FINDING,
    READ,
    SlowOrBroken,
    findings,
    live,
    run_agent,
    run_agents,
    span_ids,
)

SMALL = ProcessorSettings(max_held_spans=3)


def test_the_finding_is_on_the_wasteful_span_and_on_the_root() -> None:
    with live(attach="spans") as world:
        run_agent(world.tracer)
        spans = world.recorder.wait(6)
        assert [len(findings(span)) for span in spans] == [0, 0, 0, 1, 0, 1]
        second_read = spans[3]
        assert findings(second_read)[0]["sessionopt.finding.code"] == FINDING
        assert (second_read.attributes or {})[f"sessionopt.rule.{FINDING}"] is True
        assert (second_read.attributes or {})["gen_ai.tool.name"] == "Read"
        assert second_read.events[0].timestamp == second_read.end_time


def test_nothing_goes_on_before_the_root_has_ended() -> None:
    with live(attach="spans") as world:
        with world.tracer.start_as_current_span("root", attributes=AGENT):
            for _ in range(10):
                world.tracer.start_span("chat", attributes=CHAT).end()
            world.processor.force_flush()
            assert world.recorder.names == []
            assert world.processor.stats.spans_held == 10
        world.recorder.wait(11)
        assert world.recorder.names[-1] == "root"
        assert world.processor.stats.spans_held == 0


def test_when_the_budget_is_hit_the_trace_falls_back_to_its_root() -> None:
    with live(attach="spans", settings=SMALL) as world:
        with world.tracer.start_as_current_span("root", attributes=AGENT):
            for name in ("execute_tool Read", "chat", "execute_tool Read", "chat"):
                world.tracer.start_span(name, attributes=CHAT if name == "chat" else READ).end()
            world.processor.force_flush()
            assert len(world.recorder.ended) == 4
            world.tracer.start_span("chat", attributes=CHAT).end()
            assert len(world.recorder.ended) == 5
        spans = world.recorder.wait(6)
        assert [len(findings(span)) for span in spans] == [0, 0, 0, 0, 0, 1]
        assert len(set(span_ids(spans))) == 6


def test_another_trace_may_hold_when_there_is_room_again() -> None:
    with live(attach="spans", settings=ProcessorSettings(max_held_spans=5)) as world:
        with world.tracer.start_as_current_span("root", attributes=AGENT):
            for _ in range(6):
                world.tracer.start_span("chat", attributes=CHAT).end()
        world.processor.force_flush()
        before = len(world.recorder.ended)
        run_agent(world.tracer)
        spans = world.recorder.wait(before + 6)
        assert sum(len(findings(span)) for span in spans[before:]) == 2


def test_a_full_trace_holds_no_more() -> None:
    with live(attach="spans", settings=ProcessorSettings(max_spans_per_trace=2)) as world:
        with world.tracer.start_as_current_span("root", attributes=AGENT):
            for _ in range(2):
                world.tracer.start_span("chat", attributes=CHAT).end()
            world.processor.force_flush()
            world.tracer.start_span("late chat", attributes=CHAT).end()
            assert world.recorder.names == ["late chat"]
        spans = world.recorder.wait(4)
        assert len(set(span_ids(spans))) == 4


def test_late_spans_go_on_at_once() -> None:
    with live(attach="spans", settings=ProcessorSettings(grace_seconds=0)) as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        context = trace.set_span_in_context(root)
        world.tracer.start_span("chat", context=context, attributes=CHAT).end()
        late = world.tracer.start_span("late", context=context, attributes=CHAT)
        root.end()
        world.recorder.wait(2)
        late.end()
        assert world.recorder.names == ["chat", "root", "late"]


def test_one_root_takes_only_what_is_below_it_along() -> None:
    parents = [trace.SpanContext(7, number, is_remote=True, trace_flags=trace.TraceFlags(1)) for number in (8, 9)]
    contexts = [trace.set_span_in_context(trace.NonRecordingSpan(parent)) for parent in parents]
    with live(attach="spans") as world:
        roots = [
            world.tracer.start_span(f"root {number}", context=context, attributes=AGENT)
            for number, context in enumerate(contexts)
        ]
        for number, root in enumerate(roots):
            context = trace.set_span_in_context(root)
            world.tracer.start_span(f"chat {number}", context=context, attributes=CHAT).end()
        roots[0].end()
        world.recorder.wait(2)
        assert world.recorder.names == ["chat 0", "root 0"]
        roots[1].end()
        world.recorder.wait(4)
        assert world.recorder.names == ["chat 0", "root 0", "chat 1", "root 1"]


def test_shutdown_lets_the_spans_of_unfinished_sessions_go_with_their_findings() -> None:
    with live(attach="spans") as world:
        root = world.tracer.start_span("root", attributes=AGENT)
        context = trace.set_span_in_context(root)
        for name in ("execute_tool Read", "chat", "execute_tool Read", "chat"):
            world.tracer.start_span(name, context=context, attributes=CHAT if name == "chat" else READ).end()
        world.provider.shutdown()
        assert [len(findings(span)) for span in world.recorder.ended] == [0, 0, 1, 0]


def test_an_analysis_that_fails_lets_everything_go_as_it_is() -> None:
    with live(attach="spans", pipeline=SlowOrBroken(error=RuntimeError("no"))) as world:
        run_agent(world.tracer)
        spans = world.recorder.wait(6)
        assert not any(findings(span) for span in spans)


def test_threads_lose_and_double_nothing_when_the_budget_is_hit() -> None:
    with live(attach="spans", settings=ProcessorSettings(max_held_spans=20)) as world:
        threads = [threading.Thread(target=run_agents, args=(world.tracer, 20)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        world.processor.force_flush()
        spans = world.recorder.wait(6 * 20 * 6)
        assert len(set(span_ids(spans))) == len(spans) == 720
        assert world.processor.stats.spans_held == 0

"""Counters and the guard."""

from __future__ import annotations

import logging
import threading

import pytest

from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.processor_stats import Counters, Guard, RepeatFilter
from otel_sessionopt.session import ReleaseReason
from tests.support.live_spans import AGENT, live, run_agent, run_agents


def test_nothing_happened_at_first() -> None:
    with live() as world:
        stats = world.processor.stats
        assert (stats.spans_seen, stats.spans_held, stats.traces_kept, stats.buffered_bytes) == (0, 0, 0, 0)
        assert (stats.releases, stats.failures, stats.spans_dropped) == ({}, {}, {})


def test_releases_are_counted_by_reason() -> None:
    with live() as world:
        run_agents(world.tracer, 3)
        world.processor.force_flush()
        world.tracer.start_span("unfinished", attributes=AGENT)
        world.provider.shutdown()
        assert world.processor.stats.releases == {ReleaseReason.ROOT_ENDED: 3, ReleaseReason.SHUTDOWN: 1}


def test_spans_seen_are_those_analysed_dropped_and_of_unknown_start() -> None:
    with live(settings=ProcessorSettings(max_spans_per_trace=4)) as world:
        run_agent(world.tracer)
        world.processor.force_flush()
        unknown = world.tracer.start_span("x")
        world.processor._traces.clear()
        unknown.end()
        stats = world.processor.stats
        assert stats.spans_seen == 7
        assert stats.spans_analysed == 4
        assert stats.spans_dropped == {"span_limit": 2}
        assert stats.spans_late == 1


def test_a_snapshot_stays_as_it_is() -> None:
    with live() as world:
        before = world.processor.stats
        run_agent(world.tracer)
        world.processor.force_flush()
        assert before.spans_seen == 0
        assert world.processor.stats.spans_seen == 6


def test_counters_lose_nothing_between_threads() -> None:
    counters = Counters()

    def count() -> None:
        for _ in range(2_000):
            counters.add("x", "y")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.by_name("x") == {"y": 8_000}
    assert counters.total("x") == 8_000
    assert counters.by_name("other") == {}


def test_the_guard_counts_and_goes_on() -> None:
    counters = Counters()
    Guard(counters).failed("somewhere", ValueError("secret"))
    assert counters.by_name("failures") == {"somewhere": 1}


def test_the_tests_guard_raises_again() -> None:
    with pytest.raises(ValueError, match="secret"):
        Guard(Counters(), reraises=True).failed("somewhere", ValueError("secret"))


def record(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("x", logging.WARNING, "x.py", 1, text, arguments, None)


def test_repeats_are_let_through_once_in_twenty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("otel_sessionopt.processor_stats.time.monotonic", lambda: now[0])
    repeats = RepeatFilter()
    assert repeats.filter(record("%s failed: %s", "a", "x"))
    assert repeats.filter(record("%s failed: %s", "b", "x"))
    assert not repeats.filter(record("%s failed: %s", "a", "y"))
    assert not repeats.filter(record("%s failed: %s", "b", "y"))
    now[0] += 20
    assert repeats.filter(record("%s failed: %s", "a", "y"))

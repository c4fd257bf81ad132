"""Counters, the guard, and the size estimate."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

import pytest

from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.processor_memory import digest_bytes
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.processor_stats import Counters, Guard, RepeatFilter
from otel_sessionopt.session import ReleaseReason
from tests.support.live_spans import AGENT, CHAT, READ, live, run_agent, run_agents


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


def digest_of(attributes: Any) -> SpanDigest:
    return Pipeline.digest(
        SpanRecord(1, 2, 3, "span of some name", 1_700_000_000_000_000_000, 1_700_000_001_000_000_000, attributes)
    )


def deep_size(value: object, seen: set[int]) -> int:
    """Bytes of a digest and all that only it holds: members of enumerations and small numbers are shared."""
    if id(value) in seen or value is None or isinstance(value, bool) or hasattr(type(value), "__members__"):
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value)
    if isinstance(value, tuple):
        size += sum(deep_size(item, seen) for item in value)
    elif isinstance(value, dict):
        size += sum(deep_size(item, seen) for item in value.values())
    return size


@pytest.mark.parametrize("attributes", [AGENT, CHAT, READ, {}], ids=["agent", "chat", "read", "other"])
def test_the_estimate_of_a_digest_is_near_its_size(attributes: Any) -> None:
    digest = digest_of(attributes)
    constants: set[int] = {id(digest.dialect), id(())}
    assert 0.8 <= digest_bytes(digest) / deep_size(digest, constants) <= 1.3


def test_the_estimate_counts_line_signatures() -> None:
    rows = 5_000
    text = "\n".join(f"{row:6}\tvalue_{row} = compute({row})" for row in range(1, rows + 1))
    digest = digest_of({**(READ or {}), "gen_ai.tool.call.result": text})
    assert digest.tool is not None
    assert digest.tool.result is not None
    assert digest.tool.result.lines is not None
    assert digest_bytes(digest) > sys.getsizeof(digest.tool.result.lines) >= 8 * rows

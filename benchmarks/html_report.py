"""How long the HTML page of a session takes, by the number of its events, and how large it is.

    python benchmarks/html_report.py

One agent: a read and a model call in turn. `report` is the whole analysis with what the pictures need; `page` is the
HTML of that report, the best and the median of five; the first page of a process also reads its templates.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from machine import machine_line

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.report import as_html
from tests.support.digest_builder import TraceBuilder

EVENTS = (1_000, 10_000, 50_000)
ROUNDS = 5
MOST_SECONDS = 1.0
MOST_BYTES = 300_000


def main() -> int:
    print(machine_line())
    pipeline = Pipeline(clock=lambda: datetime(2026, 1, 5, tzinfo=timezone.utc))
    is_slow = False
    for events in EVENTS:
        builder = TraceBuilder().agent("bench")
        for number in range(events // 2):
            builder.read(f"/repo/src/file{number % 700}.py", tokens=300)
            builder.model_call(input=0, cache_read=4_000 + 310 * (number % 500), cache_write=310)
        session = builder.session()
        started = time.perf_counter()
        report = pipeline.analyze_session(session)
        analysis = time.perf_counter() - started
        page = as_html(report, jaeger_url="http://localhost:16686")
        times = [timed(lambda report=report: as_html(report)) for _ in range(ROUNDS)]  # type: ignore[misc]
        size = len(page.encode())
        is_slow |= events == 10_000 and max(times) > MOST_SECONDS
        is_slow |= events == 1_000 and size > MOST_BYTES
        print(
            f"{events:,} events: page {min(times):.3f} s at best, {statistics.median(times):.3f} s in the middle, "
            f"{size / 1000:.0f} KB; report {analysis:.2f} s before"
        )
    print(f"at most {MOST_SECONDS:.0f} s for 10,000 events, {MOST_BYTES / 1000:.0f} KB for 1,000")
    return int(is_slow)


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())

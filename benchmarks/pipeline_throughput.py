"""How fast files become reports: spans per second of CPU on one core, and whether it stays so as the input grows.

Prints the speed of each form as a ratio to parsing the same JSON with the standard library, and time per span at the
larger size over the smaller. `--scale` takes the records-only run up to a million spans. Making files and records is
not timed: records of a few traces at a time are made, then the clock runs while they are analysed.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine import machine_line
from workload import SPANS_PER_TRACE, span_attributes, span_times, write_otlp_json, write_otlp_protobuf

from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.pipeline import Pipeline, analyze_inputs, release_of_input

TARGET_SPANS_PER_SECOND = 15_000
_TRACES_AT_ONCE = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=20_000, help="spans of the smaller file (default %(default)s)")
    parser.add_argument("--scale", type=int, default=1_000_000, help="spans of the largest records-only run")
    options = parser.parse_args()
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        _files(Path(folder), options.spans)
    _records(options.scale)


def _cpu_seconds(run: Callable[[], object]) -> float:
    gc.collect()
    start = time.process_time()
    run()
    return time.process_time() - start


def _files(folder: Path, spans: int) -> None:
    small, large, proto = folder / "small.jsonl", folder / "large.jsonl", folder / "small.pb"
    write_otlp_json(small, spans)
    write_otlp_json(large, spans * 5)
    write_otlp_protobuf(small, proto)
    _analyze(small)  # warm: prices and imports
    parse = _cpu_seconds(lambda: [json.loads(line) for line in small.open(encoding="utf-8")])
    times = {path: min(_cpu_seconds(lambda path=path: _analyze(path)) for _ in range(3)) for path in (small, proto)}
    for path, name in ((small, "OTLP JSON lines"), (proto, "OTLP protobuf")):
        speed = spans / times[path]
        verdict = "meets" if speed >= TARGET_SPANS_PER_SECOND else "MISSES"
        print(
            f"{name}: {speed:,.0f} spans/s ({times[path] / parse:.1f} x the time of json.loads alone) "
            f"{verdict} {TARGET_SPANS_PER_SECOND:,}"
        )
    large_time = min(_cpu_seconds(lambda: _analyze(large)) for _ in range(2))
    print(f"time per span, {spans * 5:,} over {spans:,} spans: {large_time / 5 / times[small]:.2f}")


def _analyze(path: Path) -> None:
    inputs = find_inputs([str(path)], on_error=_fail)
    for _ in analyze_inputs(inputs, Pipeline(), on_error=_fail):
        pass


def _fail(error: Exception) -> None:
    raise error


def _records(most: int) -> None:
    """From span records on, traces one after the other, as the service and the processor see them."""
    pipeline = Pipeline()
    sizes = [size for size in (10_000, 100_000, 1_000_000) if size <= most]
    times = {size: _records_seconds(pipeline, size) / size for size in sizes}
    for size in sizes:
        print(f"from span records, {size:>9,} spans: {1 / times[size]:,.0f} spans/s")
    print(
        f"time per span, {sizes[-1]:,} over {sizes[0]:,} spans: {times[sizes[-1]] / times[sizes[0]]:.2f} (at most 1.2)"
    )


def _records_seconds(pipeline: Pipeline, spans: int) -> float:
    """Seconds of CPU from records to reports. A million records at once would be a test of memory."""
    gc.collect()
    seconds = 0.0
    traces = range(spans // SPANS_PER_TRACE)
    for first in traces[::_TRACES_AT_ONCE]:
        batch = traces[first : first + _TRACES_AT_ONCE]
        made = [[_record(trace, index) for index in range(SPANS_PER_TRACE)] for trace in batch]
        start = time.process_time()
        for trace, records in zip(batch, made, strict=True):
            digests = [pipeline.digest(record) for record in records]
            pipeline.analyze(trace + 1, digests, release_of_input(digests))
        seconds += time.process_time() - start
    return seconds


def _record(trace: int, index: int) -> SpanRecord:
    start_ns, end_ns = span_times(trace, index)
    first = trace * SPANS_PER_TRACE + 1
    attributes = span_attributes(trace, index) if index else {"gen_ai.operation.name": "invoke_agent"}
    return SpanRecord(trace + 1, first + index, first if index else None, "span", start_ns, end_ns, attributes)


if __name__ == "__main__":
    main()

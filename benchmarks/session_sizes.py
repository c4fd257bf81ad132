"""Does the speed hold for sessions of any length? Spans per second of CPU on one core, with every rule.

For sessions of 100 to 100,000 spans: from span records, and from OTLP protobuf as the Collector's file exporter writes
it. Making the records and the file is not timed. Exits with status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine import machine_line
from workload import span_attributes, span_times

from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.own_process import collect_garbage_rarely
from otel_sessionopt.pipeline import Pipeline, analyze_inputs, release_of_input

SIZES = (100, 1_000, 10_000, 100_000)
RECORDS_TARGET = 15_000
BYTES_TARGET = 8_000
GROWTH_TARGET = 1.3
_SPANS_PER_MESSAGE = 512


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=100_000, help="spans a run (default %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs, of which the fastest counts (default %(default)s)")
    options = parser.parse_args()
    print(machine_line())
    collect_garbage_rarely()  # as the command and the service's workers do
    sizes = [size for size in SIZES if size <= options.spans]
    is_missed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, target, prepare in (
            ("span records", RECORDS_TARGET, _from_records),
            ("OTLP protobuf", BYTES_TARGET, _from_bytes),
        ):
            times = {}
            for size in sizes:
                # A tenth for short sessions: more of the same does not tell more.
                spans = max(size, options.spans // 10)
                times[size] = _fastest(prepare(spans // size, size, Path(folder)), options.repeat) / spans
                speed = 1 / times[size]
                is_missed |= speed < target
                verdict = "meets" if speed >= target else "MISSES"
                print(f"from {name}, sessions of {size:>7,} spans: {speed:,.0f} spans/s, {verdict} {target:,}")
            growth = times[sizes[-1]] / times[sizes[0]]
            is_missed |= growth > GROWTH_TARGET
            verdict = "meets" if growth <= GROWTH_TARGET else "MISSES"
            print(
                f"from {name}, time per span, {sizes[-1]:,} over {sizes[0]:,} spans: {growth:.2f}, "
                f"{verdict} {GROWTH_TARGET}"
            )
    return int(is_missed)


def _fastest(run: Callable[[], object], repeat: int) -> float:
    """Seconds of CPU."""
    fastest = float("inf")
    for _ in range(repeat):
        gc.collect()
        start = time.process_time()
        run()
        fastest = min(fastest, time.process_time() - start)
    return fastest


def _from_records(traces: int, size: int, _folder: Path) -> Callable[[], object]:
    pipeline = Pipeline()
    records = [[_record(trace, index, size) for index in range(size)] for trace in range(traces)]

    def run() -> None:
        for trace, spans in enumerate(records):
            digests = [pipeline.digest(record) for record in spans]
            pipeline.analyze(trace + 1, digests, release_of_input(digests))

    return run


def _record(trace: int, index: int, size: int) -> SpanRecord:
    start_ns, end_ns = _times(index, size)
    first = trace * size + 1
    attributes = span_attributes(trace, index) if index else {"gen_ai.operation.name": "invoke_agent"}
    return SpanRecord(trace + 1, first + index, first if index else None, "span", start_ns, end_ns, attributes)


def _times(index: int, size: int) -> tuple[int, int]:
    if index:
        return span_times(0, index)
    return span_times(0, 1)[0], span_times(0, size)[1]


def _from_bytes(traces: int, size: int, folder: Path) -> Callable[[], object]:
    path = folder / f"{size}.pb"
    with path.open("wb") as file:
        for trace in range(traces):
            for start in range(0, size, _SPANS_PER_MESSAGE):
                data = _message(
                    [_record(trace, index, size) for index in range(start, min(start + _SPANS_PER_MESSAGE, size))]
                )
                file.write(len(data).to_bytes(4, "big") + data)

    def run() -> None:
        for _ in analyze_inputs(find_inputs([path], on_error=_fail), Pipeline(), on_error=_fail):
            pass

    return run


def _message(records: list[SpanRecord]) -> bytes:
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    message = TracesData()
    spans = message.resource_spans.add().scope_spans.add().spans
    for record in records:
        span = spans.add(
            trace_id=record.trace_id.to_bytes(16, "big"),
            span_id=record.span_id.to_bytes(8, "big"),
            parent_span_id=b"" if record.parent_span_id is None else record.parent_span_id.to_bytes(8, "big"),
            name=record.name,
            start_time_unix_nano=record.start_ns,
            end_time_unix_nano=record.end_ns,
        )
        for key, value in record.attributes.items():
            into = span.attributes.add(key=key).value
            if isinstance(value, int):
                into.int_value = value
            else:
                into.string_value = value
    return message.SerializeToString()


def _fail(error: Exception) -> None:
    raise error


if __name__ == "__main__":
    sys.exit(main())

"""What the processor costs the thread that makes spans, and what importing it costs.

    python benchmarks/processor_overhead.py [--rounds 101] [--spans 1000] [--trace-spans 50]

Compared are a provider without a processor, with a `BatchSpanProcessor` and a discarding exporter, and with ours around
such a one, worker and analysis running. Rounds are paired: the variants take turns, each round gives one ratio, the
median counts. CPU time is that of the calling thread alone; the wall ratio stands beside it.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from machine import machine_line
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.util.types import Attributes

from otel_sessionopt.processor import SessionOptSpanProcessor

ATTRIBUTES: Attributes = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.agent.name": "coder",
    "gen_ai.conversation.id": "conversation-17",
    "gen_ai.tool.name": "Read",
    "gen_ai.tool.type": "function",
    "gen_ai.tool.call.id": "toolu_01A09q90qw90lq917835lq9",
    "gen_ai.tool.call.arguments": '{"file_path": "/src/app/models/user.py", "offset": 1, "limit": 200}',
    "gen_ai.tool.call.result": "".join(f"{row:6d}\tdef function_{row}(self) -> None:\n" for row in range(1, 21)),
    "server.address": "localhost",
    "server.port": 8080,
    "thread.id": 140_000,
    "thread.name": "MainThread",
    "code.function.name": "run_tool",
    "app.turn": 3,
}
MAX_CPU_RATIO = 1.15
MAX_IMPORT_MS = 60.0


class Discard(SpanExporter):
    """An exporter that costs nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the signature is given
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        return


class Cost(NamedTuple):
    """Of one round, in µs per span."""

    cpu: float
    wall: float


def run_round(provider: TracerProvider, spans: int, trace_spans: int) -> Cost:
    """Make traces of `trace_spans` spans with 15 attributes each."""
    tracer = provider.get_tracer("benchmark")
    gc.collect()
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(spans // trace_spans):
        with tracer.start_as_current_span("invoke_agent coder", attributes=ATTRIBUTES):
            for _ in range(trace_spans - 1):
                with tracer.start_as_current_span("execute_tool Read", attributes=ATTRIBUTES):
                    pass
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    provider.force_flush()
    count = spans // trace_spans * trace_spans
    return Cost(cpu / count * 1e6, wall / count * 1e6)


def providers() -> dict[str, TracerProvider]:
    """The three variants, by name."""
    none = TracerProvider(shutdown_on_exit=False)
    batch = TracerProvider(shutdown_on_exit=False)
    batch.add_span_processor(BatchSpanProcessor(Discard()))
    ours = TracerProvider(shutdown_on_exit=False)
    ours.add_span_processor(SessionOptSpanProcessor(BatchSpanProcessor(Discard()), report_folder=None))
    return {"none": none, "batch": batch, "ours": ours}


def measure_hooks(rounds: int, spans: int, trace_spans: int) -> float:
    """Print the table of costs; gives the CPU ratio of ours to the batch processor alone."""
    variants = providers()
    for provider in variants.values():
        run_round(provider, spans, trace_spans)
    costs: dict[str, list[Cost]] = {name: [] for name in variants}
    for number in range(rounds):
        names = list(variants) if number % 2 else list(reversed(variants))
        for name in names:
            costs[name].append(run_round(variants[name], spans, trace_spans))
    print(f"{'variant':<28}{'CPU µs/span':>12}{'wall µs/span':>14}{'CPU ratio':>11}{'wall ratio':>12}")
    titles = {"none": "no processor", "batch": "batch processor alone", "ours": "ours around it"}
    for name, title in titles.items():
        pairs = list(zip(costs[name], costs["batch"], strict=True))
        cpu_ratio = statistics.median(cost.cpu / base.cpu for cost, base in pairs)
        wall_ratio = statistics.median(cost.wall / base.wall for cost, base in pairs)
        cpu = statistics.median(cost.cpu for cost in costs[name])
        wall = statistics.median(cost.wall for cost in costs[name])
        print(f"{title:<28}{cpu:>12.1f}{wall:>14.1f}{cpu_ratio:>11.3f}{wall_ratio:>12.3f}")
    ratio = statistics.median(ours.cpu / base.cpu for ours, base in zip(costs["ours"], costs["batch"], strict=True))
    print(f"spans with 15 attributes in traces of {trace_spans}, {rounds} paired rounds of {spans} spans")
    for provider in variants.values():
        provider.shutdown()
    return ratio


def import_ms(statement: str) -> float:
    """Time of `statement` in a fresh interpreter, start-up excluded."""
    code = f"import time; t = time.perf_counter(); {statement}; print((time.perf_counter() - t) * 1e3)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def measure_import(rounds: int) -> float:
    """Print and give what importing the processor adds to importing the SDK, in ms (median of paired runs)."""
    sdk = "import opentelemetry.sdk.trace.export"
    added = [
        import_ms(f"{sdk}; import otel_sessionopt; otel_sessionopt.SessionOptSpanProcessor") - import_ms(sdk)
        for _ in range(rounds)
    ]
    print(f"import of the processor adds {statistics.median(added):.1f} ms to importing the SDK ({rounds} paired runs)")
    return statistics.median(added)


def main() -> int:
    """Print all figures; 1 when one misses its target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--spans", type=int, default=1_000)
    parser.add_argument("--trace-spans", type=int, default=50)
    arguments = parser.parse_args()
    print(machine_line())
    ratio = measure_hooks(arguments.rounds, arguments.spans, arguments.trace_spans)
    added_ms = measure_import(11)
    print(f"CPU ratio to the batch processor alone: {ratio:.3f} (target ≤ {MAX_CPU_RATIO})")
    print(f"import: {added_ms:.1f} ms (target ≤ {MAX_IMPORT_MS:.0f} ms)")
    return int(ratio > MAX_CPU_RATIO or added_ms > MAX_IMPORT_MS)


if __name__ == "__main__":
    sys.exit(main())

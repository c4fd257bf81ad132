"""What a buffered span takes in memory, beside the line signatures of read results.

    python benchmarks/buffer_memory.py [--spans 20000]

One open session whose spans have 15 attributes and texts of their own goes through the processor; what is then left is
what the processor keeps. Line signatures are taken off: they count against the memory budget, and grow with the files.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tracemalloc

from machine import machine_line
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from processor_overhead import ATTRIBUTES

from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_packing import unpack_digest

MAX_BYTES = 700


def attributes_of(number: int) -> dict[str, object]:
    """15 attributes, as different from span to span as in a real session."""
    return {
        **(ATTRIBUTES or {}),
        "gen_ai.tool.call.id": f"toolu_{number:024d}",
        "gen_ai.tool.call.arguments": f'{{"file_path": "/src/app/models/model_{number}.py", "offset": {number}}}',
        "gen_ai.tool.call.result": "".join(f"{row:6d}\tdef f_{number}_{row}(self): ...\n" for row in range(1, 41)),
    }


def signature_bytes(processor: SessionOptSpanProcessor) -> int:
    """Bytes of the line signatures in the buffer."""
    digests = (unpack_digest(packed) for kept in processor._buffer.traces.values() for packed in kept.digests)
    results = (digest.tool.result for digest in digests if digest.tool is not None)
    return sum(len(result.lines.tobytes()) for result in results if result is not None and result.lines is not None)


def main() -> int:
    """Print bytes per span; 1 when they are too many."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--spans", type=int, default=20_000)
    count = parser.parse_args().spans
    print(machine_line())
    processor = SessionOptSpanProcessor(SpanProcessor(), report_folder=None)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("benchmark")
    root = tracer.start_span("root")
    context = trace.set_span_in_context(root)

    def make(first: int, last: int) -> None:
        for number in range(first, last):
            attributes = attributes_of(number)
            tracer.start_span(f"execute_tool Read {number}", context=context, attributes=attributes).end()  # type: ignore[arg-type]  # the values are fine
            if number % 500 == 0:
                processor.force_flush()
        processor.force_flush()

    make(0, 1_000)  # imports, caches
    gc.collect()
    tracemalloc.start()
    signatures = signature_bytes(processor)
    estimate = processor.stats.buffered_bytes
    make(1_000, 1_000 + count)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    signatures = signature_bytes(processor) - signatures
    estimate = processor.stats.buffered_bytes - estimate
    tracemalloc.stop()
    per_span = (kept - signatures) / count
    print(f"buffered: {count:,} spans with 15 attributes, a read of 40 lines each")
    print(f"kept per span: {kept / count:.0f} B, of these line signatures {signatures / count:.0f} B")
    ratio = per_span / MAX_BYTES
    print(f"kept per span beside line signatures: {per_span:.0f} B (target ≤ {MAX_BYTES} B, ratio {ratio:.2f})")
    print(f"the processor's own estimate is {estimate / kept:.2f} × that")
    provider.shutdown()
    return int(per_span > MAX_BYTES)


if __name__ == "__main__":
    sys.exit(main())

"""Memory while reading is bounded by the largest piece, not by the file."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_sessionopt.ingest.files import InputFile, read_spans
from tests.ingest.otlp_samples import Errors, framed, json_document, json_line
from tests.ingest.test_otlp_formats_agree import zstd
from tests.ingest.transcripts.transcript_samples import answer, call, result

TEXT = "x" * 1_000


def message(spans: int) -> TracesData:
    data = TracesData()
    scope_spans = data.resource_spans.add().scope_spans.add()
    data.resource_spans[0].resource.attributes.add(key="service.name").value.string_value = "big"
    scope_spans.scope.name = "s"
    for number in range(1, spans + 1):
        span = scope_spans.spans.add(trace_id=bytes(15) + b"\x01", span_id=number.to_bytes(8, "big"), name="s")
        span.attributes.add(key="text").value.string_value = TEXT
    return data


ENCODINGS: dict[str, Callable[[TracesData], bytes]] = {
    "one line": json_line,
    "indented": lambda data: json.dumps(json_document(data), indent=1).encode(),
    "protobuf": lambda data: data.SerializeToString(),
    "framed": lambda data: framed([data.SerializeToString()]),
    "zstd": lambda data: zstd(json_line(data)),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_of_four_times_the_size_takes_no_more_memory(encoding: str, tmp_path: Path) -> None:
    peaks = []
    for spans in (1_000, 4_000):
        path = tmp_path / f"{spans}"
        path.write_bytes(ENCODINGS[encoding](message(spans)))
        peaks.append(peak(path, spans))

    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 3_000_000


def test_the_texts_of_a_transcript_are_not_held(tmp_path: Path) -> None:
    peaks = []
    for calls in (200, 800):
        lines = []
        for number in range(calls):
            lines.append(answer(f"a{number}", number, f"m{number}", call(f"c{number}", "Bash", command=TEXT * 3), 1))
            lines.append(result(f"r{number}", number, f"c{number}", TEXT * 5))
        path = tmp_path / f"{calls}.jsonl"
        path.write_text("\n".join(lines))
        peaks.append(peak(path, 2 * calls + 1))

    # A call may stay with its ids and numbers: 2 KB, where its texts have 8.
    assert peaks[1] - peaks[0] < 600 * 2_000


def peak(path: Path, spans: int) -> int:
    errors = Errors()
    for _ in read_spans(InputFile(path=path), errors):
        break  # what is imported and compiled once does not count
    gc.collect()
    tracemalloc.start()
    count = sum(1 for _ in read_spans(InputFile(path=path), errors))
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, errors) == (spans, [])
    return size

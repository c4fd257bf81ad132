"""Damaged files: whatever the bytes are, nothing is raised, and what is wrong is told."""

from __future__ import annotations

import functools
import gzip
import json
import lzma
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.ingest.files import InputFile, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord
from tests.ingest.otlp_samples import Errors, framed, json_document, json_line, message, sdk_spans
from tests.ingest.test_otlp_formats_agree import ENCODINGS, zstd
from tests.ingest.transcripts.test_codex import ROLLOUT
from tests.ingest.transcripts.test_opencode import EXPORT, write_database
from tests.ingest.transcripts.test_pi import SESSION as PI_SESSION
from tests.ingest.transcripts.transcript_samples import TRANSCRIPT


@functools.cache
def originals() -> list[bytes]:
    spans = sdk_spans(traces=2)
    first, second = message(spans[:2]), message(spans[2:])
    plain = [encode(first, second) for encode in ENCODINGS.values()]
    lines = json_line(first) * 3
    many = framed([first.SerializeToString()] * 3)
    packed = [compress(lines) for compress in (gzip.compress, lzma.compress, zstd)]
    transcripts = [TRANSCRIPT, "\n".join(ROLLOUT), "\n".join(PI_SESSION), json.dumps(EXPORT, indent=2)]
    return [*plain, many, *packed, *(text.encode() for text in transcripts), database()]


def database() -> bytes:
    with TemporaryDirectory() as folder:
        return write_database(Path(folder, "opencode.db"), EXPORT).read_bytes()


def read(data: bytes, errors: Errors) -> list[SpanRecord]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "input")
        path.write_bytes(data)
        return list(read_spans(InputFile(path=path), errors))


def check(data: bytes) -> None:
    errors = Errors()
    for record in read(data, errors):
        assert 0 < record.trace_id < 2**128
        assert 0 < record.span_id < 2**64
        assert record.parent_span_id is None or 0 < record.parent_span_id < 2**64
        assert 0 <= record.start_ns < 2**64
        record.name.encode()
    for error in errors:
        kind, _, number = error.position.partition(" ")
        assert kind in ("", "line", "byte")
        assert not kind or int(number) >= 0
        assert error.reason


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing(data: bytes) -> None:
    check(data)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='{}[]":,\\n\t 0truefalsnresourceSpans', max_size=300))
def test_random_json_like_text_raises_nothing(text: str) -> None:
    check(b'{"resourceSpans": [' + text.encode())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_files_raise_nothing(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(originals())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        kind = data.draw(st.sampled_from(["set", "cut", "remove", "insert", "repeat"]))
        if kind == "set" and content:
            content[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del content[at:]
        elif kind == "remove":
            del content[at : at + data.draw(st.integers(1, 20))]
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(max_size=20))
        else:
            content[at:at] = content[at : at + 50]
    check(bytes(content))


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a decoded JSON value where another value can be put: the holder and the key or index."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    else:
        return []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_values_of_any_type_anywhere_raise_nothing(data: st.DataObject) -> None:
    document = json_document(message(sdk_spans(traces=1)))
    lines = data.draw(st.sampled_from([[document], [json.loads(line) for line in TRANSCRIPT.splitlines()]]))
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = data.draw(st.sampled_from(places(lines)))
        holder[key] = data.draw(ANY_VALUE)
    indent = data.draw(st.sampled_from([None, 1]))

    check("\n".join(json.dumps(line, indent=indent) for line in lines).encode())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_cut_file_gives_what_came_before_and_says_so(data: st.DataObject) -> None:
    lines = json_line(message(sdk_spans(traces=1))) * 4
    line_length = len(lines) // 4
    cut = data.draw(st.integers(line_length + 1, len(lines) - 2))
    if cut % line_length in (0, line_length - 1):
        return  # between lines nothing is missing
    errors = Errors()

    records = read(lines[:cut], errors)

    assert len(records) >= cut // line_length * 2
    assert errors.positions == [f"line {cut // line_length + 1}"]

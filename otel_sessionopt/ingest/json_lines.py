"""JSON text in files: JSON Lines, or one document over many lines, read without holding more than a piece of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from otel_sessionopt.ingest.byte_stream import CHUNK_BYTES, MAX_PIECE_BYTES, ByteStream
from otel_sessionopt.ingest.jaeger_json import records_from_jaeger
from otel_sessionopt.ingest.json_cursor import JsonCursor, has_surrogates, without_lone_surrogates
from otel_sessionopt.ingest.log_record import Record
from otel_sessionopt.ingest.malformed import CutOff, Malformed
from otel_sessionopt.ingest.otlp_json import records_from_document, records_from_text

WHOLE_LINE_BYTES: Final = 16 * 1024
"""OTLP lines up to this length are decoded at once, longer ones are walked through span by span. Decoded JSON takes
five to ten times the memory of its text, and from about ten spans a line up walking is the faster way (measured)."""
_HEAD_BYTES: Final = 64 * 1024
_HEAD_LINES: Final = 100
"""How many lines, empty ones included, are looked at to see how a file is laid out."""

Report = Callable[[str, str], None]
"""Told the position and the reason of what cannot be read."""


class Entry(NamedTuple):
    """One line of a transcript: its number, from 1, and the JSON object in it."""

    line: int
    value: dict[str, Any]


def decode_line(line: bytes) -> Any:
    """The JSON value in a line. Raises `ValueError` where there is not exactly one, `RecursionError` where too deep."""
    text = str(line, "utf-8")
    value = json.loads(text)
    return without_lone_surrogates(value) if has_surrogates(text) else value


def read_entries(stream: ByteStream, report: Report) -> Iterator[Entry]:
    """The objects in JSON Lines, for transcripts. A line that is no JSON object is told to `report` and passed over."""
    number = 0
    while line := stream.readline(MAX_PIECE_BYTES):
        number += 1
        if line.isspace():
            continue
        if _is_open(line) and len(line) == MAX_PIECE_BYTES:
            report(f"line {number}", f"the line is longer than {MAX_PIECE_BYTES:,} bytes")
            _skip_line(stream)
            continue
        try:
            value = decode_line(line)
        except (ValueError, RecursionError):
            if not (_is_open(line) and stream.is_damaged):  # the damage was told already
                report(f"line {number}", "not a JSON object" + (", it is cut off" if _is_open(line) else ""))
            continue
        if isinstance(value, dict):
            yield Entry(number, value)
        else:
            report(f"line {number}", "not a JSON object")


def read_otlp_json(stream: ByteStream, report: Report) -> Iterator[Record]:
    """Spans and log records of OTLP/JSON text: one document, several, or one a line."""
    if _is_one_a_line(stream.peek(_HEAD_BYTES)):
        return _read_lines(stream, report)
    return _read_documents(stream, report, records_from_text)


def read_jaeger_json(stream: ByteStream, report: Report) -> Iterator[Record]:
    """Spans and log records of answers of Jaeger's older API, one after the other."""
    return _read_documents(stream, report, records_from_jaeger)


def _is_one_a_line(head: bytes) -> bool:
    """Whether lines are documents of their own, as opposed to one document that is laid out over many lines.

    A first line that is no document may be broken; then the second one tells.
    """
    *closed, last = head.split(b"\n", _HEAD_LINES)
    lines = [line for line in closed if line.strip()][:2]
    if not lines or any(_is_json(line) for line in lines):
        return True
    return len(lines) == 1 and last.startswith(b"{")


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(decode_line(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _read_lines(stream: ByteStream, report: Report) -> Iterator[Record]:
    number = 0
    while line := stream.readline(WHOLE_LINE_BYTES):
        number += 1
        report_here = partial(report, f"line {number}")
        if line.isspace():
            continue
        if not (_is_open(line) and len(line) == WHOLE_LINE_BYTES):
            try:
                document = decode_line(line)
            except (ValueError, RecursionError):
                pass  # walked through below: what is good in it is given, what is not is told
            else:
                yield from records_from_document(document, report_here)
                continue
        yield from _read_line_in_pieces(line, stream, report_here)


def _read_line_in_pieces(start: bytes, stream: ByteStream, report: Callable[[str], None]) -> Iterator[Record]:
    pieces = _pieces_of_line(start, stream)
    cursor = JsonCursor(pieces)
    try:
        yield from records_from_text(cursor, report)
        if not cursor.is_at_end():
            raise Malformed("not JSON: something follows the object")
    except Malformed as malformed:
        for _ in pieces:
            pass
        if not (stream.is_damaged and isinstance(malformed, CutOff)):
            report(str(malformed))


def _read_documents(
    stream: ByteStream, report: Report, read: Callable[[JsonCursor, Callable[[str], None]], Iterator[Record]]
) -> Iterator[Record]:
    cursor = JsonCursor(iter(stream.read_chunk, b""))
    while True:
        first_line = 0
        try:
            if cursor.is_at_end():
                return
            first_line = cursor.line
            yield from read(cursor, lambda reason: report(f"line {cursor.line}", reason))
        except Malformed as malformed:
            if not (stream.is_damaged and isinstance(malformed, CutOff)):
                report(f"line {cursor.line}", str(malformed))
            cursor.skip_to_next_document(first_line)


def _pieces_of_line(start: bytes, stream: ByteStream) -> Iterator[bytes]:
    piece = start
    while piece:
        yield piece
        if not _is_open(piece):
            return
        piece = stream.readline(CHUNK_BYTES)


def _skip_line(stream: ByteStream) -> None:
    while _is_open(stream.readline(CHUNK_BYTES) or b"\n"):
        pass


def _is_open(line: bytes) -> bool:
    """Whether it has no line feed at its end: more follows, or the input ended."""
    return not line.endswith(b"\n")

"""Reads spans and log records from files: finds out by their content what they are, and streams records out of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO, Final

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.byte_stream import ByteStream, open_stream
from otel_sessionopt.ingest.inputs import InputFile, find_inputs
from otel_sessionopt.ingest.jaeger_json import is_jaeger_document
from otel_sessionopt.ingest.json_lines import Report, decode_line, read_entries, read_jaeger_json, read_otlp_json
from otel_sessionopt.ingest.log_record import Record
from otel_sessionopt.ingest.otlp_json import DOCUMENT_KEYS, is_otlp_document
from otel_sessionopt.ingest.protobuf_wire import is_framed, is_traces_data
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts import transcript_format
from otel_sessionopt.ingest.transcripts.opencode_store import (
    SQLITE_MAGIC,
    is_session_document,
    read_database,
    read_document,
)

__all__ = ["FORMATS", "InputFile", "find_inputs", "read_records", "read_spans"]

FORMATS: Final = (
    "OTLP spans or logs as JSON (one document, or JSON Lines) or as protobuf (one message, or length-prefixed ones), "
    "Jaeger's JSON, or a transcript of Claude Code, Codex, pi or opencode; plain, or compressed with gzip, xz or zstd"
)
"""What can be read, in words for people."""

_LOOK_BYTES: Final = (64 * 1024, 4 * 1024 * 1024)
"""How much of the beginning is looked at; the second where the first does not tell, because a line can be long."""
_BOM: Final = b"\xef\xbb\xbf"
_JAEGER_KEYS: Final = re.compile(rb'^\s*\{\s*"data"\s*:\s*\[\s*\{\s*"traceID"\s*:\s*"\w*"\s*,\s*"spans"\s*:')
_DOCUMENT_KEY: Final = re.compile(rb'(?<!\\)"(?:' + "|".join(DOCUMENT_KEYS).encode() + rb')"\s*:')

_Reader = Callable[[ByteStream, Report], Iterator[Record]]


def read_spans(
    input_file: InputFile,
    on_error: Callable[[InputError], None],
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[SpanRecord]:
    """The spans of one file, without its log records. See `read_records`."""
    return (record for record in read_records(input_file, on_error, on_progress) if isinstance(record, SpanRecord))


def read_records(
    input_file: InputFile,
    on_error: Callable[[InputError], None],
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[Record]:
    """Stream the spans and log records of one file. Compression and format are recognised by content, not by name.

    Memory does not grow with the file. What cannot be read is told to `on_error` and the rest is still given; nothing
    is raised. A file that a person named and that is in no known format is an error; one found in a folder is not.

    Args:
        on_error: is told what cannot be read, with the line or byte it is at.
        on_progress: is told how many further bytes of the file, as stored, were taken; they add up to its size.
    """

    def report(position: str, reason: str) -> None:
        on_error(InputError(input_file.source, position, reason))

    try:
        opened = _open(input_file)
    except OSError as error:
        report("", f"cannot be opened: {error.strerror}")
        return
    with (
        opened as file,
        open_stream(file, lambda at, reason: report(f"byte {at}", reason), on_progress or _ignore_progress) as stream,
    ):
        if stream.peek(len(_BOM)) == _BOM:
            stream.skip(len(_BOM))
        reader = _find_reader(stream, input_file)
        if reader:
            yield from reader(stream, report)
        elif input_file.is_named and stream.peek(1):
            report("", f"in no format that is known; allowed is {FORMATS}")


def _open(input_file: InputFile) -> AbstractContextManager[BinaryIO]:
    if input_file.path is None:
        return nullcontext(sys.stdin.buffer)  # not ours to close
    return input_file.path.open("rb", buffering=0)


def _find_reader(stream: ByteStream, input_file: InputFile) -> _Reader | None:
    head = stream.peek(_LOOK_BYTES[0])
    if is_traces_data(head):
        return _read_message
    if is_framed(head):
        return _read_frames
    if head.startswith(SQLITE_MAGIC) and (path := input_file.path):
        return lambda _, report: read_database(path, input_file.is_named, report)
    if is_session_document(head):
        return lambda document, report: read_document(document, input_file.path, report)
    return _find_json_reader(stream, input_file)


def _find_json_reader(stream: ByteStream, input_file: InputFile) -> _Reader | None:
    for size in _LOOK_BYTES:
        head = stream.peek(size)
        if b"{" not in head:
            return None
        for line in head.splitlines():
            value = _json_object(line)
            if is_otlp_document(value):
                return read_otlp_json
            if is_jaeger_document(value):
                return read_jaeger_json
            if isinstance(value, dict) and (transcript := transcript_format(value)):
                return lambda lines, report: transcript.read(read_entries(lines, report), input_file)
        if _JAEGER_KEYS.match(head):
            return read_jaeger_json
        if _DOCUMENT_KEY.search(head):
            return read_otlp_json
    return None


def _json_object(line: bytes) -> object:
    """The JSON value in the line; `None` where there is none, as in a line that was cut."""
    if not line.lstrip().startswith((b"{", b"[")):
        return None
    try:
        return decode_line(line)
    except (ValueError, RecursionError):
        return None


def _read_message(stream: ByteStream, report: Report) -> Iterator[Record]:
    from otel_sessionopt.ingest.otlp_frames import read_message

    return read_message(stream, report)


def _read_frames(stream: ByteStream, report: Report) -> Iterator[Record]:
    from otel_sessionopt.ingest.otlp_frames import read_frames

    return read_frames(stream, report)


def _ignore_progress(_size: int) -> None:
    """For callers that show none."""

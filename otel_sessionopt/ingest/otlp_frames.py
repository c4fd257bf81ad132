"""Files of OTLP protobuf: one bare message, or messages with their length before them as the Collector writes them.

Source: opentelemetry-collector-contrib, `exporter/fileexporter/README.md`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from sys import maxsize

from otel_sessionopt.ingest.byte_stream import MAX_PIECE_BYTES, ZSTD_MAGIC, ByteStream
from otel_sessionopt.ingest.json_lines import Report, read_otlp_json
from otel_sessionopt.ingest.log_record import Record
from otel_sessionopt.ingest.malformed import CutOff, Malformed
from otel_sessionopt.ingest.otlp_protobuf import records_from_message
from otel_sessionopt.ingest.protobuf_wire import LENGTH_BYTES, is_traces_data


def read_message(stream: ByteStream, report: Report, end: int = maxsize) -> Iterator[Record]:
    """Spans and log records of the message that goes on to offset `end`, or to the end of the stream."""
    try:
        yield from records_from_message(stream, lambda offset, reason: report(f"byte {offset}", reason), end)
    except CutOff as cut_off:
        if not stream.is_damaged:  # the damage was told already
            report(f"byte {stream.offset}", str(cut_off))


def read_frames(stream: ByteStream, report: Report) -> Iterator[Record]:
    """Records of messages that have their length before them; a message may be compressed with zstd, and JSON then."""
    while head := stream.read(LENGTH_BYTES):
        start = stream.offset
        length = int.from_bytes(head, "big")
        if len(head) < LENGTH_BYTES:
            if not stream.is_damaged:
                report(f"byte {start}", "the length of a message is cut off here")
            return
        if length > MAX_PIECE_BYTES:
            report(f"byte {start}", f"a message is longer than {MAX_PIECE_BYTES:,} bytes, or this is not its length")
            return
        if stream.peek(len(ZSTD_MAGIC)) == ZSTD_MAGIC:
            yield from _read_compressed(stream.read(length), f"byte {start}", report)
        else:
            yield from read_message(stream, report, start + length)


def _read_compressed(data: bytes, position: str, report: Report) -> Iterator[Record]:
    try:
        content = _decompress(data)
    except Malformed as malformed:
        report(position, str(malformed))
        return

    def report_here(_inner: str, reason: str) -> None:
        report(position, reason)

    stream = ByteStream(io.BytesIO(content), lambda reason: report(position, reason))
    yield from (read_message if is_traces_data(content) else read_otlp_json)(stream, report_here)


def _decompress(data: bytes) -> bytes:
    from otel_sessionopt.ingest.zstd import ZstdDecompressor, ZstdError

    decompressor = ZstdDecompressor()
    try:
        content: bytes = decompressor.decompress(data, max_length=MAX_PIECE_BYTES)
    except ZstdError:
        raise Malformed("the compressed data of a message is damaged") from None
    if not decompressor.eof:
        raise Malformed(f"a message is cut off, or longer than {MAX_PIECE_BYTES:,} bytes")
    return content

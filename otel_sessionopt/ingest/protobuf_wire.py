"""The protobuf wire format as far as it is read by hand: numbers, and how OTLP looks at its beginning."""

from __future__ import annotations

from typing import Final

from otel_sessionopt.ingest.byte_stream import MAX_PIECE_BYTES, ZSTD_MAGIC
from otel_sessionopt.ingest.malformed import CutOff, Malformed

LENGTH_BYTES: Final = 4
"""The Collector's file exporter puts the length of each message before it: four bytes, big-endian."""

# First bytes that each level can have: field number and wire type.
_RESOURCE_SPANS: Final = 0x0A
_RESOURCE: Final = 0x0A
_SCHEMA_URL: Final = 0x1A
_LIBRARY_SPANS: Final = 0xC2  # the first of two bytes
_IN_RESOURCE_SPANS: Final = (_RESOURCE, 0x12, _SCHEMA_URL, _LIBRARY_SPANS)
_IN_RESOURCE: Final = (0x0A, 0x10, 0x1A)  # attributes, dropped_attributes_count, entity_refs
_IN_SCOPE_SPANS: Final = (0x0A, 0x12, 0x1A)  # scope, spans, schema_url


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer and the index after it. Raises `CutOff` where the data ends within it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise CutOff("the message is cut off here")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Malformed("not protobuf: a number of more than ten bytes")


def is_traces_data(head: bytes, at: int = 0) -> bool:
    """Whether a message of resource spans starts there. Logs and metrics look the same and count as one."""
    try:
        return _is_resource_spans(head, at)
    except (IndexError, Malformed):
        return False


def is_framed(head: bytes) -> bool:
    """Whether messages with their length before them start there, each compressed with zstd or not."""
    at = 0
    while head[at : at + LENGTH_BYTES] == bytes(LENGTH_BYTES):
        at += LENGTH_BYTES  # an empty message
    start = at + LENGTH_BYTES
    if not 0 < int.from_bytes(head[at:start], "big") <= MAX_PIECE_BYTES:
        return False
    return head.startswith(ZSTD_MAGIC, start) or is_traces_data(head, start)


def _is_resource_spans(head: bytes, at: int) -> bool:
    if head[at] != _RESOURCE_SPANS:
        return False
    length, start = varint(head, at + 1)
    if not length:
        return start == len(head) or head[start] == _RESOURCE_SPANS
    first = head[start]
    if first not in _IN_RESOURCE_SPANS:
        return False
    inner_length, inner = varint(head, start + (2 if first == _LIBRARY_SPANS else 1))
    if inner + inner_length > start + length:
        return False
    if not inner_length or first == _SCHEMA_URL:
        return True
    return head[inner] in (_IN_RESOURCE if first == _RESOURCE else _IN_SCOPE_SPANS)

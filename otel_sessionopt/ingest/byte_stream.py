"""`ByteStream`: the bytes of one input, decompressed as they are read, forward and once."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol, cast

CHUNK_BYTES = 256 * 1024
MAX_PIECE_BYTES = 256 * 1024 * 1024
"""Longest single piece (JSON line or element, protobuf span, length-prefixed message) that is read into memory.

The Collector's receivers take 20 MiB a request by default; more than ten times that is damage, not data.
"""

_Damage = tuple[type[Exception], ...]

_GZIP_MAGIC = b"\x1f\x8b"
_XZ_MAGIC = b"\xfd7zXZ\x00"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class ByteReader(Protocol):
    """What is needed of a file. One `read1` reads once from what is beneath, so that no byte is lost on an error."""

    def read1(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; empty at the end."""

    def close(self) -> None:
        """Let go of what it holds."""


class ByteStream:
    """A buffered forward reader that counts what it hands out.

    Where the data cannot be decompressed or read any further, `on_damage` is called once with the reason and the
    stream ends there; everything before is still given.

    Args:
        reader: where the bytes come from.
        on_damage: see above.
        damage: what `reader` raises where its data is damaged, beside `OSError` and `EOFError`.

    Attributes:
        is_damaged: the stream ended early, and `on_damage` was told.
    """

    def __init__(self, reader: ByteReader, on_damage: Callable[[str], None], damage: _Damage = ()) -> None:
        self._reader = reader
        self._damage: _Damage = (OSError, EOFError, *damage)
        self._on_damage = on_damage
        self._buffer = b""
        self._at = 0
        self._base = 0
        self.is_damaged = False

    @property
    def offset(self) -> int:
        """Bytes handed out so far, counted after decompression."""
        return self._base + self._at

    def peek(self, size: int) -> bytes:
        """The next `size` bytes without taking them; fewer only at the end."""
        missing = self._at + size - len(self._buffer)
        if missing > 0:
            parts = [self._buffer[self._at :]]
            while missing > 0 and (chunk := self._read_chunk()):
                parts.append(chunk)
                missing -= len(chunk)
            self._base += self._at
            self._buffer = b"".join(parts)
            self._at = 0
        return self._buffer[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """Take `size` bytes; fewer only at the end."""
        data = self.peek(size)
        self._at += len(data)
        return data

    def read_chunk(self) -> bytes:
        """Take what is there already, or else what one read gives; empty at the end."""
        if self._at == len(self._buffer):
            self._fill()
        data = self._buffer[self._at :]
        self._at = len(self._buffer)
        return data

    def readline(self, limit: int) -> bytes:
        """Take up to and with the next line feed, at most `limit` bytes; empty at the end."""
        end = self._buffer.find(b"\n", self._at, self._at + limit)
        if end < 0:
            return self._read_long_line(limit)
        line = self._buffer[self._at : end + 1]
        self._at = end + 1
        return line

    def skip(self, size: int) -> int:
        """Pass over `size` bytes without holding them; gives how many there were."""
        left = size
        while left > 0:
            if self._at == len(self._buffer) and not self._fill():
                break
            step = min(left, len(self._buffer) - self._at)
            self._at += step
            left -= step
        return size - left

    def _read_long_line(self, limit: int) -> bytes:
        parts = []
        left = limit
        while left > 0 and (self._at < len(self._buffer) or self._fill()):
            end = self._buffer.find(b"\n", self._at, self._at + left)
            stop = end + 1 if end >= 0 else min(len(self._buffer), self._at + left)
            parts.append(self._buffer[self._at : stop])
            left -= stop - self._at
            self._at = stop
            if end >= 0:
                break
        return b"".join(parts)

    def _fill(self) -> bool:
        """Replace a used-up buffer by the next chunk; false at the end."""
        self._base += len(self._buffer)
        self._buffer = self._read_chunk()
        self._at = 0
        return bool(self._buffer)

    def _read_chunk(self) -> bytes:
        if self.is_damaged:
            return b""
        try:
            return self._reader.read1(CHUNK_BYTES)
        except self._damage as error:
            self.is_damaged = True
            self._on_damage(_reason(error))
            return b""


class _CountedFile(io.RawIOBase):
    """A file whose first bytes were looked at, and whose progress is told."""

    def __init__(self, file: BinaryIO, on_progress: Callable[[int], None]) -> None:
        self._file = file
        self._on_progress = on_progress
        self._head = b""
        self.position = 0

    def look(self, size: int) -> bytes:
        """The first `size` bytes; they are given again by the next read."""
        while len(self._head) < size and (more := self._file.read(size - len(self._head))):
            self._head += more
        return self._head

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._head:
            stop = size if size >= 0 else len(self._head)
            data, self._head = self._head[:stop], self._head[stop:]
        else:
            data = self._file.read(size) or b""
        self.position += len(data)
        self._on_progress(len(data))
        return data

    def read1(self, size: int = -1) -> bytes:
        return self.read(size)


@contextmanager
def open_stream(
    file: BinaryIO, on_damage: Callable[[int, str], None], on_progress: Callable[[int], None]
) -> Iterator[ByteStream]:
    """Give the decompressed bytes of an open file: gzip, xz and zstd are recognised by their first bytes.

    Args:
        file: opened for reading bytes, unbuffered or not; the caller closes it. It need not be seekable.
        on_damage: is told the offset in the file and the reason where reading cannot go on.
        on_progress: is told how many further bytes of the file, as stored, were taken.
    """
    counted = _CountedFile(file, on_progress)
    reader, damage = _decompressed(counted)
    try:
        yield ByteStream(reader, lambda reason: on_damage(counted.position, reason), damage)
    finally:
        reader.close()


def _decompressed(counted: _CountedFile) -> tuple[ByteReader, _Damage]:
    head = counted.look(len(_XZ_MAGIC))
    if head.startswith(_GZIP_MAGIC):
        return gzip.GzipFile(fileobj=counted, mode="rb"), (zlib.error,)
    if head.startswith(_XZ_MAGIC):
        return lzma.LZMAFile(cast(BinaryIO, counted)), (lzma.LZMAError,)
    if head.startswith(ZSTD_MAGIC):
        from otel_sessionopt.ingest.zstd import ZstdError, ZstdFile

        return ZstdFile(cast(BinaryIO, counted)), (ZstdError,)
    return counted, ()


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the compressed data is cut off here"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read any further: {error.strerror}"
    return "the compressed data is damaged here"

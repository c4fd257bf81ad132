"""The log of received requests: segment files of checksummed records, appended by one process and read by several.

A *position* is a byte offset in the whole log; a segment's file name is the position of its first byte. Positions
only grow, also across restarts, so that "read up to position N" stays true for ever.

    00000000000000000000.log   [header|body][header|body]…
    00000000000033554432.log   [header|body]…            ← the last one is appended to

Threading: a `RequestLog` belongs to one thread; a `LogReader` to one thread, in any process.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

_log = logging.getLogger(__name__)

_MAGIC: Final = b"OTLQ"
_HEADER: Final = struct.Struct("<4sII QBBBB")  # magic, body length, checksum; then what the checksum covers too
_TAIL: Final = struct.Struct("<QBBBB")  # received ns, signal, form, compression, reserved
_SUFFIX: Final = ".log"
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class Signal(IntEnum):
    """What a request carries."""

    TRACES = 1
    LOGS = 2


class Form(IntEnum):
    """How a request's body is written."""

    PROTOBUF = 1
    JSON = 2


class Request(NamedTuple):
    """One request as it was received: `body` is byte for byte what came, compressed where `is_gzip`."""

    signal: Signal
    form: Form
    is_gzip: bool
    received_ns: int
    body: bytes


class Logged(NamedTuple):
    """A request in the log, and the position behind it."""

    request: Request
    end: int


class RequestLog:
    """Appends requests. What `sync` returned from is on disk.

    Args:
        folder: of the segments; made, for its owner only, when it is not there.
        segment_bytes: a segment is closed once it is as long.
        start: at least this is the position of the next record: a power cut can take back appended records, but not
            what a reader has noted as read.

    Raises:
        OSError: the folder or a file cannot be read or written.
    """

    def __init__(self, folder: Path, *, segment_bytes: int, start: int = 0) -> None:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._file = -1
        segments = segment_positions(folder)
        self._base = segments[-1] if segments else start
        self.end = self._base
        if segments:
            self.end += _cut_torn_tail(segment_path(folder, self._base))
        if self.end < start:
            self._base = self.end = start
        self._open()

    def append(self, requests: Sequence[Request]) -> int:
        """Write requests behind the others, all or none; gives the position behind them. Not yet on disk.

        Raises:
            OSError: the disk is full or fails; the log is as before.
        """
        if self.end - self._base >= self._segment_bytes:
            self.roll()
        try:
            size = 0
            for request in requests:
                size += _write_all(self._file, _header(request), request.body)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.end - self._base)
            os.lseek(self._file, self.end - self._base, os.SEEK_SET)
            raise
        self.end += size
        return self.end

    def sync(self) -> None:
        """Wait until the disk has everything that was appended. Raises `OSError`."""
        os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)

    def roll(self) -> None:
        """Close the segment and begin the next one. Raises `OSError`, and the old one stays."""
        if self.end == self._base:
            return
        self.sync()
        old, base = self._file, self._base
        self._base = self.end
        try:
            self._open()
        except OSError:
            self._file, self._base = old, base
            raise
        os.close(old)

    def take_back(self, end: int) -> None:
        """Forget what was appended behind position `end`, after a sync that failed, and go on in a new segment."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, max(end - self._base, 0))
        self.end = max(end, self._base)
        os.lseek(self._file, self.end - self._base, os.SEEK_SET)

    def delete_before(self, position: int) -> int:
        """Delete the segments that end at or before `position`; gives the bytes freed. The open one always stays."""
        segments = segment_positions(self._folder)
        freed = 0
        for base, following in itertools.pairwise(segments):
            if following > position or base >= self._base:
                break
            path = segment_path(self._folder, base)
            freed += path.stat().st_size
            path.unlink()
        return freed

    @property
    def first(self) -> int:
        """The position of the oldest byte that is kept."""
        return next(iter(segment_positions(self._folder)), self._base)

    @property
    def open_bytes(self) -> int:
        """How long the open segment is."""
        return self.end - self._base

    def close(self) -> None:
        """Close the file; nothing may be appended afterwards."""
        os.close(self._file)

    def _open(self) -> None:
        path = segment_path(self._folder, self._base)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, _FILE_MODE)
        os.lseek(self._file, self.end - self._base, os.SEEK_SET)
        # A file that is not in its folder after a power cut would take its records with it.
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class LogReader:
    """Reads requests in order from a position on. Segments that were deleted meanwhile are passed over."""

    def __init__(self, folder: Path, position: int) -> None:
        self._folder = folder
        self.position = position
        self._base = -1
        self._file = -1

    def read(self, end: int, max_bytes: int) -> Iterator[Logged]:
        """Requests up to position `end`, until about `max_bytes` were read. `position` follows what was given.

        Raises:
            OSError: a segment cannot be read.
        """
        taken = 0
        while self.position < end and taken < max_bytes:
            logged = self._next()
            if logged is None:
                if not self._go_to_next_segment():
                    return
                continue
            taken += logged.end - self.position
            self.position = logged.end
            yield logged

    def seek(self, position: int) -> None:
        """Go on reading from a position."""
        self.close()
        self.position = position

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _next(self) -> Logged | None:
        if self._file < 0 and not self._open_segment():
            return None
        at = self.position - self._base
        header = os.pread(self._file, _HEADER.size, at)
        if len(header) < _HEADER.size:
            return None
        length = _body_length(header)
        body = b"" if length is None else os.pread(self._file, length, at + _HEADER.size)
        request = _request(header, body)
        if request is None:
            _log.error("a record of the request log at position %d is damaged; what follows it in its file is lost", at)
            return None
        return Logged(request, self.position + _HEADER.size + len(body))

    def _open_segment(self) -> bool:
        bases = [base for base in segment_positions(self._folder) if base <= self.position]
        if not bases:
            return False
        self._base = bases[-1]
        try:
            self._file = os.open(segment_path(self._folder, self._base), os.O_RDONLY)
        except FileNotFoundError:
            return False
        return True

    def _go_to_next_segment(self) -> bool:
        following = [base for base in segment_positions(self._folder) if base > max(self._base, self.position - 1)]
        self.close()
        if not following:
            return False
        self.position = max(self.position, following[0])
        return True


def segment_positions(folder: Path) -> list[int]:
    """The first positions of all segments, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(int(path.stem) for path in folder.iterdir() if path.suffix == _SUFFIX and path.stem.isdecimal())


def segment_path(folder: Path, base: int) -> Path:
    """The file of the segment that starts at position `base`."""
    return folder / f"{base:020d}{_SUFFIX}"


def _header(request: Request) -> bytes:
    tail = _TAIL.pack(request.received_ns, request.signal, request.form, request.is_gzip, 0)
    checksum = zlib.crc32(request.body, zlib.crc32(tail))
    return struct.pack("<4sII", _MAGIC, len(request.body), checksum) + tail


def _body_length(header: bytes) -> int | None:
    magic, length = struct.unpack_from("<4sI", header)
    return int(length) if magic == _MAGIC else None


def _request(header: bytes, body: bytes) -> Request | None:
    """The request of a record, `None` when it is torn or damaged."""
    _, length, checksum = struct.unpack_from("<4sII", header)
    tail = header[-_TAIL.size :]
    if _body_length(header) is None or len(body) != length or zlib.crc32(body, zlib.crc32(tail)) != checksum:
        return None
    received_ns, signal, form, is_gzip, _ = _TAIL.unpack(tail)
    return Request(Signal(signal), Form(form), bool(is_gzip), received_ns, body)


def _write_all(file: int, header: bytes, body: bytes) -> int:
    size = len(header) + len(body)
    written = os.writev(file, (header, body))
    if written < size:
        rest = memoryview(header + body)[written:]
        while rest:
            rest = rest[os.write(file, rest) :]
    return size


def _cut_torn_tail(path: Path) -> int:
    """The length of the segment's whole records; what follows them, written when the power went, is cut off."""
    at = 0
    with path.open("r+b") as file:
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            length = _body_length(header)
            body = b"" if length is None else file.read(length)
            if _request(header, body) is None:
                break
            at += len(header) + len(body)
        size = path.stat().st_size
        if size > at:
            _log.warning("%s: %d bytes of a request that was never acknowledged are cut off", path.name, size - at)
            file.truncate(at)
            os.fsync(file.fileno())
    return at

"""`TraceSpool`: brings together what belongs to one trace, however far apart it stands in the input."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Final, Generic, TypeVar

T = TypeVar("T")

MEMORY_ITEMS: Final = 200_000
"""Items kept in memory: at the 700 bytes that a digest of a span takes at most, 140 MB."""


class TraceSpool(Generic[T]):
    """Keeps items by trace id: in memory up to a budget, beyond that in a temporary file.

    Afterwards memory holds one list of file offsets a trace, and while iterating the items of one trace. Not for use by
    several threads. Use it as a context manager: leaving it deletes the file, as does the end of the process.

    Args:
        memory_items: how many items are kept in memory before all of them are written out.
    """

    def __init__(self, memory_items: int = MEMORY_ITEMS) -> None:
        self._budget = memory_items
        self._held: dict[int, list[T]] = {}
        self._held_count = 0
        self._offsets: dict[int, list[int]] = {}  # of every trace, in the order they came; where its chunks start
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        """Number of traces."""
        return len(self._offsets)

    def add(self, trace_id: int, item: T) -> None:
        """Keep one item, which must be picklable. Raises `OSError` where the temporary file cannot be written."""
        held = self._held.get(trace_id)
        if held is None:
            held = self._held[trace_id] = []
            self._offsets.setdefault(trace_id, [])
        held.append(item)
        self._held_count += 1
        if self._held_count > self._budget:
            self._spill()

    def __iter__(self) -> Iterator[tuple[int, list[T]]]:
        """Traces in the order in which each was seen first, the items of each in the order in which they came.

        May be done more than once; nothing may be added meanwhile.
        """
        for trace_id in self._offsets:
            yield trace_id, self.items_of(trace_id)

    def items_of(self, trace_id: int) -> list[T]:
        """The items of one trace, in the order in which they came; none for a trace that has none."""
        items: list[T] = []
        for offset in self._offsets.get(trace_id, ()):
            items += self._load(offset)
        items += self._held.get(trace_id, ())
        return items

    def __enter__(self) -> TraceSpool[T]:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything and delete the temporary file."""
        self._held.clear()
        self._offsets.clear()
        self._held_count = 0
        if self._file:
            self._file.close()
            self._file = None

    def _spill(self) -> None:
        if self._file is None:
            # It has no name on POSIX, so that even a killed process leaves nothing behind.
            self._file = tempfile.TemporaryFile(prefix="sessionopt-")  # noqa: SIM115 - `close` closes it
        self._file.seek(0, 2)
        for trace_id, items in self._held.items():
            self._offsets[trace_id].append(self._file.tell())
            pickle.dump(items, self._file, pickle.HIGHEST_PROTOCOL)
        self._held.clear()
        self._held_count = 0

    def _load(self, offset: int) -> list[T]:
        assert self._file
        self._file.seek(offset)
        items: list[T] = pickle.load(self._file)  # our own file, written above
        return items

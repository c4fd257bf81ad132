"""Counters of the live processor, and its guard against its own failures."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

_LOG_BUCKET_SECONDS = 20
"""As the SDK's own filter of repeated log records has it: longer than an exporter's time-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorStats:
    """What the processor did so far. Exact whenever no hook is running.

    Attributes:
        spans_seen: spans that ended, ours and unrecorded ones excepted.
        spans_analysed: spans whose digest was taken.
        spans_waiting: spans ended and not yet looked at.
        spans_held: spans held back now, local roots mostly.
        spans_late: spans that ended when their local root had been handed on, or whose start was not seen.
        spans_dropped: spans that were forwarded and not analysed, by reason.
        releases: analyses made, by the value of their `ReleaseReason`.
        failures: failures of ours and of what we call, by place; each is logged once in a while.
        traces_kept: traces in memory, finished ones included.
        buffered_bytes: estimate of the memory they take.
    """

    spans_seen: int = 0
    spans_analysed: int = 0
    spans_waiting: int = 0
    spans_held: int = 0
    spans_late: int = 0
    spans_dropped: Mapping[str, int] = field(default_factory=dict)
    releases: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    traces_kept: int = 0
    buffered_bytes: int = 0


class Counters:
    """Counts by name, from any thread."""

    def __init__(self) -> None:
        # Re-entrant: a garbage collection inside it may end a span, which counts.
        self._lock = threading.RLock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, group: str, name: str = "", amount: int = 1) -> None:
        """Add to one counter."""
        with self._lock:
            self._counts[group, name] += amount

    def total(self, group: str) -> int:
        """The sum of a group."""
        return sum(self.by_name(group).values())

    def by_name(self, group: str) -> dict[str, int]:
        """The counters of a group."""
        with self._lock:
            counts = dict(self._counts)
        return {name: count for (of, name), count in counts.items() if of == group}


class RepeatFilter(logging.Filter):
    """Lets one record of a kind (level, template, first argument) through in 20 seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[int, str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is the first of its kind for a while."""
        first = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        kind = (record.levelno, str(record.msg), str(first))
        bucket = int(time.monotonic() // _LOG_BUCKET_SECONDS)
        is_new = self._last.get(kind) != bucket
        self._last[kind] = bucket
        return is_new


logger = logging.getLogger(__name__)
logger.addFilter(RepeatFilter())


class Guard:
    """What every entry from the SDK does with an exception: count it, log it once in a while, go on.

    Args:
        counters: where failures are counted.
        reraises: for tests: raise again after counting.
    """

    def __init__(self, counters: Counters, *, reraises: bool = False) -> None:
        self._counters = counters
        self._reraises = reraises

    def failed(self, place: str, error: Exception) -> None:
        """Note that `place` failed. To be called in an `except` block."""
        self._counters.add("failures", place)
        # Never the message of the exception: it may quote a prompt or a file.
        frames = traceback.extract_tb(error.__traceback__, limit=-1)
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown place"
        logger.warning("%s failed: %s at %s", place, type(error).__name__, where)
        if self._reraises:
            raise error

"""The reader process: follows the log, keeps digests by trace, and has what is due analysed by its workers.

It owns the trace store and is the only one that writes to it. It ends when the receiver does, by the end of their
connection, and the workers end with it in the same way.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_sessionopt.errors import StoreError
from otel_sessionopt.service.request_log import LogReader
from otel_sessionopt.service.span_reading import NS_PER_S, digests_of
from otel_sessionopt.service.trace_store import FINDINGS_OF, TraceStore, is_forgetting
from otel_sessionopt.service.worker_pool import WorkerPool

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings

_log = logging.getLogger(__name__)

LOG_FOLDER: Final = "requests"
STOP: Final = "stop"
_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Read between two commits: enough for a flush to be cheap beside it, little enough to hold in memory."""
_COLLECT_THRESHOLDS: Final = (20_000, 50, 100)
"""Digests and sessions live for the length of a batch and have no cycles: looking for them often is in vain."""
_STATUS_SECONDS: Final = 0.5
_MAX_PAUSE_SECONDS: Final = 1.0
_FORGET_AT_ONCE: Final = 200
_RETRY_SECONDS: Final = 1.0
"""Pause after the disk failed; what was read stays in the log."""
_CLOCK_STEP_SECONDS: Final = 5.0
"""More than time servers correct in passing."""
_LOST_SECONDS: Final = 0.2
"""Pause where the log should go on and does not: its last file is damaged, and the next one is not begun."""
_STOP_SECONDS: Final = 10.0
"""For analyses that run when the service stops; those that take longer are done again after the next start."""


def run_reader(connection: Connection, folder: Path, settings: Settings) -> None:
    """Read until the other end closes or says so. The main function of the reader process.

    Args:
        connection: gets positions up to which the log is on disk, and `STOP`; is sent dictionaries of counters.
        folder: of the service; it has the log and the trace store.
        settings: of everything.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the receiver says when to stop
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # What is loaded now stays: the collector need not look at it, and forked workers share its pages.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_THRESHOLDS)
    reader = Reader(connection, folder, settings)
    try:
        reader.run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the receiver is gone
    finally:
        reader.close()


class Reader:
    """See the module. Not thread-safe."""

    def __init__(self, connection: Connection, folder: Path, settings: Settings) -> None:
        self._connection = connection
        self._holds_spans = settings.service.hold
        self._store = TraceStore(folder, settings.service)
        self._log = LogReader(folder / LOG_FOLDER, self._store.position())
        self._durable = self._log.position
        self._pool = WorkerPool(folder, settings, connection)
        self._has_stopped = False
        self._told_at = 0.0
        self._received_s = 0.0
        self._clock_ahead_s = 0.0
        self._traces: Mapping[str, int] = {}
        self._count_again_at = 0.0
        self.counts: Counter[str] = Counter()
        self.sums: dict[str, float] = {"waste_usd": 0.0, "cost_usd": 0.0}

    def run(self) -> None:
        """Follow the log until told to stop."""
        self._tell()
        while not self._has_stopped:
            try:
                self._look_at_clock()
                self._listen(self._pause())
                self._read()
                self._take_answers()
                self._start_due()
            except StoreError as error:
                _log.warning("the trace store cannot be written; trying again: %s", error)
                self._log.seek(self._store.position())
                time.sleep(_RETRY_SECONDS)
            self._tell()
        self._finish()

    def close(self) -> None:
        """End the workers and let go of files."""
        self._pool.close()
        self._log.close()
        self._store.close()

    @property
    def _is_behind(self) -> bool:
        return self._log.position < self._durable

    def _now_s(self) -> float:
        """The receiver's clock, as far as the log was read: quiet is what was heard, not what was not read yet."""
        return min(self._received_s, time.time()) if self._is_behind else time.time()

    def _pause(self) -> float:
        if self._is_behind:
            return 0.0
        due_s = self._store.next_due_s()
        if due_s is None or not self._pool.has_room:
            return _MAX_PAUSE_SECONDS
        return min(max(due_s - time.time(), 0.02), _MAX_PAUSE_SECONDS)

    def _listen(self, pause: float) -> None:
        ready = wait([self._connection, *self._pool.connections], timeout=pause)
        if self._connection not in ready:
            return
        while self._connection.poll():
            message = self._connection.recv()
            if message == STOP:
                self._has_stopped = True
            else:
                self._durable = max(self._durable, message)

    def _read(self) -> None:
        batch = list(self._log.read(self._durable, _BATCH_BYTES))
        if not batch:
            if self._is_behind:
                time.sleep(_LOST_SECONDS)
            return
        arrived = digests_of((logged.request for logged in batch), holds_spans=self._holds_spans)
        self._store.keep(arrived, self._log.position)
        self._received_s = batch[-1].request.received_ns / NS_PER_S
        self.counts["spans_read"] += sum(len(part.digests) for part in arrived.values())
        self.counts["requests_read"] += len(batch)

    def _take_answers(self) -> None:
        for answer in self._pool.answers():
            self._store.finish(answer.outcomes)
            for failed in answer.failed:
                is_tried_again = self._store.fail(failed.due, time.time())
                self.counts["analyses_failed"] += 1
                _log.error(
                    "trace %032x could not be analysed (%s)%s",
                    failed.due.trace_id,
                    failed.reason,
                    "; trying again later" if is_tried_again else "",
                )
            for outcome in answer.outcomes:
                self.counts["spans_analysed"] += outcome.spans
                self.counts["reports"] += outcome.is_session
                self.counts[f"released_{outcome.due.next.reason.value}"] += 1
                new = outcome.figures.beyond(outcome.due.counted)
                for code, count in new.findings:
                    self.counts[FINDINGS_OF + code] += count
                self.counts["waste_tokens"] += new.waste_tokens
                self.sums["waste_usd"] += new.waste_usd
                self.sums["cost_usd"] += new.cost_usd

    def _start_due(self) -> None:
        while self._pool.has_room:
            due = self._store.due(self._now_s(), max(self._pool.batch_traces, _FORGET_AT_ONCE), self._pool.busy)
            forgotten = [trace for trace in due if is_forgetting(trace)]
            if forgotten:
                self._store.forget(forgotten[:_FORGET_AT_ONCE])
            to_report = [trace for trace in due if not is_forgetting(trace)]
            if not to_report:
                return
            self._pool.start(to_report)

    def _finish(self) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        while self._pool.busy and time.monotonic() < deadline:
            wait(self._pool.connections, timeout=0.1)
            self._take_answers()
        self._told_at = 0.0
        self._tell()

    def _count_traces(self) -> Mapping[str, int]:
        """Counting takes 40 ms where 360,000 traces are kept, and must not take more than a fiftieth of the time."""
        started = time.monotonic()
        if started >= self._count_again_at:
            self._traces = self._store.counts()
            self._count_again_at = started + 50 * (time.monotonic() - started)
        return self._traces

    def _look_at_clock(self) -> None:
        """A clock that was set back would keep what came before from being due until it has caught up."""
        ahead_s = time.time() - time.monotonic()
        if abs(ahead_s - self._clock_ahead_s) > _CLOCK_STEP_SECONDS:
            self._clock_ahead_s = ahead_s
            self._store.set_due_again(time.time())

    def _tell(self) -> None:
        now = time.monotonic()
        if now < self._told_at + _STATUS_SECONDS:
            return
        self._told_at = now
        self._connection.send(
            {
                **self.counts,
                **self.sums,
                **self._count_traces(),
                "position": self._log.position,
                "reader_pid": os.getpid(),
            }
        )

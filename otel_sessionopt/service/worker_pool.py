"""`WorkerPool`: the reader's worker processes, each with a batch of traces at a time."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.service.analysis_worker import Answer, Failed, run_worker
from otel_sessionopt.service.trace_store import DueTrace

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings

_log = logging.getLogger(__name__)

BATCH_TRACES: Final = 16
"""Traces given to a worker at once: passing them costs little then, and a large one keeps few others waiting."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    batch: Sequence[DueTrace] = field(default_factory=list)


class WorkerPool:
    """Starts workers when they are first needed, and new ones for those that died. Not thread-safe.

    Forking the reader costs a few milliseconds and shares what it has loaded; it has no threads that a fork would harm.

    Args:
        folder, settings: given to the workers.
        receiver: the reader's own connection, which a worker must not keep open.
    """

    def __init__(self, folder: Path, settings: Settings, receiver: Connection) -> None:
        self._folder = folder
        self._settings = settings
        self._receiver = receiver
        self._size = settings.service.workers or max(len(_usable_cores()) - 1, 1)
        self._workers: list[_Worker] = []
        self._context: Any = multiprocessing.get_context("fork" if sys.platform.startswith("linux") else "spawn")
        self.batch_traces = BATCH_TRACES

    @property
    def connections(self) -> list[Connection]:
        """Those that an answer may come on."""
        return [worker.connection for worker in self._workers]

    @property
    def busy(self) -> set[int]:
        """Keys of the traces that are being analysed."""
        return {due.key for worker in self._workers for due in worker.batch}

    @property
    def has_room(self) -> bool:
        """Whether `start` may be called."""
        return len(self._workers) < self._size or any(not worker.batch for worker in self._workers)

    def start(self, due: Sequence[DueTrace]) -> None:
        """Give a worker the first of these traces."""
        worker = next((each for each in self._workers if not each.batch), None) or self._new_worker()
        worker.batch = due[: self.batch_traces]
        with suppress(OSError):  # it died: `answers` tells
            worker.connection.send(worker.batch)

    def answers(self) -> Iterator[Answer]:
        """What has been done since the last call; what a worker died of counts as failed."""
        for worker in list(self._workers):
            if not worker.connection.poll():
                continue
            try:
                answer: Answer = worker.connection.recv()
            except (EOFError, OSError):
                yield self._dead(worker)
                continue
            worker.batch = []
            if answer.is_last:
                self._remove(worker)
            yield answer

    def close(self) -> None:
        """End all workers; what they were at is done again next time."""
        for worker in list(self._workers):
            self._remove(worker)

    def _dead(self, worker: _Worker) -> Answer:
        batch = worker.batch
        self._remove(worker)
        if batch:
            _log.error("a worker process died while it analysed %d traces", len(batch))
        return Answer([], [Failed(due, "worker process died") for due in batch], is_last=True)

    def _remove(self, worker: _Worker) -> None:
        worker.connection.close()
        worker.process.terminate()
        worker.process.join()
        self._workers.remove(worker)

    def _new_worker(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        inherited = [self._receiver, ours, *self.connections] if self._context.get_start_method() == "fork" else []
        process = self._context.Process(
            target=_run, args=(theirs, inherited, self._folder, self._settings), name="sessionopt-worker", daemon=True
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker


def _run(connection: Connection, inherited: Sequence[Connection], folder: Path, settings: Settings) -> None:
    # Ends of the reader's own connections: kept open here they would hide its death from the other processes.
    for other in inherited:
        other.close()
    run_worker(connection, folder, settings)


def _usable_cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))

"""`DurableWriter`: the one thread that appends requests to the log, many at a time, and says when they are on disk."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_sessionopt.errors import SessionOptError
from otel_sessionopt.service.request_log import Request, RequestLog

if TYPE_CHECKING:
    from otel_sessionopt.service_settings import ServiceSettings

_log = logging.getLogger(__name__)

_SPACE_LOOK_SECONDS: Final = 0.5
_IDLE_SECONDS: Final = 0.5
_MAX_GROUP_BYTES: Final = 8 * 1024 * 1024
"""Requests written between two flushes: enough to share one, few enough that nobody waits long for the others."""


class StoreRefused(SessionOptError):  # noqa: N818 - an answer, not a failure of ours
    """The store cannot take a request now; the sender should try again."""


class DurableWriter:
    """Takes requests from any thread; a thread of its own writes and flushes those that wait together.

    With `flush_delay_ms` 0 a request's future is done when the disk has it; otherwise when the operating system has
    it, and the disk follows within that time.

    Args:
        log: belongs to this writer from now on.
        folder: on the disk whose room is watched.
        settings: bounds.
        on_durable: is told the position up to which the log is on disk; called on the writer's thread.
    """

    def __init__(
        self, log: RequestLog, folder: Path, settings: ServiceSettings, on_durable: Callable[[int], None]
    ) -> None:
        self._request_log = log
        self._folder = folder
        self._settings = settings
        self._on_durable = on_durable
        self._waiting: deque[tuple[Request, Future[int]]] = deque()
        self._wakes = threading.Condition()
        self._is_stopping = False
        self._durable = log.end
        self._written_at = 0.0
        self._looked_at = -_SPACE_LOOK_SECONDS
        self._free_bytes = 0
        self._retain_from = 0
        self._processed = 0
        self._rolled_at = time.monotonic()
        self.refused = 0
        """Requests that were not taken."""
        self._thread = threading.Thread(target=self._run, name="sessionopt-writer", daemon=True)

    @property
    def durable(self) -> int:
        """The position up to which the log is on disk."""
        return self._durable

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, request: Request) -> Future[int]:
        """Have a request written; the future gives its end position, or raises `StoreRefused`."""
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()  # whoever waits for it may go away, and must not end this thread by that
        with self._wakes:
            if self._is_stopping:
                future.set_exception(StoreRefused("the service is stopping"))
                return future
            self._waiting.append((request, future))
            self._wakes.notify()
        return future

    def release(self, processed: int, retain_from: int) -> None:
        """Say what is no longer needed: everything before `retain_from`, and that `processed` was read."""
        self._processed, self._retain_from = processed, retain_from

    def stop(self) -> None:
        """Write what waits, flush, and end the thread."""
        with self._wakes:
            self._is_stopping = True
            self._wakes.notify()
        self._thread.join()
        self._request_log.close()

    def _run(self) -> None:
        while True:
            with self._wakes:
                if not self._waiting and not self._is_stopping:
                    self._wakes.wait(self._pause())
                group = self._take_group()
                is_last = self._is_stopping and not self._waiting
            if group:
                try:
                    self._write(group)
                except Exception as error:  # noqa: BLE001 - without this thread every sender would wait for ever
                    _log.exception("requests could not be written")
                    self._refuse([each for _, each in group if not each.done()], type(error).__name__)
            if self._durable < self._request_log.end and (is_last or self._is_flush_due()):
                self._flush([])
            self._let_go()
            if is_last:
                return

    def _pause(self) -> float:
        if self._durable < self._request_log.end:
            return max(self._written_at + self._settings.flush_delay_ms / 1000 - time.monotonic(), 0.001)
        return _IDLE_SECONDS

    def _take_group(self) -> list[tuple[Request, Future[int]]]:
        group: list[tuple[Request, Future[int]]] = []
        size = 0
        while self._waiting and size < _MAX_GROUP_BYTES:
            group.append(self._waiting.popleft())
            size += len(group[-1][0].body)
        return group

    def _write(self, group: list[tuple[Request, Future[int]]]) -> None:
        futures = [future for _, future in group]
        reason = self._reason_to_refuse()
        if reason:
            self._refuse(futures, reason)
            return
        is_first_unflushed = self._durable == self._request_log.end
        try:
            end = self._request_log.append([request for request, _ in group])
        except OSError as error:
            self._refuse(futures, f"the request log cannot be written: {error.strerror}")
            return
        if is_first_unflushed:
            self._written_at = time.monotonic()
        if not self._settings.flush_delay_ms:
            self._flush(futures)
            return
        for future in futures:
            future.set_result(end)

    def _flush(self, futures: list[Future[int]]) -> None:
        try:
            self._request_log.sync()
        except OSError as error:
            # What the disk has is unknown now: requests that were not answered yet are taken back, senders try again.
            if futures:
                self._request_log.take_back(self._durable)
            self._refuse(futures, f"the request log cannot be flushed: {error.strerror}")
            self._written_at = time.monotonic()
            return
        self._durable = self._request_log.end
        for future in futures:
            future.set_result(self._durable)
        self._on_durable(self._durable)

    def _is_flush_due(self) -> bool:
        return time.monotonic() >= self._written_at + self._settings.flush_delay_ms / 1000

    def _reason_to_refuse(self) -> str:
        if self._request_log.end - self._processed > self._settings.max_backlog_bytes:
            return "too much waits to be read"
        now = time.monotonic()
        if now >= self._looked_at + _SPACE_LOOK_SECONDS:
            self._looked_at = now
            try:
                self._free_bytes = shutil.disk_usage(self._folder).free
            except OSError as error:
                self._looked_at = -_SPACE_LOOK_SECONDS
                return f"the folder of the service cannot be looked at: {error.strerror}"
        return "the disk is full" if self._free_bytes < self._settings.min_free_bytes else ""

    def _refuse(self, futures: list[Future[int]], reason: str) -> None:
        if futures:
            self.refused += len(futures)
            _log.warning("%d requests were not taken: %s", len(futures), reason)
        for future in futures:
            future.set_exception(StoreRefused(reason))

    def _let_go(self) -> None:
        """Delete raw requests that nobody needs any more; a quiet service must not keep its last ones for days."""
        now = time.monotonic()
        if now < self._rolled_at + self._settings.raw_retention_seconds:
            return
        self._rolled_at = now
        try:
            if self._request_log.open_bytes and self._retain_from >= self._request_log.end == self._durable:
                self._request_log.roll()
            self._request_log.delete_before(self._retain_from)
        except OSError as error:
            _log.warning("raw requests could not be deleted: %s", error.strerror)

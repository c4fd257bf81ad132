"""`ReaderSupervisor`: the receiver's thread that keeps the reader process running and hears from it."""

from __future__ import annotations

import logging
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from otel_sessionopt.config import Settings

_log = logging.getLogger(__name__)

_STOP_SECONDS: Final = 15.0
_RESTART_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.2


class ReaderSupervisor:
    """Starts the reader, tells it how far the log is on disk, and starts it again when it dies.

    Args:
        folder, settings: given to the reader.
        on_status: gets the reader's counters whenever it tells them; called on the supervisor's thread.
    """

    def __init__(self, folder: Path, settings: Settings, on_status: Callable[[Mapping[str, Any]], None]) -> None:
        self._folder = folder
        self._settings = settings
        self._on_status = on_status
        self._durable = 0
        self._told = -1
        self._wakes = threading.Event()
        self._is_stopping = False
        self.restarts = 0
        """How often the reader died."""
        self._thread = threading.Thread(target=self._run, name="sessionopt-supervisor", daemon=True)

    def start(self) -> None:
        """Start thread and reader; returns at once."""
        self._thread.start()

    def tell_durable(self, position: int) -> None:
        """Say how far the log is on disk. Safe to call from any thread."""
        self._durable = position
        self._wakes.set()

    def stop(self) -> None:
        """Let the reader finish what it is at, and end it."""
        self._is_stopping = True
        self._wakes.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_stopping:
            process, connection = self._start_reader()
            self._serve(connection)
            self._end(process, connection)
            if not self._is_stopping:
                self.restarts += 1
                _log.error("the reader process died (exit code %s); starting it again", process.exitcode)
                time.sleep(_RESTART_SECONDS)

    def _start_reader(self) -> tuple[BaseProcess, Connection]:
        # Imported in the reader alone: the receiver needs neither rules nor prices.
        from otel_sessionopt.service.reader_main import main

        context: Any = multiprocessing.get_context("forkserver" if sys.platform.startswith("linux") else "spawn")
        if hasattr(context, "set_forkserver_preload"):
            context.set_forkserver_preload(["otel_sessionopt.service.reader_process"])
        ours, theirs = context.Pipe()
        process = context.Process(target=main, args=(theirs, self._folder, self._settings), name="sessionopt-reader")
        process.start()
        theirs.close()
        self._told = -1
        return process, ours

    def _serve(self, connection: Connection) -> None:
        try:
            while not self._is_stopping:
                if self._durable != self._told:
                    self._told = self._durable
                    connection.send(self._told)
                self._hear(connection)
                self._wakes.wait(_POLL_SECONDS)
                self._wakes.clear()
            connection.send(self._durable)
            connection.send("stop")
            deadline = time.monotonic() + _STOP_SECONDS
            while time.monotonic() < deadline and connection.poll(_STOP_SECONDS):
                self._on_status(connection.recv())
        except (EOFError, OSError):
            return  # it is gone

    def _hear(self, connection: Connection) -> None:
        while connection.poll():
            self._on_status(connection.recv())

    def _end(self, process: BaseProcess, connection: Connection) -> None:
        connection.close()
        process.join(_STOP_SECONDS)
        if process.is_alive():
            process.kill()
            with suppress(OSError):
                process.join()

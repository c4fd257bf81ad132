"""The SQLite file: opening it, its migrations, and transactions that threads, processes and forks may use at once."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from otel_sessionopt.errors import StoreError

BUSY_SECONDS: Final = 30.0
"""How long a writer waits for others. Eight processes that write without pause keep one waiting for under a second."""
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_RETRY_SECONDS: Final = 0.01
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class Database:
    """One SQLite database in WAL mode, opened when first used.

    Durability is that of `synchronous=NORMAL`: what was committed survives the death of the process, however it dies;
    a power cut may take back the last transactions, never a part of one. WAL does not work on network file systems.

    Threads of one process take turns on one connection; a forked child opens its own.

    Args:
        path: the file; it and its folder are made, for their owner only, when they are not there.
        busy_seconds: how long to wait for other writers before giving up.
        migrations: folder with the numbered files of its tables; those of the history when not given.
        is_power_safe: a power cut takes back nothing either: every commit waits for the disk.
    """

    def __init__(
        self,
        path: Path,
        busy_seconds: float = BUSY_SECONDS,
        *,
        migrations: Path | None = None,
        is_power_safe: bool = False,
    ) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._migrations = migrations or _MIGRATIONS
        self._synchronous = "FULL" if is_power_safe else "NORMAL"
        self._lock = threading.RLock()
        self._open_ones: list[sqlite3.Connection] = []  # none or one; a list, so that the finalizer sees it
        self._inherited: list[sqlite3.Connection] = []
        self._finalizer = weakref.finalize(self, _close_all, self._open_ones)
        _start_anew_after_fork(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the database. Raises `StoreError` where SQLite fails."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that may write: committed when the block ends, taken back when it raises."""
        # IMMEDIATE: a transaction that begins as a reader and then wants to write fails where another wrote meanwhile.
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close the file. The next transaction opens it again."""
        with self._lock:
            _close_all(self._open_ones)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._open_ones[0] if self._open_ones else self._open()
                connection.execute(begin)
                try:
                    yield connection
                except BaseException:
                    if connection.in_transaction:  # SQLite itself takes back after some errors, such as a full disk
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise self._error(error) from error

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        # SQLite gives its WAL files the mode of the database.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, _FILE_MODE))
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            self._use_wal(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        self._open_ones.append(connection)
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Switch to WAL. SQLite does not wait while another process does the same: that is done here."""
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        files = {int(file.name[:4]): file for file in sorted(self._migrations.glob("[0-9][0-9][0-9][0-9]_*.sql"))}
        latest = max(files)
        if _applied(connection) == latest:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            applied = _applied(connection)  # again: another process may have been quicker
            if applied > latest:
                raise StoreError(
                    f"{self.path}: was written by a later version (migration {applied}, this one knows {latest}); "
                    "update otel-sessionopt"
                )
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                "applied_at TEXT NOT NULL)"
            )
            for number in range(applied + 1, latest + 1):
                for statement in _statements(files[number].read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO migrations VALUES (?, ?, ?)",
                    (number, files[number].stem, datetime.now(timezone.utc).isoformat()),
                )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _error(self, error: sqlite3.Error | OSError) -> StoreError:
        if isinstance(error, OSError):
            return StoreError(f"{self.path}: cannot be opened: {error.strerror or error}")
        if "locked" in str(error):
            return StoreError(f"{self.path}: another process has been writing for {self._busy_seconds:g} s; try again")
        return StoreError(f"{self.path}: {error}")

    def _start_anew(self) -> None:
        """In a forked child: SQLite connections must not cross a fork, not even to be closed."""
        self._lock = threading.RLock()
        self._inherited += self._open_ones
        self._open_ones.clear()


def _start_anew_after_fork(database: Database) -> None:
    if not hasattr(os, "register_at_fork"):
        return
    # Weak, and checked: the hook cannot be unregistered, and a database that is gone must not fail a fork.
    start_anew = weakref.WeakMethod(database._start_anew)

    def in_child() -> None:
        method = start_anew()
        if method is not None:
            method()

    os.register_at_fork(after_in_child=in_child)


def _applied(connection: sqlite3.Connection) -> int:
    """Number of the last migration that was applied; 0 for a new file."""
    is_there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone()
    if not is_there:
        return 0
    number = connection.execute("SELECT max(number) FROM migrations").fetchone()[0]
    return number if isinstance(number, int) else 0


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one at a time: `executescript` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _close_all(connections: list[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()

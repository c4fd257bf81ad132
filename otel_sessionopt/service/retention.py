"""`Retention`: deletes sessions and report files that are older than the settings want."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_sessionopt.session.times import NS_PER_SECOND, ns_from_iso
from otel_sessionopt.store.records import SessionQuery
from otel_sessionopt.writeback.report_files import FORMATS, file_stem

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings
    from otel_sessionopt.store.protocol import Store

_log = logging.getLogger(__name__)

_DAY_SECONDS: Final = 86_400
_PAUSE_SECONDS: Final = 3600.0
_AT_ONCE: Final = 500
"""Sessions deleted in one go, which takes a few tenths of a second; the others follow in the next."""


class Retention:
    """Looks every hour. Not thread-safe.

    Deleted are sessions that came as traces and ended before the limit, with their report files, and report files that
    were last written before it. Sessions recorded by hand stay: their user deletes them.

    Args:
        settings: the limit, and where history and reports are.
        open_store: opens the history.
        clock: seconds since the epoch.
    """

    def __init__(
        self, settings: Settings, open_store: Callable[[], Store], clock: Callable[[], float] = time.time
    ) -> None:
        self._days = settings.service.report_retention_days
        self._reports = settings.report.folder.expanduser()
        self._open_store = open_store
        self._clock = clock
        self._next_s = 0.0
        self._is_behind = False

    def sweep(self) -> int:
        """Delete what is due, and tell how many sessions that were. Raises `StoreError`, `OSError`."""
        now = time.monotonic()
        if not self._days or (now < self._next_s and not self._is_behind):
            return 0
        self._next_s = now + _PAUSE_SECONDS
        before_s = self._clock() - self._days * _DAY_SECONDS
        deleted = self._delete_sessions(int(before_s * NS_PER_SECOND))
        self._is_behind = deleted >= _AT_ONCE
        if not self._is_behind:
            self._delete_old_files(before_s)
        if deleted:
            _log.info("%d sessions older than %g days were deleted", deleted, self._days)
        return deleted

    def _delete_sessions(self, before_ns: int) -> int:
        store = self._open_store()
        try:
            deleted = 0
            for found in store.find(SessionQuery(before_ns=before_ns)):
                session = found.session
                ended_ns = ns_from_iso(session.ended_at)
                if not session.trace_ids or session.is_recorded or (ended_ns is not None and ended_ns >= before_ns):
                    continue
                deleted += store.delete(session.id)
                delete_report_files(self._reports, (session.id, *session.trace_ids))
                if deleted >= _AT_ONCE:
                    break
            return deleted
        finally:
            store.close()

    def _delete_old_files(self, before_s: float) -> None:
        if not self._reports.is_dir():
            return
        endings = tuple(f"_report.{form}" for form in FORMATS)
        with os.scandir(self._reports) as entries:
            old = [
                Path(entry.path)
                for entry in entries
                if entry.name.endswith(endings)
                and entry.is_file(follow_symlinks=False)
                and entry.stat(follow_symlinks=False).st_mtime < before_s
            ]
        for path in old:
            path.unlink(missing_ok=True)


def delete_report_files(folder: Path, session_ids: Sequence[str]) -> None:
    """Delete the report files of sessions, in all forms. Raises `OSError`."""
    for session_id in session_ids:
        for form in FORMATS:
            (folder.expanduser() / f"{file_stem(session_id)}_report.{form}").unlink(missing_ok=True)

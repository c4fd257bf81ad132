"""`HistoryAccess`: the history as the pages read it, opened when it is first needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_sessionopt.history.opening import open_history
from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.service.retention import delete_report_files

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.session import Session
    from otel_sessionopt.store.protocol import Store


class HistoryAccess:
    """The history and the rules of a service. May be used from any thread.

    Args:
        settings: where the history is, and the rules for sessions that were recorded by hand.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._pipeline: Pipeline | None = None

    @property
    def jaeger_url(self) -> str | None:
        """Address of the Jaeger UI that pages link to."""
        return self._settings.report.jaeger_url or None

    def delete(self, session_id: str) -> bool:
        """Forget a session with its report files; false when there is none. Raises `StoreError`, `OSError`."""
        stored = self.store.get(session_id)
        if stored is None or not self.store.delete(session_id):
            return False
        delete_report_files(self._settings.report.folder, (session_id, *stored.session.trace_ids))
        return True

    @property
    def otlp_port(self) -> int:
        """Where the service takes OTLP/HTTP, as configured."""
        return self._settings.service.http_port

    @property
    def store(self) -> Store:
        """The store. Raises `StoreError` where it cannot be opened."""
        with self._lock:
            if self._store is None:
                self._store = open_history(self._settings.history.folder)
            return self._store

    def analyze(self, session: Session) -> OptimizationReport:
        """The report of a session that was recorded by hand."""
        with self._lock:
            if self._pipeline is None:
                self._pipeline = Pipeline.from_settings(self._settings)
        return self._pipeline.analyze_session(session)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

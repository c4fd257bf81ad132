"""`Store`: what a place that keeps sessions must do. `tests/store/` has the one suite that every backend passes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from otel_sessionopt.session.model import Session, SessionEvent, SessionStatus
from otel_sessionopt.store.records import Figures, HistoryTotals, SessionQuery, StoredSession, StoredTrace


class Store(Protocol):
    """Keeps sessions, their events in one total order, and what their analysis came to.

    Every method is atomic and may be called by several threads, and by several processes where the backend lasts: once
    it has returned, its effect survives the death of the process, and nobody sees a part of it. Sessions that are given
    are not kept or changed. Ids are compared exactly. All methods raise `StoreError` where the place fails.
    """

    def add(self, session: Session) -> bool:
        """Keep a new session with its events. False, and nothing happens, when the id is taken."""
        ...

    def replace(self, session: Session, event_count: int) -> bool:
        """Keep a session with its events in place of the one with its id and so many events.

        False, and nothing happens, when there is no such one. The new one counts as never analysed and never exported.
        """
        ...

    def append(self, session_id: str, event: SessionEvent) -> bool:
        """Add one event behind all others and add up the totals, at a cost that does not depend on their number.

        False when there is no such session. A `TOKEN_USAGE` that repeats a model call adds no tokens, as in `Session`.

        Raises:
            RecordingError: the session is made of traces.
        """
        ...

    def end(self, session_id: str, status: SessionStatus, event: SessionEvent) -> bool:
        """`append` of the last event; the session has this status then and ended at the event's time."""
        ...

    def get(self, session_id: str) -> StoredSession | None:
        """One session without its events."""
        ...

    def load(self, session_id: str) -> StoredSession | None:
        """One session with its events in the order in which they were added."""
        ...

    def find(self, query: SessionQuery) -> list[StoredSession]:
        """Sessions without events, newest start first; of those that started together the later added first."""
        ...

    def ids_beginning(self, text: str, limit: int) -> list[str]:
        """Ids of at most `limit` sessions that begin with `text`, or have a trace whose id does; in their own order."""
        ...

    def delete(self, session_id: str) -> bool:
        """Forget a session with its events and traces. False when there is none."""
        ...

    def put_figures(self, session_id: str, figures: Figures, event_count: int) -> None:
        """Keep what an analysis of the first `event_count` events came to. Nothing when the session is gone."""
        ...

    def totals(self, query: SessionQuery) -> HistoryTotals:
        """Sums over the analysed sessions of a query; its `limit` and `stale_only` do not matter."""
        ...

    def put_trace(self, trace: StoredTrace) -> bool:
        """Keep a trace, in place of an earlier report of it. Its session's figures are made of all its traces.

        False, and nothing happens, when a report about more spans of it is kept, or when its session id belongs to a
        session that is not made of traces.
        """
        ...

    def put_joint_report(
        self, session_id: str, trace_ids: Collection[str], report: Mapping[str, Any], figures: Figures
    ) -> bool:
        """Keep the report of a session whose traces were judged together, and its figures, until one of them changes.

        False, and nothing happens, when it has traces that are not among `trace_ids`, or none.
        """
        ...

    def reports(self, session_id: str) -> list[Mapping[str, Any]]:
        """The reports of a session's traces, oldest start first, or their joint report; none for other sessions."""
        ...

    def set_exported(self, session_id: str, is_exported: bool) -> bool:
        """Remember whether a session's trace was sent. Whether that is news: of several callers one is told so."""
        ...

    def note(self, name: str) -> str | None:
        """A fact about the store itself, as it was set."""
        ...

    def set_note(self, name: str, value: str) -> None:
        """Keep a fact about the store itself."""
        ...

    def close(self) -> None:
        """Let go of files. A later call opens them again."""
        ...

"""Analyses stored sessions and keeps what that came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from otel_sessionopt.history.comparison import RECENT_SESSIONS, beside_recent
from otel_sessionopt.history.keeping import figures_of
from otel_sessionopt.session.model import Session
from otel_sessionopt.store.records import SessionQuery, StoredSession

if TYPE_CHECKING:
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.store.protocol import Store


class Analysed(NamedTuple):
    """A session with its events, and its report."""

    session: Session
    report: OptimizationReport


class SessionAnalysis:
    """Makes reports of stored sessions.

    Args:
        store: has the sessions, and keeps the figures.
        judge: makes the report of a session with its events.
    """

    def __init__(self, store: Store, judge: Callable[[Session], OptimizationReport]) -> None:
        self._store = store
        self._judge = judge

    def analyze(self, session_id: str) -> Analysed | None:
        """Analyse a session as it is now, beside the agent's recent ones; `None` when there is none."""
        stored = self._store.load(session_id)
        if stored is None:
            return None
        session = stored.session
        report = self._report_of_traces(session_id) or self._judge(session)
        figures = figures_of(report)
        if stored.is_stale or stored.figures != figures:
            self._store.put_figures(session_id, figures, stored.event_count)
        if session.agent:
            newest = self._store.find(SessionQuery(agent=session.agent, limit=RECENT_SESSIONS + 1))
            others = [each for each in newest if each.session.id != session_id]
            report = replace(report, comparisons=beside_recent(figures, report.session.agent, others))
        return Analysed(session, report)

    def with_figures(self, session_id: str) -> StoredSession | None:
        """A session without events, analysed first where its figures are missing or out of date."""
        stored = self._store.get(session_id)
        if stored is not None and stored.is_stale:
            self.analyze(session_id)
            stored = self._store.get(session_id)
        return stored if stored is not None and stored.figures is not None else None

    def _report_of_traces(self, session_id: str) -> OptimizationReport | None:
        """The report of a session that came as traces: there are no events to judge it by."""
        documents = self._store.reports(session_id)
        if not documents:
            return None
        from otel_sessionopt.report.from_json import report_from_dict
        from otel_sessionopt.report.merged import merge_reports

        return merge_reports(session_id, [report_from_dict(document) for document in documents])

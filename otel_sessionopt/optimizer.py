"""`SessionOptimizer`: sessions recorded by hand, each one a trace, and the history of all sessions.

`quick_functions` does the same on one default instance. What analysis and sending need is imported when it is first
used: to log an event is quick, also as a process of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.config import history_folder, process_environ
from otel_sessionopt.errors import ConfigError, RecordingError
from otel_sessionopt.history.alerts import Alerts, call_guarded
from otel_sessionopt.history.importing import add_under_free_id, import_json
from otel_sessionopt.history.keeping import keep_report, with_billed_event
from otel_sessionopt.history.new_event import (
    default_session_id,
    member_named,
    new_event,
    ns_from_moment,
    plain_json,
    plain_text,
)
from otel_sessionopt.history.outbox import Outbox
from otel_sessionopt.history.session_name import id_of
from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus
from otel_sessionopt.session.times import NS_PER_SECOND
from otel_sessionopt.store.records import SessionQuery, StoredSession

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.base import BaseAnalyzer
    from otel_sessionopt.history.session_analysis import SessionAnalysis
    from otel_sessionopt.pricing.catalog import PriceCatalog
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.store.protocol import Store

    OnReport = Callable[[OptimizationReport], None]

EXPORT_FORMATS: Final = ("json", "markdown", "text", "html")
_DAY_NS: Final = 86_400 * NS_PER_SECOND


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class SessionOptimizer:
    """Records sessions, analyses them, and looks back over the history of all sessions in its store.

    Safe to use from any thread, from several processes on one folder, and in a forked child. What `log_event` has
    returned for is kept even if the process is killed the moment after. Storage that fails raises `StoreError`; what
    cannot be recorded raises `RecordingError`, a `ValueError`.

    Args:
        storage_path: folder of the history; the setting `history.folder` (`~/.sessionoptimizer`) when not given. What
            the earlier tool stored there as `sessions/*.json` is taken over on first use.
        analyzers: the rules to run, your own and those of `default_analyzers()`; the defaults when not given.
        store: where sessions are kept, in place of SQLite in `storage_path`.
        prices: where prices come from; the offline catalog when not given.
        ignore_paths: globs of paths that no finding may be about.
        on_report: called with every new report; one callable or several. One that raises is logged.
        alert_below: a message goes out when a session's score falls below this; to the log when neither of the
            following is given.
        on_alert: called with the report of such a session.
        alert_webhook: URL that gets a JSON message by POST, on another thread.
        clock: gives the time of events.
        environ: environment variables; those of this process when not given.
    """

    def __init__(
        self,
        storage_path: str | Path | None = None,
        analyzers: Iterable[BaseAnalyzer] | None = None,
        *,
        store: Store | None = None,
        prices: PriceCatalog | None = None,
        ignore_paths: Sequence[str] = (),
        on_report: OnReport | Sequence[OnReport] = (),
        alert_below: float | None = None,
        on_alert: OnReport | None = None,
        alert_webhook: str | None = None,
        clock: Callable[[], datetime] = _utc_now,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._environ = process_environ() if environ is None else environ
        self._folder = history_folder(self._environ) if storage_path is None else Path(storage_path).expanduser()
        self._analyzers = None if analyzers is None else tuple(analyzers)
        self._opened_store = store
        self._prices = prices
        self._ignore_paths = tuple(ignore_paths)
        self._clock = clock
        self._lock = threading.RLock()
        self._used_analysis: SessionAnalysis | None = None
        self._outbox = Outbox()
        self._listeners = (on_report,) if callable(on_report) else tuple(on_report)
        if alert_below is not None:
            self._listeners += (Alerts(alert_below, on_alert, alert_webhook, self._outbox),)
        elif on_alert is not None or alert_webhook is not None:
            raise ConfigError("alert_below is missing: the score below which on_alert or alert_webhook is told")

    # --- recording ------------------------------------------------------------------------------------------------

    def start_session(
        self,
        agent: str,
        task: str,
        model: str = "default",
        session_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Session:
        """Begin a session; gives a snapshot of it.

        Args:
            agent: kept in upper case.
            task: what is to be done.
            model: kept in lower case; `default` has a price, a model that nobody knows is unpriced.
            session_id: `<agent>_<YYYYmmdd_HHMMSS>` when not given, with a number behind it where that is taken.
            metadata: small facts, kept as JSON.

        Raises:
            RecordingError: the given id is taken, or something given is of the wrong kind.
        """
        name = plain_text("agent", agent).strip().upper()
        if not name:
            raise RecordingError("agent is empty; the name of an agent is wanted")
        now = self._clock()
        own = plain_text("session_id", session_id) if session_id is not None else default_session_id(name, now)
        if not own.strip():
            raise RecordingError("session_id is empty; leave it out to get one made")
        start = new_event(EventType.SESSION_START, now, {"agent": name, "task": plain_text("task", task)})
        session = Session(
            id=own,
            agent=name,
            task=start.data["task"],
            started_at=start.timestamp,
            events=[start],
            model=plain_text("model", model).strip().lower() or "default",
            metadata=plain_json("metadata", metadata),
        )
        if session_id is None:
            add_under_free_id(self._store, session)
        elif not self._store.add(session):
            raise RecordingError(f"session_id {own!r} is taken; give another one, or none")
        return session

    def log_event(
        self,
        session_id: str,
        event_type: EventType | str,
        data: Mapping[str, Any] | None = None,
        tokens_input: int = 0,
        tokens_output: int = 0,
        duration_ms: float = 0,
    ) -> SessionEvent | None:
        """Record what has just happened; `None` when there is no such session.

        Args:
            session_id: also of a session that has ended: it is then analysed again, and not sent again.
            event_type: a member of `EventType`, or its name in any letter case.
            data: small facts, kept as JSON: `file_path`, `query`, `message`, `compressed`, `recovered`, `model`, …
            tokens_input, tokens_output: billed for this event.
            duration_ms: how long it took.

        Raises:
            RecordingError: an unknown type, numbers below zero, data that is no JSON, or a session made of traces.
        """
        kind = member_named(EventType, event_type, "event type")
        event = new_event(kind, self._clock(), data, tokens_input, tokens_output, duration_ms)
        return event if self._store.append(session_id, event) else None

    def end_session(self, session_id: str, status: SessionStatus | str = SessionStatus.COMPLETED) -> Session | None:
        """End a session and analyse it; `None` when there is no such session.

        Where the environment names an OTLP endpoint, its trace is sent once, on another thread; a receiver that does
        not take it is a warning in the log, and ending the session again tries again. To end a session again changes
        its status and end only where the status is another or events came since.

        Raises:
            RecordingError: `status` is none that a session can end with, or the session is made of traces.
        """
        from otel_sessionopt.history.trace_export import export_once

        ended = member_named(SessionStatus, status, "status", without=SessionStatus.ACTIVE)
        before = self._store.load(session_id)
        if before is None:
            return None
        last = before.session.events[-1].event_type if before.session.events else None
        if before.session.status is not ended or last is not EventType.SESSION_END:
            event = new_event(EventType.SESSION_END, self._clock(), {"status": ended.value})
            if not self._store.end(session_id, ended, event):
                return None
        analysed = self._analysis.analyze(session_id)
        if analysed is None:
            return None
        self._tell(analysed.report)
        export_once(analysed, self._store, self._outbox, self._environ)
        return analysed.session

    # --- sessions -------------------------------------------------------------------------------------------------

    def get_session(self, session_id: str) -> Session | None:
        """A session as it is now, with its events; `None` when there is none. Changing it changes nothing stored."""
        stored = self._store.load(session_id)
        return None if stored is None else self._complete(stored)

    def list_sessions(
        self,
        agent: str | None = None,
        status: SessionStatus | str | None = None,
        since: datetime | str | None = None,
        limit: int | None = 100,
    ) -> list[Session]:
        """Sessions with their events, newest first.

        Args:
            agent: in any letter case.
            status: in any letter case.
            since: started then or later; naive means local.
            limit: at most so many; `None` for all.
        """
        loaded = (self._store.load(stored.session.id) for stored in self.find(agent, status, since, limit))
        return [self._complete(stored) for stored in loaded if stored is not None]

    def find(
        self,
        agent: str | None = None,
        status: SessionStatus | str | None = None,
        since: datetime | str | None = None,
        limit: int | None = 100,
    ) -> list[StoredSession]:
        """As `list_sessions`, without events and with the figures of the last analysis: quick for any number."""
        if limit is not None and limit < 0:
            raise RecordingError(f"limit is {limit}; a number of at least 0 is wanted")
        return self._store.find(
            SessionQuery(
                agent=agent,
                status=None if status is None else member_named(SessionStatus, status, "status"),
                since_ns=None if since is None else ns_from_moment(since),
                limit=limit,
            )
        )

    def summary(self, session_id: str) -> StoredSession | None:
        """One session as `find` gives it; `None` when there is none."""
        return self._store.get(session_id)

    def id_of(self, name: str) -> str | None:
        """The id of the session that `name` means: its id, that of one of its traces, or four or more first characters.

        `None` when there is no such session.

        Raises:
            RecordingError: several sessions begin so; the message names some.
        """
        return id_of(self._store, name)

    def delete_session(self, session_id: str) -> bool:
        """Forget a session; False when there is none."""
        return self._store.delete(session_id)

    # --- analysis -------------------------------------------------------------------------------------------------

    def analyze(self, session_id: str) -> OptimizationReport | None:
        """The report of a session as it is now; `None` when there is none.

        Of a session made of traces it is what was found when those were analysed.
        """
        analysed = self._analysis.analyze(session_id)
        if analysed is None:
            return None
        self._tell(analysed.report)
        return analysed.report

    def compare_sessions(self, session_ids: Iterable[str]) -> dict[str, Any]:
        """Sessions beside each other: `sessions`, `averages`, `best_performer`, `worst_performer`, `recommendations`.

        With fewer than two known ids it is `{"error": …}`.
        """
        from otel_sessionopt.history.comparison import compare
        from otel_sessionopt.history.unused_tools import with_unused_sentences

        wanted = list(dict.fromkeys(session_ids))
        found = [(session_id, self._analysis.with_figures(session_id)) for session_id in wanted]
        known = [stored for _, stored in found if stored is not None]
        if len(known) < 2:
            unknown = [session_id for session_id, stored in found if stored is None]
            named = f"; unknown: {', '.join(unknown)}" if unknown else ""
            return {"error": f"at least two known sessions are needed to compare{named}"}
        return with_unused_sentences(compare(known), self._store, known)

    def agent_statistics(self, agent: str | None, days: int = 30) -> dict[str, Any]:
        """Sums, averages, common issues and trend of an agent's sessions that started in the last `days`.

        Args:
            agent: in any letter case; `None` for all agents.
            days: at least 1.
        """
        from otel_sessionopt.history.statistics import statistics
        from otel_sessionopt.history.unused_tools import with_unused_tools

        if isinstance(days, bool) or not days >= 1:
            raise RecordingError(f"days is {days!r}; a number of at least 1 is wanted")
        since_ns = max(ns_from_moment(self._clock()) - int(days * _DAY_NS), 0)
        query = SessionQuery(agent=agent, since_ns=since_ns)
        self.analyze_stale(self._store.find(replace(query, stale_only=True)))
        return with_unused_tools(statistics(agent, days, self._store.totals(query)), self._store, query)

    def analyze_stale(self, sessions: Iterable[StoredSession]) -> None:
        """Analyse those of `sessions` whose figures are missing or out of date. No callbacks, no alerts."""
        for stored in sessions:
            if stored.is_stale:
                self._analysis.analyze(stored.session.id)

    def comparison_page(self, session_ids: Iterable[str], *, jaeger_url: str | None = None) -> str:
        """Sessions beside each other as one HTML page, differences against the first.

        Raises:
            RecordingError: fewer than two of the ids are known, or more than a page has room for.
        """
        from otel_sessionopt.report.as_html_comparison import as_comparison_html

        found = [self._analysis.analyze(session_id) for session_id in dict.fromkeys(session_ids)]
        return as_comparison_html([each.report for each in found if each is not None], jaeger_url=jaeger_url)

    def export_report(self, session_id: str, format: str = "json", *, jaeger_url: str | None = None) -> str | None:
        """The report of a session as `json`, `markdown`, `text` or `html`; `None` when there is no such session.

        The HTML form links to the trace in the Jaeger UI at `jaeger_url`.

        Raises:
            RecordingError: the format is unknown; names those there are.
        """
        from otel_sessionopt.report import as_html, as_json, as_markdown, as_text

        page: Callable[[OptimizationReport], str] = partial(as_html, jaeger_url=jaeger_url)
        forms = dict(zip(EXPORT_FORMATS, (as_json, as_markdown, as_text, page), strict=True))
        if format not in forms:
            raise RecordingError(f"format {format!r} is unknown; known are {', '.join(forms)}")
        analysed = self._analysis.analyze(session_id)
        return None if analysed is None else forms[format](analysed.report)

    def import_session(self, data: Mapping[str, Any]) -> Session | None:
        """Keep a session that is given in the known JSON shape; `None` when it is none.

        A session that is there already is replaced where the given one has all of its events; otherwise nothing is
        lost, and the given one gets an id of its own.
        """
        session_id = import_json(self._store, data)
        return None if session_id is None else self.get_session(session_id)

    def keep_report(self, report: OptimizationReport) -> bool:
        """Keep the session that a report from live spans or files is about; False when that, or more of it, is kept."""
        return keep_report(self._store, report)

    # --- the rest -------------------------------------------------------------------------------------------------

    @staticmethod
    def default_analyzers() -> list[BaseAnalyzer]:
        """The rules that run when none are given, to be passed on beside your own."""
        from otel_sessionopt.analyzers.catalog import default_analyzers

        return list(default_analyzers())

    @property
    def storage_path(self) -> Path:
        """Folder of the history."""
        return self._folder

    def flush(self, seconds: float = 10.0) -> bool:
        """Wait until traces and alerts are sent, or have failed; False when the time did not suffice."""
        return self._outbox.flush(seconds)

    def close(self) -> None:
        """Wait for what is being sent, and close the file. It is opened again when it is needed."""
        self.flush()
        if self._opened_store is not None:
            self._opened_store.close()

    def __enter__(self) -> SessionOptimizer:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _store(self) -> Store:
        if self._opened_store is None:
            from otel_sessionopt.history.opening import open_history

            with self._lock:
                self._opened_store = self._opened_store or open_history(self._folder)
        return self._opened_store

    @property
    def _analysis(self) -> SessionAnalysis:
        if self._used_analysis is None:
            from otel_sessionopt.history.session_analysis import SessionAnalysis
            from otel_sessionopt.pipeline import Pipeline

            pipeline = Pipeline(
                analyzers=self._analyzers, prices=self._prices, ignore_paths=self._ignore_paths, clock=self._clock
            )
            self._used_analysis = SessionAnalysis(
                self._store, lambda session: pipeline.analyze_session(self._with_prices(session))
            )
        return self._used_analysis

    def _with_prices(self, session: Session) -> Session:
        session.prices = self._prices
        return session

    def _complete(self, stored: StoredSession) -> Session:
        return self._with_prices(with_billed_event(stored))

    def _tell(self, report: OptimizationReport) -> None:
        for listener in self._listeners:
            call_guarded(listener, report)

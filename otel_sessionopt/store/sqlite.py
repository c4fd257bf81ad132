"""`SqliteStore`: the default store, one file, no server, for any number of threads and processes on one machine."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from otel_sessionopt.errors import RecordingError
from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus
from otel_sessionopt.store.records import (
    Figures,
    HistoryTotals,
    IssueTally,
    SessionQuery,
    StoredSession,
    StoredTrace,
    agent_key,
)
from otel_sessionopt.store.sqlite_database import BUSY_SECONDS, Database
from otel_sessionopt.store.sqlite_rows import (
    EVENT_COLUMNS,
    FIGURE_COLUMNS,
    SESSION_COLUMNS,
    STORED_COLUMNS,
    event_from_row,
    event_row,
    figure_row,
    figures_from_text,
    figures_text,
    json_text,
    packed_report,
    report_from_packed,
    session_row,
    started_ns,
    stored_session,
    usd_from_nano,
)

_ROWS_AT_ONCE: Final = 500
"""Ids in one `IN (…)`: SQLite before 3.32 takes 999 parameters."""


def _marks(count: int) -> str:
    return ", ".join("?" * count)


_INSERT_SESSION: Final = f"INSERT INTO sessions ({', '.join(SESSION_COLUMNS)}) VALUES ({_marks(len(SESSION_COLUMNS))})"
_INSERT_EVENT: Final = (
    f"INSERT INTO events (session_seq, {', '.join(EVENT_COLUMNS)}) VALUES (?, {_marks(len(EVENT_COLUMNS))})"
)
_ADD_EVENT_UP: Final = """
    UPDATE sessions SET event_count = event_count + 1, tokens_input = tokens_input + ?,
        tokens_output = tokens_output + ?, duration_ms = duration_ms + ?, is_stale = 1
    WHERE seq = ?
"""
_SET_FIGURES: Final = f"UPDATE sessions SET {', '.join(f'{name} = ?' for name in FIGURE_COLUMNS)}, is_stale = ? "
_SELECT_SESSION: Final = f"SELECT {', '.join(STORED_COLUMNS)} FROM sessions "
_SELECT_EVENTS: Final = f"SELECT {', '.join(EVENT_COLUMNS)} FROM events WHERE session_seq = ? ORDER BY seq"
_SUMS: Final = """
    SELECT count(*), sum(billed_tokens), sum(cost_nano_usd), sum(waste_tokens), sum(waste_nano_usd) FROM sessions
"""


class SqliteStore:
    """A `Store` in one SQLite file. What `append` has acknowledged survives `kill -9`; see `Database` on power cuts.

    Args:
        path: the file.
        busy_seconds: how long a write waits for those of other processes.
    """

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._database = Database(path, busy_seconds)

    # --- sessions and their events --------------------------------------------------------------------------------

    def add(self, session: Session) -> bool:
        """See `Store.add`."""
        with self._database.writing() as connection:
            if _seq_of(connection, session.id) is not None:
                return False
            _insert_session(connection, session)
            return True

    def replace(self, session: Session, event_count: int) -> bool:
        """See `Store.replace`."""
        with self._database.writing() as connection:
            row = connection.execute("SELECT seq, event_count FROM sessions WHERE id = ?", (session.id,)).fetchone()
            if row is None or row[1] != event_count:
                return False
            _delete(connection, row[0])
            _insert_session(connection, session)
            return True

    def append(self, session_id: str, event: SessionEvent) -> bool:
        """See `Store.append`."""
        with self._database.writing() as connection:
            return _append(connection, session_id, event) is not None

    def end(self, session_id: str, status: SessionStatus, event: SessionEvent) -> bool:
        """See `Store.end`."""
        with self._database.writing() as connection:
            seq = _append(connection, session_id, event)
            if seq is None:
                return False
            connection.execute(
                "UPDATE sessions SET status = ?, ended_at = ? WHERE seq = ?", (status.value, event.timestamp, seq)
            )
            return True

    def get(self, session_id: str) -> StoredSession | None:
        """See `Store.get`."""
        with self._database.reading() as connection:
            found = _stored(connection, _SELECT_SESSION + "WHERE id = ?", (session_id,))
            return found[0] if found else None

    def load(self, session_id: str) -> StoredSession | None:
        """See `Store.load`."""
        with self._database.reading() as connection:
            found = _stored(connection, _SELECT_SESSION + "WHERE id = ?", (session_id,))
            if not found:
                return None
            rows = connection.execute(_SELECT_EVENTS, (_seq_of(connection, session_id),))
            found[0].session.events = [event_from_row(row) for row in rows]
            return found[0]

    def find(self, query: SessionQuery) -> list[StoredSession]:
        """See `Store.find`."""
        where, values = _where(query)
        limit = -1 if query.limit is None else query.limit
        with self._database.reading() as connection:
            return _stored(
                connection,
                f"{_SELECT_SESSION} {where} ORDER BY started_ns DESC, seq DESC LIMIT ?",
                (*values, limit),
            )

    def ids_beginning(self, text: str, limit: int) -> list[str]:
        """See `Store.ids_beginning`."""
        # From `text` up to where the highest character follows it: a range, which the indexes of ids answer.
        between = (text, f"{text}\U0010ffff")
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id FROM sessions WHERE id BETWEEN ? AND ? UNION SELECT sessions.id FROM traces "
                "JOIN sessions ON sessions.seq = session_seq WHERE trace_id BETWEEN ? AND ? ORDER BY 1 LIMIT ?",
                (*between, *between, limit),
            )
            return [row[0] for row in rows]

    def delete(self, session_id: str) -> bool:
        """See `Store.delete`."""
        with self._database.writing() as connection:
            return _delete(connection, _seq_of(connection, session_id))

    # --- what analyses came to ------------------------------------------------------------------------------------

    def put_figures(self, session_id: str, figures: Figures, event_count: int) -> None:
        """See `Store.put_figures`."""
        with self._database.writing() as connection:
            row = connection.execute("SELECT seq, event_count FROM sessions WHERE id = ?", (session_id,)).fetchone()
            if row is not None:
                _set_figures(connection, row[0], figures, is_stale=row[1] != event_count)

    def totals(self, query: SessionQuery) -> HistoryTotals:
        """See `Store.totals`."""
        where, values = _where(replace(query, stale_only=False, limit=None), "billed_tokens IS NOT NULL")
        with self._database.reading() as connection:
            count, tokens, cost, waste_tokens, waste = connection.execute(_SUMS + where, values).fetchone()
            scores = connection.execute(
                f"SELECT efficiency_score FROM sessions {where} ORDER BY started_ns, seq", values
            ).fetchall()
            issues = connection.execute(
                "SELECT issue_type, sum(issue_count), sum(session_issues.waste_tokens) FROM sessions "
                f"CROSS JOIN session_issues ON session_seq = seq {where} GROUP BY issue_type",
                values,
            ).fetchall()
        return HistoryTotals(
            sessions=count,
            tokens=tokens or 0,
            cost_usd=usd_from_nano(cost),
            waste_tokens=waste_tokens or 0,
            waste_cost_usd=usd_from_nano(waste),
            scores=[row[0] for row in scores],
            issues={name: IssueTally(number, wasted) for name, number, wasted in issues},
        )

    # --- traces of other sources ----------------------------------------------------------------------------------

    def put_trace(self, trace: StoredTrace) -> bool:
        """See `Store.put_trace`."""
        with self._database.writing() as connection:
            before = connection.execute(
                "SELECT session_seq, span_count FROM traces WHERE trace_id = ?", (trace.trace_id,)
            ).fetchone()
            if before is not None and before[1] > trace.span_count:
                return False
            seq = _seq_of_traces(connection, trace)
            if seq is None:
                return False
            connection.execute("DELETE FROM traces WHERE trace_id = ?", (trace.trace_id,))
            connection.execute(
                "INSERT INTO traces (session_seq, trace_id, started_ns, span_count, session, figures, report) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    seq,
                    trace.trace_id,
                    started_ns(trace.session),
                    trace.span_count,
                    json_text(trace.session.to_dict()),
                    figures_text(trace.figures),
                    packed_report(trace.report),
                ),
            )
            _sum_up_traces(connection, seq, trace.session_id)
            if before is not None and before[0] != seq:  # it has told its conversation since
                _sum_up_traces(connection, before[0], None)
            return True

    def put_joint_report(
        self, session_id: str, trace_ids: Collection[str], report: Mapping[str, Any], figures: Figures
    ) -> bool:
        """See `Store.put_joint_report`."""
        with self._database.writing() as connection:
            seq = _seq_of(connection, session_id)
            rows = connection.execute("SELECT trace_id FROM traces WHERE session_seq = ?", (seq,)).fetchall()
            if seq is None or not rows or not {row[0] for row in rows} <= set(trace_ids):
                return False
            connection.execute("INSERT OR REPLACE INTO joint_reports VALUES (?, ?)", (seq, packed_report(report)))
            _set_figures(connection, seq, figures, is_stale=False)
            return True

    def reports(self, session_id: str) -> list[Mapping[str, Any]]:
        """See `Store.reports`."""
        with self._database.reading() as connection:
            seq = _seq_of(connection, session_id)
            rows = connection.execute("SELECT report FROM joint_reports WHERE session_seq = ?", (seq,)).fetchall()
            if not rows:
                rows = connection.execute(
                    "SELECT report FROM traces WHERE session_seq = ? ORDER BY started_ns, seq", (seq,)
                ).fetchall()
        return [report_from_packed(row[0]) for row in rows]

    # --- facts ----------------------------------------------------------------------------------------------------

    def set_exported(self, session_id: str, is_exported: bool) -> bool:
        """See `Store.set_exported`."""
        with self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE sessions SET is_exported = ? WHERE id = ? AND is_exported <> ?",
                (is_exported, session_id, is_exported),
            )
            return changed.rowcount == 1

    def note(self, name: str) -> str | None:
        """See `Store.note`."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
            return None if row is None else str(row[0])

    def set_note(self, name: str, value: str) -> None:
        """See `Store.set_note`."""
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()


def _seq_of(connection: sqlite3.Connection, session_id: str) -> int | None:
    row = connection.execute("SELECT seq FROM sessions WHERE id = ?", (session_id,)).fetchone()
    return None if row is None else int(row[0])


def _insert_session(connection: sqlite3.Connection, session: Session) -> int:
    seq = connection.execute(_INSERT_SESSION, session_row(session)).lastrowid
    assert seq is not None
    connection.executemany(_INSERT_EVENT, ((seq, *event_row(event)) for event in session.events))
    return seq


def _append(connection: sqlite3.Connection, session_id: str, event: SessionEvent) -> int | None:
    """The place of the session, `None` when there is none."""
    row = connection.execute("SELECT seq, model, trace_count FROM sessions WHERE id = ?", (session_id,)).fetchone()
    if row is None:
        return None
    seq, model, trace_count = row
    if trace_count:
        raise RecordingError(f"session {session_id} was kept from traces; events cannot be logged to it")
    tokens = (event.tokens_input, event.tokens_output)
    if event.event_type is EventType.TOKEN_USAGE and _repeats_model_call(connection, seq, event, model):
        tokens = (0, 0)
    connection.execute(_INSERT_EVENT, (seq, *event_row(event)))
    connection.execute(_ADD_EVENT_UP, (*tokens, event.duration_ms, seq))
    return int(seq)


def _repeats_model_call(connection: sqlite3.Connection, seq: int, event: SessionEvent, session_model: str) -> bool:
    """What `repeats_model_call` of the session model says, by index: the cost does not grow with the session."""
    last_usage = connection.execute(
        "SELECT seq FROM events WHERE session_seq = ? AND event_type = 'TOKEN_USAGE' ORDER BY seq DESC LIMIT 1", (seq,)
    ).fetchone() or (0,)
    found = connection.execute(
        "SELECT 1 FROM events WHERE session_seq = ? AND event_type = 'AI_RESPONSE' AND tokens_input = ? "
        "AND tokens_output = ? AND seq > ? AND coalesce(nullif(model, ''), ?) = ? LIMIT 1",
        (seq, event.tokens_input, event.tokens_output, last_usage[0], session_model, event.model or session_model),
    ).fetchone()
    return found is not None


def _where(query: SessionQuery, *further: str) -> tuple[str, tuple[object, ...]]:
    conditions: list[str] = list(further)
    values: list[object] = []
    if query.agent is not None:
        # The plus keeps SQLite from the index of agents, where that of the few stale sessions is the one to use.
        conditions.append("+agent_key = ?" if query.stale_only else "agent_key = ?")
        values.append(agent_key(query.agent))
    if query.status is not None:
        conditions.append("status = ?")
        values.append(query.status.value)
    if query.since_ns is not None:
        conditions.append("started_ns >= ?")
        values.append(query.since_ns)
    if query.before_ns is not None:
        conditions.append("started_ns < ?")
        values.append(query.before_ns)
    if query.stale_only:
        conditions.append("is_stale = 1")
    return (f"WHERE {' AND '.join(conditions)} " if conditions else "", tuple(values))


def _stored(connection: sqlite3.Connection, select: str, values: Sequence[object]) -> list[StoredSession]:
    rows = connection.execute(select, values).fetchall()
    issues: defaultdict[int, dict[str, IssueTally]] = defaultdict(dict)
    traces: defaultdict[int, list[str]] = defaultdict(list)
    for batch in _batches([row[0] for row in rows]):
        marks = _marks(len(batch))
        for seq, name, count, wasted in connection.execute(
            f"SELECT session_seq, issue_type, issue_count, waste_tokens FROM session_issues "
            f"WHERE session_seq IN ({marks}) ORDER BY issue_type",
            batch,
        ):
            issues[seq][name] = IssueTally(count, wasted)
        for seq, trace_id in connection.execute(
            f"SELECT session_seq, trace_id FROM traces WHERE session_seq IN ({marks}) ORDER BY started_ns, seq", batch
        ):
            traces[seq].append(trace_id)
    return [stored_session(row, issues[row[0]], traces[row[0]]) for row in rows]


def _batches(seqs: Sequence[int]) -> Iterable[Sequence[int]]:
    return (seqs[at : at + _ROWS_AT_ONCE] for at in range(0, len(seqs), _ROWS_AT_ONCE))


def _delete(connection: sqlite3.Connection, seq: int | None) -> bool:
    if seq is None:
        return False
    for table in ("events", "traces", "session_issues", "joint_reports"):
        connection.execute(f"DELETE FROM {table} WHERE session_seq = ?", (seq,))
    connection.execute("DELETE FROM sessions WHERE seq = ?", (seq,))
    return True


def _set_figures(connection: sqlite3.Connection, seq: int, figures: Figures, *, is_stale: bool) -> None:
    connection.execute(_SET_FIGURES + "WHERE seq = ?", (*figure_row(figures), is_stale, seq))
    connection.execute("DELETE FROM session_issues WHERE session_seq = ?", (seq,))
    connection.executemany(
        "INSERT INTO session_issues VALUES (?, ?, ?, ?)",
        ((seq, name, tally.issues, tally.waste_tokens) for name, tally in figures.issues.items()),
    )


def _seq_of_traces(connection: sqlite3.Connection, trace: StoredTrace) -> int | None:
    """The place of the session that the trace belongs to, made when it is new; `None` when that one is no such."""
    row = connection.execute("SELECT seq, trace_count FROM sessions WHERE id = ?", (trace.session_id,)).fetchone()
    if row is None:
        return _insert_session(connection, _sum_of([trace.session], trace.session_id))
    return int(row[0]) if row[1] else None


def _sum_of(traces: Sequence[Session], session_id: str) -> Session:
    # Imported here: the score is not needed to record an event, which must be quick.
    from otel_sessionopt.store.conversation import session_of_traces

    return session_of_traces(session_id, traces)


def _sum_up_traces(connection: sqlite3.Connection, seq: int, session_id: str | None) -> None:
    """Write the session that the traces are; forget it when none is left. `session_id` `None` keeps the one it has."""
    from otel_sessionopt.store.conversation import figures_of_traces

    connection.execute("DELETE FROM joint_reports WHERE session_seq = ?", (seq,))
    rows = connection.execute(
        "SELECT session, figures FROM traces WHERE session_seq = ? ORDER BY started_ns, seq", (seq,)
    ).fetchall()
    if not rows:
        _delete(connection, seq)
        return
    if session_id is None:
        session_id = str(connection.execute("SELECT id FROM sessions WHERE seq = ?", (seq,)).fetchone()[0])
    session = _sum_of([Session.from_dict(json.loads(row[0])) for row in rows], session_id)
    session.trace_ids = ()  # they are in their own table
    connection.execute(
        f"UPDATE sessions SET {', '.join(f'{name} = ?' for name in SESSION_COLUMNS)}, trace_count = ? WHERE seq = ?",
        (*session_row(session), len(rows), seq),
    )
    _set_figures(connection, seq, figures_of_traces([figures_from_text(row[1]) for row in rows]), is_stale=False)

"""`TraceStore`: digests by trace, what is due, and how far the log was read: one SQLite file, written by the reader.

Reading on and keeping what was read are one transaction: a span is never counted twice and never missed.
"""

from __future__ import annotations

import marshal
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_sessionopt.service.session_end import NextStep, Step, TraceState, next_step
from otel_sessionopt.store.sqlite_database import Database

if TYPE_CHECKING:
    from otel_sessionopt.service_settings import ServiceSettings

FILE_NAME: Final = "traces.db"
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_POSITION: Final = "position"
_SETTINGS: Final = "settings"
_COLUMNS: Final = (
    "id, trace_id, last_s, has_root, spans, dropped_spans, newest_row, reported_row, is_final, is_session, analysis_s, "
    "attempts, findings_hash, reported_spans, counted"
)
_ALL_ROWS: Final = 1 << 62
_RETRY_SECONDS: Final = 30.0
"""After an analysis that failed, such as for a full disk, …"""
MAX_ATTEMPTS: Final = 5
"""… so often; afterwards the trace waits for new spans."""


@dataclass(slots=True)
class Arrived:
    """What came of one trace.

    Attributes:
        digests: packed, in the order they came.
        held: OTLP requests with the spans themselves, compressed; only where traces are held back.
        conversation: that one of the spans says it belongs to.
    """

    digests: list[bytes] = field(default_factory=list)
    held: list[bytes] = field(default_factory=list)
    last_s: float = 0.0
    has_root: bool = False
    conversation: str = ""


FINDINGS_OF: Final = "findings."
"""Before a rule's id: the name of the counter of its findings."""


class Figures(NamedTuple):
    """What the metrics count of a report: findings by rule, what they and the session cost."""

    findings: tuple[tuple[str, int], ...] = ()
    waste_tokens: int = 0
    waste_usd: float = 0.0
    cost_usd: float = 0.0

    def beyond(self, counted: Figures) -> Figures:
        """What a refreshed report adds to the one before it: nothing where it has less."""
        known = dict(counted.findings)
        findings = ((code, count - known.get(code, 0)) for code, count in self.findings)
        return Figures(
            tuple((code, count) for code, count in findings if count > 0),
            max(self.waste_tokens - counted.waste_tokens, 0),
            max(self.waste_usd - counted.waste_usd, 0.0),
            max(self.cost_usd - counted.cost_usd, 0.0),
        )


class DueTrace(NamedTuple):
    """A trace whose time has come.

    Attributes:
        key: of its row.
        up_to_row: the digests to analyse.
        reported_spans: different ones that the last final report told of; 0 without one.
        findings_hash: of what was sent last; empty when nothing was.
        counted: of its last report, for the metrics.
    """

    key: int
    trace_id: int
    up_to_row: int
    next: NextStep
    reported_spans: int
    dropped_spans: int
    findings_hash: bytes
    counted: Figures = Figures()


class Outcome(NamedTuple):
    """What an analysis came to.

    Attributes:
        spans: different ones that were analysed.
        outgoing: OTLP requests to be sent.
        findings_hash: of what was sent last.
        held_row: held spans up to this row are among them.
        figures: of the report, for the metrics.
    """

    due: DueTrace
    is_session: bool
    spans: int
    seconds: float
    outgoing: tuple[bytes, ...] = ()
    findings_hash: bytes = b""
    held_row: int = 0
    figures: Figures = Figures()


class TraceStore:
    """See the module. One process writes; others may read `digests_of` and `outgoing`.

    All methods raise `StoreError` where the disk fails; nothing is half done then.
    """

    def __init__(self, folder: Path, settings: ServiceSettings) -> None:
        self._database = Database(folder / FILE_NAME, migrations=_MIGRATIONS, is_power_safe=True)
        self._settings = settings

    def position(self) -> int:
        """Up to where the log was read."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (_POSITION,)).fetchone()
            return 0 if row is None else int(row[0])

    def keep(self, arrived: Mapping[int, Arrived], position: int) -> None:
        """Keep what came, read up to `position` of the log."""
        with self._database.writing() as connection:
            for trace_id, part in arrived.items():
                self._add(connection, trace_id.to_bytes(16, "big"), part)
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_POSITION, position))

    def due(self, now_s: float, limit: int, busy: Iterable[int] = ()) -> list[DueTrace]:
        """Traces whose time has come, longest waiting first, without those whose keys are `busy`."""
        busy_keys = set(busy)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM traces WHERE due_s <= ? ORDER BY due_s LIMIT ?",
                (now_s, limit + len(busy_keys)),
            ).fetchall()
        return [self._due_trace(row) for row in rows if row[0] not in busy_keys][:limit]

    def next_due_s(self) -> float | None:
        """When the next trace is due."""
        with self._database.reading() as connection:
            return connection.execute("SELECT min(due_s) FROM traces").fetchone()[0]  # type: ignore[no-any-return]

    def set_due_again(self, now_s: float) -> None:
        """Look again at when each trace is due, where the settings are others than before, or the clock was set back.

        No trace has spans from the future afterwards.
        """
        settings = self._settings
        told = (settings.quiet_seconds, settings.idle_timeout_seconds, settings.max_age_seconds)
        mark = zlib.crc32(repr((*told, settings.retention_seconds, settings.max_spans_per_trace)).encode())
        with self._database.writing() as connection:
            known = connection.execute("SELECT value FROM facts WHERE name = ?", (_SETTINGS,)).fetchone()
            moved = connection.execute("UPDATE traces SET last_s = ? WHERE last_s > ?", (now_s, now_s)).rowcount
            if known == (mark,) and not moved:
                return
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_SETTINGS, mark))
            for (key,) in connection.execute("SELECT id FROM traces").fetchall():
                self._set_due(connection, key)

    def digests_of(self, key: int, up_to_row: int) -> list[bytes]:
        """Packed digests of a trace, in the order they came."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT body FROM digests WHERE trace = ? AND id <= ? ORDER BY id", (key, up_to_row)
            )
            return [packed for (body,) in rows for packed in marshal.loads(body)]  # written by `keep` alone

    def digests_of_conversation(self, conversation: str, max_spans: int) -> dict[int, list[bytes]]:
        """Packed digests by trace id of all traces of a conversation; nothing when they have more than `max_spans`."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, trace_id, spans FROM traces WHERE conversation = ? AND conversation <> '' "
                "ORDER BY trace_id",
                (conversation,),
            ).fetchall()
        if sum(spans for _, _, spans in rows) > max_spans:
            return {}
        return {int.from_bytes(trace_id, "big"): self.digests_of(key, _ALL_ROWS) for key, trace_id, _ in rows}

    def held_of(self, key: int) -> tuple[int, list[bytes]]:
        """The spans of a trace that are held back, as compressed OTLP requests, and the last of their rows."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT id, body FROM held WHERE trace = ? ORDER BY id", (key,)).fetchall()
            return rows[-1][0] if rows else 0, [body for _, body in rows]

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Note that reports are out, and have their findings sent: both or neither."""
        with self._database.writing() as connection:
            position = self._position_in(connection)
            for outcome in outcomes:
                due = outcome.due
                connection.executemany(
                    "INSERT INTO outgoing (after, body) VALUES (?, ?)", ((position, body) for body in outcome.outgoing)
                )
                if outcome.held_row:
                    connection.execute("DELETE FROM held WHERE trace = ? AND id <= ?", (due.key, outcome.held_row))
                connection.execute(
                    "UPDATE traces SET reported_row = ?, reported_spans = ?, is_final = ?, is_session = ?, "
                    "analysis_s = ?, attempts = 0, findings_hash = ?, counted = ? WHERE id = ?",
                    (
                        due.up_to_row,
                        outcome.spans,
                        due.next.is_final,
                        outcome.is_session,
                        outcome.seconds,
                        outcome.findings_hash,
                        marshal.dumps(tuple(outcome.figures)),
                        due.key,
                    ),
                )
                self._set_due(connection, due.key)

    def fail(self, due: DueTrace, now_s: float) -> bool:
        """Note that an analysis failed: it is tried again later. False when it was tried often enough.

        Spans that are held back for it go out as they came then; the trace itself is deleted when it fails for days.
        """
        with self._database.writing() as connection:
            attempts, last_s = connection.execute(
                "SELECT attempts + 1, last_s FROM traces WHERE id = ?", (due.key,)
            ).fetchone()
            is_tried_again: bool = attempts < MAX_ATTEMPTS
            pause_s = _RETRY_SECONDS * attempts if is_tried_again else self._settings.retention_seconds
            connection.execute(
                "UPDATE traces SET attempts = ?, due_s = ? WHERE id = ?", (attempts, now_s + pause_s, due.key)
            )
            if not is_tried_again:
                self._release_held(connection, due.key)
                if now_s > last_s + self._settings.max_age_seconds + self._settings.retention_seconds:
                    self._delete(connection, due.key)
            return is_tried_again

    def forget(self, due: Sequence[DueTrace]) -> None:
        """Delete traces with all that was kept of them."""
        with self._database.writing() as connection:
            for trace in due:
                self._delete(connection, trace.key)

    def outgoing(self, after_id: int, up_to_position: int, limit: int) -> list[tuple[int, bytes]]:
        """Our own requests that may go out when the log went out up to a position: id and body, oldest first."""
        with self._database.reading() as connection:
            return connection.execute(
                "SELECT id, body FROM outgoing WHERE id > ? AND after <= ? ORDER BY id LIMIT ?",
                (after_id, up_to_position, limit),
            ).fetchall()

    def outgoing_beyond(self, after_id: int, max_bytes: int) -> int | None:
        """The last of our own requests behind which no more than `max_bytes` wait; `None` where that is all of them."""
        with self._database.reading() as connection:
            found = connection.execute(
                "SELECT max(id) FROM (SELECT id, sum(length(body)) OVER (ORDER BY id DESC) AS waiting FROM outgoing "
                "WHERE id > ?) WHERE waiting > ?",
                (after_id, max_bytes),
            ).fetchone()[0]
            return None if found is None else int(found)

    def delete_outgoing(self, up_to_id: int) -> None:
        """Delete what every endpoint has."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM outgoing WHERE id <= ?", (up_to_id,))

    def counts(self) -> dict[str, int]:
        """Traces kept: unfinished ones, and all."""
        with self._database.reading() as connection:
            waiting, kept = connection.execute(
                "SELECT coalesce(sum(newest_row > reported_row), 0), count(*) FROM traces"
            ).fetchone()
        return {"traces_waiting": waiting, "traces_kept": kept}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _release_held(self, connection: sqlite3.Connection, key: int) -> None:
        """Send held spans as they are."""
        position = self._position_in(connection)
        while row := connection.execute("SELECT id, body FROM held WHERE trace = ? LIMIT 1", (key,)).fetchone():
            body = zlib.decompress(row[1])
            connection.execute("INSERT INTO outgoing (after, body) VALUES (?, ?)", (position, body))
            connection.execute("DELETE FROM held WHERE id = ?", (row[0],))

    def _delete(self, connection: sqlite3.Connection, key: int) -> None:
        for table in ("digests", "held"):
            connection.execute(f"DELETE FROM {table} WHERE trace = ?", (key,))
        connection.execute("DELETE FROM traces WHERE id = ?", (key,))

    def _add(self, connection: sqlite3.Connection, trace_id: bytes, part: Arrived) -> None:
        row = connection.execute("SELECT id, spans FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        if row is None:
            key = connection.execute(
                "INSERT INTO traces (trace_id, last_s, has_root, spans, dropped_spans, newest_row, reported_row, "
                "reported_spans, is_final, is_session, analysis_s, attempts, findings_hash, due_s) "
                "VALUES (?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, x'', 0)",
                (trace_id,),
            ).lastrowid
            assert key is not None
            spans = 0
        else:
            key, spans = row
        kept = part.digests[: max(self._settings.max_spans_per_trace - spans, 0)]
        newest_row = None
        if kept:
            body = marshal.dumps(kept)
            newest_row = connection.execute("INSERT INTO digests (trace, body) VALUES (?, ?)", (key, body)).lastrowid
        connection.executemany("INSERT INTO held (trace, body) VALUES (?, ?)", ((key, body) for body in part.held))
        connection.execute(
            "UPDATE traces SET last_s = max(last_s, ?), has_root = max(has_root, ?), spans = spans + ?, "
            "dropped_spans = dropped_spans + ?, newest_row = coalesce(?, newest_row), attempts = 0 WHERE id = ?",
            (part.last_s, part.has_root, len(kept), len(part.digests) - len(kept), newest_row, key),
        )
        if part.conversation:
            self._add_to_conversation(connection, key, part)
        self._set_due(connection, key)

    def _add_to_conversation(self, connection: sqlite3.Connection, key: int, part: Arrived) -> None:
        """The other traces of a conversation are kept for as long as it goes on: they are judged together."""
        connection.execute(
            "UPDATE traces SET conversation = ? WHERE id = ? AND conversation = ''", (part.conversation, key)
        )
        connection.execute(
            "UPDATE traces SET last_s = ?, due_s = ? "
            "WHERE conversation = ? AND last_s < ? AND is_final AND newest_row <= reported_row",
            (part.last_s, part.last_s + self._settings.retention_seconds, part.conversation, part.last_s),
        )

    def _set_due(self, connection: sqlite3.Connection, key: int) -> None:
        row = connection.execute(f"SELECT {_COLUMNS} FROM traces WHERE id = ?", (key,)).fetchone()
        connection.execute("UPDATE traces SET due_s = ? WHERE id = ?", (self._due_trace(row).next.at_s, key))

    def _due_trace(self, row: tuple[Any, ...]) -> DueTrace:
        key, trace_id, last_s, has_root, spans, dropped, newest, reported, is_final, *others = row
        _, analysis_s, _, sent, told, counted = others
        state = TraceState(
            last_s=last_s,
            has_root=bool(has_root),
            spans=spans,
            is_changed=newest > reported,
            is_reported=reported > 0,
            is_final=bool(is_final),
            analysis_s=analysis_s,
        )
        step = next_step(state, self._settings)
        return DueTrace(
            key,
            int.from_bytes(trace_id, "big"),
            newest,
            step,
            told if is_final else 0,
            dropped,
            sent,
            _figures(counted),
        )

    def _position_in(self, connection: sqlite3.Connection) -> int:
        row = connection.execute("SELECT value FROM facts WHERE name = ?", (_POSITION,)).fetchone()
        return 0 if row is None else int(row[0])


def _figures(packed: bytes) -> Figures:
    return Figures(*marshal.loads(packed)) if packed else Figures()


def is_forgetting(due: DueTrace) -> bool:
    """Whether the trace is only to be deleted."""
    return due.next.step is Step.FORGET

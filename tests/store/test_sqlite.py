"""What only the SQLite backend promises: its file, its migrations, forks, and how it fails."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from otel_sessionopt.errors import StoreError
from otel_sessionopt.store.records import SessionQuery
from otel_sessionopt.store.sqlite import SqliteStore
from tests.store.samples import event, session, trace

MIGRATIONS = Path(__file__).resolve().parents[2] / "otel_sessionopt" / "store" / "migrations"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "er" / "history.db"


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_nothing_is_made_before_it_is_needed(path: Path) -> None:
    SqliteStore(path)

    assert not path.parent.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_folder_and_files_are_for_their_owner_only(path: Path) -> None:
    store = SqliteStore(path)
    store.add(session())

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    store.close()


def test_the_file_is_in_wal_mode(path: Path) -> None:
    store = SqliteStore(path)
    store.add(session())
    store.close()

    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


class TestMigrations:
    def test_the_files_are_numbered_without_a_gap(self) -> None:
        numbers = [int(file.name[:4]) for file in sorted(MIGRATIONS.glob("*.sql"))]

        assert numbers == list(range(1, len(numbers) + 1))
        assert [file.suffix for file in MIGRATIONS.iterdir()] == [".sql"] * len(numbers)

    def test_applied_ones_are_recorded_with_name_and_time(self, path: Path) -> None:
        store = SqliteStore(path)
        store.get("x")
        store.close()

        applied = rows(path, "SELECT number, name, applied_at FROM migrations ORDER BY number")
        assert [(number, name) for number, name, _ in applied] == [
            (int(file.name[:4]), file.stem) for file in sorted(MIGRATIONS.glob("*.sql"))
        ]
        assert all(str(at).startswith("20") for *_, at in applied)

    def test_they_are_applied_once(self, path: Path) -> None:
        first = SqliteStore(path)
        first.add(session())
        first.close()
        before = rows(path, "SELECT * FROM migrations")
        second = SqliteStore(path)

        assert second.get("s1") is not None
        second.close()
        assert rows(path, "SELECT * FROM migrations") == before

    def test_a_file_of_a_later_version_is_left_alone(self, path: Path) -> None:
        store = SqliteStore(path)
        store.add(session())
        store.close()
        connection = sqlite3.connect(path)
        connection.execute("INSERT INTO migrations VALUES (9999, '9999_later', 'then')")
        connection.commit()
        connection.close()

        with pytest.raises(StoreError, match=r"history\.db: was written by a later version \(migration 9999"):
            store.get("s1")

    def test_one_that_fails_leaves_nothing_behind(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = path.parents[2] / "migrations"
        folder.mkdir()
        (folder / "0001_broken.sql").write_text("CREATE TABLE one (x);\nCREATE TABLE one (x);\n")
        monkeypatch.setattr("otel_sessionopt.store.sqlite_database._MIGRATIONS", folder)
        store = SqliteStore(path)

        with pytest.raises(StoreError, match="already exists"):
            store.get("x")
        assert rows(path, "SELECT name FROM sqlite_master") == []
        (folder / "0001_broken.sql").write_text("CREATE TABLE sessions (x);")
        with pytest.raises(StoreError, match="no such column"):
            store.get("x")  # the migration went through, which is all that is asked here
        assert ("sessions",) in rows(path, "SELECT name FROM sqlite_master")


class TestFailures:
    def test_a_file_that_is_no_database_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "history.db").write_text("this is no database, and long enough to be read as one" * 50)

        with pytest.raises(StoreError, match=r"history\.db: file is not a database"):
            SqliteStore(tmp_path / "history.db").get("s1")

    def test_a_folder_that_is_a_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        with pytest.raises(StoreError, match=r"history\.db: cannot be opened: "):
            SqliteStore(tmp_path / "file" / "history.db").get("s1")

    def test_a_writer_that_does_not_let_go_is_told_of_after_a_while(self, path: Path) -> None:
        store = SqliteStore(path, busy_seconds=0.05)
        store.add(session())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(StoreError, match=r"another process has been writing for 0\.05 s"):
                store.append("s1", event(1))
            assert store.get("s1") is not None  # readers do not wait
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert store.append("s1", event(1))
        store.close()

    def test_a_transaction_that_fails_leaves_nothing_behind(self, path: Path) -> None:
        store = SqliteStore(path)
        broken = session("s1", event(1), event(2, tokens_input=2**70))  # more than SQLite holds

        with pytest.raises(OverflowError):
            store.add(broken)
        assert store.get("s1") is None
        assert store.add(session("s1", event(1)))
        store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_connection_of_its_own(path: Path) -> None:
    store = SqliteStore(path)
    store.add(session())
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.append("s1", event(1))
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    store.append("s1", event(2))

    assert status == 0
    stored = store.load("s1")
    assert stored is not None
    assert [int(each.id, 16) for each in stored.session.events] == [1, 2]
    store.close()


def test_a_store_that_nobody_holds_closes_its_file(path: Path) -> None:
    store = SqliteStore(path)
    store.add(session())
    del store  # a connection left open would be a ResourceWarning, which is an error here

    assert sorted(file.name for file in path.parent.iterdir()) == ["history.db"]


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ("SELECT * FROM sessions WHERE id = 'x'", "sqlite_autoindex_sessions_1"),
        ("SELECT * FROM sessions ORDER BY started_ns DESC, seq DESC LIMIT 20", "sessions_by_start"),
        (
            "SELECT * FROM sessions WHERE agent_key = 'A' AND started_ns >= 5 ORDER BY started_ns DESC, seq DESC",
            "sessions_by_agent",
        ),
        ("SELECT * FROM sessions WHERE +agent_key = 'A' AND started_ns >= 5 AND is_stale = 1", "stale_sessions"),
        ("SELECT id FROM events WHERE session_seq = 1 ORDER BY seq", "events_by_session"),
        (
            "SELECT seq FROM events WHERE session_seq = 1 AND event_type = 'TOKEN_USAGE' ORDER BY seq DESC LIMIT 1",
            "usage_reports",
        ),
        (
            "SELECT 1 FROM events WHERE session_seq = 1 AND event_type = 'AI_RESPONSE' AND tokens_input = 1 "
            "AND tokens_output = 1 AND seq > 5",
            "model_calls",
        ),
    ],
)
def test_what_must_be_quick_goes_by_an_index_and_sorts_nothing(path: Path, sql: str, index: str) -> None:
    store = SqliteStore(path)
    store.get("x")
    store.close()

    plan = [str(row[3]) for row in rows(path, f"EXPLAIN QUERY PLAN {sql}")]
    assert index in plan[0]
    assert not any("TEMP B-TREE" in step for step in plan)


def test_reports_are_stored_small(path: Path) -> None:
    store = SqliteStore(path)
    given = trace(1)
    report = {"issues": [{"description": "the same words again and again"}] * 100}
    store.put_trace(type(given)(**{name: getattr(given, name) for name in given.__slots__} | {"report": report}))
    store.close()

    ((size,),) = rows(path, "SELECT length(report) FROM traces")
    assert isinstance(size, int)
    assert size < 300


def test_find_without_a_limit_finds_all(path: Path) -> None:
    store = SqliteStore(path)
    for number in range(1_100):  # more than two batches of ids
        store.add(session(f"s{number}"))

    assert len(store.find(SessionQuery())) == 1_100
    store.close()

"""The earlier tool's `sessions/*.json` in the storage folder."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt import SessionOptimizer, SessionStatus
from tests.support.recordings import present


def old_session(session_id: str, **fields: Any) -> dict[str, Any]:
    """A session as the earlier tool wrote it: local times without an offset."""
    return {
        "id": session_id,
        "agent": "FORGE",
        "task": "Old task",
        "status": "COMPLETED",
        "started_at": "2026-01-21T10:00:00.123456",
        "ended_at": "2026-01-21T11:00:00",
        "events": [
            {
                "id": f"evt_{number}",
                "timestamp": f"2026-01-21T10:0{number}:00",
                "event_type": "FILE_READ",
                "data": {"file_path": "/a.py"},
                "tokens_input": 500,
                "tokens_output": 0,
                "duration_ms": 0,
            }
            for number in range(3)
        ],
        "total_tokens_input": 1_500,
        "total_tokens_output": 0,
        "total_duration_ms": 0,
        "model": "opus",
        "metadata": {"priority": "HIGH"},
        **fields,
    }


_TOO_MUCH = json.dumps(old_session("huge", total_tokens_input=2**70)).encode()


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    (tmp_path / "sessions").mkdir()
    for session_id in ("forge_20260121_100000", "forge_20260121_110000"):
        (tmp_path / "sessions" / f"{session_id}.json").write_text(json.dumps(old_session(session_id), indent=2))
    return tmp_path


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in sorted((folder / "sessions").iterdir())
    }


def test_sessions_are_taken_over_as_they_are_and_the_files_stay(storage: Path) -> None:
    before = snapshot(storage)
    with SessionOptimizer(storage, environ={}) as optimizer:
        session = present(optimizer.get_session("forge_20260121_100000"))
        report = optimizer.analyze(session.id)

        assert session.to_dict() == old_session("forge_20260121_100000")
        assert session.status is SessionStatus.COMPLETED
        assert report is not None
        assert report.total_waste_tokens == 1_000
        assert len(optimizer.list_sessions(agent="FORGE")) == 2
        assert optimizer.agent_statistics("FORGE", days=100_000)["sessions_analyzed"] == 2
    assert snapshot(storage) == before


def test_it_is_done_once(storage: Path) -> None:
    with SessionOptimizer(storage, environ={}) as optimizer:
        optimizer.delete_session("forge_20260121_100000")
    (storage / "sessions" / "later.json").write_text(json.dumps(old_session("later")))
    with SessionOptimizer(storage, environ={}) as optimizer:
        assert [stored.session.id for stored in optimizer.find()] == ["forge_20260121_110000"]


def test_a_takeover_that_was_cut_short_goes_on(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("otel_sessionopt.store.sqlite.SqliteStore.set_note", lambda *_: None)  # it died before that
        with SessionOptimizer(storage, environ={}) as optimizer:
            optimizer.log_event("forge_20260121_100000", "CUSTOM")
    with SessionOptimizer(storage, environ={}) as optimizer:
        assert len(optimizer.find()) == 2
        assert len(present(optimizer.get_session("forge_20260121_100000")).events) == 4


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"text"', b'{"id": 7}', b"\xff\xfe", b"[" * 100_000, b'{"missing": "fields"}', _TOO_MUCH],
)
def test_a_file_that_holds_no_session_is_named_and_left_out(
    storage: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (storage / "sessions" / "broken.json").write_bytes(content)
    with caplog.at_level(logging.WARNING), SessionOptimizer(storage, environ={}) as optimizer:
        assert len(optimizer.find()) == 2

    (message,) = caplog.messages
    assert message == f"{storage / 'sessions' / 'broken.json'}: not taken over, it holds no session"


def test_a_new_folder_has_nothing_to_take_over(tmp_path: Path) -> None:
    with SessionOptimizer(tmp_path / "new", environ={}) as optimizer:
        assert optimizer.find() == []


def test_what_is_put_there_before_anything_was_taken_over_still_comes_in(tmp_path: Path) -> None:
    with SessionOptimizer(tmp_path, environ={}) as optimizer:
        optimizer.start_session("FORGE", "x")
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "a.json").write_text(json.dumps(old_session("a")))
    with SessionOptimizer(tmp_path, environ={}) as optimizer:
        assert len(optimizer.find()) == 2

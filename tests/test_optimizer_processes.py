"""Several processes log to one session at once, one of them is killed, many begin at the same moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from otel_sessionopt.optimizer import SessionOptimizer
from otel_sessionopt.session import EventType, Session, SessionStatus

PROCESSES = 8
EVENTS = 1_000
ROOT = Path(__file__).resolve().parents[1]


def start_logging(folder: Path, session_id: str, name: int, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.support.log_events", str(folder), session_id, str(name), str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, bufsize=0)


def let_go(processes: list[subprocess.Popen[bytes]]) -> None:
    """Begin all at once, when every one has told that it is ready."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")


def told(process: subprocess.Popen[bytes]) -> list[str]:
    """Ids of the events that the process was told are logged."""
    output, _ = process.communicate(timeout=60)
    return output.decode().split()


def logged(session: Session) -> list[str]:
    return [event.id for event in session.events if event.event_type is EventType.TOOL_CALL]


def test_eight_processes_lose_and_repeat_nothing(tmp_path: Path) -> None:
    optimizer = SessionOptimizer(tmp_path)
    started = optimizer.start_session("FORGE", "many hands")
    processes = [start_logging(tmp_path, started.id, name, EVENTS) for name in range(PROCESSES)]
    let_go(processes)
    ids = [told(process) for process in processes]
    optimizer.end_session(started.id)

    session = optimizer.get_session(started.id)
    assert session is not None
    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert sorted(logged(session)) == sorted(event_id for own in ids for event_id in own)
    assert len(set(logged(session))) == PROCESSES * EVENTS
    # One total order: begun with the start, closed with the end, and in each process's own order.
    assert session.events[0].event_type is EventType.SESSION_START
    assert session.events[-1].event_type is EventType.SESSION_END
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for event in session.events[1:-1]:
        numbers[event.data["from"]].append(event.data["n"])
    assert dict(numbers) == {str(name): list(range(EVENTS)) for name in range(PROCESSES)}
    assert session.total_tokens_input == PROCESSES * EVENTS
    assert session.status is SessionStatus.COMPLETED
    optimizer.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing can be killed so here")
def test_what_a_killed_process_was_told_is_there(tmp_path: Path) -> None:
    optimizer = SessionOptimizer(tmp_path)
    started = optimizer.start_session("FORGE", "sudden end")
    victim, other = (start_logging(tmp_path, started.id, name, count) for name, count in ((0, 10**9), (1, EVENTS)))
    let_go([victim, other])
    assert victim.stdout is not None
    before = [victim.stdout.readline().decode().strip() for _ in range(200)]
    os.kill(victim.pid, signal.SIGKILL)
    acknowledged = before + told(victim)
    others = told(other)

    session = optimizer.get_session(started.id)
    assert session is not None
    assert victim.returncode == -signal.SIGKILL
    present = logged(session)
    assert len(acknowledged) >= 200
    assert set(acknowledged) <= set(present)
    assert set(others) <= set(present)
    # At most the one event that was kept and not told yet.
    assert len(present) - len(acknowledged) - len(others) in (0, 1)
    assert [each for each in present if each in set(acknowledged)] == acknowledged
    assert session.total_tokens_input == len(present)
    assert optimizer.log_event(started.id, EventType.CUSTOM) is not None  # nobody holds a lock
    optimizer.close()


def test_processes_that_find_no_history_make_one_together(tmp_path: Path) -> None:
    script = (
        "import sys; from otel_sessionopt.optimizer import SessionOptimizer; sys.stdout.write('ready\\n');"
        "sys.stdout.flush(); sys.stdin.readline();"
        f"print(SessionOptimizer({str(tmp_path / 'new')!r}).start_session('FORGE', 'x').id)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        for _ in range(6)
    ]
    let_go(processes)
    ids = [own for process in processes for own in told(process)]

    assert [process.returncode for process in processes] == [0] * 6
    assert len(set(ids)) == 6  # most of them in one second: the id is made unique
    with SessionOptimizer(tmp_path / "new") as optimizer:
        assert {stored.session.id for stored in optimizer.find()} == set(ids)

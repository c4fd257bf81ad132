"""What recording by hand costs, and looking back over 100,000 sessions.

    python benchmarks/recording.py [--events 100000] [--sessions 100000]

Recording: one event appended to a session that has 10, and to one that has 100,000, in turns, so that the ratio does
not depend on what else the machine does. `log` is measured as a whole process, beside one that does nothing.
History: sessions with figures as analyses leave them, then each command's work in this process (the command line adds
the start of a process) and as a process.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path

from machine import machine_line

from otel_sessionopt.optimizer import SessionOptimizer
from otel_sessionopt.session import EventType, Session, SessionEvent
from otel_sessionopt.store.records import Figures, IssueTally
from otel_sessionopt.store.sqlite import SqliteStore

AGENTS = ("FORGE", "ATLAS", "BOLT", "NEXUS")
ISSUES = ("REPEATED_FILE_READ", "FAILED_RETRY", "LONG_SESSION", "TOKEN_SPIKE")
APPENDS = 2_000
PROCESS_ROUNDS = 15
QUERY_ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--sessions", type=int, default=100_000)
    arguments = parser.parse_args()
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        measure_appending(Path(folder) / "recording", arguments.events)
    with tempfile.TemporaryDirectory() as folder:
        measure_history(Path(folder), arguments.sessions)


def measure_appending(folder: Path, events: int) -> None:
    optimizer = SessionOptimizer(folder, environ={})
    short = optimizer.start_session("FORGE", "short", session_id="short").id
    long = optimizer.start_session("FORGE", "long", session_id="long").id
    fill(optimizer, short, 10)
    fill(optimizer, long, events)
    costs: dict[str, list[float]] = {short: [], long: []}
    for _ in range(APPENDS):
        for session_id, own in costs.items():
            own.append(timed(partial(log, optimizer, session_id)))
    at_10, at_many = (statistics.median(own) * 1e3 for own in costs.values())
    print(
        f"log_event, median of {APPENDS:,}: {at_10:.3f} ms from event 10 on, "
        f"{at_many:.3f} ms from event {events:,} on; ratio {at_many / at_10:.2f}"
    )
    print(f"log_event, 99 of 100 below: {statistics.quantiles(costs[long], n=100)[98] * 1e3:.2f} ms")
    optimizer.close()
    command = [sys.executable, "-m", "otel_sessionopt", "log", short, "FILE_READ", "--storage", str(folder)]
    nothing = [sys.executable, "-c", "pass"]
    whole, empty = [], []
    for _ in range(PROCESS_ROUNDS):
        whole.append(timed(partial(run, command)))
        empty.append(timed(partial(run, nothing)))
    print(
        f"`sessionoptimizer log` as a process: median {statistics.median(whole):.3f} s, best {min(whole):.3f} s "
        f"(Python that does nothing: {statistics.median(empty):.3f} s)"
    )


def fill(optimizer: SessionOptimizer, session_id: str, events: int) -> None:
    for _ in range(events):
        log(optimizer, session_id)


def log(optimizer: SessionOptimizer, session_id: str) -> None:
    optimizer.log_event(session_id, EventType.FILE_READ, {"file_path": "/src/app/models/user.py"}, tokens_input=500)


def measure_history(folder: Path, sessions: int) -> None:
    started = time.perf_counter()
    ids = store_sessions(folder, sessions)
    size = (folder / "history.db").stat().st_size / 1e6
    print(f"{sessions:,} sessions stored in {time.perf_counter() - started:.1f} s, {size:.0f} MB")
    optimizer = SessionOptimizer(folder, environ={})
    work: dict[str, tuple[Callable[[], object], list[str]]] = {
        "list": (lambda: optimizer.find(limit=20), ["list"]),
        "list --agent --status": (
            lambda: optimizer.find("FORGE", "FAILED", limit=20),
            ["list", "--agent", "FORGE", "--status", "FAILED"],
        ),
        "stats of one agent": (
            lambda: optimizer.agent_statistics("FORGE", 100_000),
            ["stats", "FORGE", "--days", "99999"],
        ),
        "stats of all": (lambda: optimizer.agent_statistics(None, 100_000), ["stats", "--days", "99999"]),
        "compare of 2": (lambda: optimizer.compare_sessions(ids[:2]), ["compare", *ids[:2]]),
        "compare of 100": (lambda: optimizer.compare_sessions(ids[:100]), ["compare", *ids[:100]]),
        "analyze (beside the recent ones)": (lambda: optimizer.analyze(ids[0]), ["analyze", ids[0]]),
    }
    for name, (function, command) in work.items():
        here = statistics.median(timed(function) for _ in range(QUERY_ROUNDS))
        whole = [sys.executable, "-m", "otel_sessionopt", *command, "--storage", str(folder)]
        process = statistics.median(timed(partial(run, whole)) for _ in range(QUERY_ROUNDS))
        print(f"{name}: {here * 1e3:.0f} ms, as a process {process:.2f} s")
    optimizer.close()


def store_sessions(folder: Path, count: int) -> list[str]:
    """Ended sessions over two years, each with three events, and figures as an analysis leaves them."""
    store = SqliteStore(folder / "history.db")
    begin = datetime(2025, 1, 1, tzinfo=timezone.utc)
    for number in range(count):
        at = (begin + timedelta(minutes=10 * number)).isoformat()
        events = [
            SessionEvent(f"{number * 3 + place + 1:016x}", at, EventType.FILE_READ, {"file_path": "/a.py"}, 500)
            for place in range(3)
        ]
        session = Session(
            f"s{number}", AGENTS[number % 4], f"task {number}", started_at=at, ended_at=at, events=events, model="opus"
        )
        session.status = type(session.status)("FAILED" if number % 10 == 0 else "COMPLETED")
        store.add(session)
        figures = Figures(
            tokens=1_500,
            cost_usd=Decimal("0.0225"),
            calls=3,
            unpriced_calls=0,
            waste_tokens=number % 1_500,
            waste_cost_usd=Decimal(number % 1_500) * Decimal("0.000015"),
            efficiency_score=100 - number % 100,
            issues={ISSUES[number % 4]: IssueTally(1, number % 1_500), ISSUES[(number + 1) % 4]: IssueTally(2, 0)},
        )
        store.put_figures(session.id, figures, 3)
    store.close()
    return [f"s{number}" for number in range(count)]


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

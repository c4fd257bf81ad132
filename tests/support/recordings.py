"""Recordings for tests: a clock that is told to pass, and short ways to record and to ask."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Final

from otel_sessionopt import EventType, OptimizationReport, RepeatedFileReadAnalyzer, Session, SessionOptimizer
from otel_sessionopt.store.memory import MemoryStore

_DEFAULTS: Final[dict[str, Any]] = {"environ": {}, "analyzers": [RepeatedFileReadAnalyzer()]}


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 21, 14, 30, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)


def optimizer_in_memory(clock: Clock | None = None, **options: Any) -> SessionOptimizer:
    """Records nowhere, knows no endpoint, and looks for files read again: other rules would change its figures."""
    return SessionOptimizer(store=MemoryStore(), clock=clock or Clock(), **{**_DEFAULTS, **options})


def present(session: Session | None) -> Session:
    assert session is not None
    return session


def report_of(optimizer: SessionOptimizer, session: Session) -> OptimizationReport:
    report = optimizer.analyze(session.id)
    assert report is not None
    return report


def reads(optimizer: SessionOptimizer, count: int, tokens: int = 500, agent: str = "FORGE") -> Session:
    """A session that reads one file `count` times."""
    session = optimizer.start_session(agent, "read", "opus")
    for _ in range(count):
        optimizer.log_event(session.id, EventType.FILE_READ, {"file_path": "/a.py"}, tokens_input=tokens)
    return session

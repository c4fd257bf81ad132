"""The quick functions: what `SessionOptimizer` does, on one default instance."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.optimizer import SessionOptimizer
from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus

if TYPE_CHECKING:
    from otel_sessionopt.report import OptimizationReport

_default: SessionOptimizer | None = None
_default_lock: Final = threading.Lock()


def get_optimizer(storage_path: str | Path | None = None) -> SessionOptimizer:
    """The default instance, made when it is first asked for; anew when another `storage_path` is given."""
    global _default
    with _default_lock:
        is_elsewhere = (
            storage_path is not None
            and _default is not None
            and _default.storage_path != Path(storage_path).expanduser()
        )
        if _default is None or is_elsewhere:
            _default = SessionOptimizer(storage_path)
        return _default


def start_session(
    agent: str,
    task: str,
    model: str = "default",
    session_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Session:
    """`SessionOptimizer.start_session` of the default instance."""
    return get_optimizer().start_session(agent, task, model, session_id, metadata)


def end_session(session_id: str, status: SessionStatus | str = SessionStatus.COMPLETED) -> Session | None:
    """`SessionOptimizer.end_session` of the default instance."""
    return get_optimizer().end_session(session_id, status)


def log_event(
    session_id: str,
    event_type: EventType | str,
    data: Mapping[str, Any] | None = None,
    tokens_input: int = 0,
    tokens_output: int = 0,
    duration_ms: float = 0,
) -> SessionEvent | None:
    """`SessionOptimizer.log_event` of the default instance."""
    return get_optimizer().log_event(session_id, event_type, data, tokens_input, tokens_output, duration_ms)


def analyze_session(session_id: str) -> OptimizationReport | None:
    """`SessionOptimizer.analyze` of the default instance."""
    return get_optimizer().analyze(session_id)


def get_agent_stats(agent: str, days: int = 30) -> dict[str, Any]:
    """`SessionOptimizer.agent_statistics` of the default instance."""
    return get_optimizer().agent_statistics(agent, days)

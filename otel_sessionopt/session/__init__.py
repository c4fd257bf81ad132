"""The session: what one trace says, in order, and the facts derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus
from otel_sessionopt.session.release import Release, ReleaseReason

if TYPE_CHECKING:
    from otel_sessionopt.session.build import build_session as build_session

__all__ = ["EventType", "Release", "ReleaseReason", "Session", "SessionEvent", "SessionStatus", "build_session"]


def __getattr__(name: str) -> Any:
    # Loaded when first used: it needs the dialects, and to record an event by hand, a process of its own, does not.
    if name != "build_session":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from otel_sessionopt.session.build import build_session

    return build_session

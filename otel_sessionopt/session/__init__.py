"""The session: what one trace says, in order, and the facts derived from it."""

from otel_sessionopt.session.build import build_session
from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus
from otel_sessionopt.session.release import Release, ReleaseReason

__all__ = ["EventType", "Release", "ReleaseReason", "Session", "SessionEvent", "SessionStatus", "build_session"]

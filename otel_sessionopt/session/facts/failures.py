"""Failures: the events that failed or say that something did."""

from __future__ import annotations

from otel_sessionopt.session.model import EventType, Session, SessionEvent


def failed_events(session: Session) -> tuple[SessionEvent, ...]:
    """Events with an error, and those that are nothing else, in order. Most sessions have few: rules ask here first."""
    return session.fact(_compute_failed_events)


def _compute_failed_events(session: Session) -> tuple[SessionEvent, ...]:
    return tuple([event for event in session.events if event.error is not None or event.event_type is EventType.ERROR])

"""Adds sessions to a store without losing or overwriting what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_sessionopt.history.known_shape import session_from_json

if TYPE_CHECKING:
    from otel_sessionopt.session.model import Session
    from otel_sessionopt.store.protocol import Store


def add_under_free_id(store: Store, session: Session) -> None:
    """Add a session; where its id is taken it gets the first free one with a number behind it."""
    own, number = session.id, 1
    while not store.add(session):
        number += 1
        session.id = f"{own}_{number}"


def import_json(store: Store, data: object) -> str | None:
    """Add the session that a JSON value is; gives its id, `None` when the value is no session.

    A session that is there already is replaced where the given one has all of its events. Otherwise it stays, and the
    given one is added under another id.
    """
    session = session_from_json(data)
    if session is None:
        return None
    while not store.add(session):
        known = store.load(session.id)
        if known is None:
            continue  # it was deleted meanwhile
        has_all = {event.id for event in known.session.events} <= {event.id for event in session.events}
        if not has_all or not known.session.is_recorded:
            add_under_free_id(store, session)
            break
        if store.replace(session, known.event_count):
            break
    return session.id

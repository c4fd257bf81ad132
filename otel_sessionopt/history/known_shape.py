"""Sessions in the known JSON shape, as this tool and the earlier one write it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus

MAX_TOKENS: Final = 10**12
"""No event has a trillion tokens, and none lasts 30 years in milliseconds; such a number is an overflow."""


def session_from_json(data: object) -> Session | None:
    """The session that a JSON value is, or `None` when it is none. The value stays as it is.

    Names of statuses and event types may be in any letter case. An event that names its model in `data` is of that
    model, and ids that occur twice are told apart, because evidence and prices go by them.
    """
    data = _plain(data)
    if not isinstance(data, dict):
        return None
    events = data.get("events")
    shape = {
        **data,
        "status": _name(data.get("status"), SessionStatus),
        "events": [_event_shape(each) for each in events] if isinstance(events, list) else events,
    }
    try:
        session = Session.from_dict(shape)
    except ValueError:
        return None
    if not session.id.strip() or not _is_believable(session):
        return None
    _tell_events_apart(session.events)
    return session


def model_in(data: Mapping[str, Any]) -> str | None:
    """The model that an event's `data` names, in lower case like those of sessions."""
    model = data.get("model")
    return model.strip().lower() or None if isinstance(model, str) else None


def _is_believable(session: Session) -> bool:
    numbers = [session.total_tokens_input, session.total_tokens_output, session.total_duration_ms]
    for event in session.events:
        numbers += (event.tokens_input, event.tokens_output, event.duration_ms)
    return max(numbers) <= MAX_TOKENS


def _tell_events_apart(events: Sequence[SessionEvent]) -> None:
    taken = {event.id for event in events}
    seen: Counter[str] = Counter()
    for event in events:
        seen[event.id] += 1
        if seen[event.id] == 1:
            continue
        own = event.id
        while own in taken:
            own = f"{event.id}-{seen[event.id]}"
            seen[event.id] += own in taken
        taken.add(own)
        event.id = own


def _plain(data: object) -> object:
    """A copy of plain JSON values; half characters, which no file can hold, are replaced. `None` where it is none."""
    try:
        text = json.dumps(dict(data) if isinstance(data, Mapping) else data, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return None
    plain: object = json.loads(text.encode("utf-8", "replace"), parse_constant=lambda _: None)
    return plain


def _event_shape(event: object) -> object:
    if not isinstance(event, Mapping):
        return event
    data = event.get("data")
    model = event.get("model") or (model_in(data) if isinstance(data, Mapping) else None)
    return {**event, "event_type": _name(event.get("event_type"), EventType), "model": model}


def _name(value: object, kind: type[SessionStatus] | type[EventType]) -> object:
    upper = value.strip().upper() if isinstance(value, str) else value
    return upper if upper in kind.__members__ else value

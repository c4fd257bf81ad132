"""Events as they are recorded: what is given is checked and made plain before it reaches a store."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar

from otel_sessionopt.errors import RecordingError
from otel_sessionopt.history.known_shape import MAX_TOKENS, model_in
from otel_sessionopt.session.model import EventType, SessionEvent
from otel_sessionopt.session.times import ns_from_iso

E = TypeVar("E", bound=Enum)

_SPAN_ID_BYTES: Final = 8
_NOT_IN_AN_ID: Final = re.compile(r"[^\w.-]+")


def new_event(
    event_type: EventType,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    tokens_input: int = 0,
    tokens_output: int = 0,
    duration_ms: float = 0,
) -> SessionEvent:
    """An event that happens at `now`, with an id that is a span id. Raises `RecordingError` on what cannot be kept."""
    plain = plain_json("data", data)
    return SessionEvent(
        id=_new_id(),
        timestamp=now.isoformat(),
        event_type=event_type,
        data=plain,
        tokens_input=_tokens("tokens_input", tokens_input),
        tokens_output=_tokens("tokens_output", tokens_output),
        duration_ms=_duration(duration_ms),
        model=model_in(plain),
    )


def member_named(kind: type[E], value: E | str, what: str, *, without: E | None = None) -> E:
    """The member that `value` is or names, in any letter case. `without` is a member that is not allowed here."""
    allowed = [member for member in kind if member is not without]
    name = value.value if isinstance(value, kind) else value
    if isinstance(name, str):
        wanted = name.strip().upper().replace("-", "_")
        for member in allowed:
            if member.value == wanted:
                return member
    shown = repr(name) if isinstance(name, str) else type(name).__name__
    raise RecordingError(f"{what} {shown} is not allowed; allowed are {', '.join(str(each.value) for each in allowed)}")


def plain_text(name: str, value: object) -> str:
    """`value`, which must be a text; what no encoding has is replaced."""
    if not isinstance(value, str):
        raise RecordingError(f"{name} is {type(value).__name__}; a text is wanted")
    return value.encode("utf-8", "replace").decode("utf-8")


def plain_json(name: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
    """`value` as JSON gives it back: a copy. What JSON has no form for is kept as text."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RecordingError(f"{name} is {type(value).__name__}; a mapping is wanted")
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(value), default=str, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordingError(f"{name} is no JSON: {error}") from error
    return plain


def default_session_id(agent: str, now: datetime) -> str:
    """`forge_20260121_143000`: agent and local time, fit for a command line and a file name."""
    return f"{_NOT_IN_AN_ID.sub('_', agent.lower())}_{now.astimezone():%Y%m%d_%H%M%S}"


def ns_from_moment(moment: datetime | str) -> int:
    """Nanoseconds since the epoch of a time; naive means local. Raises `RecordingError` where it is none."""
    ns = ns_from_iso(moment.isoformat() if isinstance(moment, datetime) else moment)
    if ns is None:
        raise RecordingError(f"{moment!r} is no time; a datetime or an ISO 8601 text is wanted")
    return ns


def _new_id() -> str:
    while True:
        own = os.urandom(_SPAN_ID_BYTES).hex()
        if own.strip("0"):  # an id of zeros is none
            return own


def _tokens(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_TOKENS or value % 1:
        raise RecordingError(f"{name} is {value!r}; a whole number of at least 0 is wanted")
    return int(value)


def _duration(value: object) -> float:
    # Written so that NaN fails too.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_TOKENS:
        raise RecordingError(f"duration_ms is {value!r}; a number of at least 0 is wanted")
    return value

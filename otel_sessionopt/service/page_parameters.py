"""What the query of an address asks for, checked. Used by the pages and by the API alike."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from otel_sessionopt.service.history_views import MOST_PER_PAGE, PAGE_SIZE, SORTS, SessionFilter
from otel_sessionopt.session.model import SessionStatus
from otel_sessionopt.session.times import NS_PER_SECOND, ns_from_iso

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

_UNIT_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400}
_MOST_OFFSET: Final = 10**9


class ParameterError(ValueError):
    """A parameter that cannot be used; the message says which, and what is allowed."""


def session_filter(query: QueryParams) -> SessionFilter:
    """Which sessions are wanted. Raises `ParameterError`."""
    status = query.get("status", "").upper()
    if status and status not in SessionStatus.__members__:
        raise ParameterError(f"status: one of {', '.join(SessionStatus.__members__)} is wanted")
    sort = query.get("sort") or "started"
    if sort not in SORTS:
        raise ParameterError(f"sort: one of {', '.join(SORTS)} is wanted")
    order = query.get("order") or ("ascending" if sort in ("agent", "task") else "descending")
    if order not in ("ascending", "descending"):
        raise ParameterError("order: ascending or descending is wanted")
    return SessionFilter(
        agent=query.get("agent", ""),
        status=SessionStatus(status) if status else None,
        search=query.get("search", ""),
        since_ns=since_ns(query.get("since", "")),
        sort=sort,
        is_ascending=order == "ascending",
        offset=_whole(query, "offset", 0, _MOST_OFFSET, 0),
        limit=_whole(query, "limit", 1, MOST_PER_PAGE, PAGE_SIZE),
    )


def since_ns(text: str) -> int | None:
    """A time in epoch ns: an ISO 8601 time, or how long ago (`90m`, `24h`, `7d`). Raises `ParameterError`."""
    if not text:
        return None
    number, unit = text[:-1], text[-1:].lower()
    if number.isdecimal() and len(number) <= 6 and unit in _UNIT_SECONDS:
        return time.time_ns() - int(number) * _UNIT_SECONDS[unit] * NS_PER_SECOND
    found = ns_from_iso(text)
    if found is None:
        raise ParameterError("since: a time such as 2026-01-31T12:00:00Z, or 90m, 24h, 7d is wanted")
    return found


def hours(query: QueryParams, default: int) -> int:
    """How far back, in hours. Raises `ParameterError`."""
    return _whole(query, "hours", 1, 24 * 3650, default)


def _whole(query: QueryParams, name: str, least: int, most: int, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 10 or not least <= int(text) <= most:
        raise ParameterError(f"{name}: a whole number from {least:,} to {most:,} is wanted")
    return int(text)

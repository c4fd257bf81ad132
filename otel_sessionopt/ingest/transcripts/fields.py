"""Typed access to fields of decoded JSON that nobody promised: a wrong type counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_END_NS: Final = 2**63  # the year 2262; what is later fits no span
_NOTHING: Final[Mapping[str, Any]] = {}


def text_at(holder: Mapping[str, Any], key: str) -> str:
    """The text under a key, else empty."""
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def count_at(holder: Mapping[str, Any], key: str) -> int:
    """The number of something under a key, else 0."""
    value = holder.get(key)
    return value if isinstance(value, int) and value > 0 and not isinstance(value, bool) else 0


def mapping_at(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key, else an empty one."""
    value = holder.get(key)
    return value if isinstance(value, dict) else _NOTHING


def mappings_at(holder: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects in the array under a key; what is no object is left out."""
    value = holder.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def time_at(holder: Mapping[str, Any], key: str) -> int | None:
    """The ISO 8601 time under a key in ns since 1970, UTC where no zone is given; `None` where there is none."""
    try:
        time = datetime.fromisoformat(text_at(holder, key).replace("Z", "+00:00"))  # Python 3.10 knows no Z
    except ValueError:
        return None
    since = (time if time.tzinfo else time.replace(tzinfo=timezone.utc)) - _EPOCH
    ns = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
    return ns if 0 <= ns < _END_NS else None


def time_ms_at(holder: Mapping[str, Any], key: str) -> int:
    """The time in milliseconds since 1970 under a key in ns, else 0."""
    ns = count_at(holder, key) * 1_000_000
    return ns if ns < _END_NS else 0

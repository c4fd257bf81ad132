"""Time stamps of sessions: ISO 8601 text on the outside, nanoseconds since the epoch inside."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache

NS_PER_SECOND = 1_000_000_000
NS_PER_MS = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Python 3.10 reads neither a Z nor other than 3 or 6 digits of a second; spans have nine.
_FRACTION = re.compile(r"[.,](\d+)")
_MAX_NS = 253_402_300_800 * NS_PER_SECOND  # year 10000, where `datetime` ends


def ns_from_iso(text: str) -> int | None:
    """Nanoseconds since the epoch of an ISO 8601 time; without an offset it is local time. `None` if it is none."""
    text = text.strip()
    fraction = _FRACTION.search(text)
    nanoseconds = 0
    if fraction:
        nanoseconds = int(fraction.group(1)[:9].ljust(9, "0"))
        text = text[: fraction.start()] + text[fraction.end() :]
    if text[-1:] in ("Z", "z"):
        text = text[:-1] + "+00:00"
    try:
        moment = datetime.fromisoformat(text).astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError):  # the last two: local time next to the ends of the calendar
        return None
    return (moment - _EPOCH) // timedelta(seconds=1) * NS_PER_SECOND + nanoseconds


def iso_from_ns(ns: int) -> str:
    """ISO 8601 time in UTC with as many digits as needed: `2026-01-31T12:00:00+00:00`, `…:00.250000+00:00`.

    Times that no calendar has (a clock that ran wild) are held at its ends.
    """
    seconds, fraction = divmod(min(max(ns, 0), _MAX_NS - 1), NS_PER_SECOND)
    minutes, seconds = divmod(seconds, 60)
    text = f"{_iso_minute(minutes)}:{seconds:02d}"
    if not fraction:
        return text + "+00:00"
    if fraction % 1000:
        return f"{text}.{fraction:09d}+00:00"
    return f"{text}.{fraction // 1000:06d}+00:00"


@lru_cache(maxsize=64)  # spans that come one after the other share their minute
def _iso_minute(minutes: int) -> str:
    return (_EPOCH + timedelta(minutes=minutes)).isoformat()[: len("2026-01-31T12:00")]

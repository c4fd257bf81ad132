"""Trace and span ids of sessions recorded by hand: hashes, so that the same recording is always the same trace."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from otel_sessionopt.session.model import Session

_SEPARATOR: Final = "\x1f"
_SPAN_ID_DIGITS: Final = 16
_HEX: Final = frozenset("0123456789abcdef")


def trace_id_of(session: Session) -> int:
    """128-bit trace id of a recording. Its start is part of it: an id such as `forge_20260121_143000` is not unique."""
    return _hash(session.id, session.started_at, size=16)


def root_span_id_of(session: Session) -> int:
    """64-bit id of the span that stands for the whole recording."""
    return _hash(session.id, session.started_at, size=8)


def span_id_of(event_id: str) -> int:
    """64-bit span id of an event: the id itself where it is one in hex, as those of events logged here are."""
    if len(event_id) == _SPAN_ID_DIGITS and _HEX.issuperset(event_id) and event_id.strip("0"):
        return int(event_id, 16)
    return _hash(event_id, size=8)


def _hash(*parts: str, size: int) -> int:
    digest = blake2b(_SEPARATOR.join(parts).encode("utf-8", "surrogatepass"), digest_size=size).digest()
    return int.from_bytes(digest, "big") or 1  # 0 is no valid id

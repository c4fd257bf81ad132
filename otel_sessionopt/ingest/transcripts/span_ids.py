"""Ids for spans of transcripts: hashes of ids in them, so that equal things have equal ids in every run and file."""

from __future__ import annotations

from hashlib import sha256


def trace_id_of(session_id: str) -> int:
    """Trace id of a session."""
    return int.from_bytes(_digest(session_id)[:16], "big") or 1


def span_id_of(session_id: str, kind: str, key: str) -> int:
    """Span id of one thing in a session, named by its kind and its own id."""
    return int.from_bytes(_digest(f"{session_id}\0{kind}\0{key}")[:8], "big") or 1


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()

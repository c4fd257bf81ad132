"""All kinds of waste that can be planted, and those that cannot."""

from __future__ import annotations

from typing import Final

from .kinds import answers, caches, contexts, reads, repeats, results, retries, sessions
from .planting import Kind

KINDS: Final[tuple[Kind, ...]] = (
    *reads.KINDS,
    *repeats.KINDS,
    *retries.KINDS,
    *results.KINDS,
    *caches.KINDS,
    *answers.KINDS,
    *contexts.KINDS,
    *sessions.KINDS,
)
NOT_PLANTABLE: Final = {"unused-tools": "transcripts hold no tool definitions"}

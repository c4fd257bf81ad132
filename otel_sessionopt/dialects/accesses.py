"""File accesses, shared: agents come back to the same files, and one object for equal accesses saves memory."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from otel_sessionopt.dialects.digest import FileAccess

# Files a session works on, with room for several sessions at once; about 0.5 MB when full.
_MAX_SHARED: Final = 2048


@lru_cache(maxsize=_MAX_SHARED)
def read_access(path: str, first_line: int | None = None, last_line: int | None = None) -> tuple[FileAccess]:
    """A read of a file, of these lines or of all, as the one access of a call."""
    return (FileAccess(path, False, first_line, last_line),)


@lru_cache(maxsize=_MAX_SHARED)
def write_access(path: str) -> tuple[FileAccess]:
    """A change of a file, as the one access of a call."""
    return (FileAccess(path, True),)


def join_accesses(accesses: list[tuple[FileAccess]]) -> tuple[FileAccess, ...]:
    """The accesses of one call, in order, each once."""
    if len(accesses) == 1:
        return accesses[0]
    return tuple(dict.fromkeys(access for (access,) in accesses))

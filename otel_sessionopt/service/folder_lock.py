"""`FolderLock`: one service to a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from otel_sessionopt.errors import SessionOptError

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


class FolderLock:
    """Held until `release` or the death of the process.

    Raises:
        SessionOptError: another service has it, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        except OSError as error:
            raise SessionOptError(f"{folder}: cannot be written: {error.strerror}") from error
        try:
            _lock(self._file)
        except OSError as error:
            os.close(self._file)
            raise SessionOptError(f"{folder}: another service is using it; --data chooses another folder") from error

    def release(self) -> None:
        """Let others have it."""
        os.close(self._file)


def _lock(file: int) -> None:
    try:
        import fcntl
    except ImportError:
        import msvcrt  # Windows

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]  # not on this system
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

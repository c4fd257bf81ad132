"""File paths made comparable: two calls that mean one file get one path."""

from __future__ import annotations

import ntpath
import posixpath
import re
import sys
from typing import Final
from urllib.parse import unquote

# PATH_MAX of Linux; a longer text in a path argument is no path.
MAX_PATH_CHARS: Final = 4096

_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_FILE_URI: Final = re.compile(r"file://(?:localhost)?(/.*)", re.DOTALL)
# Anything that `normpath` would change: empty, `.` and `..` segments, a trailing slash.
_UNTIDY: Final = re.compile(r"//|(?:^|/)\.{1,2}(?:/|$)|.\/$")


def normalise_path(path: str, workdir: str | None) -> str | None:
    """An absolute, tidy path where that can be known.

    `./`, `//` and `..` go, a relative path is joined with `workdir`, `file://` becomes a path; `~` and Windows paths
    stay what they are. Symbolic links are not looked at: nothing is read from the disk.

    Returns:
        The path, shared with equal ones; `None` for an empty text or one that cannot be a path.
    """
    path = path.strip()
    if not path or len(path) > MAX_PATH_CHARS or "\n" in path or "\0" in path:
        return None
    if path.startswith("file://"):
        uri = _FILE_URI.fullmatch(path)
        if uri is None:
            return sys.intern(path)
        path = unquote(uri[1])
        if _DRIVE.match(path, 1):  # file:///C:/…
            path = path[1:]
    if _DRIVE.match(path) or path.startswith("\\\\"):
        return sys.intern(ntpath.normpath(path))
    if "://" in path or path.startswith("~"):
        return sys.intern(path)
    if not path.startswith("/") and workdir:
        if _DRIVE.match(workdir):
            return sys.intern(ntpath.normpath(ntpath.join(workdir, path)))
        path = f"{workdir}/{path}"
    return sys.intern(posixpath.normpath(path) if _UNTIDY.search(path) else path)

"""Which files are meant by the paths that a person gives."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from otel_sessionopt.errors import InputError

STANDARD_INPUT: Final = "-"
_FILE_NAME: Final = re.compile(r".+\.(json|jsonl|ndjson|pb|bin|otlp|proto|db)(\.(gz|xz|zst|zstd))?", re.IGNORECASE)
"""Files of a folder that are worth opening; what they are is found out by their content."""
_FOREIGN_FOLDERS: Final = frozenset({"node_modules", "__pycache__"})  # much JSON, never a trace
_ALLOWED: Final = "give files, folders, globs, or - for standard input"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file to read.

    Attributes:
        path: where it is; `None` for standard input.
        size: bytes as stored, for showing progress; `None` where it cannot be known (a pipe).
        is_named: a person named this very file, so that it is an error if it cannot be read; otherwise it was found
            in a folder.
        label: how messages name it where its path would say nothing to a person.
    """

    path: Path | None
    size: int | None = None
    is_named: bool = True
    label: str = ""

    @property
    def source(self) -> str:
        """How messages name it."""
        return self.label or (STANDARD_INPUT if self.path is None else str(self.path))


def find_inputs(paths: Sequence[str | Path], on_error: Callable[[InputError], None]) -> list[InputFile]:
    """The files meant, each once, in the order given; those of a folder by name, deeper ones after.

    Args:
        paths: files, folders (searched through, hidden ones inside left out), globs (`**` included), `-`.
        on_error: is told of each path that leads to nothing; the others are still given.
    """
    found: dict[str, InputFile] = {}
    for path in paths:
        for file in _expand(str(path), on_error):
            key = STANDARD_INPUT if file.path is None else str(file.path.absolute())
            known = found.setdefault(key, file)
            if file.is_named and not known.is_named:
                found[key] = replace(known, is_named=True)
    return list(found.values())


def changed_since(files: Sequence[InputFile], since_s: float) -> list[InputFile]:
    """Those written to since a time in seconds since 1970; a file that a person named is one of them whenever that was.

    What lies in a folder beside a file of that name (`<session>.jsonl`, `<session>/subagents/…`) goes with that file.
    """
    recent = {file.path.with_suffix("") for file in files if file.path is not None and _is_recent(file.path, since_s)}
    return [
        file
        for file in files
        if file.is_named or file.path is None or not recent.isdisjoint((file.path.with_suffix(""), *file.path.parents))
    ]


def _is_recent(path: Path, since_s: float) -> bool:
    try:
        return path.stat().st_mtime >= since_s
    except OSError:
        return True  # reading it will tell


def _expand(path: str, on_error: Callable[[InputError], None]) -> Iterator[InputFile]:
    if path == STANDARD_INPUT:
        yield InputFile(path=None)
    elif os.path.lexists(path):
        yield from _files_at(Path(path), on_error)
    elif glob.has_magic(path):
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - a Path globs no absolute pattern
        if not matches:
            on_error(InputError(path, "", f"nothing matches; {_ALLOWED}"))
        for match in matches:
            yield from _files_at(Path(match), on_error)
    else:
        on_error(InputError(path, "", f"no such file or folder; {_ALLOWED}"))


def _files_at(path: Path, on_error: Callable[[InputError], None]) -> Iterator[InputFile]:
    if not path.is_dir():
        yield InputFile(path=path, size=_size(path))
        return
    is_empty = True
    for file in _files_below(path, on_error):
        is_empty = False
        yield InputFile(path=file, size=_size(file), is_named=False)
    if is_empty:
        on_error(
            InputError(str(path), "", "no file in this folder has a name that is looked for, such as *.jsonl or *.pb")
        )


def _files_below(folder: Path, on_error: Callable[[InputError], None]) -> Iterator[Path]:
    def tell(error: OSError) -> None:
        on_error(InputError(str(error.filename), "", f"cannot be searched: {error.strerror}"))

    for current, folders, files in os.walk(folder, onerror=tell):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _FOREIGN_FOLDERS)
        for name in sorted(files):
            if _FILE_NAME.fullmatch(name):
                yield Path(current, name)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None  # reading it will tell

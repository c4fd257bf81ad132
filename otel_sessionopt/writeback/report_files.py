"""Report files: written whole or not at all, readable by their owner only."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final, TextIO

from otel_sessionopt.errors import ConfigError
from otel_sessionopt.report import OptimizationReport, as_html, as_json, as_markdown, as_text

FORMATS: Final[Mapping[str, Callable[[OptimizationReport], str]]] = {
    "json": as_json,
    "md": as_markdown,
    "txt": as_text,
    "html": as_html,
}
"""File suffix → renderer."""

_FOLDER_MODE: Final = 0o700
_NAME_LIMIT: Final = 100
_RESERVED: Final = re.compile(r"(?i)^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$")  # devices on Windows, with any suffix


def write_report(
    report: OptimizationReport,
    folder: Path,
    formats: Sequence[str] = ("json", "md", "txt", "html"),
    *,
    jaeger_url: str | None = None,
    renderers: Mapping[str, Callable[[OptimizationReport], str]] | None = None,
) -> list[Path]:
    """Write `report` as `<id>_report.<format>` for each of `formats` and give the paths.

    A reader sees the old file or the new one, never a part: each form is written beside its place and moved there. A
    later report of the same session replaces the earlier one; of two writers at once the last wins, whole. The folder
    is made, for its owner only, when it is not there (`~` is the home folder); files are for their owner only (0600).
    The HTML form links to the trace in the Jaeger UI at `jaeger_url`.

    Args:
        report, folder, formats: what, where, and in which forms.
        renderers: by format in place of `FORMATS`, where a form is to be written in another way.

    Raises:
        ConfigError: a format is unknown; nothing was written.
        OSError: the folder or a file cannot be written. No temporary file stays; forms before the failed one do.
    """
    for form in formats:
        if form not in FORMATS:
            raise ConfigError(f"report format {form!r} is unknown; known are {', '.join(FORMATS)}")
    folder = folder.expanduser()
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    stem = file_stem(report.session_id)
    paths = []
    for form in dict.fromkeys(formats):
        path = folder / f"{stem}_report.{form}"
        text = as_html(report, jaeger_url=jaeger_url) if form == "html" else (renderers or FORMATS)[form](report)
        replace_file(path, text)
        paths.append(path)
    return paths


def file_stem(session_id: str) -> str:
    """`session_id` as a part of a file name on every system; different ids stay different, letter case apart.

    Ids of letters, digits, `-`, `_` and inner `.` are kept. In others, every other character becomes `_` and a hash of
    the whole id is added.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", session_id).strip(".")[:_NAME_LIMIT]
    if safe == session_id and safe and not _RESERVED.match(safe.partition(".")[0]):
        return safe
    digest = blake2b(session_id.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{safe or 'session'}-{digest}"


def replace_file(path: Path, text: str) -> None:
    """Put `text` (UTF-8) at `path` in one move. The file is for its owner only."""
    with replaced_file(path) as file:
        file.write(text)


@contextmanager
def replaced_file(path: Path) -> Iterator[TextIO]:
    """A file to write, which takes the place of `path` in one move when the block ends and vanishes when it raises.

    No fsync: after a power cut the old report may be back, which costs less than waiting for the disk does.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".tmp", dir=path.parent)  # made 0600
    except OSError as error:
        error.filename = str(path)  # and not a name that nobody gave
        raise
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

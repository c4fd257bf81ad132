"""What `analyze` reads when no path is given: the transcripts that coding agents keep on this computer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import click

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.inputs import InputFile, changed_since
from otel_sessionopt.ingest.jaeger_api import parse_since
from otel_sessionopt.ingest.transcripts.usual_places import usual_places
from otel_sessionopt.report.figures import count


def duration_of(since: str | None) -> timedelta | None:
    """What `--since` asks for. Raises `click.UsageError`."""
    try:
        return None if since is None else parse_since(since)
    except ValueError as error:
        raise click.UsageError(f"--since: {error}") from None


def recent(files: Sequence[InputFile], since: timedelta | None) -> list[InputFile]:
    """The files that were named, and of those found those that changed within `since` before now."""
    return list(files) if since is None else changed_since(files, time.time() - since.total_seconds())


def find_usual_inputs(
    environ: Mapping[str, str], home: Path, since: timedelta | None, on_error: Callable[[InputError], None]
) -> list[InputFile]:
    """The transcripts in the usual places of all tools; says on standard error which there are.

    Where there are none, that is told to `on_error` with the places that were looked at.
    """
    found: list[InputFile] = []
    looked_at: list[str] = []
    is_any_old = False
    for place in usual_places(environ, home):
        every = place.files()
        files = recent(every, since)
        is_any_old = is_any_old or len(files) < len(every)
        looked_at.append(str(place.folder))
        if files:
            click.echo(f"{place.tool}: {count(len(files), place.noun)} in {place.folder}", err=True)
        found += files
    if not found:
        what = "no transcript has changed in that time" if is_any_old else "no transcript of a coding agent is here"
        wanted = "give files, folders or globs to read, or see `sessionoptimizer demo`"
        on_error(InputError(what, "", f"looked in {', '.join(looked_at)}; {wanted}"))
    return found

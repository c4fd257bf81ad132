"""Arguments of `analyze` that name a Jaeger: its traces are fetched and read like files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.inputs import InputFile
from otel_sessionopt.ingest.jaeger_api import (
    JaegerSearch,
    fetch_traces,
    is_jaeger_address,
    parse_address,
    parse_since,
)


def split_paths(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments that name a Jaeger, and the others."""
    addresses = [path for path in paths if is_jaeger_address(path)]
    return addresses, [path for path in paths if path not in addresses]


def search_of(addresses: Sequence[str], service: str | None, since: str, limit: int) -> JaegerSearch | None:
    """What `--service`, `--since` and `--limit` ask for; `None` without a service. Raises `click.UsageError`."""
    if service is None:
        return None
    if not addresses:
        raise click.UsageError("--service is for traces in a Jaeger; give its address too: jaeger://localhost:16686")
    try:
        return JaegerSearch(service=service, since=parse_since(since), limit=limit)
    except ValueError as error:
        raise click.UsageError(f"--since: {error}") from None


def fetch_inputs(
    addresses: Sequence[str], search: JaegerSearch | None, into: Path, on_error: Callable[[InputError], None]
) -> list[InputFile]:
    """Files in the folder `into` with the traces that were asked for; what could not be had is told to `on_error`."""
    found: list[InputFile] = []
    for text in addresses:
        try:
            path = fetch_traces(parse_address(text), search, datetime.now(timezone.utc), into)
        except InputError as error:
            on_error(error)
        else:
            found.append(InputFile(path=path, size=path.stat().st_size, label=text))
    return found

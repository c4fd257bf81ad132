"""What the commands for recordings and their history share."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from otel_sessionopt.errors import RecordingError

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings
    from otel_sessionopt.optimizer import SessionOptimizer

EMPTY_HISTORY: Final = "`sessionoptimizer start` records one, `analyze --save` keeps those of files."
"""How a history gets its first session."""
F = TypeVar("F", bound=Callable[..., Any])


class RecordingCommand(click.Command):
    """A command that tells wrong use in one line, without the usage before it: scripts log what it says."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As in `click`; an error is shown without the usage."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            error.ctx = None
            raise


def storage_option(function: F) -> F:
    """`--storage`, as `storage`."""
    return click.option(
        "--storage",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Folder of the history, instead of the setting history.folder (~/.sessionoptimizer).",
    )(function)


def json_option(function: F) -> F:
    """`--json`, as `is_json`."""
    return click.option("--json", "is_json", is_flag=True, help="Print JSON.")(function)


def open_optimizer(storage: Path | None, settings: Settings | None = None) -> SessionOptimizer:
    """The recordings and the history; with the rules and prices of `settings` where something is to be analysed."""
    from otel_sessionopt.optimizer import SessionOptimizer

    _show_warnings()
    if settings is None:
        return SessionOptimizer(storage)
    from otel_sessionopt.analyzers.catalog import build_analyzers
    from otel_sessionopt.pricing import Catalog

    return SessionOptimizer(
        settings.history.folder if storage is None else storage,
        build_analyzers(settings.rules, source="settings"),
        prices=Catalog(settings.prices),
        ignore_paths=settings.ignore_paths,
    )


def configured_optimizer(storage: Path | None) -> SessionOptimizer:
    """`open_optimizer` with the settings in force."""
    from otel_sessionopt.config import load_settings

    return open_optimizer(storage, load_settings())


def no_session(session_id: str) -> RecordingError:
    """What to raise where there is no session of that id."""
    return RecordingError(f"there is no session {session_id!r}; `sessionoptimizer list` shows those there are")


def known_id(optimizer: SessionOptimizer, name: str) -> str:
    """The id of the session that `name` means: its id, that of one of its traces, or its first characters."""
    session_id = optimizer.id_of(name)
    if session_id is None:
        raise no_session(name)
    return session_id


def print_json(value: object) -> None:
    """Print a JSON document. ASCII only: valid whatever the encoding of the terminal or pipe is."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def is_terminal() -> bool:
    """Whether a person reads standard output; otherwise it is a pipe or a file."""
    return sys.stdout.isatty()


class _StandardError(logging.Handler):
    """Warnings of the package as one line each on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one."""
        click.echo(f"{record.levelname.lower()}: {' '.join(record.getMessage().split())}", err=True)


def _show_warnings() -> None:
    logger = logging.getLogger("otel_sessionopt")
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        logger.addHandler(_StandardError(logging.WARNING))
        logger.propagate = False

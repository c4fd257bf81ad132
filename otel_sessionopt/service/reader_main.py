"""The reader process's main function, which loads nothing until it runs there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from otel_sessionopt.config import Settings


def main(connection: Connection, folder: Path, settings: Settings) -> None:
    """See `reader_process.run_reader`."""
    from otel_sessionopt.service.reader_process import run_reader

    run_reader(connection, folder, settings)

"""The history in a folder: one SQLite file, and what the earlier tool left there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from otel_sessionopt.history.takeover import FOLDER_NAME, take_over
from otel_sessionopt.store.protocol import Store
from otel_sessionopt.store.sqlite import SqliteStore

DATABASE_NAME: Final = "history.db"


def open_history(folder: Path) -> Store:
    """The store of the history in `folder`, made when it is not there; sessions of the earlier tool are taken over."""
    folder = folder.expanduser()
    store = SqliteStore(folder / DATABASE_NAME)
    take_over(store, folder)
    return store


def has_history(folder: Path) -> bool:
    """Whether there is one in `folder`, or something to take over. Makes nothing."""
    folder = folder.expanduser()
    return (folder / DATABASE_NAME).exists() or (folder / FOLDER_NAME).is_dir()

"""Progress on standard error: only on a terminal, and only when it takes long."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE_SECONDS: Final = 1.0
"""Shorter runs show no bar: it would only flicker."""


class ReadingProgress:
    """A bar of bytes read, then a count of sessions analysed. Used as a context manager; not thread-safe.

    Args:
        total_bytes: of all inputs; 0 when unknown (standard input).
        is_wanted: whether to show anything at all.
    """

    def __init__(self, total_bytes: int, *, is_wanted: bool) -> None:
        self._total_bytes = total_bytes
        self._is_wanted = is_wanted and sys.stderr.isatty()
        self._started = monotonic()
        self._bytes = 0
        self._sessions = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ReadingProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bar; it comes back with further progress."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_bytes(self, count: int) -> None:
        """`count` further bytes were read."""
        self._bytes += count
        self._show()

    def on_session(self) -> None:
        """One session was analysed."""
        self._sessions += 1
        if sys.stdout.isatty():  # from now on reports come to the same screen
            self._is_wanted = False
            self.close()
        self._show()

    def _show(self) -> None:
        if not self._is_wanted or monotonic() - self._started < _PATIENCE_SECONDS:
            return
        if self._bar is None or self._task is None:
            self._bar, self._task = _new_bar(self._total_bytes)
        doing = f"analysed {self._sessions:,} sessions" if self._sessions else "reading"
        self._bar.update(self._task, completed=self._bytes, description=doing)


def _new_bar(total_bytes: int) -> tuple[Any, Any]:
    # Imported here: `rich` costs more to load than most runs take.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # reports go to standard output, wherever that leads; errors go above the bar
    )
    bar.start()
    return bar, bar.add_task("reading", total=total_bytes or None)

"""The progress bar: not unless it takes long, and not unless somebody sees it."""

from __future__ import annotations

import io
import sys

import pytest

from otel_sessionopt.cli import progress
from otel_sessionopt.cli.progress import ReadingProgress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def shown(
    monkeypatch: pytest.MonkeyPatch, clock: list[float], *, terminal: bool, seconds: float, is_wanted: bool = True
) -> str:
    stream = _Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with ReadingProgress(100, is_wanted=is_wanted) as bar:
        clock[0] = seconds
        bar.on_bytes(50)
        bar.on_session()
    return stream.getvalue()


def test_a_long_run_on_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    assert "analysed 1" in shown(monkeypatch, clock, terminal=True, seconds=1.1)


@pytest.mark.parametrize(
    ("terminal", "seconds", "is_wanted"), [(True, 0.9, True), (False, 60, True), (True, 60, False)]
)
def test_a_short_run_a_pipe_or_a_wish_shows_none(
    terminal: bool, seconds: float, is_wanted: bool, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    assert shown(monkeypatch, clock, terminal=terminal, seconds=seconds, is_wanted=is_wanted) == ""

"""The table of sessions on a terminal and in a pipe."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from otel_sessionopt.cli.session_table import print_sessions
from otel_sessionopt.report.summary import row_of
from tests.report.reports import report_of, wasteful_session

ROW = row_of(report_of(wasteful_session().session()))


def test_a_pipe_gets_plain_aligned_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_sessions([ROW])
    out = capsys.readouterr().out

    assert out.isascii() or "–" in out
    assert "\x1b" not in out
    assert out.splitlines()[1].split() == [
        *("$0.18", "$0.12", "(67%)", "32", "F", "5", "2026-01-05", ROW.session_id[:8]),
        *("make", "the", "tests", "pass"),
    ]  # fmt: skip


def test_a_terminal_gets_colour_and_markup_shows_as_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    print_sessions([replace(ROW, session_id="[bold]not markup[/bold]")])
    out = capsys.readouterr().out

    assert "32 F\x1b[0m" in out
    assert "[bold]not markup[/bold]" in out

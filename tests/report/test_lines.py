"""Lines of plain text: 80 columns, and paths broken where they can be read."""

from __future__ import annotations

from otel_sessionopt.report.lines import WIDTH, wrap

PATH = "/Users/dev/Work/entire/devenv/cli/cmd/entire/cli/hooks/claudecode/handlers/session_start.go"


def test_a_path_longer_than_a_line_is_broken_behind_a_slash() -> None:
    assert wrap(f"2 of 3 reads of {PATH} brought back only lines already shown.", "   ") == [
        "   2 of 3 reads of /Users/dev/Work/entire/devenv/cli/cmd/entire/cli/hooks/",
        "   claudecode/handlers/session_start.go brought back only lines already shown.",
    ]


def test_a_path_that_fits_a_line_stays_whole() -> None:
    lines = wrap(f"12,033 tokens of {PATH[:70]} entered the context.", "   ")

    assert lines[1].startswith(f"   {PATH[:70]}")


def test_a_name_longer_than_a_line_is_broken_inside() -> None:
    lines = wrap("x" * 200)

    assert "".join(lines) == "x" * 200
    assert max(map(len, lines)) == WIDTH

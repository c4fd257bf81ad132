"""The table of sessions: in colour on a terminal, plain and aligned in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from otel_sessionopt.report.summary import SessionRow
from otel_sessionopt.report.total_forms import COLUMNS, cells, sessions_as_text

_GRADE_STYLES = {"A": "green", "B": "green", "C": "yellow", "D": "yellow", "F": "red"}


def print_sessions(rows: Sequence[SessionRow]) -> None:
    """Print one line a session."""
    if sys.stdout.isatty():
        _print_in_colour(rows)
    else:
        click.echo(sessions_as_text(rows), nl=False)


def _print_in_colour(rows: Sequence[SessionRow]) -> None:
    # Imported here: `rich` is loaded on a terminal only.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "session" else "right", no_wrap=True)
    for row in rows:
        style = _GRADE_STYLES[row.grade] if row.bill.tokens else ""
        # `Text` and not a string: what looks like markup in an id is not markup.
        table.add_row(
            *(
                Text(cell, style=style if name == "score" else "")
                for name, cell in zip(COLUMNS, cells(row), strict=True)
            )
        )
    Console().print(table)

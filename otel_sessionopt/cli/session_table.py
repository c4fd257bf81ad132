"""The table of sessions: in colour on a terminal, plain and aligned in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from otel_sessionopt.report.summary import SessionRow
from otel_sessionopt.report.total_forms import COLUMNS, NUMBERS, sessions_as_text, table_rows

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

    texts = table_rows(rows)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name, *column in zip(COLUMNS, *texts, strict=True):
        # Where the terminal is narrow the task is cut, and no number.
        least = 0 if name == "task" else max(map(len, (name, *column)))
        table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=True, min_width=least)
    for row, cells in zip(rows, texts, strict=True):
        style = _GRADE_STYLES[row.grade] if row.bill.tokens else ""
        # `Text` and not a string: what looks like markup in an id is not markup.
        table.add_row(
            *(Text(cell, style=style if name == "score" else "") for name, cell in zip(COLUMNS, cells, strict=True))
        )
    Console().print(table)

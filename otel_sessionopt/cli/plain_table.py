"""Tables: lines and colours on a terminal, plain and aligned in a pipe."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import click

from otel_sessionopt.cli.recordings import is_terminal

_GAP: Final = 2


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = (), spare: Sequence[str] = ()
) -> None:
    """Print one line a row under the names of the columns; those in `right` are aligned right.

    Of the columns in `spare` a terminal shows as many as it is wide enough for; the first of them go first.
    """
    if is_terminal():
        _print_on_terminal(columns, rows, right, spare)
        return
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(columns, row, widths, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _print_on_terminal(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str], spare: Sequence[str]
) -> None:
    # Imported here: `rich` is loaded on a terminal only.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    kept = _fitting(columns, rows, spare, console.width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP, 0, 0), pad_edge=False)
    for place in kept:
        table.add_column(columns[place], justify="right" if columns[place] in right else "left", overflow="fold")
    for row in rows:
        # `Text` and not a string: what looks like markup in a task is not markup.
        table.add_row(*(Text(row[place]) for place in kept))
    console.print(table)


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str], room: int) -> Sequence[int]:
    """The places of the columns that fit into `room` characters; the spare ones go in their order until they do."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    kept = list(range(len(columns)))
    for name in spare:
        if sum(widths[place] + _GAP for place in kept) - _GAP <= room:
            break
        kept.remove(columns.index(name))
    return kept

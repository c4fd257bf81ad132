"""Tables: lines and colours on a terminal, plain and aligned in a pipe."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import click

from otel_sessionopt.cli.recordings import is_terminal


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()) -> None:
    """Print one line a row under the names of the columns; those in `right` are aligned right."""
    if is_terminal():
        _print_on_terminal(columns, rows, right)
        return
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(columns, row, widths, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _print_on_terminal(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> None:
    # Imported here: `rich` is loaded on a terminal only.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        # `Text` and not a string: what looks like markup in a task is not markup.
        table.add_row(*map(Text, row))
    Console().print(table)

"""`sessionoptimizer list`: the sessions of the history, newest first."""

from __future__ import annotations

from pathlib import Path

import click

from otel_sessionopt.cli.recordings import (
    EMPTY_HISTORY,
    RecordingCommand,
    configured_optimizer,
    json_option,
    print_json,
    storage_option,
)


@click.command("list", cls=RecordingCommand)
@click.option("--agent", metavar="AGENT", help="Only sessions of this agent.")
@click.option("--status", metavar="STATUS", help="Only ACTIVE, COMPLETED, FAILED or ABANDONED sessions.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="At most so many."
)
@click.option("--csv", "is_csv", is_flag=True, help="Print CSV.")
@json_option
@storage_option
def command(
    agent: str | None, status: str | None, limit: int, is_csv: bool, is_json: bool, storage: Path | None
) -> None:
    """List sessions, newest first: recorded by hand, and kept from live agents and files.

    Traces of one conversation are one session, with its traces below it. The first characters of an id, as they are
    shown, are enough for analyze, export and compare.

    \b
    Examples:
      sessionoptimizer list --agent FORGE --status failed
      sessionoptimizer list --limit 1000 --csv > sessions.csv
    """
    from otel_sessionopt.cli.plain_table import print_table
    from otel_sessionopt.cli.session_rows import COLUMNS, RIGHT, ROW_COLUMNS, SPARE, csv_text, row_of, table_rows
    from otel_sessionopt.session.model import SessionStatus

    if is_csv and is_json:
        raise click.UsageError("--csv and --json are two forms; give one")
    with configured_optimizer(storage) as optimizer:
        found = optimizer.find(agent, status, limit=limit)
        # What is still being recorded changes with every event: it is analysed when it ends, or when somebody asks.
        outdated = [each for each in found if each.is_stale and each.session.status is not SessionStatus.ACTIVE]
        if outdated:
            optimizer.analyze_stale(outdated)
            found = optimizer.find(agent, status, limit=limit)
    if is_json:
        print_json({"sessions": [row_of(each) for each in found]})
    elif is_csv:
        click.echo(csv_text([row_of(each) for each in found], ROW_COLUMNS), nl=False)
    elif found:
        print_table(COLUMNS, table_rows(found), right=RIGHT, spare=SPARE)
    else:
        click.echo(f"No sessions. {EMPTY_HISTORY}")

"""`sessionoptimizer delete ID`: forget a session."""

from __future__ import annotations

from pathlib import Path

import click

from otel_sessionopt.cli.recordings import (
    RecordingCommand,
    json_option,
    no_session,
    open_optimizer,
    print_json,
    storage_option,
)


@click.command("delete", cls=RecordingCommand)
@click.argument("session_id", metavar="ID")
@json_option
@storage_option
def command(session_id: str, is_json: bool, storage: Path | None) -> None:
    """Delete the session ID from the history, for good.

    \b
    Example:
      sessionoptimizer delete forge_20260121_143000
    """
    with open_optimizer(storage) as optimizer:
        if not optimizer.delete_session(session_id):
            raise no_session(session_id)
    if is_json:
        print_json({"id": session_id, "deleted": True})
    else:
        click.echo(f"Deleted {session_id}.")

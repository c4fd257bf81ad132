"""`sessionoptimizer start AGENT TASK`: begin a session."""

from __future__ import annotations

from pathlib import Path

import click

from otel_sessionopt.cli.recordings import (
    RecordingCommand,
    is_terminal,
    json_option,
    open_optimizer,
    print_json,
    storage_option,
)


@click.command("start", cls=RecordingCommand)
@click.argument("agent")
@click.argument("task")
@click.option("--model", default="default", metavar="NAME", help="Model that is used: opus, sonnet, gpt-4.1, …")
@click.option("--id", "session_id", metavar="ID", help="Id of the session; made of agent and time when not given.")
@json_option
@storage_option
def command(agent: str, task: str, model: str, session_id: str | None, is_json: bool, storage: Path | None) -> None:
    """Begin a session that is recorded by hand, and print its id.

    \b
    Examples:
      sessionoptimizer start FORGE "Build PriorityQueue" --model opus
      id=$(sessionoptimizer start FORGE "Build PriorityQueue")
    """
    with open_optimizer(storage) as optimizer:
        session = optimizer.start_session(agent, task, model, session_id)
    if is_json:
        shape = session.to_dict()
        print_json({name: shape[name] for name in ("id", "agent", "task", "model", "status", "started_at")})
    elif is_terminal():
        click.echo(f"Started {session.id} ({session.agent}, model {session.model}).")
        click.echo(f"Log events with: sessionoptimizer log {session.id} TYPE")
    else:
        click.echo(session.id)

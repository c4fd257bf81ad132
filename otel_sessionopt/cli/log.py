"""`sessionoptimizer log ID TYPE`: record an event. Loads no more than that needs: agents call it all the time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from otel_sessionopt.cli.recordings import (
    RecordingCommand,
    is_terminal,
    json_option,
    no_session,
    open_optimizer,
    print_json,
    storage_option,
)
from otel_sessionopt.errors import RecordingError


@click.command("log", cls=RecordingCommand)
@click.argument("session_id", metavar="ID")
@click.argument("event_type", metavar="TYPE")
@click.option("--data", "data_text", metavar="JSON", help="""Small facts: '{"file_path": "roadmap.md"}'.""")
@click.option("--tokens-in", type=click.IntRange(min=0), default=0, metavar="N", help="Input tokens billed.")
@click.option("--tokens-out", type=click.IntRange(min=0), default=0, metavar="N", help="Output tokens billed.")
@click.option("--duration-ms", type=click.FloatRange(min=0), default=0, metavar="N", help="How long it took.")
@json_option
@storage_option
def command(
    session_id: str,
    event_type: str,
    data_text: str | None,
    tokens_in: int,
    tokens_out: int,
    duration_ms: float,
    is_json: bool,
    storage: Path | None,
) -> None:
    """Record an event of the session ID. When this has succeeded the event is kept, whatever happens next.

    TYPE is one of TOOL_CALL, TOKEN_USAGE, FILE_READ, FILE_WRITE, SEARCH, ERROR, USER_MESSAGE, AI_RESPONSE,
    CONTEXT_LOAD, THINKING, CUSTOM (SESSION_START and SESSION_END are recorded by themselves), in any letter case.

    \b
    Keys of --data that rules look at:
      file_path, query, message, recovered, compressed, original_tokens, compressed_tokens, model

    \b
    Examples:
      sessionoptimizer log ID FILE_READ --data '{"file_path": "roadmap.md"}' --tokens-in 2500
      sessionoptimizer log ID ERROR --data '{"message": "Test failed", "code": 1}'
    """
    with open_optimizer(storage) as optimizer:
        event = optimizer.log_event(session_id, event_type, _data(data_text), tokens_in, tokens_out, duration_ms)
    if event is None:
        raise no_session(session_id)
    if is_json:
        print_json({"session_id": session_id, **event.to_dict()})
    elif is_terminal():
        click.echo(f"Logged {event.event_type.value} to {session_id} as {event.id}.")
    else:
        click.echo(event.id)


def _data(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    example = """a JSON object is wanted, for example '{"file_path": "a.py"}'"""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"--data: {error}; {example}") from error
    if not isinstance(data, dict):
        raise RecordingError(f"--data is no object; {example}")
    return data

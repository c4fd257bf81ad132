"""`sessionoptimizer end ID`: end a session, analyse it, and send its trace where an endpoint is set."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_sessionopt.cli.recordings import (
    RecordingCommand,
    configured_optimizer,
    json_option,
    no_session,
    print_json,
    storage_option,
)
from otel_sessionopt.errors import ConfigError

if TYPE_CHECKING:
    from otel_sessionopt.config_endpoint import Endpoint


@click.command("end", cls=RecordingCommand)
@click.argument("session_id", metavar="ID")
@click.option(
    "--status", default="COMPLETED", show_default=True, metavar="STATUS", help="COMPLETED, FAILED or ABANDONED."
)
@json_option
@storage_option
def command(session_id: str, status: str, is_json: bool, storage: Path | None) -> None:
    """End the session ID and say what it came to.

    Where OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set, the session is sent there as one trace; a receiver
    that does not answer is a warning. Without it nothing is contacted.

    \b
    Example:
      sessionoptimizer end forge_20260121_143000 --status FAILED
    """
    from otel_sessionopt.cli.session_rows import row_of
    from otel_sessionopt.report import figures

    # The exporters tell every try; one warning of ours tells that it failed.
    logging.getLogger("opentelemetry.exporter").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry.exporter").propagate = False
    endpoint = _endpoint()
    with configured_optimizer(storage) as optimizer:
        session = optimizer.end_session(session_id, status)
        if session is None:
            raise no_session(session_id)
        optimizer.flush(3 * endpoint.timeout_seconds if endpoint else 0)
        stored = optimizer.summary(session_id)
    if stored is None:
        raise no_session(session_id)  # deleted meanwhile
    row = row_of(stored)
    is_sent = stored.is_exported if endpoint else None
    if is_json:
        print_json({**row, "is_trace_sent": is_sent})
        return
    score = "" if row["efficiency_score"] is None else f" Score {figures.score(row['efficiency_score'])}."
    click.echo(f"Ended {session_id} ({row['status']}): {', '.join(_parts(row))}.{score}")
    if endpoint and is_sent:
        click.echo(f"Trace sent to {endpoint.shown}")


def _endpoint() -> Endpoint | None:
    from otel_sessionopt.config import process_environ
    from otel_sessionopt.config_endpoint import traces_endpoint

    try:
        return traces_endpoint(process_environ())
    except ConfigError:
        return None  # `end_session` warns of it


def _parts(row: dict[str, Any]) -> list[str]:
    from otel_sessionopt.report import figures

    parts = [figures.count(row["events"], "event"), figures.count(row["total_tokens"], "token")]
    if row["total_tokens"]:
        parts.append(figures.usd(row["cost"]))
    if row["issue_count"] is not None:
        parts.append(figures.count(row["issue_count"], "issue"))
    return parts

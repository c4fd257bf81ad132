"""`sessionoptimizer export ID`: the report of a session, on standard output or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from otel_sessionopt.cli.recordings import RecordingCommand, configured_optimizer, no_session, storage_option
from otel_sessionopt.errors import ConfigError

_FORMATS: Final = ("json", "markdown", "text")


@click.command("export", cls=RecordingCommand)
@click.argument("session_id", metavar="ID")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS, case_sensitive=False),
    default="json",
    show_default=True,
    help="Form of the report.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="File to write.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON, the same as --format json.")
@storage_option
def command(session_id: str, form: str, output: Path | None, is_json: bool, storage: Path | None) -> None:
    """Print the report of the session ID, or write it to a file.

    \b
    Example:
      sessionoptimizer export forge_20260121_143000 --format markdown --output report.md
    """
    from otel_sessionopt.writeback.report_files import replace_file

    if output is not None and not output.absolute().parent.is_dir():
        raise ConfigError(f"--output {output}: the folder {output.absolute().parent} does not exist")
    with configured_optimizer(storage) as optimizer:
        text = optimizer.export_report(session_id, "json" if is_json else form)
    if text is None:
        raise no_session(session_id)
    if output is None:
        click.echo(text, nl=False)
    else:
        replace_file(output, text)
        click.echo(f"Wrote the report of {session_id} to {output}")

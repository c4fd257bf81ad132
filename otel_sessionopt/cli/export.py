"""`sessionoptimizer export`: the report of a session to a file, or sessions with their findings to Jaeger."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from otel_sessionopt.cli.exits import Exit
from otel_sessionopt.cli.messages import tell_error
from otel_sessionopt.cli.recordings import RecordingCommand, known_id, no_session, open_optimizer, storage_option
from otel_sessionopt.errors import ConfigError, InputError

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings
    from otel_sessionopt.config_endpoint import Endpoint
    from otel_sessionopt.history.input_export import Exported
    from otel_sessionopt.ingest.inputs import InputFile

_FORMATS: Final = ("json", "markdown", "text", "html")
_ERRORS_TOLD: Final = 10


@click.command("export", cls=RecordingCommand)
@click.argument("sources", metavar="[ID | PATH...]", nargs=-1, required=True)
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
@click.option("--otlp", metavar="ENDPOINT", help="Send traces with findings there instead, e.g. http://localhost:4318.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@storage_option
def command(
    sources: tuple[str, ...],
    form: str,
    output: Path | None,
    is_json: bool,
    otlp: str | None,
    no_progress: bool,
    storage: Path | None,
) -> int:
    """Print the report of the session ID, or write it to a file; with --otlp send traces with their findings.

    ID is that of a session or of one of its traces, or its first characters (four or more).

    --otlp takes files, folders, globs and - (OTLP, transcripts of coding agents), and ids of recorded sessions.
    Findings are span events on the root and on the spans that caused them. Ids are stable: sent again it is the same
    trace. Arguments and results of tools are sent along, secrets masked and long texts cut.

    \b
    Examples:
      sessionoptimizer export forge_20260121_143000 --format markdown --output report.md
      sessionoptimizer export --otlp http://localhost:4318 ~/.claude/projects
    """
    if otlp is not None:
        return _send(sources, otlp, storage, is_progress_wanted=not no_progress)
    if len(sources) > 1:
        raise click.UsageError("one session ID is wanted; several sources are for --otlp ENDPOINT")
    _write_report(sources[0], "json" if is_json else form, output, storage)
    return Exit.CLEAN


def _write_report(session_id: str, form: str, output: Path | None, storage: Path | None) -> None:
    from otel_sessionopt.config import load_settings
    from otel_sessionopt.writeback.report_files import replace_file

    if output is not None and not output.absolute().parent.is_dir():
        raise ConfigError(f"--output {output}: the folder {output.absolute().parent} does not exist")
    settings = load_settings()
    with open_optimizer(storage, settings) as optimizer:
        session_id = known_id(optimizer, session_id)
        text = optimizer.export_report(session_id, form, jaeger_url=settings.report.jaeger_url)
    if text is None:
        raise no_session(session_id)  # deleted meanwhile
    if output is None:
        click.echo(text, nl=False)
    else:
        replace_file(output, text)
        click.echo(f"Wrote the report of {session_id} to {output}")


def _send(sources: Sequence[str], otlp: str, storage: Path | None, *, is_progress_wanted: bool) -> int:
    from dataclasses import replace

    from otel_sessionopt.cli.session_inputs import sort_arguments
    from otel_sessionopt.config import load_settings, process_environ
    from otel_sessionopt.config_endpoint import named_endpoint
    from otel_sessionopt.ingest.files import find_inputs

    # The exporters tell every try; one error of ours tells that it failed.
    logging.getLogger("opentelemetry.exporter").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry.exporter").propagate = False
    endpoint = named_endpoint(otlp, process_environ())
    settings = load_settings()
    if storage is not None:
        settings = replace(settings, history=replace(settings.history, folder=storage))
    named = sort_arguments(sources, settings)
    errors = _Errors()
    for each in named.nothing:
        errors(InputError(each, "", "no such file, folder or session; give files, folders, globs, - or session ids"))
    with ExitStack() as stack:
        inputs = _readable_twice(stack, find_inputs(named.files, errors))
        taken = _send_files(inputs, settings, endpoint, errors, is_progress_wanted=is_progress_wanted)
        if taken:
            taken = _send_recorded(named.sessions, settings, endpoint, errors)
    if not taken:
        click.echo(f"error: {endpoint.shown} did not take the spans; does a receiver of OTLP listen there?", err=True)
        return Exit.FAILURE
    return Exit.WRONG_USE if errors.count else Exit.CLEAN


def _send_files(
    inputs: Sequence[InputFile], settings: Settings, endpoint: Endpoint, errors: _Errors, *, is_progress_wanted: bool
) -> bool:
    from otel_sessionopt.cli.progress import ReadingProgress
    from otel_sessionopt.history.input_export import export_inputs
    from otel_sessionopt.pipeline import Pipeline

    if not inputs:
        return True
    with ReadingProgress(2 * sum(each.size or 0 for each in inputs), is_wanted=is_progress_wanted) as progress:
        exported = export_inputs(
            inputs,
            Pipeline.from_settings(settings),
            endpoint,
            on_error=errors,
            on_progress=progress.on_bytes,
        )
    if exported.is_complete:
        _tell(exported, endpoint)
    return exported.is_complete


def _tell(exported: Exported, endpoint: Endpoint) -> None:
    from otel_sessionopt.report.figures import count

    if exported.without_spans:
        told = count(exported.without_spans, "session")
        click.echo(f"Not sent: {told} that only log records tell of, without any span", err=True)
    if not exported.spans:
        click.echo("Nothing to send: no span in these files", err=True)
        return
    others = f" and {count(exported.others, 'other trace')}" if exported.others else ""
    click.echo(
        f"Sent {count(exported.traces, 'session')}{others} ({count(exported.spans, 'span')}, "
        f"{count(exported.findings, 'finding')}) to {endpoint.shown}"
    )


def _send_recorded(session_ids: Sequence[str], settings: Settings, endpoint: Endpoint, errors: _Errors) -> bool:
    """Send sessions of the history; False once the receiver does not take one."""
    if not session_ids:
        return True
    from otel_sessionopt.cli.recordings import open_optimizer
    from otel_sessionopt.writeback.session_trace import send_session

    with open_optimizer(None, settings) as optimizer:
        for session_id in session_ids:
            session, report = optimizer.get_session(session_id), optimizer.analyze(session_id)
            if session is None or report is None or session.trace_ids:
                errors(InputError(session_id, "", "its spans are not kept; export the files that it was read from"))
            elif not send_session(session, report, endpoint):
                return False
            else:
                click.echo(f"Sent {session_id} to {endpoint.shown}")
    return True


def _readable_twice(stack: ExitStack, inputs: Sequence[InputFile]) -> list[InputFile]:
    """The inputs; standard input and pipes as files that go when `stack` closes."""
    from dataclasses import replace

    readable: list[InputFile] = []
    for each in inputs:
        if each.path is not None and not each.path.is_fifo():
            readable.append(each)
            continue
        path = Path(stack.enter_context(TemporaryDirectory(prefix="sessionopt-"))) / "input"
        with ExitStack() as closing, path.open("wb") as file:
            source = closing.enter_context(each.path.open("rb")) if each.path else sys.stdin.buffer
            shutil.copyfileobj(source, file)
        readable.append(replace(each, path=path, size=path.stat().st_size, label=each.source))
    return readable


class _Errors:
    """Tells what could not be read, each in one line, a bounded number of lines."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, error: InputError) -> None:
        self.count += 1
        if self.count <= _ERRORS_TOLD:
            tell_error(error)

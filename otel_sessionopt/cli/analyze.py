"""`sessionoptimizer analyze PATH…`: sessions in, reports out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from otel_sessionopt.cli.exits import ANALYZE_EXIT_CODES, Exit
from otel_sessionopt.cli.messages import tell_error
from otel_sessionopt.cli.options import settings_of, settings_options
from otel_sessionopt.cli.recordings import storage_option
from otel_sessionopt.errors import ConfigError, InputError

if TYPE_CHECKING:
    from otel_sessionopt.cli.progress import ReadingProgress
    from otel_sessionopt.cli.sinks import Sink
    from otel_sessionopt.config import Settings
    from otel_sessionopt.ingest.files import InputFile
    from otel_sessionopt.report import OptimizationReport

SEVERITIES: Final = ("low", "medium", "high", "critical")
_SUFFIXES: Final = {"text": "txt", "json": "json", "markdown": "md", "html": "html"}
_FILE_FORMS: Final = {".json": "json", ".md": "markdown", ".txt": "text", ".html": "html"}
"""What `--output` with such a name, and no such folder, is one file of."""
_ALLOWED: Final = "give files, folders, globs, - for standard input, or ids that `sessionoptimizer list` shows"
_ERRORS_TOLD: Final = 10
"""Lines about one file; a file of another format would fail in every line."""


@click.command("analyze", epilog=f"\b\n{ANALYZE_EXIT_CODES}")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@click.option("--format", "form", type=click.Choice(list(_SUFFIXES)), help="Form of the report; text when not given.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Folder for report files; one .json, .md or .txt file for all reports; one .html file for one session.",
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    help="Exit with status 1 when an issue has this severity or a higher one.",
)
@click.option("--rule", "only", multiple=True, metavar="ID", help="Run this rule alone. May be repeated.")
@click.option("--disable", "disabled", multiple=True, metavar="ID", help="Do not run this rule. May be repeated.")
@click.option("--ignore", "ignored", multiple=True, metavar="GLOB", help="No findings on such paths. May be repeated.")
@click.option("--service", metavar="NAME", help="Of a Jaeger: the traces of this service.")
@click.option(
    "--since", metavar="TIME", help="Only what changed since, as in 7d or 12h. [default: all; of a Jaeger 24h]"
)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Of a Jaeger: traces at most."
)
@click.option(
    "--group-by",
    type=click.Choice(["trace", "conversation"]),
    default="trace",
    show_default=True,
    help="What one session is: a trace, or all traces with one conversation id.",
)
@click.option("--full", is_flag=True, help="Print every report whole, however many there are.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON, the same as --format json.")
@click.option("--save", "is_kept", is_flag=True, help="Keep the sessions in the history: list, stats, compare.")
@storage_option
@settings_options
def command(
    paths: tuple[str, ...],
    form: str | None,
    output: Path | None,
    fail_on: str | None,
    only: tuple[str, ...],
    disabled: tuple[str, ...],
    ignored: tuple[str, ...],
    service: str | None,
    since: str | None,
    limit: int,
    group_by: str,
    full: bool,
    no_progress: bool,
    is_json: bool,
    is_kept: bool,
    storage: Path | None,
    config: Path | None,
    overrides: tuple[str, ...],
) -> int:
    """Analyse the sessions in PATH: files, folders, globs, - for standard input, or ids of sessions in the history
    (their beginnings are enough).

    Without PATH: the transcripts that Claude Code, Codex, pi and opencode keep on this computer, in their usual places.

    Reads OTLP JSON and protobuf (one document, JSON Lines, the Collector's file exporter; .gz, .xz, .zst) and
    transcripts of coding agents. A trace may be spread over several files. jaeger://HOST:PORT/TRACE_ID fetches a trace
    from a Jaeger, jaeger://HOST:PORT with --service the traces of a service.

    \b
    Examples:
      sessionoptimizer analyze
      sessionoptimizer analyze --since 7d
      sessionoptimizer analyze ~/.claude/projects
      sessionoptimizer analyze traces.jsonl --fail-on high
      sessionoptimizer analyze runs/ --format json --output reports.json
      zstdcat traces.jsonl.zst | sessionoptimizer analyze -
      sessionoptimizer analyze forge_20260121_143000 --format markdown
      sessionoptimizer analyze jaeger://localhost:16686 --service my-agent --since 24h
    """
    settings = settings_of(config, overrides, only=only, disabled=disabled, ignored=ignored)
    if storage is not None:
        settings = replace(settings, history=replace(settings.history, folder=storage))
    if is_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} are two forms; give one")
    form = "json" if is_json else form
    if group_by == "conversation" and is_kept:
        raise click.UsageError("--save keeps traces: the history itself groups those of a conversation")
    run = _Run(
        settings=settings,
        is_grouped=group_by == "conversation",
        fail_on=fail_on,
        is_kept=is_kept or (settings.history.save and group_by == "trace"),
        is_as_configured=not (only or disabled or ignored or config or overrides),
    )
    with ExitStack() as stack:
        sink = _sink_for(stack, form, output, settings, is_full=full)
        paths, fetched = _fetched(stack, paths, run.on_error, service, since, limit)
        run.analyze(paths, fetched, sink, since, is_progress_wanted=not no_progress)
    return run.status()


@dataclass
class _Run:
    """One run of the command: what was found and what could not be read."""

    settings: Settings
    is_grouped: bool
    fail_on: str | None
    is_kept: bool
    is_as_configured: bool
    kept: int = 0
    errors: list[InputError] = field(default_factory=list)
    error_counts: Counter[str] = field(default_factory=Counter)
    is_over: bool = False
    progress: ReadingProgress | None = None

    def analyze(
        self,
        paths: Sequence[str],
        fetched: Sequence[InputFile],
        sink: Sink,
        since: str | None,
        *,
        is_progress_wanted: bool,
    ) -> None:
        """Send the reports of everything in `paths` and in the files `fetched` to `sink`.

        Where both are empty those of the transcripts that this computer holds.
        """
        # Imported here: `--help` does not need them.
        from otel_sessionopt.cli.progress import ReadingProgress
        from otel_sessionopt.cli.session_inputs import sort_arguments
        from otel_sessionopt.cli.usual_inputs import duration_of, find_usual_inputs, recent
        from otel_sessionopt.config import process_environ
        from otel_sessionopt.ingest.files import find_inputs
        from otel_sessionopt.report.figures import count
        from otel_sessionopt.report.summary import Tally

        tally = Tally()
        named = sort_arguments(paths, self.settings)
        for path in named.nothing:
            self.on_error(InputError(path, "", f"no such file, folder or session; {_ALLOWED}"))
        duration = duration_of(since)
        inputs = [*recent(find_inputs(named.files, self.on_error), duration), *fetched]
        if not paths and not fetched and not self.errors:
            inputs = find_usual_inputs(process_environ(), Path.home(), duration, self.on_error)
        if not inputs and not named.sessions and not self.errors:
            self.on_error(InputError(", ".join(paths), "", "no input found; a file, folder or glob is wanted"))
        total_bytes = sum(each.size or 0 for each in inputs)
        with ReadingProgress(total_bytes, is_wanted=is_progress_wanted) as self.progress:
            for report in self._reports(named.sessions, inputs, self.progress):
                self.progress.on_session()
                tally.add(report)
                self.is_over = self.is_over or has_issue_at(report, self.fail_on)
                sink.add(report)
        self._tell_further_errors()
        total = tally.total()
        if total.sessions == 0 and not self.errors:
            passed_over = any(not each.is_named for each in inputs)
            click.echo(
                f"No agent session in {count(len(inputs), 'input file')}: no span in them is a model or tool call. "
                + ("Files of a folder that are in no known format are passed over; name one to be told. " * passed_over)
                + "`sessionoptimizer doctor PATH` says more.",
                err=True,
            )
        sink.close(total, self.errors)
        if self.is_kept:
            click.echo(f"Kept {count(self.kept, 'session')} in {self.settings.history.folder}", err=True)

    def _reports(
        self, session_ids: Sequence[str], inputs: Sequence[InputFile], progress: ReadingProgress
    ) -> Iterator[OptimizationReport]:
        from otel_sessionopt.cli.recordings import open_optimizer
        from otel_sessionopt.cli.session_inputs import report_of
        from otel_sessionopt.pipeline import Pipeline, analyze_conversations, analyze_inputs

        with open_optimizer(None, self.settings) as history:
            for session_id in session_ids:
                known = report_of(history, session_id, self.settings, is_as_configured=self.is_as_configured)
                if known is not None:
                    yield known
            pipeline = Pipeline.from_settings(self.settings)
            reports_of = analyze_conversations if self.is_grouped else analyze_inputs
            for report in reports_of(inputs, pipeline, on_error=self.on_error, on_progress=progress.on_bytes):
                if self.is_kept:
                    self.kept += history.keep_report(report)
                yield report

    def on_error(self, error: InputError) -> None:
        """Tell what could not be read, each in one line, a bounded number of lines a file."""
        self.error_counts[error.source] += 1
        if self.error_counts[error.source] > _ERRORS_TOLD:
            return
        self.errors.append(error)
        if self.progress is not None:
            self.progress.close()  # or the line would stand in the middle of the bar
        tell_error(error)

    def _tell_further_errors(self) -> None:
        for source, count in self.error_counts.items():
            if count > _ERRORS_TOLD:
                click.echo(f"error: {source}: {count - _ERRORS_TOLD:,} further places could not be read", err=True)

    def status(self) -> int:
        """The exit status: input that could not be read beats issues."""
        if self.errors:
            return Exit.WRONG_USE
        return Exit.FINDINGS if self.is_over else Exit.CLEAN


def _fetched(
    stack: ExitStack,
    paths: tuple[str, ...],
    on_error: Callable[[InputError], None],
    service: str | None,
    since: str | None,
    limit: int,
) -> tuple[tuple[str, ...], list[InputFile]]:
    """The arguments that name no Jaeger, and files with the traces of those that do; they go when `stack` closes."""
    from otel_sessionopt.cli import jaeger_inputs

    addresses, others = jaeger_inputs.split_paths(paths)
    search = jaeger_inputs.search_of(addresses, service, since or "24h", limit)
    if not addresses:
        return paths, []
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="sessionopt-")))
    return tuple(others), jaeger_inputs.fetch_inputs(addresses, search, folder, on_error)


def _sink_for(stack: ExitStack, form: str | None, output: Path | None, settings: Settings, *, is_full: bool) -> Sink:
    from otel_sessionopt.cli import sinks
    from otel_sessionopt.writeback.report_files import replaced_file

    if output is None:
        if form == "json":
            return sinks.JsonSink(_print)
        if form == "html":
            return sinks.HtmlSink(settings.report.jaeger_url)
        return sinks.MarkdownSink(_print) if form == "markdown" else sinks.TextSink(is_full=is_full)
    file_form = None if output.is_dir() else _FILE_FORMS.get(output.suffix.lower())
    if file_form is None:
        if output.exists() and not output.is_dir():
            endings = ", ".join(_FILE_FORMS)
            raise ConfigError(f"--output {output}: is a file; a folder, or a name that ends in {endings}, is wanted")
        formats = settings.report.formats if form is None else (_SUFFIXES[form],)
        return sinks.FolderSink(output, formats, settings.report.jaeger_url)
    if form not in (None, file_form):
        raise ConfigError(f"--output {output}: such a file holds {file_form}; name a folder for --format {form}")
    if not output.absolute().parent.is_dir():
        raise ConfigError(f"--output {output}: the folder {output.absolute().parent} does not exist")
    if file_form == "html":
        return sinks.HtmlSink(settings.report.jaeger_url, output)
    write = stack.enter_context(replaced_file(output)).write
    makers: dict[str, Callable[[Callable[[str], object]], Sink]] = {
        "json": sinks.JsonSink,
        "markdown": sinks.MarkdownSink,
        "text": sinks.PlainTextSink,
    }
    return sinks.FileSink(makers[file_form](write), output)


def _print(text: str) -> None:
    click.echo(text, nl=False)


def has_issue_at(report: OptimizationReport, least: str | None) -> bool:
    """Whether an issue has the severity `least` or a higher one; those of preview rules do not matter."""
    if least is None:
        return False
    rank = SEVERITIES.index(least)
    return any(
        SEVERITIES.index(issue.severity.value.lower()) >= rank for issue in report.issues if not issue.is_preview
    )

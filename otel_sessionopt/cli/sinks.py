"""Where the reports of `analyze` go: standard output as text, Markdown or JSON, a folder, or one file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import click

from otel_sessionopt.cli.recordings import is_terminal
from otel_sessionopt.cli.session_table import print_sessions
from otel_sessionopt.errors import ConfigError, InputError
from otel_sessionopt.report import (
    SCHEMA_VERSION,
    OptimizationReport,
    as_html,
    as_markdown,
    as_text,
    figures,
    report_to_dict,
)
from otel_sessionopt.report.phrases import headline
from otel_sessionopt.report.summary import SessionRow, SessionsTotal, row_of, total_headline, total_to_dict
from otel_sessionopt.report.total_forms import short_report, total_as_markdown, total_as_text
from otel_sessionopt.writeback.report_files import replace_file, write_report

IN_SHORT: Final = 10
"""Up to so many sessions each report is shown in short; more are shown as a table."""
_RULE: Final = "\n" + "─" * 80 + "\n\n"

_NEXT: Final = "Whole reports: --full, or --output FOLDER. With --save they stay for list, compare and stats."


class Sink(Protocol):
    """Takes reports as they are made, then the total and what of the input could not be read."""

    def add(self, report: OptimizationReport) -> None:
        """Take one report."""

    def close(self, total: SessionsTotal, errors: Sequence[InputError]) -> None:
        """No further report comes."""


class TextSink:
    """Text for people: one session whole, a few in short, many as a table; then the total."""

    def __init__(self, *, is_full: bool) -> None:
        self._is_full = is_full
        self._first: OptimizationReport | None = None
        self._rows: list[SessionRow] = []
        self._short: list[str] = []

    def add(self, report: OptimizationReport) -> None:
        """Print it when whole reports are wanted; otherwise keep what the end needs, which is a row."""
        self._rows.append(row_of(report))
        if self._is_full:
            click.echo((_RULE if len(self._rows) > 1 else "") + as_text(report), nl=False)
            return
        if self._first is None:
            self._first = report
        if len(self._rows) <= IN_SHORT:
            self._short.append(short_report(report))

    def close(self, total: SessionsTotal, errors: Sequence[InputError]) -> None:  # noqa: ARG002 - told as they came
        """Print what was kept, and the total where there is more than one session."""
        is_table = len(self._rows) > IN_SHORT
        if self._is_full:
            pass
        elif len(self._rows) == 1 and self._first is not None:
            click.echo(as_text(self._first), nl=False)
        elif is_table:
            print_sessions(self._rows)
        else:
            click.echo("\n".join(self._short), nl=False)
        if len(self._rows) > 1:
            click.echo(_RULE + total_as_text(total, with_issues=is_table), nl=False)
            if is_terminal() and not self._is_full:
                click.echo(f"\n{_NEXT}", err=True)


class MarkdownSink:
    """Markdown: every report whole, then the total."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._count = 0

    def add(self, report: OptimizationReport) -> None:
        """Write one report."""
        self._write(("\n---\n\n" if self._count else "") + as_markdown(report))
        self._count += 1

    def close(self, total: SessionsTotal, errors: Sequence[InputError]) -> None:  # noqa: ARG002 - told as they came
        """Write the total where there is more than one session."""
        if self._count > 1:
            self._write("\n---\n\n" + total_as_markdown(total))


class PlainTextSink:
    """Text for a file: every report whole, then the total."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._count = 0

    def add(self, report: OptimizationReport) -> None:
        """Write one report."""
        self._write((_RULE if self._count else "") + as_text(report))
        self._count += 1

    def close(self, total: SessionsTotal, errors: Sequence[InputError]) -> None:  # noqa: ARG002 - told as they came
        """Write the total where there is more than one session."""
        if self._count > 1:
            self._write(_RULE + total_as_text(total, with_issues=False))


class HtmlSink:
    """The page of one session, whole; a second session is wrong use, because two pages are no page."""

    def __init__(self, jaeger_url: str | None, path: Path | None = None) -> None:
        self._jaeger_url = jaeger_url
        self._path = path
        self._only: OptimizationReport | None = None

    def add(self, report: OptimizationReport) -> None:
        """Keep it for the end: nothing is written where there are several."""
        if self._only is not None:
            raise ConfigError(
                "--format html gives one page a session, and there are several; name a folder: --output FOLDER"
            )

        self._only = report

    def close(self, total: SessionsTotal, errors: Sequence[InputError]) -> None:  # noqa: ARG002 - told as they came
        """Write the page, and where it is a file the number that matters on standard output."""
        if self._only is None:
            return
        page = as_html(self._only, jaeger_url=self._jaeger_url)
        if self._path is None:
            click.echo(page, nl=False)
            return
        replace_file(self._path, page)
        click.echo(headline(self._only))
        click.echo(f"Wrote the page to {self._path}")


class JsonSink:
    """One JSON document, written as reports come, one a line: `{schema_version, reports, total, errors}`."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._count = 0
        write(f'{{"schema_version": {SCHEMA_VERSION}, "reports": [')

    def add(self, report: OptimizationReport) -> None:
        """Write one report."""
        # ASCII only: valid JSON whatever the encoding of the terminal or pipe is.
        self._write((",\n" if self._count else "\n") + json.dumps(report_to_dict(report), allow_nan=False))
        self._count += 1

    def close(self, total: SessionsTotal, errors: Sequence[InputError]) -> None:
        """Write the rest of the document."""
        told = [{"source": error.source, "position": error.position, "reason": error.reason} for error in errors]
        self._write(
            f'\n], "total": {json.dumps(total_to_dict(total), allow_nan=False)}, "errors": {json.dumps(told)}}}\n'
        )


class FileSink:
    """What another sink writes into the file `path`, and one sentence about it on standard output."""

    def __init__(self, content: Sink, path: Path) -> None:
        self._content = content
        self._path = path
        self._only: OptimizationReport | None = None

    def add(self, report: OptimizationReport) -> None:
        """Write one report."""
        self._content.add(report)
        self._only = report

    def close(self, total: SessionsTotal, errors: Sequence[InputError]) -> None:
        """Finish the file, and say the number that matters."""
        self._content.close(total, errors)
        click.echo(headline(self._only) if self._only and total.sessions == 1 else total_headline(total))
        click.echo(f"Wrote {figures.count(total.sessions, 'report')} to {self._path}")


class FolderSink:
    """Report files in a folder, and one sentence about them on standard output."""

    def __init__(self, folder: Path, formats: Sequence[str], jaeger_url: str | None = None) -> None:
        self._folder = folder
        self._jaeger_url = jaeger_url
        self._formats = formats
        self._files = 0
        self._only: OptimizationReport | None = None

    def add(self, report: OptimizationReport) -> None:
        """Write its files."""
        self._files += len(write_report(report, self._folder, self._formats, jaeger_url=self._jaeger_url))
        self._only = report

    def close(self, total: SessionsTotal, errors: Sequence[InputError]) -> None:  # noqa: ARG002 - told as they came
        """Say what was written, and the number that matters."""
        if self._only is None:
            return
        click.echo(headline(self._only) if total.sessions == 1 else total_headline(total))
        click.echo(f"Wrote {figures.count(self._files, 'report file')} to {self._folder}")

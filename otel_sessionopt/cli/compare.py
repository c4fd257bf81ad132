"""`sessionoptimizer compare ID ID…`: sessions beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from otel_sessionopt.cli.recordings import (
    RecordingCommand,
    json_option,
    known_id,
    open_optimizer,
    print_json,
    storage_option,
)
from otel_sessionopt.errors import ConfigError, RecordingError

_COLUMNS: Final = ("session", "agent", "task", "tokens", "cost", "score", "issues")
_RIGHT: Final = frozenset({"tokens", "cost", "score", "issues"})
_TASK_WIDTH: Final = 40


@click.command("compare", cls=RecordingCommand)
@click.argument("session_ids", nargs=-1, required=True, metavar="ID ID...")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "html"), case_sensitive=False),
    default="text",
    show_default=True,
    help="Form of the comparison; html is a page with the bill by source, issues gained and lost.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="File for the page.")
@json_option
@storage_option
def command(session_ids: tuple[str, ...], form: str, output: Path | None, is_json: bool, storage: Path | None) -> None:
    """Compare sessions: figures, averages, and what the best one did differently.

    ID is that of a session or of one of its traces, or its first characters (four or more).

    \b
    Examples:
      sessionoptimizer compare forge_20260121_143000 forge_20260121_150000
      sessionoptimizer compare forge_20260121_143000 forge_20260121_150000 --format html --output compared.html
    """
    from otel_sessionopt.cli.plain_table import print_table
    from otel_sessionopt.config import load_settings

    if output is not None and form != "html":
        raise ConfigError("--output is for the page; add --format html")
    if is_json and form == "html":
        raise ConfigError("--json and --format html are two forms; give one")
    settings = load_settings()
    with open_optimizer(storage, settings) as optimizer:
        session_ids = tuple(known_id(optimizer, each) for each in session_ids)
        if form == "html":
            _give_page(optimizer.comparison_page(session_ids, jaeger_url=settings.report.jaeger_url), output)
            return
        comparison = optimizer.compare_sessions(session_ids)
    if "error" in comparison:
        raise RecordingError(str(comparison["error"]))
    if is_json or form == "json":
        print_json(comparison)
        return
    print_table(_COLUMNS, _rows(comparison), right=_RIGHT)
    click.echo(f"\nBest: {comparison['best_performer']}\nWorst: {comparison['worst_performer']}\n")
    for sentence in comparison["recommendations"]:
        click.echo(f"- {sentence}")


def _give_page(page: str, output: Path | None) -> None:
    from otel_sessionopt.writeback.report_files import replace_file

    if output is None:
        click.echo(page, nl=False)
        return
    if not output.absolute().parent.is_dir():
        raise ConfigError(f"--output {output}: the folder {output.absolute().parent} does not exist")
    replace_file(output, page)
    click.echo(f"Wrote the comparison to {output}")


def _rows(comparison: dict[str, Any]) -> list[tuple[str, ...]]:
    from otel_sessionopt.report import figures
    from otel_sessionopt.report.masking import clean_text
    from otel_sessionopt.report.session_names import short_ids

    names = short_ids([row["id"] for row in comparison["sessions"]])
    rows = [
        (
            clean_text(name),
            clean_text(row["agent"]),
            clean_text(row["task"], _TASK_WIDTH),
            f"{row['total_tokens']:,}",
            figures.usd(row["cost"]),
            figures.score(row["efficiency_score"]),
            f"{row['issue_count']:,}",
        )
        for name, row in zip(names, comparison["sessions"], strict=True)
    ]
    mean = comparison["averages"]
    average = (
        "average",
        "",
        "",
        f"{mean['tokens']:,.0f}",
        figures.usd(mean["cost"]),
        figures.score(mean["efficiency"]),
    )
    return [*rows, (*average, f"{mean['issues']:.1f}")]

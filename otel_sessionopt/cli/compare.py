"""`sessionoptimizer compare ID ID…`: sessions beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from otel_sessionopt.cli.recordings import (
    RecordingCommand,
    configured_optimizer,
    json_option,
    no_session,
    print_json,
    storage_option,
)
from otel_sessionopt.errors import RecordingError

_COLUMNS: Final = ("session", "agent", "tokens", "cost", "score", "issues", "task")
_RIGHT: Final = frozenset({"tokens", "cost", "score", "issues"})
_TASK_WIDTH: Final = 40


@click.command("compare", cls=RecordingCommand)
@click.argument("session_ids", nargs=-1, required=True, metavar="ID ID...")
@json_option
@storage_option
def command(session_ids: tuple[str, ...], is_json: bool, storage: Path | None) -> None:
    """Compare sessions: figures, averages, and what the best one did differently.

    \b
    Example:
      sessionoptimizer compare forge_20260121_143000 forge_20260121_150000
    """
    from otel_sessionopt.cli.plain_table import print_table

    with configured_optimizer(storage) as optimizer:
        for session_id in session_ids:
            if optimizer.summary(session_id) is None:
                raise no_session(session_id)
        comparison = optimizer.compare_sessions(session_ids)
    if "error" in comparison:
        raise RecordingError(str(comparison["error"]))
    if is_json:
        print_json(comparison)
        return
    print_table(_COLUMNS, _rows(comparison), right=_RIGHT)
    click.echo(f"\nBest: {comparison['best_performer']}\nWorst: {comparison['worst_performer']}\n")
    for sentence in comparison["recommendations"]:
        click.echo(f"- {sentence}")


def _rows(comparison: dict[str, Any]) -> list[tuple[str, ...]]:
    from otel_sessionopt.report import figures
    from otel_sessionopt.report.masking import clean_text

    rows = [
        (
            clean_text(row["id"]),
            clean_text(row["agent"]),
            f"{row['total_tokens']:,}",
            figures.usd(row["cost"]),
            figures.score(row["efficiency_score"]),
            f"{row['issue_count']:,}",
            clean_text(row["task"], _TASK_WIDTH),
        )
        for row in comparison["sessions"]
    ]
    mean = comparison["averages"]
    average = ("average", "", f"{mean['tokens']:,.0f}", figures.usd(mean["cost"]), figures.score(mean["efficiency"]))
    return [*rows, (*average, f"{mean['issues']:.1f}", "")]

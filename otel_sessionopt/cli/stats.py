"""`sessionoptimizer stats [AGENT]`: how an agent, or all of them, have been doing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from otel_sessionopt.cli.recordings import (
    RecordingCommand,
    configured_optimizer,
    json_option,
    print_json,
    storage_option,
)

_COLUMNS: Final = (
    "agent", "period_days", "sessions_analyzed", "total_tokens", "total_cost", "average_efficiency",
    "total_waste_tokens", "total_waste_cost", "trend", "change_percent", "first_period_avg", "second_period_avg",
    "common_issues",
)  # fmt: skip


@click.command("stats", cls=RecordingCommand)
@click.argument("agent", required=False, metavar="[AGENT]")
@click.option(
    "--days", type=click.IntRange(min=1), default=30, show_default=True, metavar="N", help="Sessions of so many days."
)
@click.option("--csv", "is_csv", is_flag=True, help="Print CSV.")
@json_option
@storage_option
def command(agent: str | None, days: int, is_csv: bool, is_json: bool, storage: Path | None) -> None:
    """Show sums, average efficiency, common issues and trend of an agent; of all agents when none is named.

    \b
    Examples:
      sessionoptimizer stats FORGE --days 7
      sessionoptimizer stats --json
    """
    from otel_sessionopt.cli.plain_table import print_table
    from otel_sessionopt.cli.session_rows import csv_text

    if is_csv and is_json:
        raise click.UsageError("--csv and --json are two forms; give one")
    with configured_optimizer(storage) as optimizer:
        stats = optimizer.agent_statistics(agent, days)
    if is_json:
        print_json(stats)
    elif is_csv:
        issues = [f"{issue['type']}:{issue['count']}" for issue in stats["common_issues"]]
        click.echo(csv_text([{**stats, **stats["trends"], "common_issues": issues}], _COLUMNS), nl=False)
    else:
        print_table(("figure", "value"), _lines(stats), right={"value"})


def _lines(stats: dict[str, Any]) -> list[tuple[str, str]]:
    from otel_sessionopt.history.unused_tools import sentence_of
    from otel_sessionopt.report import figures
    from otel_sessionopt.report.masking import clean_text

    trends = stats["trends"]
    change = f"{trends['trend'].replace('_', ' ')}"
    if trends["trend"] != "insufficient_data":
        change += f", {trends['first_period_avg']:.1f} to {trends['second_period_avg']:.1f}"
    return [
        ("agent", clean_text(stats["agent"]) if stats["agent"] is not None else "all agents"),
        ("period", figures.count(stats["period_days"], "day")),
        ("sessions", f"{stats['sessions_analyzed']:,}"),
        ("tokens", f"{stats['total_tokens']:,}"),
        ("cost", figures.usd(stats["total_cost"])),
        ("average efficiency", f"{stats['average_efficiency']:.1f}"),
        ("avoidable tokens", f"{stats['total_waste_tokens']:,}"),
        ("avoidable cost", figures.usd(stats["total_waste_cost"])),
        ("trend", change),
        *((issue["type"], figures.count(issue["count"], "issue")) for issue in stats["common_issues"]),
        *(("unused tools", sentence_of(unused)) for unused in stats.get("unused_tools", ())),
    ]

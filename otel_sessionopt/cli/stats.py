"""`sessionoptimizer stats [AGENT]`: how an agent, or all of them, have been doing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from otel_sessionopt.cli.recordings import (
    EMPTY_HISTORY,
    RecordingCommand,
    configured_optimizer,
    json_option,
    print_json,
    storage_option,
)

if TYPE_CHECKING:
    from otel_sessionopt.optimizer import SessionOptimizer

_SESSIONS_ASKED: Final = 1_000
_AGENTS_NAMED: Final = 10
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
    """Show sums, average score, common issues and trend of an agent; of all agents when none is named.

    \b
    Examples:
      sessionoptimizer stats FORGE --days 7
      sessionoptimizer stats --json
    """
    from otel_sessionopt.cli.plain_table import print_table
    from otel_sessionopt.cli.session_rows import csv_text
    from otel_sessionopt.report.figures import count
    from otel_sessionopt.report.masking import clean_text

    if is_csv and is_json:
        raise click.UsageError("--csv and --json are two forms; give one")
    with configured_optimizer(storage) as optimizer:
        stats = optimizer.agent_statistics(agent, days)
        hint = "" if stats["sessions_analyzed"] else _where_sessions_are(optimizer, agent)
    if is_json:
        print_json(stats)
    elif is_csv:
        issues = [f"{issue['type']}:{issue['count']}" for issue in stats["common_issues"]]
        click.echo(csv_text([{**stats, **stats["trends"], "common_issues": issues}], _COLUMNS), nl=False)
    elif not stats["sessions_analyzed"]:
        whose = "" if stats["agent"] is None else f" of {clean_text(stats['agent'])}"
        click.echo(f"No sessions{whose} in the last {count(days, 'day')}.{hint}")
    else:
        print_table(("figure", "value"), _lines(stats), right={"value"})


def _where_sessions_are(optimizer: SessionOptimizer, agent: str | None) -> str:
    """What to try where nothing was found: a longer time, another agent."""
    from otel_sessionopt.report.masking import clean_text

    newest = optimizer.find(agent, limit=1)
    if newest:
        return f" The newest started {newest[0].session.started_at[:10]}; --days looks further back."
    others = {clean_text(each.session.agent) for each in optimizer.find(limit=_SESSIONS_ASKED) if each.session.agent}
    return f" There are sessions of {', '.join(sorted(others)[:_AGENTS_NAMED])}." if others else f" {EMPTY_HISTORY}"


def _lines(stats: dict[str, Any]) -> list[tuple[str, str]]:
    from otel_sessionopt.history.unused_tools import sentence_of
    from otel_sessionopt.report import figures
    from otel_sessionopt.report.masking import clean_text
    from otel_sessionopt.report.phrases import type_words

    trends = stats["trends"]
    change = f"{trends['trend'].replace('_', ' ')}"
    if trends["trend"] != "insufficient_data":
        change += f", {trends['first_period_avg']:.1f} to {trends['second_period_avg']:.1f}"
    return [
        ("agent", clean_text(stats["agent"]) if stats["agent"] is not None else "all agents"),
        ("period", figures.count(stats["period_days"], "day")),
        ("sessions", f"{stats['sessions_analyzed']:,}"),
        ("cost", figures.usd(stats["total_cost"])),
        ("avoidable cost", figures.usd(stats["total_waste_cost"])),
        ("tokens", f"{stats['total_tokens']:,}"),
        ("avoidable tokens", f"{stats['total_waste_tokens']:,}"),
        ("average score", f"{stats['average_efficiency']:.1f}"),
        ("trend of the score", change),
        *((type_words(issue["type"]), figures.count(issue["count"], "issue")) for issue in stats["common_issues"]),
        *(("unused tools", sentence_of(unused)) for unused in stats.get("unused_tools", ())),
    ]

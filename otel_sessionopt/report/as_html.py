"""The report as one HTML page: self-contained, readable without script, no network. Hostile text shows as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_sessionopt.analyzers.issue import Severity
from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.html_contexts import context_pictures
from otel_sessionopt.report.html_history import spark_of
from otel_sessionopt.report.html_icicle import icicle_of
from otel_sessionopt.report.html_issues import (
    LEADING,
    MOST_IN_FULL,
    MOST_IN_SHORT,
    IssueView,
    issue_views,
    marks_of,
    rule_pages,
)
from otel_sessionopt.report.html_page import render, trace_link
from otel_sessionopt.report.html_waterfall import KIND_NAMES, waterfall_rows
from otel_sessionopt.report.ledger_view import SOURCE_NAMES
from otel_sessionopt.report.parts import Amount
from otel_sessionopt.report.score import ScoreBasis
from otel_sessionopt.report.session_names import moment, title_of
from otel_sessionopt.report.summary import SessionRow

_RING: Final = 326.7
"""Circumference of the ring that shows the score: 2π × 52."""
_TRACES_LINKED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure at the top of a page."""

    label: str
    figure: str
    note: str
    kind: str = ""


def as_html(
    report: OptimizationReport,
    *,
    jaeger_url: str | None = None,
    history: Sequence[SessionRow] | None = None,
    home: str = "",
) -> str:
    """One HTML document, ending in a line break. The same report gives the same page.

    Args:
        report: also one that was read back from its JSON form.
        jaeger_url: address of a Jaeger UI that has the trace (`http://localhost:16686`); spans link to it.
        history: the agent's last sessions, for a spark line; those in `report.comparisons` when not given.
        home: address of the list of all sessions, where there is one.
    """
    views = issue_views(report, jaeger_url)
    timeline = report.timeline
    info = report.session
    return render(
        "report.html",
        home=home,
        report=report,
        title=title_of(report),
        about=[part for part in phrases.session_line(report) if part],
        started=moment(info.started_at),
        headline=phrases.headline(report),
        verdict=phrases.verdict(report),
        tiles=_tiles(report),
        ring=round(_RING * report.efficiency_score / 100, 1),
        score=figures.score(report.efficiency_score) if report.bill.total.tokens else None,
        wasted_percent=wasted_percent(report),
        leading=views[:LEADING],
        issues=views[:MOST_IN_FULL],
        further=views[MOST_IN_FULL : MOST_IN_FULL + MOST_IN_SHORT],
        untold=max(len(views) - MOST_IN_FULL - MOST_IN_SHORT, 0),
        severities=_severities(views),
        codes=sorted({view.issue.code for view in views}),
        agents=sorted({view.agent for view in views if view.agent}),
        pictures=() if timeline is None else context_pictures(timeline.contexts),
        icicle=None if report.ledger is None else icicle_of(report.ledger),
        waterfall=() if timeline is None else waterfall_rows(timeline, marks_of(views)),
        kinds=KIND_NAMES,
        timeline=timeline,
        spark=spark_of(report, history),
        pages=rule_pages([view.issue.code for view in views]),
        traces=[
            (trace_id, link)
            for trace_id in info.trace_ids[:_TRACES_LINKED]
            if (link := trace_link(jaeger_url, trace_id))
        ],
        not_evaluated=phrases.not_evaluated(report),
        switches=phrases.missing_switches(report),
        class_names=phrases.PRICE_CLASS_NAMES,
        source_names=SOURCE_NAMES,
    )


def wasted_percent(report: OptimizationReport) -> float:
    """The avoidable part of the bill, in what the score compares; 0–100 with one decimal."""
    total, avoidable = report.bill.total, report.waste.avoidable
    if report.score_basis is ScoreBasis.DOLLARS:
        part, whole = float(avoidable.cost_usd or 0), float(total.cost_usd or 0)
    else:
        part, whole = avoidable.tokens, total.tokens
    return round(min(part / whole * 100, 100.0), 1) if whole else 0.0


def without_waste(report: OptimizationReport) -> Amount:
    """What the session could have cost."""
    total, avoidable = report.bill.total, report.waste.avoidable
    cost = None if total.cost_usd is None else total.cost_usd - (avoidable.cost_usd or 0)
    return Amount(tokens=total.tokens - avoidable.tokens, cost_usd=cost)


def _tiles(report: OptimizationReport) -> list[Tile]:
    total, avoidable, least = report.bill.total, report.waste.avoidable, without_waste(report)
    if not total.tokens:
        return []
    in_dollars = report.score_basis is ScoreBasis.DOLLARS
    share = figures.share(
        (avoidable.cost_usd or 0) if in_dollars else avoidable.tokens,
        (total.cost_usd or 0) if in_dollars else total.tokens,
    )
    unpriced = f"{report.bill.unpriced_calls:,} of {report.bill.calls:,} calls unpriced"
    priced = "" if report.bill.is_fully_priced else f", {unpriced}"
    cost = figures.usd(total.cost_usd)
    could = figures.usd(least.cost_usd) if in_dollars else f"{least.tokens:,}"
    saved = figures.usd(avoidable.cost_usd) if in_dollars else f"{avoidable.tokens:,}"
    unit = "" if in_dollars else "tokens, "
    return [
        Tile(label="Cost", figure=cost, note=f"{total.tokens:,} tokens{priced}"),
        Tile(
            label="Could have cost" if in_dollars else "Could have used",
            figure=could,
            note=f"{unit}without what was avoidable",
            kind="good",
        ),
        Tile(
            label="Avoidable",
            figure=saved,
            note=f"{unit}{share} of the bill",
            kind="bad" if wasted_percent(report) else "",
        ),
    ]


def _severities(views: Sequence[IssueView]) -> list[str]:
    present = {view.issue.severity for view in views}
    return [severity.value for severity in reversed(Severity) if severity in present]

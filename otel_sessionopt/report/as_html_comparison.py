"""Two or more sessions side by side as one HTML page: the bill by source, issues gained and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from otel_sessionopt.analyzers.issue import EfficiencyIssue
from otel_sessionopt.errors import RecordingError
from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.as_html import without_waste
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.html_page import render, trace_link
from otel_sessionopt.report.ledger_view import SOURCE_NAMES
from otel_sessionopt.report.parts import Amount
from otel_sessionopt.report.session_names import moment, title_of

MOST_SESSIONS: Final = 12
"""Columns that a page has room for."""
_ROW_HEIGHT: Final = 34
_SUBJECT_KEYS: Final = ("file_path", "query", "tool_name", "program", "agent", "model")
"""Metadata that says what an issue is about; with the rule it tells the same issue in two sessions."""
_NOTHING: Final = Amount()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One session. `letter` stands for it in rows and pictures."""

    letter: str
    report: OptimizationReport
    title: str
    started: str
    about: str
    least: Amount
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One source in the bar of one session; `x` and `width` in percent."""

    source: str
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The bill of one session by source, on the scale of the dearest."""

    letter: str
    y: int
    segments: tuple[Segment, ...]
    total: str
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One source over all sessions; `changes` against the first."""

    source: str
    name: str
    amounts: tuple[Amount, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRow:
    """One issue, told apart by rule and subject; per session what it wasted there, `None` where it is not."""

    title: str
    subject: str
    wastes: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A session's issues against those of the first: `gained` are new in it, `lost` are gone."""

    letter: str
    gained: tuple[EfficiencyIssue, ...]
    lost: tuple[EfficiencyIssue, ...]
    kept: int


def as_comparison_html(reports: Sequence[OptimizationReport], *, jaeger_url: str | None = None, home: str = "") -> str:
    """One HTML document, ending in a line break; differences are against the first of `reports`.

    Raises:
        RecordingError: there are fewer than two reports, or more than a page has room for.
    """
    if not 2 <= len(reports) <= MOST_SESSIONS:
        raise RecordingError(f"{len(reports)} sessions; a comparison is of 2 to {MOST_SESSIONS}")
    columns = tuple(_column(place, report, jaeger_url) for place, report in enumerate(reports))
    in_dollars = all(report.bill.is_fully_priced for report in reports)
    rows = _source_rows(reports, in_dollars)
    issues = [_by_subject(report) for report in reports]
    return render(
        "comparison.html",
        home=home,
        columns=columns,
        best=max(columns, key=lambda column: column.report.efficiency_score),
        bars=_bars(columns, rows, in_dollars),
        height=_ROW_HEIGHT * len(columns),
        sources=rows,
        issue_rows=_issue_rows(reports, issues),
        differences=tuple(
            Difference(
                letter=column.letter,
                gained=tuple(issue for key, issue in own.items() if key not in issues[0]),
                lost=tuple(issue for key, issue in issues[0].items() if key not in own),
                kept=sum(key in issues[0] for key in own),
            )
            for column, own in zip(columns[1:], issues[1:], strict=True)
        ),
        issue_title=phrases.issue_title,
        subject_of=subject_of,
    )


def _column(place: int, report: OptimizationReport, jaeger_url: str | None) -> Column:
    return Column(
        letter="ABCDEFGHIJKL"[place],
        report=report,
        title=title_of(report),
        started=moment(report.session.started_at),
        about=", ".join(phrases.session_line(report)),
        least=without_waste(report),
        link=trace_link(jaeger_url, next(iter(report.session.trace_ids), "")),
    )


def _source_rows(reports: Sequence[OptimizationReport], in_dollars: bool) -> tuple[SourceRow, ...]:
    parts: list[dict[str, Amount]] = [
        {} if report.ledger is None else {part.name: part.amount for part in report.ledger.total.children}
        for report in reports
    ]
    rows = []
    for source in SOURCE_NAMES:
        amounts = tuple(each.get(source, _NOTHING) for each in parts)
        if any(amount.tokens or amount.cost_usd for amount in amounts):
            first = _size(amounts[0], in_dollars)
            changes = tuple(_change(first, _size(amount, in_dollars), in_dollars) for amount in amounts[1:])
            rows.append(SourceRow(source=source, name=SOURCE_NAMES[source], amounts=amounts, changes=changes))
    return tuple(rows)


def _size(amount: Amount, in_dollars: bool) -> Decimal:
    return (amount.cost_usd or Decimal(0)) if in_dollars else Decimal(amount.tokens)


def _change(first: Decimal, other: Decimal, in_dollars: bool) -> str:
    """`+$0.41`, `−12,345`, `±0`."""
    difference = other - first
    if not difference:
        return "±0"
    sign = "+" if difference > 0 else "−"
    return f"{sign}{figures.usd(abs(difference)) if in_dollars else f'{abs(difference):,}'}"


def _bars(columns: Sequence[Column], rows: Sequence[SourceRow], in_dollars: bool) -> tuple[Bar, ...]:
    largest = max(_size(column.report.bill.total, in_dollars) for column in columns) or Decimal(1)
    bars = []
    for place, column in enumerate(columns):
        x = 0.0
        segments = []
        for row in rows:
            amount = row.amounts[place]
            # The rest of the width is for the sum behind the bar.
            width = float(_size(amount, in_dollars) / largest) * 84
            if width:
                title = f"{column.letter}: {row.name} {figures.amount(amount)}"
                segments.append(Segment(source=row.source, x=round(x, 2), width=round(width, 2), title=title))
            x += width
        total = column.report.bill.total
        shown = figures.usd(total.cost_usd) if in_dollars else f"{figures.count(total.tokens, 'token')}"
        bars.append(
            Bar(letter=column.letter, y=place * _ROW_HEIGHT, segments=tuple(segments), total=shown, end=round(x, 2))
        )
    return tuple(bars)


def subject_of(issue: EfficiencyIssue) -> str:
    """What an issue is about: a file, a query, a tool; `""` where it is about the session."""
    return next((value for key in _SUBJECT_KEYS if isinstance(value := issue.metadata.get(key), str) and value), "")


def _by_subject(report: OptimizationReport) -> dict[tuple[str, str], EfficiencyIssue]:
    found: dict[tuple[str, str], EfficiencyIssue] = {}
    for issue in report.issues:
        found.setdefault((issue.code, subject_of(issue)), issue)
    return found


def _issue_rows(
    reports: Sequence[OptimizationReport], issues: Sequence[Mapping[tuple[str, str], EfficiencyIssue]]
) -> tuple[IssueRow, ...]:
    keys = dict.fromkeys(key for each in issues for key in each)
    rows = []
    for key in keys:
        shown = next(each[key] for each in issues if key in each)
        wastes = tuple(
            (phrases.issue_waste(report, each[key]) or "found") if key in each else None
            for report, each in zip(reports, issues, strict=True)
        )
        rows.append(IssueRow(title=phrases.issue_title(shown), subject=key[1], wastes=wastes))
    return tuple(rows)

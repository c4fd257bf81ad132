"""The total over several sessions as text and Markdown, and sessions in short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.as_markdown import code, escape
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.leading import leading_issues
from otel_sessionopt.report.lines import wrap
from otel_sessionopt.report.summary import SessionRow, SessionsTotal, total_headline

ID_WIDTH: Final = 32
COLUMNS: Final = ("cost", "avoidable", "score", "issues", "session")
_WIDTHS: Final = (9, 17, 7, 6, ID_WIDTH)
_ISSUES_SHOWN: Final = 3


def short_report(report: OptimizationReport) -> str:
    """A report in a few lines: what it cost, what it was, its worst issues."""
    lines = [f"Session {report.session_id}"]
    lines += wrap(phrases.headline(report), "  ")
    lines += wrap(", ".join(phrases.session_line(report)), "  ")
    leading = leading_issues(report, _ISSUES_SHOWN)
    for issue in leading:
        lines += wrap(phrases.short_issue(report, issue), "    ", first="  - ")
    if len(report.issues) > len(leading):
        lines.append(f"  - and {len(report.issues) - len(leading)} more")
    lines += wrap(f"{phrases.verdict(report)}.", "  ")
    for rule, reason in phrases.not_evaluated(report):
        lines += wrap(f"{rule} {reason}.", "    ", first="  ")
    return "\n".join(lines) + "\n"


def sessions_as_text(rows: Sequence[SessionRow]) -> str:
    """A table of sessions, one line each, within 80 columns."""
    lines = [_line(COLUMNS), *(_line(cells(row)) for row in rows)]
    return "\n".join(lines) + "\n"


def cells(row: SessionRow) -> tuple[str, str, str, str, str]:
    """One session as the cells of `COLUMNS`."""
    cost = figures.usd(row.bill.cost_usd)
    avoidable = "–"
    if row.is_fully_priced and row.avoidable.cost_usd:
        share = figures.share(row.avoidable.cost_usd, row.bill.cost_usd or 0)
        avoidable = f"{figures.usd(row.avoidable.cost_usd)} ({share.replace(' ', '').replace('under', '<')})"
    elif row.avoidable.tokens and not row.is_fully_priced:
        avoidable = f"{row.avoidable.tokens:,} tok."
    if row.bill.cost_usd is not None and not row.is_fully_priced:
        cost += "+"
    score = f"{figures.score(row.score)} {row.grade}" if row.bill.tokens else "–"
    return (cost if row.bill.tokens else "–", avoidable, score, str(row.issues), row.session_id[:ID_WIDTH])


def total_as_text(total: SessionsTotal, *, with_issues: bool) -> str:
    """The bill, the waste and the dearest cures; `with_issues` adds the dearest issues."""
    lines = wrap(total_headline(total))
    if total.cures:
        lines += ["", "Dearest cures:"]
    for cure in total.cures:
        lines += wrap(f"{figures.amount(cure.amount)} in {_where(cure.issues, cure.sessions)}", "     ", first="  - ")
        lines += wrap(cure.suggestion, "    ")
    if with_issues and total.dearest:
        lines += ["", "Dearest issues:"]
        for issue in total.dearest:
            lines += wrap(f"{figures.amount(issue.amount)}: {issue.title}", "    ", first="  - ")
            lines += wrap(issue.description, "    ")
            lines += wrap(f"Session {issue.session_id}", "    ")
    return "\n".join(lines) + "\n"


def total_as_markdown(total: SessionsTotal) -> str:
    """The same as Markdown."""
    lines = [f"### {escape(total_headline(total))}"]
    if total.cures:
        lines += ["", "| saves | what to do | where |", "|---|---|---|"]
        lines += [
            f"| {escape(figures.amount(cure.amount))} | {escape(cure.suggestion)} "
            f"| {escape(_where(cure.issues, cure.sessions))} |"
            for cure in total.cures
        ]
    if total.dearest:
        lines += ["", "Dearest issues:", ""]
        lines += [
            f"- {escape(figures.amount(issue.amount))}: {escape(issue.title)}, {escape(issue.description)} "
            f"Session {code(issue.session_id)}"
            for issue in total.dearest
        ]
    return "\n".join(lines) + "\n"


def _where(issues: int, sessions: int) -> str:
    return f"{figures.count(issues, 'issue')} of {figures.count(sessions, 'session')}"


def _line(texts: Sequence[str]) -> str:
    *numbers, last = texts
    return " ".join([*(text.rjust(width) for text, width in zip(numbers, _WIDTHS, strict=False)), f" {last}"]).rstrip()

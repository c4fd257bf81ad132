"""The total over several sessions as text and Markdown, and sessions in short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.as_markdown import code, escape
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.leading import leading_issues
from otel_sessionopt.report.lines import WIDTH, wrap
from otel_sessionopt.report.session_names import dated_title, short_ids
from otel_sessionopt.report.summary import SessionRow, SessionsTotal, total_headline

COLUMNS: Final = ("cost", "avoidable", "score", "issues", "started", "session", "task")
NUMBERS: Final = frozenset(COLUMNS[:4])
"""The columns of numbers, aligned right."""
_NAME_WIDTH: Final = 32
_ISSUES_SHOWN: Final = 3


def short_report(report: OptimizationReport) -> str:
    """A report in a few lines: what it cost, what it was, its worst issues."""
    lines = wrap(dated_title(report))
    lines += wrap(phrases.headline(report), "  ")
    lines += wrap(", ".join(phrases.session_line(report)), "  ")
    conversation = report.session.conversation_id
    told = f", conversation {conversation}" if conversation not in (None, report.session_id) else ""
    lines += wrap(f"Session {report.session_id}{told}", "  ")
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
    """A table of sessions, one line each, within 80 columns where ids and numbers leave room."""
    table = [COLUMNS, *table_rows(rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "".join(f"{_line(texts, widths)}\n" for texts in table)


def table_rows(rows: Sequence[SessionRow]) -> list[tuple[str, ...]]:
    """Each session as the cells of `COLUMNS`. One that is alone in its conversation goes by the name of that."""
    alone = {name for name, count in Counter(row.conversation_id for row in rows).items() if count == 1}
    ids = [(row.conversation_id if row.conversation_id in alone else None) or row.session_id for row in rows]
    return [
        (*_numbers(row), row.started_at[:10] or "–", name[:_NAME_WIDTH], (row.task or row.agent)[:_NAME_WIDTH])
        for row, name in zip(rows, short_ids(ids), strict=True)
    ]


def _numbers(row: SessionRow) -> tuple[str, str, str, str]:
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
    return (cost if row.bill.tokens else "–", avoidable, score, str(row.issues))


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
            lines += wrap(f"{issue.session_title}, session {issue.session_id}", "    ")
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
            f"{escape(issue.session_title)}, session {code(issue.session_id)}"
            for issue in total.dearest
        ]
    return "\n".join(lines) + "\n"


def _where(issues: int, sessions: int) -> str:
    return f"{figures.count(issues, 'issue')} of {figures.count(sessions, 'session')}"


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    """One line of the table; what is longer than the 80 columns leave for it, the task, is cut."""
    cells = [
        text.rjust(width) if name in NUMBERS else text.ljust(width)
        for name, text, width in zip(COLUMNS, texts, widths, strict=True)
    ]
    *others, task = cells
    line = " ".join([*others[: len(NUMBERS)], "", *others[len(NUMBERS) :], ""])
    return f"{line}{task[: max(WIDTH - len(line), 0)]}".rstrip()

"""The report as Markdown, made to be pasted into a pull request or an issue. Hostile text shows as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from otel_sessionopt.analyzers.issue import EfficiencyIssue
from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.leading import leading_issues, other_issues
from otel_sessionopt.report.ledger_view import LedgerSummary
from otel_sessionopt.report.parts import BillSummary
from otel_sessionopt.report.session_names import moment

# `_` inside a word and `#` inside a line mean nothing, and are too common in names to be cluttered.
_SPECIAL: Final = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_BLOCK_START: Final = re.compile(r"^(\s*)([-+#=]|\d+(?=[.)]))")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# A comment between the characters stops mentions, issue references and automatic links, and does not show.
_AUTOLINKS: Final = re.compile(r"(?i)(@|#(?=\d)|GH-(?=\d)|://|www(?=\.))(?=\S)")
_LONGEST_QUOTED: Final = 3
"""Texts of an issue shown as code: a path, a query, a command; more would break up the sentence."""


def as_markdown(report: OptimizationReport) -> str:
    """The whole report, ending in a line break."""
    blocks = [
        f"### {escape(phrases.headline(report))}",
        _session(report),
        _issue_table(report),
        _issue_list(report),
        _others(report),
        _not_evaluated(report),
        _details("Bill", _bill_table(report.bill)) if report.bill.total.tokens else "",
        _details("Where it went", _ledger_table(report.ledger)) if report.ledger else "",
        "\n".join(f"> {escape(note)}  " for note in report.notes),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape(text: str) -> str:
    """`text` so that it shows as it is: no markup, no HTML, no mention, no link."""
    text = re.sub(r"[&<>]", lambda match: _ENTITIES[match[0]], text)
    text = _SPECIAL.sub(lambda match: f"\\{match[0]}", text)
    text = _BLOCK_START.sub(_escaped_start, text)
    return _AUTOLINKS.sub(lambda match: f"{match[0]}<!-- -->", text)


def _escaped_start(match: re.Match[str]) -> str:
    """A mark that would open a heading, a list or a rule: `\\# x`, `1\\. x`."""
    return f"{match[1]}{match[2]}\\" if match[2].isdigit() else f"{match[1]}\\{match[2]}"


def code(text: str, *, in_table: bool = False) -> str:
    """`text` as a code span, whatever backticks it contains."""
    if not text.strip():
        return escape(text)
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    body = text.replace("|", "\\|") if in_table else text
    return f"{fence}{pad}{body}{pad}{fence}"


def _session(report: OptimizationReport) -> str:
    parts = [f"Session {code(report.session_id)}"]
    if report.session.conversation_id not in (None, report.session_id):
        parts.append(f"conversation {code(report.session.conversation_id or '')}")
    parts += map(escape, filter(None, (moment(report.session.started_at), *phrases.session_line(report))))
    line = " · ".join(parts)
    return f"{line}  \nTask: {escape(report.session.task)}" if report.session.task else line


def _issue_table(report: OptimizationReport) -> str:
    verdict = escape(phrases.verdict(report))
    if not report.issues:
        return f"{verdict}."
    return "\n".join([f"{verdict}.", "", *_issue_rows(report, leading_issues(report), 1)])


def _issue_rows(report: OptimizationReport, issues: Sequence[EfficiencyIssue], first: int) -> list[str]:
    rows = [
        f"| {place} | {issue.severity.value} | {escape(phrases.issue_title(issue))} "
        f"| {escape(phrases.issue_waste(report, issue)) or '–'} |"
        for place, issue in enumerate(issues, start=first)
    ]
    return ["| | severity | issue | waste |", "|---|---|---|---|", *rows]


def _issue_list(report: OptimizationReport) -> str:
    return "\n".join(
        f"{place}. {_described(issue)}" + (f"  \n   **Do:** {escape(issue.suggestion)}" if issue.suggestion else "")
        for place, issue in enumerate(leading_issues(report), start=1)
    )


def _others(report: OptimizationReport) -> str:
    """The issues that do not lead, in a table that opens."""
    others = other_issues(report)
    if not others:
        return ""
    rows = _issue_rows(report, others[: phrases.OTHERS_SHOWN], len(report.issues) - len(others) + 1)
    more = len(others) - phrases.OTHERS_SHOWN
    end = ["", f"and {phrases.more_issues(more)}"] if more > 0 else []
    return _details(figures.count(len(others), "more issue"), "\n".join([*rows, *end]))


def _described(issue: EfficiencyIssue) -> str:
    """The description with the issue's own texts (path, query, command) as code."""
    texts = {value for value in issue.metadata.values() if isinstance(value, str) and len(value) >= _LONGEST_QUOTED}
    found = sorted((text for text in texts if text in issue.description), key=lambda text: (-len(text), text))
    if not found:
        return escape(issue.description)
    pattern = "|".join(re.escape(text) for text in found[:_LONGEST_QUOTED])
    parts = re.split(f"({pattern})", issue.description)
    return "".join(code(part) if place % 2 else escape(part) for place, part in enumerate(parts))


def _not_evaluated(report: OptimizationReport) -> str:
    lines = [f"- {code(name)} {escape(reason)}" for name, reason in phrases.not_evaluated(report)]
    lines += [f"- To get {escape(fact)}: {escape(switch)}" for fact, switch in phrases.missing_switches(report).items()]
    return "\n".join(lines)


def _details(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _bill_table(bill: BillSummary) -> str:
    rows = [
        f"| {phrases.PRICE_CLASS_NAMES[price_class]} | {entry.tokens:,} | {escape(figures.usd(entry.cost_usd))} |"
        for price_class, entry in bill.classes.items()
        if entry.tokens
    ]
    if bill.reasoning_tokens:
        rows.append(f"| of it reasoning | {bill.reasoning_tokens:,} | |")
    rows.append(f"| **total** | **{bill.total.tokens:,}** | **{escape(figures.usd(bill.total.cost_usd))}** |")
    models = [
        f"| {code(row.model, in_table=True)} | {row.amount.tokens:,} | {escape(figures.usd(row.amount.cost_usd))} |"
        for row in bill.models
    ]
    head = ["| | tokens | USD |", "|---|--:|--:|"]
    return "\n".join([*head, *rows, *(["| by model: | | |", *models] if len(models) > 1 else [])])


def _ledger_table(ledger: LedgerSummary) -> str:
    rows = [
        f"| {code(name.strip(), in_table=True) if name.startswith(' ') else name} | {amount.tokens:,} "
        f"| {escape(figures.usd(amount.cost_usd))} |"
        for name, amount in phrases.ledger_rows(ledger)
    ]
    return "\n".join(["| | tokens | USD |", "|---|--:|--:|", *rows])

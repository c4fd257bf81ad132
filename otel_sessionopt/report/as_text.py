"""The report as plain text that fits 80 columns: the number that matters first, then why and what to do."""

from __future__ import annotations

from typing import Final

from otel_sessionopt.analyzers.issue import EfficiencyIssue
from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.leading import leading_issues, other_issues
from otel_sessionopt.report.ledger_view import LedgerSummary
from otel_sessionopt.report.lines import wrap
from otel_sessionopt.report.parts import BillSummary
from otel_sessionopt.report.session_names import moment

_EVIDENCE_SHOWN: Final = 3
_NAME_WIDTH: Final = 40


def as_text(report: OptimizationReport) -> str:
    """The whole report, ending in a line break. No colour and no control characters."""
    blocks = [
        [*wrap(phrases.headline(report)), *_session(report)],
        bill_table(report.bill),
        ledger_table(report.ledger),
        _issues(report),
        _not_evaluated(report),
        _notes(report),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _session(report: OptimizationReport) -> list[str]:
    conversation = report.session.conversation_id
    started = moment(report.session.started_at)
    lines = wrap(f"Session {report.session_id}" + (f", {started}" if started else ""))
    if conversation not in (None, report.session_id):
        lines += wrap(f"Conversation {conversation}")
    lines += wrap(", ".join(phrases.session_line(report)))
    if report.session.task:
        lines += wrap(f"Task: {report.session.task}")
    return lines


def bill_table(bill: BillSummary) -> list[str]:
    """Tokens and dollars by price class, and by model where there are several; nothing where nothing was billed."""
    if bill.total.tokens == 0:
        return []
    rows = [
        (phrases.PRICE_CLASS_NAMES[price_class], entry.tokens, figures.usd(entry.cost_usd))
        for price_class, entry in bill.classes.items()
        if entry.tokens
    ]
    if bill.reasoning_tokens:
        rows.append(("  of it reasoning", bill.reasoning_tokens, ""))
    rows.append(("total", bill.total.tokens, figures.usd(bill.total.cost_usd)))
    if len(bill.models) > 1:
        rows += [(f"  {row.model}", row.amount.tokens, figures.usd(row.amount.cost_usd)) for row in bill.models]
    lines = [f"{'Bill':<{_NAME_WIDTH}}{'tokens':>16}{'USD':>16}"]
    lines += [f"{name[:_NAME_WIDTH]:<{_NAME_WIDTH}}{tokens:>16,}{cost:>16}".rstrip() for name, tokens, cost in rows]
    return lines


def ledger_table(ledger: LedgerSummary | None) -> list[str]:
    """Tokens and dollars by what caused them; nothing where nothing was billed."""
    if ledger is None:
        return []
    lines = [f"{'Where it went':<{_NAME_WIDTH}}{'tokens':>16}{'USD':>16}"]
    lines += [
        f"{name[:_NAME_WIDTH]:<{_NAME_WIDTH}}{amount.tokens:>16,}{figures.usd(amount.cost_usd):>16}"
        for name, amount in phrases.ledger_rows(ledger)
    ]
    return lines


def _issues(report: OptimizationReport) -> list[str]:
    lines = wrap(f"{phrases.verdict(report)}.")
    leading = leading_issues(report)
    for place, issue in enumerate(leading, start=1):
        lines += ["", *_issue(report, place, issue)]
    return lines + _others(report, len(leading) + 1)


def _others(report: OptimizationReport, place: int) -> list[str]:
    """The issues that do not lead, a line each; most are small, or counted by those that do."""
    others = other_issues(report)
    if not others:
        return []
    lines = ["", "In short:"]
    for number, issue in enumerate(others[: phrases.OTHERS_SHOWN], start=place):
        lines += wrap(phrases.short_issue(report, issue), indent="   ", first=f"{number}. ")
    more = len(others) - phrases.OTHERS_SHOWN
    return lines + wrap(f"and {phrases.more_issues(more)}", indent="   ", first="") if more > 0 else lines


def _issue(report: OptimizationReport, place: int, issue: EfficiencyIssue) -> list[str]:
    lines = wrap(f"{place}. {phrases.short_issue(report, issue)}", indent="   ", first="")
    lines += wrap(issue.description, indent="   ")
    lines += wrap(f"Do: {issue.suggestion}", indent="   ") if issue.suggestion else []
    evidence = issue.events_involved
    if evidence:
        more = len(evidence) - _EVIDENCE_SHOWN
        shown = ", ".join(evidence[:_EVIDENCE_SHOWN]) + (f" and {more} more" if more > 0 else "")
        lines += wrap(f"Spans: {shown}", indent="   ")
    return lines


def _not_evaluated(report: OptimizationReport) -> list[str]:
    lines = [
        line for code, reason in phrases.not_evaluated(report) for line in wrap(f"{code} {reason}.", "  ", first="")
    ]
    for fact, switch in phrases.missing_switches(report).items():
        lines += wrap(f"To get {fact}: {switch}.", "  ", first="")
    return lines


def _notes(report: OptimizationReport) -> list[str]:
    return [line for note in report.notes for line in wrap(f"Note: {note}", "  ", first="")]

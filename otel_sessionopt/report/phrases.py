"""Sentences that more than one form of the report says."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType
from otel_sessionopt.analyzers.overlap import CountedWaste
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.report import figures
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.ledger_view import SOURCE_NAMES, LedgerSummary
from otel_sessionopt.report.parts import Amount, RuleOutcome
from otel_sessionopt.report.switches import WITHOUT_SWITCH
from otel_sessionopt.session.facts.ledger_items import Source

PRICE_CLASS_NAMES: Final = {
    PriceClass.INPUT: "uncached input",
    PriceClass.CACHE_READ: "cache read",
    PriceClass.CACHE_WRITE: "cache write",
    PriceClass.CACHE_WRITE_1H: "cache write, 1 h",
    PriceClass.OUTPUT: "output",
}
_NOT_IN_TOTALS: Final = {
    Basis.HEURISTIC: "heuristic, in no total",
    Basis.AT_RISK: "at risk, in no total",
    Basis.WHAT_IF: "what if, in no total",
}
# The one type whose rule has another name.
_TYPE_WORDS: Final = {IssueType.LARGE_FILE_UNCOMPRESSED.value: "large file"}
_TOOLS_SHOWN: Final = 5
_SMALLEST_SHARE: Final = 1_000  # a source below one thousandth of tokens and dollars is left to the JSON form
OTHERS_SHOWN: Final = 10
"""Issues told in short after the leading ones."""


def ledger_rows(ledger: LedgerSummary) -> list[tuple[str, Amount]]:
    """Sources, dearest first, and below tool results their dearest tools, indented."""
    rows: list[tuple[str, Amount]] = []
    for source in ledger.total.children:
        if _is_negligible(source.amount, ledger.total.amount):
            continue
        rows.append((SOURCE_NAMES.get(source.name, source.name), source.amount))
        if source.name == Source.TOOL_RESULT.value:
            rows += [(f"  {tool.name}", tool.amount) for tool in source.children[:_TOOLS_SHOWN]]
    return rows


def _is_negligible(part: Amount, whole: Amount) -> bool:
    is_few = part.tokens * _SMALLEST_SHARE < whole.tokens
    return is_few and (part.cost_usd or 0) * _SMALLEST_SHARE <= (whole.cost_usd or 0)


def headline(report: OptimizationReport) -> str:
    """The one sentence that matters: what it could have cost, what it did cost, the score."""
    bill = report.bill
    fewer_calls = report.replay.fewer_calls if report.replay is not None else 0
    sentence = cost_sentence(bill.total, report.waste.avoidable, bill.calls, bill.unpriced_calls, fewer_calls)
    if bill.total.tokens == 0:
        return sentence
    return f"{sentence} Score {figures.score(report.efficiency_score)} ({report.grade})."


def cost_sentence(total: Amount, avoidable: Amount, calls: int, unpriced_calls: int, fewer_calls: int = 0) -> str:
    """What it could have cost instead of what it did: in dollars where every call has a price, otherwise in tokens.

    Args:
        total, calls, unpriced_calls: of the bill.
        avoidable, fewer_calls: what would not have been billed.
    """
    if total.tokens == 0:
        return "No token usage is recorded, so neither cost nor waste can be told."
    tokens = f"{total.tokens - avoidable.tokens:,} tokens instead of {total.tokens:,}"
    calls_text = f"{figures.count(fewer_calls, 'model call')} fewer" if fewer_calls else ""
    if total.cost_usd and avoidable.cost_usd is not None and not unpriced_calls:
        if avoidable.cost_usd <= 0:
            return f"Cost {figures.usd(total.cost_usd)}; nothing avoidable was found."
        instead = f"{figures.usd(total.cost_usd - avoidable.cost_usd)} instead of {figures.usd(total.cost_usd)}"
        further = [tokens if avoidable.tokens else "", calls_text]
        return _joined(f"Could have cost {instead} ({figures.share(avoidable.cost_usd, total.cost_usd)} less)", further)
    if total.cost_usd is None:
        cost = "No price known."
    elif unpriced_calls:
        cost = f"Cost {figures.usd(total.cost_usd)} without {unpriced_calls:,} unpriced of {calls:,} calls."
    else:
        cost = f"Cost {figures.usd(total.cost_usd)}."
    if avoidable.tokens <= 0:
        return f"{cost} Used {figures.count(total.tokens, 'token')}; nothing avoidable was found."
    less = f"{figures.share(avoidable.tokens, total.tokens)} less"
    return f"{cost} {_joined(f'Could have used {tokens} ({less})', [calls_text])}"


def _joined(start: str, further: Sequence[str]) -> str:
    return f"{', '.join([start, *filter(None, further)])}."


def session_line(report: OptimizationReport) -> list[str]:
    """What the session was, in parts: agent, model, counts, duration, state. Texts are cleaned, not escaped."""
    info, counts = report.session, report.counts
    parts = [info.agent, info.model if info.model != "default" else ""]
    parts += [figures.count(counts.model_calls, "model call"), figures.count(counts.tool_calls, "tool call")]
    if counts.errors:
        parts.append(figures.count(counts.errors, "error"))
    if counts.rejections:
        parts.append(figures.count(counts.rejections, "rejection"))
    if counts.compactions:
        parts.append(figures.count(counts.compactions, "compaction"))
    if info.active_ns is not None:
        active, wall = figures.duration(info.active_ns), figures.duration(info.wall_ns)
        parts.append(f"active {active}" if wall in ("", active) else f"active {active} of {wall}")
    parts.append(info.status.lower())
    return [part for part in parts if part]


def issue_title(issue: EfficiencyIssue) -> str:
    """`Repeated file read`."""
    words = issue.code.replace("-", " ") or type_words(issue.issue_type.value)
    return words[:1].upper() + words[1:]


def type_words(issue_type: str) -> str:
    """`repeated file read` of `REPEATED_FILE_READ`: the words that the titles of such issues have."""
    return _TYPE_WORDS.get(issue_type) or issue_type.replace("_", " ").lower()


def short_issue(report: OptimizationReport, issue: EfficiencyIssue) -> str:
    """`HIGH Repeated file read: $0.41, 12,345 tokens (measured)`."""
    waste = issue_waste(report, issue)
    title = f"{issue.severity.value} {issue_title(issue)}"
    return f"{title}: {waste}" if waste else title


def more_issues(count: int) -> str:
    """What stands for issues that are not even told in short."""
    return f"{count:,} more, all of them in the JSON form."


def issue_waste(report: OptimizationReport, issue: EfficiencyIssue) -> str:
    """What an issue wasted, how sure that is, and what of it others own; `""` where it claims nothing."""
    own = _own_figure(issue)
    if own.tokens == 0 and not own.cost_usd:
        return ""
    if issue.waste is not None and not issue.waste.basis.counts:
        return f"{figures.amount(own)} ({_NOT_IN_TOTALS[issue.waste.basis]})"
    if issue.is_preview:
        return f"{figures.amount(own)} (preview rule, in no total)"
    share = report.counted[issue.id]
    basis = "" if issue.waste is None else f" ({issue.waste.basis.value})"
    if not share.tokens and not share.cost_usd:
        return f"{figures.amount(own)}{basis}, already counted{_owners(share)}"
    further = _further(own, share)
    told = f", further {further} already counted{_owners(share)}" if further else ""
    return f"{figures.amount(_amount_of(share))}{basis}{told}"


def _further(own: Amount, share: CountedWaste) -> str:
    """What of an issue's own waste others have counted: tokens, or dollars where it is about dollars only."""
    if own.tokens:
        rest = own.tokens - share.tokens
        return f"{rest:,}" if rest > 1 else ""  # of one token rounding is the cause
    dollars = (own.cost_usd or 0) - (share.cost_usd or 0)
    return figures.usd(dollars) if dollars > 0 and share.already_counted_by else ""


def _owners(share: CountedWaste) -> str:
    return f" by {', '.join(share.already_counted_by)}" if share.already_counted_by else ""


def _own_figure(issue: EfficiencyIssue) -> Amount:
    if issue.waste is not None:
        return Amount(tokens=issue.waste.tokens, cost_usd=issue.waste.cost_usd)
    cost = issue.estimated_waste_cost
    return Amount(tokens=issue.estimated_waste_tokens, cost_usd=None if cost is None else Decimal(str(cost)))


def _amount_of(share: CountedWaste) -> Amount:
    return Amount(tokens=share.tokens, cost_usd=share.cost_usd)


def verdict(report: OptimizationReport) -> str:
    """`3 issues found by 8 of 8 rules`, `Nothing found by 7 of 8 rules; excessive-thinking not evaluated: …`."""
    if not report.outcomes:
        return "No rule is enabled"
    ran = sum(outcome.status == "ok" for outcome in report.outcomes)
    found = figures.count(len(report.issues), "issue") if report.issues else "Nothing"
    sentence = f"{found} found by {ran} of {figures.count(len(report.outcomes), 'rule')}"
    named = [_untold(report)] if _untold(report) else [f"{each.code} {_reason(each)}" for each in _told(report)]
    return f"{sentence}; {named[0]}" if len(named) == 1 else sentence


def not_evaluated(report: OptimizationReport) -> list[tuple[str, str]]:
    """Rules without a verdict, code and reason; not those that `verdict` names."""
    left_out = [(outcome.code, _reason(outcome)) for outcome in _told(report)]
    return left_out if len(left_out) > 1 or _untold(report) else []


def missing_switches(report: OptimizationReport) -> dict[str, str]:
    """Per missing fact the switch that would bring it; not of facts that no switch is sure to bring."""
    return {
        missing.fact: missing.switch
        for outcome in _told(report)
        for missing in outcome.missing
        if missing.fact not in WITHOUT_SWITCH
    }


def _told(report: OptimizationReport) -> list[RuleOutcome]:
    """Rules without a verdict that the reader can do something about."""
    return [outcome for outcome in report.outcomes if outcome.status != "ok" and not _is_nobodys(outcome)]


def _untold(report: OptimizationReport) -> str:
    """The other ones, all in one: what no source of this kind tells is no news."""
    quiet = [outcome for outcome in report.outcomes if _is_nobodys(outcome)]
    if not quiet:
        return ""
    facts = dict.fromkeys(missing.fact for outcome in quiet for missing in outcome.missing)
    return f"{', '.join(outcome.code for outcome in quiet)} not evaluated: {', '.join(facts)} not recorded"


def _is_nobodys(outcome: RuleOutcome) -> bool:
    """Whether a rule was not evaluated only for want of facts that many sources never record."""
    return bool(outcome.missing) and all(missing.fact in WITHOUT_SWITCH for missing in outcome.missing)


def _reason(outcome: RuleOutcome) -> str:
    if outcome.status == "failed":
        return f"failed: {outcome.error or 'no reason given'}"
    facts = ", ".join(missing.fact for missing in outcome.missing)
    return f"not evaluated: {facts} not recorded" if facts else "not evaluated"

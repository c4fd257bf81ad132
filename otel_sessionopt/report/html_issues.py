"""The issues of a report as a page shows them: evidence with what differed, how waste was computed, how sure it is."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from otel_sessionopt.analyzers.base import Category
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue
from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.html_contexts import MISS_CAUSES
from otel_sessionopt.report.html_page import offset, trace_link
from otel_sessionopt.report.html_waterfall import Mark
from otel_sessionopt.report.leading import leading_issues, other_issues
from otel_sessionopt.report.parts import Amount
from otel_sessionopt.report.timeline import SpanRow
from otel_sessionopt.report.timeline_spans import MOST_EVIDENCE

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.base import BaseAnalyzer
    from otel_sessionopt.report.document import OptimizationReport

MOST_IN_FULL: Final = 40
"""Issues that are shown with their evidence; the others in one line each, or a page of hundreds could not be read."""
MOST_IN_SHORT: Final = 200
LEADING: Final = 3

_HOW_SURE: Final = {
    Basis.MEASURED: "Measured: it follows from the token numbers that the model calls state.",
    Basis.ESTIMATED: "Estimated: sizes come from the lengths of texts, prices from the calls that carried them.",
    Basis.HEURISTIC: "A heuristic: worth a look, in no total and not in the score.",
    Basis.AT_RISK: "At risk: the work may have been in vain; in no total and not in the score.",
    Basis.WHAT_IF: "What if: it would have cost less in another way; in no total and not in the score.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One evidence span: what it has of its own, beside what all of them have in common."""

    number: int
    span_id: str
    link: str | None
    when: str
    what: str
    tokens: int | None
    cost: str
    note: str
    is_needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueView:
    """One issue. `number` is its place in every form of the report."""

    number: int
    issue: EfficiencyIssue
    title: str
    waste: str
    agent: str
    how_sure: str
    counting: str
    same: str
    evidence: tuple[Evidence, ...]
    further_evidence: int
    has_page: bool
    link: str | None

    @property
    def has_own(self) -> bool:
        """Whether any evidence span differs in what it was; tokens and times always may."""
        return any(each.what or each.note or each.is_needed for each in self.evidence)


def issue_views(report: OptimizationReport, jaeger_url: str | None) -> tuple[IssueView, ...]:
    """All issues: those that lead first."""
    rows = {} if report.timeline is None else {row.id: row for row in report.timeline.spans if row.spans == 1}
    ordered = [*leading_issues(report), *other_issues(report)]
    return tuple(_view(report, number, issue, rows, jaeger_url) for number, issue in enumerate(ordered, start=1))


def marks_of(views: Sequence[IssueView]) -> dict[str, list[Mark]]:
    """By span id, what the issues say about it. Hints mark nothing: nothing is known to be wasted there."""
    marks: dict[str, list[Mark]] = {}
    for view in views:
        waste = view.issue.waste
        if waste is None or not waste.basis.counts or view.issue.is_preview:
            continue
        for place, event_id in enumerate(view.issue.events_involved):
            needed = place == 0 and _keeps_first(view.issue.code)
            marks.setdefault(event_id, []).append(Mark(issue=view.number, is_needed=needed))
    return marks


def _keeps_first(code: str) -> bool:
    """Whether the first evidence is the necessary one: so it is of whatever was done again."""
    known = _classes().get(code)
    meta = None if known is None else known.meta
    return meta is not None and meta.category is Category.REDUNDANCY


def _view(
    report: OptimizationReport,
    number: int,
    issue: EfficiencyIssue,
    rows: Mapping[str, SpanRow],
    jaeger_url: str | None,
) -> IssueView:
    shown = issue.events_involved[:MOST_EVIDENCE]
    known = [rows[event_id] for event_id in shown if event_id in rows]
    same = _same(known)
    # Which of several traces a span is in, the report does not tell.
    traces = report.session.trace_ids
    trace_id = traces[0] if len(traces) == 1 else ""
    return IssueView(
        number=number,
        issue=issue,
        title=phrases.issue_title(issue),
        waste=phrases.issue_waste(report, issue),
        agent=next((row.agent for row in known if row.agent), report.session.agent),
        how_sure="" if issue.waste is None else _HOW_SURE[issue.waste.basis],
        counting=_counting(report, issue),
        same=", ".join(dict.fromkeys(text for text in same.values() if text)),
        evidence=tuple(
            _evidence(place, event_id, rows.get(event_id), same, issue, trace_link(jaeger_url, trace_id, event_id))
            for place, event_id in enumerate(shown, start=1)
        ),
        further_evidence=len(issue.events_involved) - len(shown),
        has_page=issue.code in _classes(),
        link=trace_link(jaeger_url, trace_id, shown[0] if shown else None),
    )


def _same(rows: Sequence[SpanRow]) -> dict[str, str]:
    """What all evidence spans have in common, by what it is; nothing of a single one."""
    if len(rows) < 2:
        return {}
    told = [_facts(row) for row in rows]
    return {name: value for name, value in told[0].items() if all(each[name] == value for each in told)}


def _facts(row: SpanRow) -> dict[str, str]:
    return {
        "name": row.name,
        "detail": row.detail,
        "error": f"failed: {row.error}" if row.error else "",
        "miss": "" if row.miss_cause is None else f"cache miss: {MISS_CAUSES.get(row.miss_cause, row.miss_cause)}",
    }


def _evidence(
    number: int,
    event_id: str,
    row: SpanRow | None,
    same: Mapping[str, str],
    issue: EfficiencyIssue,
    link: str | None,
) -> Evidence:
    is_needed = number == 1 and _keeps_first(issue.code)
    if row is None:
        return Evidence(
            number=number, span_id=event_id, link=link, when="", what="", tokens=None, cost="", note="",
            is_needed=is_needed,
        )  # fmt: skip
    own = {name: text for name, text in _facts(row).items() if name not in same}
    return Evidence(
        number=number,
        span_id=event_id,
        link=link,
        when=offset(row.at_ns),
        what=" ".join(own[name] for name in ("name", "detail") if own.get(name)),
        tokens=row.amount.tokens or None,
        cost="" if row.amount.cost_usd is None else figures.usd(row.amount.cost_usd),
        note="; ".join(own[name] for name in ("error", "miss") if own.get(name)),
        is_needed=is_needed,
    )


def _counting(report: OptimizationReport, issue: EfficiencyIssue) -> str:
    """What of the waste is in the totals, and why not the rest."""
    share, waste = report.counted[issue.id], issue.waste
    if waste is None or not waste.basis.counts:
        return ""
    own = f"By itself {figures.amount(Amount(tokens=waste.tokens, cost_usd=waste.cost_usd))}"
    owners = f"; {', '.join(share.already_counted_by)} has the rest" if share.already_counted_by else ""
    counted = figures.amount(Amount(tokens=share.tokens, cost_usd=share.cost_usd))
    return f"{own}, of which the totals count {counted}{owners}."


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    """The page of a rule. `html` is made of its own docstring, by a Markdown parser that lets no HTML through."""

    code: str
    title: str
    html: str


def rule_pages(codes: Sequence[str]) -> tuple[RulePage, ...]:
    """The pages of these rules; rules of a user's own have none."""
    known = _classes()
    return tuple(_rule_page(known[code]) for code in dict.fromkeys(codes) if code in known)


@lru_cache(maxsize=64)
def _rule_page(analyzer_class: type[BaseAnalyzer]) -> RulePage:
    # Here: only a page needs it.
    from markdown_it import MarkdownIt

    from otel_sessionopt.analyzers.catalog import meta_of

    meta = meta_of(analyzer_class)
    text = inspect.cleandoc(analyzer_class.__doc__ or "").replace("\n## ", "\n#### ")
    return RulePage(code=meta.id, title=meta.title, html=MarkdownIt("commonmark", {"html": False}).render(text))


@lru_cache(maxsize=1)
def _classes() -> Mapping[str, type[BaseAnalyzer]]:
    # Here: whoever writes no page does not pay for all the rules.
    from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, meta_of

    return {meta_of(each).id: each for each in ANALYZER_CLASSES}

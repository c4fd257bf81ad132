"""The reports of several traces as the report of the one session that they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Final

from otel_sessionopt.analyzers.issue import EfficiencyIssue
from otel_sessionopt.analyzers.overlap import CountedWaste
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.ledger_view import DEAREST_ITEMS, LedgerPart, LedgerSummary
from otel_sessionopt.report.parts import (
    Amount,
    BillSummary,
    Counts,
    ModelShare,
    ReplaySummary,
    RuleOutcome,
    SessionCost,
    SessionInfo,
    WasteTotals,
)
from otel_sessionopt.report.score import ScoreBasis, efficiency_score, grade
from otel_sessionopt.report.timeline import TimelineSource, merge_timelines
from otel_sessionopt.report.timeline_spans import evidence_ids
from otel_sessionopt.session.times import ns_from_iso

_ID_DIGITS: Final = 8
"""Of the trace id behind an issue's id, where two traces have the same issue."""
_WORST_FIRST: Final = ("failed", "not_applicable", "ok")


def merge_reports(session_id: str, reports: Sequence[OptimizationReport]) -> OptimizationReport:
    """One report over `reports` (at least one, in order of start): sums, and the issues of all.

    Nothing is judged again: a file that two traces read once each is no repeated read.
    """
    if len(reports) == 1:
        return replace(reports[0], session_id=session_id)
    issues, counted = _issues(reports)
    bill = _bill(reports)
    waste = WasteTotals(
        **{part.name: _sum(getattr(report.waste, part.name) for report in reports) for part in fields(WasteTotals)}
    )
    in_dollars = bill.is_fully_priced and bool(bill.total.cost_usd) and waste.avoidable.cost_usd is not None
    score = (
        efficiency_score(waste.avoidable.cost_usd or 0, bill.total.cost_usd or 0)
        if in_dollars
        else efficiency_score(waste.avoidable.tokens, bill.total.tokens)
    )
    breakdown: Counter[str] = Counter()
    for report in reports:
        breakdown.update(report.token_breakdown)
    return OptimizationReport(
        session_id=session_id,
        generated_at=max(report.generated_at for report in reports),
        issues=issues,
        total_waste_tokens=waste.avoidable.tokens,
        total_waste_cost=None if waste.avoidable.cost_usd is None else float(waste.avoidable.cost_usd),
        efficiency_score=score,
        recommendations=list(dict.fromkeys(issue.suggestion for issue in issues if issue.suggestion)),
        token_breakdown=_totals_last(breakdown),
        grade=grade(score),
        score_basis=ScoreBasis.DOLLARS if in_dollars else ScoreBasis.TOKENS,
        session=_session(reports),
        counts=Counts(**{part.name: sum(getattr(r.counts, part.name) for r in reports) for part in fields(Counts)}),
        bill=bill,
        ledger=_ledger(reports),
        waste=waste,
        replay=_replay(reports),
        counted=counted,
        outcomes=_outcomes(reports),
        release=None,
        notes=(
            f"{len(reports):,} traces of one conversation, each analysed by itself.",
            *dict.fromkeys(note for report in reports for note in report.notes),
        ),
        timeline_source=TimelineSource(
            merge_timelines(
                [report.timeline for report in reports if report.timeline is not None], list(evidence_ids(issues))
            )
        ),
    )


def _issues(reports: Sequence[OptimizationReport]) -> tuple[list[EfficiencyIssue], dict[str, CountedWaste]]:
    issues: list[EfficiencyIssue] = []
    counted: dict[str, CountedWaste] = {}
    for place, report in enumerate(reports):
        trace = next(iter(report.session.trace_ids), str(place))
        for issue in report.issues:
            own = issue.id if issue.id not in counted else f"{issue.id}@{trace[:_ID_DIGITS]}-{place}"
            issues.append(replace(issue, id=own))
            counted[own] = report.counted[issue.id]
    issues.sort(key=lambda issue: (-(counted[issue.id].cost_usd or 0), -counted[issue.id].tokens))
    return issues, counted


def _bill(reports: Sequence[OptimizationReport]) -> BillSummary:
    told = [report.bill.reasoning_tokens for report in reports if report.bill.reasoning_tokens is not None]
    rows: defaultdict[tuple[str, str | None], list[ModelShare]] = defaultdict(list)
    for report in reports:
        for row in report.bill.models:
            rows[row.model, row.price_source].append(row)
    models = [
        ModelShare(
            model=model,
            calls=sum(row.calls for row in members),
            amount=_sum(row.amount for row in members),
            price_source=source,
        )
        for (model, source), members in rows.items()
    ]
    return BillSummary(
        total=_sum(report.bill.total for report in reports),
        classes={each: _sum(report.bill.classes[each] for report in reports) for each in PriceClass},
        reasoning_tokens=sum(told) if told else None,
        calls=sum(report.bill.calls for report in reports),
        unpriced_calls=sum(report.bill.unpriced_calls for report in reports),
        models=tuple(sorted(models, key=lambda row: (-(row.amount.cost_usd or 0), -row.amount.tokens, row.model))),
    )


def _replay(reports: Sequence[OptimizationReport]) -> ReplaySummary | None:
    """`None` where a trace with a bill has no replay: then the whole is not known."""
    found = [report.replay for report in reports if report.replay is not None]
    if not found or any(report.replay is None and report.bill.total.tokens for report in reports):
        return None
    return ReplaySummary(
        before=_session_cost([replay.before for replay in found]),
        after=_session_cost([replay.after for replay in found]),
    )


def _session_cost(costs: Sequence[SessionCost]) -> SessionCost:
    return SessionCost(
        total=_sum(cost.total for cost in costs),
        classes={each: sum(cost.classes[each] for cost in costs) for each in PriceClass},
        model_calls=sum(cost.model_calls for cost in costs),
    )


def _ledger(reports: Sequence[OptimizationReport]) -> LedgerSummary | None:
    found = [report.ledger for report in reports if report.ledger is not None]
    if not found:
        return None
    weights = [report.token_breakdown["TOTAL_INPUT"] for report in reports if report.ledger is not None]
    dearest = sorted(
        (item for ledger in found for item in ledger.dearest),
        key=lambda item: (-(item.billed.cost_usd or 0), -item.billed.tokens),
    )
    return LedgerSummary(
        total=_part([ledger.total for ledger in found]),
        dearest=tuple(dearest[:DEAREST_ITEMS]),
        contexts=tuple(context for ledger in found for context in ledger.contexts),
        measured_ratio=_mean([ledger.measured_ratio for ledger in found], weights),
        estimated_ratio=_mean([ledger.estimated_ratio for ledger in found], weights),
        unattributed_ratio=_mean([ledger.unattributed_ratio for ledger in found], weights),
    )


def _part(parts: Sequence[LedgerPart]) -> LedgerPart:
    """Parts of one name as one; their children by name."""
    by_name: defaultdict[str, list[LedgerPart]] = defaultdict(list)
    for part in parts:
        for child in part.children:
            by_name[child.name].append(child)
    children = sorted(
        map(_part, by_name.values()),
        key=lambda child: (-(child.amount.cost_usd or 0), -child.amount.tokens, child.name),
    )
    return LedgerPart(name=parts[0].name, amount=_sum(part.amount for part in parts), children=tuple(children))


def _mean(ratios: Sequence[float | None], weights: Sequence[int]) -> float | None:
    known = [(ratio, weight) for ratio, weight in zip(ratios, weights, strict=True) if ratio is not None]
    total = sum(weight for _, weight in known)
    return round(sum(ratio * weight for ratio, weight in known) / total, 4) if total else None


def _session(reports: Sequence[OptimizationReport]) -> SessionInfo:
    infos = [report.session for report in reports]
    last = max(infos, key=lambda info: ns_from_iso(info.ended_at) or ns_from_iso(info.started_at) or 0)
    started_ns, ended_ns = ns_from_iso(infos[0].started_at), ns_from_iso(last.ended_at)
    active = [info.active_ns for info in infos if info.active_ns is not None]
    wall_ns = None if started_ns is None or ended_ns is None else max(ended_ns - started_ns, 0)
    return replace(
        infos[0],
        trace_ids=tuple(trace_id for info in infos for trace_id in info.trace_ids),
        task=next((info.task for info in infos if info.task), ""),
        status=last.status,
        ended_at=last.ended_at,
        active_ns=sum(active) if active else None,
        wall_ns=wall_ns,
    )


def _outcomes(reports: Sequence[OptimizationReport]) -> tuple[RuleOutcome, ...]:
    """Per rule: how it fared best, because one trace that it could judge is a verdict; a failure is always told."""
    by_code: dict[str, list[RuleOutcome]] = {}
    for report in reports:
        for outcome in report.outcomes:
            by_code.setdefault(outcome.code, []).append(outcome)
    return tuple(_outcome(members) for members in by_code.values())


def _outcome(members: Sequence[RuleOutcome]) -> RuleOutcome:
    failed = [member for member in members if member.status == "failed"]
    told = failed[0] if failed else max(members, key=lambda member: _WORST_FIRST.index(member.status))
    return replace(told, issues=sum(member.issues for member in members))


def _sum(amounts: Iterable[Amount]) -> Amount:
    return Amount.sum_of((each.tokens, each.cost_usd) for each in amounts)


def _totals_last(breakdown: Mapping[str, int]) -> dict[str, int]:
    totals = ("TOTAL_INPUT", "TOTAL_OUTPUT", "TOTAL")
    return {**{k: v for k, v in breakdown.items() if k not in totals}, **{k: breakdown.get(k, 0) for k in totals}}

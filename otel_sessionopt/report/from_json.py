"""A report read back from its JSON form: what a history of sessions keeps of those it has no events of."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from otel_sessionopt.analyzers.issue import EfficiencyIssue
from otel_sessionopt.analyzers.overlap import CountedWaste
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.ledger_view import ContextSizes, DearItem, LedgerPart, LedgerSummary
from otel_sessionopt.report.parts import (
    Amount,
    BillSummary,
    Counts,
    MissingFact,
    ModelShare,
    ReleaseInfo,
    ReplaySummary,
    RuleOutcome,
    SessionCost,
    SessionInfo,
    WasteTotals,
)
from otel_sessionopt.report.score import ScoreBasis
from otel_sessionopt.report.timeline import TimelineSource
from otel_sessionopt.report.timeline_json import timeline_from_dict


def report_from_dict(data: Mapping[str, Any]) -> OptimizationReport:
    """Read what `report_to_dict` wrote, also an earlier version. The claims behind an issue's waste are not in it.

    Raises:
        KeyError, TypeError, ValueError: it is no such document.
    """
    waste = data["waste"]
    return OptimizationReport(
        session_id=data["session_id"],
        generated_at=data["generated_at"],
        issues=[_issue(each) for each in data["issues"]],
        total_waste_tokens=data["total_waste_tokens"],
        total_waste_cost=data["total_waste_cost"],
        efficiency_score=data["efficiency_score"],
        recommendations=list(data["recommendations"]),
        token_breakdown=dict(data["token_breakdown"]),
        comparisons=dict(data["comparisons"]),
        schema_version=data["schema_version"],
        grade=data["grade"],
        score_basis=ScoreBasis(data["score_basis"]),
        session=SessionInfo(**{**data["session"], "trace_ids": tuple(data["session"]["trace_ids"])}),
        counts=Counts(**data["counts"]),
        bill=_bill(data["bill"]),
        ledger=_ledger(data.get("ledger")),
        waste=WasteTotals(**{name: _amount(waste[name]) for name in WasteTotals.__dataclass_fields__}),
        replay=_replay(data.get("replay")),
        counted={each["id"]: _counted(each["counted"]) for each in data["issues"]},
        outcomes=tuple(_outcome(each) for each in data["outcomes"]),
        release=None if data["release"] is None else ReleaseInfo(**data["release"]),
        notes=tuple(data["notes"]),
        timeline_source=TimelineSource(None if data.get("timeline") is None else timeline_from_dict(data["timeline"])),
    )


def _issue(data: Mapping[str, Any]) -> EfficiencyIssue:
    issue = EfficiencyIssue.from_dict(data)
    issue.is_preview = bool(data["is_preview"])
    return issue


def _counted(data: Mapping[str, Any]) -> CountedWaste:
    return CountedWaste(
        tokens=data["tokens"],
        cost_usd=_usd(data["cost_usd"]),
        already_counted_by=tuple(data["already_counted_by"]),
    )


def _bill(data: Mapping[str, Any]) -> BillSummary:
    return BillSummary(
        total=_amount(data["total"]),
        classes={price_class: _amount(data["classes"][price_class.value]) for price_class in PriceClass},
        reasoning_tokens=data["reasoning_tokens"],
        calls=data["calls"],
        unpriced_calls=data["unpriced_calls"],
        models=tuple(
            ModelShare(model=row["model"], calls=row["calls"], amount=_amount(row), price_source=row["price_source"])
            for row in data["models"]
        ),
    )


def _replay(data: Mapping[str, Any] | None) -> ReplaySummary | None:
    if data is None:
        return None
    return ReplaySummary(before=_session_cost(data["before"]), after=_session_cost(data["after"]))


def _session_cost(data: Mapping[str, Any]) -> SessionCost:
    return SessionCost(
        total=_amount(data),
        classes={price_class: data["classes"][price_class.value] for price_class in PriceClass},
        model_calls=data["model_calls"],
    )


def _ledger(data: Mapping[str, Any] | None) -> LedgerSummary | None:
    if data is None:
        return None
    return LedgerSummary(
        total=_ledger_part(data["total"]),
        dearest=tuple(DearItem(**{**each, "billed": _amount(each["billed"])}) for each in data["dearest"]),
        contexts=tuple(ContextSizes(**{**each, "sizes": tuple(each["sizes"])}) for each in data["contexts"]),
        measured_ratio=data["measured_ratio"],
        estimated_ratio=data["estimated_ratio"],
        unattributed_ratio=data["unattributed_ratio"],
    )


def _ledger_part(data: Mapping[str, Any]) -> LedgerPart:
    return LedgerPart(
        name=data["name"], amount=_amount(data), children=tuple(_ledger_part(each) for each in data["children"])
    )


def _outcome(data: Mapping[str, Any]) -> RuleOutcome:
    missing = tuple(MissingFact(fact=each["fact"], switch=each["switch"]) for each in data["missing"])
    return RuleOutcome(**{**data, "missing": missing})


def _amount(data: Mapping[str, Any]) -> Amount:
    return Amount(tokens=data["tokens"], cost_usd=_usd(data["cost_usd"]))


def _usd(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))

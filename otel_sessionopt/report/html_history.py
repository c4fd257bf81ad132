"""The spark line of an agent's last sessions: what each cost, what of it was avoidable, its score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from otel_sessionopt.report import figures
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.parts import Amount
from otel_sessionopt.report.score import grade
from otel_sessionopt.report.summary import SessionRow, row_of

HEIGHT: Final = 64
_MOST: Final = 30
_LEAST_HEIGHT: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkBar:
    """One session; `x` and `width` in percent, heights in pixels."""

    row: SessionRow
    x: float
    width: float
    height: float
    wasted: float
    title: str
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """Sessions in order of their start, this one among them."""

    height: int
    bars: tuple[SparkBar, ...]
    sentence: str


def spark_of(report: OptimizationReport, history: Sequence[SessionRow] | None) -> Spark | None:
    """The picture; `None` where there is no other session. Without `history`, what the report itself was kept with."""
    others = _recent(report.comparisons) if history is None else history
    others = [row for row in others if row.session_id != report.session_id]
    if not others:
        return None
    this = row_of(report)
    rows = sorted([*others, this], key=lambda row: row.started_at)[-_MOST:]
    in_dollars = all(row.bill.cost_usd is not None for row in rows)
    largest = float(max(_size(row.bill, in_dollars) for row in rows)) or 1.0
    width = 100 / len(rows)
    bars = []
    for place, row in enumerate(rows):
        height = max(float(_size(row.bill, in_dollars)) / largest * HEIGHT, _LEAST_HEIGHT)
        whole = float(_size(row.bill, in_dollars)) or 1.0
        bars.append(
            SparkBar(
                row=row,
                x=round(place * width, 2),
                width=round(width * 0.8, 2),
                height=round(height, 1),
                wasted=round(height * min(float(_size(row.avoidable, in_dollars)) / whole, 1.0), 1),
                title=f"{row.session_id}, {row.started_at[:10]}\n{figures.amount(row.bill)}, "
                f"avoidable {figures.amount(row.avoidable)}, score {figures.score(row.score)} ({row.grade})",
                is_this=row.session_id == report.session_id,
            )
        )
    return Spark(height=HEIGHT, bars=tuple(bars), sentence=_sentence(this, others, in_dollars))


def _size(amount: Amount, in_dollars: bool) -> Decimal | int:
    return (amount.cost_usd or 0) if in_dollars else amount.tokens


def _sentence(this: SessionRow, others: Sequence[SessionRow], in_dollars: bool) -> str:
    mean_score = sum(row.score for row in others) / len(others)
    agent = this.agent or "this agent"
    known = figures.count(len(others), "other session")
    if not in_dollars:
        return (
            f"{known} of {agent}: score {figures.score(mean_score)} on average, this one {figures.score(this.score)}."
        )
    mean = sum((row.bill.cost_usd or Decimal(0) for row in others), Decimal(0)) / len(others)
    return (
        f"{known} of {agent} cost {figures.usd(mean)} on average with score {figures.score(mean_score)}; "
        f"this one {figures.usd(this.bill.cost_usd)} with {figures.score(this.score)}."
    )


def _recent(comparisons: Mapping[str, Any]) -> list[SessionRow]:
    """The sessions that `history` has put beside the report; none in documents of earlier versions."""
    found = comparisons.get("recent", ())
    return [_row(each, str(comparisons.get("agent", ""))) for each in found]


def _row(data: Mapping[str, Any], agent: str) -> SessionRow:
    score = float(data["efficiency_score"])
    return SessionRow(
        session_id=str(data["id"]),
        started_at=str(data["started_at"]),
        agent=agent,
        score=score,
        grade=grade(score),
        bill=Amount(tokens=int(data["tokens"]), cost_usd=_usd(data["cost"])),
        avoidable=Amount(tokens=int(data["waste_tokens"]), cost_usd=_usd(data["waste_cost"])),
        is_fully_priced=data["cost"] is not None,
        issues=int(data["issue_count"]),
    )


def _usd(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))

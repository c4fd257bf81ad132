"""One total over several sessions: the bill, the waste, the dearest cures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from heapq import nlargest
from typing import Any, Final

from otel_sessionopt.report import figures, phrases
from otel_sessionopt.report.document import OptimizationReport
from otel_sessionopt.report.parts import Amount
from otel_sessionopt.report.score import ScoreBasis, efficiency_score, grade
from otel_sessionopt.report.session_names import dated_title

DEAREST: Final = 5
"""Cures and issues that a total names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session in a table of sessions."""

    session_id: str
    conversation_id: str | None = None
    task: str = ""
    started_at: str
    agent: str
    score: float
    grade: str
    bill: Amount
    avoidable: Amount
    is_fully_priced: bool
    issues: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """One thing to do, over all sessions: what it would have saved, and how often it was wanted."""

    suggestion: str
    code: str
    amount: Amount
    issues: int
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DearIssue:
    """One of the dearest issues, with the session it is from."""

    session_id: str
    session_title: str
    title: str
    description: str
    amount: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsTotal:
    """What several sessions cost together.

    Attributes:
        bill, avoidable: sums; the costs cover the priced calls and are `None` when none is priced.
        fewer_calls: model calls that would not have been made without what was avoidable.
        cures: dearest first, by counted waste; a cure of issues that count nothing is not among them.
        dearest: the dearest issues.
    """

    sessions: int
    bill: Amount
    avoidable: Amount
    calls: int
    unpriced_calls: int
    fewer_calls: int
    score: float
    grade: str
    score_basis: ScoreBasis
    cures: tuple[Cure, ...]
    dearest: tuple[DearIssue, ...]


class Tally:
    """Adds up reports one at a time and keeps none of them."""

    def __init__(self) -> None:
        self._sessions = self._calls = self._unpriced_calls = self._fewer_calls = 0
        self._bill = self._avoidable = Amount()
        self._cures: dict[str, Cure] = {}
        self._dearest: list[DearIssue] = []

    def add(self, report: OptimizationReport) -> None:
        """Count one session in."""
        self._sessions += 1
        self._calls += report.bill.calls
        self._unpriced_calls += report.bill.unpriced_calls
        self._fewer_calls += 0 if report.replay is None else report.replay.fewer_calls
        self._bill = _plus(self._bill, report.bill.total)
        self._avoidable = _plus(self._avoidable, report.waste.avoidable)
        cured: set[str] = set()
        for issue in report.issues:
            share = report.counted[issue.id]
            if not share.tokens and not share.cost_usd:
                continue
            amount = Amount(tokens=share.tokens, cost_usd=share.cost_usd)
            known = self._cures.get(issue.suggestion)
            self._cures[issue.suggestion] = Cure(
                suggestion=issue.suggestion,
                code=issue.code,
                amount=amount if known is None else _plus(known.amount, amount),
                issues=1 + (0 if known is None else known.issues),
                sessions=(0 if known is None else known.sessions) + (issue.suggestion not in cured),
            )
            cured.add(issue.suggestion)
            dear = DearIssue(
                session_id=report.session_id,
                session_title=dated_title(report),
                title=phrases.issue_title(issue),
                description=issue.description,
                amount=amount,
            )
            self._dearest = nlargest(DEAREST, [*self._dearest, dear], key=lambda each: _worth(each.amount))

    def total(self) -> SessionsTotal:
        """The sums so far."""
        in_dollars = self._calls > 0 and not self._unpriced_calls and bool(self._bill.cost_usd)
        score = (
            efficiency_score(self._avoidable.cost_usd or 0, self._bill.cost_usd or 0)
            if in_dollars
            else efficiency_score(self._avoidable.tokens, self._bill.tokens)
        )
        return SessionsTotal(
            sessions=self._sessions,
            bill=self._bill,
            avoidable=self._avoidable,
            calls=self._calls,
            unpriced_calls=self._unpriced_calls,
            fewer_calls=self._fewer_calls,
            score=score,
            grade=grade(score),
            score_basis=ScoreBasis.DOLLARS if in_dollars else ScoreBasis.TOKENS,
            cures=tuple(nlargest(DEAREST, self._cures.values(), key=lambda cure: _worth(cure.amount))),
            dearest=tuple(self._dearest),
        )


def summarize(reports: Iterable[OptimizationReport]) -> SessionsTotal:
    """The total of all `reports`."""
    tally = Tally()
    for report in reports:
        tally.add(report)
    return tally.total()


def row_of(report: OptimizationReport) -> SessionRow:
    """The report as one row of a table."""
    return SessionRow(
        session_id=report.session_id,
        conversation_id=report.session.conversation_id,
        task=report.session.task,
        started_at=report.session.started_at,
        agent=report.session.agent,
        score=report.efficiency_score,
        grade=report.grade,
        bill=report.bill.total,
        avoidable=report.waste.avoidable,
        is_fully_priced=report.bill.is_fully_priced,
        issues=len(report.issues),
    )


def total_headline(total: SessionsTotal) -> str:
    """`12 sessions: Could have cost $29.10 instead of $31.20 (7 % less). Score 93 (A).`"""
    sessions = figures.count(total.sessions, "session")
    sentence = phrases.cost_sentence(total.bill, total.avoidable, total.calls, total.unpriced_calls, total.fewer_calls)
    score = f" Score {figures.score(total.score)} ({total.grade})." if total.bill.tokens else ""
    return f"{sessions}: {sentence}{score}"


def total_to_dict(total: SessionsTotal) -> dict[str, Any]:
    """The JSON form."""
    return {
        "sessions": total.sessions,
        "bill": total.bill.to_dict(),
        "avoidable": total.avoidable.to_dict(),
        "calls": total.calls,
        "unpriced_calls": total.unpriced_calls,
        "fewer_calls": total.fewer_calls,
        "efficiency_score": total.score,
        "grade": total.grade,
        "score_basis": total.score_basis.value,
        "cures": [
            {
                "suggestion": cure.suggestion,
                "code": cure.code,
                **cure.amount.to_dict(),
                "issues": cure.issues,
                "sessions": cure.sessions,
            }
            for cure in total.cures
        ],
    }


def _plus(left: Amount, right: Amount) -> Amount:
    return Amount.sum_of((each.tokens, each.cost_usd) for each in (left, right))


def _worth(amount: Amount) -> tuple[Decimal, int]:
    return (amount.cost_usd or Decimal(0), amount.tokens)

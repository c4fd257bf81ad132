"""How an agent has been doing over a period."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from otel_sessionopt.store.records import HistoryTotals

CHANGE_POINTS: Final = 5.0
"""Points of the average score: with more between them, two halves of a period differ. The public API says so."""
_COMMON_ISSUES: Final = 5
_USD_DIGITS: Final = 9


def statistics(agent: str | None, days: int, totals: HistoryTotals) -> dict[str, Any]:
    """The sums of a period as plain types; `total_cost` is `None` when there are sessions and none is priced."""
    common = sorted(totals.issues.items(), key=lambda each: (-each[1].issues, each[0]))[:_COMMON_ISSUES]
    return {
        "agent": agent,
        "period_days": days,
        "sessions_analyzed": totals.sessions,
        "total_tokens": totals.tokens,
        "total_cost": _usd(totals.cost_usd, totals.sessions),
        "average_efficiency": _average(totals.scores),
        "total_waste_tokens": totals.waste_tokens,
        "total_waste_cost": _usd(totals.waste_cost_usd, totals.sessions),
        "common_issues": [{"type": name, "count": tally.issues} for name, tally in common],
        "trends": trend(totals.scores),
    }


def trend(scores: Sequence[float]) -> dict[str, Any]:
    """How the scores (oldest first) of the second half of the sessions differ from those of the first half.

    `change_percent` is in points of the score, which is a percentage.
    """
    if len(scores) < 2:
        return {
            "trend": "insufficient_data",
            "change_percent": 0.0,
            "first_period_avg": 0.0,
            "second_period_avg": 0.0,
        }
    middle = len(scores) // 2
    first, second = _average(scores[:middle]), _average(scores[middle:])
    change = second - first
    name = "improving" if change > CHANGE_POINTS else "declining" if change < -CHANGE_POINTS else "stable"
    return {
        "trend": name,
        "change_percent": round(change, 1),
        "first_period_avg": round(first, 1),
        "second_period_avg": round(second, 1),
    }


def _average(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0


def _usd(cost_usd: Decimal | None, sessions: int) -> float | None:
    if cost_usd is None:
        return None if sessions else 0.0
    return float(round(cost_usd, _USD_DIGITS))

"""Sessions beside each other: figures, averages, and what the best one did differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from otel_sessionopt.report import figures as shown
from otel_sessionopt.report import phrases
from otel_sessionopt.report.masking import clean_text
from otel_sessionopt.report.session_names import short_ids
from otel_sessionopt.store.records import Figures, IssueTally, StoredSession

RECENT_SESSIONS: Final = 20
"""Sessions of the same agent that a report is compared with: recent enough to be the same way of working."""
_MAX_RECOMMENDATIONS: Final = 5
_NOTABLE_RATIO: Final = 0.9
"""A tenth fewer tokens than the others is worth a sentence."""
_NO_MODEL: Final = frozenset({"", "default"})
_NO_TALLY: Final = IssueTally()


def compare(sessions: Sequence[StoredSession]) -> dict[str, Any]:
    """At least two analysed sessions, in the given order, with averages and what the best of them did differently.

    Best is the highest score, then the lowest cost, then the fewest tokens. A session without tokens, which has nothing
    to waste, is best only among its like.
    """
    best = min(sessions, key=_rank)
    ids = [each.session.id for each in sessions]
    names = dict(zip(ids, map(clean_text, short_ids(ids)), strict=True))
    others = [each for each in sessions if each is not best]
    worst = max(others, key=lambda each: _rank(each)[1:])
    return {
        "sessions": [_row(each) for each in sessions],
        "averages": averages([_figures(each) for each in sessions]),
        "best_performer": best.session.id,
        "worst_performer": worst.session.id,
        "recommendations": _recommendations(best, others, names),
    }


def beside_recent(own: Figures, agent: str, recent: Sequence[StoredSession]) -> dict[str, Any]:
    """A session's figures beside the agent's other recent sessions, the newest first; no average without any."""
    others = [each for each in recent if each.figures is not None][:RECENT_SESSIONS]
    analysed = [_figures(each) for each in others]
    return {
        "agent": agent,
        "session": averages([own]),
        "recent_sessions": len(analysed),
        "recent_average": averages(analysed) if analysed else None,
        "recent": [_recent_row(each) for each in others],
    }


def _recent_row(stored: StoredSession) -> dict[str, Any]:
    """What the spark line of a report shows of another session. Ids of recordings are anybody's text."""
    own = _figures(stored)
    return {
        "id": clean_text(stored.session.id),
        "started_at": clean_text(stored.session.started_at),
        "tokens": own.tokens,
        "cost": None if own.cost_usd is None else float(own.cost_usd),
        "waste_tokens": own.waste_tokens,
        "waste_cost": None if own.waste_cost_usd is None else float(own.waste_cost_usd),
        "efficiency_score": own.efficiency_score,
        "issue_count": own.issue_count,
    }


def averages(figures: Sequence[Figures]) -> dict[str, float | None]:
    """Means over at least one session; the cost over those that are priced, `None` when none is."""
    costs = [each.cost_usd for each in figures if each.cost_usd is not None]
    return {
        "tokens": _mean([each.tokens for each in figures]),
        "cost": float(sum(costs, Decimal(0)) / len(costs)) if costs else None,
        "efficiency": _mean([each.efficiency_score for each in figures]),
        "issues": _mean([each.issue_count for each in figures]),
    }


def _row(stored: StoredSession) -> dict[str, Any]:
    own = _figures(stored)
    return {
        "id": stored.session.id,
        "agent": stored.session.agent,
        "task": stored.session.task,
        "total_tokens": own.tokens,
        "cost": None if own.cost_usd is None else float(own.cost_usd),
        "efficiency_score": own.efficiency_score,
        "issue_count": own.issue_count,
    }


def _rank(stored: StoredSession) -> tuple[bool, float, Decimal, int, str]:
    own = _figures(stored)
    unpriced_last = Decimal("Infinity") if own.cost_usd is None else own.cost_usd
    return own.tokens == 0, -own.efficiency_score, unpriced_last, own.tokens, stored.session.id


def _recommendations(best: StoredSession, others: Sequence[StoredSession], names: Mapping[str, str]) -> list[str]:
    own = _figures(best)
    rest = [_figures(each) for each in others]
    sentences = _issue_sentences(best, others, names)
    name = names[best.session.id]
    mean_tokens = _mean([each.tokens for each in rest])
    if own.tokens and own.tokens < mean_tokens * _NOTABLE_RATIO:
        sentences.append(
            f"{name} needed {shown.count(own.tokens, 'token')}, "
            f"the others {mean_tokens:,.0f} on average: give the others its narrower task or context."
        )
    models = sorted({each.session.model for each in others} - {best.session.model, *_NO_MODEL})
    if models and best.session.model not in _NO_MODEL:
        sentences.append(f"{name} ran on {best.session.model}, others on {', '.join(models)}.")
    if not sentences:
        return ["Nothing that the rules look at sets these sessions apart."]
    return sentences[:_MAX_RECOMMENDATIONS]


def _issue_sentences(best: StoredSession, others: Sequence[StoredSession], names: Mapping[str, str]) -> list[str]:
    """One sentence for each type of issue that the best session has less of, the dearest first."""
    own, name = _figures(best).issues, names[best.session.id]
    found: list[tuple[int, int, str]] = []
    for issue_type in sorted({name for each in others for name in _figures(each).issues}):
        mine = own.get(issue_type, _NO_TALLY)
        most = max(others, key=lambda each: _figures(each).issues.get(issue_type, _NO_TALLY)[::-1])
        theirs = _figures(most).issues.get(issue_type, _NO_TALLY)
        if theirs.issues <= mine.issues:
            continue
        words = phrases.type_words(issue_type)
        wasted = f", {shown.count(theirs.waste_tokens, 'token')} wasted" if theirs.waste_tokens else ""
        found.append(
            (
                theirs.waste_tokens,
                theirs.issues,
                f"{name} has {mine.issues or 'no'} “{words}”, "
                f"{names[most.session.id]} has {theirs.issues:,}{wasted}: avoid it as {name} does.",
            )
        )
    return [sentence for *_, sentence in sorted(found, key=lambda each: (-each[0], -each[1], each[2]))]


def _figures(stored: StoredSession) -> Figures:
    assert stored.figures is not None, "only analysed sessions are compared"
    return stored.figures


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0

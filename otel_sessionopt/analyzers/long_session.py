"""Rule `long-session`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.session.facts.activity import activity
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.model import Session

_NS_PER_MINUTE: Final = 60_000_000_000
# The waste figure of the tool that this project succeeds: 10 % of all tokens for every 30 minutes over the limit, but
# never more than 30 %.
_RATIO_PER_EXCESS: Final = 0.1
_EXCESS_MINUTES: Final = 30
_MAX_RATIO: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class LongSessionAnalyzer(BaseAnalyzer):
    """Finds sessions that were worked on for so long that old content dominates every prompt.

    ## Why it matters

    Every model call re-sends what the session has gathered. The longer it gets, the more of the bill is for content of
    tasks that are done, until a compaction throws away the useful part with it.

    ## How it is detected

    Active time over `max_minutes`; HIGH from `high_minutes`. Active time leaves out idle time: a gap in which nothing
    ran counts at most 5 minutes. The wall time is told beside it.

    ## How waste is estimated

    `min(0.3, minutes over the limit ÷ 30 × 0.1)` of all tokens and of the cost. `heuristic`: it claims nothing and
    never enters totals or score.

    ## When it stays silent

    - A session left open over lunch or for days with little work in it.
    - Exactly `max_minutes`, and anything shorter.

    ## What to do

    Start a new session for a new task, and hand over a short summary instead of the whole history.

    ## Sources

    - 454 Claude Code sessions of working developers: most wall time is idle time; 16–43 % of sessions compact.
    - anthropics/claude-code issue 74075: 27 % of replies come after a pause of more than 5 minutes.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="long-session",
        title="Long session",
        category=Category.SESSION,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.TIMES}),
    )

    max_minutes: float = threshold(
        60.0, unit="minutes", ge=1.0, le=10_080.0, doc="Active time over which a session is long."
    )
    high_minutes: float = threshold(
        120.0, unit="minutes", ge=1.0, le=10_080.0, doc="Active time from which it is HIGH; twice the limit."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """At most one issue a session."""
        times = activity(session)
        minutes = times.active_ns / _NS_PER_MINUTE
        if minutes <= self.max_minutes:
            return
        ratio = min(_MAX_RATIO, (minutes - self.max_minutes) / _EXCESS_MINUTES * _RATIO_PER_EXCESS)
        ledger = bill(session)
        cost = ledger.cost_usd
        yield EfficiencyIssue(
            id=issue_id(self.meta.id, session.agent),
            issue_type=IssueType.LONG_SESSION,
            severity=Severity.HIGH if minutes >= self.high_minutes else Severity.MEDIUM,
            description=(
                f"{_minutes(times.active_ns)} of active work in one session (wall time {_minutes(times.wall_ns)})."
            ),
            suggestion="Start a new session for a new task and hand over a short summary instead of the whole history.",
            events_involved=list(dict.fromkeys(event.id for event in (*session.events[:1], *session.events[-1:]))),
            metadata={
                "active_minutes": round(minutes, 1),
                "wall_minutes": round(times.wall_ns / _NS_PER_MINUTE, 1),
                "waste_ratio": round(ratio, 4),
            },
            waste=Waste(
                tokens=round(ledger.total_tokens * ratio),
                basis=Basis.HEURISTIC,
                cost_usd=None if cost is None else cost * Decimal(str(ratio)),
            ),
        )


def _minutes(duration_ns: int) -> str:
    minutes = round(duration_ns / _NS_PER_MINUTE)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"

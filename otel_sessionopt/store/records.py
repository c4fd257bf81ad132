"""What a store keeps: sessions with what their analysis came to, and the traces that other sources brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from otel_sessionopt.session.model import Session, SessionStatus


class IssueTally(NamedTuple):
    """Issues of one type: how many, and the tokens that they add to the totals."""

    issues: int = 0
    waste_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the analysis of a session came to.

    Attributes:
        tokens: billed tokens.
        cost_usd, waste_cost_usd: over the priced calls, to a billionth; `None` when nothing is priced.
        calls, unpriced_calls: billed calls, and those of them without a price.
        waste_tokens: avoidable ones.
        efficiency_score: 0–100.
        issues: by `IssueType`.
    """

    tokens: int
    cost_usd: Decimal | None
    calls: int
    unpriced_calls: int
    waste_tokens: int
    waste_cost_usd: Decimal | None
    efficiency_score: float
    issues: Mapping[str, IssueTally] = field(default_factory=dict)

    @property
    def issue_count(self) -> int:
        """Issues of all types."""
        return sum(tally.issues for tally in self.issues.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session as the store has it. It is the caller's own copy.

    Attributes:
        session: with its running totals; without its events unless they were asked for. One that came as traces has
            their ids in `trace_ids` and no events.
        event_count: how many events are stored.
        figures: of its last analysis; `None` when it was never analysed.
        is_stale: events came after that analysis, or there was none.
        is_exported: its trace was sent, or is being sent.
    """

    session: Session
    event_count: int = 0
    figures: Figures | None = None
    is_stale: bool = True
    is_exported: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrace:
    """One trace of another source (live spans, files), as its report tells it.

    Attributes:
        session_id: its conversation id where it has one, else the trace id: traces with one `session_id` are one
            session.
        session: of this trace alone, without events.
        span_count: spans that the report is about. A report never takes the place of one about more spans.
        report: the JSON form.
    """

    trace_id: str
    session_id: str
    session: Session
    span_count: int
    figures: Figures
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionQuery:
    """Which sessions are meant. What is `None` does not matter.

    Attributes:
        agent: compared without regard to letter case.
        since_ns: started then or later, epoch ns.
        before_ns: started earlier, epoch ns.
        stale_only: only those whose figures are missing or out of date.
        limit: at most so many, the newest.
    """

    agent: str | None = None
    status: SessionStatus | None = None
    since_ns: int | None = None
    before_ns: int | None = None
    stale_only: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTotals:
    """Sums over the analysed sessions of a query.

    Attributes:
        cost_usd, waste_cost_usd: over what is priced; `None` when nothing is.
        scores: efficiency scores, oldest session first.
        issues: by `IssueType`.
    """

    sessions: int
    tokens: int
    cost_usd: Decimal | None
    waste_tokens: int
    waste_cost_usd: Decimal | None
    scores: Sequence[float]
    issues: Mapping[str, IssueTally]


def agent_key(agent: str) -> str:
    """What agents are compared by."""
    return agent.strip().upper()

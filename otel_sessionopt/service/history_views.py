"""What the pages and the API show of the history: sessions, agents, and what costs most, as plain rows.

Everything is read from the store when it is asked for; nothing is kept between two requests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.history.statistics import trend
from otel_sessionopt.report.from_json import report_from_dict
from otel_sessionopt.report.masking import clean_text
from otel_sessionopt.report.merged import merge_reports
from otel_sessionopt.report.parts import Amount, usd_number
from otel_sessionopt.report.score import grade
from otel_sessionopt.report.summary import SessionRow, SessionsTotal, Tally, total_to_dict
from otel_sessionopt.session.model import SessionStatus
from otel_sessionopt.store.records import SessionQuery, agent_key

if TYPE_CHECKING:
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.session.model import Session
    from otel_sessionopt.store.protocol import Store
    from otel_sessionopt.store.records import StoredSession

MOST_SESSIONS: Final = 10_000
"""Sessions that are filtered and sorted; of a larger history the newest. 10,000 take about a tenth of a second."""
MOST_REPORTS: Final = 300
"""Whole reports that are read to tell what costs most; of more sessions the newest. 300 take about a second."""
PAGE_SIZE: Final = 50
MOST_PER_PAGE: Final = 1_000
_TREND_SESSIONS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One session in a list. Every text is fit to show; costs are `None` when nothing is priced, `score` when nothing
    was billed or it is not analysed yet."""

    id: str
    agent: str
    task: str
    model: str
    status: str
    started_at: str
    trace_ids: tuple[str, ...]
    tokens: int
    cost_usd: Decimal | None
    waste_tokens: int
    waste_cost_usd: Decimal | None
    score: float | None
    grade: str
    issues: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "id": self.id,
            "agent": self.agent,
            "task": self.task,
            "model": self.model,
            "status": self.status,
            "started_at": self.started_at,
            "trace_ids": list(self.trace_ids),
            "tokens": self.tokens,
            "cost_usd": usd_number(self.cost_usd),
            "waste_tokens": self.waste_tokens,
            "waste_cost_usd": usd_number(self.waste_cost_usd),
            "efficiency_score": self.score,
            "grade": self.grade,
            "issues": self.issues,
        }


_SortKey = Callable[[Entry], tuple[Any, ...]]
SORTS: Final[dict[str, _SortKey]] = {
    "started": lambda entry: (entry.started_at,),
    "agent": lambda entry: (entry.agent.lower(), entry.started_at),
    "task": lambda entry: (entry.task.lower(), entry.started_at),
    "tokens": lambda entry: (entry.tokens,),
    "cost": lambda entry: (entry.cost_usd is not None, entry.cost_usd or 0, entry.tokens),
    "waste": lambda entry: (entry.waste_cost_usd is not None, entry.waste_cost_usd or 0, entry.waste_tokens),
    "score": lambda entry: (entry.score is not None, entry.score or 0),
    "issues": lambda entry: (entry.issues,),
}
"""What sessions can be sorted by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions are wanted, in which order.

    Attributes:
        agent: exactly, but for letter case.
        search: words that must all occur in id, trace ids, conversation, agent, task or model, whatever their case.
        since_ns: started then or later.
        sort: one of `SORTS`.
    """

    agent: str = ""
    status: SessionStatus | None = None
    search: str = ""
    since_ns: int | None = None
    sort: str = "started"
    is_ascending: bool = False
    offset: int = 0
    limit: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    """A part of the sessions that were found. `total` counts all; `is_cut` where older ones were not looked at."""

    entries: tuple[Entry, ...]
    total: int
    is_cut: bool


def list_sessions(store: Store, wanted: SessionFilter) -> SessionList:
    """The sessions that match, sorted, a page of them."""
    query = SessionQuery(
        agent=wanted.agent or None, status=wanted.status, since_ns=wanted.since_ns, limit=MOST_SESSIONS + 1
    )
    found = store.find(query)
    words = wanted.search.lower().split()
    entries = [_entry(each) for each in found[:MOST_SESSIONS] if _matches(each, words)]
    entries.sort(key=SORTS[wanted.sort], reverse=not wanted.is_ascending)
    return SessionList(
        entries=tuple(entries[wanted.offset : wanted.offset + wanted.limit]),
        total=len(entries),
        is_cut=len(found) > MOST_SESSIONS,
    )


def report_of(
    store: Store, session_id: str, analyze: Callable[[Session], OptimizationReport]
) -> OptimizationReport | None:
    """The report of a session, by its id or the id of one of its traces; `None` where there is no such session.

    Args:
        analyze: makes the report of a session that was recorded by hand, of which events are kept and no report.
    """
    reports = store.reports(session_id)
    if not reports:
        recorded = store.load(session_id)
        if recorded is not None and not recorded.session.trace_ids:
            return analyze(recorded.session)
        stored = _session_of_trace(store, session_id)
        if stored is None:
            return None
        reports = [each for each in store.reports(stored.session.id) if session_id in each["session"]["trace_ids"]]
    found = [report_from_dict(each) for each in reports]
    return merge_reports(session_id, found) if found else None


def recent_rows(store: Store, agent: str) -> list[SessionRow]:
    """The last sessions of an agent, for a spark line."""
    found = store.find(SessionQuery(agent=agent, limit=_TREND_SESSIONS))
    return [_row(each) for each in found if each.figures is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTrend:
    """An agent's last sessions, oldest first, and whether its score went up or down; see `statistics.trend`."""

    agent: str
    entries: tuple[Entry, ...]
    direction: str
    change: float
    bill: Amount
    avoidable: Amount

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "agent": self.agent,
            "trend": self.direction,
            "change_points": self.change,
            "bill": self.bill.to_dict(),
            "avoidable": self.avoidable.to_dict(),
            "sessions": [entry.to_dict() for entry in self.entries],
        }


def agent_trend(store: Store, agent: str) -> AgentTrend | None:
    """`None` where the agent has no analysed session."""
    found = store.find(SessionQuery(agent=agent, limit=_TREND_SESSIONS))
    entries = tuple(_entry(each) for each in reversed(found) if each.figures is not None)
    if not entries:
        return None
    told = trend([entry.score for entry in entries if entry.score is not None])
    return AgentTrend(
        agent=entries[-1].agent,
        entries=entries,
        direction=str(told["trend"]).replace("_", " "),
        change=float(told["change_percent"]),
        bill=Amount.sum_of((entry.tokens, entry.cost_usd) for entry in entries),
        avoidable=Amount.sum_of((entry.waste_tokens, entry.waste_cost_usd) for entry in entries),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """What one agent, model, source or rule comes to over all sessions looked at."""

    name: str
    amount: Amount
    sessions: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"name": self.name, **self.amount.to_dict(), "sessions": self.sessions}


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What costs most across sessions; every list is dearest first. `rules` is avoidable waste, each token once."""

    total: SessionsTotal
    agents: tuple[CostRow, ...]
    models: tuple[CostRow, ...]
    sources: tuple[CostRow, ...]
    tools: tuple[CostRow, ...]
    rules: tuple[CostRow, ...]
    is_cut: bool


class _Rows:
    """Amounts added up by name."""

    def __init__(self) -> None:
        self._parts: defaultdict[str, list[tuple[int, Decimal | None]]] = defaultdict(list)
        self._sessions: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, name: str, amount: Amount, session_id: str) -> None:
        self._parts[name].append((amount.tokens, amount.cost_usd))
        self._sessions[name].add(session_id)

    def dearest(self) -> tuple[CostRow, ...]:
        rows = [
            CostRow(name=name, amount=Amount.sum_of(parts), sessions=len(self._sessions[name]))
            for name, parts in self._parts.items()
        ]
        return tuple(sorted(rows, key=lambda row: (-(row.amount.cost_usd or 0), -row.amount.tokens, row.name)))


def costs(store: Store, since_ns: int | None = None) -> Costs:
    """What costs most in the newest sessions that came as traces."""
    found = store.find(SessionQuery(since_ns=since_ns, limit=MOST_REPORTS + 1))
    tally = Tally()
    agents, models, sources, tools, rules = _Rows(), _Rows(), _Rows(), _Rows(), _Rows()
    for report in _reports(store, found[:MOST_REPORTS]):
        tally.add(report)
        own = report.session_id
        agents.add(report.session.agent or "unnamed agent", report.bill.total, own)
        for share in report.bill.models:
            models.add(share.model, share.amount, own)
        for source in () if report.ledger is None else report.ledger.total.children:
            sources.add(source.name, source.amount, own)
            if source.name == "tool_result":
                for tool in source.children:
                    tools.add(tool.name, tool.amount, own)
        for issue in report.issues:
            counted = report.counted[issue.id]
            if counted.tokens or counted.cost_usd:
                rules.add(issue.code, Amount(tokens=counted.tokens, cost_usd=counted.cost_usd), own)
    return Costs(
        total=tally.total(),
        agents=agents.dearest(),
        models=models.dearest(),
        sources=sources.dearest(),
        tools=tools.dearest(),
        rules=rules.dearest(),
        is_cut=len(found) > MOST_REPORTS,
    )


def costs_to_dict(found: Costs) -> dict[str, Any]:
    """Plain values for JSON."""
    lists = {"agents": found.agents, "models": found.models, "sources": found.sources, "tools": found.tools}
    return {
        "total": total_to_dict(found.total),
        "is_cut": found.is_cut,
        **{name: [row.to_dict() for row in rows] for name, rows in lists.items()},
        "rules": [row.to_dict() for row in found.rules],
    }


def _reports(store: Store, sessions: Sequence[StoredSession]) -> Iterator[OptimizationReport]:
    for stored in sessions:
        reports = [report_from_dict(each) for each in store.reports(stored.session.id)]
        if reports:
            yield merge_reports(stored.session.id, reports)


def _session_of_trace(store: Store, trace_id: str) -> StoredSession | None:
    """The session that a trace belongs to where it has an id of its own (a conversation)."""
    found = (store.get(each) for each in store.ids_beginning(trace_id, limit=2))
    return next((each for each in found if each is not None and trace_id in each.session.trace_ids), None)


def _matches(stored: StoredSession, words: Sequence[str]) -> bool:
    if not words:
        return True
    session = stored.session
    texts = (session.id, session.conversation_id or "", session.agent, session.task, session.model, *session.trace_ids)
    text = "\n".join(texts).lower()
    return all(word in text for word in words)


def _entry(stored: StoredSession) -> Entry:
    session, figures = stored.session, stored.figures
    score = None if figures is None or not figures.tokens else figures.efficiency_score
    return Entry(
        id=clean_text(session.id),
        agent=clean_text(session.agent),
        task=clean_text(session.task),
        model=clean_text(session.model),
        status=session.status.value,
        started_at=clean_text(session.started_at),
        trace_ids=tuple(map(clean_text, session.trace_ids)),
        tokens=session.total_tokens if figures is None else figures.tokens,
        cost_usd=None if figures is None else figures.cost_usd,
        waste_tokens=0 if figures is None else figures.waste_tokens,
        waste_cost_usd=None if figures is None else figures.waste_cost_usd,
        score=score,
        grade="" if score is None else grade(score),
        issues=0 if figures is None else figures.issue_count,
    )


def _row(stored: StoredSession) -> SessionRow:
    entry = _entry(stored)
    return SessionRow(
        session_id=entry.id,
        started_at=entry.started_at,
        agent=entry.agent,
        score=entry.score or 0.0,
        grade=entry.grade,
        bill=Amount(tokens=entry.tokens, cost_usd=entry.cost_usd),
        avoidable=Amount(tokens=entry.waste_tokens, cost_usd=entry.waste_cost_usd),
        is_fully_priced=stored.figures is not None and not stored.figures.unpriced_calls,
        issues=entry.issues,
    )


def agents_of(store: Store) -> list[str]:
    """Names of all agents, each once whatever its letter case."""
    names: dict[str, str] = {}
    for stored in store.find(SessionQuery(limit=MOST_SESSIONS)):
        if stored.session.agent:
            names.setdefault(agent_key(stored.session.agent), clean_text(stored.session.agent))
    return sorted(names.values(), key=str.lower)

"""What pages and API show of a history, by hand-made sessions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from otel_sessionopt import OptimizationReport, Session
from otel_sessionopt.history.keeping import keep_report
from otel_sessionopt.service import history_views as views
from otel_sessionopt.service.history_views import SessionFilter
from otel_sessionopt.session.model import SessionStatus
from otel_sessionopt.store.memory import MemoryStore
from tests.golden.cases import cases

CASES = dict(cases())
WASTEFUL, QUIET = CASES["wasteful"], CASES["nothing-found"]


def session(
    report: OptimizationReport, trace: str, agent: str, started: str, task: str = "", conversation: str | None = None
) -> OptimizationReport:
    """The report as that of another session."""
    info = replace(
        report.session, trace_ids=(trace,), conversation_id=conversation, agent=agent, task=task, started_at=started
    )
    return replace(report, session_id=trace, session=info)


def no_analysis(_session: Session) -> OptimizationReport:
    raise AssertionError("only sessions recorded by hand are analysed")


@pytest.fixture
def store() -> MemoryStore:
    kept = MemoryStore()
    for report in (
        session(WASTEFUL, "a" * 32, "Coder", "2026-01-01T10:00:00+00:00", "Fix the parser"),
        session(QUIET, "b" * 32, "coder", "2026-01-02T10:00:00+00:00", "Write docs"),
        session(QUIET, "c" * 32, "reviewer", "2026-01-03T10:00:00+00:00", "Review the parser", "conversation-1"),
        session(WASTEFUL, "d" * 32, "reviewer", "2026-01-03T11:00:00+00:00", "Review the parser", "conversation-1"),
    ):
        assert keep_report(kept, report)
    return kept


def ids(store: MemoryStore, wanted: SessionFilter) -> list[str]:
    return [entry.id[:1] for entry in views.list_sessions(store, wanted).entries]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (SessionFilter(), "cba"),  # traces c and d are one conversation, whose id begins with a c as well
        (SessionFilter(is_ascending=True), "abc"),
        (SessionFilter(agent="CODER"), "ba"),
        (SessionFilter(agent="cod"), ""),
        (SessionFilter(search="parser"), "ca"),
        (SessionFilter(search="PARSER fix"), "a"),
        (SessionFilter(search="d" * 32), "c"),  # by the id of a trace
        (SessionFilter(search="conversation-1"), "c"),
        (SessionFilter(status=SessionStatus.FAILED), ""),
        (SessionFilter(since_ns=1_767_348_000_000_000_000), "cb"),  # 2026-01-02 10:00 UTC
        (SessionFilter(sort="task", is_ascending=True), "acb"),
        (SessionFilter(limit=1, offset=1), "b"),
        (SessionFilter(offset=10), ""),
    ],
)
def test_sessions_are_filtered_sorted_and_paged(store: MemoryStore, wanted: SessionFilter, expected: str) -> None:
    assert "".join(ids(store, wanted)) == expected


@pytest.mark.parametrize("sort", views.SORTS)
def test_both_directions_of_every_column_are_each_others_mirror(store: MemoryStore, sort: str) -> None:
    up = [entry.id for entry in views.list_sessions(store, SessionFilter(sort=sort, is_ascending=True)).entries]
    down = [entry.id for entry in views.list_sessions(store, SessionFilter(sort=sort)).entries]
    key = views.SORTS[sort]
    shown = {entry.id: key(entry) for entry in views.list_sessions(store, SessionFilter()).entries}
    assert [shown[each] for each in up] == [shown[each] for each in reversed(down)]
    assert [shown[each] for each in up] == sorted(shown.values())


def test_the_total_counts_what_other_pages_have(store: MemoryStore) -> None:
    found = views.list_sessions(store, SessionFilter(limit=1))
    assert (len(found.entries), found.total, found.is_cut) == (1, 3, False)


def test_an_entry_has_the_figures_of_its_report(store: MemoryStore) -> None:
    entry = next(each for each in views.list_sessions(store, SessionFilter()).entries if each.id == "a" * 32)
    assert entry.tokens == WASTEFUL.bill.total.tokens
    assert entry.waste_tokens == WASTEFUL.waste.avoidable.tokens
    assert entry.score == WASTEFUL.efficiency_score
    assert (entry.grade, entry.issues) == (WASTEFUL.grade, len(WASTEFUL.issues))
    assert entry.cost_usd is not None
    assert entry.cost_usd == pytest.approx(WASTEFUL.bill.total.cost_usd, abs=Decimal("1e-9"))


def test_a_report_is_found_by_session_conversation_and_trace(store: MemoryStore) -> None:
    def find(session_id: str) -> OptimizationReport | None:
        return views.report_of(store, session_id, no_analysis)

    by_trace, by_conversation = find("d" * 32), find("conversation-1")
    assert find("a" * 32) is not None
    assert by_trace is not None
    assert by_trace.session.trace_ids == ("d" * 32,)
    assert by_conversation is not None
    assert by_conversation.session.trace_ids == ("c" * 32, "d" * 32)
    assert by_conversation.bill.total.tokens == QUIET.bill.total.tokens + WASTEFUL.bill.total.tokens
    assert find("nobody") is None


def test_a_session_recorded_by_hand_is_analysed_when_it_is_asked_for(store: MemoryStore) -> None:
    store.add(Session(id="by-hand", agent="FORGE", task="", started_at="2026-01-05T10:00:00+00:00"))
    asked: list[str] = []

    def analyze(session: Session) -> OptimizationReport:
        asked.append(session.id)
        return QUIET

    assert views.report_of(store, "by-hand", analyze) is QUIET
    assert asked == ["by-hand"]


def test_agents_are_told_apart_without_their_letter_case(store: MemoryStore) -> None:
    assert [each.lower() for each in views.agents_of(store)] == ["coder", "reviewer"]


def test_the_trend_of_an_agent_is_oldest_first_and_adds_up(store: MemoryStore) -> None:
    trend = views.agent_trend(store, "coder")
    assert trend is not None
    assert [entry.id[:1] for entry in trend.entries] == ["a", "b"]
    assert trend.bill.tokens == WASTEFUL.bill.total.tokens + QUIET.bill.total.tokens
    assert trend.avoidable.tokens == WASTEFUL.waste.avoidable.tokens + QUIET.waste.avoidable.tokens
    assert views.agent_trend(store, "nobody") is None


def test_every_table_of_what_costs_most_adds_up_to_the_bill(store: MemoryStore) -> None:
    found = views.costs(store)
    bill = 2 * WASTEFUL.bill.total.tokens + 2 * QUIET.bill.total.tokens
    assert (found.total.sessions, found.total.bill.tokens) == (3, bill)
    tables: list[tuple[views.CostRow, ...]] = [found.agents, found.models, found.sources]
    for rows in tables:
        assert sum(row.amount.tokens for row in rows) == bill
        assert [row.amount.cost_usd or 0 for row in rows] == sorted(
            (row.amount.cost_usd or 0 for row in rows), reverse=True
        )
    assert sum(row.amount.tokens for row in found.rules) == 2 * WASTEFUL.waste.avoidable.tokens
    assert sum(row.sessions for row in found.agents) == 3


def test_an_empty_history_shows_nothing_and_breaks_nothing() -> None:
    empty = MemoryStore()
    assert views.list_sessions(empty, SessionFilter()).entries == ()
    assert views.costs(empty).total.sessions == 0
    assert views.agents_of(empty) == []


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "‮evil", "a\x00b", "x" * 10_000, "\ud800"])
def test_hostile_texts_are_fit_to_show(text: str) -> None:
    kept = MemoryStore()
    keep_report(kept, session(QUIET, "e" * 32, text, "2026-01-03T10:00:00+00:00", text))
    (entry,) = views.list_sessions(kept, SessionFilter()).entries
    for shown in (entry.agent, entry.task):
        assert len(shown) <= 500
        assert shown.isprintable()

"""Sessions of other sources in the same history."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from otel_sessionopt import EventType, OptimizationReport, SessionOptimizer
from otel_sessionopt.history.keeping import figures_of, keep_report, report_keeper
from otel_sessionopt.report import figures as shown
from otel_sessionopt.session.identity import trace_id_of
from otel_sessionopt.store.memory import MemoryStore
from otel_sessionopt.store.records import SessionQuery
from tests.golden.cases import cases
from tests.support.recordings import Clock, present

CASES = dict(cases())
WASTEFUL, QUIET = CASES["wasteful"], CASES["nothing-found"]


def of(report: OptimizationReport, trace: str, conversation: str | None = None) -> OptimizationReport:
    """The report as that of another trace."""
    info = replace(report.session, trace_ids=(trace,), conversation_id=conversation)
    return replace(report, session_id=trace, session=info)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def optimizer(store: MemoryStore) -> SessionOptimizer:
    return SessionOptimizer(store=store, clock=Clock(), environ={})


@pytest.mark.parametrize("report", CASES.values(), ids=CASES)
def test_figures_are_those_of_the_report(report: OptimizationReport) -> None:
    figures = figures_of(report)

    assert figures.tokens == report.bill.total.tokens
    assert figures.efficiency_score == report.efficiency_score
    assert figures.waste_tokens == report.total_waste_tokens
    assert figures.issue_count == len(report.issues)
    assert sum(tally.waste_tokens for tally in figures.issues.values()) == report.total_waste_tokens
    assert shown.usd(figures.cost_usd) == shown.usd(report.bill.total.cost_usd)


def test_a_trace_is_kept_and_its_report_comes_back(optimizer: SessionOptimizer, store: MemoryStore) -> None:
    assert keep_report(store, WASTEFUL)

    session = present(optimizer.get_session(WASTEFUL.session_id))
    assert session.agent == WASTEFUL.session.agent
    assert session.trace_ids == WASTEFUL.session.trace_ids
    assert session.total_tokens == WASTEFUL.bill.total.tokens
    assert session.duration_seconds == pytest.approx((WASTEFUL.session.wall_ns or 0) / 10**9)
    report = optimizer.analyze(session.id)
    assert report is not None
    assert report.to_dict() | {"comparisons": {}} == WASTEFUL.to_dict()
    assert (optimizer.export_report(session.id, "text") or "").startswith("Could have cost ")


def test_a_kept_session_costs_what_its_report_says(optimizer: SessionOptimizer) -> None:
    optimizer.keep_report(of(WASTEFUL, "a" * 32))  # cached tokens among them, which totals know nothing of
    optimizer.keep_report(of(CASES["partly-priced"], "b" * 32))

    for trace_id, report in (("a" * 32, WASTEFUL), ("b" * 32, CASES["partly-priced"])):
        session = present(optimizer.get_session(trace_id))
        assert session.estimated_cost == pytest.approx(float(report.bill.total.cost_usd or 0))
        assert session.total_tokens == report.bill.total.tokens
        (event,) = session.events
        assert event.data == {"traces": 1}


def test_lists_statistics_and_comparisons_cover_every_source(optimizer: SessionOptimizer) -> None:
    recorded = optimizer.start_session("CODER", "by hand", "opus")
    optimizer.log_event(recorded.id, EventType.FILE_READ, {"file_path": "/a.py"}, tokens_input=500)
    optimizer.keep_report(of(WASTEFUL, "a" * 32))
    agent = WASTEFUL.session.agent

    assert {stored.session.id for stored in optimizer.find()} == {recorded.id, "a" * 32}
    assert optimizer.agent_statistics(agent, days=100_000)["total_tokens"] >= WASTEFUL.bill.total.tokens
    compared = optimizer.compare_sessions([recorded.id, "a" * 32])
    assert compared["sessions"][1]["total_tokens"] == WASTEFUL.bill.total.tokens
    assert compared["sessions"][1]["efficiency_score"] == WASTEFUL.efficiency_score


def test_traces_of_one_conversation_are_one_session_with_one_report(optimizer: SessionOptimizer) -> None:
    optimizer.keep_report(of(WASTEFUL, "a" * 32, "talk"))
    optimizer.keep_report(of(QUIET, "b" * 32, "talk"))

    (stored,) = optimizer.find()
    assert stored.session.id == "talk"
    assert set(stored.session.trace_ids) == {"a" * 32, "b" * 32}
    report = optimizer.analyze("talk")
    assert report is not None
    assert report.session_id == "talk"
    assert set(report.session.trace_ids) == {"a" * 32, "b" * 32}
    kept, figures = stored.figures, figures_of(report)
    assert kept is not None
    assert replace(kept, waste_cost_usd=None) == replace(figures, waste_cost_usd=None)
    # The JSON form that the report is read from has nine digits.
    assert kept.waste_cost_usd == pytest.approx(figures.waste_cost_usd, abs=Decimal("1e-8"))
    assert optimizer.agent_statistics(None, days=100_000)["sessions_analyzed"] == 1


def test_a_recording_that_comes_back_from_where_it_was_sent_counts_once(
    optimizer: SessionOptimizer, store: MemoryStore
) -> None:
    recorded = optimizer.start_session("FORGE", "x")
    own = f"{trace_id_of(recorded):032x}"

    assert not optimizer.keep_report(of(WASTEFUL, own, recorded.id))
    assert len(store.find(SessionQuery())) == 1


def test_another_trace_that_names_a_recording_as_its_conversation_is_kept_by_itself(
    optimizer: SessionOptimizer,
) -> None:
    recorded = optimizer.start_session("FORGE", "x")

    assert optimizer.keep_report(of(WASTEFUL, "a" * 32, recorded.id))
    assert {stored.session.id for stored in optimizer.find()} == {recorded.id, "a" * 32}


def test_events_cannot_be_logged_to_what_came_as_traces(optimizer: SessionOptimizer) -> None:
    optimizer.keep_report(of(WASTEFUL, "a" * 32))

    with pytest.raises(ValueError, match="was kept from traces"):
        optimizer.log_event("a" * 32, EventType.CUSTOM)
    with pytest.raises(ValueError, match="was kept from traces"):
        optimizer.end_session("a" * 32, "FAILED")


def test_a_keeper_writes_into_the_history_of_its_folder(tmp_path: Path) -> None:
    keep = report_keeper(tmp_path / "history")
    assert not (tmp_path / "history").exists()
    keep(WASTEFUL)
    keep(of(QUIET, "b" * 32))

    with SessionOptimizer(tmp_path / "history", environ={}) as optimizer:
        assert len(optimizer.find()) == 2

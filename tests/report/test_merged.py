"""The reports of several traces as one."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import pytest

from otel_sessionopt.report import OptimizationReport, as_markdown, as_text, report_to_dict
from otel_sessionopt.report.merged import merge_reports
from otel_sessionopt.report.parts import Counts
from otel_sessionopt.report.score import ScoreBasis
from tests.golden.cases import cases

CASES = dict(cases())
SCHEMA = json.loads((Path(__file__).parents[2] / "otel_sessionopt" / "report" / "schema.json").read_text())
WASTEFUL, QUIET, PARTLY = (CASES[name] for name in ("wasteful", "nothing-found", "partly-priced"))


def merged(*reports: OptimizationReport) -> OptimizationReport:
    return merge_reports("c1", reports)


def test_one_report_stays_as_it_is_but_for_the_id() -> None:
    assert merged(WASTEFUL) == replace(WASTEFUL, session_id="c1")


def test_bill_waste_and_counts_are_sums() -> None:
    both = merged(WASTEFUL, QUIET)

    assert both.session_id == "c1"
    assert both.bill.total.tokens == WASTEFUL.bill.total.tokens + QUIET.bill.total.tokens
    assert both.bill.total.cost_usd == (WASTEFUL.bill.total.cost_usd or 0) + (QUIET.bill.total.cost_usd or 0)
    assert both.bill.calls == WASTEFUL.bill.calls + QUIET.bill.calls
    assert sum(row.amount.tokens for row in both.bill.models) == both.bill.total.tokens
    assert sum(amount.tokens for amount in both.bill.classes.values()) == both.bill.total.tokens
    assert both.total_waste_tokens == WASTEFUL.total_waste_tokens + QUIET.total_waste_tokens
    assert both.token_breakdown["TOTAL"] == both.bill.total.tokens
    assert list(both.token_breakdown)[-3:] == ["TOTAL_INPUT", "TOTAL_OUTPUT", "TOTAL"]
    for part in fields(Counts):
        expected = getattr(WASTEFUL.counts, part.name) + getattr(QUIET.counts, part.name)
        assert getattr(both.counts, part.name) == expected


def test_the_ledger_adds_up_to_the_bill() -> None:
    both = merged(WASTEFUL, QUIET, CASES["no-usage"])

    assert both.ledger is not None
    assert both.ledger.total.amount == both.bill.total
    assert sum(child.amount.tokens for child in both.ledger.total.children) == both.bill.total.tokens
    assert len({child.name for child in both.ledger.total.children}) == len(both.ledger.total.children)
    ratios = (both.ledger.measured_ratio, both.ledger.estimated_ratio, both.ledger.unattributed_ratio)
    assert sum(ratio or 0 for ratio in ratios) == pytest.approx(1, abs=0.001)
    assert len(both.ledger.dearest) <= 10
    assert merged(CASES["no-usage"], CASES["no-usage"]).ledger is None


def test_the_score_lies_between_those_of_the_parts() -> None:
    assert WASTEFUL.efficiency_score < merged(WASTEFUL, QUIET).efficiency_score < QUIET.efficiency_score


def test_an_unpriced_call_anywhere_makes_the_score_compare_tokens() -> None:
    both = merged(WASTEFUL, PARTLY)

    assert both.score_basis is ScoreBasis.TOKENS
    assert both.bill.unpriced_calls == PARTLY.bill.unpriced_calls


def test_issues_of_all_are_there_with_ids_of_their_own_dearest_first() -> None:
    both = merged(WASTEFUL, WASTEFUL)

    assert len(both.issues) == 2 * len(WASTEFUL.issues)
    assert len({issue.id for issue in both.issues}) == len(both.issues)
    assert {issue.id for issue in both.issues} == set(both.counted)
    dollars = [both.counted[issue.id].cost_usd or 0 for issue in both.issues]
    assert dollars == sorted(dollars, reverse=True)
    assert both.recommendations == list(dict.fromkeys(issue.suggestion for issue in both.issues))


def test_a_rule_that_could_judge_one_trace_has_a_verdict_and_a_failure_is_told() -> None:
    def with_first(status: str) -> OptimizationReport:
        return replace(QUIET, outcomes=(replace(QUIET.outcomes[0], status=status), *QUIET.outcomes[1:]))

    judged, unjudged, failed = map(with_first, ("ok", "not_applicable", "failed"))

    assert merged(unjudged, judged, unjudged).outcomes[0].status == "ok"
    assert merged(unjudged, unjudged).outcomes[0].status == "not_applicable"
    assert merged(judged, failed, judged).outcomes[0].status == "failed"


def test_the_session_spans_all_traces() -> None:
    later = replace(
        QUIET.session,
        trace_ids=("f" * 32,),
        started_at="2026-01-06T09:00:00+00:00",
        ended_at="2026-01-06T09:30:00+00:00",
        status="FAILED",
        active_ns=5,
    )
    session = merged(WASTEFUL, replace(QUIET, session=later)).session

    assert session.trace_ids == (*WASTEFUL.session.trace_ids, "f" * 32)
    assert (session.started_at, session.ended_at) == (WASTEFUL.session.started_at, "2026-01-06T09:30:00+00:00")
    assert session.status == "FAILED"
    assert session.active_ns == (WASTEFUL.session.active_ns or 0) + 5
    assert session.wall_ns is not None
    assert session.wall_ns > 23 * 3600 * 10**9


@pytest.mark.parametrize("other", CASES.values(), ids=CASES)
def test_every_form_of_it_can_be_written(other: OptimizationReport) -> None:
    both = merged(WASTEFUL, other)

    jsonschema.validate(json.loads(json.dumps(report_to_dict(both))), SCHEMA)
    assert "2 traces of one conversation" in as_text(both)
    assert as_markdown(both)


def test_replays_are_sums() -> None:
    both = merged(WASTEFUL, QUIET, CASES["no-usage"])

    assert both.replay is not None
    assert both.replay.before.total == both.bill.total
    assert both.replay.after.total.tokens == both.bill.total.tokens - both.total_waste_tokens
    assert sum(both.replay.after.classes.values()) == both.replay.after.total.tokens
    assert both.replay.before.model_calls == WASTEFUL.bill.calls + QUIET.bill.calls


def test_a_trace_without_a_replay_leaves_the_whole_without_one() -> None:
    assert merged(WASTEFUL, replace(QUIET, replay=None)).replay is None
    assert merged(CASES["no-usage"], CASES["no-usage"]).replay is None

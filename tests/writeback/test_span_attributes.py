"""Searchable attributes of a root span."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otel_sessionopt.report import OptimizationReport
from otel_sessionopt.report.parts import ReleaseInfo
from otel_sessionopt.writeback.attributes import root_attributes, score_bucket
from tests.report.reports import quiet_session, report_of, wasteful_session


@pytest.fixture
def report() -> OptimizationReport:
    return report_of(wasteful_session().session())


@pytest.mark.parametrize(
    ("score", "bucket"),
    [(0, "0-9"), (9.9, "0-9"), (10, "10-19"), (55.5, "50-59"), (89.9, "80-89"), (90, "90-100"), (100, "90-100")],
)
def test_scores_are_searched_by_tens(score: float, bucket: str) -> None:
    assert score_bucket(score) == bucket


def test_every_rule_that_hit_has_a_flag(report: OptimizationReport) -> None:
    attributes = root_attributes(report)
    flags = {name.removeprefix("sessionopt.rule.") for name in attributes if name.startswith("sessionopt.rule.")}
    assert flags == {issue.code for issue in report.issues}
    assert len(flags) > 1
    assert all(attributes[f"sessionopt.rule.{code}"] is True for code in flags)


def test_the_numbers_of_the_report_stand_beside_the_buckets(report: OptimizationReport) -> None:
    attributes = root_attributes(report)
    assert attributes["sessionopt.analyzed"] is True
    assert attributes["sessionopt.has_findings"] is True
    assert attributes["sessionopt.grade"] == report.grade
    assert attributes["sessionopt.efficiency_score"] == report.efficiency_score
    assert attributes["sessionopt.score_bucket"] == score_bucket(report.efficiency_score)
    assert attributes["sessionopt.waste.tokens"] == report.total_waste_tokens
    assert attributes["sessionopt.waste.cost_usd"] == report.total_waste_cost


def test_an_unknown_cost_is_absent(report: OptimizationReport) -> None:
    assert "sessionopt.waste.cost_usd" not in root_attributes(replace(report, total_waste_cost=None))


def test_a_quiet_session_has_no_flags() -> None:
    attributes = root_attributes(report_of(quiet_session().session()))
    assert attributes["sessionopt.has_findings"] is False
    assert not [name for name in attributes if name.startswith("sessionopt.rule.")]


def test_what_was_not_seen_is_told(report: OptimizationReport) -> None:
    release = ReleaseInfo(
        reason="late_span", is_final=True, span_count=9, late_spans=2, dropped={"queue_full": 3, "span_limit": 0}
    )
    attributes = root_attributes(replace(report, release=release))
    assert attributes["sessionopt.release.reason"] == "late_span"
    assert attributes["sessionopt.late_spans"] == 2
    assert attributes["sessionopt.dropped.queue_full"] == 3
    assert "sessionopt.dropped.span_limit" not in attributes


def test_without_a_release_nothing_is_said_of_one(report: OptimizationReport) -> None:
    attributes = root_attributes(replace(report, release=None))
    assert not [name for name in attributes if "release" in name or "dropped" in name or "late" in name]

"""Links of the extra span; the span itself is tested with the observer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.trace import SpanContext, TraceFlags

from otel_sessionopt.analyzers.issue import EfficiencyIssue
from otel_sessionopt.report import OptimizationReport
from otel_sessionopt.writeback.report_span import MAX_LINKS, evidence_links
from tests.report.reports import issue, quiet_session, report_of

ROOT = SpanContext(7, 9, is_remote=False, trace_flags=TraceFlags(1))


def report_with(*issues: EfficiencyIssue) -> OptimizationReport:
    return replace(report_of(quiet_session().session()), issues=list(issues))


def found(code: str, *event_ids: str) -> EfficiencyIssue:
    return issue(code=code, events_involved=list(event_ids))


def test_each_evidence_span_is_linked_once_with_all_its_findings() -> None:
    a, b = "000000000000000a", "000000000000000b"
    links = evidence_links(report_with(found("x", a, b), found("y", b), found("x", b)), ROOT)
    assert [(link.context.trace_id, link.context.span_id) for link in links] == [(7, 10), (7, 11)]
    assert [dict(link.attributes or {}) for link in links] == [
        {"sessionopt.finding.codes": ("x",)},
        {"sessionopt.finding.codes": ("x", "y")},
    ]
    assert all(link.context.is_valid and link.context.trace_flags.sampled for link in links)


@pytest.mark.parametrize(
    "event_id", ["", "event-1", "0000000000000000", "zzzzzzzzzzzzzzzz", "0x00000000000001", "0" * 32]
)
def test_ids_that_are_no_span_ids_are_left_out(event_id: str) -> None:
    links = evidence_links(report_with(found("x", event_id)), ROOT)
    assert [link for link in links if not link.context.is_valid] == []
    assert event_id.startswith("0x") or links == []


def test_links_are_bounded_and_those_of_the_worst_findings_kept() -> None:
    issues = [found(f"rule-{number}", *(f"{number * 100 + row + 1:016x}" for row in range(32))) for number in range(10)]
    links = evidence_links(report_with(*issues), ROOT)
    assert len(links) == MAX_LINKS
    assert (links[0].attributes or {})["sessionopt.finding.codes"] == ("rule-0",)
    assert (links[-1].attributes or {})["sessionopt.finding.codes"] == ("rule-3",)

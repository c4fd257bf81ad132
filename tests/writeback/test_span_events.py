"""A report as span events, and the copies that carry them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext

from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, Severity, Waste
from otel_sessionopt.report import OptimizationReport
from otel_sessionopt.writeback.span_events import (
    MAX_EVIDENCE_IDS,
    RootCopyWriter,
    copy_with,
    finding_event,
    report_events,
    room_for_findings,
    times_of,
)
from tests.golden.cases import cases
from tests.report.reports import issue, quiet_session, report_of, wasteful_session

LIMITS = SpanLimits()
PLAIN = (str, bool, int, float)


def found(**fields: Any) -> EfficiencyIssue:
    """An issue as it stands in a report."""
    return issue(**{"code": "repeated-file-read", **fields})


def report_with(*issues: EfficiencyIssue) -> OptimizationReport:
    return replace(report_of(quiet_session().session()), issues=list(issues))


def span(**fields: Any) -> ReadableSpan:
    given: dict[str, Any] = {
        "name": "root",
        "context": SpanContext(1, 2, is_remote=False),
        "start_time": 1_000,
        "end_time": 9_000,
        **fields,
    }
    return ReadableSpan(**given)


# --- findings


def test_a_finding_has_the_documented_keys() -> None:
    waste = Waste(tokens=1_200, basis=Basis.MEASURED, cost_usd=Decimal("0.0125"))
    event = finding_event(
        found(
            severity=Severity.HIGH,
            description="Read twice.",
            suggestion="Read once.",
            events_involved=["0000000000000001", "0000000000000002"],
            waste=waste,
        ),
        7,
    )
    assert (event.name, event.time_ns) == ("sessionopt.finding", 7)
    assert event.attributes == {
        "sessionopt.finding.code": "repeated-file-read",
        "sessionopt.finding.severity": "HIGH",
        "sessionopt.finding.message": "Read twice.",
        "sessionopt.finding.recommendation": "Read once.",
        "sessionopt.finding.waste.tokens": 1_200,
        "sessionopt.finding.waste.cost_usd": 0.0125,
        "sessionopt.finding.waste.basis": "measured",
        "sessionopt.finding.evidence.span_ids": ("0000000000000001", "0000000000000002"),
    }


def test_an_unknown_cost_is_absent_and_not_zero() -> None:
    event = finding_event(found(waste=Waste(tokens=5, basis=Basis.HEURISTIC)), 0)
    assert "sessionopt.finding.waste.cost_usd" not in event.attributes


def test_evidence_ids_are_bounded() -> None:
    ids = [f"{number:016x}" for number in range(100)]
    event = finding_event(found(events_involved=ids), 0)
    assert event.attributes["sessionopt.finding.evidence.span_ids"] == tuple(ids[:MAX_EVIDENCE_IDS])


# --- the events of a root


def test_what_findings_count_adds_up_to_the_waste_of_the_session() -> None:
    report = report_of(wasteful_session().session())
    events = [each for each in report_events(report, 99, 0, 9) if each.name == "sessionopt.finding"]
    own = sum(each.attributes.get("sessionopt.finding.waste.cost_usd", 0.0) for each in events)
    counted = sum(each.attributes["sessionopt.finding.counted.cost_usd"] for each in events)
    tokens = sum(each.attributes["sessionopt.finding.counted.tokens"] for each in events)
    owners = [each.attributes.get("sessionopt.finding.counted.already_by", ()) for each in events]

    assert counted == pytest.approx(report.total_waste_cost)
    assert tokens == report.total_waste_tokens
    assert own > counted  # some tokens are in two findings
    assert any(owners)


def test_findings_come_first_then_the_summary_and_the_evaluation() -> None:
    events = report_events(report_with(found(), found(id="b")), 16, 1_000, 9_000)
    assert [event.name for event in events] == [
        "sessionopt.finding",
        "sessionopt.finding",
        "sessionopt.summary",
        "gen_ai.evaluation.result",
    ]


def test_a_session_without_findings_has_a_summary_and_an_evaluation() -> None:
    summary, evaluation = report_events(report_with(), 16, 1_000, 9_000)
    assert summary.attributes["sessionopt.findings"] == 0
    assert summary.attributes["sessionopt.has_findings"] is False
    assert evaluation.attributes == {
        "gen_ai.evaluation.name": "sessionopt.efficiency",
        "gen_ai.evaluation.score.value": 100.0,
        "gen_ai.evaluation.score.label": "A",
        "gen_ai.evaluation.explanation": "0 tokens ($0.0000) avoidable; findings: 0",
    }


def test_the_worst_findings_are_kept_and_the_others_counted() -> None:
    report = report_with(*(found(id=str(number), description=f"number {number}") for number in range(20)))
    events = report_events(report, 3, 1_000, 9_000)
    messages = [event.attributes.get("sessionopt.finding.message") for event in events[:3]]
    assert messages == ["number 0", "number 1", "number 2"]
    summary = events[3].attributes
    assert (summary["sessionopt.findings"], summary["sessionopt.findings_omitted"]) == (20, 17)


@pytest.mark.parametrize(
    ("evidence_ns", "expected"),
    [(5_000, 5_000), (1_000, 1_000), (9_000, 9_000), (999, 1_000), (9_001, 9_000), (None, 9_000)],
)
def test_a_finding_is_where_its_last_evidence_ended_within_the_span(evidence_ns: int | None, expected: int) -> None:
    report = report_with(found(events_involved=["a", "b"]))
    times = {"a": 3_000} if evidence_ns is None else {"a": 3_000, "b": evidence_ns}
    assert report_events(report, 16, 1_000, 9_000, times)[0].time_ns == expected


def test_where_the_clock_jumped_back_events_are_at_the_end() -> None:
    report = report_with(found(events_involved=["a"]))
    assert {event.time_ns for event in report_events(report, 16, 9_000, 1_000, {"a": 5_000})} == {1_000}


def test_all_values_are_flat() -> None:
    report = report_with(found(events_involved=["a"], waste=Waste(tokens=1, basis=Basis.MEASURED)))
    for event in report_events(report, 16, 1_000, 9_000):
        for value in event.attributes.values():
            assert isinstance(value, PLAIN) or all(isinstance(item, str) for item in value)


# --- room beside the program's own events


@pytest.mark.parametrize(("events", "room"), [(0, 16), (110, 16), (111, 15), (125, 1), (126, 0), (128, 0)])
def test_the_programs_own_events_are_never_pushed_out(events: int, room: int) -> None:
    assert room_for_findings(events, SpanLimits(max_events=128), 16) == room


def test_without_a_limit_there_is_room() -> None:
    assert room_for_findings(10_000, SpanLimits(max_events=SpanLimits.UNSET), 16) == 16


# --- copies


def test_a_copy_keeps_the_counts_of_what_was_dropped() -> None:
    attributes = BoundedAttributes(1, {"a": 1, "b": 2})
    events = BoundedList.from_seq(1, [Event("x", {}, 1), Event("y", {}, 2)])
    links: BoundedList[Link] = BoundedList.from_seq(0, [])
    links.dropped = 4
    copy = copy_with(span(attributes=attributes, events=events, links=links), [], {"new": 1}, LIMITS)
    assert (copy.dropped_attributes, copy.dropped_events, copy.dropped_links) == (1, 1, 4)
    assert dict(copy.attributes or {}) == {"b": 2, "new": 1}
    assert [event.name for event in copy.events] == ["y"]


def test_a_copy_of_a_bare_span_will_do() -> None:
    copy = copy_with(span(), [finding_event(found(), 5)], {}, LIMITS)
    assert [event.timestamp for event in copy.events] == [5]


def test_event_values_keep_to_the_limits_of_the_sdk() -> None:
    limits = SpanLimits(max_attribute_length=4, max_event_attributes=3)
    (event,) = copy_with(span(), [finding_event(found(description="long text"), 5)], {}, limits).events
    values = dict(event.attributes or {})
    assert len(values) == 3
    assert all(len(value) <= 4 for value in values.values() if isinstance(value, str))


def test_a_copy_can_be_encoded() -> None:
    report = report_with(found(events_involved=["0000000000000001"]))
    copy = RootCopyWriter(LIMITS, max_findings=16, has_jaeger_warnings=True).write(span(), report, {})
    (sent,) = encode_spans([copy]).resource_spans[0].scope_spans[0].spans
    assert [event.name for event in sent.events] == [
        "sessionopt.finding",
        "sessionopt.summary",
        "gen_ai.evaluation.result",
    ]
    assert "@jaeger@warnings" in {attribute.key for attribute in sent.attributes}


# --- writers


def test_the_root_is_searchable_and_has_the_evaluation_too() -> None:
    report = report_with(found())
    copy = RootCopyWriter(LIMITS, max_findings=16, has_jaeger_warnings=False).write(
        span(attributes={"mine": 1}), report, {}
    )
    attributes = dict(copy.attributes or {})
    assert attributes["mine"] == 1
    assert attributes["sessionopt.rule.repeated-file-read"] is True
    assert attributes["gen_ai.evaluation.score.label"] == "A"
    assert "@jaeger@warnings" not in attributes


def test_the_programs_own_evaluation_stays() -> None:
    root = span(attributes={"gen_ai.evaluation.name": "correctness"})
    copy = RootCopyWriter(LIMITS, max_findings=16, has_jaeger_warnings=False).write(root, report_with(), {})
    assert (copy.attributes or {})["gen_ai.evaluation.name"] == "correctness"


def test_warnings_for_jaeger_are_only_written_when_there_are_any() -> None:
    writer = RootCopyWriter(LIMITS, max_findings=1, has_jaeger_warnings=True)
    assert "@jaeger@warnings" not in (writer.write(span(), report_with(), {}).attributes or {})
    copy = writer.write(span(), report_with(found(), found(id="b")), {})
    assert (copy.attributes or {})["@jaeger@warnings"] == ("MEDIUM repeated-file-read: Something was done twice.",)


def test_a_cause_gets_its_findings_and_nothing_of_the_session() -> None:
    writer = RootCopyWriter(LIMITS, max_findings=16, has_jaeger_warnings=False)
    copy = writer.write_onto_cause(span(attributes={"mine": 1}), [found(), found(id="b", code="large-file")])
    assert [(event.name, event.timestamp) for event in copy.events] == [("sessionopt.finding", 9_000)] * 2
    assert dict(copy.attributes or {}) == {
        "mine": 1,
        "sessionopt.has_findings": True,
        "sessionopt.rule.repeated-file-read": True,
        "sessionopt.rule.large-file": True,
    }


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(1, 2, (1, 2)), (None, 2, (2, 2)), (1, None, (1, 1)), (None, None, (0, 0)), (5, 0, (5, 0))],
)
def test_one_time_stands_for_the_other(start: int | None, end: int | None, expected: tuple[int, int]) -> None:
    assert times_of(span(start_time=start, end_time=end)) == expected


def test_the_summary_says_what_the_session_could_have_cost() -> None:
    report = dict(cases())["wasteful"]
    summary = report_events(report, 0, 1_000, 9_000)[0].attributes
    assert report.replay is not None
    assert summary["sessionopt.replay.tokens"] == report.bill.total.tokens - report.total_waste_tokens
    assert summary["sessionopt.replay.cost_usd"] == float(report.replay.after.total.cost_usd or 0)
    assert summary["sessionopt.replay.model_calls"] == report.replay.after.model_calls


def test_without_usage_the_summary_does_not_say_what_it_could_have_cost() -> None:
    summary = report_events(dict(cases())["no-usage"], 0, 1_000, 9_000)[-2].attributes
    assert "sessionopt.findings" in summary
    assert not any(name.startswith("sessionopt.replay.") for name in summary)

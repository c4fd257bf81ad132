"""The text form: what stands first, what stands where, and what is not said."""

from __future__ import annotations

from otel_sessionopt.analyzers.issue import Basis, Waste
from otel_sessionopt.report import as_text
from tests.report.reports import Says, issue, quiet_session, report_of, wasteful_session
from tests.support.digest_builder import TraceBuilder


def test_the_first_line_is_the_number_that_matters() -> None:
    text = as_text(report_of(wasteful_session().session()))

    assert text.startswith(
        "Could have cost $0.06 instead of $0.18 (67 % less), 43,823 tokens instead of\n"
        "176,280, 3 model calls fewer. Score 32 (F).\n"
    )


def test_a_session_without_findings_reads_well() -> None:
    lines = as_text(report_of(quiet_session().session())).splitlines()

    assert lines[0] == "Cost $0.0030; nothing avoidable was found. Score 100 (A)."
    assert "Nothing found by 22 of 24 rules; excessive-thinking, unused-tools not evaluated:" in lines


def test_a_session_without_usage_claims_no_cost_and_no_score() -> None:
    text = as_text(report_of(TraceBuilder().agent().model_call(has_usage=False).session()))

    assert text.startswith("No token usage is recorded, so neither cost nor waste can be told.\n")
    assert "$" not in text
    assert "Score" not in text
    assert "Bill" not in text
    assert "not evaluated: token usage of model calls not recorded." in " ".join(text.split())


def test_an_empty_session_is_a_report_too() -> None:
    text = as_text(report_of(TraceBuilder().agent().session()))

    assert text.startswith("No token usage is recorded")


def test_an_unpriced_session_is_told_in_tokens() -> None:
    text = as_text(report_of(TraceBuilder(model="in-house-7b").agent().model_call(input=900, output=100).session()))

    assert text.startswith("No price known. Used 1,000 tokens; nothing avoidable was found. Score 100 (A).\n")
    assert "unpriced" in text
    assert "$0" not in text


def test_a_partly_priced_session_says_what_its_cost_leaves_out() -> None:
    text = as_text(report_of(quiet_session().model_call(model="in-house-7b", input=900, output=100).session()))

    assert text.startswith(
        "Cost $0.0030 without 1 unpriced of 2 calls. Used 1,600 tokens; nothing avoidable\nwas found. Score 100 (A).\n"
    )


def test_several_models_are_listed_under_the_bill() -> None:
    lines = as_text(
        report_of(quiet_session().model_call(model="in-house-7b", input=900, output=100).session())
    ).splitlines()

    assert [line.split() for line in lines if line.startswith(("total", "  claude", "  in-house"))] == [
        ["total", "1,600", "$0.0030"],
        ["claude-sonnet-4-5", "600", "$0.0030"],
        ["in-house-7b", "1,000", "unpriced"],
    ]


def test_heuristic_waste_says_that_it_is_in_no_total() -> None:
    waste = Waste(tokens=100, basis=Basis.HEURISTIC)
    text = as_text(report_of(quiet_session().session(), [Says((issue(waste=waste),))]))

    assert "1. MEDIUM Says: 100 tokens (heuristic, in no total)" in text
    assert text.startswith("Cost $0.0030; nothing avoidable was found.")


def test_an_issue_without_waste_has_no_figure() -> None:
    text = as_text(report_of(quiet_session().session(), [Says((issue(),))]))

    assert "1. MEDIUM Says\n   Something was done twice.\n   Do: Do it once.\n" in text


def test_many_evidence_spans_are_counted_not_listed() -> None:
    text = as_text(report_of(quiet_session().session(), [Says((issue(events_involved=["a", "b", "c", "d", "e"]),))]))

    assert "Spans: a, b, c and 2 more" in text


def test_without_rules_the_report_says_so() -> None:
    assert "No rule is enabled." in as_text(report_of(quiet_session().session(), []))


def test_several_rules_without_a_verdict_are_listed_with_the_switch() -> None:
    text = as_text(report_of(TraceBuilder(captures_content=False).agent().read("a.py").model_call().session()))

    assert "found by" in text
    for line in text.splitlines():
        assert len(line) <= 80

"""The one total over several sessions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from otel_sessionopt.report.summary import Tally, row_of, summarize, total_headline, total_to_dict
from otel_sessionopt.report.total_forms import (
    sessions_as_text,
    short_report,
    table_rows,
    total_as_markdown,
    total_as_text,
)
from tests.report.reports import quiet_session, report_of, wasteful_session
from tests.support.digest_builder import TraceBuilder


def test_the_total_is_the_sum_of_the_reports() -> None:
    one, two = report_of(wasteful_session().session()), report_of(quiet_session().session())
    total = summarize([one, two, one])

    assert total.sessions == 3
    assert total.bill.tokens == 2 * one.bill.total.tokens + 600
    assert total.bill.cost_usd == 2 * (one.bill.total.cost_usd or 0) + Decimal("0.003")
    assert total.avoidable.tokens == 2 * one.total_waste_tokens


def test_cures_are_added_up_over_sessions_dearest_first() -> None:
    report = report_of(wasteful_session().session())
    total = summarize([report, report])

    assert [cure.code for cure in total.cures] == [
        "repeated-file-read",
        "large-file",
        "failed-retry",
        "repeated-search",
    ]
    assert (total.cures[0].issues, total.cures[0].sessions) == (2, 2)
    # Of each session the call that asked (16,600 tokens and an answer of 90), and what it brought in four calls.
    assert total.cures[0].amount.tokens == pytest.approx(2 * (16_690 + 4 * 12_300), rel=0.01)
    # At $3.75 a million written, $0.30 read and $15 generated.
    dollars = 12_300 * (Decimal("3.75") + 3 * Decimal("0.3")) + 16_600 * Decimal("0.3") + 90 * 15
    assert total.cures[0].amount.cost_usd == pytest.approx(2 * dollars / 10**6, rel=Decimal("0.06"))


def test_what_counts_nothing_is_no_cure() -> None:
    total = summarize([report_of(wasteful_session().session())])

    assert "token-spike" not in {cure.code for cure in total.cures}


def test_an_unpriced_session_turns_the_total_to_tokens() -> None:
    unpriced = report_of(TraceBuilder(model="in-house-7b").agent().model_call(input=900, output=100).session())
    total = summarize([report_of(quiet_session().session()), unpriced])

    assert total_headline(total) == (
        "2 sessions: Cost $0.0030 without 1 unpriced of 2 calls. Used 1,600 tokens; nothing avoidable was found. "
        "Score 100 (A)."
    )
    assert total_to_dict(total)["score_basis"] == "tokens"


def test_no_session_at_all_is_a_total_too() -> None:
    total = Tally().total()

    assert total_headline(total).startswith("0 sessions: No token usage is recorded")
    assert total_to_dict(total)["bill"] == {"tokens": 0, "cost_usd": None}


def test_the_total_in_words() -> None:
    report = report_of(wasteful_session().session())
    text = total_as_text(summarize([report, report]), with_issues=True)

    assert text.startswith("2 sessions: Could have cost $0.12 instead of $0.36 (67 % less), 87,646 tokens\n")
    assert "  - $0.13, 132,788 tokens in 2 issues of 2 sessions\n" in text
    assert "Dearest issues:" in text
    assert "Dearest issues:" not in total_as_text(summarize([report, report]), with_issues=False)
    assert "| \\$0.13, 132,788 tokens |" in total_as_markdown(summarize([report, report]))


def test_sessions_stand_in_a_table_of_80_columns() -> None:
    unpriced = report_of(TraceBuilder(model="in-house-7b").agent().model_call(input=900, output=100).session())
    empty = report_of(TraceBuilder().agent().model_call(has_usage=False).session())
    rows = [row_of(report) for report in (report_of(wasteful_session().session()), unpriced, empty)]

    assert sessions_as_text(rows) == (
        "    cost   avoidable score issues  started    session  task\n"
        "   $0.18 $0.12 (67%)  32 F      5  2026-01-05 0af76519 make the tests pass\n"
        "unpriced           – 100 A      0  2026-01-05 0af76519 coder\n"
        "       –           –     –      0  2026-01-05 0af76519 coder\n"
    )


def test_a_report_in_short_names_its_worst_issues() -> None:
    short = short_report(report_of(wasteful_session().session()))

    assert short.startswith(
        "make the tests pass, 2026-01-05 09:00 UTC\n  Could have cost $0.06 instead of $0.18 (67 % less)"
    )
    assert "\n  Session 0af7651916cd43dd8448eb211c80319c\n" in short
    assert "  - MEDIUM Repeated file read: $0.07, 66,394 tokens (measured)\n" in short
    assert "  - and 2 more\n" in short


def test_a_session_alone_in_its_conversation_goes_by_the_name_of_that() -> None:
    row = row_of(report_of(wasteful_session().session()))
    rows = [replace(row, conversation_id=name) for name in ("talk", "talk", "4555072A", None)]

    assert [texts[5] for texts in table_rows(rows)] == [
        row.session_id[:8],
        row.session_id[:8],
        "4555072A",
        row.session_id[:8],
    ]

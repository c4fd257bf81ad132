"""The Markdown form."""

from __future__ import annotations

import pytest

from otel_sessionopt.report import as_markdown
from otel_sessionopt.report.as_markdown import code, escape
from tests.report.reports import Says, issue, quiet_session, report_of, wasteful_session
from tests.support.digest_builder import TraceBuilder


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain text, 15 % (B).", "plain text, 15 % (B)."),
        ("*bold* _it_ `code` [a](b) ~~x~~ a|b $1", r"\*bold\* \_it\_ \`code\` \[a\](b) \~\~x\~\~ a\|b \$1"),
        ("snake_case_name", "snake_case_name"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a &amp; b", "a &amp;amp; b"),
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("+1", r"\+1"),
        ("@octocat see #12", "@<!-- -->octocat see #<!-- -->12"),
        ("http://evil.example", "http://<!-- -->evil.example"),
        ("www.evil.example", "www<!-- -->.evil.example"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_markup_shows_as_text(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("a.py", "`a.py`"),
        ("a`b", "``a`b``"),
        ("`a``b`", "``` `a``b` ```"),
        ("<b>", "`<b>`"),
        (" ", " "),
    ],
)
def test_a_code_span_holds_any_text(text: str, span: str) -> None:
    assert code(text) == span


def test_a_code_span_in_a_table_does_not_end_the_cell() -> None:
    assert code("a|b", in_table=True) == "`a\\|b`"


def test_the_heading_is_the_number_that_matters() -> None:
    lines = as_markdown(report_of(wasteful_session().session())).splitlines()

    assert (
        lines[0] == r"### Could have cost \$0.06 instead of \$0.18 (67 % less), 43,823 tokens instead of 176,280, "
        "3 model calls fewer. Score 32 (F)."
    )


def test_paths_of_an_issue_are_code() -> None:
    assert "`/repo/src/big.py`" in as_markdown(report_of(wasteful_session().session()))


def test_a_session_without_usage_has_no_bill() -> None:
    markdown = as_markdown(report_of(TraceBuilder().agent().model_call(has_usage=False).session()))

    assert "### No token usage is recorded" in markdown
    assert "Bill" not in markdown


def test_a_hostile_description_stays_within_its_list_item() -> None:
    hostile = "# x <img src=x onerror=alert(1)>\n\n| a | b |\n- item"
    markdown = as_markdown(report_of(quiet_session().session(), [Says((issue(description=hostile),))]))

    assert "1. \\# x &lt;img" in markdown
    assert "\n- item" not in markdown


def test_a_table_of_models_appears_where_there_are_several() -> None:
    markdown = as_markdown(report_of(quiet_session().model_call(model="claude-haiku-4-5").session()))

    assert "| `claude-sonnet-4-5` | 600 |" in markdown
    assert "| `claude-haiku-4-5` | 600 |" in markdown

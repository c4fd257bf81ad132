"""Whatever spans contain: it shows as text, breaks no form, and leaks nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from otel_sessionopt.report import as_html, as_json, as_markdown, as_text
from otel_sessionopt.report.as_html_comparison import as_comparison_html
from otel_sessionopt.report.summary import summarize
from otel_sessionopt.report.total_forms import sessions_as_text, short_report, total_as_markdown, total_as_text
from otel_sessionopt.writeback.report_files import write_report
from tests.report.html_pages import check_page
from tests.report.reports import Says, issue, report_of
from tests.support.digest_builder import TraceBuilder

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "txt.\u202eexe.pdf\u2066",
    "\ud800\udfff lone \udc00",
    "`` ` ```\n# heading\n| a | b |\n<script>alert(1)</script>",
    "[link](javascript:alert(1)) ![x](http://evil.example/x.png) @octocat #1",
    "{{template}} %s {0} \\n \\",
    "a" * 1_000_000,
    "\n" * 10_000,
    "\x00\x07\x08\x7f",
    "-----BEGIN PRIVATE KEY-----" + "A" * 100_000,
    "日本語" * 1_000,
    "",
    " ",
]

# Raw HTML stays on, as on the sites where such reports are pasted. The renderer comes with `rich`.
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OUR_ELEMENTS = frozenset(
    {"h3", "p", "br", "hr", "strong", "code", "ol", "ul", "li", "blockquote", "details", "summary"}
    | {"table", "thead", "tbody", "tr", "th", "td"}
)


def session_of(text: str) -> TraceBuilder:
    path = f"/repo/{text}"
    return (
        TraceBuilder()
        .agent(text, task=text)
        .model_call(input=4_000, model=text or None)
        .read(path, tokens=12_000)
        .model_call(input=16_000)
        .read(path, tokens=12_000)
        .model_call(input=28_000)
        .search(text)
        .model_call(input=28_100)
        .search(text)
        .model_call(input=28_200)
        .shell(text, error=text or "x")
        .model_call(input=28_300)
        .shell(text, error=text or "x")
        .model_call(input=28_400)
        .tool(text or "tool", error=text or "x")
    )


def check_every_form(text: str) -> None:
    report = report_of(session_of(text).session())
    forms = [
        as_text(report),
        as_markdown(report),
        as_json(report),
        as_html(report),
        as_comparison_html([report, report]),
        short_report(report),
        sessions_as_text([]),
        total_as_text(summarize([report, report]), with_issues=True),
        total_as_markdown(summarize([report, report])),
    ]
    for form in forms:
        form.encode("utf-8")
        assert form.replace("\n", "").isprintable()
    json.loads(as_json(report))
    assert len(as_json(report)) < 100_000
    check_page(as_html(report))
    check_page(as_comparison_html([report, report]))
    check_rendered(as_markdown(report))
    check_rendered(total_as_markdown(summarize([report, report])))


def check_rendered(markdown: str) -> None:
    """Rendered, there is nothing but our own structure: no element, link or attribute that a span brought along."""
    html = RENDERER.render(markdown)
    assert {tag.lower() for tag in re.findall(r"<([A-Za-z][^\s>/]*)", html)} <= OUR_ELEMENTS
    assert "href" not in re.sub(r"<code>.*?</code>", "", html)
    assert html.count("<h") == markdown.count("\n### ") + markdown.startswith("### ") + html.count("<hr")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_shows_as_text_in_every_form(text: str) -> None:
    check_every_form(text)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=300))
def test_any_text_shows_as_text_in_every_form(text: str) -> None:
    check_every_form(text)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_metadata_of_a_users_rule_becomes_json(value: object) -> None:
    report = report_of(TraceBuilder().agent().model_call().session(), [Says((issue(metadata={"value": value}),))])

    json.loads(as_json(report))


def test_file_contents_and_messages_never_reach_a_report(tmp_path: Path) -> None:
    contents = ["the secret recipe", "of the house"]
    session = (
        TraceBuilder()
        .agent()
        .model_call(input=4_000)
        .read("/repo/a.py", text=contents)
        .model_call(input=4_000)
        .read("/repo/a.py", text=contents)
        .model_call(input=4_000)
        .search("x", result="the secret recipe")
        .model_call(input=4_000)
        .session()
    )
    report = report_of(session)

    for path in write_report(report, tmp_path):
        assert "recipe" not in path.read_text(encoding="utf-8")

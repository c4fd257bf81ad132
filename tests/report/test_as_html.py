"""The page of one session: self-contained, whole, bounded, and true to the report."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.issue import Basis, Severity, Waste
from otel_sessionopt.report import OptimizationReport, as_html, as_json
from otel_sessionopt.report.from_json import report_from_dict
from otel_sessionopt.report.leading import leading_issues
from otel_sessionopt.report.parts import Amount
from otel_sessionopt.report.phrases import issue_title
from otel_sessionopt.report.summary import SessionRow, row_of
from otel_sessionopt.report.timeline import TimelineSource
from tests.golden.cases import cases
from tests.report.html_pages import Page, check_page
from tests.report.reports import Says, issue, quiet_session, report_of, wasteful_session
from tests.report.test_timeline import long_session
from tests.support.digest_builder import TraceBuilder

CASES = dict(cases())
TRACE = "0af7651916cd43dd8448eb211c80319c"


def texts(page: Page, element: str) -> list[str]:
    return [text for own, text in page.texts if own == element]


@pytest.mark.parametrize("report", CASES.values(), ids=CASES)
def test_every_kind_of_session_gives_a_whole_page(report: OptimizationReport) -> None:
    check_page(as_html(report, jaeger_url="http://localhost:16686"))


@pytest.mark.parametrize("report", CASES.values(), ids=CASES)
def test_a_report_read_back_from_json_gives_the_same_page(report: OptimizationReport) -> None:
    stored = report_from_dict(json.loads(as_json(report)))

    assert as_html(stored) == as_html(report_from_dict(json.loads(as_json(stored))))
    assert Page(as_html(stored)).elements == Page(as_html(report)).elements


def test_the_top_says_what_it_cost_what_it_could_have_cost_and_the_score() -> None:
    report = report_of(quiet_session().session())
    assert report.bill.total.cost_usd == Decimal("0.003")
    avoidable = Amount(tokens=200, cost_usd=Decimal("0.0012"))
    report = replace(report, waste=replace(report.waste, avoidable=avoidable), efficiency_score=60.0, grade="D")

    page = check_page(as_html(report))

    assert texts(page, "dd")[:6] == [
        "$0.0030", "600 tokens", "$0.0018", "without what was avoidable", "$0.0012", "40 % of the bill",
    ]  # fmt: skip
    assert texts(page, "text")[:2] == ["60", "grade D"]


def test_the_three_issues_that_lead_every_form_lead_the_page() -> None:
    report = report_of(wasteful_session().session())
    page = check_page(as_html(report))

    titles = [issue_title(each) for each in leading_issues(report, 3)]
    told = [text for text in texts(page, "a") if text in titles]

    assert told[:3] == titles
    assert [text for text in texts(page, "p") if text in report.recommendations][:3] == [
        each.suggestion for each in leading_issues(report, 3)
    ]


def test_a_repeated_read_shows_the_needed_read_and_the_wasted_one_marked_in_the_waterfall() -> None:
    report = report_of(wasteful_session().session())
    html = as_html(report)
    page = check_page(html)

    assert "The same in all:" in texts(page, "p")
    assert "Read, /repo/src/big.py" in texts(page, "bdi")
    assert html.count('class="badge plain">needed') >= 1
    assert html.count('<tr class="w">') >= 2


def test_evidence_links_to_its_span_in_jaeger_where_the_address_is_known() -> None:
    report = report_of(wasteful_session().session())

    links = check_page(as_html(report, jaeger_url="https://jaeger.example/ui/")).values("href")
    without = check_page(as_html(report)).values("href")

    assert f"https://jaeger.example/ui/trace/{TRACE}" in links
    assert f"https://jaeger.example/ui/trace/{TRACE}?uiFind=0000000000000004" in links
    assert all(link.startswith("#") for link in without)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "jaeger:16686", ""])
def test_an_address_that_is_no_web_address_makes_no_link(address: str) -> None:
    links = check_page(as_html(report_of(wasteful_session().session()), jaeger_url=address)).values("href")

    assert all(link.startswith("#") for link in links)


def test_an_issue_says_how_its_waste_was_computed_and_how_sure_it_is() -> None:
    html = as_html(report_of(wasteful_session().session()))

    assert "Estimated: sizes come from the lengths of texts" in html
    assert "By itself " in html
    assert 'href="#rule-repeated-file-read"' in html
    assert "How waste is estimated</h4>" in html


def test_issues_carry_what_they_are_filtered_by() -> None:
    page = check_page(as_html(report_of(wasteful_session().session())))

    assert "repeated-file-read" in page.values("data-code")
    assert set(page.values("data-agent")) == {"coder"}
    assert set(page.values("data-severity")) <= {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
    assert page.values("name").count("severity") == 1


def test_a_rule_of_ones_own_has_an_issue_and_no_page() -> None:
    report = report_of(quiet_session().session(), [Says((issue(severity=Severity.HIGH),))])

    page = check_page(as_html(report))

    assert "Something was done twice." in texts(page, "p")
    assert not [value for value in page.values("id") if value.startswith("rule-")]


def test_many_issues_are_told_in_full_in_short_and_counted() -> None:
    waste = Waste(tokens=5, basis=Basis.HEURISTIC, cost_usd=Decimal("0.01"))
    report = report_of(quiet_session().session(), [Says(tuple(issue(id=f"x-{n}", waste=waste) for n in range(300)))])

    html = as_html(report)
    page = check_page(html)

    assert page.elements["article"] == 40
    assert "and 60 more; the JSON form has all of them." in texts(page, "p")
    assert len(html.encode()) < 300_000


def test_a_session_of_1000_events_stays_below_300_kb() -> None:
    report = report_of(long_session(500).session())
    assert report.counts.events == 1_000

    html = as_html(report, jaeger_url="http://localhost:16686")

    check_page(html)
    assert len(html.encode()) < 300_000


def test_the_largest_timeline_that_a_report_can_have_stays_below_300_kb() -> None:
    builder = TraceBuilder().agent("boss").model_call(input=9_000)
    for number in range(8):
        builder.agent(f"helper{number}")
        for call in range(60):
            builder.read(f"/repo/{'deep/' * 12}file{call}.py", tokens=300).model_call(input=1_000 + 300 * call)
        builder.end()

    html = as_html(report_of(builder.session()), jaeger_url="http://localhost:16686")

    check_page(html)
    assert len(html.encode()) < 300_000


def history(*costs: str) -> list[SessionRow]:
    this = row_of(report_of(quiet_session().session()))
    return [
        replace(
            this,
            session_id=f"s{place}",
            started_at=f"2026-01-0{place + 1}T08:00:00+00:00",
            bill=Amount(tokens=1_000, cost_usd=Decimal(cost)),
        )
        for place, cost in enumerate(costs)
    ]


def test_the_last_sessions_of_the_agent_are_a_spark_line_with_this_one_in_it() -> None:
    html = as_html(report_of(quiet_session().session()), history=history("1", "3"))
    page = check_page(html)

    assert "2 other sessions of coder cost $2.00 on average with score 100; this one $0.0030 with 100." in texts(
        page, "figcaption"
    )
    assert html.count('class="past"') == 2
    assert html.count('class="this"') == 1


def test_a_report_kept_beside_others_brings_its_own_spark_line() -> None:
    row = {
        "id": "s1", "started_at": "2026-01-01", "tokens": 5, "cost": 0.5, "waste_tokens": 0, "waste_cost": 0.0,
        "efficiency_score": 90.0, "issue_count": 0,
    }  # fmt: skip
    report = replace(report_of(quiet_session().session()), comparisons={"agent": "coder", "recent": [row]})

    assert "1 other session of coder cost $0.50 on average" in as_html(report)


def test_without_history_there_is_no_spark_line() -> None:
    assert "last sessions" not in as_html(report_of(quiet_session().session()))


def test_a_report_of_an_earlier_version_gives_a_page_without_pictures_over_time() -> None:
    html = as_html(replace(report_of(wasteful_session().session()), timeline_source=TimelineSource()))

    check_page(html)
    assert "Span by span" not in html
    assert "Where the money went" in html

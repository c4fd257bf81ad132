"""What a report says about a session; all figures are counted by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category
from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim, PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, Severity, Waste
from otel_sessionopt.pricing import Catalog, PriceOverride
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.report.phrases import headline
from otel_sessionopt.report.score import ScoreBasis
from otel_sessionopt.session import EventType, Release, ReleaseReason, Session, SessionEvent, SessionStatus
from otel_sessionopt.session.facts.ledger import ledger
from tests.report.reports import GENERATED_AT, Says, issue, quiet_session, report_of, wasteful_session
from tests.support.digest_builder import MODEL, TraceBuilder, model_use


def input_waste(item_id: str, tokens: int, cost: str, basis: Basis = Basis.MEASURED) -> Waste:
    claims = (ItemClaim(item_id, tokens),) if basis.counts else ()
    return Waste(tokens=tokens, basis=basis, cost_usd=Decimal(cost), ledger_claims=claims)


def test_a_session_without_findings_has_a_bill_and_the_full_score() -> None:
    report = report_of(quiet_session().session())

    # claude-sonnet-4-5: 500 × $3 + 100 × $15 per million
    assert report.bill.total.tokens == 600
    assert report.bill.total.cost_usd == Decimal("0.003")
    assert report.bill.classes[PriceClass.INPUT].cost_usd == Decimal("0.0015")
    assert report.bill.classes[PriceClass.CACHE_READ].tokens == 0
    assert (report.bill.calls, report.bill.unpriced_calls) == (1, 0)
    assert [(row.model, row.calls) for row in report.bill.models] == [("claude-sonnet-4-5", 1)]
    assert (report.efficiency_score, report.grade, report.score_basis) == (100.0, "A", ScoreBasis.DOLLARS)
    assert (report.total_waste_tokens, report.total_waste_cost) == (0, 0.0)
    assert (report.issues, report.recommendations, report.notes) == ([], [], ())
    assert report.token_breakdown == {"AI_RESPONSE": 600, "TOTAL_INPUT": 500, "TOTAL_OUTPUT": 100, "TOTAL": 600}
    assert report.generated_at == GENERATED_AT


def test_every_kind_of_event_is_counted_once() -> None:
    counts = report_of(wasteful_session().compaction().session()).counts

    assert counts.model_calls == 8
    assert counts.tool_calls == 7  # the rejected one is a call too
    assert (counts.errors, counts.tool_errors) == (2, 2)
    assert counts.rejections == 1
    assert counts.compactions == 1
    assert counts.user_messages == 1


def test_overlapping_waste_is_counted_once_and_names_its_owner() -> None:
    report = report_of(wasteful_session().session())
    read, large = (next(i for i in report.issues if i.code == code) for code in ("repeated-file-read", "large-file"))

    # The second read is in vain: the call that asked for it (16,600 tokens and an answer of 90), and what that and the
    # read brought, carried through three more calls. 60 % of both reads are saveable, of which the repeat owns one; of
    # the seven calls with the first one, three are made no more.
    assert report.counted[read.id].tokens == pytest.approx(16_690 + 4 * 12_300, rel=0.01)
    assert report.counted[large.id].tokens == pytest.approx(4 * 7_200, rel=0.06)
    assert report.counted[large.id].already_counted_by[0] == "repeated-file-read"


def test_bases_are_never_added_together() -> None:
    session = quiet_session().session()
    system = ledger(session).contexts[0].items[0].id
    report = report_of(
        session,
        [
            Says(
                (
                    issue(id="m", waste=input_waste(system, 100, "0.0003")),
                    issue(id="e", waste=input_waste(system, 150, "0.00045", Basis.ESTIMATED)),
                    issue(id="h", waste=input_waste(system, 90, "0.00027", Basis.HEURISTIC)),
                    issue(id="r", waste=input_waste(system, 80, "0.00024", Basis.AT_RISK)),
                    issue(id="w", waste=input_waste(system, 70, "0.00021", Basis.WHAT_IF)),
                )
            )
        ],
    )

    # both claims are on one item: the larger one is all that is wasted
    assert report.waste.measured.tokens + report.waste.estimated.tokens == report.waste.avoidable.tokens == 150
    assert report.total_waste_tokens == 150
    assert report.total_waste_cost == pytest.approx(0.00045)
    assert report.waste.heuristic.tokens == 90
    assert report.waste.at_risk.tokens == 80
    assert report.waste.what_if.tokens == 70
    assert report.efficiency_score == 85.0  # 100 × (1 − 0.00045 / 0.003)
    assert report.grade == "B"


def test_issues_come_by_counted_dollars_then_tokens_then_severity() -> None:
    session = quiet_session().session()
    system, message = (item.id for item in ledger(session).contexts[0].items)

    def claimed(name: str, tokens: int, severity: Severity, cost: str = "0") -> EfficiencyIssue:
        waste = Waste(
            tokens=tokens,
            basis=Basis.MEASURED,
            cost_usd=Decimal(cost),
            ledger_claims=(ItemClaim(system if name == "b-big" else message, tokens),) if tokens else (),
        )
        return issue(id=name, severity=severity, suggestion=f"Cure {name[0]}.", waste=waste)

    report = report_of(
        session,
        [
            Says(
                (
                    claimed("c-low", 0, Severity.LOW),
                    claimed("a-small", 10, Severity.CRITICAL),
                    claimed("b-big", 20, Severity.LOW),
                    claimed("c-high", 0, Severity.HIGH),
                    claimed("d-high", 0, Severity.HIGH),
                )
            )
        ],
    )

    assert [each.id for each in report.issues] == ["b-big", "a-small", "c-high", "d-high", "c-low"]
    assert report.recommendations == ["Cure b.", "Cure a.", "Cure c.", "Cure d."]


def test_dollars_beat_tokens_and_tokens_beat_severity() -> None:
    def claimed(session: Session, name: str, tokens: int, severity: Severity) -> EfficiencyIssue:
        claim: LedgerClaim = ItemClaim(ledger(session).contexts[0].items[0].id, tokens)
        if name == "output":
            claim = OutputClaim(session.events[-1].id, tokens)
        waste = Waste(tokens=tokens, basis=Basis.MEASURED, ledger_claims=(claim,))
        return issue(id=name, severity=severity, waste=waste)

    def order(session: Session) -> list[str]:
        rule = Says(
            (
                claimed(session, "input", 50, Severity.CRITICAL),  # $3 per million
                claimed(session, "output", 20, Severity.LOW),  # $15 per million
            )
        )
        return [each.id for each in report_of(session, [rule]).issues]

    assert order(quiet_session().session()) == ["output", "input"]
    unpriced = TraceBuilder(model="in-house-7b").agent().model_call(input=500, output=100).session()
    assert order(unpriced) == ["input", "output"]

    few_but_critical = Says(
        (claimed(unpriced, "output", 10, Severity.CRITICAL), claimed(unpriced, "many", 20, Severity.LOW))
    )
    assert [each.id for each in report_of(unpriced, [few_but_critical]).issues] == ["many", "output"]


def test_what_only_a_container_states_is_billed_and_is_no_call() -> None:
    total = model_use(uncached=5_000, output=1_000)
    report = report_of(TraceBuilder().agent(usage=total).model_call(has_usage=False).session())

    assert report.bill.total.tokens == 6_000
    assert report.counts.model_calls == 1


def test_a_preview_rule_is_listed_and_counts_nothing() -> None:
    session = quiet_session().session()
    system = ledger(session).contexts[0].items[0].id

    class Previewed(BaseAnalyzer):
        meta = AnalyzerMeta(
            id="new-rule", title="New", category=Category.REDUNDANCY, severity=Severity.LOW, preview=True
        )

        def analyze(self, session: Session) -> list[EfficiencyIssue]:
            return [issue(waste=input_waste(system, 100, "0.0003"))]

    report = report_of(session, [Previewed()])

    assert [each.is_preview for each in report.issues] == [True]
    assert report.total_waste_tokens == 0
    assert report.efficiency_score == 100.0


def test_an_unpriced_model_has_tokens_and_no_cost() -> None:
    report = report_of(quiet_session().model_call(model="in-house-7b", input=1_000, output=10).session())

    assert report.bill.unpriced_calls == 1
    assert report.bill.total.cost_usd == Decimal("0.003")  # the priced call alone
    assert report.bill.total.tokens == 1_610
    assert report.score_basis is ScoreBasis.TOKENS
    assert report.notes == (
        "Unpriced: in-house-7b (1 call). Their 1,010 tokens are in no cost; the score therefore compares tokens.",
    )


def test_without_any_price_there_is_no_cost_anywhere() -> None:
    report = report_of(TraceBuilder(model="in-house-7b").agent().model_call(input=1_000, output=10).session())

    assert report.bill.total.cost_usd is None
    assert report.total_waste_cost is None
    assert report.to_dict()["bill"]["classes"]["input"]["cost_usd"] is None
    assert "No cost is given" in report.notes[0]


def test_a_free_model_is_judged_by_tokens() -> None:
    report = report_of(TraceBuilder(model="grok").agent().model_call(input=1_000, output=10).session())

    assert report.bill.total.cost_usd == 0
    assert report.score_basis is ScoreBasis.TOKENS


def test_a_cost_that_only_the_span_states_is_said_to_be_so() -> None:
    report = report_of(
        TraceBuilder(model="in-house-7b").agent().model_call(input=1_000, output=10, cost=Decimal("0.5")).session()
    )

    assert report.bill.total.cost_usd == Decimal("0.5")
    assert report.bill.models[0].price_source == "reported by the span"
    assert report.notes == ("The cost of 1 call is what the spans state; no price is known.",)


def test_a_missing_price_of_cache_reads_is_told_where_there_are_any() -> None:
    prices = Catalog({MODEL: PriceOverride(Decimal(3), Decimal(15))})
    told = report_of(quiet_session().model_call(cache_read=900).session(prices=prices)).notes

    assert told == (f"No price for cache reads of {MODEL} is known: they are billed as input, which may be too much.",)
    assert report_of(quiet_session().session(prices=prices)).notes == ()


def test_reasoning_is_told_only_where_a_call_tells_it() -> None:
    assert report_of(quiet_session().session()).bill.reasoning_tokens is None
    assert report_of(quiet_session().model_call(output=100, reasoning=40).session()).bill.reasoning_tokens == 40


def test_a_session_without_tokens_scores_full_and_says_nothing_was_billed() -> None:
    report = report_of(TraceBuilder().agent().model_call(has_usage=False).session())

    assert report.efficiency_score == 100.0
    assert report.bill.calls == 0
    assert report.counts.model_calls == 1
    assert "Unknown usage: 1 model call without token numbers; the bill is short of them." in report.notes


def test_a_rule_without_its_facts_names_them_and_the_switch() -> None:
    report = report_of(quiet_session().session())
    outcome = next(each for each in report.outcomes if each.code == "excessive-thinking")

    assert outcome.status == "not_applicable"
    assert [missing.fact for missing in outcome.missing] == ["reasoning tokens"]
    assert "gen_ai.usage.reasoning.output_tokens" in outcome.missing[0].switch


def test_a_rule_that_raises_is_a_failed_outcome_without_what_it_quotes() -> None:
    class Broken(BaseAnalyzer):
        def analyze(self, session: Session) -> list[EfficiencyIssue]:
            raise KeyError("the user's own words")

    report = report_of(quiet_session().session(), [Broken()])

    assert report.outcomes[0].status == "failed"
    assert report.outcomes[0].error is not None
    assert "KeyError" in report.outcomes[0].error
    assert "own words" not in report.outcomes[0].error


def test_an_interim_report_says_so() -> None:
    release = Release(
        reason=ReleaseReason.IDLE_TIMEOUT,
        is_final=False,
        late_spans=2,
        dropped={"queue_full": 3},
        warnings={"invalid-json": 1, "odd-name": 2},
    )
    report = report_of(quiet_session().session(release=release))

    assert report.session.status == "ACTIVE"
    assert report.session.ended_at == ""
    assert report.release is not None
    assert report.release.reason == "idle_timeout"
    assert report.notes == (
        "Interim report: the session goes on, a later report replaces this one.",
        "2 spans came after an earlier report of this session.",
        "3 spans not analysed: queue_full.",
        "1 span with arguments or messages that are not valid JSON.",
        "Warning odd-name: 2 spans.",
    )


def test_a_recording_by_hand_has_no_release_and_bills_every_event() -> None:
    session = Session(id="s1", agent="me", task="t", started_at="2026-01-05T09:00:00+00:00", model="sonnet")
    session.add_event(
        SessionEvent(
            id="e1",
            timestamp="2026-01-05T09:00:00+00:00",
            event_type=EventType.FILE_READ,
            data={"file_path": "a.py"},
            tokens_input=1_000,
            tokens_output=0,
            duration_ms=10,
        )
    )
    session.add_event(
        SessionEvent(
            id="e2",
            timestamp="2026-01-05T09:00:10+00:00",
            event_type=EventType.AI_RESPONSE,
            tokens_input=0,
            tokens_output=200,
            duration_ms=10,
        )
    )
    report = report_of(session)

    assert report.release is None
    assert report.session.trace_ids == ()
    assert report.token_breakdown == {
        "FILE_READ": 1_000,
        "AI_RESPONSE": 200,
        "TOTAL_INPUT": 1_000,
        "TOTAL_OUTPUT": 200,
        "TOTAL": 1_200,
    }
    assert [row.model for row in report.bill.models] == ["sonnet"]
    assert report.bill.total.cost_usd == Decimal("0.006")  # 1,000 × $0.003 + 200 × $0.015 per 1,000


def test_stored_totals_win_where_no_event_was_kept() -> None:
    session = Session(
        id="s1",
        agent="me",
        task="t",
        status=SessionStatus.COMPLETED,
        started_at="2026-01-05T09:00:00+00:00",
        total_tokens_input=900,
        total_tokens_output=100,
        model="sonnet",
    )

    report = report_of(session)

    assert report.token_breakdown == {"TOTAL_INPUT": 900, "TOTAL_OUTPUT": 100, "TOTAL": 1_000}
    assert report.counts.model_calls == 0


def test_building_a_report_changes_nothing_in_the_issues_it_was_given() -> None:
    given = issue(description="password=hunter2", metadata={"command": "password=hunter2"})
    report = report_of(quiet_session().session(), [Says((given,))])

    assert report.issues[0].description == "password=[masked]"
    assert given.description == "password=hunter2"
    assert given.metadata == {"command": "password=hunter2"}


def test_a_long_text_is_cut_where_it_stands_and_the_sentence_goes_on() -> None:
    path = "/" + "x" * 300
    report = report_of(
        quiet_session().session(),
        [Says((issue(description=f"Read {path} twice.", metadata={"file_path": path}),))],
    )

    assert report.issues[0].description.endswith("x… twice.")
    assert len(report.issues[0].metadata["file_path"]) == 200


def test_a_secret_that_a_rule_took_out_of_its_command_is_masked_too() -> None:
    session = (
        TraceBuilder()
        .agent()
        .shell("deploy --token abc123", error="exit-1")
        .model_call()
        .shell("deploy --token abc123", error="exit-1")
        .model_call()
        .session()
    )
    report = report_of(session)

    assert any(each.code == "failed-retry" for each in report.issues)
    assert "abc123" not in str(report.to_dict())


def test_the_replay_is_the_bill_less_what_is_avoidable() -> None:
    report = report_of(wasteful_session().session())

    assert report.replay is not None
    before, after = report.replay.before, report.replay.after
    assert (before.total, before.model_calls) == (report.bill.total, report.bill.calls)
    assert before.classes == {each: amount.tokens for each, amount in report.bill.classes.items()}
    assert after.total.tokens == report.bill.total.tokens - report.total_waste_tokens
    assert after.total.cost_usd is not None
    assert report.bill.total.cost_usd is not None
    assert report.waste.avoidable.cost_usd is not None
    assert after.total.cost_usd + report.waste.avoidable.cost_usd == report.bill.total.cost_usd
    assert sum(after.classes.values()) == after.total.tokens
    # those that asked for the second read, the second search and the second try
    assert report.replay.fewer_calls == 3


def test_model_calls_that_would_not_have_been_made_are_told() -> None:
    session = quiet_session().model_call(input=600, output=100).session()
    last = session.events[-1].id
    waste = Waste(tokens=700, basis=Basis.MEASURED, ledger_claims=(CallClaim(last),))
    report = report_of(session, [Says((issue(waste=waste),))])

    assert report.replay is not None
    assert report.replay.fewer_calls == 1
    # $3 and $15 per million: 500 + 100 and 600 + 100
    assert headline(report) == (
        "Could have cost $0.0030 instead of $0.0063 (52 % less), 600 tokens instead of 1,300, 1 model call fewer. "
        "Score 47 (F)."
    )


def test_waste_of_dollars_only_saves_no_tokens() -> None:
    session = TraceBuilder().agent().model_call(input=1_000, output=100).session()
    premium = PremiumClaim(session.events[-1].id, PriceClass.INPUT, 1_000)
    waste = Waste(tokens=0, basis=Basis.MEASURED, premiums=(premium,))
    report = report_of(session, [Says((issue(waste=waste),))])

    assert headline(report) == "Could have cost $0.0018 instead of $0.0045 (60 % less). Score 40 (F)."
    assert report.replay is not None
    assert report.replay.after.classes[PriceClass.CACHE_READ] == 1_000


def test_without_prices_the_replay_is_told_in_tokens() -> None:
    session = TraceBuilder(model="in-house-7b").agent().model_call(input=900).model_call(input=900).session()
    waste = Waste(tokens=1_000, basis=Basis.MEASURED, ledger_claims=(CallClaim(session.events[-1].id),))
    report = report_of(session, [Says((issue(waste=waste),))])

    assert headline(report) == (
        "No price known. Could have used 1,000 tokens instead of 2,000 (50 % less), 1 model call fewer. Score 50 (F)."
    )


def test_a_session_without_usage_has_no_replay() -> None:
    assert report_of(TraceBuilder().agent().model_call(has_usage=False).session()).replay is None

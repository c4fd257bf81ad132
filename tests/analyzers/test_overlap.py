from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.analyzers.catalog import default_analyzers
from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim, PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste
from otel_sessionopt.analyzers.large_file import LargeFileAnalyzer
from otel_sessionopt.analyzers.overlap import OWNER_ORDER, resolve_overlaps
from otel_sessionopt.analyzers.repeated_file_read import RepeatedFileReadAnalyzer
from otel_sessionopt.analyzers.runner import run_analyzers
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.model import EventType, Session
from tests.analyzers.cases import FLAT, Recording
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

# Prices a token: 10 uncached, 1 read from the cache, 12 written to it, 50 output.


def _session(*, model: str | None = None) -> tuple[Session, str, str]:
    """Two results of 100 tokens that enter with the second of three calls; and their ids."""
    talk = Conversation(trace=TraceBuilder() if model is None else TraceBuilder(model=model))
    talk.ask()
    first, second = talk.tool(tokens=100), talk.tool(tokens=100)
    talk.ask()
    talk.ask()
    return talk.session(), first, second


def _issue(
    code: str, *claims: LedgerClaim, name: str = "", basis: Basis = Basis.ESTIMATED, tokens: int = 0
) -> EfficiencyIssue:
    waste = Waste(
        tokens=tokens,
        basis=basis,
        cost_usd=Decimal(7),
        ledger_claims=tuple(claim for claim in claims if not isinstance(claim, PremiumClaim)),
        premiums=tuple(claim for claim in claims if isinstance(claim, PremiumClaim)),
    )
    kind = IssueType.INEFFICIENT_TOOL_USE
    return EfficiencyIssue(name or code, kind, Severity.LOW, "", "", waste=waste, code=code)


def test_one_issue_counts_what_it_claims() -> None:
    session, first, _ = _session()
    ledger = resolve_overlaps(session, [_issue("large-file", ItemClaim(first, 60))])
    counted = ledger.by_issue["large-file"]
    assert (counted.tokens, counted.cost_usd, counted.already_counted_by) == (120, Decimal(60 * (12 + 1)), ())
    assert (ledger.avoidable_tokens, ledger.avoidable_cost_usd) == (120, Decimal(60 * 13))


def test_of_two_claims_on_one_item_the_later_owner_counts_only_what_exceeds_the_first() -> None:
    session, first, _ = _session()
    read, large = _issue("repeated-file-read", ItemClaim(first, 40)), _issue("large-file", ItemClaim(first, 60))
    ledger = resolve_overlaps(session, [large, read])
    assert ledger.by_issue["repeated-file-read"].tokens == 80
    assert ledger.by_issue["large-file"].tokens == 40
    assert ledger.by_issue["large-file"].already_counted_by == ("repeated-file-read",)
    assert ledger.avoidable_tokens == 120


def test_a_claim_that_is_wholly_counted_already_counts_nothing_and_says_by_whom() -> None:
    session, first, _ = _session()
    issues = [_issue(code, ItemClaim(first, 100)) for code in ("large-file", "failed-retry", "repeated-search")]
    ledger = resolve_overlaps(session, issues)
    assert [ledger.by_issue[issue.id].tokens for issue in issues] == [0, 0, 200]
    assert ledger.by_issue["large-file"].already_counted_by == ("repeated-search",)
    assert ledger.by_issue["large-file"].cost_usd == Decimal(0)


def test_claims_on_different_items_add_up() -> None:
    session, first, second = _session()
    ledger = resolve_overlaps(
        session,
        [_issue("large-file", ItemClaim(first, 100)), _issue("large-file", ItemClaim(second, 100), name="other")],
    )
    assert ledger.avoidable_tokens == 400


def test_nothing_counts_beyond_the_size_of_an_item_or_an_output() -> None:
    session, first, _ = _session()
    call = bill(session).calls[0].event.id
    ledger = resolve_overlaps(session, [_issue("large-file", ItemClaim(first, 9_000), OutputClaim(call, 9_000))])
    assert ledger.avoidable_tokens == 200 + 50


def test_what_a_removed_call_carried_is_counted_by_the_call() -> None:
    session, first, _ = _session()
    last = bill(session).calls[-1].event.id
    issues = [_issue("duplicate-model-call", CallClaim(last)), _issue("large-file", ItemClaim(first, 100))]
    ledger = resolve_overlaps(session, issues)
    # All of the last call: 10,300 of prompt, 50 of output. Of the result only what the call before was billed for it.
    assert ledger.by_issue["duplicate-model-call"].tokens == 10_350
    assert ledger.by_issue["large-file"].tokens == 100
    assert ledger.by_issue["large-file"].already_counted_by == ("duplicate-model-call",)


def test_a_call_claimed_after_what_it_carried_counts_the_rest_and_names_the_owner() -> None:
    session, first, _ = _session()
    last = bill(session).calls[-1].event.id
    ledger = resolve_overlaps(
        session, [_issue("large-file", ItemClaim(first, 100)), _issue("unused-tools", CallClaim(last))]
    )
    assert ledger.by_issue["large-file"].tokens == 200
    assert ledger.by_issue["unused-tools"].tokens == 10_250
    assert ledger.by_issue["unused-tools"].already_counted_by == ("large-file",)


def test_output_and_its_call_are_counted_once() -> None:
    session, _, _ = _session()
    last = bill(session).calls[-1].event.id
    issues = [
        _issue("no-progress-loop", OutputClaim(last, 20)),
        _issue("failed-retry", OutputClaim(last, 30)),
        _issue("unused-tools", CallClaim(last)),
        _issue("compaction-churn", OutputClaim(last, 50), CallClaim(last)),
    ]
    ledger = resolve_overlaps(session, issues)
    assert [ledger.by_issue[issue.id].tokens for issue in issues] == [20, 10, 10_320, 0]
    assert ledger.by_issue["failed-retry"].already_counted_by == ("no-progress-loop",)
    assert ledger.by_issue["compaction-churn"].already_counted_by == ("unused-tools",)


def test_a_claim_on_what_the_session_does_not_have_counts_nothing() -> None:
    session, _, _ = _session()
    claims: list[LedgerClaim] = [ItemClaim("x", 60), CallClaim("x"), OutputClaim("x", 1)]
    ledger = resolve_overlaps(session, [_issue("large-file", *claims, PremiumClaim("x", PriceClass.INPUT, 9))])
    assert (ledger.avoidable_tokens, ledger.avoidable_cost_usd) == (0, Decimal(0))


def test_a_negative_claim_counts_nothing_and_gives_nothing_back() -> None:
    session, first, second = _session()
    ledger = resolve_overlaps(session, [_issue("large-file", ItemClaim(first, -60), ItemClaim(second, 50))])
    assert ledger.avoidable_tokens == 100


def test_waste_that_never_counts_is_summed_apart_and_cut_at_the_bill() -> None:
    session, first, _ = _session()
    issues = [
        _issue("token-spike", basis=Basis.HEURISTIC, tokens=25_000),
        _issue("long-session", basis=Basis.HEURISTIC, tokens=25_000),
        _issue("high-error-rate", ItemClaim(first, 60), basis=Basis.AT_RISK, tokens=60),
    ]
    ledger = resolve_overlaps(session, issues)
    assert ledger.avoidable_tokens == 0
    assert {ledger.by_issue[issue.id].tokens for issue in issues} == {0}
    assert ledger.tokens_by_basis[Basis.HEURISTIC] == bill(session).total_tokens < 50_000
    assert ledger.tokens_by_basis[Basis.AT_RISK] == 60
    assert ledger.cost_usd_by_basis[Basis.AT_RISK] == Decimal(7)


def test_measured_and_estimated_add_up_to_the_avoidable_total() -> None:
    session, first, second = _session()
    issues = [
        _issue("repeated-file-read", ItemClaim(first, 30), basis=Basis.MEASURED),
        _issue("large-file", ItemClaim(second, 50)),
    ]
    ledger = resolve_overlaps(session, issues)
    assert ledger.tokens_by_basis[Basis.MEASURED] == 60
    assert ledger.tokens_by_basis[Basis.ESTIMATED] == 100
    assert ledger.avoidable_tokens == 160
    assert ledger.cost_usd_by_basis[Basis.MEASURED] == Decimal(30 * 13)


def test_previews_never_count_and_take_nothing_from_others() -> None:
    session, first, _ = _session()
    preview = _issue("duplicate-model-call", ItemClaim(first, 100))
    preview.is_preview = True
    ledger = resolve_overlaps(session, [preview, _issue("large-file", ItemClaim(first, 100))])
    assert ledger.by_issue["duplicate-model-call"].tokens == 0
    assert ledger.by_issue["large-file"].tokens == 200


def test_an_issue_without_waste_counts_nothing() -> None:
    session, _, _ = _session()
    issue = EfficiencyIssue("x", IssueType.LONG_SESSION, Severity.LOW, "", "", 500, 2.0)
    ledger = resolve_overlaps(session, [issue])
    assert (ledger.by_issue["x"].tokens, ledger.avoidable_tokens) == (0, 0)


def test_an_unpriced_session_has_tokens_and_no_cost() -> None:
    session, first, _ = _session(model="unknown-model")
    ledger = resolve_overlaps(session, [_issue("large-file", ItemClaim(first, 60))])
    assert (ledger.avoidable_tokens, ledger.avoidable_cost_usd) == (120, None)
    assert ledger.by_issue["large-file"].cost_usd is None


def test_no_issues_waste_nothing() -> None:
    session, _, _ = _session()
    ledger = resolve_overlaps(session, [])
    assert (ledger.avoidable_tokens, ledger.avoidable_cost_usd, dict(ledger.by_issue)) == (0, Decimal(0), {})


def test_owners_are_served_in_the_documented_order() -> None:
    flat = [code for codes in OWNER_ORDER for code in codes]
    assert len(set(flat)) == len(flat)
    for earlier, later in (
        ("duplicate-model-call", "truncated-output"),
        ("truncated-output", "no-progress-loop"),
        ("no-progress-loop", "redundant-tool-call"),
        ("repeated-search", "failed-retry"),
        ("failed-retry", "sub-agent-overlap"),
        ("sub-agent-overlap", "large-file"),
        ("large-file", "prompt-cache-break"),
        ("never-cached-context", "unused-tools"),
        ("unused-tools", "compaction-churn"),
    ):
        assert flat.index(earlier) < flat.index(later)


def test_a_rule_that_the_order_does_not_know_comes_last() -> None:
    session, first, _ = _session()
    issues = [_issue("a-users-rule", ItemClaim(first, 60)), _issue("large-file", ItemClaim(first, 60))]
    ledger = resolve_overlaps(session, issues)
    assert ledger.by_issue["a-users-rule"].tokens == 0
    assert ledger.by_issue["large-file"].tokens == 120


def test_a_premium_adds_dollars_and_no_tokens_and_only_on_what_is_not_wasted_as_a_whole() -> None:
    session, first, _ = _session()
    call = bill(session).calls[1].event.id  # writes 250: 50 of output, two results of 100
    premium = PremiumClaim(call, PriceClass.CACHE_WRITE, 250)
    ledger = resolve_overlaps(
        session, [_issue("prompt-cache-break", premium), _issue("repeated-file-read", ItemClaim(first, 100))]
    )
    counted = ledger.by_issue["prompt-cache-break"]
    assert (counted.tokens, counted.already_counted_by) == (0, ("repeated-file-read",))
    assert counted.cost_usd == 150 * (12 - 1)
    assert ledger.avoidable_tokens == 200
    assert ledger.avoidable_cost_usd == 100 * (12 + 1) + 150 * (12 - 1)


def test_two_premiums_on_one_call_share_what_it_was_billed() -> None:
    session, _, _ = _session()
    call = bill(session).calls[1].event.id
    issues = [
        _issue("prompt-cache-break", PremiumClaim(call, PriceClass.CACHE_WRITE, 150)),
        _issue("idle-cache-expiry", PremiumClaim(call, PriceClass.CACHE_WRITE, 150)),
    ]
    ledger = resolve_overlaps(session, issues)
    # Owners of one rank in the order of their names.
    assert [ledger.by_issue[issue.id].cost_usd for issue in issues] == [100 * 11, 150 * 11]
    assert ledger.by_issue["prompt-cache-break"].already_counted_by == ("idle-cache-expiry",)


def test_a_premium_of_a_call_that_falls_away_counts_nothing() -> None:
    session, _, _ = _session()
    call = bill(session).calls[1].event.id
    issues = [
        _issue("prompt-cache-break", PremiumClaim(call, PriceClass.CACHE_WRITE, 150)),
        _issue("unused-tools", CallClaim(call)),
    ]
    counted = resolve_overlaps(session, issues).by_issue["prompt-cache-break"]
    assert (counted.cost_usd, counted.already_counted_by) == (Decimal(0), ("unused-tools",))


def test_cache_reads_and_output_have_no_premium() -> None:
    session, _, _ = _session()
    call = bill(session).calls[1].event.id
    kinds = (PriceClass.CACHE_READ, PriceClass.OUTPUT)
    issue = _issue("prompt-cache-break", *(PremiumClaim(call, kind, 40) for kind in kinds))
    assert resolve_overlaps(session, [issue]).avoidable_cost_usd == 0


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.sampled_from(["a.py", "b.py"]), max_size=8), st.integers(0, 30_000), st.integers(0, 30_000))
def test_the_waste_of_the_shipped_rules_is_at_most_the_bill(paths: list[str], size: int, billed: int) -> None:
    trace = TraceBuilder()
    for path in paths:
        trace.read(path, tokens=size).search("x").shell("make", error="exit-2")
        trace.model_call(input=billed // 3, cache_write=billed, output=billed // 10, reasoning=billed // 20)
    session = trace.session(prices=FLAT)
    issues = [issue for outcome in run_analyzers(session, default_analyzers()) for issue in outcome.issues]
    ledger = resolve_overlaps(session, issues)
    total = bill(session).total_tokens
    assert 0 <= ledger.avoidable_tokens <= total
    assert all(0 <= issue.estimated_waste_tokens <= total for issue in issues)


def test_recorded_events_are_items_and_calls_at_once() -> None:
    session = (
        Recording().add(EventType.FILE_READ, 12_000, path="a").add(EventType.FILE_READ, 12_000, path="a").session()
    )
    issues = [issue for outcome in run_analyzers(session, default_analyzers()) for issue in outcome.issues]
    # The second read is a repeat (12,000); of the first 60 % are saveable (7,200).
    assert resolve_overlaps(session, issues).avoidable_tokens == 19_200


def test_a_large_file_read_three_times_is_counted_once() -> None:
    talk = Conversation()
    talk.ask()
    for _ in range(3):
        talk.read("/repo/a.py", tokens=10_000)
        talk.ask()
    session = talk.session()
    rules = [RepeatedFileReadAnalyzer(), LargeFileAnalyzer()]
    issues = [issue for outcome in run_analyzers(session, rules) for issue in outcome.issues]
    ledger = resolve_overlaps(session, issues)
    counted = {issue.code: ledger.by_issue[issue.id] for issue in issues}
    # The four prompts have 10,000, 20,050, 30,100 and 40,150 tokens, the answers 50 each. Without the two repeats and
    # the two calls that only asked for them 10,000 and 20,050 are left: 70,250 and two answers less. Of the first read,
    # which one call is then billed for, 60 % are saveable.
    assert counted["repeated-file-read"].tokens == 70_250 + 2 * 50
    assert counted["large-file"].tokens == 6_000
    assert counted["large-file"].already_counted_by == ("repeated-file-read",)


def test_a_loop_owns_the_reads_in_it() -> None:
    talk = Conversation()
    talk.ask()
    for _ in range(3):
        talk.read("/repo/a.py", tokens=10_000)
        talk.ask()
    session = talk.session()
    issues = [issue for outcome in run_analyzers(session, default_analyzers()) for issue in outcome.issues]
    ledger = resolve_overlaps(session, issues)
    (read,) = [issue for issue in issues if issue.code == "repeated-file-read"]
    assert ledger.by_issue[read.id].tokens == 0
    assert ledger.by_issue[read.id].already_counted_by == ("no-progress-loop",)

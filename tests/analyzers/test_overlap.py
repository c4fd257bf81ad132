from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.analyzers.catalog import default_analyzers
from otel_sessionopt.analyzers.issue import Basis, Claim, EfficiencyIssue, IssueType, PremiumClaim, Severity, Waste
from otel_sessionopt.analyzers.overlap import OWNER_ORDER, resolve_overlaps
from otel_sessionopt.analyzers.runner import run_analyzers
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.model import EventType, Session
from tests.analyzers.cases import FLAT, Recording
from tests.support.digest_builder import TraceBuilder

INPUT, WRITE, OUTPUT = PriceClass.INPUT, PriceClass.CACHE_WRITE, PriceClass.OUTPUT


def _session(*, model: str | None = None) -> tuple[Session, str, str]:
    """Two calls with 100 and 1,000 input tokens, 50 written to the cache and 10 output each; and their ids."""
    trace = TraceBuilder().model_call(input=100, cache_write=50, output=10, model=model)
    first = trace.last_id
    trace.model_call(input=1_000, cache_write=50, output=10, model=model)
    return trace.session(prices=FLAT), first, trace.last_id


def _issue(
    code: str, *claims: Claim, name: str = "", basis: Basis = Basis.ESTIMATED, tokens: int = 0
) -> EfficiencyIssue:
    return EfficiencyIssue(
        id=name or code,
        issue_type=IssueType.INEFFICIENT_TOOL_USE,
        severity=Severity.LOW,
        description="",
        suggestion="",
        waste=Waste(
            tokens=sum(claim.tokens for claim in claims) or tokens, basis=basis, cost_usd=Decimal(7), claims=claims
        ),
        code=code,
    )


def test_one_issue_counts_what_it_claims() -> None:
    session, first, _ = _session()
    ledger = resolve_overlaps(
        session, [_issue("large-file", Claim("r", first, INPUT, 60), Claim("r", first, WRITE, 5))]
    )
    counted = ledger.by_issue["large-file"]
    assert (counted.tokens, counted.cost_usd, counted.already_counted_by) == (65, Decimal(60 * 10 + 5 * 12), ())
    assert (ledger.avoidable_tokens, ledger.avoidable_cost_usd) == (65, Decimal(660))


def test_of_two_claims_on_one_item_the_later_owner_counts_only_what_exceeds_the_first() -> None:
    session, _, second = _session()
    read = _issue("repeated-file-read", Claim("r", second, INPUT, 400))
    large = _issue("large-file", Claim("r", second, INPUT, 600))
    ledger = resolve_overlaps(session, [large, read])
    assert ledger.by_issue["repeated-file-read"].tokens == 400
    assert ledger.by_issue["large-file"].tokens == 200
    assert ledger.by_issue["large-file"].already_counted_by == ("repeated-file-read",)
    assert ledger.avoidable_tokens == 600


def test_a_claim_that_is_wholly_counted_already_counts_nothing_and_says_by_whom() -> None:
    session, _, second = _session()
    issues = [
        _issue("large-file", Claim("r", second, INPUT, 300)),
        _issue("failed-retry", Claim("r", second, INPUT, 300)),
        _issue("repeated-search", Claim("r", second, INPUT, 300)),
    ]
    ledger = resolve_overlaps(session, issues)
    assert [ledger.by_issue[issue.id].tokens for issue in issues] == [0, 0, 300]
    assert ledger.by_issue["large-file"].already_counted_by == ("repeated-search",)
    assert ledger.by_issue["large-file"].cost_usd == Decimal(0)


def test_claims_on_different_items_add_up() -> None:
    session, _, second = _session()
    issue = _issue("repeated-file-read", Claim("a", second, INPUT, 300), Claim("b", second, INPUT, 300))
    other = _issue("repeated-file-read", Claim("c", second, INPUT, 300), name="other")
    assert resolve_overlaps(session, [issue, other]).avoidable_tokens == 900


def test_nothing_counts_beyond_what_the_call_was_billed_in_that_class() -> None:
    session, first, _ = _session()
    read = _issue("repeated-file-read", Claim("a", first, INPUT, 80))
    large = _issue("large-file", Claim("b", first, INPUT, 80), Claim("b", first, WRITE, 10))
    ledger = resolve_overlaps(session, [read, large])
    assert ledger.by_issue["large-file"].tokens == 30
    assert ledger.by_issue["large-file"].already_counted_by == ("repeated-file-read",)
    assert ledger.avoidable_tokens == 110


def test_a_claim_on_a_call_that_was_not_billed_counts_nothing() -> None:
    session, _, _ = _session()
    ledger = resolve_overlaps(session, [_issue("large-file", Claim("r", "no-such-call", INPUT, 60))])
    assert (ledger.avoidable_tokens, ledger.avoidable_cost_usd) == (0, Decimal(0))


def test_a_negative_claim_counts_nothing_and_gives_nothing_back() -> None:
    session, first, _ = _session()
    issue = _issue(
        "large-file", Claim("a", first, INPUT, -60), Claim("b", first, INPUT, 90), Claim("c", first, INPUT, 90)
    )
    assert resolve_overlaps(session, [issue]).avoidable_tokens == 100


def test_waste_that_never_counts_is_summed_apart_and_cut_at_the_bill() -> None:
    session, first, _ = _session()
    issues = [
        _issue("token-spike", basis=Basis.HEURISTIC, tokens=900),
        _issue("long-session", basis=Basis.HEURISTIC, tokens=900),
        _issue("high-error-rate", Claim("r", first, INPUT, 60), basis=Basis.AT_RISK),
    ]
    ledger = resolve_overlaps(session, issues)
    assert ledger.avoidable_tokens == 0
    assert {ledger.by_issue[issue.id].tokens for issue in issues} == {0}
    assert ledger.tokens_by_basis[Basis.HEURISTIC] == 1_220  # the whole bill: 160 + 1,060
    assert ledger.tokens_by_basis[Basis.AT_RISK] == 60
    assert ledger.cost_usd_by_basis[Basis.AT_RISK] == Decimal(7)


def test_measured_and_estimated_add_up_to_the_avoidable_total() -> None:
    session, first, second = _session()
    issues = [
        _issue("repeated-file-read", Claim("a", first, INPUT, 30), basis=Basis.MEASURED),
        _issue("large-file", Claim("b", second, INPUT, 50)),
    ]
    ledger = resolve_overlaps(session, issues)
    assert ledger.tokens_by_basis[Basis.MEASURED] == 30
    assert ledger.tokens_by_basis[Basis.ESTIMATED] == 50
    assert ledger.avoidable_tokens == 80
    assert ledger.cost_usd_by_basis[Basis.MEASURED] == Decimal(300)


def test_previews_never_count_and_take_nothing_from_others() -> None:
    session, first, _ = _session()
    preview = _issue("duplicate-model-call", Claim("a", first, INPUT, 100))
    preview.is_preview = True
    ledger = resolve_overlaps(session, [preview, _issue("large-file", Claim("a", first, INPUT, 100))])
    assert ledger.by_issue["duplicate-model-call"].tokens == 0
    assert ledger.by_issue["large-file"].tokens == 100


def test_an_issue_without_waste_counts_nothing() -> None:
    session, _, _ = _session()
    issue = EfficiencyIssue("x", IssueType.LONG_SESSION, Severity.LOW, "", "", 500, 2.0)
    ledger = resolve_overlaps(session, [issue])
    assert (ledger.by_issue["x"].tokens, ledger.avoidable_tokens) == (0, 0)


def test_an_unpriced_session_has_tokens_and_no_cost() -> None:
    session, first, _ = _session(model="unknown-model")
    ledger = resolve_overlaps(session, [_issue("large-file", Claim("r", first, INPUT, 60))])
    assert (ledger.avoidable_tokens, ledger.avoidable_cost_usd) == (60, None)
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
    ledger = resolve_overlaps(
        session,
        [_issue("a-users-rule", Claim("r", first, INPUT, 60)), _issue("large-file", Claim("r", first, INPUT, 60))],
    )
    assert ledger.by_issue["a-users-rule"].tokens == 0
    assert ledger.by_issue["large-file"].tokens == 60


def test_a_large_file_read_three_times_is_counted_once() -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.read("/repo/a.py", tokens=10_000).model_call(cache_write=12_000)
    session = trace.session(prices=FLAT)
    issues = [issue for outcome in run_analyzers(session, default_analyzers()) for issue in outcome.issues]
    ledger = resolve_overlaps(session, issues)
    # The two re-reads are wholly redundant: 2 × 10,000. Of the first read 60 % are saveable: 6,000.
    assert ledger.avoidable_tokens == 26_000
    large = next(issue for issue in issues if issue.code == "large-file")
    assert large.estimated_waste_tokens == 18_000
    assert ledger.by_issue[large.id].tokens == 6_000
    assert ledger.by_issue[large.id].already_counted_by == ("repeated-file-read",)


# Properties

CODES = ["duplicate-model-call", "repeated-file-read", "repeated-search", "failed-retry", "large-file", "a-users-rule"]
CALLS = ["0000000000000002", "0000000000000003", "nowhere"]
claims = st.builds(
    Claim,
    st.sampled_from("abc"),
    st.sampled_from(CALLS),
    st.sampled_from([INPUT, WRITE, OUTPUT]),
    st.integers(-10, 1_500),
)
issue_lists = st.lists(
    st.builds(
        lambda code, made, basis: _issue(code, *made, basis=basis),
        st.sampled_from(CODES),
        st.lists(claims, max_size=4),
        st.sampled_from(Basis),
    ),
    max_size=6,
).map(lambda issues: [_named(issue, place) for place, issue in enumerate(issues)])
PROPERTY_SESSION, FIRST, SECOND = _session()


def _named(issue: EfficiencyIssue, place: int) -> EfficiencyIssue:
    issue.id = f"{issue.code}-{place}"
    return issue


def test_the_properties_are_about_calls_that_exist() -> None:
    assert CALLS[:2] == [FIRST, SECOND]


@settings(deadline=None)  # the machine may be busy
@given(issue_lists)
def test_what_counts_is_at_most_the_bill_of_each_call_and_class(issues: list[EfficiencyIssue]) -> None:
    ledger = bill(PROPERTY_SESSION)
    for call in ledger.calls:
        for price_class, billed in call.tokens.items():
            only = [_restricted(issue, call.event.id, price_class) for issue in issues]
            assert 0 <= resolve_overlaps(PROPERTY_SESSION, only).avoidable_tokens <= billed
    whole = resolve_overlaps(PROPERTY_SESSION, issues)
    assert whole.avoidable_tokens == sum(counted.tokens for counted in whole.by_issue.values())
    assert whole.avoidable_tokens <= ledger.total_tokens
    assert whole.avoidable_cost_usd is not None
    assert ledger.cost_usd is not None
    assert whole.avoidable_cost_usd <= ledger.cost_usd


def _restricted(issue: EfficiencyIssue, call_id: str, price_class: PriceClass) -> EfficiencyIssue:
    assert issue.waste is not None
    kept = [claim for claim in issue.waste.claims if (claim.call_id, claim.price_class) == (call_id, price_class)]
    return _issue(issue.code, *kept, name=issue.id, basis=issue.waste.basis)


@settings(deadline=None)  # the machine may be busy
@given(issue_lists)
def test_accounts_are_independent_so_that_the_parts_add_up_to_the_whole(issues: list[EfficiencyIssue]) -> None:
    parts = sum(
        resolve_overlaps(PROPERTY_SESSION, [_restricted(i, call, kind) for i in issues]).avoidable_tokens
        for call in CALLS
        for kind in PriceClass
    )
    assert parts == resolve_overlaps(PROPERTY_SESSION, issues).avoidable_tokens


@settings(deadline=None)  # the machine may be busy
@given(issue_lists, st.data())
def test_another_issue_never_lowers_the_avoidable_total(issues: list[EfficiencyIssue], data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.sampled_from(issues), unique_by=lambda issue: issue.id)) if issues else []
    fewer, more = resolve_overlaps(PROPERTY_SESSION, kept), resolve_overlaps(PROPERTY_SESSION, issues)
    assert fewer.avoidable_tokens <= more.avoidable_tokens
    assert (fewer.avoidable_cost_usd or 0) <= (more.avoidable_cost_usd or 0)


@settings(deadline=None)  # the machine may be busy
@given(issue_lists, st.randoms(use_true_random=False))
def test_the_order_in_which_issues_are_given_does_not_matter(issues: list[EfficiencyIssue], random: object) -> None:
    shuffled = list(issues)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # random.Random, which hypothesis hands out as its own kind
    assert resolve_overlaps(PROPERTY_SESSION, shuffled) == resolve_overlaps(PROPERTY_SESSION, issues)


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


def test_a_premium_adds_dollars_and_no_tokens_and_only_on_what_is_not_wasted_as_a_whole() -> None:
    session = TraceBuilder().model_call(input=1_000, cache_write=600, output=10).session(prices=FLAT)
    (call,) = bill(session).calls
    rates = call.rates
    assert rates is not None
    claim = Claim("item", call.event.id, PriceClass.CACHE_WRITE, 200)
    premium = PremiumClaim(call.event.id, PriceClass.CACHE_WRITE, 600)
    wasted = _issue("repeated-file-read", claim)
    dearer = replace(
        _issue("prompt-cache-break"),
        waste=Waste(tokens=0, basis=Basis.MEASURED, cost_usd=Decimal(1), premiums=(premium,)),
    )
    whole = resolve_overlaps(session, [dearer, wasted])
    counted = whole.by_issue[dearer.id]
    assert (counted.tokens, counted.already_counted_by) == (0, ("repeated-file-read",))
    assert counted.cost_usd == 400 * (rates.cache_write - rates.cache_read)
    assert whole.avoidable_tokens == 200
    assert whole.avoidable_cost_usd == 200 * rates.cache_write + counted.cost_usd

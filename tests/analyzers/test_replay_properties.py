"""What holds for any claims on any session, against a slow replay and by itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from random import Random

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim, PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.overlap import resolve_overlaps
from otel_sessionopt.analyzers.replay import Replay, replay
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.build import build_session
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_amounts import Billing, usd_of
from otel_sessionopt.session.model import Release, Session
from tests.analyzers.cases import FLAT
from tests.analyzers.rebilled import rebilled
from tests.session.ledger_traces import random_digests
from tests.support.digest_builder import TRACE_ID

CODES = ["duplicate-model-call", "no-progress-loop", "redundant-tool-call", "large-file", "prompt-cache-break", "own"]
SEEDS = range(300)


def _session(seed: int) -> Session:
    return build_session(TRACE_ID, random_digests(seed), Release(), FLAT if seed % 2 else None)


def _claims(random: Random, session: Session) -> list[list[LedgerClaim]]:
    """Claims of a few issues, some of them senseless."""
    book = ledger(session)
    items = [item for context in book.contexts for item in context.items]
    calls = [call.event.id for call in bill(session).calls] + ["no-such-call"]
    issues: list[list[LedgerClaim]] = []
    # Some sessions lose most of their calls, so that what enters later is put off several times.
    share = random.choice([0.05, 0.3, 0.9])
    for _ in range(random.randint(0, 6)):
        claims: list[LedgerClaim] = [ItemClaim("no-such-item", 5)]
        claims += [CallClaim(call) for call in calls if random.random() < share / 3]
        for item in items:
            if random.random() < share / 2:
                claims.append(ItemClaim(item.id, random.choice([item.tokens, item.tokens // 3, 2 * item.tokens, -4])))
        for call in calls:
            if random.random() < 0.2:
                claims.append(OutputClaim(call, random.choice([1, 40, 100_000])))
            if random.random() < 0.2:
                claims.append(PremiumClaim(call, random.choice(list(PriceClass)), random.choice([-3, 70, 30_000])))
        random.shuffle(claims)
        issues.append(claims)
    return issues


def _issues(random: Random, claims: Sequence[Sequence[LedgerClaim]]) -> list[EfficiencyIssue]:
    issues = []
    for place, each in enumerate(claims):
        waste = Waste(
            tokens=0,
            basis=random.choice([Basis.MEASURED, Basis.ESTIMATED]),
            ledger_claims=tuple(claim for claim in each if not isinstance(claim, PremiumClaim)),
            premiums=tuple(claim for claim in each if isinstance(claim, PremiumClaim)),
        )
        code = random.choice(CODES)
        kind = IssueType.INEFFICIENT_TOOL_USE
        issues.append(EfficiencyIssue(f"{code}-{place}", kind, Severity.LOW, "", "", waste=waste, code=code))
    return issues


@cache
def _drawn(seed: int) -> tuple[Session, list[list[LedgerClaim]], list[EfficiencyIssue]]:
    random, session = Random(seed), _session(seed)
    claims = _claims(random, session)
    return session, claims, _issues(random, claims)


def _is_unique(session: Session) -> bool:
    """Recordings by hand may use one id for several events, of which a claim means one."""
    ids = [item.id for context in ledger(session).contexts for item in context.items]
    calls = [call.event.id for call in bill(session).calls]
    return len(set(ids)) == len(ids) and len(set(calls)) == len(calls)


def test_a_replay_is_what_billing_everything_anew_comes_to() -> None:
    for session, claims, issues in map(_drawn, SEEDS):
        after = replay(session, issues).after
        if _is_unique(session):
            assert [*after.units, after.money or 0] == rebilled(session, _without_negative(claims))


def _without_negative(claims: Sequence[Sequence[LedgerClaim]]) -> list[list[LedgerClaim]]:
    return [[claim for claim in each if isinstance(claim, CallClaim) or claim.tokens > 0] for each in claims]


def test_what_counts_adds_up_to_the_bill_less_the_replay() -> None:
    for session, _, issues in map(_drawn, SEEDS):
        found = resolve_overlaps(session, issues)
        played = replay(session, issues)
        assert found.replay == played
        assert found.avoidable_tokens == sum(each.tokens for each in found.by_issue.values())
        assert abs(found.avoidable_tokens - played.waste.total_tokens) <= 0.5
        if played.waste.money is not None:
            assert sum(each.cost_usd or 0 for each in found.by_issue.values()) == usd_of(played.waste.money)
            assert found.avoidable_cost_usd == usd_of(played.waste.money)


def test_nothing_is_below_zero_after_it_and_waste_is_at_most_the_bill() -> None:
    for session, _, issues in map(_drawn, SEEDS):
        charged, played = bill(session), replay(session, issues)
        assert played.before.tokens == charged.tokens
        _check(played)
        for counted in resolve_overlaps(session, issues).by_issue.values():
            assert counted.tokens >= 0
            assert (counted.cost_usd or 0) >= 0


def _check(played: Replay) -> None:
    assert all(units >= 0 for units in played.after.units)
    assert (played.after.money or 0) >= 0
    assert 0 <= played.calls_after <= played.calls_before
    waste = played.waste
    assert all(part <= whole for part, whole in zip(waste.units, played.before.units, strict=True))
    # Only cache reads can become more, and never by more than something dearer becomes less.
    assert all(units >= 0 for place, units in enumerate(waste.units) if place != 1)
    assert sum(waste.units) >= 0
    assert (waste.money or 0) >= 0


def test_the_order_of_issues_changes_nothing() -> None:
    for session, _, issues in map(_drawn, SEEDS):
        shuffled = list(issues)
        Random(len(issues)).shuffle(shuffled)
        assert replay(session, shuffled) == replay(session, issues)
        assert resolve_overlaps(session, shuffled) == resolve_overlaps(session, issues)


def test_one_more_issue_never_makes_the_replay_dearer() -> None:
    for session, _, issues in map(_drawn, SEEDS):
        played = [replay(session, issues[:count]).after for count in range(len(issues) + 1)]
        for before, after in pairwise(played):
            assert sum(after.units) <= sum(before.units)
            assert (after.money or 0) <= (before.money or 0)


def test_the_waste_of_one_issue_is_its_replay() -> None:
    for session, claims, issues in map(_drawn, SEEDS):
        for each, issue in zip(claims, issues, strict=True):
            waste, played = ledger_waste(session, each, Basis.MEASURED), replay(session, [issue]).waste
            assert abs(waste.tokens - played.total_tokens) <= 0.5
            assert (waste.cost_usd or 0) == usd_of(played.money or 0)


def test_no_issues_change_nothing() -> None:
    session = _session(1)
    played = replay(session, [])
    assert played.after == played.before
    assert played.waste.units == Billing().units


def test_the_random_sessions_and_claims_are_worth_it() -> None:
    drawn = [_drawn(seed) for seed in SEEDS]
    assert sum(_is_unique(session) for session, _, _ in drawn) > 250
    wasted = [replay(session, issues) for session, _, issues in drawn]
    assert sum(0 < played.waste.total_tokens < played.before.total_tokens for played in wasted) > 150
    assert sum(played.calls_before - played.calls_after > 3 for played in wasted) > 50

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claims import cost_of, entry_claims, waste_from_claims
from otel_sessionopt.analyzers.issue import Basis, Claim
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.model import EventType, Session, SessionEvent
from tests.analyzers.cases import FLAT, Recording
from tests.support.digest_builder import TraceBuilder


def _event(session: Session, event_type: EventType) -> SessionEvent:
    return next(event for event in session.events if event.event_type is event_type)


def test_content_is_claimed_in_cache_writes_first_then_in_uncached_input() -> None:
    trace = (
        TraceBuilder()
        .read("/repo/a.py")
        .model_call(input=50, cache_read=9_000, cache_write=100, cache_write_1h=30, output=800)
    )
    session = trace.session(prices=FLAT)
    read, call = _event(session, EventType.FILE_READ), trace.last_id
    assert entry_claims(session, read, 1_000) == (
        Claim(read.id, call, PriceClass.CACHE_WRITE, 70),
        Claim(read.id, call, PriceClass.CACHE_WRITE_1H, 30),
        Claim(read.id, call, PriceClass.INPUT, 50),
    )


def test_a_smaller_claim_is_a_part_of_a_larger_one() -> None:
    session = TraceBuilder().read("/repo/a.py").model_call(input=50, cache_write=100).session(prices=FLAT)
    read = _event(session, EventType.FILE_READ)
    larger = {claim.price_class: claim.tokens for claim in entry_claims(session, read, 140)}
    for tokens in range(140):
        for claim in entry_claims(session, read, tokens):
            assert claim.tokens <= larger[claim.price_class]


def test_the_entry_is_the_first_billed_call_after_it() -> None:
    trace = TraceBuilder().model_call(input=900).read("/repo/a.py").model_call(has_usage=False).model_call(input=700)
    session = trace.session(prices=FLAT)
    (claim,) = entry_claims(session, _event(session, EventType.FILE_READ), 10)
    assert claim.call_id == trace.last_id


def test_without_a_later_call_nothing_is_claimed() -> None:
    session = TraceBuilder().model_call(input=900).read("/repo/a.py").session(prices=FLAT)
    assert entry_claims(session, _event(session, EventType.FILE_READ), 10) == ()


@pytest.mark.parametrize("tokens", [0, -5])
def test_no_tokens_are_no_claim(tokens: int) -> None:
    session = TraceBuilder().read("/repo/a.py").model_call(input=900).session(prices=FLAT)
    assert entry_claims(session, _event(session, EventType.FILE_READ), tokens) == ()


def test_a_recorded_event_is_billed_itself_output_included() -> None:
    session = Recording().add(EventType.FILE_READ, 30, 20).session()
    assert entry_claims(session, session.events[0], 100) == (
        Claim("e1", "e1", PriceClass.INPUT, 30),
        Claim("e1", "e1", PriceClass.OUTPUT, 20),
    )


def test_a_recorded_event_without_tokens_claims_nothing() -> None:
    session = Recording().add(EventType.FILE_READ).session()
    assert entry_claims(session, session.events[0], 100) == ()


def test_waste_is_the_sum_of_its_claims_at_the_rates_of_their_calls() -> None:
    session = Recording().add(EventType.FILE_READ, 30, 20).session()
    claims = entry_claims(session, session.events[0], 100)
    waste = waste_from_claims(session, iter(claims), Basis.MEASURED)
    assert (waste.tokens, waste.cost_usd, waste.basis, waste.claims) == (
        50,
        Decimal(30 * 10 + 20 * 50),
        Basis.MEASURED,
        claims,
    )


@pytest.mark.parametrize(
    ("price_class", "cost"),
    [
        (PriceClass.INPUT, 100),
        (PriceClass.CACHE_READ, 10),
        (PriceClass.CACHE_WRITE, 120),
        (PriceClass.CACHE_WRITE_1H, 200),
        (PriceClass.OUTPUT, 500),
    ],
)
def test_every_class_is_priced_as_what_it_is(price_class: PriceClass, cost: int) -> None:
    session = Recording().add(EventType.AI_RESPONSE, 30, 20).session()
    assert cost_of(session, [("e1", price_class, 10)]) == Decimal(cost)


def test_an_unpriced_call_costs_nothing_known_rather_than_zero() -> None:
    session = Recording(model="unknown").add(EventType.FILE_READ, 30).session()
    assert cost_of(session, [("e1", PriceClass.INPUT, 10)]) is None
    assert cost_of(session, ()) is None


def test_no_amounts_in_a_priced_session_cost_zero() -> None:
    session = Recording().add(EventType.FILE_READ, 30).session()
    assert cost_of(session, ()) == Decimal(0)


def test_the_priced_part_is_what_a_sum_covers() -> None:
    trace = TraceBuilder().model_call(input=100)
    priced = trace.last_id
    session = trace.model_call(input=100, model="unknown-model").session(prices=FLAT)
    amounts = [(priced, PriceClass.INPUT, 3), (trace.last_id, PriceClass.INPUT, 50), ("none", PriceClass.INPUT, 9)]
    assert cost_of(session, amounts) == Decimal(30)


def test_a_cost_that_only_the_span_states_is_shared_out_in_the_usual_proportions() -> None:
    trace = TraceBuilder().model_call(model="unknown-model", input=100, cache_read=1_000, output=20, cost=Decimal(3))
    session = trace.session(prices=FLAT)
    # weights: 100 × 1 + 1,000 × 0.1 + 20 × 5 = 300, so a token of input is a cent
    assert cost_of(session, [(trace.last_id, PriceClass.INPUT, 100)]) == Decimal(1)
    assert cost_of(session, [(trace.last_id, PriceClass.OUTPUT, 20)]) == Decimal(1)
    assert cost_of(session, [(trace.last_id, PriceClass.CACHE_READ, 500)]) == Decimal("0.5")

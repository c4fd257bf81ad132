from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.costs import cost_of
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording
from tests.support.digest_builder import TraceBuilder


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

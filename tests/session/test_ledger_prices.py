"""Ledgers of calls with no price, with some, and with a reported cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.session.ledger_counts import (
    ledger_of,
)
from tests.session.ledger_traces import LedgerTrace


def test_tokens_without_a_price_are_there_and_cost_nothing_known() -> None:
    found = ledger_of(
        LedgerTrace(model="nobody-knows-me")
        .agent()
        .model_call(input=1_000, output=10)
        .model_call(input=1_010, output=10)
    )
    system = found.contexts[0].items[0]

    assert found.billed(system).total_tokens == 2_000
    assert found.billed(system).cost_usd is None
    assert found.by_source().billing.cost_usd is None


def test_sums_cover_the_calls_that_have_a_price() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=0)
        .model_call(input=1_000, output=0, model="nobody-knows-me")
    )
    system = found.contexts[0].items[0]

    assert found.billed(system).cost_usd == Decimal("0.003")
    assert found.billed(system, from_call=1).cost_usd is None


def test_a_reported_cost_is_shared_in_the_usual_proportions() -> None:
    found = ledger_of(
        LedgerTrace(model="nobody-knows-me")
        .agent()
        .model_call(input=0, cache_read=0, cache_write=800, output=0, cost=Decimal("0.01"))
        .model_call(input=0, cache_read=800, cache_write=200, output=26, cost=Decimal("0.05"))
    )
    context = found.contexts[0]

    # Weights 2 a read, 25 a write, 100 an output token: 1,600 + 5,000 + 2,600 = 9,200
    assert float(context.billed(context.items[0], 1, 2).cost_usd or 0) == pytest.approx(0.05 * 1_600 / 9_200)
    assert float(context.generated(1).cost_usd or 0) == pytest.approx(0.05 * 2_600 / 9_200)

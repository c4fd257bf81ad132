from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.pricing import Catalog, PriceClass, PriceOverride
from otel_sessionopt.session import EventType, Session, SessionEvent
from otel_sessionopt.session.facts.bill import bill
from tests.support.digest_builder import TraceBuilder

NINE = "2026-01-05T09:00:00+00:00"
# USD per million tokens: 1 uncached, 2 read, 3 written, 4 written for an hour, 5 output.
PRICES = Catalog({"acme": PriceOverride(Decimal(1), Decimal(5), Decimal(2), Decimal(3), Decimal(4))})
MILLION = 1_000_000


def _acme() -> TraceBuilder:
    return TraceBuilder(model="acme", provider=None)


def test_every_token_is_in_one_class_and_pays_its_price() -> None:
    builder = _acme().model_call(
        input=1 * MILLION,
        cache_read=10 * MILLION,
        cache_write=300 * MILLION,
        cache_write_1h=200 * MILLION,
        output=MILLION,
    )
    total = bill(builder.session(prices=PRICES))

    assert total.tokens == {
        PriceClass.INPUT: 1 * MILLION,
        PriceClass.CACHE_READ: 10 * MILLION,
        PriceClass.CACHE_WRITE: 100 * MILLION,
        PriceClass.CACHE_WRITE_1H: 200 * MILLION,
        PriceClass.OUTPUT: 1 * MILLION,
    }
    assert total.total_tokens == 312 * MILLION
    assert total.cost_usd == 1 * 1 + 10 * 2 + 100 * 3 + 200 * 4 + 1 * 5


def test_reasoning_is_output_and_costs_no_more() -> None:
    total = bill(_acme().model_call(input=0, output=MILLION, reasoning=900_000).session(prices=PRICES))

    assert total.cost_usd == 5


def test_calls_are_in_the_order_of_events_and_found_by_their_id() -> None:
    total = bill(_acme().model_call(input=10).read("/a.py").model_call(input=20).session(prices=PRICES))

    assert [call.tokens[PriceClass.INPUT] for call in total.calls] == [10, 20]
    assert total.call_by_id["0000000000000004"] is total.calls[1]


def test_reads_and_calls_without_a_token_are_not_billed() -> None:
    session = _acme().read("/a.py").model_call(has_usage=False).model_call(has_usage=False, error="429").session()

    assert bill(session).calls == ()


def test_each_call_pays_for_its_own_model() -> None:
    session = (
        _acme()
        .model_call(input=MILLION, output=0)
        .model_call(model="opus", input=MILLION, output=0)
        .session(prices=PRICES)
    )

    assert [call.cost_usd for call in bill(session).calls] == [1, 15]


def test_each_call_pays_the_price_of_its_own_day() -> None:
    # o3 went from 10 to 2 USD per million tokens of input on 2025-06-10.
    builder = TraceBuilder(model="o3", provider="openai", start_ns=1_749_470_400_000_000_000)  # 2025-06-09 12:00
    session = builder.model_call(input=100_000, output=0).pause(hours=12).model_call(input=100_000, output=0).session()

    assert [call.cost_usd for call in bill(session).calls] == [1, Decimal("0.2")]


def test_a_long_prompt_pays_the_price_of_long_prompts() -> None:
    # Sonnet 4.5: 3 USD per million tokens up to 200,000 of them, 6 above; cache reads a tenth.
    builder = TraceBuilder(model="claude-sonnet-4-5").model_call(input=100_000, cache_read=100_000, output=0)
    session = builder.model_call(input=100_000, cache_read=100_001, output=0).session()

    assert [call.cost_usd for call in bill(session).calls] == [Decimal("0.33"), Decimal("0.6600006")]


class TestUnpriced:
    def test_a_model_that_nobody_knows_is_unpriced_and_never_free(self) -> None:
        session = TraceBuilder(model="acme-9000").model_call().session()
        total = bill(session)

        assert (total.cost_usd, total.unpriced_calls, total.is_fully_priced) == (None, 1, False)
        assert total.calls[0].rates is None
        assert total.total_tokens == 600
        assert session.estimated_cost is None

    def test_the_sum_covers_the_priced_calls(self) -> None:
        session = _acme().model_call(input=MILLION, output=0).model_call(model="acme-9000").session(prices=PRICES)
        total = bill(session)

        assert (total.cost_usd, total.unpriced_calls, total.is_fully_priced) == (Decimal(1), 1, False)

    def test_a_span_without_a_model_is_unpriced(self) -> None:
        assert bill(TraceBuilder(model=None).model_call().session()).unpriced_calls == 1

    def test_a_free_model_is_priced(self) -> None:
        total = bill(TraceBuilder(model="grok").model_call().session())

        assert (total.cost_usd, total.is_fully_priced) == (Decimal(0), True)

    def test_a_trace_without_any_billed_call_has_no_known_cost(self) -> None:
        total = bill(TraceBuilder().agent().tool().session())

        assert (total.cost_usd, total.is_fully_priced) == (None, False)


class TestReportedCost:
    def test_what_the_span_states_counts_where_no_price_is_known(self) -> None:
        total = bill(TraceBuilder(model="acme-9000").model_call(cost=Decimal("0.25")).session())

        assert (total.cost_usd, total.is_fully_priced) == (Decimal("0.25"), True)
        assert (total.calls[0].is_reported, total.calls[0].rates) == (True, None)

    def test_a_known_price_beats_it(self) -> None:
        total = bill(_acme().model_call(input=MILLION, output=0, cost=Decimal(99)).session(prices=PRICES))

        assert (total.cost_usd, total.calls[0].is_reported) == (Decimal(1), False)


class TestRecordings:
    def _session(self, *tokens: tuple[EventType, int, int], model: str = "opus") -> Session:
        session = Session("s1", "coder", "task", model=model)
        for number, (event_type, tokens_in, tokens_out) in enumerate(tokens):
            session.add_event(SessionEvent(f"e{number}", NINE, event_type, {}, tokens_in, tokens_out))
        return session

    def test_every_event_is_billed_at_the_model_of_the_session(self) -> None:
        session = self._session((EventType.FILE_READ, 1_000, 0), (EventType.AI_RESPONSE, 1_000, 1_000))

        assert [call.cost_usd for call in bill(session).calls] == [Decimal("0.015"), Decimal("0.09")]

    def test_a_model_of_the_event_beats_that_of_the_session(self) -> None:
        session = self._session((EventType.AI_RESPONSE, 1_000, 0))
        session.events[0].model = "sonnet"

        assert bill(session).cost_usd == Decimal("0.003")

    def test_usage_told_again_is_billed_once(self) -> None:
        session = self._session((EventType.AI_RESPONSE, 1_000, 10), (EventType.TOKEN_USAGE, 1_000, 10))

        assert [call.event.id for call in bill(session).calls] == ["e0"]

    def test_usage_told_alone_is_billed(self) -> None:
        session = self._session((EventType.TOKEN_USAGE, 1_000, 10), (EventType.TOKEN_USAGE, 1_000, 10))

        assert bill(session).total_tokens == 2_020

    def test_stored_totals_are_the_bill_of_a_session_without_events(self) -> None:
        session = Session("s1", "coder", "task", model="opus", total_tokens_input=1_000, total_tokens_output=1_000)
        total = bill(session)

        assert (total.total_tokens, total.cost_usd) == (2_000, Decimal("0.09"))
        assert list(total.call_by_id) == ["s1"]

    def test_an_empty_recording_costs_nothing(self) -> None:
        assert bill(self._session()).cost_usd == 0

    @pytest.mark.parametrize("model", ["default", "gpt4"])
    def test_a_session_that_names_no_model_costs_the_default(self, model: str) -> None:
        assert bill(self._session((EventType.AI_RESPONSE, 1_000, 1_000), model=model)).cost_usd == Decimal("0.04")

    def test_cached_tokens_beyond_the_stated_input_are_all_billed(self) -> None:
        session = self._session((EventType.AI_RESPONSE, 100, 0))
        session.events[0].cache_read_tokens = 900

        assert bill(session).tokens[PriceClass.INPUT] == 0
        assert bill(session).total_tokens == 900

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.pricing import Catalog, PriceClass, default_catalog

TODAY_NS = 1_790_000_000_000_000_000


@pytest.mark.parametrize(
    ("name", "input_usd", "output_usd"),
    [
        ("opus", "0.015", "0.075"),
        ("sonnet", "0.003", "0.015"),
        ("gpt4", "0.010", "0.030"),
        ("gemini", "0.00025", "0.0005"),
        ("grok", "0", "0"),
        ("default", "0.010", "0.030"),
    ],
)
def test_a_short_name_costs_its_fixed_price_per_thousand_tokens(name: str, input_usd: str, output_usd: str) -> None:
    rates = Catalog().rates(name, None, TODAY_NS, 1_000)

    assert rates is not None
    assert (rates.input * 1000, rates.output * 1000) == (Decimal(input_usd), Decimal(output_usd))
    assert rates.source.startswith("short name")


@pytest.mark.parametrize(
    ("name", "read_usd", "write_usd", "write_1h_usd"),
    [("opus", "1.5", "18.75", "30"), ("sonnet", "0.3", "3.75", "6")],
)
def test_cached_tokens_of_opus_and_sonnet_cost_a_share_of_the_input(
    name: str, read_usd: str, write_usd: str, write_1h_usd: str
) -> None:
    rates = Catalog().rates(name, None, TODAY_NS, 1_000)

    assert rates is not None
    per_million = [
        rates.of(each) * 1_000_000
        for each in (PriceClass.CACHE_READ, PriceClass.CACHE_WRITE, PriceClass.CACHE_WRITE_1H)
    ]
    assert per_million == [Decimal(read_usd), Decimal(write_usd), Decimal(write_1h_usd)]


def test_cached_tokens_of_the_other_short_names_cost_the_input_and_say_so() -> None:
    rates = Catalog().rates("gpt4", None, TODAY_NS, 1_000)

    assert rates is not None
    assert rates.cache_read == rates.cache_write == rates.cache_write_1h == rates.input
    assert "billed as input" in rates.source


@pytest.mark.parametrize("model", ["acme-9000", "Default", "default-2", "opus 4", "", None])
def test_default_and_the_others_never_stand_in_for_a_model_that_nobody_knows(model: str | None) -> None:
    assert Catalog().rates(model, None, TODAY_NS, 1_000) is None


def test_the_default_catalog_is_made_once() -> None:
    assert default_catalog() is default_catalog()

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.pricing import Catalog, PriceOverride

TODAY_NS = 1_790_000_000_000_000_000
DEAR = PriceOverride(Decimal(100), Decimal(200))
CHEAP = PriceOverride(Decimal(1), Decimal(2))


def _input_per_million(catalog: Catalog, model: str) -> Decimal | None:
    rates = catalog.rates(model, "anthropic", TODAY_NS, 10)
    return None if rates is None else rates.input * 1_000_000


@pytest.mark.parametrize("model", ["claude-opus-4-5", "opus", "acme-9000"])
def test_an_override_beats_every_other_source(model: str) -> None:
    catalog = Catalog({model: DEAR})

    assert _input_per_million(catalog, model) == 100


def test_an_exact_name_beats_a_pattern_and_a_longer_pattern_a_shorter_one() -> None:
    catalog = Catalog({"acme-*": DEAR, "acme-large-*": CHEAP, "acme-large-1": PriceOverride(Decimal(7), Decimal(8))})

    assert _input_per_million(catalog, "acme-small") == 100
    assert _input_per_million(catalog, "acme-large-2") == 1
    assert _input_per_million(catalog, "acme-large-1") == 7


def test_names_are_compared_without_regard_to_case() -> None:
    assert _input_per_million(Catalog({"Acme-Large": CHEAP}), "ACME-large") == 1


def test_an_override_changes_no_other_model() -> None:
    catalog = Catalog({"claude-opus-4-5": DEAR})

    assert _input_per_million(catalog, "claude-opus-4-1") == 15


def test_a_pattern_for_everything_does_not_price_a_call_without_a_model() -> None:
    assert Catalog({"*": DEAR}).rates(None, "anthropic", TODAY_NS, 10) is None


def test_all_five_prices_can_be_set() -> None:
    override = PriceOverride(Decimal(3), Decimal(15), Decimal("0.3"), Decimal("3.75"), Decimal(6))

    rates = Catalog({"acme": override}).rates("acme", None, TODAY_NS, 10)

    assert rates is not None
    assert [rate * 1_000_000 for rate in rates[:5]] == [3, Decimal("0.3"), Decimal("3.75"), 6, 15]
    assert rates.source == "override"


def test_cache_prices_that_are_not_set_are_those_of_the_input_and_the_source_says_so() -> None:
    rates = Catalog({"acme": CHEAP}).rates("acme", None, TODAY_NS, 10)

    assert rates is not None
    assert rates.cache_read == rates.cache_write == rates.cache_write_1h == rates.input
    assert "billed as input" in rates.source


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="output"):
        PriceOverride(Decimal(1), Decimal(price))

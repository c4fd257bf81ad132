from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from decimal import Decimal

import pytest

from otel_sessionopt.pricing.catalog import Rates
from otel_sessionopt.pricing.genai import GenaiPrices
from otel_sessionopt.pricing.layers import Catalog


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) * 1_000_000_000


AUGUST_2026 = _ns("2026-08-01")


def _rates(
    model: str, provider: str | None = "anthropic", at_ns: int = AUGUST_2026, tokens: int = 1_000
) -> Rates | None:
    return GenaiPrices().rates(model, provider, at_ns, tokens)


def _per_million(rates: Rates | None) -> list[str]:
    """Input, cache read, cache write, one-hour write, output in USD per million tokens."""
    assert rates is not None
    return [f"{(rate * 1_000_000).normalize():f}" for rate in rates[:5]]


def test_claude_opus_4_5_costs_what_anthropic_publishes() -> None:
    # https://platform.claude.com/docs/en/about-claude/pricing: 5 / 25, cache read 0.50, writes 6.25 and 10
    assert _per_million(_rates("claude-opus-4-5-20251101")) == ["5", "0.5", "6.25", "10", "25"]


def test_gpt_4o_costs_what_openai_publishes_and_writes_the_cache_at_the_price_of_input() -> None:
    # https://openai.com/api/pricing: 2.50 / 10, cached input 1.25
    assert _per_million(_rates("gpt-4o-2024-08-06", "openai")) == ["2.5", "1.25", "2.5", "2.5", "10"]


def test_a_prompt_over_the_limit_pays_the_higher_price_for_all_of_its_tokens() -> None:
    # Claude Sonnet 4.5: 3 / 15 up to 200,000 tokens of input, 6 / 22.50 above; cache prices follow the input.
    at_limit = _rates("claude-sonnet-4-5", tokens=200_000)
    above = _rates("claude-sonnet-4-5", tokens=200_001)

    assert _per_million(at_limit) == ["3", "0.3", "3.75", "6", "15"]
    assert _per_million(above) == ["6", "0.6", "7.5", "12", "22.5"]


def test_a_call_pays_the_price_of_its_own_date() -> None:
    # OpenAI cut o3 from 10 / 40 to 2 / 8 on 2025-06-10.
    last_second = _rates("o3", "openai", _ns("2025-06-09T23:59:59"))
    first_second = _rates("o3", "openai", _ns("2025-06-10T00:00:00"))

    assert _per_million(last_second)[::4] == ["10", "40"]
    assert _per_million(first_second)[::4] == ["2", "8"]


def test_a_call_at_night_pays_the_price_of_the_night() -> None:
    # DeepSeek charged less between 16:30 and 00:30 UTC.
    day = _rates("deepseek-chat", "deepseek", _ns("2025-05-01T12:00:00"))
    last_minute_of_the_day = _rates("deepseek-chat", "deepseek", _ns("2025-05-01T16:29:00"))
    night = _rates("deepseek-chat", "deepseek", _ns("2025-05-01T16:31:00"))

    assert _per_million(day)[0] == _per_million(last_minute_of_the_day)[0] == "0.27"
    assert _per_million(night)[0] == "0.135"


def test_a_one_hour_write_of_claude_costs_twice_the_input_where_the_list_lacks_it() -> None:
    # The list has no such price for Claude 3.7 Sonnet on Bedrock (3 per million tokens of input).
    rates = _rates("anthropic.claude-3-7-sonnet-20250219-v1:0", "aws.bedrock")

    assert _per_million(rates)[2:4] == ["3.75", "6"]


def test_an_embedding_model_has_no_price_for_output() -> None:
    rates = _rates("text-embedding-3-small", "openai")

    assert _per_million(rates)[::4] == ["0.02", "0"]


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("acme-9000", None),
        ("gpt-99", "openai"),
        ("claude-opus-4-99", "anthropic"),
        ("gpt-4o-of-my-own", "openai"),
        ("whisper-1", "openai"),  # billed by the hour
        ("<synthetic>", "anthropic"),
        ("   ", "anthropic"),
        ("gpt-4o", "ollama"),
        ("deepseek-r1:8b", None),  # the tag of a file that runs at home
        ("claude-sonnet-4-5", "groq"),
    ],
)
def test_what_the_list_does_not_know_has_no_price(model: str, provider: str | None) -> None:
    assert _rates(model, provider) is None


@pytest.mark.parametrize("at_ns", [-(10**30), 0, 10**30])
def test_any_time_is_survived(at_ns: int) -> None:
    assert _per_million(_rates("claude-opus-4-5", at_ns=at_ns))[0] == "5"


def test_a_call_without_a_time_pays_what_the_clock_says() -> None:
    before = Catalog(clock=lambda: _ns("2025-06-01"))
    after = Catalog(clock=lambda: _ns("2025-07-01"))

    assert _per_million(before.rates("o3", "openai", None, 10))[0] == "10"
    assert _per_million(after.rates("o3", "openai", None, 10))[0] == "2"


def test_many_threads_may_ask_at_once() -> None:
    prices = GenaiPrices()
    days = [AUGUST_2026 + day * 86_400 * 10**9 for day in range(50)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda at_ns: prices.rates("claude-opus-4-5", "anthropic", at_ns, 10), days * 20))

    assert {tuple(_per_million(each)) for each in answers} == {("5", "0.5", "6.25", "10", "25")}


def test_remembered_look_ups_are_bounded() -> None:
    prices = GenaiPrices()

    for number in range(10_000):
        prices.rates(f"acme-{number}", None, AUGUST_2026, 10)
        prices.rates("claude-opus-4-5", "anthropic", number * 86_400 * 10**9, 10)

    assert len(prices._models) <= 4_096
    assert len(prices._tiers) <= 4_096
    assert _per_million(prices.rates("claude-opus-4-5", "anthropic", AUGUST_2026, 10))[4] == "25"


def test_the_price_list_is_loaded_by_the_first_look_up_that_needs_it_and_without_the_network() -> None:
    program = """
import sys, socket
def refuse(*args):
    raise AssertionError("went to the network")
socket.socket.connect = socket.getaddrinfo = refuse
from otel_sessionopt.pricing import Catalog
catalog = Catalog()
assert catalog.rates("opus", None, 0, 1) is not None
assert "genai_prices" not in sys.modules, "loaded too early"
assert catalog.rates("claude-opus-4-5", None, 0, 1) is not None
assert "genai_prices" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_costs_are_exact_decimals() -> None:
    rates = _rates("claude-opus-4-5")

    assert rates is not None
    cost = rates.cost(input=1, cache_read=3, cache_write=7, cache_write_1h=11, output=13)
    assert cost == Decimal("0.000005") + Decimal("0.0000015") + Decimal("0.00004375") + Decimal("0.00011") + Decimal(
        "0.000325"
    )

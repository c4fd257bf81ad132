from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects.usage import CacheVerdict, RawUsage, Usage, normalise_usage

INCLUSIVE, EXCLUSIVE, UNKNOWN = CacheVerdict.INCLUSIVE, CacheVerdict.EXCLUSIVE, CacheVerdict.UNKNOWN


def raw(given: int, read: int = 0, write: int = 0, output: int = 50, total: int | None = None) -> RawUsage:
    return RawUsage(given, output, read, write, total_tokens=total)


@pytest.mark.parametrize(
    ("numbers", "by_dialect", "provider", "has_provider_total", "uncached", "is_assumed"),
    [
        # 1: nothing cached, nothing to decide
        pytest.param(raw(100), EXCLUSIVE, "anthropic", False, 100, False, id="1"),
        # 2: more cached than given can only be beside it, whatever anybody says
        pytest.param(raw(100, 90, 20), INCLUSIVE, "openai", False, 100, False, id="2"),
        # 3: total 150 = 100 + 50
        pytest.param(raw(100, 60, 0, 50, 150), EXCLUSIVE, "anthropic", True, 40, False, id="3"),
        # 4: total 210 = 100 + 50 + 60
        pytest.param(raw(100, 60, 0, 50, 210), INCLUSIVE, "openai", True, 100, False, id="4"),
        # 3 and 4 need a total of the provider's own
        pytest.param(raw(100, 60, 0, 50, 150), EXCLUSIVE, "openai", False, 100, False, id="3-own-total"),
        # 5: the dialect knows
        pytest.param(raw(100, 60), EXCLUSIVE, "openai", False, 100, False, id="5-exclusive"),
        pytest.param(raw(100, 60), INCLUSIVE, "anthropic", False, 40, False, id="5-inclusive"),
        # … also where a total fits neither sum
        pytest.param(raw(100, 60, 0, 50, 999), EXCLUSIVE, None, True, 100, False, id="5-odd-total"),
        # 6: the provider's own figure
        pytest.param(raw(100, 60), UNKNOWN, "anthropic", False, 100, False, id="6-anthropic"),
        pytest.param(raw(100, 60), UNKNOWN, "AWS.Bedrock", False, 100, False, id="6-bedrock"),
        pytest.param(raw(100, 60), UNKNOWN, "deepseek", False, 40, False, id="6-deepseek"),
        # 7: the OTel rule, marked
        pytest.param(raw(100, 60), UNKNOWN, "langchain", False, 40, True, id="7"),
        pytest.param(raw(100, 60), UNKNOWN, None, False, 40, True, id="7-no-provider"),
    ],
)
def test_the_tests_decide_in_their_order(
    numbers: RawUsage,
    by_dialect: CacheVerdict,
    provider: str | None,
    has_provider_total: bool,
    uncached: int,
    is_assumed: bool,
) -> None:
    usage = normalise_usage(numbers, by_dialect, provider, has_provider_total)

    assert usage.uncached_tokens == uncached
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (
        numbers.cache_read_tokens,
        numbers.cache_write_tokens,
    )
    assert usage.is_assumed is is_assumed


def test_reasoning_beside_the_output_is_added_where_the_total_shows_it() -> None:
    # Gemini: 1,000 + 50 + 400 = 1,450
    numbers = RawUsage(1_000, 50, reasoning_tokens=400, total_tokens=1_450)

    usage = normalise_usage(numbers, INCLUSIVE)

    assert (usage.output_tokens, usage.reasoning_tokens) == (450, 400)


def test_cached_thoughts_are_both_sorted_out() -> None:
    # 1,000 given with 600 cached inside, 50 + 400 output: the total fits only once the thoughts are in the output.
    numbers = RawUsage(1_000, 50, 600, reasoning_tokens=400, total_tokens=1_450)

    usage = normalise_usage(numbers, UNKNOWN, "gcp.gemini", has_provider_total=True)

    assert (usage.uncached_tokens, usage.cache_read_tokens, usage.output_tokens) == (400, 600, 450)
    assert not usage.is_assumed


def test_reasoning_stays_inside_the_output_otherwise() -> None:
    usage = normalise_usage(RawUsage(1_000, 500, reasoning_tokens=400, total_tokens=1_500), INCLUSIVE)

    assert (usage.output_tokens, usage.reasoning_tokens, usage.warnings) == (500, 400, ())


def test_reasoning_that_exceeds_the_output_is_cut_and_named() -> None:
    usage = normalise_usage(RawUsage(1_000, 50, reasoning_tokens=400), INCLUSIVE)

    assert (usage.output_tokens, usage.reasoning_tokens, usage.warnings) == (50, 50, ("reasoning-over-output",))


def test_an_hourly_write_alone_is_the_whole_write() -> None:
    usage = normalise_usage(RawUsage(100, 5, cache_write_1h_tokens=400), UNKNOWN, "anthropic")

    assert usage == Usage(100, 0, 400, 400, 5, None, False)


COUNTS = st.none() | st.integers(0, 2_000)


@settings(deadline=None)  # the machine may be busy
@given(
    st.builds(RawUsage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS | st.integers(0, 9_000)),
    st.sampled_from(CacheVerdict),
    st.sampled_from([None, "anthropic", "openai", "x"]),
    st.booleans(),
)
def test_parts_never_exceed_their_whole_and_nothing_stated_is_lost(
    numbers: RawUsage, verdict: CacheVerdict, provider: str | None, has_total: bool
) -> None:
    usage = normalise_usage(numbers, verdict, provider, has_total)

    assert min(usage[:5]) >= 0
    assert usage.cache_write_1h_tokens <= usage.cache_write_tokens
    assert (usage.reasoning_tokens or 0) <= usage.output_tokens
    whole = usage.uncached_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    assert whole >= (numbers.input_tokens or 0)
    assert usage.cache_read_tokens == (numbers.cache_read_tokens or 0)
    assert usage.output_tokens >= (numbers.output_tokens or 0)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 2_000), st.integers(0, 1_000), st.integers(0, 1_000), st.integers(0, 2_000))
def test_normalising_twice_is_normalising_once(given: int, read: int, write: int, output: int) -> None:
    once = normalise_usage(RawUsage(given, output, read, write), UNKNOWN, "anthropic")
    whole = once.uncached_tokens + once.cache_read_tokens + once.cache_write_tokens

    twice = normalise_usage(RawUsage(whole, once.output_tokens, read, write), INCLUSIVE)

    assert twice[:5] == once[:5]

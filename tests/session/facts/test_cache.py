from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from otel_sessionopt.dialects.tool_definitions import TOOL_DEFINITIONS
from otel_sessionopt.pricing.catalog import PriceClass, Rates
from otel_sessionopt.session.facts.cache import CacheMiss, MissCause, Pause, cache_misses, misses_between
from otel_sessionopt.session.model import EventType, Session
from tests.analyzers.cases import FLAT, Recording
from tests.support.digest_builder import TraceBuilder, model_use

OPUS = "claude-opus-4-6"


class NoDiscount:
    """Prices of a provider that is not known to read its cache for less."""

    def rates(self, model: str | None, provider: str | None, at_ns: int | None, input_tokens: int) -> Rates:
        return Rates(Decimal(10), Decimal(10), Decimal(10), Decimal(10), Decimal(50), "flat")


def _talk(trace: TraceBuilder | None = None) -> TraceBuilder:
    """Two calls: 20,000 tokens are written to the cache, then read, and 1,200 are written behind them."""
    trace = trace or TraceBuilder()
    trace.model_call(input=0, cache_write=20_000, output=100).tool("lookup", tokens=1_100)
    return trace.model_call(input=0, cache_read=20_000, cache_write=1_200)


def _hour_talk() -> TraceBuilder:
    """The same, kept for an hour."""
    trace = TraceBuilder().model_call(input=0, cache_write=20_000, cache_write_1h=20_000, output=100)
    trace.tool("lookup", tokens=1_100)
    return trace.model_call(input=0, cache_read=20_000, cache_write=1_200, cache_write_1h=1_200)


def _missed(trace: TraceBuilder, read: int = 5_000) -> TraceBuilder:
    """A call with a prompt of 22,000 tokens, of which only `read` come from the cache."""
    return trace.model_call(input=0, cache_read=read, cache_write=22_000 - read)


def _later(trace: TraceBuilder) -> list[CacheMiss]:
    """All misses but that of the first call."""
    return _of(trace.session(prices=FLAT))


def _of(session: Session) -> list[CacheMiss]:
    return [miss for miss in cache_misses(session) if miss.cause is not MissCause.FIRST_CALL]


def _only(trace: TraceBuilder) -> CacheMiss:
    (miss,) = _later(trace)
    return miss


# What is a miss


def test_the_first_call_of_a_context_misses_all_that_it_did_not_read() -> None:
    trace = TraceBuilder().model_call(input=10, cache_read=4_000, cache_write=15_990)
    (miss,) = cache_misses(trace.session(prices=FLAT))
    assert (miss.cause, miss.tokens, miss.previous) == (MissCause.FIRST_CALL, 16_000, None)
    assert not miss.cause.is_loss


def test_a_prompt_read_from_the_cache_is_no_miss() -> None:
    assert _later(_talk()) == []


def test_a_call_that_reads_less_than_the_prompt_before_misses_the_rest() -> None:
    trace = _missed(_talk().tool())
    miss = _only(trace)
    # min(21,200, 22,000) − 5,000
    assert (miss.cause, miss.tokens, miss.shared_tokens) == (MissCause.PREFIX_CHANGED, 16_200, 21_200)
    assert miss.call.event.id == trace.last_id
    # 16,200 × (12 − 1)
    assert (miss.paid, miss.premium_usd) == (((PriceClass.CACHE_WRITE, 16_200),), Decimal(178_200))


@pytest.mark.parametrize(("read", "expected"), [(20_176, 0), (20_175, 1)])
def test_a_miss_has_more_than_1024_tokens(read: int, expected: int) -> None:
    assert len(_later(_missed(_talk().tool(), read))) == expected


def test_a_prompt_that_got_shorter_can_only_miss_what_it_has() -> None:
    trace = _talk().user_message().model_call(input=0, cache_read=5_000, cache_write=13_000)
    assert (_only(trace).tokens, _only(trace).shared_tokens) == (13_000, 18_000)


def test_missed_tokens_are_paid_as_one_hour_writes_then_other_writes_then_input() -> None:
    trace = _talk().tool().model_call(input=9_000, cache_read=1_200, cache_write=11_800, cache_write_1h=7_000)
    miss = _only(trace)
    assert miss.tokens == 20_000
    assert miss.paid == (
        (PriceClass.CACHE_WRITE_1H, 7_000),
        (PriceClass.CACHE_WRITE, 4_800),
        (PriceClass.INPUT, 8_200),
    )
    assert miss.premium_usd == 7_000 * 19 + 4_800 * 11 + 8_200 * 9


def test_a_call_without_a_price_has_no_premium() -> None:
    trace = TraceBuilder(model="unknown-1")
    assert _only(_missed(_talk(trace).tool())).premium_usd is None


def test_of_a_call_that_states_its_cost_the_premium_is_in_the_usual_proportions() -> None:
    trace = _talk(TraceBuilder(model="unknown-1")).tool()
    trace.model_call(input=0, cache_read=5_000, cache_write=17_000, output=0, cost=Decimal("21.75"))
    # 5,000 × 0.1 + 17,000 × 1.25 = 21,750 units of input, so 0.001 each; 16,200 × (1.25 − 0.1) of them
    assert _only(trace).premium_usd == Decimal("18.63")


def test_where_cache_reads_cost_as_much_as_input_missing_them_costs_nothing() -> None:
    trace = TraceBuilder(provider="openai").model_call(input=20_000).tool().model_call(input=1_000, cache_read=20_000)
    session = trace.tool().model_call(input=22_000).session(prices=NoDiscount())
    assert [miss.premium_usd for miss in _of(session)] == [Decimal(0)]


# Rows of calls


def test_each_context_has_a_row_of_its_own() -> None:
    trace = _talk().agent("explorer").model_call(input=0, cache_read=3_000, cache_write=9_000).end()
    trace.model_call(input=0, cache_read=21_200, cache_write=500)
    assert [(miss.cause, miss.tokens) for miss in cache_misses(trace.session(prices=FLAT))] == [
        (MissCause.FIRST_CALL, 20_000),
        (MissCause.FIRST_CALL, 9_000),
    ]


def test_a_row_without_a_cached_token_has_no_misses() -> None:
    trace = TraceBuilder()
    for size in range(20_000, 26_000, 1_000):
        trace.model_call(input=size).tool()
    assert cache_misses(trace.session(prices=FLAT)) == ()


def test_where_writes_are_not_told_nothing_is_missed_before_the_first_read() -> None:
    trace = TraceBuilder(provider="openai").model_call(input=20_000).tool().model_call(input=21_000).tool()
    trace.model_call(input=1_000, cache_read=21_000).tool().model_call(input=23_000)
    (miss,) = cache_misses(trace.session(prices=FLAT))
    assert (miss.tokens, miss.cause) == (22_000, MissCause.PREFIX_CHANGED)
    assert miss.paid == ((PriceClass.INPUT, 22_000),)


def test_side_requests_are_not_in_the_row() -> None:
    trace = _talk().model_call(input=900, output=5).tool().model_call(input=0, cache_read=21_200, cache_write=800)
    assert _later(trace) == []


def test_embeddings_are_not_in_the_row() -> None:
    trace = _talk().embedding(input=30_000).tool().model_call(input=0, cache_read=21_200, cache_write=800)
    assert _later(trace) == []


def test_totals_of_a_container_are_not_in_the_row() -> None:
    trace = TraceBuilder().agent("coder", usage=model_use(90_000, cache_read=9_000))
    _talk(trace).model_call(has_usage=False)
    assert [miss.cause for miss in cache_misses(trace.session(prices=FLAT))] == [MissCause.FIRST_CALL]


def test_a_recording_by_hand_has_no_misses() -> None:
    recording = Recording().add(EventType.AI_RESPONSE, 20_000).add(EventType.AI_RESPONSE, 20_000)
    assert cache_misses(recording.session()) == ()


# Causes that are no loss


def test_another_model_starts_with_an_empty_cache() -> None:
    trace = _talk().user_message().model_call(input=0, cache_write=22_000, model=OPUS)
    assert (_only(trace).cause, _only(trace).tokens) == (MissCause.MODEL_CHANGED, 22_000)


def test_a_miss_on_coming_back_to_a_model_is_one_of_the_switch() -> None:
    trace = _talk().user_message().model_call(input=0, cache_write=22_000, model=OPUS)
    trace.user_message().model_call(input=0, cache_write=23_000)
    assert [miss.cause for miss in _later(trace)] == [MissCause.MODEL_CHANGED] * 2


def test_a_side_request_to_a_small_model_is_no_switch() -> None:
    trace = _talk().model_call(input=700, output=5, model="claude-haiku-4-5").tool()
    assert [miss.cause for miss in _later(_missed(trace))] == [MissCause.PREFIX_CHANGED]


def test_after_a_compaction_the_prompt_is_another_one() -> None:
    trace = _talk().compaction().model_call(input=0, cache_read=5_000, cache_write=15_000)
    assert (_only(trace).cause, _only(trace).tokens) == (MissCause.COMPACTED, 15_000)


@pytest.mark.parametrize(("size", "cause"), [(16_959, MissCause.COMPACTED), (16_960, MissCause.PREFIX_CHANGED)])
def test_a_prompt_below_80_percent_of_the_one_before_is_another_one(size: int, cause: MissCause) -> None:
    trace = _talk().tool().model_call(input=0, cache_read=5_000, cache_write=size - 5_000)
    assert _only(trace).cause is cause


def test_what_the_call_before_did_not_write_cannot_be_read() -> None:
    trace = TraceBuilder().model_call(input=12_000, cache_read=20_000, cache_write=10_000).tool()
    trace.model_call(input=0, cache_read=30_000, cache_write=13_000)
    assert (_only(trace).cause, _only(trace).tokens) == (MissCause.NOT_WRITTEN, 12_000)


def test_a_miss_is_no_larger_than_what_had_been_in_the_cache() -> None:
    trace = TraceBuilder().model_call(input=12_000, cache_read=20_000, cache_write=10_000).tool()
    trace.model_call(input=0, cache_read=20_000, cache_write=23_000)
    assert (_only(trace).cause, _only(trace).tokens) == (MissCause.PREFIX_CHANGED, 10_000)


def test_a_call_beside_one_that_still_runs_cannot_read_what_that_writes() -> None:
    trace = _talk()
    trace.now_ns -= 1_000_000_000
    assert _only(_missed(trace)).cause is MissCause.CONCURRENT


def test_a_call_after_which_the_old_prefix_is_read_again_had_another_prompt() -> None:
    trace = _talk().tool().model_call(input=0, cache_read=3_000, cache_write=22_000).tool()
    trace.model_call(input=0, cache_read=21_200, cache_write=1_500)
    assert _only(trace).cause is MissCause.OTHER_PROMPT


def test_after_another_prompt_the_row_goes_on_where_it_was() -> None:
    trace = TraceBuilder(provider="openai").model_call(input=20_000).tool().model_call(input=2_000, cache_read=20_000)
    trace.tool().model_call(input=29_000).tool()  # another machine
    trace.model_call(input=9_000, cache_read=22_000)  # and back
    assert [miss.cause for miss in _later(trace)] == [MissCause.OTHER_PROMPT]


def test_calls_that_nothing_links_are_not_one_conversation() -> None:
    trace = TraceBuilder()
    for size in (20_000, 21_000, 22_500, 24_000):
        trace.model_call(input=0, cache_write=size)
    assert {miss.cause for miss in _later(trace)} == {MissCause.OTHER_PROMPT}


def test_calls_that_read_from_each_other_are_one_conversation_without_any_tool() -> None:
    trace = TraceBuilder().model_call(input=0, cache_write=20_000)
    trace.model_call(input=0, cache_read=20_000, cache_write=1_200)
    trace.model_call(input=0, cache_read=5_000, cache_write=17_000)
    trace.model_call(input=0, cache_read=22_000, cache_write=1_000)
    assert [(miss.cause, miss.tokens) for miss in _later(trace)] == [(MissCause.PREFIX_CHANGED, 16_200)]


@pytest.mark.parametrize(
    ("size", "read", "cause"),
    [
        (24_000, 20_000, MissCause.THOUGHTS_DROPPED),
        (26_000, 20_000, MissCause.PREFIX_CHANGED),  # no shorter than before
        (24_000, 18_000, MissCause.THOUGHTS_DROPPED),
        (24_000, 17_999, MissCause.PREFIX_CHANGED),  # less than what came before the turn
    ],
)
def test_thoughts_that_are_not_sent_back_make_the_last_turn_a_new_one(size: int, read: int, cause: MissCause) -> None:
    trace = TraceBuilder().user_message().model_call(input=0, cache_write=20_000).tool()
    trace.model_call(input=0, cache_read=20_000, cache_write=6_000).user_message()
    trace.model_call(input=0, cache_read=read, cache_write=size - read)
    assert _only(trace).cause is cause


def test_thoughts_are_dropped_after_a_pause_too() -> None:
    trace = TraceBuilder().user_message().model_call(input=0, cache_write=20_000).tool()
    trace.model_call(input=0, cache_read=20_000, cache_write=6_000).pause(minutes=9).user_message()
    assert _only(trace.model_call(input=0, cache_read=20_000, cache_write=4_000)).cause is MissCause.THOUGHTS_DROPPED


def test_while_the_agent_works_no_thoughts_are_dropped() -> None:
    trace = TraceBuilder().user_message().model_call(input=0, cache_write=20_000).tool()
    trace.model_call(input=0, cache_read=20_000, cache_write=6_000).tool()
    assert _only(trace.model_call(input=0, cache_read=20_000, cache_write=4_000)).cause is MissCause.PREFIX_CHANGED


# Tool definitions


def test_other_tools_are_named_as_the_cause() -> None:
    session = _with_tools(
        [{"count": 2, "chars": 900, "names_hash": 1}] * 2 + [{"count": 3, "chars": 1300, "names_hash": 2}]
    )
    assert [miss.cause for miss in _of(session)] == [MissCause.TOOLS_CHANGED]


def test_the_same_tools_are_not_the_cause() -> None:
    session = _with_tools([{"count": 2, "chars": 900, "names_hash": 1}] * 3)
    assert [miss.cause for miss in _of(session)] == [MissCause.PREFIX_CHANGED]


def test_tools_that_one_of_the_calls_does_not_tell_are_not_the_cause() -> None:
    session = _with_tools([None, None, {"count": 3, "chars": 1300, "names_hash": 2}])
    assert [miss.cause for miss in _of(session)] == [MissCause.PREFIX_CHANGED]


def _with_tools(definitions: Sequence[dict[str, int] | None]) -> Session:
    session = _missed(_talk().tool()).session(prices=FLAT)
    calls = [event for event in session.events if event.event_type is EventType.AI_RESPONSE]
    for call, offered in zip(calls, definitions, strict=True):
        if offered is not None:
            call.data[TOOL_DEFINITIONS] = offered
    return session


# Time


@pytest.mark.parametrize(("seconds", "cause"), [(297.9, MissCause.PREFIX_CHANGED), (298.1, MissCause.IDLE)])
def test_the_cache_lives_five_minutes_from_the_start_of_the_call_before(seconds: float, cause: MissCause) -> None:
    # That call takes 2 s; everything takes 0.01 s more.
    trace = _talk().pause(seconds=seconds - 0.02).user_message()
    assert _only(_missed(trace)).cause is cause


def test_a_pause_in_which_the_cache_lived_on_is_no_miss() -> None:
    assert _later(_missed(_talk().pause(hours=9).user_message(), read=21_200)) == []


@pytest.mark.parametrize(
    ("minutes", "cause"), [(6, MissCause.PREFIX_CHANGED), (59, MissCause.PREFIX_CHANGED), (61, MissCause.IDLE)]
)
def test_a_cache_written_for_an_hour_lives_an_hour(minutes: int, cause: MissCause) -> None:
    assert _only(_missed(_hour_talk().pause(minutes=minutes).user_message())).cause is cause


def test_what_was_written_last_decides_how_long_the_cache_lives() -> None:
    trace = _hour_talk().tool().model_call(input=0, cache_read=21_200, cache_write=500)
    trace.pause(minutes=6).user_message().model_call(input=0, cache_read=20_000, cache_write=3_000)
    miss = _only(trace)
    assert (miss.cause, miss.tokens, miss.life_ns) == (MissCause.IDLE, 1_700, 300 * 10**9)


def test_a_call_that_only_reads_keeps_the_lifetime() -> None:
    trace = _hour_talk().tool().model_call(input=300, cache_read=21_200)
    trace.pause(minutes=6).user_message().model_call(input=0, cache_read=5_000, cache_write=17_000)
    assert _only(trace).cause is MissCause.PREFIX_CHANGED


@pytest.mark.parametrize(("minutes", "cause"), [(8, MissCause.PREFIX_CHANGED), (11, MissCause.IDLE)])
def test_at_openai_the_cache_lives_about_ten_minutes(minutes: int, cause: MissCause) -> None:
    trace = TraceBuilder(provider="openai").model_call(input=20_000).tool().model_call(input=1_000, cache_read=20_000)
    trace.pause(minutes=minutes).user_message().model_call(input=22_000)
    assert _only(trace).cause is cause


Waits = Callable[[TraceBuilder], TraceBuilder]


@pytest.mark.parametrize(
    ("waits", "pause"),
    [
        (lambda trace: trace.pause(minutes=6).user_message(), Pause.PERSON),
        (lambda trace: trace.shell("make test", seconds=400), Pause.TOOL),
        (lambda trace: trace.tool("Task", seconds=400), Pause.TOOL),
        (lambda trace: trace.shell("make", seconds=200).pause(seconds=190).user_message(), Pause.TOOL),
        (lambda trace: trace.shell("make", seconds=190).pause(seconds=200).user_message(), Pause.PERSON),
        (lambda trace: trace.tool("AskUserQuestion", seconds=400), Pause.PERSON),
        (lambda trace: trace.tool("Task", seconds=400, rejected=True), Pause.PERSON),
        (lambda trace: trace.tool(seconds=100).tool(seconds=100).tool(seconds=110), Pause.UNKNOWN),
        (lambda trace: trace.pause(minutes=6).tool(), Pause.UNKNOWN),
    ],
)  # fmt: skip
def test_a_persons_pause_is_told_from_a_long_tool(waits: Waits, pause: Pause) -> None:
    miss = _only(_missed(waits(_talk())))
    assert (miss.cause, miss.pause) == (MissCause.IDLE, pause)


def test_an_edit_that_stays_open_waited_for_a_person_to_allow_it() -> None:
    session = _missed(_talk().write("/repo/a.py").pause(minutes=6)).session(prices=FLAT)
    for event in session.events:
        if event.event_type is EventType.FILE_WRITE:
            event.end_ns = (event.end_ns or 0) + 350 * 10**9
    (miss,) = _of(session)
    assert miss.pause is Pause.PERSON


def test_a_gap_shorter_than_the_life_of_the_cache_has_no_pause() -> None:
    assert _only(_missed(_talk().user_message())).pause is None


# Picked by sizes alone


@pytest.mark.parametrize(
    ("previous", "prompt", "read", "expected"),
    [
        (21_200, 1.0, 0.5, 1),
        (21_201, 1.0, 0.5, 0),
        (5_000, 1.03, 0.5, 1),
        (5_000, 1.04, 0.5, 0),
        (5_000, 0.8, 0.24, 1),
        (5_000, 0.8, 0.23, 0),
    ],
)
def test_misses_are_picked_by_the_sizes_of_the_two_prompts(
    previous: int, prompt: float, read: float, expected: int
) -> None:
    session = _missed(_talk().tool()).session(prices=FLAT)  # 21,200, then 22,000 of which 5,000 are read
    found = misses_between(session, min_previous_tokens=previous, min_prompt_ratio=prompt, max_read_ratio=read)
    assert len(found) == expected


def test_misses_of_any_cause_are_picked() -> None:
    session = _missed(_talk().pause(minutes=6).user_message()).session(prices=FLAT)
    found = misses_between(session, min_previous_tokens=5_000, min_prompt_ratio=0.8, max_read_ratio=0.5)
    assert [miss.cause for miss in found] == [MissCause.IDLE]

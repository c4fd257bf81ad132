from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.model_overprovision import ModelOverprovisionAnalyzer
from otel_sessionopt.analyzers.smaller_model import smaller_model
from otel_sessionopt.pricing.catalog import Rates
from otel_sessionopt.session.model import EventType, Session
from tests.analyzers.cases import Recording, find, find_one
from tests.support.digest_builder import TraceBuilder

RULE = ModelOverprovisionAnalyzer()
OPUS = "claude-opus-4-6"


class TwoPrices:
    """Whole dollars a token for large models, a fifth of that for small ones; others have no price."""

    def __init__(self, *, knows_small: bool = True) -> None:
        self._knows_small = knows_small

    def rates(self, model: str | None, provider: str | None, at_ns: int | None, input_tokens: int) -> Rates | None:
        if model is None or (("haiku" in model or "mini" in model) and not self._knows_small):
            return None
        share = Decimal("0.2") if "haiku" in model or "mini" in model else Decimal(1)
        return Rates(10 * share, 1 * share, 12 * share, 20 * share, 50 * share, "two")


PRICES = TwoPrices()


def _turns(count: int = 6, *, model: str = OPUS, text: int | None = 0, output: int = 100) -> Session:
    """A prompt of 20,000 tokens, then turns that each call one tool and find 500 new tokens; then an answer."""
    trace = TraceBuilder(model=model).model_call(input=0, cache_write=20_000, output=900).user_message()
    size = 20_000
    for _ in range(count):
        trace.model_call(input=0, cache_read=size, cache_write=500, output=output).read("/repo/a.py")
        size += 500
    trace.model_call(input=0, cache_read=size, cache_write=500, output=900, finish_reason="end_turn")
    return _told(trace.session(prices=PRICES), text)


def _told(session: Session, text: int | None) -> Session:
    """With the sizes of texts and arguments that a transcript tells."""
    for event in session.events:
        if event.event_type is EventType.AI_RESPONSE:
            event.content_tokens = 800 if event.data.get("finish_reason") == "end_turn" else text
        elif event.tool is not None:
            event.arguments_tokens = 40
    return session


def test_short_turns_that_only_call_tools_on_the_dearest_model_are_a_low_issue() -> None:
    issue = find_one(RULE, _turns())
    assert (issue.issue_type, issue.severity) == (IssueType.MODEL_OVERPROVISION, Severity.LOW)
    assert issue.description == "6 short turns that only called tools ran on claude-opus-4-6."
    assert len(issue.events_involved) == 6
    assert issue.metadata["smaller_model"] == "claude-haiku-4-5"


def test_it_is_a_what_if_with_both_caches_that_claims_nothing() -> None:
    waste = find_one(RULE, _turns()).waste
    assert waste is not None
    assert (waste.basis, waste.claims, waste.tokens) == (Basis.WHAT_IF, (), 0)
    # Large: reads of 20,000 to 22,500 (127,500), 6 × 500 × 12, 6 × 100 × 50          = 193,500
    # Small: 20,500 × 2.4, reads of 20,500 to 22,500 (107,500 × 0.2), 5 × 500 × 2.4, 6 × 100 × 10 = 82,700
    # Then the large one has 3,000 new tokens to write that it would have read: × (12 − 1) = 33,000
    assert waste.cost_usd == Decimal(193_500 - 82_700 - 33_000)


def test_a_context_that_is_never_cached_needs_no_second_cache() -> None:
    trace = TraceBuilder(model=OPUS).model_call(input=20_000, output=900).user_message()
    for turn in range(5):
        trace.model_call(input=20_000 + 500 * turn, output=100).tool()
    session = _told(trace.model_call(input=22_500, finish_reason="end_turn").session(prices=PRICES), 0)
    waste = find_one(RULE, session).waste
    assert waste is not None
    assert waste.cost_usd == Decimal(105_000 * 8 + 500 * 40)


# Silence


def test_few_turns_in_a_row_do_not_pay_for_a_second_cache() -> None:
    # 2 turns: 41,000 + 1,000 × 12 + 10,000 = 63,000 on the large one, 20,500 × 2.4 + 20,500 × 0.2 + 1,200 + 2,000
    # = 56,500 on the small one and 11,000 afterwards.
    assert find(ModelOverprovisionAnalyzer(min_turns=1), _turns(2)) == []


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-sonnet-4-5", "gpt-5-mini", "gpt-5", "llama-4"])
def test_models_that_are_not_the_dearest_of_their_family_are_silent(model: str) -> None:
    assert find(RULE, _turns(model=model)) == []


def test_without_a_price_of_the_smaller_model_it_is_silent() -> None:
    session = _turns()
    session.prices = TwoPrices(knows_small=False)
    assert find(RULE, session) == []


def test_turns_with_an_answer_are_silent() -> None:
    assert find(RULE, _turns(text=51)) == []


def test_turns_of_which_the_text_is_not_recorded_are_silent() -> None:
    assert find(RULE, _turns(text=None)) == []


def test_turns_that_wrote_much_are_silent() -> None:
    assert find(RULE, _turns(output=201)) == []


def test_turns_with_long_arguments_are_silent_whatever_the_stated_output() -> None:
    session = _turns(output=3)
    for event in session.events:
        if event.tool is not None:
            event.arguments_tokens = 900
    assert find(RULE, session) == []


def test_turns_whose_arguments_are_not_recorded_are_silent() -> None:
    session = _turns()
    for event in session.events:
        event.arguments_tokens = None
    assert find(RULE, session) == []


def test_turns_that_reasoned_are_silent() -> None:
    session = _turns()
    for event in session.events:
        event.reasoning_tokens = 30 if event.event_type is EventType.AI_RESPONSE else None
    assert find(RULE, session) == []


def test_turns_with_thoughts_of_their_own_are_silent() -> None:
    trace = TraceBuilder(model=OPUS).model_call(input=0, cache_write=20_000, output=900)
    for turn in range(6):
        trace.model_call(input=0, cache_read=20_000 + 500 * turn, cache_write=500).thinking().tool()
    assert find(RULE, _told(trace.session(prices=PRICES), 0)) == []


def test_turns_without_a_tool_are_silent() -> None:
    trace = TraceBuilder(model=OPUS).model_call(input=0, cache_write=20_000)
    for turn in range(8):
        trace.user_message().model_call(input=0, cache_read=20_000 + 500 * turn, cache_write=500, output=9)
    assert find(RULE, _told(trace.session(prices=PRICES), 0)) == []


def test_turns_that_take_longer_than_the_cache_lives_are_silent() -> None:
    trace = TraceBuilder(model=OPUS).model_call(input=0, cache_write=20_000, output=900)
    for turn in range(6):
        trace.model_call(input=0, cache_read=20_000 + 500 * turn, cache_write=500).shell("make", seconds=70)
    assert find(RULE, _told(trace.session(prices=PRICES), 0)) == []


def test_a_recording_by_hand_is_silent() -> None:
    recording = Recording(model=OPUS)
    for _ in range(9):
        recording.add(EventType.AI_RESPONSE, 20_000, 9).add(EventType.TOOL_CALL, 1)
    assert find(RULE, recording.session(prices=PRICES)) == []


@pytest.mark.parametrize(
    ("model", "smaller"),
    [
        ("claude-opus-4-6", "claude-haiku-4-5"),
        ("anthropic.claude-opus-4-1-20250805-v1:0", "claude-haiku-4-5"),
        ("gemini-2.5-pro", "gemini-2.5-flash"),
        ("gemini-2.5-flash", None),
        (None, None),
    ],
)
def test_only_the_dearest_model_of_a_family_has_a_smaller_one(model: str | None, smaller: str | None) -> None:
    assert smaller_model(model) == smaller


# Thresholds


@pytest.mark.parametrize(("turns", "expected"), [(4, 0), (5, 1)])
def test_it_wants_five_turns(turns: int, expected: int) -> None:
    assert len(find(RULE, _turns(turns))) == expected


@pytest.mark.parametrize(("min_turns", "expected"), [(6, 1), (7, 0)])
def test_the_number_of_turns_can_be_set(min_turns: int, expected: int) -> None:
    assert len(find(ModelOverprovisionAnalyzer(min_turns=min_turns), _turns(6))) == expected


@pytest.mark.parametrize(("output", "expected"), [(200, 1), (201, 0)])
def test_a_turn_of_200_tokens_is_a_short_one(output: int, expected: int) -> None:
    assert len(find(RULE, _turns(output=output))) == expected


@pytest.mark.parametrize(("max_output", "expected"), [(99, 0), (100, 1)])
def test_the_output_of_a_short_turn_can_be_set(max_output: int, expected: int) -> None:
    assert len(find(ModelOverprovisionAnalyzer(max_output_tokens=max_output), _turns())) == expected


@pytest.mark.parametrize(("min_ratio", "expected"), [(0.14, 1), (0.15, 0)])
def test_the_least_share_of_the_cost_can_be_set(min_ratio: float, expected: int) -> None:
    # 77,800 of 240,000 + 45,000 + 193,500 + 23,000 + 6,000 + 45,000 = 552,500: 14.1 %
    assert len(find(ModelOverprovisionAnalyzer(min_ratio=min_ratio), _turns())) == expected

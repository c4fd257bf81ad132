from __future__ import annotations

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim
from otel_sessionopt.analyzers.duplicate_model_call import DuplicateModelCallAnalyzer
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

RULE = DuplicateModelCallAnalyzer()


def _made_again(*, between: str = "", times: int = 2, system: int = 10_000) -> Conversation:
    """A conversation in which one call is made several times, and only the last answer is kept."""
    talk = Conversation(system=system)
    talk.ask()
    talk.tool("lookup")
    for _ in range(times - 1):
        talk.ask(dropped=True)
        if between == "error":
            talk.trace.span("request", error="overloaded")
        elif between == "message":
            talk.trace.user_message(chars=0)
        elif between == "tool":
            talk.trace.tool("lookup", chars=0)
    talk.ask()
    talk.tool("lookup")
    talk.ask()
    return talk


def test_a_call_that_is_billed_and_made_again_is_a_medium_issue() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("lookup")
    dropped = talk.ask(output=80, dropped=True)
    kept = talk.ask()
    talk.tool("lookup")
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.issue_type, issue.severity) == (IssueType.DUPLICATE_MODEL_CALL, Severity.MEDIUM)
    assert issue.events_involved == [kept, dropped]
    # The system prompt, the first answer and the result; then the answer that was thrown away.
    billed = 10_000 + 50 + 100 + 80
    assert issue.metadata == {"calls": 1, "after_errors": 0, "billed_tokens": billed}
    assert issue.description == (
        "1 model call was billed (10,230 tokens), thrown away and made again with the same prompt."
    )
    assert issue.waste is not None
    assert (issue.waste.ledger_claims, issue.waste.basis) == ((CallClaim(dropped),), Basis.MEASURED)


def test_each_attempt_but_the_last_is_superseded() -> None:
    assert find_one(RULE, _made_again(times=4).session()).metadata["calls"] == 3


def test_an_error_in_between_is_told() -> None:
    assert find_one(RULE, _made_again(between="error").session()).metadata["after_errors"] == 1


def test_with_an_error_no_conversation_is_needed() -> None:
    trace = TraceBuilder().model_call(input=5_000, error="timeout").model_call(input=5_000)
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_a_conversation_without_a_cache_shows_by_its_growth() -> None:
    trace = TraceBuilder().model_call(input=5_000, output=200).model_call(input=5_200, output=150)
    trace.model_call(input=5_200, output=170).model_call(input=5_370)
    assert find_one(RULE, trace.session(prices=FLAT)).metadata["calls"] == 1


# Silence


def test_calls_whose_prompts_grow_are_silent() -> None:
    talk = Conversation()
    for _ in range(5):
        talk.ask(output=30)
        talk.tool("set_note", tokens=6)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_equal_sizes_without_a_conversation_may_be_chance() -> None:
    trace = TraceBuilder()
    for _ in range(5):
        trace.model_call(input=5_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_questions_on_one_cached_document_are_no_duplicates() -> None:
    trace = TraceBuilder().model_call(cache_write=20_000, input=40, output=100)
    for size in (38, 41, 41, 39, 40, 40):
        trace.model_call(cache_read=20_000, input=size, output=100)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_calls_side_by_side_are_wanted_twice() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("lookup")
    start_ns = talk.trace.now_ns
    talk.ask(dropped=True)
    talk.trace.now_ns = start_ns + 1
    talk.ask()
    talk.tool("lookup")
    talk.ask()
    assert find(RULE, talk.session()) == []


@pytest.mark.parametrize("between", ["message", "tool"])
def test_something_in_between_makes_it_another_call(between: str) -> None:
    assert find(RULE, _made_again(between=between).session()) == []


def test_an_attempt_that_was_not_billed_cost_no_money() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("lookup")
    talk.trace.model_call(has_usage=False, error="rate-limit")
    talk.ask()
    talk.tool("lookup")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_another_model_or_another_parent_is_another_call() -> None:
    trace = TraceBuilder().model_call(input=5_000, error="timeout").model_call(input=5_000, model="claude-haiku-4-5")
    assert find(RULE, trace.session(prices=FLAT)) == []
    trace = TraceBuilder().agent().container().model_call(input=5_000, error="timeout").end()
    trace.container().model_call(input=5_000).end()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_second_call_that_reads_less_from_the_cache_is_another_prompt() -> None:
    trace = TraceBuilder().model_call(cache_read=4_000, input=1_000, error="timeout")
    trace.model_call(cache_read=2_000, input=3_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_two_spans_of_one_response_are_one_call() -> None:
    trace = TraceBuilder().model_call(input=5_000, response_id="r1", error="timeout")
    trace.model_call(input=5_000, response_id="r1")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_recordings_by_hand_are_silent() -> None:
    recording = Recording()
    for _ in range(3):
        recording.add(EventType.AI_RESPONSE, 5_000, 50, error="timeout")
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("min_prompt_tokens", "expected"), [(10_149, 1), (10_150, 1), (10_151, 0)])
def test_min_prompt_tokens_below_at_and_above_the_prompt(min_prompt_tokens: int, expected: int) -> None:
    rule = DuplicateModelCallAnalyzer(min_prompt_tokens=min_prompt_tokens)
    assert len(find(rule, _made_again().session())) == expected

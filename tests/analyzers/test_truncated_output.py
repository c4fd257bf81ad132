from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.truncated_output import TruncatedOutputAnalyzer
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

RULE = TruncatedOutputAnalyzer()


def _cut(talk: Conversation, *, output: int = 8_000, **fields: Any) -> str:
    fields.setdefault("finish_reason", "max_tokens")
    return talk.ask(output=output, **fields)


def _cut_write(
    *, again: str = "/repo/a.py", error: str | None = "invalid-input", message: bool = False
) -> Conversation:
    talk = Conversation()
    talk.ask()
    talk.tool("lookup")
    _cut(talk)
    talk.write("/repo/a.py", tokens=10, error=error)
    if message:
        talk.say()
    talk.ask(output=2_000)
    talk.write(again)
    talk.ask()
    return talk


def test_a_write_that_is_cut_and_made_again_is_a_medium_issue() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("lookup")
    cut = _cut(talk)
    failed = talk.write("/repo/a.py", tokens=10, error="invalid-input")
    talk.ask(output=2_000)
    talk.write("/repo/a.py")
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.issue_type, issue.severity) == (IssueType.TRUNCATED_OUTPUT, Severity.MEDIUM)
    assert issue.events_involved == [cut]
    assert issue.description == "1 answer of 8,000 output tokens reached the output limit and had to be made again."
    assert issue.metadata == {"answers": 1, "output_tokens": 8_000}
    assert issue.waste is not None
    # The whole call, what of it later calls carried, and the error.
    assert set(issue.waste.ledger_claims) == {CallClaim(cut), ItemClaim(f"{cut}/output", 8_000), ItemClaim(failed, 10)}


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length"])
def test_every_providers_word_for_the_limit_is_known(reason: str) -> None:
    talk = Conversation()
    talk.ask()
    _cut(talk, dropped=True, finish_reason=reason)
    talk.ask()
    talk.ask()
    assert len(find(RULE, talk.session())) == 1


def test_an_answer_that_is_thrown_away_and_made_again_is_wasted_with_its_prompt() -> None:
    talk = Conversation()
    talk.ask()
    cut = _cut(talk, dropped=True)
    talk.ask(output=900)
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert (waste.ledger_claims, waste.basis) == ((CallClaim(cut),), Basis.MEASURED)


def test_an_answer_that_goes_on_is_told_and_not_counted() -> None:
    talk = Conversation()
    talk.ask()
    cut = _cut(talk)
    talk.ask(output=3_000)
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.severity, issue.events_involved) == (Severity.LOW, [cut])
    assert issue.waste is not None
    assert (issue.waste.basis, issue.waste.tokens, issue.waste.ledger_claims) == (Basis.AT_RISK, 8_000, ())
    assert issue.waste.cost_usd == Decimal(8_000 * 50)


def test_answers_of_one_context_are_one_issue() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.ask()
        _cut(talk, dropped=True)
    talk.ask()
    talk.ask()
    assert find_one(RULE, talk.session()).metadata["answers"] == 3


# Silence


def test_an_answer_that_ended_by_itself_is_silent_whatever_its_length() -> None:
    talk = Conversation()
    talk.ask()
    for _ in range(2):
        talk.ask(output=8_000, finish_reason="tool_use")
        talk.write("/repo/a.py", error="invalid-input")
    talk.ask(finish_reason="end_turn")
    assert find(RULE, talk.session()) == []


def test_the_last_answer_may_be_cut() -> None:
    talk = Conversation()
    talk.ask()
    _cut(talk)
    assert find(RULE, talk.session()) == []


def test_after_a_persons_message_the_answer_goes_another_way() -> None:
    assert find(RULE, _cut_write(message=True).session()) == []


def test_a_cut_call_whose_tool_ran_lost_nothing() -> None:
    assert find(RULE, _cut_write(error=None).session()) == []


def test_a_tool_call_for_another_file_is_no_second_try() -> None:
    assert find(RULE, _cut_write(again="/repo/b.py").session()) == []


def test_the_same_tool_much_later_is_about_something_else() -> None:
    talk = Conversation()
    talk.ask()
    _cut(talk)
    talk.write("/repo/a.py", tokens=10, error="invalid-input")
    for _ in range(3):
        talk.ask()
        talk.tool("lookup")
    talk.ask()
    talk.write("/repo/a.py")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_short_answer_was_asked_for() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.ask()
        _cut(talk, output=1, dropped=True)
    talk.ask()
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_calls_that_have_no_conversation_in_common_are_silent() -> None:
    trace = TraceBuilder()
    for size in (5_000, 5_000, 5_100, 4_900, 5_000):
        trace.model_call(input=size, output=1_000, finish_reason="length")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_after_a_compaction_the_prompt_is_another() -> None:
    talk = Conversation()
    talk.ask()
    _cut(talk)
    talk.compact()
    talk.ask()
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_stop_by_a_filter_is_no_limit() -> None:
    talk = Conversation()
    talk.ask()
    _cut(talk, dropped=True, finish_reason="content_filter")
    talk.ask()
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_odd_finish_reasons_and_recordings_are_survived() -> None:
    talk = Conversation()
    talk.ask()
    talk.ask()
    session = talk.session()
    for event in session.events:
        event.data["finish_reason"] = ["length"]
    assert find(RULE, session) == []
    recording = Recording()
    for _ in range(3):
        recording.add(EventType.AI_RESPONSE, 5_000, 2_000, finish_reason="length")
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("min_output_tokens", "expected"), [(7_999, 1), (8_000, 1), (8_001, 0)])
def test_min_output_tokens_below_at_and_above_the_answer(min_output_tokens: int, expected: int) -> None:
    rule = TruncatedOutputAnalyzer(min_output_tokens=min_output_tokens)
    assert len(find(rule, _cut_write().session())) == expected

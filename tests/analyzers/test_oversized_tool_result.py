from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import ItemClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.oversized_tool_result import OversizedToolResultAnalyzer
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import Recording, find, find_one
from tests.analyzers.conversation import Conversation

RULE = OversizedToolResultAnalyzer()


def _with_result(tokens: int, *, name: str = "fetch_logs") -> Conversation:
    talk = Conversation()
    talk.ask()
    talk.tool(name, tokens=tokens)
    talk.ask()
    return talk


def test_a_result_of_25_000_tokens_is_a_medium_issue() -> None:
    talk = Conversation()
    talk.ask()
    result = talk.tool("fetch_logs", tokens=25_000)
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.issue_type, issue.severity) == (IssueType.OVERSIZED_TOOL_RESULT, Severity.MEDIUM)
    assert issue.events_involved == [result]
    assert issue.description == "25,000 tokens of fetch_logs entered the context."
    assert issue.metadata == {
        "tool_name": "fetch_logs", "program": "", "result_tokens": 25_000, "largest_tokens": 25_000, "results": 1,
    }  # fmt: skip
    assert issue.waste is not None
    # 2,000 tokens are a good page of text.
    assert (issue.waste.ledger_claims, issue.waste.basis) == ((ItemClaim(result, 23_000),), Basis.ESTIMATED)


def test_the_excess_is_billed_at_entry_and_in_every_call_that_carries_it() -> None:
    talk = _with_result(25_000)
    talk.ask()
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    # Written once at 12, then read twice at 1.
    assert (waste.tokens, waste.cost_usd) == (3 * 23_000, Decimal(23_000 * (12 + 1 + 1)))


def test_carrying_ends_with_a_compaction() -> None:
    talk = _with_result(25_000)
    talk.compact()
    talk.ask()
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.tokens == 23_000


def test_a_picture_is_sized_by_what_the_prompt_grew_by() -> None:
    talk = Conversation()
    talk.ask()
    talk.trace.read("/repo/plan.png", chars=0)  # no text
    result = talk.trace.last_id
    talk._size += 12_000
    talk.ask()
    assert find_one(RULE, talk.session()).events_involved == [result]


def test_results_of_one_program_are_one_issue() -> None:
    talk = Conversation()
    for name in ("web", "api"):
        talk.ask()
        talk.shell(f"kubectl logs deploy/{name}", tokens=30_000)
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert issue.metadata["program"] == "kubectl logs"
    assert issue.description == (
        "60,000 tokens of kubectl logs (Bash) entered the context in 2 results, the largest of 30,000."
    )
    assert issue.severity is Severity.HIGH  # 56,000 tokens over the budget


def test_a_failed_call_can_be_oversized_too() -> None:
    talk = Conversation()
    talk.ask()
    talk.trace.shell("make all", error="exit-2")
    talk._size += 15_000
    talk.ask()
    talk.ask()
    assert len(find(RULE, talk.session())) == 0  # its text has 50 tokens: what else entered is nobody's


def test_recorded_results_are_sized_by_what_they_were_billed() -> None:
    session = Recording().add(EventType.TOOL_CALL, 15_000, tool_name="fetch").session()
    waste = find_one(RULE, session).waste
    assert waste is not None
    assert (waste.tokens, waste.cost_usd) == (13_000, Decimal(130_000))


# Silence


def test_ordinary_results_are_silent() -> None:
    assert find(RULE, _with_result(4_000).session()) == []


def test_several_results_that_are_large_only_together_are_silent() -> None:
    talk = Conversation()
    talk.ask()
    for number in range(4):
        talk.tool("fetch_logs", arguments=number, tokens=3_500)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_small_picture_is_silent_whatever_the_length_of_its_base64_text() -> None:
    talk = Conversation()
    talk.ask()
    talk.trace.tool("screenshot", result="")
    talk._size += 1_500
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_file_reads_of_text_are_judged_by_another_rule() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", tokens=25_000)
    talk.ask()
    assert find(RULE, talk.session()) == []
    assert find(RULE, Recording().add(EventType.FILE_READ, 25_000, path="a.py").session()) == []


def test_a_result_that_no_call_carried_was_not_paid_for() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("fetch_logs", tokens=25_000)
    assert find(RULE, talk.session()) == []


def test_a_long_message_and_a_long_answer_are_no_results() -> None:
    talk = Conversation()
    talk.ask()
    talk.say(tokens=30_000)
    talk.ask(output=20_000)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_result_that_the_client_cut_before_it_was_sent_is_silent() -> None:
    talk = Conversation()
    talk.ask()
    talk.trace.tool("fetch_logs", chars=100_000)  # 25,000 tokens of text, of which 3,000 were sent
    talk._size += 3_000
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_two_pictures_that_entered_together_have_no_size_of_their_own() -> None:
    talk = Conversation()
    talk.ask()
    for _ in range(2):
        talk.trace.tool("screenshot", result="")
    talk._size += 30_000
    talk.ask()
    assert find(RULE, talk.session()) == []


# Thresholds


@pytest.mark.parametrize(("min_tokens", "expected"), [(7_999, 1), (8_000, 1), (8_001, 0)])
def test_min_tokens_below_at_and_above_a_result(min_tokens: int, expected: int) -> None:
    rule = OversizedToolResultAnalyzer(min_tokens=min_tokens)
    assert len(find(rule, _with_result(8_000).session())) == expected


@pytest.mark.parametrize(("window_tokens", "expected"), [(100_000, 1), (160_000, 0), (200_000, 0)])
def test_a_result_over_five_percent_of_a_smaller_window_is_oversized(window_tokens: int, expected: int) -> None:
    rule = OversizedToolResultAnalyzer(window_tokens=window_tokens)
    assert len(find(rule, _with_result(8_000).session())) == expected


@pytest.mark.parametrize(("window_ratio", "expected"), [(0.03, 1), (0.04, 0), (0.05, 0)])
def test_window_ratio_below_at_and_above_a_result(window_ratio: float, expected: int) -> None:
    rule = OversizedToolResultAnalyzer(window_ratio=window_ratio)
    assert len(find(rule, _with_result(8_000).session())) == expected


@pytest.mark.parametrize(("budget_tokens", "tokens"), [(0, 25_000), (2_000, 23_000), (25_000, 0), (30_000, 0)])
def test_the_budget_is_not_waste(budget_tokens: int, tokens: int) -> None:
    waste = find_one(OversizedToolResultAnalyzer(budget_tokens=budget_tokens), _with_result(25_000).session()).waste
    assert waste is not None
    assert waste.tokens == tokens


@pytest.mark.parametrize(
    ("high_tokens", "severity"), [(22_999, Severity.HIGH), (23_000, Severity.HIGH), (23_001, Severity.MEDIUM)]
)
def test_high_tokens_below_at_and_above_the_excess(high_tokens: int, severity: Severity) -> None:
    rule = OversizedToolResultAnalyzer(high_tokens=high_tokens)
    assert find_one(rule, _with_result(25_000).session()).severity is severity

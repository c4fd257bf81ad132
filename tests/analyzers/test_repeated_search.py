from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.repeated_search import RepeatedSearchAnalyzer
from otel_sessionopt.dialects.digest import ToolKind
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

RULE = RepeatedSearchAnalyzer()


def test_an_equal_search_with_nothing_changed_is_a_medium_issue() -> None:
    talk = Conversation()
    talk.ask()
    first = talk.search("def main", tokens=200)
    talk.ask()
    second = talk.search("def main", tokens=200)
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.issue_type, issue.severity) == (IssueType.REPEATED_SEARCH, Severity.MEDIUM)
    assert issue.events_involved == [first, second]
    assert issue.metadata["query"] == "def main"
    assert issue.description == "1 of 2 searches for def main brought nothing new (200 tokens)."


def test_the_waste_is_all_results_but_the_first() -> None:
    talk = Conversation()
    talk.ask()
    talk.search("x")
    asking = talk.ask(text_chars=0)
    second = talk.search("x")
    talk.ask()
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.ledger_claims == (
        CallClaim(asking),
        ItemClaim(f"{asking}/output", 50),
        ItemClaim(second, 100),
    )
    # The call that asked: 10,000 tokens read at 1, 50 written at 50. The 150 tokens that entered with it have to be
    # written by the next one anyway. Then 50 of output and 100 of result, written at 12 and read once at 1.
    assert (waste.tokens, waste.basis) == (10_150 - 150 + 150 + 50 + 2 * 150, Basis.MEASURED)
    assert waste.cost_usd == 10_000 + 150 * 1 + 50 * 50 + 150 * (12 + 1)


def test_a_search_beside_another_call_claims_what_it_brought_and_not_the_call() -> None:
    talk = Conversation()
    talk.ask()
    talk.search("x")
    asking = talk.ask()
    second = talk.search("x")
    talk.read("/repo/a.py")
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert CallClaim(asking) not in waste.ledger_claims
    assert ItemClaim(second, 100) in waste.ledger_claims


def test_a_call_that_asked_for_two_repeats_is_claimed_by_the_first_of_them() -> None:
    talk = Conversation()
    talk.ask()
    talk.search("x")
    talk.search("y")
    asking = talk.ask()
    talk.search("x")
    talk.search("y")
    talk.ask()
    first, second = find(RULE, talk.session())
    assert first.waste is not None
    assert second.waste is not None
    assert CallClaim(asking) in first.waste.ledger_claims
    assert CallClaim(asking) not in second.waste.ledger_claims


def test_case_and_white_space_do_not_make_another_search() -> None:
    trace = TraceBuilder().search("Def  Main").model_call().search(" def main ").model_call()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_recorded_searches_are_measured() -> None:
    session = Recording().add(EventType.SEARCH, 50, query="auth").add(EventType.SEARCH, 70, pattern="AUTH").session()
    issue = find_one(RULE, session)
    assert issue.waste is not None
    assert (issue.waste.tokens, issue.waste.basis, issue.waste.cost_usd) == (70, Basis.MEASURED, Decimal(700))


def test_a_search_without_a_recorded_result_is_judged_by_what_happened_in_between() -> None:
    trace = TraceBuilder(captures_content=False).search("x").model_call().search("x").model_call()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_runs_of_one_search_that_a_change_parts_are_one_issue() -> None:
    trace = TraceBuilder()
    for _ in range(2):
        trace.search("x").model_call().search("x").model_call().write("/repo/a.py")
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert (issue.metadata["searches"], issue.metadata["repeats"]) == (4, 2)


def test_a_failed_write_in_between_changes_nothing() -> None:
    trace = TraceBuilder().search("x").model_call().write("/repo/a.py", error="not-found").search("x").model_call()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


# Nearly equal queries


def _near(first: str, second: str, *, results: tuple[str, str] = ("hit", "hit"), chars: int = 800) -> TraceBuilder:
    trace = TraceBuilder().search(first, result=results[0], chars=chars).model_call()
    return trace.search(second, result=results[1], chars=chars).model_call()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("load|save|close", "close|load|save"),
        ("def load", r"def load\("),
        ("load", r"\bload\b"),
        ("class LoadError", "class  LoadError:"),
        ("load config", "load config file"),
        ("def load", "load"),
    ],
)
def test_nearly_equal_words_that_find_the_same_are_a_repeat(first: str, second: str) -> None:
    issue = find_one(RULE, _near(first, second).session(prices=FLAT))
    assert issue.metadata["query"] == first
    assert (issue.metadata["searches"], issue.metadata["near_equal"]) == (2, 1)


def test_equal_and_nearly_equal_searches_are_one_run() -> None:
    trace = TraceBuilder()
    for query in ("load|save", "load|save", "save|load", "save|load"):
        trace.search(query, chars=800).model_call()
    assert find_one(RULE, trace.session(prices=FLAT)).metadata["near_equal"] == 2


@pytest.mark.parametrize(
    ("first", "second"), [("def load", "def save"), ("load", "loader"), ("load", "reload config file"), ("(", ")")]
)
def test_other_words_are_another_search_although_they_find_the_same(first: str, second: str) -> None:
    assert find(RULE, _near(first, second).session(prices=FLAT)) == []


def test_nearly_equal_words_that_find_something_else_are_news() -> None:
    assert find(RULE, _near("load|save", "save|load", results=("a", "b")).session(prices=FLAT)) == []


def test_nearly_equal_words_that_find_nothing_are_another_try() -> None:
    assert find(RULE, _near("load|save", "save|load", results=("none", "none"), chars=16).session(prices=FLAT)) == []


def test_nearly_equal_words_are_silent_where_results_are_not_recorded() -> None:
    trace = TraceBuilder(captures_content=False).search("load|save").model_call().search("save|load").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_nearly_equal_words_in_another_scope_tool_or_context_are_silent() -> None:
    trace = TraceBuilder().agent("main").search("load|save", chars=800).model_call()
    trace.search("save|load", chars=800, scope="/repo/src").model_call()
    trace.search("save|load", chars=800, name="Rg").model_call()
    trace.agent("helper").search("save|load", chars=800).model_call().end()
    assert find(RULE, trace.session(prices=FLAT)) == []


@pytest.mark.parametrize("change", ["write", "command", "compaction"])
def test_nearly_equal_words_after_a_change_are_silent(change: str) -> None:
    trace = TraceBuilder().search("load|save", chars=800).model_call()
    if change == "write":
        trace.write("/repo/a.py")
    elif change == "command":
        trace.shell("make generate")
    else:
        trace.compaction()
    trace.search("save|load", chars=800).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_nearly_equal_words_are_compared_with_what_the_search_found_last() -> None:
    trace = TraceBuilder().search("load|save", result="old", chars=800).model_call()
    trace.search("load|save", result="new", chars=800).model_call()
    trace.search("save|load", result="old", chars=800).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


@pytest.mark.parametrize(("min_similarity", "expected"), [(0.65, 1), (2 / 3, 1), (0.7, 0)])
def test_min_similarity_below_at_and_above_two_of_three_words(min_similarity: float, expected: int) -> None:
    session = _near("load config", "load config file").session(prices=FLAT)
    assert len(find(RepeatedSearchAnalyzer(min_similarity=min_similarity), session)) == expected


# Silence


def test_one_search_is_no_repeat() -> None:
    assert find(RULE, TraceBuilder().search("x").model_call().session(prices=FLAT)) == []


def test_another_query_or_scope_is_another_search() -> None:
    trace = TraceBuilder().search("x", scope="/repo").model_call().search("x", scope="/repo/src").model_call()
    trace.search("y", scope="/repo").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_another_tool_is_another_search() -> None:
    trace = TraceBuilder().search("x", name="Grep").model_call().search("x", name="Glob").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_long_queries_that_differ_after_the_kept_part_are_different() -> None:
    trace = TraceBuilder().search("a" * 200 + "b").model_call().search("a" * 200 + "c").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_long_query_repeated_is_a_repeat() -> None:
    trace = TraceBuilder().search("a" * 200 + "b").model_call().search("a" * 200 + "b").model_call()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_a_search_after_a_successful_write_is_no_repeat() -> None:
    trace = TraceBuilder().search("x").model_call().write("/repo/a.py").search("x").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_search_after_an_unknown_command_is_no_repeat() -> None:
    trace = TraceBuilder().search("x").model_call().shell("make generate").search("x").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_search_after_a_failed_command_is_no_repeat_because_a_part_may_have_run() -> None:
    trace = TraceBuilder().search("x").model_call().shell("make generate", error="exit-2").search("x").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_search_after_a_sub_agents_work_is_no_repeat() -> None:
    trace = TraceBuilder().search("x").model_call().tool("Task", kind=ToolKind.SUB_AGENT).search("x").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_search_after_a_compaction_is_no_repeat() -> None:
    trace = TraceBuilder().search("x").model_call().compaction().search("x").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_another_result_is_news() -> None:
    trace = TraceBuilder().search("x", result="none").model_call().search("x", result="a.py:1").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_searching_until_there_is_news_was_polling() -> None:
    trace = TraceBuilder()
    for result in ("none", "none", "none", "a.py:1"):
        trace.search("x", result=result).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_cursor_that_moves_is_no_repeat() -> None:
    trace = TraceBuilder().search("x", is_cursor=True).model_call().search("x", is_cursor=True).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_failed_search_is_no_repeat() -> None:
    trace = TraceBuilder().search("x", error="timeout").model_call().search("x").model_call()
    trace.search("(", error="bad-pattern").model_call().search("(", error="bad-pattern").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_what_a_sub_agent_searches_is_new_to_it() -> None:
    trace = TraceBuilder().agent("main").search("x").model_call()
    trace.agent("explorer").search("x").model_call().end()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_recorded_searches_without_a_query_are_silent() -> None:
    session = Recording().add(EventType.SEARCH, 50).add(EventType.SEARCH, 50, query=["x"]).session()
    assert find(RULE, session) == []


# Thresholds


@pytest.mark.parametrize(("min_searches", "expected"), [(2, 1), (3, 1), (4, 0)])
def test_min_searches_below_at_and_above_three_searches(min_searches: int, expected: int) -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.search("x").model_call()
    assert len(find(RepeatedSearchAnalyzer(min_searches=min_searches), trace.session(prices=FLAT))) == expected

from __future__ import annotations

from typing import Any

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, OutputClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.redundant_tool_call import RedundantToolCallAnalyzer
from otel_sessionopt.dialects.digest import ToolKind
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import Recording, find, find_one
from tests.analyzers.conversation import Conversation

RULE = RedundantToolCallAnalyzer()


def _asked_twice(name: str = "get_ticket", *, second: str = "open", first: str = "open", **fields: Any) -> Conversation:
    """A call, something else, and the same call."""
    talk = Conversation()
    talk.ask()
    talk.tool(name, arguments=7, result=first, **fields)
    talk.ask()
    talk.read("/repo/a.py")
    talk.ask()
    talk.tool(name, arguments=7, result=second, **fields)
    talk.ask()
    return talk


def test_an_equal_call_with_an_equal_result_is_a_medium_issue() -> None:
    talk = Conversation()
    talk.ask()
    first = talk.tool("get_ticket", arguments=7)
    talk.ask()
    talk.read("/repo/a.py")
    asking = talk.ask()
    second = talk.tool("get_ticket", arguments=7)
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.issue_type, issue.severity) == (IssueType.REDUNDANT_TOOL_CALL, Severity.MEDIUM)
    assert issue.events_involved == [first, second]
    assert issue.description == "1 of 2 calls of get_ticket brought back what an earlier one had (100 tokens)."
    assert issue.metadata == {"tool_name": "get_ticket", "program": "", "calls": 2, "repeats": 1}
    assert issue.waste is not None
    # The call that asked for it, what it wrote (50 tokens) and the result (100) as later calls carried them.
    assert set(issue.waste.ledger_claims) == {
        CallClaim(asking),
        ItemClaim(f"{asking}/output", 50),
        ItemClaim(second, 100),
    }


def test_of_a_call_that_also_asked_for_something_else_only_the_result_is_claimed() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    talk.ask()
    second = talk.tool("get_ticket", arguments=7)
    talk.read("/repo/a.py")
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.ledger_claims == (ItemClaim(second, 100),)


def test_a_call_that_said_more_than_a_remark_is_not_claimed() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    answering = talk.ask(output=300, text_chars=1_000)
    talk.tool("get_ticket", arguments=7)
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert CallClaim(answering) not in waste.ledger_claims
    assert not any(isinstance(claim, OutputClaim) for claim in waste.ledger_claims)


def test_all_but_the_first_of_several_are_redundant() -> None:
    talk = Conversation()
    for _ in range(4):
        talk.ask()
        talk.tool("get_ticket", arguments=7)
    talk.ask()
    assert find_one(RULE, talk.session()).metadata == {
        "tool_name": "get_ticket", "program": "", "calls": 4, "repeats": 3,
    }  # fmt: skip


def test_commands_of_one_program_are_one_issue_named_by_it() -> None:
    talk = Conversation()
    for path in ("a.py", "a.py", "b.py", "b.py"):
        talk.ask()
        talk.shell(f"git log {path}")
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert issue.metadata["program"] == "git log"
    assert issue.metadata["repeats"] == 2


def test_equal_calls_sent_together_are_redundant_too() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    talk.tool("get_ticket", arguments=7)
    talk.ask()
    assert len(find(RULE, talk.session())) == 1


def test_sizes_that_the_source_states_are_measured() -> None:
    talk = Conversation()
    talk.ask()
    for _ in range(2):
        talk.trace.tool("get_ticket", arguments=7, result="open", tokens=100)
        talk.trace.read("/repo/a.py", tokens=50)
        talk._size += 150
        talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.basis is Basis.MEASURED


def test_sizes_shared_among_several_results_are_estimated() -> None:
    talk = Conversation()
    talk.ask()
    for _ in range(2):
        talk.tool("get_ticket", arguments=7)
        talk.read("/repo/a.py", tokens=50)
        talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.basis is Basis.ESTIMATED


def test_nothing_is_claimed_where_nobody_was_billed() -> None:
    talk = Conversation()
    for _ in range(2):
        talk.trace.model_call(has_usage=False)
        talk.tool("get_ticket", arguments=7)
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert (waste.tokens, waste.ledger_claims) == (0, ())


# Silence


def test_one_call_is_not_redundant() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_other_arguments_or_another_tool_are_another_call() -> None:
    talk = Conversation()
    for name, arguments in (("get_ticket", 7), ("get_ticket", 8), ("get_page", 7)):
        talk.ask()
        talk.tool(name, arguments=arguments, result="open")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_another_result_is_news() -> None:
    assert find(RULE, _asked_twice(second="closed").session()) == []


def test_asking_until_there_is_news_was_polling() -> None:
    talk = Conversation()
    for state in ("queued", "queued", "queued", "done"):
        talk.ask()
        talk.tool("get_ticket", arguments=7, result=state)
    talk.ask()
    assert find(RULE, talk.session()) == []


@pytest.mark.parametrize(
    "name", ["get_run_status", "list_jobs", "server_logs", "healthCheckPing", "wait_for_page", "TailFile"]
)
def test_a_tool_that_asks_how_something_goes_on_is_asked_again_on_purpose(name: str) -> None:
    assert find(RULE, _asked_twice(name).session()) == []


@pytest.mark.parametrize(
    "name", ["create_issue", "browser_click", "sendMessage", "press_key", "TodoWrite", "think", "AskUserQuestion"]
)
def test_a_tool_that_acts_does_something_each_time(name: str) -> None:
    assert find(RULE, _asked_twice(name).session()) == []


def test_polls_and_cursors_are_silent() -> None:
    assert find(RULE, _asked_twice("lookup", is_poll=True).session()) == []
    assert find(RULE, _asked_twice("lookup", is_cursor=True).session()) == []


def test_a_sleep_in_between_means_waiting_for_a_change() -> None:
    talk = Conversation()
    for _ in range(2):
        talk.ask()
        talk.shell("docker inspect web")
        talk.ask()
        talk.shell("sleep 20", is_poll=True)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_command_that_may_change_something_is_not_judged() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.ask()
        talk.shell("make install", may_write=True)
    talk.ask()
    assert find(RULE, talk.session()) == []


@pytest.mark.parametrize("change", ["write", "command", "agent", "unknown tool", "message", "compaction", "refusal"])
def test_what_may_have_changed_the_answer_makes_the_next_call_necessary(change: str) -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    talk.ask()
    if change == "write":
        talk.write("/repo/a.py")
    elif change == "command":
        talk.shell("make generate", may_write=True)
    elif change == "agent":
        talk.tool("Task", kind=ToolKind.SUB_AGENT)
    elif change == "unknown tool":
        talk.tool("batch_design", arguments=1)
    elif change == "message":
        talk.say()
    elif change == "compaction":
        talk.compact()
    else:
        talk.tool("deploy", rejected=True)
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_another_agents_write_is_a_change_too() -> None:
    talk = Conversation()
    talk.trace.agent("main")
    talk.ask()
    talk.shell("git status")
    talk.ask()
    talk.trace.agent("helper").write("/repo/a.py").end()
    talk.shell("git status")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_failed_write_a_reading_tool_and_the_agents_own_list_change_nothing() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    talk.ask()
    talk.write("/repo/a.py", error="no-match")
    talk.tool("list_tickets", arguments=1)
    talk.tool("TodoWrite", arguments=2, result="ok")
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    talk.ask()
    assert len(find(RULE, talk.session())) == 1


def test_reads_and_searches_have_rules_of_their_own() -> None:
    talk = Conversation()
    for _ in range(2):
        talk.ask()
        talk.read("/repo/a.py")
        talk.search("x")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_failures_are_judged_by_another_rule() -> None:
    assert find(RULE, _asked_twice(error="timeout").session()) == []


def test_results_without_text_say_nothing() -> None:
    assert find(RULE, _asked_twice("get_screenshot", first="", second="").session()) == []


def test_calls_of_which_nothing_was_recorded_are_not_compared() -> None:
    talk = Conversation()
    talk.trace._captures_content = False
    for _ in range(2):
        talk.ask()
        talk.tool("get_ticket", arguments=7)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_what_a_sub_agent_asks_is_new_to_it() -> None:
    talk = Conversation()
    talk.trace.agent("main")
    talk.ask()
    talk.tool("get_ticket", arguments=7)
    talk.trace.agent("helper").model_call().tool("get_ticket", arguments=7, result="x" * 400).model_call().end()
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_recordings_by_hand_do_not_tell_arguments() -> None:
    session = Recording().add(EventType.TOOL_CALL, 50, tool_name="x").add(EventType.TOOL_CALL, 50, tool_name="x")
    assert find(RULE, session.session()) == []


# Thresholds


@pytest.mark.parametrize(("min_calls", "expected"), [(2, 1), (3, 1), (4, 0)])
def test_min_calls_below_at_and_above_three_calls(min_calls: int, expected: int) -> None:
    talk = Conversation()
    for _ in range(3):
        talk.ask()
        talk.tool("get_ticket", arguments=7)
    talk.ask()
    assert len(find(RedundantToolCallAnalyzer(min_calls=min_calls), talk.session())) == expected

from __future__ import annotations

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim
from otel_sessionopt.analyzers.issue import IssueType, Severity
from otel_sessionopt.analyzers.no_progress_loop import NoProgressLoopAnalyzer
from otel_sessionopt.dialects.digest import ToolKind
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import Recording, find, find_one
from tests.analyzers.conversation import Conversation

RULE = NoProgressLoopAnalyzer()


def _failing(times: int, *, name: str = "browser_click") -> Conversation:
    talk = Conversation()
    for _ in range(times):
        talk.ask()
        talk.tool(name, arguments=7, tokens=50, error="not-found")
    talk.ask()
    return talk


def test_a_call_that_fails_in_the_same_way_three_times_is_a_high_issue() -> None:
    talk = Conversation()
    asking, failed = [], []
    for _ in range(3):
        asking.append(talk.ask())
        failed.append(talk.tool("browser_click", arguments=7, tokens=50, error="not-found"))
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.issue_type, issue.severity) == (IssueType.NO_PROGRESS_LOOP, Severity.HIGH)
    assert issue.events_involved == failed
    assert issue.description == "2 calls in a loop of browser_click: up to 3 times the same, nothing new."
    assert issue.metadata == {
        "tool_name": "browser_click", "calls": ["browser_click"], "repeated_calls": 2, "longest_loop": 3,
    }  # fmt: skip
    assert issue.waste is not None
    # The first failure was necessary; the two calls after it, what they wrote and the two errors were not.
    assert set(issue.waste.ledger_claims) == {
        *(CallClaim(call) for call in asking[1:]),
        *(ItemClaim(f"{call}/output", 50) for call in asking[1:]),
        *(ItemClaim(event, 50) for event in failed[1:]),
    }


def test_a_cycle_of_a_failing_build_and_a_read_is_a_loop() -> None:
    talk = Conversation()
    for _ in range(4):
        talk.ask()
        talk.shell("make all", error="exit-2", tokens=50, may_write=True)
        talk.ask()
        talk.read("/repo/Makefile")
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert issue.metadata["calls"] == ["Read", "make all"]
    assert (issue.metadata["repeated_calls"], issue.metadata["longest_loop"]) == (6, 4)


def test_equal_successes_that_bring_nothing_are_a_loop() -> None:
    talk = Conversation()
    for _ in range(3):
        for path in ("/repo/a.py", "/repo/b.py", "/repo/c.py"):
            talk.ask()
            talk.read(path)
        talk.ask()
        talk.search("def main")
    talk.ask()
    assert find_one(RULE, talk.session()).metadata["repeated_calls"] == 8


def test_a_cycle_that_is_begun_once_more_counts_as_far_as_it_goes() -> None:
    talk = Conversation()
    for path in ("/repo/a.py", "/repo/b.py") * 3 + ("/repo/a.py",):
        talk.ask()
        talk.read(path)
    talk.ask()
    assert find_one(RULE, talk.session()).metadata["repeated_calls"] == 5


def test_failures_whose_texts_differ_in_a_few_numbers_are_equal() -> None:
    talk = Conversation()
    for size in (40, 42, 39):
        talk.ask()
        talk.shell("make all", error="exit-2", tokens=size, may_write=True)
    talk.ask()
    assert len(find(RULE, talk.session())) == 1


def test_a_loop_that_another_failure_ends_is_still_a_loop() -> None:
    talk = _failing(3)
    talk.tool("browser_click", arguments=7, tokens=50, error="timeout")
    talk.ask()
    assert len(find(RULE, talk.session())) == 1


def test_a_loop_that_a_fix_ends_is_still_a_loop() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.ask()
        talk.shell("make all", error="exit-2", tokens=50, may_write=True)
    talk.ask()
    talk.shell("npm install", may_write=True)
    talk.ask()
    talk.shell("make all", may_write=True)
    talk.ask()
    assert len(find(RULE, talk.session())) == 1


def test_loops_of_the_same_calls_are_one_issue() -> None:
    talk = _failing(3)
    talk.say()
    for _ in range(4):
        talk.ask()
        talk.tool("browser_click", arguments=7, tokens=50, error="not-found")
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.metadata["repeated_calls"], issue.metadata["longest_loop"]) == (5, 4)


# Silence


def test_two_turns_of_a_cycle_are_no_loop() -> None:
    assert find(RULE, _failing(2).session()) == []


def test_other_arguments_each_time_are_no_loop() -> None:
    talk = Conversation()
    for arguments in range(5):
        talk.ask()
        talk.tool("browser_click", arguments=arguments, tokens=50, error="not-found")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_results_that_change_are_progress() -> None:
    talk = Conversation()
    for line in range(5):
        talk.ask()
        talk.shell("git log -1", result=f"commit {line}")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_another_kind_of_failure_each_time_is_progress() -> None:
    talk = Conversation()
    for error in ("not-found", "timeout", "denied", "not-found", "timeout"):
        talk.ask()
        talk.tool("browser_click", arguments=7, tokens=50, error=error)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_failures_that_say_much_more_are_others() -> None:
    talk = Conversation()
    for size in (10, 30, 50):
        talk.ask()
        talk.shell("make all", error="exit-2", tokens=size, may_write=True)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_trying_until_it_works_was_waiting() -> None:
    talk = _failing(4)
    talk.tool("browser_click", arguments=7)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_looking_until_something_is_gone_was_waiting() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.ask()
        talk.shell("docker inspect web")
    talk.ask()
    talk.shell("docker inspect web", error="exit-1", tokens=20)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_edits_between_the_failures_are_work() -> None:
    talk = Conversation()
    for _ in range(4):
        talk.ask()
        talk.write("/repo/a.py")
        talk.ask()
        talk.shell("cargo test", error="exit-101", tokens=50)
    talk.ask()
    assert find(RULE, talk.session()) == []


@pytest.mark.parametrize("change", ["agent", "message", "compaction", "refusal", "sleep", "command"])
def test_what_lies_between_the_repeats_makes_them_no_loop(change: str) -> None:
    talk = Conversation()
    for turn in range(4):
        talk.ask()
        talk.tool("browser_click", arguments=7, tokens=50, error="not-found")
        talk.ask()
        if change == "agent":
            talk.tool("Task", kind=ToolKind.SUB_AGENT)
        elif change == "message":
            talk.say()
        elif change == "compaction":
            talk.compact()
        elif change == "refusal":
            talk.tool("deploy", rejected=True)
        elif change == "sleep":
            talk.shell("sleep 20", is_poll=True)
        else:
            talk.shell(f"./configure {turn}", may_write=True)
    talk.ask()
    assert find(RULE, talk.session()) == []


@pytest.mark.parametrize("name", ["write_stdin", "get_run_status"])
def test_polls_are_silent(name: str) -> None:
    talk = Conversation()
    for _ in range(9):
        talk.ask()
        talk.tool(name, is_poll=name == "write_stdin")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_turning_pages_is_silent() -> None:
    talk = Conversation()
    for _ in range(5):
        talk.ask()
        talk.tool("next_page", is_cursor=True)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_key_that_is_pressed_five_times_is_no_loop() -> None:
    talk = Conversation()
    for _ in range(5):
        talk.ask()
        talk.tool("press_key", arguments="Down", result="ok")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_command_that_does_something_and_prints_the_same_is_no_loop() -> None:
    talk = Conversation()
    for _ in range(5):
        talk.ask()
        talk.shell("./next.sh", may_write=True)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_calls_sent_together_are_no_loop() -> None:
    talk = Conversation()
    talk.ask()
    start_ns = talk.trace.now_ns
    for _ in range(4):
        talk.trace.now_ns = start_ns
        talk.tool("browser_click", arguments=7, tokens=50, error="timeout")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_two_agents_that_fail_alike_are_no_loop() -> None:
    talk = Conversation()
    talk.trace.agent("main")
    for name in ("a", "b", "c"):
        talk.trace.agent(name).model_call().tool("browser_click", arguments=7, error="not-found").model_call().end()
    assert find(RULE, talk.session()) == []


def test_cancelled_calls_and_calls_without_arguments_are_silent() -> None:
    talk = Conversation()
    for _ in range(4):
        talk.ask()
        talk.tool("browser_click", arguments=7, error="cancelled")
    talk.trace._captures_content = False
    for _ in range(4):
        talk.ask()
        talk.tool("browser_click", arguments=7, error="not-found")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_recordings_by_hand_do_not_tell_arguments() -> None:
    recording = Recording()
    for _ in range(5):
        recording.add(EventType.TOOL_CALL, 50, tool_name="x", error="timeout")
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("min_repeats", "expected"), [(3, 1), (4, 1), (5, 0)])
def test_min_repeats_below_at_and_above_four_failures(min_repeats: int, expected: int) -> None:
    assert len(find(NoProgressLoopAnalyzer(min_repeats=min_repeats), _failing(4).session())) == expected


@pytest.mark.parametrize(("max_period", "expected"), [(4, 1), (3, 1), (2, 0)])
def test_max_period_below_at_and_above_a_cycle_of_three(max_period: int, expected: int) -> None:
    talk = Conversation()
    for path in ("/repo/a.py", "/repo/b.py", "/repo/c.py") * 3:
        talk.ask()
        talk.read(path)
    talk.ask()
    assert len(find(NoProgressLoopAnalyzer(max_period=max_period), talk.session())) == expected


def test_a_loop_over_one_file_names_it_so_that_its_path_can_be_ignored() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.ask()
        talk.read("/repo/a.py", tokens=50)
    talk.ask()
    assert find_one(RULE, talk.session()).metadata["file_path"] == "/repo/a.py"

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim
from otel_sessionopt.analyzers.failed_retry import FailedRetryAnalyzer
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.dialects.digest import Operation, ResultDigest, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import SECOND_NS, START_NS, TraceBuilder

RULE = FailedRetryAnalyzer()


def test_two_failures_of_one_command_are_a_high_issue_although_model_calls_lie_between() -> None:
    trace = TraceBuilder().shell("go test ./...", error="exit-1")
    first = trace.last_id
    trace.model_call(input=900).shell("go test ./... -v", error="exit-1")
    second = trace.last_id
    trace.model_call(input=900)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert (issue.issue_type, issue.severity) == (IssueType.FAILED_RETRY, Severity.HIGH)
    assert issue.events_involved == [first, second]
    assert issue.description == "2 failures of go test (Bash) in a row, with no change in between."
    assert issue.metadata == {"tool_name": "Bash", "program": "go test", "failures": 2, "rows": 1}


def test_the_waste_is_the_output_of_all_failures_but_the_first() -> None:
    talk = Conversation()
    talk.ask()
    talk.shell("make", error="exit-2")
    asking = talk.ask(text_chars=0)
    retry = talk.shell("make", error="exit-2")
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.ledger_claims == (CallClaim(asking), ItemClaim(f"{asking}/output", 50), ItemClaim(retry, 100))
    # The call that asked: 10,000 tokens read at 1 and 50 written at 50; the 150 that were new in it have to be written
    # by the next one instead of being read. Then 150 tokens of output and error, written at 12.
    assert (waste.tokens, waste.basis) == (10_000 + 150 + 50 + 150, Basis.MEASURED)
    assert waste.cost_usd == 10_000 + 150 * 1 + 50 * 50 + 150 * 12


def test_model_calls_in_between_that_did_something_else_are_not_claimed() -> None:
    talk = Conversation()
    talk.ask()
    talk.shell("make", error="exit-2")
    looking = talk.ask()
    talk.read("/repo/Makefile")
    asking = talk.ask()
    talk.shell("make", error="exit-2")
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    calls = [claim.call_id for claim in waste.ledger_claims if isinstance(claim, CallClaim)]
    assert calls == [asking]
    assert looking not in calls


def test_failures_of_a_tool_that_is_no_shell_count_whatever_its_arguments() -> None:
    trace = TraceBuilder().tool("lookup", arguments="a", error="timeout").model_call()
    trace.tool("lookup", arguments="b", error="timeout").model_call()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_other_tools_in_between_do_not_end_a_row() -> None:
    trace = TraceBuilder().shell("make", error="exit-2").model_call().read("/repo/Makefile").search("x").model_call()
    trace.shell("ls", may_write=False).model_call().shell("make", error="exit-2").model_call()
    assert find_one(RULE, trace.session(prices=FLAT)).metadata["failures"] == 2


def test_the_same_call_again_is_a_retry_even_without_a_model_call_in_between() -> None:
    trace = TraceBuilder().model_call().tool("lookup", arguments="a", error="timeout")
    trace.tool("lookup", arguments="a", error="timeout").model_call()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_tools_without_any_model_call_in_the_trace_are_judged() -> None:
    trace = TraceBuilder().tool("lookup", arguments="a", error="timeout").tool("lookup", arguments="b", error="timeout")
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_rows_of_one_command_that_a_fix_parts_are_one_issue() -> None:
    trace = TraceBuilder()
    for _ in range(2):
        trace.shell("make", error="exit-2").model_call().shell("make", error="exit-2").model_call().write("/repo/a.py")
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.description == "4 failures of make (Bash) in 2 rows, with no change in between."
    assert issue.waste is not None
    assert len([claim for claim in issue.waste.ledger_claims if isinstance(claim, CallClaim)]) == 2


def test_recorded_errors_in_a_row_are_failures_and_measured() -> None:
    session = (
        Recording()
        .add(EventType.ERROR, 100, message="refused")
        .add(EventType.AI_RESPONSE, 10, 5)
        .add(EventType.ERROR, 70, 30, message="refused")
        .session()
    )
    issue = find_one(RULE, session)
    assert issue.events_involved == ["e1", "e3"]
    assert issue.waste is not None
    # 70 input at 10 and 30 output at 50
    assert (issue.waste.tokens, issue.waste.basis, issue.waste.cost_usd) == (100, Basis.MEASURED, Decimal(2_200))


def test_a_recorded_call_right_before_its_error_is_no_success() -> None:
    session = (
        Recording()
        .add(EventType.TOOL_CALL, tool_name="bash")
        .add(EventType.ERROR, 10)
        .add(EventType.TOOL_CALL, tool_name="bash")
        .add(EventType.ERROR, 10)
        .session()
    )
    assert find_one(RULE, session).events_involved == ["e2", "e4"]


# Silence


def test_one_failure_is_no_retry() -> None:
    assert find(RULE, TraceBuilder().shell("make", error="exit-2").model_call().session(prices=FLAT)) == []


def test_a_success_ends_the_row() -> None:
    trace = TraceBuilder().shell("make", error="exit-2").model_call().shell("make", may_write=False).model_call()
    trace.shell("make", error="exit-2").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_failure_after_a_fix_is_no_retry() -> None:
    trace = TraceBuilder().shell("make", error="exit-2").model_call().write("/repo/a.py").model_call()
    trace.shell("make", error="exit-2").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_failed_fix_changes_nothing() -> None:
    trace = TraceBuilder().shell("make", error="exit-2").model_call().write("/repo/a.py", error="no-match").model_call()
    trace.shell("make", error="exit-2").model_call()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_an_unknown_command_or_a_sub_agent_may_have_fixed_it() -> None:
    trace = TraceBuilder().shell("make", error="exit-2").model_call().shell("npm install").model_call()
    trace.shell("make", error="exit-2").model_call().tool("Task", kind=ToolKind.SUB_AGENT).model_call()
    trace.shell("make", error="exit-2").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_different_commands_of_one_shell_are_no_retries_of_each_other() -> None:
    trace = TraceBuilder().shell("go test ./...", error="exit-1").model_call()
    trace.shell("go vet ./...", error="exit-1").model_call().shell("npm test", error="exit-1").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_different_tools_are_no_retries_of_each_other() -> None:
    trace = TraceBuilder().tool("lookup", error="timeout").model_call().tool("fetch", error="timeout").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_failure_after_a_persons_message_is_no_retry() -> None:
    trace = TraceBuilder().shell("make", error="exit-2").model_call().user_message().model_call()
    trace.shell("make", error="exit-2").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_calls_that_the_user_refused_are_no_failures() -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.tool("deploy", rejected=True).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_calls_that_were_cancelled_are_no_failures() -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.tool("Edit", error="cancelled").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_another_agents_failure_is_no_retry() -> None:
    trace = TraceBuilder().agent("main").tool("lookup", error="timeout").model_call()
    trace.agent("helper").tool("lookup", error="timeout").model_call().end()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_polls_of_a_running_process_are_silent() -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.shell("sleep 5", error="exit-1", is_poll=True).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_calls_sent_together_could_not_know_of_each_others_failure() -> None:
    trace = TraceBuilder().model_call()
    trace.tool("lookup", arguments="a", error="timeout").tool("lookup", arguments="b", error="timeout").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_calls_that_overlap_in_time_are_no_retries() -> None:
    use = ToolUse("lookup", arguments_hash=7, result=ResultDigest(chars=40))
    trace = TraceBuilder()
    for span_id in (101, 102):
        trace.add(
            SpanDigest(
                span_id,
                None,
                "execute_tool lookup",
                START_NS,
                START_NS + SECOND_NS,
                Operation.TOOL_CALL,
                error="timeout",
                tool=use,
            )
        )
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_recovered_errors_are_no_failures() -> None:
    session = Recording().add(EventType.ERROR, 10).add(EventType.ERROR, 10, recovered=True).add(EventType.ERROR, 10)
    assert find(RULE, session.session()) == []


def test_a_recorded_success_message_or_write_between_errors_ends_the_row() -> None:
    for event_type in (EventType.TOOL_CALL, EventType.USER_MESSAGE, EventType.FILE_WRITE):
        session = Recording().add(EventType.ERROR, 10).add(event_type).add(EventType.CUSTOM).add(EventType.ERROR, 10)
        assert find(RULE, session.session()) == [], event_type


def test_a_session_without_failures_is_silent() -> None:
    assert find(RULE, TraceBuilder().shell("make").model_call().shell("make").session(prices=FLAT)) == []
    assert find(RULE, Recording().session()) == []


# Thresholds


@pytest.mark.parametrize(("min_failures", "expected"), [(2, 1), (3, 1), (4, 0)])
def test_min_failures_below_at_and_above_three_failures(min_failures: int, expected: int) -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.shell("make", error="exit-2").model_call()
    assert len(find(FailedRetryAnalyzer(min_failures=min_failures), trace.session(prices=FLAT))) == expected

from __future__ import annotations

import pytest

from otel_sessionopt.dialects.digest import Operation, ResultDigest, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session.facts.repeats import Turn, quiet_stretches
from tests.analyzers.cases import FLAT
from tests.support.digest_builder import START_NS, TraceBuilder


def _stretches(trace: TraceBuilder) -> list[list[Turn]]:
    return [list(stretch) for stretch in quiet_stretches(trace.session(prices=FLAT))]


def _turns(trace: TraceBuilder) -> list[Turn]:
    (stretch,) = _stretches(trace)
    return stretch


def test_calls_of_one_context_are_one_stretch() -> None:
    trace = TraceBuilder().read("/repo/a.py").model_call().search("x").model_call().shell("git log", may_write=False)
    assert [turn.asked[0] for turn in _turns(trace)] == ["read", "grep", "bash"]


def test_equal_calls_and_results_are_told_by_equal_turns() -> None:
    first, second, other, elsewhere = _turns(
        TraceBuilder()
        .tool("lookup", arguments=1, result="a")
        .tool("Lookup", arguments=1, result="a")
        .tool("lookup", arguments=1, result="b")
        .tool("lookup", arguments=2, result="a")
    )
    # The name is part of the arguments' hash in the builder, but not in the tool's own name.
    assert (first.asked[0], first.outcome) == (second.asked[0], second.outcome)
    assert first.asked == other.asked
    assert first.outcome != other.outcome
    assert first.asked != elsewhere.asked
    assert first.outcome == elsewhere.outcome


def test_failures_of_one_kind_are_equal_whatever_their_texts() -> None:
    first, second, other = _turns(
        TraceBuilder()
        .shell("make", error="exit_code", exit_code=2, chars=90)
        .shell("make", error="exit_code", exit_code=2, chars=80)
        .shell("make", error="exit_code", exit_code=1)
    )
    assert first.has_failed
    assert first.outcome == second.outcome != other.outcome


def test_results_without_text_or_record_are_equal_to_nothing() -> None:
    first, second = _turns(TraceBuilder().tool(arguments=1, result="").tool(arguments=1, result=""))
    assert first.outcome != second.outcome
    third, fourth = _turns(TraceBuilder().tool(arguments=1).tool(arguments=1))
    assert third.outcome != fourth.outcome


def test_a_write_and_a_sub_agent_end_the_stretches_of_all_contexts() -> None:
    for kind in (ToolKind.WRITE, ToolKind.SUB_AGENT):
        trace = TraceBuilder().agent("main").read("/repo/a.py").read("/repo/b.py")
        trace.agent("helper")
        if kind is ToolKind.WRITE:
            trace.write("/repo/c.py")
        else:
            trace.tool("Task", kind=kind)
        trace.end().read("/repo/a.py").read("/repo/b.py")
        assert [len(stretch) for stretch in _stretches(trace)] == [2, 2]


@pytest.mark.parametrize("ending", ["message", "compaction", "refusal", "poll", "cursor", "status", "unrecorded"])
def test_what_ends_a_stretch_of_its_own_context(ending: str) -> None:
    trace = TraceBuilder().agent("main").read("/repo/a.py").read("/repo/b.py")
    if ending == "message":
        trace.user_message()
    elif ending == "compaction":
        trace.compaction()
    elif ending == "refusal":
        trace.tool("deploy", rejected=True)
    elif ending == "poll":
        trace.shell("sleep 5", is_poll=True)
    elif ending == "cursor":
        trace.tool("next_page", is_cursor=True)
    elif ending == "status":
        trace.tool("get_status")
    else:
        use = ToolUse("lookup", result=ResultDigest(chars=4))
        trace.add(SpanDigest(900, 1, "t", trace.now_ns, trace.now_ns, Operation.TOOL_CALL, tool=use))
    trace.pause(seconds=1).read("/repo/a.py").read("/repo/b.py")
    assert [len(stretch) for stretch in _stretches(trace)] == [2, 2]


def test_what_ends_a_stretch_of_one_context_leaves_the_others_alone() -> None:
    trace = TraceBuilder().agent("main").read("/repo/a.py")
    trace.agent("helper").read("/repo/a.py").tool("next_page", is_cursor=True).end()
    trace.read("/repo/b.py")
    assert [len(stretch) for stretch in _stretches(trace)] == [2]


def test_a_call_alone_is_no_stretch() -> None:
    assert _stretches(TraceBuilder().read("/repo/a.py").user_message().read("/repo/b.py")) == []


def test_commands_and_unknown_tools_that_may_change_something_are_counted() -> None:
    trace = TraceBuilder().read("/repo/a.py").shell("make").read("/repo/a.py").tool("batch_design").read("/repo/a.py")
    assert [(turn.acts, turn.changes) for turn in _turns(trace)] == [
        (False, 0), (True, 0), (False, 1), (True, 1), (False, 2),
    ]  # fmt: skip


def test_a_change_by_another_agent_is_counted_too() -> None:
    trace = TraceBuilder().agent("main").read("/repo/a.py").agent("helper").shell("make").end().read("/repo/a.py")
    assert [turn.changes for turn in _turns(trace)] == [0, 1]


@pytest.mark.parametrize(
    ("name", "acts"),
    [
        ("get_ticket", False),
        ("listIssues", False),
        ("query", False),
        ("Skill", False),
        ("WebFetch", False),
        ("create_issue", True),
        ("get_or_create", True),
        ("sendMessage", True),
        ("step", True),
        ("TodoWrite", True),
        ("", True),
    ],
)
def test_the_words_of_a_name_tell_whether_a_tool_acts(name: str, acts: bool) -> None:
    trace = TraceBuilder().tool(name, arguments=1).read("/repo/a.py")
    assert _turns(trace)[0].acts is acts


def test_an_agents_own_list_acts_but_changes_nothing_for_others() -> None:
    trace = TraceBuilder().tool("TodoWrite", arguments=1).read("/repo/a.py")
    assert [(turn.acts, turn.changes) for turn in _turns(trace)] == [(True, 0), (False, 0)]


def test_a_failed_write_is_a_turn_and_no_change() -> None:
    trace = TraceBuilder().write("/repo/a.py", error="no-match").read("/repo/a.py")
    assert [(turn.acts, turn.changes) for turn in _turns(trace)] == [(False, 0), (False, 0)]


def test_a_cancelled_call_is_no_turn() -> None:
    trace = TraceBuilder().read("/repo/a.py").tool(arguments=1, error="Cancelled").read("/repo/a.py")
    assert len(_turns(trace)) == 2


def test_times_that_are_all_equal_are_survived() -> None:
    trace = TraceBuilder().agent("main")
    for span_id in (101, 102):
        use = ToolUse("lookup", arguments_hash=1, result=ResultDigest(chars=4, text_hash=5))
        trace.add(SpanDigest(span_id, 1, "t", START_NS, START_NS, Operation.TOOL_CALL, tool=use))
    assert len(_turns(trace)) == 2

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from otel_sessionopt.analyzers.claim_kinds import ItemClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.sub_agent_overlap import SubAgentOverlapAnalyzer
from otel_sessionopt.dialects.digest import Operation, ResultDigest, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import Recording, find, find_one
from tests.analyzers.conversation import Conversation

RULE = SubAgentOverlapAnalyzer()
FILES = ("/repo/a.py", "/repo/b.py", "/repo/c.py")
Work = Callable[[Conversation], Any]


def _reading(*paths: str, tokens: int = 1_000) -> Work:
    def work(agent: Conversation) -> list[str]:
        read = []
        for path in paths:
            agent.ask()
            read.append(agent.read(path, tokens=tokens))
        agent.ask()
        return read

    return work


def _answering(agent: Conversation) -> str:
    return agent.ask(output=150)


def _start_agents(caller: Conversation, works: Sequence[Work], *, system: int = 12_000) -> list[Any]:
    """Let the caller start one agent for each piece of work, one after the other within one tool call."""
    trace = caller.trace
    if not trace._open:
        trace.agent("main")
    caller.ask()
    start_ns = trace.now_ns
    trace.pause(seconds=0.1)
    done = []
    for work in works:
        trace.agent("helper")
        done.append(work(Conversation(system=system, trace=trace)))
        trace.end()
    use = ToolUse("Task", ToolKind.SUB_AGENT, arguments_hash=start_ns, may_write=True, result=ResultDigest(chars=400))
    parent = trace._open[-1].span_id
    trace.add(
        SpanDigest(10_000 + trace._take_id(), parent, "Task", start_ns, trace.now_ns, Operation.TOOL_CALL, tool=use)
    )
    caller._size += 100
    caller.ask()
    return done


# Shared results


def test_a_sibling_that_reads_the_same_files_is_a_low_issue() -> None:
    talk = Conversation()
    _, repeated = _start_agents(talk, [_reading(*FILES), _reading(*FILES)])
    issue = find_one(RULE, talk.session())
    assert (issue.issue_type, issue.severity) == (IssueType.SUB_AGENT_OVERLAP, Severity.LOW)
    assert issue.events_involved == repeated
    assert issue.description == "3 results (3,000 tokens) went to sub-agents whose siblings had had them."
    assert issue.metadata == {"agents": 2, "shared_results": 3, "shared_tokens": 3_000}
    assert issue.waste is not None
    assert issue.waste.basis is Basis.ESTIMATED
    assert set(issue.waste.ledger_claims) == {ItemClaim(event, 1_000) for event in repeated}


def test_much_of_it_is_a_medium_issue() -> None:
    talk = Conversation()
    _start_agents(talk, [_reading(*FILES, tokens=5_000), _reading(*FILES, tokens=5_000)])
    assert find_one(RULE, talk.session()).severity is Severity.MEDIUM


def test_lines_are_compared_where_listings_are_recorded() -> None:
    lines = [f"line {number} of the file, as long as lines are" for number in range(200)]

    def read(first: int, last: int) -> Work:
        def work(agent: Conversation) -> None:
            agent.ask()
            agent.trace.read(FILES[0], text=lines[first - 1 : last], first=first)
            agent._size += 4_000
            agent.ask()

        return work

    talk = Conversation()
    _start_agents(talk, [read(1, 160), read(41, 200)])
    # 120 of the 160 lines that the second one read, of 4,000 tokens
    assert find_one(RULE, talk.session()).metadata["shared_tokens"] == pytest.approx(3_000, rel=0.01)


def test_equal_searches_of_siblings_are_shared_too() -> None:
    def work(agent: Conversation) -> None:
        agent.ask()
        agent.search("def main", tokens=2_500)
        agent.ask()

    talk = Conversation()
    _start_agents(talk, [work, work])
    assert len(find(RULE, talk.session())) == 1


# Agents without a tool call


def test_an_agent_that_uses_no_tool_is_an_issue_of_its_first_prompt() -> None:
    talk = Conversation()
    _start_agents(talk, [_answering], system=26_000)
    session = talk.session()
    issue = find_one(RULE, session)
    assert issue.severity is Severity.MEDIUM
    assert issue.description == "1 sub-agent used no tool and took 26,000 tokens to be started with."
    assert issue.waste is not None
    (claim,) = issue.waste.ledger_claims
    assert isinstance(claim, ItemClaim)
    assert claim.item_id.endswith("/system")
    assert claim.tokens == 26_000


def test_a_low_threshold_for_medium_tells_more() -> None:
    talk = Conversation()
    _start_agents(talk, [_answering], system=26_000)
    assert find_one(SubAgentOverlapAnalyzer(medium_tokens=26_001), talk.session()).severity is Severity.LOW
    assert find_one(SubAgentOverlapAnalyzer(medium_tokens=26_000), talk.session()).severity is Severity.MEDIUM


# Silence


def test_siblings_that_read_other_files_are_silent() -> None:
    talk = Conversation()
    _start_agents(talk, [_reading(*FILES), _reading("/repo/d.py", "/repo/e.py", "/repo/f.py")])
    assert find(RULE, talk.session()) == []


def test_a_few_files_in_common_are_silent() -> None:
    talk = Conversation()
    others = [f"/repo/{number}.py" for number in range(6)]
    _start_agents(talk, [_reading(*FILES), _reading(*FILES, *others)])
    assert find(RULE, talk.session()) == []


def test_what_the_caller_has_read_is_new_to_an_agent() -> None:
    talk = Conversation()
    talk.trace.agent("main")
    talk.ask()
    for path in FILES:
        talk.read(path, tokens=1_000)
    _start_agents(talk, [_reading(*FILES)])
    assert find(RULE, talk.session()) == []


def test_what_one_agent_reads_twice_is_judged_by_another_rule() -> None:
    talk = Conversation()
    _start_agents(talk, [_reading(*FILES, *FILES), _reading("/repo/d.py")])
    assert find(RULE, talk.session()) == []


def test_files_written_since_are_read_to_check_them() -> None:
    lines = [f"line {number} of the file, as long as lines are" for number in range(200)]

    def write(agent: Conversation) -> None:
        _read(agent)
        agent.write(FILES[0])
        agent.ask()

    def _read(agent: Conversation) -> None:
        agent.ask()
        agent.trace.read(FILES[0], text=lines)
        agent._size += 4_000
        agent.ask()

    talk = Conversation()
    _start_agents(talk, [write, _read])
    assert find(RULE, talk.session()) == []


@pytest.mark.parametrize("between", ["message", "compaction"])
def test_agents_of_another_task_start_anew(between: str) -> None:
    talk = Conversation()
    _start_agents(talk, [_reading(*FILES)])
    if between == "message":
        talk.say()
    else:
        talk.compact()
    _start_agents(talk, [_reading(*FILES)])
    assert find(RULE, talk.session()) == []


def test_agents_started_one_after_the_other_for_one_task_are_siblings() -> None:
    talk = Conversation()
    _start_agents(talk, [_reading(*FILES)])
    _start_agents(talk, [_reading(*FILES)])
    assert len(find(RULE, talk.session())) == 1


def test_agents_that_no_tool_call_started_are_the_steps_of_a_workflow() -> None:
    talk = Conversation()
    talk.trace.container("workflow")
    for _ in range(2):
        talk.trace.agent("step")
        _reading(*FILES)(Conversation(trace=talk.trace))
        talk.trace.end().agent("writer")
        _answering(Conversation(system=30_000, trace=talk.trace))
        talk.trace.end()
    assert find(RULE, talk.session()) == []


def test_an_agent_that_uses_a_tool_may_have_a_long_prompt() -> None:
    talk = Conversation()
    _start_agents(talk, [_reading(FILES[0])], system=90_000)
    assert find(RULE, talk.session()) == []


def test_an_agent_with_a_short_prompt_of_its_own_may_just_answer() -> None:
    talk = Conversation()
    _start_agents(talk, [_answering, _answering], system=3_000)
    assert find(RULE, talk.session()) == []


def test_failed_reads_and_results_that_were_not_recorded_are_silent() -> None:
    def failing(agent: Conversation) -> None:
        for path in FILES:
            agent.ask()
            agent.read(path, tokens=1_000, error="not-found")
        agent.ask()

    talk = Conversation()
    _start_agents(talk, [failing, failing])
    assert find(RULE, talk.session()) == []
    talk = Conversation()
    talk.trace._captures_content = False
    _start_agents(talk, [_reading(*FILES), _reading(*FILES)])
    assert find(RULE, talk.session()) == []


def test_sessions_of_one_agent_and_recordings_are_silent() -> None:
    talk = Conversation()
    _reading(*FILES)(talk)
    assert find(RULE, talk.session()) == []
    assert find(RULE, Recording().add(EventType.FILE_READ, 9_000, path="a.py").session()) == []


# Thresholds


@pytest.mark.parametrize(("min_shared_tokens", "expected"), [(2_999, 1), (3_000, 1), (3_001, 0)])
def test_min_shared_tokens_below_at_and_above(min_shared_tokens: int, expected: int) -> None:
    talk = Conversation()
    _start_agents(talk, [_reading(*FILES), _reading(*FILES)])
    rule = SubAgentOverlapAnalyzer(min_shared_tokens=min_shared_tokens)
    assert len(find(rule, talk.session())) == expected


@pytest.mark.parametrize(("min_shared_ratio", "expected"), [(0.74, 1), (0.75, 1), (0.76, 0)])
def test_min_shared_ratio_below_at_and_above_three_of_four_results(min_shared_ratio: float, expected: int) -> None:
    talk = Conversation()
    _start_agents(talk, [_reading(*FILES), _reading(*FILES, "/repo/d.py")])
    rule = SubAgentOverlapAnalyzer(min_shared_ratio=min_shared_ratio)
    assert len(find(rule, talk.session())) == expected


@pytest.mark.parametrize(("min_inherited_tokens", "expected"), [(25_999, 1), (26_000, 1), (26_001, 0)])
def test_min_inherited_tokens_below_at_and_above(min_inherited_tokens: int, expected: int) -> None:
    talk = Conversation()
    _start_agents(talk, [_answering], system=26_000)
    rule = SubAgentOverlapAnalyzer(min_inherited_tokens=min_inherited_tokens)
    assert len(find(rule, talk.session())) == expected

from __future__ import annotations

from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session.facts.shared_results import shared_results
from otel_sessionopt.session.facts.sub_agents import sub_agents
from tests.analyzers.cases import FLAT
from tests.support.digest_builder import START_NS, TraceBuilder

SECOND = 1_000_000_000
TASK = ToolUse("Task", ToolKind.SUB_AGENT, arguments_hash=1, may_write=True)


def _agent(trace: TraceBuilder, path: str = "/repo/a.py") -> str:
    """A sub-agent that reads one file; its context."""
    trace.agent("helper")
    context = trace.last_id
    trace.model_call(input=9_000).read(path).model_call(input=9_600).end()
    return context


def _task(trace: TraceBuilder, span_id: int, start_ns: int, end_ns: int, *, parent: int = 1) -> None:
    trace.add(SpanDigest(span_id, parent, "Task", start_ns, end_ns, Operation.TOOL_CALL, tool=TASK))


def test_agents_that_begin_while_a_call_that_starts_agents_runs_belong_to_its_context() -> None:
    trace = TraceBuilder().agent("main").model_call().pause(seconds=1)
    start_ns = trace.now_ns
    first, second = _agent(trace.pause(seconds=1)), _agent(trace)
    _task(trace, 900, start_ns, trace.now_ns)
    found = sub_agents(trace.session(prices=FLAT))
    assert list(found) == ["0000000000000001"]
    assert [(agent.context, agent.started_by.id) for agent in found["0000000000000001"]] == [
        (first, f"{900:016x}"),
        (second, f"{900:016x}"),
    ]
    assert [event.context for event in found["0000000000000001"][0].events] == [first] * 3


def test_an_agent_of_an_agent_belongs_to_that_one() -> None:
    trace = TraceBuilder().agent("main").model_call().pause(seconds=1)
    outer_ns = trace.now_ns
    trace.pause(seconds=1).agent("outer")
    outer = int(trace.last_id, 16)
    trace.model_call().pause(seconds=1)
    inner_ns = trace.now_ns
    inner = _agent(trace.pause(seconds=1))
    _task(trace, 901, inner_ns, trace.now_ns, parent=outer)
    trace.end()
    _task(trace, 900, outer_ns, trace.now_ns)
    found = sub_agents(trace.session(prices=FLAT))
    assert [agent.context for agent in found[f"{outer:016x}"]] == [inner]
    assert [agent.context for agent in found["0000000000000001"]] == [f"{outer:016x}"]


def test_an_agent_that_begins_after_the_call_has_ended_belongs_to_nobody() -> None:
    trace = TraceBuilder().agent("main").model_call()
    _task(trace, 900, START_NS, START_NS + SECOND)
    _agent(trace.pause(seconds=60))
    assert sub_agents(trace.session(prices=FLAT)) == {}


def test_agents_that_no_call_started_belong_to_nobody() -> None:
    trace = TraceBuilder().container("workflow")
    _agent(trace)
    _agent(trace)
    assert sub_agents(trace.session(prices=FLAT)) == {}


def test_a_refused_call_starts_nothing() -> None:
    trace = TraceBuilder().agent("main").model_call().pause(seconds=1)
    start_ns = trace.now_ns
    _agent(trace.pause(seconds=1))
    use = TASK._replace(is_rejected=True)
    trace.add(SpanDigest(900, 1, "Task", start_ns, trace.now_ns, Operation.TOOL_CALL, tool=use))
    assert sub_agents(trace.session(prices=FLAT)) == {}


def test_results_are_told_by_caller_and_agent_with_what_siblings_had() -> None:
    trace = TraceBuilder().agent("main").model_call().pause(seconds=1)
    start_ns = trace.now_ns
    trace.pause(seconds=1)
    contexts = [_agent(trace, path) for path in ("/repo/a.py", "/repo/b.py", "/repo/a.py")]
    _task(trace, 900, start_ns, trace.now_ns)
    (by_agent,) = shared_results(trace.session(prices=FLAT)).values()
    assert list(by_agent) == contexts
    sizes = [[(each.item.tokens, each.tokens) for each in results] for results in by_agent.values()]
    # The prompt grew by 600, of which 100 are what the model wrote.
    assert sizes == [[(500, 0)], [(500, 0)], [(500, 500)]]


def test_one_agent_has_nobody_to_share_with() -> None:
    trace = TraceBuilder().agent("main").model_call().pause(seconds=1)
    start_ns = trace.now_ns
    _agent(trace.pause(seconds=1))
    _task(trace, 900, start_ns, trace.now_ns)
    assert shared_results(trace.session(prices=FLAT)) == {}

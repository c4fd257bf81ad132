from __future__ import annotations

from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToolUse
from otel_sessionopt.session.facts.requests import requests
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder


def test_a_tool_was_asked_for_by_the_last_call_before_it() -> None:
    talk = Conversation()
    first = talk.ask()
    read, search = talk.read("/repo/a.py"), talk.search("x")
    second = talk.ask()
    shell = talk.shell("git status")
    talk.ask()
    asked = requests(talk.session())
    assert {tool: call.id for tool, call in asked.call_of.items()} == {read: first, search: first, shell: second}
    assert {call: [event.id for event in events] for call, events in asked.events_of.items()} == {
        first: [read, search],
        second: [shell],
    }


def test_a_tool_before_any_call_was_asked_for_by_nobody() -> None:
    talk = Conversation()
    talk.read("/repo/a.py")
    talk.ask()
    assert requests(talk.session()).call_of == {}


def test_a_call_that_began_when_a_quick_tool_was_done_did_not_ask_for_it() -> None:
    trace = TraceBuilder().agent().model_call()
    asking = trace.last_id
    use = ToolUse("lookup", arguments_hash=1)
    trace.add(SpanDigest(900, 1, "t", trace.now_ns, trace.now_ns, Operation.TOOL_CALL, tool=use)).model_call()
    assert requests(trace.session(prices=FLAT)).call_of[f"{900:016x}"].id == asking


def test_a_side_request_asks_for_nothing() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py")
    asking = talk.ask()
    talk.trace.model_call(input=900, output=5)  # whether the command is safe
    shell = talk.shell("make", may_write=True)
    talk.ask()
    assert requests(talk.session()).call_of[shell].id == asking


def test_each_context_has_its_own_requests() -> None:
    talk = Conversation()
    talk.trace.agent("main")
    caller = talk.ask()
    talk.trace.agent("helper").model_call()
    helper = talk.trace.last_id
    talk.trace.read("/repo/a.py")
    read = talk.trace.last_id
    talk.trace.model_call().end()
    task = talk.tool("lookup")
    asked = requests(talk.session())
    assert (asked.call_of[read].id, asked.call_of[task].id) == (helper, caller)


def test_calls_that_did_nothing_but_ask_for_given_tools() -> None:
    talk = Conversation()
    alone = talk.ask()
    first = talk.read("/repo/a.py")
    talk.ask()
    second, _ = talk.read("/repo/b.py"), talk.read("/repo/c.py")
    remark = talk.ask(text_chars=480)
    third = talk.read("/repo/d.py")
    talk.ask(text_chars=481, output=200)
    fourth = talk.read("/repo/e.py")
    talk.ask()
    calls = requests(talk.session()).calls_for({first, second, third, fourth})
    assert [call.id for call in calls] == [alone, remark]


def test_nothing_is_known_of_recordings_by_hand() -> None:
    session = Recording().add(EventType.AI_RESPONSE, 10, 10).add(EventType.TOOL_CALL, 10).session()
    assert requests(session).call_of == {}

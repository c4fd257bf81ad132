from __future__ import annotations

from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToolUse
from otel_sessionopt.session import EventType, Session, SessionEvent
from otel_sessionopt.session.facts.contexts import content_tokens, context_events, entry_call
from tests.support.digest_builder import TraceBuilder, model_use


def _entries(session: Session) -> list[str | None]:
    """For every tool call the number of the model call that first paid for its result."""
    calls = [entry_call(session, event) for event in session.events if event.tool is not None]
    return [call.id.lstrip("0") if call else None for call in calls]


def test_the_next_model_call_pays_for_a_result() -> None:
    session = TraceBuilder().model_call().read("/a.py").read("/b.py").model_call().model_call().session()

    assert _entries(session) == ["5", "5"]


def test_a_result_that_no_call_followed_was_never_paid_for() -> None:
    assert _entries(TraceBuilder().model_call().read("/a.py").session()) == [None]


def test_a_call_in_progress_when_the_result_came_did_not_have_it() -> None:
    tool = SpanDigest(2, 1, "tool", 10, 20, Operation.TOOL_CALL, tool=ToolUse("Read"))
    calls = [
        SpanDigest(n, 1, "chat", start, start + 5, Operation.MODEL_CALL, model=model_use(100))
        for n, start in ((3, 19), (4, 20), (5, 30))
    ]
    builder = TraceBuilder()
    for span in (SpanDigest(1, None, "agent", 0, 99, Operation.AGENT), tool, *calls):
        builder.add(span)

    assert _entries(builder.session()) == ["4"]


def test_only_calls_of_the_same_context_pay() -> None:
    builder = TraceBuilder().agent("lead").read("/a.py").agent("helper").read("/a.py").model_call().end().model_call()

    assert _entries(builder.session()) == ["6", "5"]


def test_embeddings_failed_calls_and_unattributed_totals_carry_no_conversation() -> None:
    builder = TraceBuilder().agent("lead").read("/a.py").container(usage=model_use(500)).tool("x").end()
    session = builder.embedding().model_call(has_usage=False, error="429").model_call().session()

    assert _entries(session)[0] == "7"


def test_an_event_recorded_by_hand_pays_for_itself_where_it_has_tokens() -> None:
    session = Session("s1", "coder", "task")
    read = SessionEvent("e1", "2026-01-05T09:00:00Z", EventType.FILE_READ, tokens_input=10)
    silent = SessionEvent("e2", "2026-01-05T09:00:00Z", EventType.FILE_READ)
    session.add_event(read)
    session.add_event(silent)

    assert (entry_call(session, read), entry_call(session, silent)) == (read, None)


def test_events_are_grouped_by_context_in_order() -> None:
    builder = TraceBuilder().agent("lead").tool("a").agent("helper").tool("b").end().tool("c")
    grouped = context_events(builder.session())

    assert {context: [event.data["tool_name"] for event in events] for context, events in grouped.items()} == {
        "0000000000000001": ["a", "c"],
        "0000000000000003": ["b"],
    }


def test_the_content_of_an_event_recorded_by_hand_is_its_tokens() -> None:
    by_hand = SessionEvent("e1", "2026-01-05T09:00:00Z", EventType.FILE_READ, tokens_input=10, tokens_output=2)
    from_span, call = TraceBuilder().read("/a.py", chars=40).model_call().session().events

    assert content_tokens(by_hand) == 12
    assert content_tokens(SessionEvent("e1", "", EventType.FILE_READ)) is None
    assert content_tokens(from_span) == 10
    assert content_tokens(call) is None

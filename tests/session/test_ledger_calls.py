"""Calls that carry no conversation: side requests, embeddings, recordings by hand."""

from __future__ import annotations

import pytest

from otel_sessionopt.session import EventType, Session, SessionEvent
from otel_sessionopt.session.facts.ledger_items import LedgerItem, Source
from tests.session.ledger_checks import check_conservation
from tests.session.ledger_counts import (
    items_from,
    ledger_of,
    near,
    tokens,
)
from tests.session.ledger_traces import LedgerTrace
from tests.support.digest_builder import START_NS, model_use


def test_a_side_request_has_its_prompt_to_itself_and_the_conversation_pauses() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=0, cache_write=20_000, output=100)
        .tool(chars=4_000)
        .model_call(input=300, output=8, model="claude-haiku-4-5")
        .model_call(input=0, cache_read=20_000, cache_write=1_100, output=100)
    )
    context = found.context(f"{1:016x}")
    side, result, system = found.item(f"{4:016x}/prompt"), found.item(f"{3:016x}"), context.items[0]

    assert context.aside == {1}
    assert (side.source, side.tokens, side.entry, side.end) == (Source.SIDE_REQUEST, 300, 1, 2)
    assert (result.tokens, result.entry) == (1_000, 2)
    assert tokens(found.billed(system)) == {"cache_write": 20_000, "cache_read": 20_000}
    assert found.context_sizes(context.context) == (20_000, 300, 21_100)


def test_a_side_request_may_be_larger_than_the_conversation() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=0, cache_write=20_000, output=100)
        .model_call(input=60_000, output=8)
        .model_call(input=0, cache_read=20_000, cache_write=150, output=100)
    )

    assert found.context(f"{1:016x}").aside == {1}


def test_a_small_first_call_of_another_model_is_no_system_prompt() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .user_message(chars=200)
        .model_call(input=400, output=8, model="claude-haiku-4-5")
        .model_call(input=20_000, output=100)
    )

    assert [(item.source, item.tokens) for item in found.contexts[0].items] == [
        (Source.SIDE_REQUEST, 400),
        (Source.SYSTEM, 19_950),
        (Source.USER, 50),
    ]


def test_a_prompt_that_grows_back_step_by_step_was_cleared() -> None:
    trace = LedgerTrace().agent().model_call(input=20_000, output=100)
    for size in (16_000, 17_000, 18_000, 19_000):
        trace.model_call(input=size, output=100)

    assert ledger_of(trace).contexts[0].aside == frozenset()


def test_a_compaction_is_no_side_request() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=20_000, output=100)
        .compaction(chars=800)
        .model_call(input=12_000, output=100)
        .tool(chars=40_000)
        .model_call(input=25_000, output=100)
    )

    assert found.contexts[0].aside == frozenset()


def test_embeddings_retrievals_and_what_no_call_accounts_for_are_items_of_their_own() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=100)
        .embedding(input=40)
        .agent("helper", usage=model_use(700, output=30))
        .span()
        .end()
        .model_call(input=1_100, output=10)
    )

    assert [(item.id, item.source, item.tokens) for context in found.contexts for item in context.items] == [
        (f"{1:016x}/system", Source.SYSTEM, 1_000),
        (f"{3:016x}/prompt", Source.EMBEDDING, 40),
        (f"{2:016x}/output", Source.OUTPUT, 100),
        (f"{4:016x}/unattributed", Source.UNATTRIBUTED, 700),
    ]


def test_calls_without_usage_are_passed_over() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=100)
        .tool(chars=800)
        .model_call(has_usage=False, error="overloaded")
        .model_call(input=1_400, output=10)
    )

    assert [item.entry for item in items_from(found, Source.TOOL_RESULT)] == [1]
    assert found.context_sizes(f"{1:016x}") == (1_000, 1_400)


def test_events_recorded_by_hand_are_calls_and_items_of_their_own() -> None:
    session = Session(id="s", agent="a", task="t", model="claude-sonnet-4-5")
    session.add_event(
        SessionEvent("e1", "2026-01-05T09:00:00", EventType.FILE_READ, {"file_path": "/a.py"}, tokens_output=300)
    )
    session.add_event(
        SessionEvent("e2", "2026-01-05T09:00:01", EventType.AI_RESPONSE, tokens_input=900, tokens_output=100)
    )
    session.add_event(
        SessionEvent("e3", "2026-01-05T09:00:02", EventType.TOKEN_USAGE, tokens_input=900, tokens_output=100)
    )
    found = check_conservation(session)

    assert found.items_of("e1") == (
        LedgerItem("e1", Source.TOOL_RESULT, "e1", None, "/a.py", "", 300, 300, True, 0, 1),
    )
    assert tokens(found.billed(found.item("e1"))) == {"output": 300}
    assert near(found.billed(found.item("e2"))) == {"input": 900, "output": 100}
    assert found.items_of("e3") == ()
    assert found.contexts[0].generated(0).total_tokens == 0


def test_a_session_without_billed_calls_has_an_empty_ledger() -> None:
    found = ledger_of(LedgerTrace().agent().tool(chars=800))

    assert found.contexts == ()
    assert found.by_source().children == ()
    assert found.confidence is None
    assert found.dearest() == ()


def test_what_comes_after_the_last_call_is_no_item() -> None:
    found = ledger_of(LedgerTrace().agent().model_call(input=1_000).tool(chars=800).user_message())

    assert [item.source for item in found.contexts[0].items] == [Source.SYSTEM]


# Where the limits of a side request are


def _conversation(*aside: int, back: int = 20_500, cache_read: int = 0) -> frozenset[int]:
    """Which calls stand beside a conversation of 20,000 tokens that goes on after them with `back`."""
    trace = LedgerTrace().agent().model_call(input=20_000, output=100)
    for size in aside:
        trace.model_call(input=size - cache_read, cache_read=cache_read, output=8)
    return ledger_of(trace.model_call(input=back, output=100)).contexts[0].aside


def test_up_to_eight_side_requests_in_a_row_are_seen() -> None:
    assert _conversation(*[400] * 8) == frozenset(range(1, 9))
    assert _conversation(*[400] * 9) == frozenset()


def test_a_side_request_is_smaller_than_nine_tenths() -> None:
    assert _conversation(17_999) == {1}
    assert _conversation(18_000) == frozenset()


def test_the_conversation_has_to_come_back() -> None:
    assert _conversation(400, back=18_000) == {1}
    assert _conversation(400, back=17_999) == frozenset()


def test_two_larger_side_requests_in_a_row_are_seen() -> None:
    assert _conversation(60_000, 70_000) == {1, 2}
    assert _conversation(60_000, 70_000, 60_000) == frozenset()


def test_a_larger_side_request_is_larger_by_a_fifth_and_five_thousand() -> None:
    assert _conversation(25_001, back=20_001) == {1}
    assert _conversation(25_000, back=20_001) == frozenset()


def test_a_larger_prompt_with_the_conversation_in_the_cache_is_the_conversation() -> None:
    assert _conversation(60_000, cache_read=10_000) == {1}
    assert _conversation(60_000, cache_read=10_001) == frozenset()


def test_calls_and_results_are_taken_by_their_times_and_not_by_their_places() -> None:
    trace = LedgerTrace().agent().model_call(input=1_000, output=100)
    # Runs on during the next call, and is answered after a result that came later.
    slow = trace.tool(chars=8_000, seconds=1).lasting(5).last_id
    quick = trace.model_call(input=1_100, output=100).tool(chars=400, seconds=1).last_id
    trace.pause(seconds=20).model_call(input=5_500, output=10)
    session = trace.session()
    found = check_conservation(session)
    other = check_conservation(Session.from_dict({**session.to_dict(), "events": session.to_dict()["events"][::-1]}))

    assert [(item.id, item.entry) for item in items_from(found, Source.TOOL_RESULT)] == [(slow, 2), (quick, 2)]
    assert found.context_sizes(f"{1:016x}") == other.context_sizes(f"{1:016x}") == (1_000, 1_100, 5_500)
    assert {item.id: item.tokens for item in items_from(found, Source.TOOL_RESULT)} == pytest.approx(
        {item.id: item.tokens for item in items_from(other, Source.TOOL_RESULT)},
        abs=1,  # the order of events decides who gets the odd token
    )


def test_a_result_that_is_long_in_coming_enters_later_than_what_asked_for_it() -> None:
    trace = LedgerTrace().agent().model_call(input=1_000, output=100).tool(chars=8_000, seconds=1).written(40)
    call = trace.lasting(5).last_id
    quick = trace.tool(chars=400, seconds=0.5).last_id
    found = ledger_of(trace.model_call(input=1_200, output=100).pause(seconds=20).model_call(input=5_300, output=10))

    assert [(item.id, item.entry) for item in found.items_of(call)] == [(f"{call}/arguments", 1), (call, 2)]
    assert [(item.id, item.entry) for item in found.items_of(quick)] == [(quick, 1)]


def test_what_a_call_wrote_enters_with_the_next_one_where_all_start_at_once() -> None:
    trace = LedgerTrace().agent().model_call(input=1_000, output=100, seconds=0)._changed(end_ns=START_NS)
    call = trace.pause(seconds=-0.01).tool(chars=800, seconds=1).written(40).last_id
    found = ledger_of(trace.model_call(input=1_400, output=10))

    assert [(item.id, item.entry) for item in found.items_of(call)] == [(f"{call}/arguments", 1), (call, 1)]

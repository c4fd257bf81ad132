from __future__ import annotations

from collections.abc import Sequence

from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.session import Release, Session, build_session
from otel_sessionopt.session.conversation import build_conversation, conversation_of
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.model import EventType, SessionStatus
from tests.session.ledger_checks import check_conservation
from tests.support.digest_builder import SECOND_NS, START_NS, TraceBuilder

CONVERSATION = "talk"


def turn(number: int, builder: TraceBuilder | None = None) -> list[SpanDigest]:
    """One turn as a trace of its own, a minute each; span ids count up from 1 in every one of them."""
    builder = builder or (
        TraceBuilder(start_ns=START_NS + 60 * number * SECOND_NS)
        .agent("coder")
        .model_call(input=1_000, cache_read=2_000 * number, output=50)
    )
    return [digest._replace(conversation_id=CONVERSATION) for digest in builder.digests()]


def talk(*turns: Sequence[SpanDigest]) -> Session:
    return build_conversation(CONVERSATION, {100 + i: each for i, each in enumerate(turns)}, Release())


def test_the_session_is_called_after_the_conversation_and_names_its_traces() -> None:
    session = talk(turn(0), turn(1))
    assert (session.id, session.conversation_id, session.agent) == (CONVERSATION, CONVERSATION, "coder")
    assert session.trace_ids == (f"{100:032x}", f"{101:032x}")


def test_every_trace_is_billed_although_their_span_ids_are_the_same() -> None:
    session = talk(turn(0), turn(1), turn(2))
    assert (len(bill(session).calls), session.total_tokens_input) == (3, 3 * 1_000 + 2_000 + 4_000)
    assert len({event.id for event in session.events}) == len(session.events)


def test_the_main_agent_goes_on_in_one_context() -> None:
    found = check_conservation(talk(turn(0), turn(1), turn(2)))
    (context,) = found.contexts
    assert list(context.sizes) == [1_000, 3_000, 5_000]


def test_a_sub_agent_has_its_own_context_in_whichever_trace_it_is() -> None:
    below = [
        digest._replace(span_id=50 + digest.span_id, parent_span_id=50 + (digest.parent_span_id or 0))
        for digest in turn(1)
    ]
    helper = below[0]._replace(agent="helper", parent_span_id=1, operation=Operation.AGENT)
    found = check_conservation(talk(turn(0), [*turn(1), helper, *below[1:]]))
    assert [len(context.calls) for context in found.contexts] == [2, 1]


def test_a_main_agent_of_another_name_has_its_own_context() -> None:
    other = TraceBuilder(start_ns=START_NS + 60 * SECOND_NS).agent("reviewer").model_call(input=10, output=1)
    session = talk(turn(0), turn(1, other))
    assert len({event.context for event in session.events}) == 2
    assert {event.agent for event in session.events} == {"coder", "reviewer"}


def test_traces_without_an_agent_are_one_context() -> None:
    calls = [[digest for digest in turn(number) if digest.operation is not Operation.AGENT] for number in range(3)]
    session = talk(*calls)
    assert len({event.context for event in session.events}) == 1


def test_a_call_that_two_traces_tell_of_counts_once() -> None:
    def told() -> list[SpanDigest]:
        return [
            digest._replace(model=digest.model and digest.model._replace(response_id="resp_1")) for digest in turn(0)
        ]

    assert talk(told()).total_tokens_input == talk(told(), told()).total_tokens_input == 1_000


def test_the_order_of_traces_does_not_matter() -> None:
    one, other = talk(turn(0), turn(1)), build_conversation(CONVERSATION, {101: turn(1), 100: turn(0)}, Release())
    assert [event.to_dict() for event in one.events] == [event.to_dict() for event in other.events]


def test_the_last_turn_tells_how_it_ended() -> None:
    failed = [digest._replace(error="boom") if digest.parent_span_id is None else digest for digest in turn(1)]
    session = talk(turn(0), failed)
    assert session.status is SessionStatus.FAILED
    assert [event.event_type for event in session.events].count(EventType.ERROR) == 1
    assert talk(failed, turn(2)).status is SessionStatus.COMPLETED


def test_one_trace_alone_is_what_it_is_by_itself() -> None:
    alone, grouped = build_session(100, turn(0), Release()), talk(turn(0))
    assert (grouped.total_tokens_input, grouped.started_at, grouped.ended_at) == (
        alone.total_tokens_input,
        alone.started_at,
        alone.ended_at,
    )
    assert [event.id for event in grouped.events] == [event.id for event in alone.events]


def test_a_trace_belongs_to_what_its_earliest_span_says() -> None:
    spans = [digest._replace(conversation_id=None) for digest in turn(0)]
    assert conversation_of(spans) is None
    spans[-1] = spans[-1]._replace(conversation_id="late", start_ns=START_NS + 99)
    assert conversation_of(spans) == "late"
    assert conversation_of([*spans, spans[0]._replace(conversation_id="early", start_ns=1)]) == "early"
    assert conversation_of([]) is None

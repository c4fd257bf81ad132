from __future__ import annotations

from otel_sessionopt.session.facts.continuity import Step, call_rows
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import START_NS, TraceBuilder


def _steps(trace: TraceBuilder) -> list[Step]:
    (row,) = call_rows(trace.session(prices=FLAT)).values()
    return [row.step(index) for index in range(len(row.calls) - 1)]


def test_a_step_has_the_calls_around_it_and_how_much_the_prompt_grew() -> None:
    talk = Conversation()
    calls = [talk.ask()]
    talk.tool(tokens=200)
    calls += [talk.ask(), talk.ask()]
    first, second = _steps(talk.trace)
    assert [first.before.event.id, first.call.event.id, second.call.event.id] == calls
    assert (first.earlier, second.later) == (None, None)
    assert first.later is second.call
    assert second.earlier is first.before
    assert (first.growth, second.growth) == (250, 50)


def test_answers_that_stay_in_the_prompt_are_a_conversation() -> None:
    talk = Conversation()
    for _ in range(4):
        talk.ask()
    assert all(step.is_in_conversation for step in _steps(talk.trace))


def test_without_a_cache_growth_by_what_was_written_is_a_conversation() -> None:
    trace = TraceBuilder().model_call(input=5_000, output=200).model_call(input=5_200).model_call(input=5_300)
    assert [step.is_in_conversation for step in _steps(trace)] == [True, True]


def test_prompts_of_equal_or_random_sizes_are_no_conversation() -> None:
    trace = TraceBuilder()
    for size in (5_000, 5_000, 5_020, 4_980, 5_000):
        trace.model_call(input=size, output=400)
    assert not any(step.is_in_conversation for step in _steps(trace))


def test_prompts_that_share_only_a_small_part_in_the_cache_are_no_conversation() -> None:
    trace = TraceBuilder().model_call(cache_read=2_000, input=5_000).model_call(cache_read=2_000, input=6_000)
    trace.model_call(cache_read=2_000, input=7_000)
    assert not any(step.is_in_conversation for step in _steps(trace))


def test_thoughts_that_are_left_out_are_no_answer_that_is_missing() -> None:
    trace = TraceBuilder().model_call(input=5_000, output=900, reasoning=800).model_call(input=5_100)
    trace.model_call(input=5_100)
    assert _steps(trace)[1].is_in_conversation


def test_a_message_a_compaction_or_an_overlap_is_nothing_of_the_agents_own() -> None:
    talk = Conversation()
    talk.ask()
    talk.say()
    talk.ask()
    talk.compact()
    talk.ask()
    talk.ask()
    assert [step.is_of_agent for step in _steps(talk.trace)] == [False, False, True]
    trace = TraceBuilder().model_call()
    trace.now_ns -= 1_000_000_000
    assert [step.is_of_agent for step in _steps(trace.model_call())] == [False]


def test_the_message_that_a_call_answers_is_not_between_it_and_the_next() -> None:
    trace = TraceBuilder().agent()
    trace.user_message()
    trace.now_ns = START_NS
    trace.model_call().model_call()
    (step,) = _steps(trace)
    assert step.is_of_agent


def test_of_two_answers_to_one_message_the_one_that_read_what_the_other_wrote_came_later() -> None:
    for read, expected in ((5_000, True), (4_999, False)):
        trace = TraceBuilder().model_call(cache_read=2_000, cache_write=3_000)
        trace.now_ns = START_NS
        trace.model_call(cache_read=read, seconds=9)
        trace.now_ns = START_NS + 4_000_000_000
        trace.span("request", error="overloaded")
        (step,) = _steps(trace)
        assert step.is_of_agent is expected
        assert [event.event_type for event in step.between] == [EventType.ERROR]


def test_side_requests_and_recordings_are_no_steps() -> None:
    talk = Conversation()
    talk.ask()
    talk.ask()
    talk.trace.model_call(input=500, output=4)
    talk.ask()
    assert len(_steps(talk.trace)) == 2
    session = Recording().add(EventType.AI_RESPONSE, 10, 10).add(EventType.AI_RESPONSE, 20, 10).session()
    assert call_rows(session) == {}

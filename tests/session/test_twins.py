"""Two instrumentations on at once, whose spans stand side by side: the same calls, once."""

from __future__ import annotations

from typing import Any

from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest, ToolUse
from otel_sessionopt.session import EventType, Release, Session, build_session
from otel_sessionopt.session.twins import MAX_RIVALS, find_twins

SECOND = 1_000_000_000


def span(number: int, start: float, end: float, dialect: str, operation: Operation, **facts: Any) -> SpanDigest:
    return SpanDigest(
        number, 100, f"span {number}", round(start * SECOND), round(end * SECOND), operation, dialect, **facts
    )


def call(number: int, start: float, end: float, dialect: str, given: int = 1_200, output: int = 300) -> SpanDigest:
    model = ModelUse("gpt-5-mini", uncached_tokens=given, output_tokens=output, has_usage=True)
    return span(number, start, end, dialect, Operation.MODEL_CALL, model=model)


def tool(number: int, start: float, end: float, dialect: str, **facts: Any) -> SpanDigest:
    return span(number, start, end, dialect, Operation.TOOL_CALL, tool=ToolUse("lookup", **facts))


def session_of(*spans: SpanDigest) -> Session:
    return build_session(1, [SpanDigest(100, None, "root", 0, 100 * SECOND), *spans], Release())


def tokens_of(*spans: SpanDigest) -> tuple[int, int, int]:
    session = session_of(*spans)
    calls = [event for event in session.events if event.event_type is EventType.AI_RESPONSE]
    return len(calls), session.total_tokens_input, session.total_tokens_output


def test_a_call_that_two_libraries_write_side_by_side_is_billed_once() -> None:
    assert tokens_of(call(1, 1, 3, "openinference"), call(2, 1.1, 2.9, "otel-genai")) == (1, 1_200, 300)


def test_three_libraries_too() -> None:
    calls = call(1, 1, 3, "openinference"), call(2, 1.1, 2.9, "otel-genai"), call(3, 1.2, 2.8, "openllmetry")

    assert tokens_of(*calls) == (1, 1_200, 300)


def test_calls_at_the_same_time_are_calls_of_their_own_where_one_library_writes_them() -> None:
    assert tokens_of(call(1, 1, 3, "otel-genai"), call(2, 1.1, 2.9, "otel-genai")) == (2, 2_400, 600)


def test_calls_at_the_same_time_are_paired_one_by_one() -> None:
    calls = (
        call(1, 1, 3, "openinference"),
        call(2, 1.1, 3.1, "openinference"),
        call(3, 1.2, 2.9, "otel-genai"),
        call(4, 1.3, 3, "otel-genai"),
    )

    assert tokens_of(*calls) == (2, 2_400, 600)


def test_one_after_the_other_is_not_the_same() -> None:
    assert tokens_of(call(1, 1, 3, "openinference"), call(2, 3.1, 5, "otel-genai")) == (2, 2_400, 600)


def test_a_short_overlap_is_not_the_same() -> None:
    assert tokens_of(call(1, 1, 3, "openinference"), call(2, 2.5, 4.5, "otel-genai")) == (2, 2_400, 600)


def test_other_numbers_are_another_call() -> None:
    assert tokens_of(call(1, 1, 3, "openinference"), call(2, 1, 3, "otel-genai", output=301)) == (2, 2_400, 601)


def test_calls_without_usage_are_never_paired() -> None:
    calls = call(1, 1, 3, "openinference", 0, 0), call(2, 1, 3, "otel-genai", 0, 0)

    assert tokens_of(*calls)[0] == 2


def test_of_two_libraries_with_one_response_the_inner_one_is_believed() -> None:
    """As OpenLLMetry's Anthropic instrumentation counts a stream: one token more than the SDK inside it."""

    def streamed(number: int, start: float, end: float, dialect: str, output: int) -> SpanDigest:
        span = call(number, start, end, dialect, output=output)
        assert span.model is not None
        return span._replace(model=span.model._replace(response_id="msg_1"))

    outer, inner = streamed(1, 1, 3, "openllmetry", 41), streamed(2, 1.1, 2.9, "anthropic-sdk", 40)
    assert tokens_of(outer, inner) == (1, 1_200, 40)
    cut = streamed(3, 2, 4, "openllmetry", 12)
    assert tokens_of(cut, streamed(2, 1.1, 2.9, "anthropic-sdk", 40)) == (1, 1_200, 40)
    assert tokens_of(streamed(4, 1.1, 2.9, "openllmetry", 12), outer) == (1, 1_200, 41)  # one library: the whole


def test_a_failed_call_that_two_libraries_write_is_one_failure() -> None:
    def failed(number: int, dialect: str, error: str) -> SpanDigest:
        return span(number, 1, 2, dialect, Operation.MODEL_CALL, error=error)

    first = failed(1, "openinference", "langchain.OpenAIError")
    assert len(session_of(first, failed(2, "otel-genai", "BadRequestError")).events) == 1
    assert len(session_of(first, failed(2, "openinference", "BadRequestError")).events) == 2


def test_a_tool_call_with_the_same_id_is_one_call_whenever_it_is_written() -> None:
    tools = tool(1, 1, 2, "openinference", call_id="call_12345"), tool(2, 5, 6, "openllmetry", call_id="call_12345")

    assert len(session_of(*tools).events) == 1


def test_short_ids_count_up_in_every_conversation() -> None:
    first = tool(1, 1, 2, "openinference", call_id="1")

    assert len(session_of(first, tool(2, 5, 6, "openllmetry", call_id="1")).events) == 2
    assert len(session_of(first, tool(2, 1.1, 1.9, "openllmetry", call_id="1")).events) == 1


def test_a_call_repeated_with_its_id_by_one_library_stays_repeated() -> None:
    tools = tool(1, 1, 2, "openinference", call_id="call_12345"), tool(2, 5, 6, "openinference", call_id="call_12345")

    assert len(session_of(*tools).events) == 2


def test_without_ids_name_arguments_and_time_tell() -> None:
    first = tool(1, 1, 2, "openinference", arguments_hash=7)

    assert len(session_of(first, tool(2, 1.1, 1.9, "openllmetry", arguments_hash=7)).events) == 1
    assert len(session_of(first, tool(2, 1.1, 1.9, "openllmetry", arguments_hash=8)).events) == 2
    assert len(session_of(first, tool(2, 1.1, 1.9, "openllmetry")).events) == 2
    assert len(session_of(first, tool(2, 2.1, 2.9, "openllmetry", arguments_hash=7)).events) == 2


def test_the_one_that_stays_knows_what_the_other_knew() -> None:
    tools = (
        tool(1, 1, 2, "openinference", arguments_hash=7),
        tool(2, 1.1, 1.9, "openllmetry", arguments_hash=7, call_id="call_12345")._replace(error="TimeoutError"),
    )

    (event,) = session_of(*tools).events
    assert event.error == "TimeoutError"


def test_many_that_look_alike_cost_no_more_than_the_bound_allows() -> None:
    compared = 0

    class Counted(str):
        def __hash__(self) -> int:
            nonlocal compared
            compared += 1
            return str.__hash__(self)

    spans = [call(number, number, number + 0.5, Counted("a" if number % 2 else "b")) for number in range(400)]

    assert find_twins(spans, range(400), lambda _: 1) == {}
    assert compared <= 400 * (MAX_RIVALS + 2)

from __future__ import annotations

from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.session.facts.compactions import Compaction, compactions
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording
from tests.support.digest_builder import TraceBuilder, model_use


def _found(trace: TraceBuilder) -> list[Compaction]:
    session = trace.session(prices=FLAT)
    return [each for context in ledger(session).contexts for each in compactions(session, context)]


def test_an_event_tells_of_a_compaction_and_the_next_calls_are_later() -> None:
    trace = TraceBuilder().model_call(input=50_000).tool().compaction()
    event = trace.last_id
    trace.model_call(input=20_000)
    first = trace.last_id
    trace.tool().model_call(input=21_000)
    (found,) = _found(trace)
    assert found.event is not None
    assert (found.event.id, found.start_ns) == (event, found.event.start_ns)
    assert [call.id for call in found.later] == [first, trace.last_id]
    assert found.is_last


def test_a_compaction_ends_where_the_next_one_begins() -> None:
    trace = TraceBuilder().model_call(input=50_000)
    for _ in range(2):
        trace.compaction().model_call(input=20_000).tool().model_call(input=50_000)
    first, second = _found(trace)
    assert (len(first.later), first.is_last) == (2, False)
    assert (len(second.later), second.is_last) == (2, True)


def test_a_compaction_that_is_a_model_call_comes_before_the_next_call() -> None:
    trace = TraceBuilder().model_call(input=50_000)
    use = model_use(51_000, output=900)
    trace.add(SpanDigest(0xC0, 1, "compact", trace.now_ns, trace.now_ns + 10**9, Operation.COMPACTION, model=use))
    (found,) = _found(trace.pause(seconds=2).model_call(input=20_000))
    assert [call.id for call in found.later] == [trace.last_id]


def test_without_an_event_a_drop_of_over_40_percent_is_one() -> None:
    (found,) = _found(TraceBuilder().model_call(input=10_000).tool().model_call(input=5_999))
    assert (found.event, found.start_ns) == (None, found.later[0].start_ns)
    assert _found(TraceBuilder().model_call(input=10_000).tool().model_call(input=6_000)) == []
    assert _found(TraceBuilder().model_call(input=9_999).tool().model_call(input=2_000)) == []


def test_a_compaction_without_a_call_before_or_after_it_is_none() -> None:
    assert _found(TraceBuilder().compaction().model_call(input=50_000)) == []
    assert _found(TraceBuilder().model_call(input=50_000).compaction()) == []


def test_a_side_request_is_none() -> None:
    trace = TraceBuilder().model_call(input=50_000).tool().model_call(input=900, output=5)
    assert _found(trace.tool().model_call(input=51_000)) == []


def test_a_recording_by_hand_has_none() -> None:
    session = Recording().add(EventType.AI_RESPONSE, 50_000).add(EventType.AI_RESPONSE, 9_000).session()
    assert [list(compactions(session, context)) for context in ledger(session).contexts] == [[]]

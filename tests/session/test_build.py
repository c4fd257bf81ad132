from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects.digest import FileAccess, ModelUse, Operation, ResultDigest, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session import EventType, Release, ReleaseReason, Session, SessionStatus, build_session
from otel_sessionopt.session.facts.activity import activity
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.contexts import context_events, entry_call
from otel_sessionopt.session.facts.files import file_reads
from tests.support.digest_builder import TRACE_ID, TraceBuilder


def _build(*spans: SpanDigest, release: Release | None = None) -> Session:
    return build_session(TRACE_ID, spans, release or Release())


def test_a_session_has_the_id_of_its_trace() -> None:
    session = TraceBuilder().model_call().session()

    assert session.id == "0af7651916cd43dd8448eb211c80319c"
    assert session.trace_ids == (session.id,)


def test_the_events_are_in_order_of_their_start() -> None:
    late = SpanDigest(1, None, "b", 20, 30, Operation.TOOL_CALL)
    early = SpanDigest(2, None, "a", 10, 40, Operation.TOOL_CALL)

    assert [event.name for event in _build(late, early).events] == ["a", "b"]


def test_totals_are_those_of_the_billed_calls() -> None:
    session = TraceBuilder().model_call(input=100, cache_read=50, output=10).read("/a.py", chars=4_000).session()

    assert (session.total_tokens_input, session.total_tokens_output, session.total_tokens) == (150, 10, 160)


def test_a_session_lasts_from_its_first_start_to_its_last_end() -> None:
    session = TraceBuilder().agent().model_call().pause(minutes=30).tool().session()

    assert session.started_at == "2026-01-05T09:00:00+00:00"
    assert session.ended_at == "2026-01-05T09:30:02.520000+00:00"


class TestNames:
    def test_agent_and_task_come_from_the_root(self) -> None:
        session = TraceBuilder().agent("lead", task="ship it").agent("helper", task="other").tool().session()

        assert (session.agent, session.task) == ("lead", "ship it")

    def test_an_agent_whose_child_has_the_earlier_clock_is_still_the_root(self) -> None:
        root = SpanDigest(1, None, "invoke_agent lead", 50, 90, Operation.AGENT, agent="lead")
        child = SpanDigest(2, 1, "invoke_agent helper", 10, 20, Operation.AGENT, agent="helper")

        assert _build(root, child).agent == "lead"

    def test_without_an_agent_it_is_the_service(self) -> None:
        assert _build(SpanDigest(1, None, "POST", 0, 1, detail={"service": "shop"})).agent == "shop"

    def test_a_conversation_is_that_of_the_first_span_that_names_one(self) -> None:
        spans = [SpanDigest(1, None, "a", 0, 9), SpanDigest(2, 1, "b", 1, 2, conversation_id="c1")]

        assert _build(*spans).conversation_id == "c1"

    def test_the_model_is_the_one_most_tokens_went_to(self) -> None:
        session = (
            TraceBuilder()
            .model_call(model="small", input=10)
            .model_call(model="small", input=10)
            .model_call(model="large", input=9_000)
            .session()
        )

        assert session.model == "large"

    def test_a_session_without_a_model_has_none(self) -> None:
        assert TraceBuilder().agent().tool().session().model == ""


class TestStatus:
    @pytest.mark.parametrize(
        ("reason", "is_final", "error", "status"),
        [
            (ReleaseReason.ROOT_ENDED, True, None, SessionStatus.COMPLETED),
            (ReleaseReason.LATE_CHILDREN, True, None, SessionStatus.COMPLETED),
            (ReleaseReason.ROOT_ENDED, True, "boom", SessionStatus.FAILED),
            (ReleaseReason.IDLE_TIMEOUT, True, None, SessionStatus.ABANDONED),
            (ReleaseReason.IDLE_TIMEOUT, False, None, SessionStatus.ACTIVE),
            (ReleaseReason.SPAN_LIMIT, False, "boom", SessionStatus.ACTIVE),
            (ReleaseReason.SHUTDOWN, True, None, SessionStatus.COMPLETED),
        ],
    )
    def test_the_status_follows_from_the_release_and_the_root(
        self, reason: ReleaseReason, is_final: bool, error: str | None, status: SessionStatus
    ) -> None:
        session = TraceBuilder().agent(error=error).tool().session(release=Release(reason, is_final))

        assert session.status is status
        assert (session.ended_at == "") is (status is SessionStatus.ACTIVE)

    def test_a_session_whose_root_never_came_was_left(self) -> None:
        child = SpanDigest(2, 1, "tool", 0, 1, Operation.TOOL_CALL)

        assert _build(child, release=Release(ReleaseReason.SHUTDOWN)).status is SessionStatus.ABANDONED

    def test_a_failed_tool_does_not_make_a_failed_session(self) -> None:
        assert TraceBuilder().agent().tool(error="boom").session().status is SessionStatus.COMPLETED

    def test_of_several_roots_the_last_one_tells(self) -> None:
        first = SpanDigest(1, None, "turn", 0, 10, Operation.AGENT, error="boom")
        second = SpanDigest(2, None, "turn", 20, 30, Operation.AGENT)

        assert _build(first, second).status is SessionStatus.COMPLETED
        assert _build(first._replace(end_ns=40), second).status is SessionStatus.FAILED


class TestRelease:
    def test_warnings_of_all_spans_are_added_up_beside_those_of_the_collection(self) -> None:
        spans = [SpanDigest(n, None, "s", n, n, warnings=("invalid-json", "cut-value")[: n % 2 + 1]) for n in (1, 2, 3)]
        session = _build(*spans, release=Release(span_count=7, warnings={"cut-value": 5}))

        assert session.release is not None
        assert session.release.warnings == {"cut-value": 7, "invalid-json": 3}
        assert session.release.span_count == 7

    def test_spans_are_counted_where_the_collection_did_not(self) -> None:
        session = TraceBuilder().agent().span().span().session()

        assert session.release is not None
        assert (session.release.span_count, session.release.warnings) == (3, {})

    def test_a_span_that_came_twice_is_a_warning(self) -> None:
        digests = TraceBuilder().agent().model_call(input=100, output=0).digests()
        session = _build(*digests, digests[0])

        assert session.total_tokens == 100
        assert session.release is not None
        assert session.release.warnings == {"duplicate-span": 1}

    def test_a_model_call_that_does_not_tell_its_usage_is_a_warning_unless_it_failed(self) -> None:
        session = TraceBuilder().model_call(has_usage=False).model_call(has_usage=False, error="429").session()

        assert session.release is not None
        assert session.release.warnings == {"unknown-usage": 1}


class TestRecordings:
    def test_a_trace_of_recorded_events_is_a_recording(self) -> None:
        assert TraceBuilder().agent().recorded("FILE_READ").recorded("AI_RESPONSE").session().is_recorded is True

    def test_a_trace_of_anything_else_is_none(self) -> None:
        assert TraceBuilder().agent().recorded("FILE_READ").model_call().session().is_recorded is False
        assert TraceBuilder().agent().session().is_recorded is False

    def test_reported_usage_that_repeats_a_call_counts_once(self) -> None:
        builder = TraceBuilder().agent().recorded("AI_RESPONSE", input=100, output=10)
        session = builder.recorded("TOKEN_USAGE", input=100, output=10).session()

        assert session.total_tokens == bill(session).total_tokens == 110


def test_no_spans_are_an_empty_session() -> None:
    session = _build()

    assert (session.events, session.total_tokens, session.status) == ([], 0, SessionStatus.COMPLETED)


_TIMES = st.integers(-5, 5) | st.integers(-(2**70), 2**70)
_COUNTS = st.integers(0, 50)
_LINE = st.none() | st.integers(-3, 9)


@st.composite
def _tools(draw: st.DrawFn) -> ToolUse:
    access = FileAccess(draw(st.sampled_from(["/x", "/y"])), draw(st.booleans()), draw(_LINE), draw(_LINE))
    return ToolUse(
        name=draw(st.sampled_from(["a", "b"])),
        kind=draw(st.sampled_from(ToolKind)),
        accesses=(access,),
        may_write=draw(st.booleans()),
        result=ResultDigest(chars=draw(st.none() | _COUNTS), text_hash=draw(st.none() | st.integers(0, 2))),
    )


@st.composite
def _uses(draw: st.DrawFn) -> ModelUse:
    return ModelUse(
        model="claude-opus-4-5",
        uncached_tokens=draw(_COUNTS),
        cache_read_tokens=draw(_COUNTS),
        cache_write_tokens=draw(_COUNTS),
        cache_write_1h_tokens=draw(_COUNTS),
        output_tokens=draw(_COUNTS),
        has_usage=draw(st.booleans()),
        response_id=draw(st.none() | st.sampled_from(["r1", "r2"])),
    )


@st.composite
def _spans(draw: st.DrawFn) -> SpanDigest:
    return SpanDigest(
        span_id=draw(st.integers(1, 9)),
        parent_span_id=draw(st.none() | st.integers(0, 10)),
        name="span",
        start_ns=draw(_TIMES),
        end_ns=draw(_TIMES),
        operation=draw(st.sampled_from(Operation)),
        error=draw(st.none() | st.just("boom")),
        model=draw(st.none() | _uses()),
        tool=draw(st.none() | _tools()),
        detail={"event_type": "TOKEN_USAGE"},
    )


_TRACES = st.lists(_spans(), max_size=10)


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(_TRACES, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(spans: list[SpanDigest], shuffler: random.Random) -> None:
    shuffled = list(spans)
    shuffler.shuffle(shuffled)

    assert _build(*shuffled) == _build(*spans)


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(_TRACES)
def test_any_spans_make_a_session_whose_facts_hold_together(spans: list[SpanDigest]) -> None:
    session = _build(*spans)

    assert len({event.id for event in session.events}) == len(session.events)
    total = bill(session)
    assert total.total_tokens == sum(sum(call.tokens.values()) for call in total.calls)
    assert total.total_tokens >= session.total_tokens  # more where cached tokens exceed a stated input
    assert sum(map(len, context_events(session).values())) == len(session.events)
    for event in session.events:
        call = entry_call(session, event)
        assert call is None or call.id in total.call_by_id
    for read in file_reads(session):
        assert read.repeated_ratio is None or 0 <= read.repeated_ratio <= 1
        assert 0 <= read.repeated_chars <= read.line_chars
    spent = activity(session)
    assert 0 <= spent.active_ns <= spent.wall_ns
    assert Session.from_dict(session.to_dict()).to_dict() == session.to_dict()


def test_a_chain_of_a_hundred_thousand_spans_is_no_problem() -> None:
    deep = 100_000
    kinds = (Operation.AGENT, Operation.CONTAINER, Operation.TOOL_CALL, Operation.MODEL_CALL)
    spans = [
        SpanDigest(
            n, n - 1 or None, "span", n, 2 * deep - n, kinds[n % 4], model=ModelUse(uncached_tokens=1, has_usage=True)
        )
        for n in range(1, deep + 1)
    ]
    session = _build(*spans)

    # The innermost model call counts; everything around it is a repeat.
    assert [event.id for event in session.events if event.event_type is EventType.AI_RESPONSE] == [f"{deep - 1:016x}"]


def test_calls_whose_cache_inclusion_was_assumed_are_counted_as_a_warning() -> None:
    spans = [
        SpanDigest(1, None, "chat", 0, 1, Operation.MODEL_CALL, model=ModelUse(has_usage=True, is_assumed=True)),
        SpanDigest(2, None, "chat", 2, 3, Operation.MODEL_CALL, model=ModelUse(has_usage=True)),
    ]
    release = build_session(1, spans, Release()).release
    assert release is not None
    assert release.warnings["assumed-cache-inclusion"] == 1

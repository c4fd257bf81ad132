"""What pictures are drawn from: bounded, adds up, and tells what it folded."""

from __future__ import annotations

import json

from otel_sessionopt.report import as_json
from otel_sessionopt.report.from_json import report_from_dict
from otel_sessionopt.report.merged import merge_reports
from otel_sessionopt.report.timeline import MOST_CONTEXTS, MOST_SPANS, Timeline, TimelineSource
from otel_sessionopt.report.timeline_contexts import MOST_POINTS
from otel_sessionopt.session import Session
from tests.report.reports import quiet_session, report_of, validate, wasteful_session
from tests.support.digest_builder import TRACE_ID, TraceBuilder

MINUTE_NS = 60 * 10**9


def timeline(session: Session) -> Timeline:
    found = report_of(session).timeline
    assert found is not None
    return found


def long_session(calls: int) -> TraceBuilder:
    builder = TraceBuilder().agent("coder").user_message().model_call(input=4_000)
    for number in range(calls - 1):
        builder.read(f"/repo/f{number}.py", tokens=40).model_call(cache_read=4_000 + 100 * number, cache_write=100)
    return builder


def test_every_prompt_adds_up_to_its_size_by_source() -> None:
    (line,) = timeline(wasteful_session().session()).contexts

    assert [point.size_tokens for point in line.points][:4] == [4_000, 16_800, 16_800, 17_100]
    assert [sum(point.sources.values()) for point in line.points] == [point.size_tokens for point in line.points]
    assert line.points[0].sources == {"system": 3_970, "user": 30}
    assert line.points[1].sources["tool_result"] > 11_000


def test_a_side_request_is_shown_as_one() -> None:
    session = (
        TraceBuilder()
        .agent()
        .model_call(input=20_000)
        .model_call(input=300)
        .model_call(cache_read=20_000, input=400)
        .session()
    )

    (line,) = timeline(session).contexts

    assert line.points[1].sources == {"side_request": 300}


def test_cache_misses_pauses_and_compactions_are_marked_at_the_call_after_them() -> None:
    session = (
        TraceBuilder()
        .agent()
        .model_call(input=0, cache_write=40_000)
        .model_call(input=0, cache_read=40_000, cache_write=100)
        .pause(hours=2)
        .user_message()
        .model_call(input=0, cache_read=4_000, cache_write=36_200)
        .model_call(input=0, cache_read=10_000, cache_write=200)
        .session()
    )

    found = timeline(session)
    (line,) = found.contexts

    assert [(point.miss_cause, point.missed_tokens) for point in line.points] == [
        (None, 0), (None, 0), ("idle", 36_100), (None, 0),
    ]  # fmt: skip
    assert [point.idle_ns // MINUTE_NS for point in line.points] == [0, 0, 120, 0]
    assert [point.compactions for point in line.points] == [0, 0, 0, 1]
    assert [gap.duration_ns // MINUTE_NS for gap in found.idle] == [120]


def test_a_short_session_shows_every_span_by_itself() -> None:
    session = wasteful_session().session()

    rows = timeline(session).spans

    assert [row.id for row in rows] == [event.id for event in session.events]
    assert {row.spans for row in rows} == {1}
    read = rows[2]
    assert (read.kind, read.name, read.detail, read.amount.tokens) == ("FILE_READ", "Read", "/repo/src/big.py", 12_000)
    assert read.amount.cost_usd is not None


def test_a_long_session_is_folded_and_nothing_is_lost() -> None:
    session = long_session(900).session()
    report = report_of(session)
    assert report.timeline is not None
    (line,) = report.timeline.contexts
    rows = report.timeline.spans

    assert len(line.points) <= MOST_POINTS
    assert sum(point.calls for point in line.points) == line.calls == 900
    assert len(rows) <= MOST_SPANS + 1
    assert sum(row.spans for row in rows) == len(session.events)
    calls = [row for row in rows if row.input_tokens]
    assert sum(row.amount.tokens for row in calls) == report.bill.total.tokens
    assert sum(row.amount.cost_usd or 0 for row in calls) == report.bill.total.cost_usd


def test_evidence_stands_by_itself_in_a_long_session() -> None:
    builder = long_session(200).read("/repo/again.py", tokens=900).model_call(cache_read=25_000, cache_write=1_000)
    builder.read("/repo/again.py", tokens=900).model_call(cache_read=26_000, cache_write=1_000)
    report = report_of(builder.session())
    assert report.timeline is not None

    (issue,) = [each for each in report.issues if each.code == "repeated-file-read"]
    alone = {row.id for row in report.timeline.spans if row.spans == 1}

    assert set(issue.events_involved) <= alone


def test_contexts_beyond_the_bound_are_counted() -> None:
    builder = TraceBuilder().agent("boss").model_call(input=9_000)
    for number in range(MOST_CONTEXTS + 2):
        builder.agent(f"helper{number}").model_call(input=1_000).model_call(input=1_100).end()

    found = timeline(builder.session())

    assert len(found.contexts) == MOST_CONTEXTS
    assert (found.further_contexts, found.further_calls) == (3, 6)


def test_a_recording_by_hand_has_spans_and_no_context() -> None:
    from tests.golden.cases import cases

    found = dict(cases())["recorded-by-hand"].timeline
    assert found is not None

    assert found.contexts == ()
    assert [row.name for row in found.spans] == ["file read", "model call", "file read", "model call"]


def test_a_timeline_comes_back_from_json_as_it_was() -> None:
    report = report_of(wasteful_session().pause(hours=1).model_call(input=900).session())

    assert report_from_dict(json.loads(as_json(report))).timeline == _rounded(report.timeline)


def _rounded(found: Timeline | None) -> Timeline | None:
    """Money as the JSON form has it."""
    from otel_sessionopt.report.timeline_json import timeline_from_dict, timeline_to_dict

    return None if found is None else timeline_from_dict(timeline_to_dict(found))


def test_a_document_of_an_earlier_version_has_no_timeline() -> None:
    document = json.loads(as_json(report_of(quiet_session().session())))
    del document["timeline"]

    assert report_from_dict(document).timeline is None


def test_traces_of_one_session_come_one_after_the_other() -> None:
    first = report_of(quiet_session().session())
    later = TraceBuilder(start_ns=1_767_603_600_000_000_000 + 60 * MINUTE_NS, trace_id=TRACE_ID + 1)
    second = report_of(later.agent("coder").model_call(input=900).session())

    merged = merge_reports("c", [first, second])
    validate(merged)

    assert merged.timeline is not None
    assert first.timeline is not None
    (pause,) = merged.timeline.idle
    assert pause.at_ns + pause.duration_ns == 60 * MINUTE_NS
    assert merged.timeline.spans[-1].at_ns >= 60 * MINUTE_NS
    assert len(merged.timeline.contexts) == 2


def test_merged_long_traces_are_folded_further() -> None:
    report = report_of(long_session(200).session())

    merged = merge_reports("c", [report, report, report])
    validate(merged)

    assert merged.timeline is not None
    assert len(merged.timeline.spans) <= MOST_SPANS + 1
    assert sum(row.spans for row in merged.timeline.spans) == 3 * 400


def test_a_timeline_is_made_once_when_it_is_first_asked_for_and_travels_with_the_report() -> None:
    import pickle

    made: list[int] = []
    drawn = report_of(wasteful_session().session()).timeline

    def make() -> Timeline | None:
        made.append(1)
        return drawn

    source = TimelineSource(make=make)
    assert made == []
    assert source.get() is source.get() is drawn
    assert made == [1]
    assert pickle.loads(pickle.dumps(TimelineSource(make=make))).get() == drawn

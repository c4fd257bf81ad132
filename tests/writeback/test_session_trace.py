"""A session recorded by hand as one OTLP trace: over the wire to a receiver, and read back by our own pipeline."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_sessionopt import EventType, Session, SessionOptimizer, SessionStatus
from otel_sessionopt.config_endpoint import Endpoint
from otel_sessionopt.ingest.readable_span import record_from_readable_span
from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.session import Release
from otel_sessionopt.session.identity import root_span_id_of, span_id_of, trace_id_of
from otel_sessionopt.writeback.session_trace import send_session, session_spans
from otel_sessionopt.writeback.span_sender import SPANS_AT_ONCE
from tests.support.otlp_sink import OtlpSink, grpc_sink, http_sink
from tests.support.recordings import Clock, optimizer_in_memory, present, reads, report_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with http_sink() as receiver:
        yield receiver


def sending(sink: OtlpSink, clock: Clock | None = None, **options: Any) -> SessionOptimizer:
    environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": sink.url, "OTEL_EXPORTER_OTLP_TIMEOUT": "3"}
    return optimizer_in_memory(clock, environ=environ, **options)


def record(optimizer: SessionOptimizer, clock: Clock) -> Session:
    """A session of seven events in which one file is read twice."""
    session = optimizer.start_session("FORGE", "Build new feature", "opus")
    for event_type, data, tokens in (
        (EventType.FILE_READ, {"file_path": "/src/main.py"}, (2_500, 0)),
        (EventType.SEARCH, {"query": "priority queue"}, (100, 800)),
        (EventType.FILE_READ, {"file_path": "/src/main.py"}, (2_500, 0)),
        (EventType.ERROR, {"message": "Test failed", "code": 1}, (0, 0)),
        (EventType.AI_RESPONSE, {"model": "sonnet"}, (300, 1_500)),
    ):
        clock.wait(seconds=10)
        optimizer.log_event(session.id, event_type, data, *tokens, duration_ms=1_500)
    clock.wait(seconds=10)
    return session


def attributes(span: Span | Span.Event) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        kind = value.WhichOneof("value")
        found = getattr(value, kind)
        return [plain(each) for each in found.values] if kind == "array_value" else found

    return {pair.key: plain(pair.value) for pair in span.attributes}


class TestOverTheWire:
    def test_end_sends_one_trace_with_a_root_and_a_child_per_event(self, sink: OtlpSink, clock: Clock) -> None:
        optimizer = sending(sink, clock)
        session = record(optimizer, clock)
        ended = present(optimizer.end_session(session.id))
        assert optimizer.flush()

        spans = {span.span_id: span for span in sink.spans}
        (root,) = (span for span in spans.values() if not span.parent_span_id)
        children = [span for span in sink.spans if span.parent_span_id]
        assert len(spans) == len(sink.spans) == 8
        assert {span.trace_id for span in spans.values()} == {trace_id_of(session).to_bytes(16, "big")}
        assert {span.parent_span_id for span in children} == {root.span_id}
        assert [span.name for span in children] == [event.event_type.value for event in ended.events]
        assert [span.span_id.hex() for span in children] == [event.id for event in ended.events]
        # each at its own time
        assert [(span.start_time_unix_nano, span.end_time_unix_nano) for span in children] == [
            (event.start_ns, event.end_ns) for event in ended.events
        ]
        start = present(optimizer.get_session(session.id)).events[0].start_ns or 0
        assert (root.start_time_unix_nano, root.end_time_unix_nano) == (start, start + 60 * 10**9)

    def test_the_root_is_named_for_the_agent_with_gen_ai_and_token_attributes(
        self, sink: OtlpSink, clock: Clock
    ) -> None:
        optimizer = sending(sink, clock)
        session = record(optimizer, clock)
        optimizer.end_session(session.id)
        assert optimizer.flush()

        root = next(span for span in sink.spans if not span.parent_span_id)
        assert root.name == "invoke_agent FORGE"
        found = attributes(root)
        assert {name: value for name, value in found.items() if name.startswith("gen_ai.") and "eval" not in name} == {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "FORGE",
            "gen_ai.conversation.id": session.id,
            "gen_ai.request.model": "opus",
            "gen_ai.usage.input_tokens": 5_400,
            "gen_ai.usage.output_tokens": 2_300,
        }
        assert found["sessionopt.task"] == "Build new feature"
        assert found["sessionopt.analyzed"] is True
        assert found["sessionopt.rule.repeated-file-read"] is True
        assert found["sessionopt.grade"] == "C"  # $0.0375 of $0.1599 was avoidable

    def test_the_findings_are_span_events_with_evidence_in_the_trace(self, sink: OtlpSink, clock: Clock) -> None:
        optimizer = sending(sink, clock)
        session = record(optimizer, clock)
        optimizer.end_session(session.id)
        assert optimizer.flush()

        root = next(span for span in sink.spans if not span.parent_span_id)
        (finding,) = (event for event in root.events if event.name == "sessionopt.finding")
        found = attributes(finding)
        reads_of_it = [span.span_id.hex() for span in sink.spans if span.name == "FILE_READ"]
        assert found["sessionopt.finding.code"] == "repeated-file-read"
        assert found["sessionopt.finding.waste.tokens"] == 2_500
        assert found["sessionopt.finding.evidence.span_ids"] == reads_of_it
        assert root.start_time_unix_nano < finding.time_unix_nano < root.end_time_unix_nano
        assert [event.name for event in root.events[1:]] == ["sessionopt.summary", "gen_ai.evaluation.result"]

    def test_children_tell_type_tokens_data_and_model(self, sink: OtlpSink, clock: Clock) -> None:
        optimizer = sending(sink, clock)
        session = record(optimizer, clock)
        optimizer.end_session(session.id)
        assert optimizer.flush()

        search = next(span for span in sink.spans if span.name == "SEARCH")
        answer = next(span for span in sink.spans if span.name == "AI_RESPONSE")
        assert attributes(search) == {
            "sessionopt.event.type": "SEARCH",
            "sessionopt.event.tokens_input": 100,
            "sessionopt.event.tokens_output": 800,
            "sessionopt.event.data": '{"query": "priority queue"}',
            "gen_ai.request.model": "opus",
        }
        assert attributes(answer)["gen_ai.request.model"] == "sonnet"
        assert [span.status.code for span in sink.spans if span.name == "ERROR"] == [2]

    def test_later_events_are_kept_and_not_sent_again(self, sink: OtlpSink, clock: Clock) -> None:
        optimizer = sending(sink, clock)
        session = record(optimizer, clock)
        optimizer.end_session(session.id)
        assert optimizer.flush()
        optimizer.log_event(session.id, EventType.FILE_READ, {"file_path": "/src/main.py"}, tokens_input=2_500)
        report = report_of(optimizer, session)
        optimizer.end_session(session.id)
        assert optimizer.flush()

        assert report.total_waste_tokens == 5_000
        assert len(sink.spans) == 8

    def test_grpc_is_spoken_where_the_environment_says_so(self, clock: Clock) -> None:
        with grpc_sink() as receiver:
            environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
            optimizer = optimizer_in_memory(clock, environ=environ)
            session = record(optimizer, clock)
            optimizer.end_session(session.id)

            assert optimizer.flush()
            assert len(receiver.spans) == 8

    def test_a_long_session_goes_out_in_several_requests(self, sink: OtlpSink) -> None:
        optimizer = sending(sink)
        session = optimizer.start_session("FORGE", "long")
        for _ in range(SPANS_AT_ONCE):
            optimizer.log_event(session.id, EventType.CUSTOM)
        optimizer.end_session(session.id)

        assert optimizer.flush()
        assert len({span.span_id for span in sink.spans}) == SPANS_AT_ONCE + 3
        assert sink.spans[-1].name == "invoke_agent FORGE"  # the root last, as when it is live


class TestNobodyWaits:
    def test_sending_does_not_keep_logging_waiting(
        self, sink: OtlpSink, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = threading.Event()

        def slow(session: Session, report: Any, endpoint: Endpoint) -> bool:
            gate.wait(10)
            return send_session(session, report, endpoint)

        monkeypatch.setattr("otel_sessionopt.writeback.session_trace.send_session", slow)
        optimizer = sending(sink, clock)
        session = record(optimizer, clock)
        started = time.monotonic()
        optimizer.end_session(session.id)
        optimizer.log_event(session.id, EventType.CUSTOM)
        waited = time.monotonic() - started
        sent_before = len(sink.spans)
        gate.set()

        assert optimizer.flush()
        assert waited < 2
        assert (sent_before, len(sink.spans)) == (0, 8)

    def test_a_program_that_ends_still_sends(self, sink: OtlpSink, tmp_path: Path) -> None:
        script = (
            "from otel_sessionopt import SessionOptimizer\n"
            f"optimizer = SessionOptimizer({str(tmp_path)!r})\n"
            "optimizer.end_session(optimizer.start_session('FORGE', 'x').id)"
        )
        environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": sink.url, "HOME": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)

        assert done.stderr == ""
        assert len(sink.spans) == 3


class TestFailure:
    def test_a_receiver_that_does_not_answer_is_a_warning_and_the_trace_can_be_sent_later(
        self, sink: OtlpSink, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        dead = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:hunter2@127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}
        optimizer = optimizer_in_memory(clock, environ=dead)
        session = record(optimizer, clock)
        with caplog.at_level(logging.WARNING, "otel_sessionopt"):
            ended = present(optimizer.end_session(session.id))
            assert optimizer.flush()

        ours = [each.getMessage() for each in caplog.records if each.name.startswith("otel_sessionopt")]
        assert ended.status is SessionStatus.COMPLETED
        assert ours == [
            f"The trace of session {session.id} was not taken by http://127.0.0.1:9/v1/traces; "
            "does something listen there? Ending it again sends it."
        ]
        optimizer._environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": sink.url}
        optimizer.end_session(session.id)
        assert optimizer.flush()
        assert len(sink.spans) == 8

    def test_an_endpoint_that_is_none_is_a_warning(self, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
        optimizer = optimizer_in_memory(clock, environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost"})
        session = record(optimizer, clock)

        assert present(optimizer.end_session(session.id)).status is SessionStatus.COMPLETED
        assert "was not sent: OTEL_EXPORTER_OTLP_ENDPOINT: an http or https URL is wanted" in caplog.text


def test_without_an_endpoint_nothing_is_contacted_and_nothing_loaded(tmp_path: Path) -> None:
    script = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('the network was used')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from otel_sessionopt import SessionOptimizer\n"
        f"optimizer = SessionOptimizer({str(tmp_path)!r})\n"
        "session = optimizer.start_session('FORGE', 'x', 'opus')\n"
        "optimizer.log_event(session.id, 'FILE_READ', {'file_path': 'a'}, tokens_input=5)\n"
        "optimizer.end_session(session.id)\n"
        "optimizer.close()\n"
        "print([name for name in ('opentelemetry.sdk', 'opentelemetry.exporter', 'requests') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


class TestReadBack:
    """What was sent is analysed by the same pipeline as any other trace, with the same result."""

    def test_the_trace_is_the_recording(self, clock: Clock) -> None:
        optimizer = optimizer_in_memory(clock, analyzers=None)
        session = record(optimizer, clock)
        optimizer.end_session(session.id, "ABANDONED")
        session, report = present(optimizer.get_session(session.id)), report_of(optimizer, session)
        spans = [record_from_readable_span(span) for span in session_spans(session, report)]
        pipeline = Pipeline(clock=clock)
        again = pipeline.analyze(trace_id_of(session), [pipeline.digest(span) for span in spans], Release())

        assert again is not None
        assert again.bill.total == report.bill.total
        assert again.token_breakdown == report.token_breakdown
        assert again.efficiency_score == report.efficiency_score
        assert [(i.code, i.description, i.events_involved) for i in again.issues] == [
            (i.code, i.description, i.events_involved) for i in report.issues
        ]
        assert (again.session.agent, again.session.task, again.session.status) == (
            "FORGE", "Build new feature", "ABANDONED",
        )  # fmt: skip
        assert again.session.conversation_id == session.id

    @pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "ABANDONED"])
    def test_every_status_survives(self, status: str) -> None:
        optimizer = optimizer_in_memory()
        session = reads(optimizer, 1)
        ended = present(optimizer.end_session(session.id, status))
        spans = [record_from_readable_span(each) for each in session_spans(ended, report_of(optimizer, session))]
        pipeline = Pipeline()
        again = pipeline.analyze(trace_id_of(ended), [pipeline.digest(span) for span in spans], Release())

        assert again is not None
        assert again.session.status == status


class TestIds:
    def test_a_recording_is_always_the_same_trace(self) -> None:
        first, second = (Session("s", "A", "x", started_at="2026-01-21T14:30:00+00:00") for _ in range(2))
        other = Session("s", "A", "x", started_at="2026-01-21T14:30:01+00:00")

        assert trace_id_of(first) == trace_id_of(second) != trace_id_of(other)
        assert root_span_id_of(first) == root_span_id_of(second) != root_span_id_of(other)
        assert 0 < trace_id_of(first) < 2**128
        assert 0 < root_span_id_of(first) < 2**64

    def test_event_ids_that_are_span_ids_stay(self) -> None:
        assert span_id_of("00000000000000ff") == 255
        for odd in ("0" * 16, "evt_1", "", "FF" * 8, "\ud800", "00000000000000fg"):
            assert 0 < span_id_of(odd) < 2**64
        assert span_id_of("evt_1") != span_id_of("evt_2")

    def test_evidence_of_an_import_points_into_the_trace(self) -> None:
        optimizer = optimizer_in_memory()
        event = {
            "timestamp": "2026-01-21T10:00:00",
            "event_type": "FILE_READ",
            "data": {"file_path": "/a.py"},
            "tokens_input": 100,
        }
        data = {
            "id": "old",
            "started_at": "once",
            "events": [{"id": f"evt_{number}", **event} for number in range(2)],
        }
        session = present(optimizer.import_session(data))
        *children, root = session_spans(session, report_of(optimizer, session))

        (finding,) = (each for each in root.events if each.name == "sessionopt.finding")
        evidence = (finding.attributes or {})["sessionopt.finding.evidence.span_ids"]
        assert list(evidence) == [f"{each.context.span_id:016x}" for each in children]  # type: ignore[arg-type]
        assert root.start_time is not None
        assert root.end_time is not None
        assert root.start_time <= root.end_time


def test_data_goes_out_as_it_was_recorded() -> None:
    optimizer = optimizer_in_memory()
    session = optimizer.start_session("FORGE", "x")
    data = {"deep": {"list": [1, None, "ü"]}, "n": 1.5}
    optimizer.log_event(session.id, EventType.CUSTOM, data)
    stored = present(optimizer.get_session(session.id))
    *_, child, _root = session_spans(stored, report_of(optimizer, session))

    assert json.loads(str((child.attributes or {})["sessionopt.event.data"])) == data

"""`sessionoptimizer export --otlp`: what arrives at a receiver."""

from __future__ import annotations

import gzip
import io
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_sessionopt.ingest.transcripts.span_ids import trace_id_of
from tests.cli.otlp import line, web_line
from tests.cli.run import Outcome
from tests.ingest.transcripts.test_codex import ROLLOUT, THREAD
from tests.support.otlp_sink import grpc_sink, http_sink
from tests.test_log_placing import LOGS, SPANS
from tests.test_log_placing import line as log_line

Command = Callable[..., Outcome]


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    return path


def attributes(span: Span | Span.Event) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def events(span: Span) -> list[str]:
    return [event.name for event in span.events]


def test_a_transcript_arrives_as_one_trace_with_its_report_on_the_root(here: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "rollout.jsonl", *ROLLOUT)
    with http_sink() as sink:
        outcome = here("export", "--otlp", sink.url.removesuffix("/v1/traces"), path)

    assert outcome == (0, f"Sent 1 session (10 spans, 0 findings) to {sink.url}\n", "")
    assert {span.trace_id for span in sink.spans} == {trace_id_of(THREAD).to_bytes(16, "big")}
    (root,) = [span for span in sink.spans if not span.parent_span_id]
    assert root.name == "invoke_agent codex"
    assert events(root) == ["sessionopt.summary", "gen_ai.evaluation.result"]
    assert attributes(root)["sessionopt.grade"] == "A"


def test_findings_are_on_the_root_and_on_the_span_that_caused_them(here: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "traces.jsonl", line(7, reads=3))
    with http_sink() as sink:
        outcome = here("export", "--otlp", sink.url, path)

    assert outcome.status == 0
    by_id = {span.span_id.hex(): span for span in sink.spans}
    root = by_id[f"{1:016x}"]
    told = [event for event in root.events if event.name == "sessionopt.finding"]
    codes = [attributes(event)["sessionopt.finding.code"] for event in told]
    assert "repeated-file-read" in codes
    causes = {span_id: span for span_id, span in by_id.items() if "sessionopt.finding" in events(span)}
    last_read = max(
        (span for span in sink.spans if span.name == "execute_tool Read"), key=lambda each: each.end_time_unix_nano
    )
    assert set(causes) >= {f"{1:016x}", last_read.span_id.hex()}
    assert all(root.start_time_unix_nano <= each.time_unix_nano <= root.end_time_unix_nano for each in told)


def test_another_export_is_the_same_trace(here: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "rollout.jsonl", *ROLLOUT)
    seen = []
    for _ in range(2):
        with http_sink() as sink:
            here("export", "--otlp", sink.url, path)
        seen.append(
            [(span.trace_id, span.span_id, span.parent_span_id, span.start_time_unix_nano) for span in sink.spans]
        )
    assert seen[0] == seen[1]


def test_what_is_in_two_files_is_sent_once(here: Command, tmp_path: Path) -> None:
    one, other = (written(tmp_path / name, *ROLLOUT) for name in ("a.jsonl", "b.jsonl"))
    with http_sink() as sink:
        outcome = here("export", "--otlp", sink.url, one, other)
    assert outcome.out.startswith("Sent 1 session (10 spans, ")
    assert len(sink.spans) == len({span.span_id for span in sink.spans}) == 10


def test_traces_without_an_agent_are_sent_as_they_are(here: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "traces.jsonl", line(1), web_line(2))
    with http_sink() as sink:
        outcome = here("export", "--otlp", sink.url, path)
    assert outcome.out.startswith("Sent 1 session and 1 other trace (5 spans, ")
    (web,) = [span for span in sink.spans if span.name == "GET /"]
    assert (events(web), web.kind) == ([], Span.SPAN_KIND_SERVER)


def test_grpc_is_spoken_where_the_address_says_so(here: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "rollout.jsonl", *ROLLOUT)
    with grpc_sink() as sink:
        outcome = here("export", "--otlp", sink.url.replace("http://", "grpc://"), path)
    assert outcome.status == 0
    assert len(sink.spans) == 10


def test_standard_input_is_read(here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress("\n".join(ROLLOUT).encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(packed)))
    with http_sink() as sink:
        assert here("export", "--otlp", sink.url, "-").status == 0
    assert len(sink.spans) == 10


def test_a_recorded_session_is_sent_the_same_way(here: Command) -> None:
    session_id = here("start", "forge", "t").out.strip()
    assert here("end", session_id).status == 0
    with http_sink() as sink:
        outcome = here("export", "--otlp", sink.url, session_id)
    assert outcome == (0, f"Sent {session_id} to {sink.url}\n", "")
    assert [span.name for span in sink.spans] == ["SESSION_START", "SESSION_END", "invoke_agent FORGE"]


def test_a_receiver_that_is_down_is_one_error_and_a_failure(
    here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "rollout.jsonl", *ROLLOUT)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and never listening: nobody answers
        url = f"http://user:hidden@127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
        outcome = here("export", "--otlp", url, path)

    assert (outcome.status, outcome.out) == (3, "")
    (told,) = outcome.err.splitlines()
    assert told.startswith("error: http://127.0.0.1:")
    assert "did not take the spans" in told


@pytest.mark.parametrize("address", ["not a url", "ftp://host", "http://", "http://host:99999"])
def test_a_wrong_address_is_wrong_use(here: Command, tmp_path: Path, address: str) -> None:
    outcome = here("export", "--otlp", address, written(tmp_path / "a.jsonl", *ROLLOUT))
    assert outcome.status == 2
    assert "no address of a receiver" in outcome.err


def test_hostile_and_broken_files_are_told_and_the_rest_is_sent(here: Command, tmp_path: Path) -> None:
    broken = written(tmp_path / "a.jsonl", *ROLLOUT, "{", "[" * 100_000)
    other = tmp_path / "b.bin"
    other.write_bytes(b"\x00\xff" * 1_000)
    with http_sink() as sink:
        outcome = here("export", "--otlp", sink.url, broken, other, tmp_path / "none")
    assert outcome.status == 2
    assert len(outcome.err.splitlines()) == 4  # two lines, a format that nobody knows, no such file
    assert len(sink.spans) == 10


def test_files_without_any_span_send_nothing(here: Command, tmp_path: Path) -> None:
    written(tmp_path / "a.json", "{}")
    with http_sink() as sink:
        outcome = here("export", "--otlp", sink.url, tmp_path)
    assert (outcome.status, outcome.out, sink.spans) == (0, "", [])
    assert outcome.err == "Nothing to send: no span in these files\n"


def test_without_otlp_one_session_is_wanted(here: Command) -> None:
    assert "one session ID is wanted" in here("export", "a", "b").err


def test_log_records_complete_what_is_found_and_are_no_spans(here: Command, tmp_path: Path) -> None:
    logs = [log_line(record) for record in LOGS]
    alone = written(tmp_path / "logs.jsonl", *logs)
    both = written(tmp_path / "both.jsonl", *SPANS[:3], *logs)
    with http_sink() as sink:
        outcome = here("export", "--otlp", sink.url, alone)
        assert outcome.err.startswith("Not sent: 1 session that only log records tell of, without any span\n")
        assert sink.spans == []
        assert here("export", "--otlp", sink.url, both).status == 0
    assert len(sink.spans) == 3
    (root,) = [span for span in sink.spans if not span.parent_span_id]
    assert "sessionopt.summary" in events(root)

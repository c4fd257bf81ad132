"""Files with spans, with log records, or with both: one session each, whatever the order."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.ingest.log_record import LogRecord
from otel_sessionopt.ingest.transcripts.span_ids import trace_id_of
from otel_sessionopt.pipeline import Pipeline, analyze_conversations, analyze_inputs
from otel_sessionopt.report.document import OptimizationReport
from tests.dialects.log_records import SECOND_NS, SESSION, START_NS, claude, codex
from tests.ingest.test_log_records import key_values

LOGS = [
    claude("user_prompt", 1, prompt_length=40),
    claude("api_request", 4, model="claude-sonnet-4-5", input_tokens=100, output_tokens=30, cache_read_tokens=1_000,
           cache_creation_tokens=100, duration_ms=2_000, request_id="req_1"),
    claude("tool_result", 5, tool_name="Read", tool_use_id="toolu_1", success="true", duration_ms=100,
           tool_input='{"file_path": "/a/b.py"}', tool_result_size_bytes=400),
    claude("api_request", 104, model="claude-sonnet-4-5", input_tokens=50, output_tokens=20, cache_read_tokens=1_200,
           cache_creation_tokens=0, duration_ms=2_000, request_id="req_2"),
]  # fmt: skip


def line(record: LogRecord) -> str:
    log = {
        "timeUnixNano": str(record.time_ns), "body": {"stringValue": record.body or ""},
        "attributes": key_values({key: str(value) for key, value in record.attributes.items()}),
    }  # fmt: skip
    scope = {"scope": {"name": record.scope_name}, "logRecords": [log]}
    return json.dumps({"resourceLogs": [{"resource": {}, "scopeLogs": [scope]}]})


def span_line(trace: int, span: int, name: str, start: float, end: float, **attributes: Any) -> str:
    made = {
        "traceId": f"{trace:032x}", "spanId": f"{span:016x}", "parentSpanId": "" if span == 1 else f"{1:016x}",
        "name": f"claude_code.{name}", "startTimeUnixNano": str(START_NS + round(start * SECOND_NS)),
        "endTimeUnixNano": str(START_NS + round(end * SECOND_NS)),
        "attributes": key_values({"session.id": SESSION, **attributes}),
    }  # fmt: skip
    scope = {"scope": {"name": "com.anthropic.claude_code.tracing"}, "spans": [made]}
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]})


# Each turn is a trace of its own.
SPANS = [
    span_line(11, 1, "interaction", 0, 9),
    span_line(11, 2, "llm_request", 2, 4, model="claude-sonnet-4-5", request_id="req_1", input_tokens=100,
              output_tokens=30, cache_read_tokens=1_000, cache_creation_tokens=100),
    span_line(11, 3, "tool", 4.9, 5, tool_name="Read", tool_use_id="toolu_1"),
    span_line(12, 1, "interaction", 100, 110),
    span_line(12, 2, "llm_request", 102, 104, model="claude-sonnet-4-5", request_id="req_2", input_tokens=50,
              output_tokens=20, cache_read_tokens=1_200),
]  # fmt: skip
LOG_LINES = [line(record) for record in LOGS]


def reports_of(folder: Path, *files: list[str], analyze: Any = analyze_inputs) -> list[OptimizationReport]:
    for number, lines in enumerate(files):
        (folder / f"{number}.jsonl").write_text("".join(f"{each}\n" for each in lines))
    errors: list[InputError] = []
    reports = list(analyze(find_inputs([folder], errors.append), Pipeline(), on_error=errors.append))
    assert errors == []
    return reports


def figures(reports: list[OptimizationReport]) -> list[tuple[str, int, int, int]]:
    """Of each report: end of its id, billed tokens, model calls, tool calls."""
    return [
        (each.session_id[-2:], each.bill.total.tokens, each.counts.model_calls, each.counts.tool_calls)
        for each in reports
    ]


OWN = f"{trace_id_of(SESSION):032x}"[-2:]
TURNS = [("0b", 1_230, 1, 1), ("0c", 1_270, 1, 0)]


def test_log_records_of_a_session_without_spans_are_a_trace_of_their_own(tmp_path: Path) -> None:
    assert figures(reports_of(tmp_path, LOG_LINES)) == [(OWN, 2_500, 2, 1)]


def test_each_log_record_goes_to_the_turn_it_was_written_in(tmp_path: Path) -> None:
    assert figures(reports_of(tmp_path, SPANS)) == TURNS
    for number, files in enumerate([(SPANS, LOG_LINES), (LOG_LINES, SPANS), (SPANS + LOG_LINES,)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        reports = reports_of(folder, *files)
        assert figures(reports) == TURNS
        assert reports[0].counts.user_messages == 1


@pytest.mark.parametrize("seed", range(5))
def test_order_and_copies_of_lines_change_nothing(seed: int, tmp_path: Path) -> None:
    lines = SPANS + LOG_LINES + LOG_LINES[1:3] + SPANS[1:2]
    random.Random(seed).shuffle(lines)

    assert sorted(figures(reports_of(tmp_path, lines[:5], lines[5:]))) == TURNS


def test_a_conversation_is_one_session_with_both_signals(tmp_path: Path) -> None:
    (report,) = reports_of(tmp_path, SPANS, LOG_LINES, analyze=analyze_conversations)

    assert report.session_id == SESSION
    assert (report.bill.total.tokens, report.counts.model_calls, report.counts.tool_calls) == (2_500, 2, 1)


def test_two_sessions_in_one_file_stay_apart(tmp_path: Path) -> None:
    other = codex("sse_event", 4, **{"event.kind": "response.completed"}, input_token_count=7, output_token_count=3)

    reports = reports_of(tmp_path, [*LOG_LINES, line(other)])

    assert [each.bill.total.tokens for each in reports] == [2_500, 10]


def test_records_go_with_spans_that_name_no_session_where_they_were_written_in_their_trace(tmp_path: Path) -> None:
    lost_turn = span_line(11, 2, "llm_request", 2, 4, request_id="req_1", input_tokens=100, output_tokens=30)
    lost_turn = lost_turn.replace("session.id", "other.id")
    record = json.loads(LOG_LINES[1])
    record["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["traceId"] = f"{11:032x}"

    (report,) = reports_of(tmp_path, [lost_turn, json.dumps(record)])

    # The log record tells the cache too, and the larger of the two is the whole.
    assert (report.bill.total.tokens, report.counts.model_calls) == (1_230, 1)


def test_records_that_name_no_session_and_no_trace_make_no_session(tmp_path: Path) -> None:
    homeless = codex("sse_event", 4, **{"event.kind": "response.completed"}, input_token_count=7, output_token_count=3)
    attributes = {key: value for key, value in homeless.attributes.items() if key != "conversation.id"}

    (tmp_path / "logs.jsonl").write_text(line(homeless._replace(attributes=attributes)))
    errors: list[InputError] = []
    assert list(analyze_inputs(find_inputs([tmp_path], print), Pipeline(), on_error=errors.append)) == []
    assert [str(error) for error in errors] == ["log records: 1 name neither a session nor a trace: left out"]

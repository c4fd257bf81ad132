from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.files import find_inputs, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord

TRACE = "0af7651916cd43dd8448eb211c80319c"


def span(span_id: str, **changes: Any) -> dict[str, Any]:
    """One span as Jaeger's older API writes it."""
    return {
        "traceID": TRACE,
        "spanID": span_id,
        "operationName": "chat",
        "references": [],
        "startTime": 1_760_000_000_000_001,
        "duration": 2_500,
        "tags": [],
        "logs": [],
        "processID": "p1",
        "warnings": None,
        **changes,
    }


def document(*spans: Any) -> dict[str, Any]:
    processes = {"p1": {"serviceName": "agent", "tags": [{"key": "host.name", "type": "string", "value": "h"}]}}
    return {"data": [{"traceID": TRACE, "spans": list(spans), "processes": processes, "warnings": None}], "total": 0}


def read(path: Path, content: object) -> tuple[list[SpanRecord], list[InputError]]:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    errors: list[InputError] = []
    records = [record for each in find_inputs([path], errors.append) for record in read_spans(each, errors.append)]
    return records, errors


def test_a_span_has_its_parent_times_tags_kind_status_scope_and_service(tmp_path: Path) -> None:
    tags = [
        {"key": "gen_ai.usage.input_tokens", "type": "int64", "value": 1200},
        {"key": "gen_ai.request.model", "type": "string", "value": "gpt-5"},
        {"key": "span.kind", "type": "string", "value": "client"},
        {"key": "otel.status_code", "type": "string", "value": "ERROR"},
        {"key": "otel.status_description", "type": "string", "value": "overloaded"},
        {"key": "otel.scope.name", "type": "string", "value": "my.scope"},
        {"key": "otel.scope.version", "type": "string", "value": "1.2"},
        {"key": "error", "type": "bool", "value": True},
    ]
    parent = [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": "00f067aa0ba902b7"}]
    fields = [
        {"key": "event", "type": "string", "value": "exception"},
        {"key": "exception.type", "type": "string", "value": "Timeout"},
    ]
    logs = [{"timestamp": 1_760_000_000_000_100, "fields": fields}]
    child = span("53995c3f42cd8ad8", tags=tags, references=parent, logs=logs)

    records, errors = read(tmp_path / "t.json", document(span("f067aa0ba902b7"), child))

    assert errors == []
    root, record = records  # leading zeros of the root's id are left away
    assert (root.span_id, root.parent_span_id, root.is_error) == (0x00F067AA0BA902B7, None, False)
    assert record == SpanRecord(
        int(TRACE, 16),
        0x53995C3F42CD8AD8,
        0x00F067AA0BA902B7,
        "chat",
        1_760_000_000_000_001_000,
        1_760_000_000_002_501_000,
        {"gen_ai.usage.input_tokens": 1200, "gen_ai.request.model": "gpt-5", "error": True},
        3,
        True,
        "overloaded",
        record.events,
        {"host.name": "h", "service.name": "agent"},
        "my.scope",
        "1.2",
    )
    (event,) = record.events
    assert (event.time_ns, event.name, dict(event.attributes)) == (
        1_760_000_000_000_100_000,
        "exception",
        {"exception.type": "Timeout"},
    )


def test_numbers_that_old_versions_write_as_text_are_numbers(tmp_path: Path) -> None:
    tags = [{"key": "n", "type": "int64", "value": "9007199254740993"}, {"key": "s", "type": "string", "value": "12"}]
    records, _ = read(tmp_path / "t.json", document(span("1", tags=tags)))
    assert records[0].attributes == {"n": 9007199254740993, "s": "12"}


def test_a_reference_to_another_trace_is_no_parent(tmp_path: Path) -> None:
    elsewhere = [{"refType": "CHILD_OF", "traceID": "1", "spanID": "2"}, {"refType": "FOLLOWS_FROM", "spanID": "3"}]
    records, _ = read(tmp_path / "t.json", document(span("1", references=elsewhere)))
    assert records[0].parent_span_id is None


def test_a_saved_page_over_many_lines_is_read_as_well(tmp_path: Path) -> None:
    records, errors = read(tmp_path / "t.json", json.dumps(document(span("1"), span("2")), indent=2))
    assert ([each.span_id for each in records], errors) == ([1, 2], [])


def test_what_is_wrong_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    wrong = [7, span("xyz"), span("0"), span("3", startTime="soon"), span("4", duration=-1), span("5", traceID="")]
    records, errors = read(tmp_path / "t.json", document(*wrong, span("6", tags=[None, {"key": 1}], logs=[None])))
    assert [each.span_id for each in records] == [6]
    assert [each.reason for each in errors] == [
        "span left out: it is not an object",
        "span left out: its spanID is not up to 16 hex digits, or zero",
        "span left out: its spanID is not up to 16 hex digits, or zero",
        "span left out: its startTime is not a number of microseconds",
        "span left out: its duration is not a number of microseconds",
        "span left out: its traceID is not up to 32 hex digits, or zero",
    ]


def test_other_json_with_data_is_none_of_jaegers(tmp_path: Path) -> None:
    records, errors = read(tmp_path / "t.json", {"data": [{"traceID": "1"}]})
    assert records == []
    assert "in no format that is known" in errors[0].reason

"""Log records from every form that OTLP has, mixed with spans or not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from otel_sessionopt.ingest.files import InputFile, read_records, read_spans
from otel_sessionopt.ingest.log_record import LogRecord
from otel_sessionopt.ingest.otlp_json import records_from_document
from otel_sessionopt.ingest.otlp_protobuf import logs_from_request
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.zstd import ZstdCompressor
from tests.ingest.otlp_samples import Errors, framed, json_document, json_line, message, sdk_spans

TIME_NS = 1_760_000_000_123_456_789
TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7
EXPECTED = [
    LogRecord(
        TRACE, SPAN, TIME_NS, "codex.tool_result", "codex.tool_result",
        {"event.name": "codex.tool_result", "count": 7, "ok": True, "nested": {"a": [1, "b"]}},
        {"service.name": "codex"}, "codex_otel", "1",
    ),
    # Without ids and with a time of being seen only; the name in its own field.
    LogRecord(0, 0, TIME_NS + 1, "gen_ai.choice", {"index": 0}, {}, {"service.name": "codex"}, "codex_otel", "1", 2),
]  # fmt: skip


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": key_values(value)}}
    return {"stringValue": value}


def key_values(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def document(order: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> dict[str, Any]:
    first, second = EXPECTED
    logs = [
        {
            "timeUnixNano": str(TIME_NS), "observedTimeUnixNano": "5", "severityNumber": 9, "severityText": "INFO",
            "body": any_value(first.body), "attributes": key_values(dict(first.attributes)),
            "traceId": f"{TRACE:032X}", "spanId": f"{SPAN:016x}", "flags": 1,
        },
        {
            "observedTimeUnixNano": str(TIME_NS + 1), "eventName": "gen_ai.choice", "body": any_value(second.body),
            "traceId": "", "droppedAttributesCount": 2,
        },
    ]  # fmt: skip
    scope = order({"scope": {"name": "codex_otel", "version": "1"}, "logRecords": logs})
    resource = order({"resource": {"attributes": key_values({"service.name": "codex"})}, "scopeLogs": [scope]})
    return {"resourceLogs": [resource]}


def proto() -> LogsData:
    data = LogsData()
    resource = data.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "codex"
    scope = resource.scope_logs.add()
    scope.scope.name, scope.scope.version = "codex_otel", "1"
    first = scope.log_records.add(
        time_unix_nano=TIME_NS, observed_time_unix_nano=5, severity_number=9, severity_text="INFO",
        trace_id=TRACE.to_bytes(16, "big"), span_id=SPAN.to_bytes(8, "big"),
    )  # fmt: skip
    first.body.string_value = "codex.tool_result"
    first.attributes.add(key="event.name").value.string_value = "codex.tool_result"
    first.attributes.add(key="count").value.int_value = 7
    first.attributes.add(key="ok").value.bool_value = True
    nested = first.attributes.add(key="nested").value.kvlist_value.values.add(key="a")
    nested.value.array_value.values.add().int_value = 1
    nested.value.array_value.values.add().string_value = "b"
    second = scope.log_records.add(
        observed_time_unix_nano=TIME_NS + 1, event_name="gen_ai.choice", dropped_attributes_count=2
    )
    second.body.kvlist_value.values.add(key="index").value.int_value = 0
    return data


def zstd(data: bytes) -> bytes:
    compressor = ZstdCompressor()
    return bytes(compressor.compress(data) + compressor.flush())


def reversed_keys(fields: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(fields.items()))


LINE = json.dumps(document()).encode() + b"\n"
FORMS = {
    "json-line": LINE,
    "json-indented": json.dumps(document(), indent=2).encode(),
    "json-long-line": json.dumps(document() | {"x": "y" * 100_000}).encode(),
    "json-resource-last": json.dumps(document(reversed_keys)).encode(),
    "json-resource-last-indented": json.dumps(document(reversed_keys), indent=1).encode(),
    "json-gzip": gzip.compress(LINE),
    "protobuf": proto().SerializeToString(),
    "protobuf-zstd": zstd(proto().SerializeToString()),
    "protobuf-framed": framed([proto().SerializeToString()]),
    "protobuf-framed-zstd": framed([zstd(proto().SerializeToString())]),
    "json-framed-zstd": framed([zstd(LINE)]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_log_records(form: str, tmp_path: Path) -> None:
    path = tmp_path / "logs.data"
    path.write_bytes(FORMS[form])
    errors = Errors()

    assert list(read_records(InputFile(path=path), errors)) == EXPECTED
    assert list(read_spans(InputFile(path=path), errors)) == []
    assert not errors


def metrics() -> bytes:
    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add(name="codex.turns")
    metric.sum.data_points.add().as_int = 3
    return bytes(data.SerializeToString())


def test_signals_may_be_mixed_in_one_file_in_any_order(tmp_path: Path) -> None:
    spans = message(sdk_spans(traces=1))
    mixed = {
        "lines": json_line(spans) + LINE + json_line(spans),
        "one document": json.dumps(json_document(spans) | document()).encode(),
        "one document, indented": json.dumps(document() | json_document(spans), indent=1).encode(),
        "frames": framed([proto().SerializeToString(), metrics(), spans.SerializeToString()]),
    }
    for name, data in mixed.items():
        path = tmp_path / "mixed"
        path.write_bytes(data)
        errors = Errors()
        records = list(read_records(InputFile(path=path), errors))
        assert [record for record in records if isinstance(record, LogRecord)] == EXPECTED, name
        assert len([record for record in records if isinstance(record, SpanRecord)]) == 2 * (1 + (name == "lines"))
        assert not errors


def test_export_requests_are_read_by_the_same_words() -> None:
    request = ExportLogsServiceRequest.FromString(proto().SerializeToString())

    assert list(logs_from_request(request)) == EXPECTED
    assert records_from_document(document(), print) == EXPECTED


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("traceId", "xyz", "its traceId is not 32 hex digits"),
        ("timeUnixNano", "yesterday", "its timeUnixNano is not a time"),
        ("body", "text", "an attribute's value is not an object"),
        ("attributes", {}, None),
        ("attributes", 5, "`attributes` is not an array"),
        ("eventName", 5, "its eventName is not text"),
    ],
)
def test_a_record_that_cannot_be_read_is_told_and_the_others_go_on(field: str, value: object, reason: str) -> None:
    broken = document()
    broken["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0][field] = value
    told: list[str] = []

    records = records_from_document(broken, told.append)

    assert records[-1] == EXPECTED[1]
    assert len(records) == (2 if reason is None else 1)
    assert [reason in each for each in told] == ([] if reason is None else [True])

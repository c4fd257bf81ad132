"""Bad and foreign input: what is good is read, what is not is told with its position, and contents are never told."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from otel_sessionopt.ingest import json_lines
from otel_sessionopt.ingest.files import FORMATS, InputFile, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord
from tests.ingest.otlp_samples import Errors, framed, json_line, message, sdk_spans
from tests.ingest.test_otlp_formats_agree import zstd
from tests.ingest.transcripts.transcript_samples import TRANSCRIPT, typed

SECRET = "s3cr3t-prompt"


@pytest.fixture
def errors() -> Errors:
    return Errors()


def read(path: Path, errors: Errors, data: bytes, *, is_named: bool = True) -> list[SpanRecord]:
    file = path / "input.jsonl"
    file.write_bytes(data)
    return list(read_spans(InputFile(path=file, is_named=is_named), errors))


def span(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "traceId": f"{7:032x}",
        "spanId": f"{number:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": "10",
        "endTimeUnixNano": "20",
        **fields,
    }


def document(*spans: Any, **fields: Any) -> dict[str, Any]:
    return {
        "resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "s"}, "spans": list(spans)}]}],
        **fields,
    }


def names(records: list[SpanRecord]) -> list[str]:
    return [record.name for record in records]


def as_lines(*documents: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in documents)


def test_a_broken_line_is_told_and_the_lines_around_it_are_read(tmp_path: Path, errors: Errors) -> None:
    data = as_lines(document(span(1))) + b'{"resourceSpans": oops}\n' + as_lines(document(span(2)))

    assert names(read(tmp_path, errors, data)) == ["span 1", "span 2"]
    assert errors.positions == ["line 2"]


def test_a_broken_first_line_does_not_hide_what_the_file_is(tmp_path: Path, errors: Errors) -> None:
    data = b'ans":[{"resource":{}}]}\n' + as_lines(document(span(1)), document(span(2)))

    assert names(read(tmp_path, errors, data)) == ["span 1", "span 2"]
    assert errors.positions == ["line 1"]


def test_a_cut_line_gives_the_spans_before_the_cut(tmp_path: Path, errors: Errors) -> None:
    cut = json.dumps(document(span(1), span(2), span(3))).encode()[:-60]

    assert names(read(tmp_path, errors, cut + b"\n" + as_lines(document(span(4))))) == ["span 1", "span 2", "span 4"]
    assert errors.positions == ["line 1"]
    assert "cut off" in errors[0].reason


def test_a_long_line_that_is_cut_gives_the_spans_before_the_cut(tmp_path: Path, errors: Errors) -> None:
    line = json.dumps(document(*(span(number) for number in range(1, 1001)))).encode()
    assert len(line) > 5 * json_lines.WHOLE_LINE_BYTES

    records = read(tmp_path, errors, as_lines(document(span(1))) + line[:-60] + b"\n" + as_lines(document(span(2))))

    assert len(records) == 1 + 999 + 1
    assert errors.positions == ["line 2"]


def test_an_indented_document_tells_the_line_of_the_fault_and_the_next_document_is_read(
    tmp_path: Path, errors: Errors
) -> None:
    good = json.dumps(document(span(1)), indent=1)
    broken = json.dumps(document(span(2), span(3)), indent=1).replace('"name": "span 3"', '"name": span 3"')
    fault = [number for number, line in enumerate((good + "\n" + broken).splitlines(), 1) if '"name": span' in line]

    records = read(tmp_path, errors, f"{good}\n{broken}\n{good.replace('span 1', 'span 4')}".encode())

    assert names(records) == ["span 1", "span 2", "span 4"]
    assert errors.positions == [f"line {fault[0]}"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"traceId": ""}, "traceId is missing"),
        ({"traceId": "0" * 32}, "traceId is missing or zero"),
        ({"traceId": "xyz"}, "traceId is not 32 hex digits"),
        ({"traceId": 5}, "traceId is not 32 hex digits"),
        ({"traceId": SECRET * 3}, "traceId is not 32 hex digits"),
        ({"spanId": None}, "spanId is missing"),
        ({"spanId": "0x00000000000001"}, "spanId is not 16 hex digits"),
        ({"parentSpanId": SECRET}, "parentSpanId is not 16 hex digits"),
        ({"name": [SECRET]}, "name is not text"),
        ({"startTimeUnixNano": SECRET}, "startTimeUnixNano is not a time"),
        ({"startTimeUnixNano": -5}, "startTimeUnixNano is not a time"),
        ({"endTimeUnixNano": 2**64}, "endTimeUnixNano is not a time"),
        ({"endTimeUnixNano": {"a": SECRET}}, "a whole number is expected"),
        ({"attributes": {SECRET: 1}}, "`attributes` is not an array"),
        ({"attributes": [SECRET]}, "an attribute has no key"),
        ({"attributes": [{"value": {"stringValue": SECRET}}]}, "an attribute has no key"),
        ({"attributes": [{"key": "a", "value": SECRET}]}, "value is not an object"),
        ({"attributes": [{"key": "a", "value": {"stringValue": 5}}]}, "`stringValue` is not text"),
        ({"attributes": [{"key": "a", "value": {"intValue": SECRET}}]}, "a whole number is expected"),
        ({"attributes": [{"key": "a", "value": {"intValue": True}}]}, "a whole number is expected"),
        ({"attributes": [{"key": "a", "value": {"doubleValue": SECRET}}]}, "`doubleValue` is not a number"),
        ({"attributes": [{"key": "a", "value": {"boolValue": SECRET}}]}, "`boolValue` is neither"),
        ({"attributes": [{"key": "a", "value": {"bytesValue": "a"}}]}, "`bytesValue` is not base64"),
        ({"attributes": [{"key": "a", "value": {"arrayValue": {"values": SECRET}}}]}, "`arrayValue` has no array"),
        ({"events": SECRET}, "events are not an array"),
        ({"events": [SECRET]}, "events is not an object"),
        ({"status": SECRET}, "status is not an object"),
    ],
)
@pytest.mark.parametrize("layout", ["line", "document"])
def test_a_span_with_a_wrong_value_is_left_out_and_told_without_the_value(
    fields: dict[str, Any], told: str, layout: str, tmp_path: Path, errors: Errors
) -> None:
    whole = document(span(1), span(2, **fields), span(3))
    data = json.dumps(whole, indent=1).encode() if layout == "document" else as_lines(whole)

    assert names(read(tmp_path, errors, data)) == ["span 1", "span 3"]
    assert len(errors) == 1
    assert told in errors[0].reason
    assert errors[0].position.startswith("line ")
    assert SECRET not in str(errors[0])


@pytest.mark.parametrize("layout", ["line", "document"])
def test_wrong_types_above_the_spans_are_told_and_the_rest_is_read(layout: str, tmp_path: Path, errors: Errors) -> None:
    whole = {
        "resourceSpans": [
            7,
            {"resource": {}, "scopeSpans": [8, {"scope": {}, "spans": [9, span(1)]}]},
            {"resource": 5, "scopeSpans": [{"scope": 6, "spans": [span(2)]}]},
        ]
    }
    data = json.dumps(whole, indent=1).encode() if layout == "document" else as_lines(whole)

    assert names(read(tmp_path, errors, data)) == ["span 1", "span 2"]
    assert len(errors) == 5


def test_null_stands_for_absent(tmp_path: Path, errors: Errors) -> None:
    empty = dict.fromkeys(("attributes", "events", "status", "parentSpanId", "kind", "flags", "droppedAttributesCount"))
    data = as_lines(document(span(1, **empty)), {"resourceSpans": None}, {"resourceSpans": [{"scopeSpans": None}]})

    assert names(read(tmp_path, errors, data)) == ["span 1"]
    assert not errors


def test_old_names_snake_case_numbers_and_enum_names_are_understood(tmp_path: Path, errors: Errors) -> None:
    old = {
        "resource_spans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"string_value": "old"}}]},
                "instrumentationLibrarySpans": [
                    {
                        "instrumentationLibrary": {"name": "lib", "version": "3"},
                        "spans": [
                            {
                                "trace_id": "000102030405060708090A0B0C0D0E0F",
                                "span_id": "ABCDEFABCDEFABCD",
                                "parent_span_id": "0000000000000000",
                                "name": "old",
                                "kind": "SPAN_KIND_PRODUCER",
                                "start_time_unix_nano": 1_700_000_000_000_000_001,
                                "end_time_unix_nano": "1700000000000000002",
                                "status": {"code": "STATUS_CODE_ERROR"},
                                "flags": 0x300,
                                "dropped_attributes_count": 3,
                                "future": {"unknown": 1},
                                "attributes": [
                                    {"key": "i", "value": {"int_value": 5}},
                                    {"key": "s", "value": {"intValue": "-6"}},
                                    {"key": "d", "value": {"doubleValue": "Infinity"}},
                                    {"key": "w", "value": {"doubleValue": 2}},
                                    {"key": "none", "value": {}},
                                    {"key": "absent"},
                                    {"key": "new", "value": {"futureValue": 1}},
                                    {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {}}]}}},
                                    {"key": "list", "value": {"arrayValue": {}}},
                                ],
                            }
                        ],
                    }
                ],
            }
        ]
    }
    for layout in (as_lines(old), json.dumps(old, indent=1).encode()):
        (record,) = read(tmp_path, errors, layout)

        assert not errors
        assert record.trace_id == 0x000102030405060708090A0B0C0D0E0F
        assert record.span_id == 0xABCDEFABCDEFABCD
        assert record.parent_span_id is None
        assert (record.start_ns, record.end_ns) == (1_700_000_000_000_000_001, 1_700_000_000_000_000_002)
        assert (record.kind, record.is_error, record.dropped_attributes) == (4, True, 3)
        assert record.has_remote_parent
        assert (record.scope_name, record.scope_version) == ("lib", "3")
        assert record.resource == {"service.name": "old"}
        assert record.attributes == {
            "i": 5,
            "s": -6,
            "d": float("inf"),
            "w": 2.0,
            "none": None,
            "absent": None,
            "new": None,
            "map": {"k": None},
            "list": [],
        }


def test_ids_of_plain_protobuf_dumps_are_base64(tmp_path: Path, errors: Errors) -> None:
    ids = {"traceId": "AAECAwQFBgcICQoLDA0ODw==", "spanId": "q83vq83vq80=", "parentSpanId": "AAAAAAAAAAE="}

    (record,) = read(tmp_path, errors, as_lines(document(span(1, **ids))))

    assert record.trace_id == 0x000102030405060708090A0B0C0D0E0F
    assert (record.span_id, record.parent_span_id) == (0xABCDEFABCDEFABCD, 1)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_resource_after_its_spans_still_belongs_to_them(indent: int | None, tmp_path: Path, errors: Errors) -> None:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "late"}}]}
    whole = {"resourceSpans": [{"scopeSpans": [{"spans": [span(1)], "scope": {"name": "s"}}], "resource": resource}]}

    (record,) = read(tmp_path, errors, json.dumps(whole, indent=indent).encode())

    assert record.resource == {"service.name": "late"}
    assert record.scope_name == "s"


def test_half_characters_become_replacement_characters(tmp_path: Path, errors: Errors) -> None:
    half = {"attributes": [{"key": "text", "value": {"stringValue": "cut \ud83d"}}]}
    whole = document(span(1, **half))

    for data in (as_lines(whole), json.dumps(whole, indent=1).encode()):
        (record,) = read(tmp_path, errors, data)
        assert record.attributes["text"] == "cut �"
    assert not errors


def test_documents_of_logs_and_metrics_are_passed_over_in_silence(tmp_path: Path, errors: Errors) -> None:
    data = as_lines(
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]},
        document(span(1)),
        {"resourceMetrics": [{"scopeMetrics": []}]},
        {},
    )

    assert names(read(tmp_path, errors, data)) == ["span 1"]
    assert not errors


def test_protobuf_messages_of_logs_and_metrics_are_passed_over_in_silence(tmp_path: Path, errors: Errors) -> None:
    logs, metrics = LogsData(), MetricsData()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=5, trace_id=b"t" * 16)
    record.body.string_value = "hello"
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="tokens", description="d", unit="1")
    metric.sum.data_points.add(as_int=5)
    traces = message(sdk_spans(traces=1)).SerializeToString()

    records = read(tmp_path, errors, framed([logs.SerializeToString(), traces, metrics.SerializeToString()]))

    assert len(records) == 2
    assert not errors


def test_a_cut_last_message_is_told_and_those_before_it_are_read(tmp_path: Path, errors: Errors) -> None:
    data = framed([message(sdk_spans(traces=1)).SerializeToString()] * 2)

    records = read(tmp_path, errors, data[:-5])

    assert len(records) == 3
    assert errors.positions == [f"byte {len(data) - 5}"]


def test_a_bare_message_that_is_cut_gives_the_spans_before_the_cut(tmp_path: Path, errors: Errors) -> None:
    data = message(sdk_spans(traces=2)).SerializeToString()

    assert len(read(tmp_path, errors, data[:-5])) == 3
    assert len(errors) == 1


def test_a_broken_span_in_a_message_does_not_cost_the_others(tmp_path: Path, errors: Errors) -> None:
    traces = message(sdk_spans(traces=2))
    spans = traces.resource_spans[0].scope_spans[0].spans
    spans[1].trace_id = b"short"
    spans[2].span_id = bytes(8)

    records = read(tmp_path, errors, traces.SerializeToString())

    assert len(records) == 2
    assert len(errors) == 2
    assert all(error.position.startswith("byte ") for error in errors)


def test_a_length_that_cannot_be_is_told(tmp_path: Path, errors: Errors) -> None:
    good = framed([message(sdk_spans(traces=1)).SerializeToString()])

    assert len(read(tmp_path, errors, good + b"\xff\xff\xff\xff" + good)) == 2
    assert errors.positions == [f"byte {len(good) + 4}"]


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstd])
def test_compressed_data_that_is_cut_is_told_once_and_what_came_before_is_read(
    compress: Callable[[bytes], bytes], tmp_path: Path, errors: Errors
) -> None:
    lines = as_lines(*(document(span(number, name=f"{number * 7919**5:x}")) for number in range(1, 3001)))
    data = compress(lines)

    records = read(tmp_path, errors, data[: len(data) * 3 // 4])

    assert 500 < len(records) < 3000
    assert len(errors) == 1
    assert errors[0].position.startswith("byte ")
    assert "cut off" in errors[0].reason


def test_compressed_data_that_is_damaged_is_told(tmp_path: Path, errors: Errors) -> None:
    for compress in (gzip.compress, lzma.compress, zstd):
        data = bytearray(compress(as_lines(*(document(span(number)) for number in range(1, 3001)))))
        middle = len(data) // 2
        data[middle : middle + 40] = b"\xff" * 40
        before = len(errors)
        read(tmp_path, errors, bytes(data))
        assert len(errors) > before


def test_a_transcript_line_that_is_no_json_is_told_and_the_rest_is_read(tmp_path: Path, errors: Errors) -> None:
    lines = TRANSCRIPT.splitlines()
    lines.insert(3, '{"type": "user", oops')
    lines.insert(5, "[1]")

    whole = read(tmp_path, Errors(), TRANSCRIPT.encode())
    records = read(tmp_path, errors, "\n".join(lines).encode())

    assert records == whole
    assert errors.positions == ["line 4", "line 6"]


def test_a_line_over_the_limit_is_told_and_passed_over(
    tmp_path: Path, errors: Errors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "MAX_PIECE_BYTES", 2_000)
    lines = [typed("a", 0, "first"), typed("b", 1, "x" * 5_000), typed("c", 2, "last")]

    records = read(tmp_path, errors, "\n".join(lines).encode())

    assert names(records) == ["user_message", "user_message", "invoke_agent claude-code"]
    assert errors.positions == ["line 2"]
    assert "2,000 bytes" in errors[0].reason


@pytest.mark.parametrize(
    "data", [b'{"name": "package", "version": "1"}', b"hello\n", b"\x00\x01\x02", b"PK\x03\x04", b"[]"]
)
def test_a_foreign_file_is_an_error_only_where_a_person_named_it(data: bytes, tmp_path: Path, errors: Errors) -> None:
    assert read(tmp_path, errors, data, is_named=False) == []
    assert not errors

    assert read(tmp_path, errors, data, is_named=True) == []
    assert len(errors) == 1
    assert FORMATS in errors[0].reason


def test_an_empty_file_has_no_spans_and_no_error(tmp_path: Path, errors: Errors) -> None:
    assert read(tmp_path, errors, b"") == []
    assert not errors


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, errors: Errors) -> None:
    assert list(read_spans(InputFile(path=tmp_path / "gone"), errors)) == []
    assert list(read_spans(InputFile(path=tmp_path), errors)) == []
    assert [error.position for error in errors] == ["", ""]


def test_standard_input_is_read_and_left_open(errors: Errors, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(as_lines(document(span(1))))))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert names(list(read_spans(InputFile(path=None), errors))) == ["span 1"]
    assert not stdin.buffer.closed


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress, zstd])
@pytest.mark.parametrize("encode", [json_line, lambda data: framed([data.SerializeToString()])])
def test_progress_adds_up_to_the_size_of_the_file(
    compress: Callable[[bytes], bytes], encode: Callable[[Any], bytes], tmp_path: Path, errors: Errors
) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(encode(message(sdk_spans(traces=50)))))
    steps: list[int] = []

    assert len(list(read_spans(InputFile(path=path), errors, steps.append))) == 100
    assert sum(steps) == path.stat().st_size

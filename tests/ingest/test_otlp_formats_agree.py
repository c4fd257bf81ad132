"""However OTLP is written down, the same spans come out. The SDK's own exporter encodes them."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.trace import ReadableSpan

from otel_sessionopt.ingest.files import InputFile, find_inputs, read_spans
from otel_sessionopt.ingest.span_record import SpanEventRecord, SpanRecord
from otel_sessionopt.ingest.zstd import ZstdCompressor
from tests.ingest.otlp_samples import ATTRIBUTES, Errors, by_id, framed, json_document, json_line, message, sdk_spans


def zstd(data: bytes) -> bytes:
    compressor = ZstdCompressor()
    return bytes(compressor.compress(data) + compressor.flush())


def two_frames(compress: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """As `append` and rotated writers leave them: two compressed streams, one after the other."""
    return lambda data: compress(data[: len(data) // 2]) + compress(data[len(data) // 2 :])


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "gzip-twice": two_frames(gzip.compress),
    "xz-twice": two_frames(lzma.compress),
    "zstd-twice": two_frames(zstd),
}
ENCODINGS: dict[str, Callable[[TracesData, TracesData], bytes]] = {
    "json-lines": lambda first, second: json_line(first) + json_line(second),
    "json-lines-without-last-line-feed": lambda first, second: (json_line(first) + json_line(second)).rstrip(),
    "json-lines-crlf": lambda first, second: (json_line(first) + b"\n" + json_line(second)).replace(b"\n", b"\r\n"),
    "json-array-of-documents": lambda *both: json.dumps([json_document(data) for data in both]).encode(),
    "json-array-indented": lambda *both: json.dumps([json_document(data) for data in both], indent="\t").encode(),
    "json-document": lambda *both: json.dumps(_joined(*both)).encode(),
    "json-document-indented": lambda *both: json.dumps(_joined(*both), indent=2).encode(),
    "json-documents-indented": lambda *both: "\n".join(json.dumps(json_document(x), indent=2) for x in both).encode(),
    "json-with-byte-order-mark": lambda *both: b"\xef\xbb\xbf" + json.dumps(_joined(*both)).encode(),
    "json-of-jaeger-v3": lambda *both: json.dumps({"result": _joined(*both)}).encode(),
    "protobuf": lambda first, second: first.SerializeToString() + second.SerializeToString(),
    "protobuf-framed": lambda *both: framed([data.SerializeToString() for data in both]),
    "protobuf-framed-zstd": lambda *both: framed([zstd(data.SerializeToString()) for data in both]),
    "json-framed-zstd": lambda *both: framed([zstd(json_line(data)) for data in both]),
}


def _joined(first: TracesData, second: TracesData) -> dict[str, object]:
    both = TracesData()
    both.MergeFrom(first)
    both.MergeFrom(second)
    return json_document(both)


def read(path: Path, errors: Errors) -> list[SpanRecord]:
    return list(read_spans(InputFile(path=path), errors))


@pytest.fixture(scope="module")
def spans() -> list[ReadableSpan]:
    return sdk_spans(traces=3)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_form_gives_the_same_spans(
    encoding: str, compression: str, spans: list[ReadableSpan], tmp_path: Path
) -> None:
    # The second trace is torn apart: its child is in the first message, its root in the second.
    path = tmp_path / "traces.data"
    data = ENCODINGS[encoding](message(spans[:3]), message(spans[3:]))
    path.write_bytes(COMPRESSIONS[compression](data))
    errors = Errors()

    records = read(path, errors)

    assert not errors
    assert len(records) == 6
    assert by_id(records) == by_id(expected(spans))


def expected(spans: list[ReadableSpan]) -> list[SpanRecord]:
    records = []
    for span in spans:
        attributes = {
            key: list(value) if isinstance(value, tuple) else value for key, value in (span.attributes or {}).items()
        }
        is_child = span.parent is not None
        records.append(
            SpanRecord(
                trace_id=span.context.trace_id,
                span_id=span.context.span_id,
                parent_span_id=span.parent.span_id if span.parent else None,
                name=span.name,
                start_ns=span.start_time or 0,
                end_ns=span.end_time or 0,
                attributes=attributes,
                kind=3 if is_child else 1,
                is_error=is_child,
                status_message="gone" if is_child else "",
                events=tuple(
                    SpanEventRecord(event.timestamp, event.name, dict(event.attributes or {})) for event in span.events
                ),
                resource=dict(span.resource.attributes),
                scope_name="sample.scope",
                scope_version="1.2",
            )
        )
    return records


def test_all_kinds_of_values_survive(spans: list[ReadableSpan], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(json_line(message(spans)))
    (tmp_path / "a.pb").write_bytes(message(spans).SerializeToString())

    for file in find_inputs([tmp_path], Errors()):
        children = [record for record in read_spans(file, Errors()) if record.parent_span_id]
        assert [dict(child.attributes) for child in children] == [{**ATTRIBUTES, "names": ["a", "b"]}] * 3


def test_spans_of_one_resource_share_its_attributes(spans: list[ReadableSpan], tmp_path: Path) -> None:
    path = tmp_path / "a.pb"
    path.write_bytes(message(spans).SerializeToString())

    records = read(path, Errors())

    assert all(record.resource is records[0].resource for record in records)


def test_what_the_json_file_exporter_of_the_sdk_writes_is_read(tmp_path: Path) -> None:
    # One line of opentelemetry-exporter-otlp-json-file 0.66b1.
    path = tmp_path / "sdk.jsonl"
    path.write_text(
        '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"demo"}}]},'
        '"scopeSpans":[{"scope":{"name":"s","version":"1.0"},"spans":[{"traceId":"d9303330f3b1c1eede9ca2b74d730772",'
        '"spanId":"88cca723dea31fc0","parentSpanId":"16b870e7975b3314","flags":256,"name":"execute_tool Read","kind":1,'
        '"startTimeUnixNano":"1795346412227314655","endTimeUnixNano":"1795346412227625547","attributes":['
        '{"key":"a","value":{"intValue":"1"}},{"key":"b","value":{"boolValue":true}},'
        '{"key":"d","value":{"arrayValue":{"values":[{"stringValue":"x"},{"stringValue":"y"}]}}},'
        '{"key":"e","value":{"bytesValue":"AQI="}},{"key":"f","value":{"kvlistValue":{"values":[{"key":"k","value":'
        '{"intValue":"1"}}]}}},{"key":"nan","value":{"doubleValue":"NaN"}}],"events":[{"timeUnixNano":'
        '"1795346412227327344","name":"ev","attributes":[{"key":"k","value":{"stringValue":"v"}}]}],"status":{}}]}]}]}\n'
    )

    (record,) = read(path, Errors())

    attributes = dict(record.attributes)
    assert str(attributes.pop("nan")) == "nan"
    assert attributes == {"a": 1, "b": True, "d": ["x", "y"], "e": b"\x01\x02", "f": {"k": 1}}
    assert record.parent_span_id == 0x16B870E7975B3314
    assert record.events == (SpanEventRecord(1795346412227327344, "ev", {"k": "v"}),)
    assert (record.kind, record.is_error, record.has_remote_parent) == (1, False, False)

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_sessionopt import semconv
from otel_sessionopt.ingest.span_record import SpanEventRecord, SpanRecord
from otel_sessionopt.writeback.record_span import MAX_VALUE_CHARS, RecordSpans


def span_of(**fields: Any) -> ReadableSpan:
    given = {"trace_id": 1, "span_id": 2, "parent_span_id": 3, "name": "n", "start_ns": 10, "end_ns": 20, **fields}
    span = RecordSpans().span(SpanRecord(**given))
    encode_spans([span])  # whatever it holds can be sent
    return span


def value_of(value: Any) -> Any:
    return (span_of(attributes={"key": value}).attributes or {}).get("key")


def test_ids_times_kind_scope_and_resource_stay() -> None:
    resource = MappingProxyType({"service.name": "coder"})
    span = span_of(kind=3, resource=resource, scope_name="s", scope_version="1", is_error=True, status_message="bad")
    assert span.parent is not None
    assert span.instrumentation_scope is not None
    assert (span.context.trace_id, span.context.span_id, span.parent.span_id) == (1, 2, 3)
    assert (span.start_time, span.end_time, span.kind) == (10, 20, SpanKind.CLIENT)
    assert (span.instrumentation_scope.name, span.resource.attributes["service.name"]) == ("s", "coder")
    assert (span.status.is_ok, span.status.description) == (False, "bad")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (True, True),
        (7, 7),
        (2**70, str(2**70)),
        (1.5, 1.5),
        (b"\xff1", "\ufffd1"),
        (None, None),
        (["a", "b"], ("a", "b")),
        ([1, "b"], '[1, "b"]'),
        ([], "[]"),
        ({"file_path": "a.py"}, '{"file_path": "a.py"}'),
        ("\ud800", "?"),
    ],
)
def test_values_become_what_a_receiver_takes(value: Any, expected: Any) -> None:
    assert value_of(value) == expected


def test_nesting_without_end_is_survived() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert value_of([endless, 1]) == ""


def test_secrets_are_masked_and_long_texts_cut_with_their_size_told() -> None:
    key = "ghp_" + "a1B2" * 9
    result = f"key {key} " + "x" * MAX_VALUE_CHARS
    attributes = span_of(attributes={semconv.TOOL_RESULT: result}).attributes or {}
    text = attributes[semconv.TOOL_RESULT]
    assert isinstance(text, str)
    assert key not in text
    assert len(text) <= MAX_VALUE_CHARS
    assert attributes[semconv.CONTENT_CHARS] == len(result)


def test_events_and_counts_of_dropped_attributes_stay() -> None:
    span = span_of(events=[SpanEventRecord(15, "e", {"a": {"b": 1}})], dropped_attributes=4)
    assert [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events] == [
        ("e", 15, {"a": '{"b": 1}'})
    ]
    assert span.dropped_attributes == 4

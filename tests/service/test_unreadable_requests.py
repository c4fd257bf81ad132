"""What the receiver took and the reader cannot read must not stop the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_sessionopt.service import span_reading
from otel_sessionopt.service.held_traces import request_from_json, split_by_trace
from otel_sessionopt.service.request_log import Form, Request, Signal
from tests.support.service_process import agent_request

TRACE = "ab" * 16
GOOD = {"traceId": TRACE, "spanId": "00000000000000aa", "name": "good", "startTimeUnixNano": "5"}


def document(*spans: Any, **resource: Any) -> dict[str, Any]:
    return {"resourceSpans": [{**resource, "scopeSpans": [{"spans": list(spans)}]}]}


def names(found: ExportTraceServiceRequest) -> list[str]:
    return [span.name for resource in found.resource_spans for scope in resource.scope_spans for span in scope.spans]


@pytest.mark.parametrize(
    "wrong",
    [
        {"startTimeUnixNano": "abc"},
        {"startTimeUnixNano": 2**70},
        {"attributes": 5},
        {"attributes": [{"key": 1}]},
        {"events": [1]},
        {"status": 7},
        {"flags": -5},
    ],
)
def test_of_json_that_is_no_otlp_the_other_spans_are_held(wrong: dict[str, Any]) -> None:
    spans = (GOOD, {**GOOD, "name": "bad", **wrong}, {**GOOD, "spanId": "00000000000000ab"})
    assert names(request_from_json(document(*spans))) == ["good", "good"]


def test_a_resource_that_is_none_takes_no_span_with_it() -> None:
    found = request_from_json(document(GOOD, resource=3))
    assert names(found) == ["good"]
    assert list(split_by_trace(found)) == [int(TRACE, 16)]


@pytest.mark.parametrize("depth", [60, 100, 400])
def test_a_span_too_deep_for_protobuf_is_left_out_alone(depth: int) -> None:
    value: Any = {"stringValue": "x"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    deep = {**GOOD, "name": "deep", "attributes": [{"key": "a", "value": value}]}
    found = request_from_json(document(deep, GOOD))
    assert names(found) == ["good"]
    assert list(split_by_trace(found)) == [int(TRACE, 16)]


def test_one_request_that_cannot_be_read_is_left_out_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def records(request: Request) -> Any:
        if request.form is Form.JSON:
            raise KeyError("what a span said")
        return original(request)

    original = span_reading.records_of
    monkeypatch.setattr(span_reading, "records_of", records)
    requests = [
        Request(Signal.TRACES, Form.JSON, False, 1, json.dumps(document(GOOD)).encode()),
        Request(Signal.TRACES, Form.PROTOBUF, False, 2, agent_request(0xABC, [1, 2])),
    ]
    arrived = span_reading.digests_of(requests)
    assert {trace: len(part.digests) for trace, part in arrived.items()} == {0xABC: 2}
    assert "cannot be read and is left out: KeyError" in caplog.text
    assert "what a span said" not in caplog.text

"""A synthetic agent run in traces of 50 spans: one agent, model calls, reads, searches and shell commands in turn.

Every span has 15 attributes; tool results are texts of about 2 KB, reads as 40 numbered lines. Sizes and mix follow the
real sessions that the tests read: half of all spans are model calls, a third of the tools are reads, and one read in
ten brings back what the context held already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SPANS_PER_TRACE = 50
ATTRIBUTES_PER_SPAN = 15
_COMPACTED_AFTER = 250
"""Spans after which the prompt starts anew: 150,000 tokens later, about where coding agents compact."""
START_NS = 1_760_000_000_000_000_000


def span_attributes(trace: int, index: int) -> dict[str, Any]:
    """Attributes of span `index` (from 1) of a trace, 15 of them."""
    if index % 2:
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.response.model": "claude-sonnet-4-5-20250929",
            "gen_ai.response.id": f"msg_{trace}_{index}",
            "gen_ai.usage.input_tokens": 20_000 + 600 * (index % _COMPACTED_AFTER),
            "gen_ai.usage.output_tokens": 220 + index % _COMPACTED_AFTER,
            "gen_ai.usage.cache_read.input_tokens": 19_000 + 600 * (index % _COMPACTED_AFTER),
            "gen_ai.usage.cache_write.input_tokens": 900,
        }
    else:
        step = index // 2
        tool, arguments, result = _tool_call(trace, step)
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.call.id": f"call_{trace}_{index}",
            "gen_ai.tool.call.arguments": json.dumps(arguments),
            "gen_ai.tool.call.result": result,
        }
    for number in range(ATTRIBUTES_PER_SPAN - len(attributes)):
        attributes[f"app.attribute.{number}"] = f"value {number} of {trace}"
    return attributes


def _tool_call(trace: int, step: int) -> tuple[str, dict[str, Any], str]:
    if step % 3 == 0:
        path = f"/src/module_{trace % 50}/file_{_file_number(step // 3)}.py"
        return "Read", {"file_path": path}, "\n".join(f"{n:6}→line {n} of {path} {'x' * 24}" for n in range(1, 41))
    if step % 3 == 1:
        # Searches of real agents hardly ever repeat.
        name = f"symbol{(trace * 31 + step) * 7919 % 99_991}"
        return "Grep", {"pattern": name, "path": "/src"}, f"{name} in a file\n" * 100
    return "Bash", {"command": f"make test-{step}"}, "ok all tests passed\n" * 100


def _file_number(read: int) -> int:
    """Which file the n-th read is of: one in ten brings back what was shown, as in the real sessions."""
    return read - 5 if read % 10 == 9 else read


def span_times(trace: int, index: int) -> tuple[int, int]:
    """Start and end of a span, epoch nanoseconds; index 0 is the root around the others."""
    start = START_NS + trace * 600_000_000_000
    if index == 0:
        return start, start + 500_000_000_000
    return start + index * 10_000_000_000, start + index * 10_000_000_000 + 8_000_000_000


def otlp_json_lines(traces: int) -> Iterator[str]:
    """One OTLP/JSON document a trace, as the Collector's file exporter writes them."""
    for trace in range(traces):
        spans = [_otlp_span(trace, index) for index in range(SPANS_PER_TRACE)]
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "benchmark"}}]}
        yield json.dumps(
            {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "bench"}, "spans": spans}]}]}
        )


def _otlp_span(trace: int, index: int) -> dict[str, Any]:
    start_ns, end_ns = span_times(trace, index)
    attributes = (
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "bench"}
        if index == 0
        else span_attributes(trace, index)
    )
    span = {
        "traceId": f"{trace + 1:032x}",
        "spanId": f"{trace * SPANS_PER_TRACE + index + 1:016x}",
        "name": str(attributes["gen_ai.operation.name"]),
        "kind": 1,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(end_ns),
        "attributes": [{"key": key, "value": _any_value(value)} for key, value in attributes.items()],
        "status": {},
    }
    if index:
        span["parentSpanId"] = f"{trace * SPANS_PER_TRACE + 1:016x}"
    return span


def _any_value(value: Any) -> dict[str, Any]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def write_otlp_json(path: Path, spans: int) -> None:
    """Write a JSON Lines file of about `spans` spans."""
    with path.open("w", encoding="utf-8") as file:
        for line in otlp_json_lines(spans // SPANS_PER_TRACE):
            file.write(line + "\n")


def write_otlp_protobuf(json_path: Path, path: Path) -> None:
    """The same spans as length-prefixed protobuf messages, as the Collector's file exporter writes `format: proto`."""
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    with json_path.open(encoding="utf-8") as lines, path.open("wb") as file:
        for line in lines:
            message = TracesData()
            resource_spans = message.resource_spans.add()
            document = json.loads(line)["resourceSpans"][0]
            scope_spans = resource_spans.scope_spans.add()
            for data in document["scopeSpans"][0]["spans"]:
                span = scope_spans.spans.add()
                span.trace_id, span.span_id = bytes.fromhex(data["traceId"]), bytes.fromhex(data["spanId"])
                span.parent_span_id = bytes.fromhex(data.get("parentSpanId", ""))
                span.name, span.kind = data["name"], 1
                span.start_time_unix_nano = int(data["startTimeUnixNano"])
                span.end_time_unix_nano = int(data["endTimeUnixNano"])
                for pair in data["attributes"]:
                    value = span.attributes.add(key=pair["key"]).value
                    if "intValue" in pair["value"]:
                        value.int_value = int(pair["value"]["intValue"])
                    else:
                        value.string_value = pair["value"]["stringValue"]
            data_bytes = message.SerializeToString()
            file.write(len(data_bytes).to_bytes(4, "big") + data_bytes)

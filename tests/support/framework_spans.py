"""Span records from two export formats that are not OTLP: test fixtures of strands-evals, and Langfuse's trace export.

Both keep the OTel attributes of real spans. What an export moved elsewhere is put back under the name it came with.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from otel_sessionopt.dialects import read_span
from otel_sessionopt.ingest.span_record import SpanEventRecord, SpanRecord
from otel_sessionopt.session import Release, Session, build_session

# Langfuse empties these names into the input and output of its observation.
_TAKEN_OUT = {
    "execute_tool": ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
    "chat": ("gen_ai.input.messages", "gen_ai.output.messages"),
}


def framework_sessions(path: Path) -> list[Session]:
    """The sessions in a file of either format, one a trace, in order of first appearance."""
    return sessions_from_records(framework_records(path))


def sessions_from_records(records: Iterable[SpanRecord]) -> list[Session]:
    """The sessions that spans make, one a trace."""
    traces: defaultdict[int, list[SpanRecord]] = defaultdict(list)
    for record in records:
        traces[record.trace_id].append(record)
    return [
        build_session(trace_id, [read_span(record) for record in members], Release())
        for trace_id, members in traces.items()
    ]


def framework_records(path: Path) -> Iterator[SpanRecord]:
    """The spans of a file of either format."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict) and "observations" in content:
        for observation in content["observations"]:
            yield _from_langfuse(observation)
    else:
        for span in content["spans"] if isinstance(content, dict) else content:
            yield _from_strands_evals(span)


def _from_strands_evals(span: Mapping[str, Any]) -> SpanRecord:
    attributes = dict(span["attributes"])
    events = []
    for event in span.get("span_events", ()):
        body = event.get("body")
        if isinstance(body, dict):  # an ADOT export: contents were moved from the span to a log record
            for name, side in (("input.value", "input"), ("output.value", "output")):
                messages = body.get(side, {}).get("messages") or [{}]
                attributes.setdefault(name, messages[-1].get("content"))
        else:
            events.append(SpanEventRecord(event["timestamp"], event["event_name"], event.get("attributes", {})))
    parent = span["parent_span_id"]
    return SpanRecord(
        trace_id=_id(span["trace_id"], 16),
        span_id=_id(span["span_id"], 8),
        parent_span_id=_id(parent, 8) if parent else None,
        name=span["name"],
        start_ns=span["start_time"],
        end_ns=span["end_time"],
        attributes=attributes,
        is_error=span["status"]["code"] == "ERROR",
        events=events,
        scope_name=span["scope"]["name"],
        scope_version=span["scope"]["version"],
    )


def _from_langfuse(observation: Mapping[str, Any]) -> SpanRecord:
    metadata = _decoded(observation.get("metadata")) or {}
    scope = _decoded(metadata.get("scope")) or {}
    attributes = dict(_decoded(metadata.get("attributes")) or {})
    given, output = observation.get("input"), observation.get("output")
    if scope.get("name") == "langfuse-sdk":
        attributes |= _observation_attributes(observation)
    elif "langsmith.span.kind" in attributes:
        attributes |= {"gen_ai.prompt": given, "gen_ai.completion": output}
    else:
        names = _TAKEN_OUT.get(attributes.get("gen_ai.operation.name", ""))
        if names is not None:
            for name, value in zip(names, (given, output), strict=True):
                attributes.setdefault(name, value)
    parent = observation.get("parentObservationId")
    return SpanRecord(
        trace_id=_id(observation["traceId"], 16),
        span_id=_id(observation["id"], 8),
        parent_span_id=_id(parent, 8) if parent else None,
        name=observation["name"],
        start_ns=_ns(observation["startTime"]),
        end_ns=_ns(observation["endTime"] or observation["startTime"]),
        attributes={name: value for name, value in attributes.items() if value is not None},
        is_error=observation.get("level") == "ERROR",
        resource=_decoded(metadata.get("resourceAttributes")) or {},
        scope_name=scope.get("name", ""),
        scope_version=scope.get("version", ""),
    )


def _observation_attributes(observation: Mapping[str, Any]) -> dict[str, Any]:
    """What Langfuse's SDK had on the span: the export keeps it in fields of its own only."""
    usage = observation.get("usageDetails")
    return {
        "langfuse.observation.type": observation["type"].lower(),
        "langfuse.observation.model.name": observation.get("model"),
        "langfuse.observation.input": observation.get("input"),
        "langfuse.observation.output": observation.get("output"),
        "langfuse.observation.level": observation.get("level"),
        "langfuse.observation.usage_details": json.dumps(usage) if usage else None,
    }


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _id(text: str, size: int) -> int:
    """An id of hexadecimal digits as a number; of others (some fixtures have words) a hash."""
    try:
        return int(text, 16)
    except ValueError:
        return int.from_bytes(blake2b(text.encode(), digest_size=size).digest(), "big")


def _ns(text: str) -> int:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1_000) * 1_000_000

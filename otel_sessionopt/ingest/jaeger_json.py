"""Jaeger's own JSON to `SpanRecord`s: what its older API answers and what its page saves as a file.

Source: `model/json/model.go` of Jaeger, and how it turns OTLP into tags (`otel.status_code`, `otel.scope.name`, …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from otel_sessionopt.ingest.json_cursor import JsonCursor
from otel_sessionopt.ingest.malformed import Malformed
from otel_sessionopt.ingest.span_record import EMPTY_ATTRIBUTES, SpanEventRecord, SpanRecord

_TRACES: Final = "data"
_NS_PER_US: Final = 1_000
_KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_MAX_US: Final = (2**64 - 1) // _NS_PER_US
# What Jaeger writes as tags although it is no attribute of the span.
_SCOPE_NAMES: Final = ("otel.scope.name", "otel.library.name")
_SCOPE_VERSIONS: Final = ("otel.scope.version", "otel.library.version")
_NOT_ATTRIBUTES: Final = frozenset(
    {"span.kind", "otel.status_code", "otel.status_description", *_SCOPE_NAMES, *_SCOPE_VERSIONS}
)

Report = Callable[[str], None]


def is_jaeger_document(value: object) -> bool:
    """Whether a decoded JSON value is an answer of Jaeger's older API: `{"data": [{"traceID": …, "spans": […]}]}`."""
    traces = value.get(_TRACES) if isinstance(value, dict) else None
    first = traces[0] if isinstance(traces, list) and traces else None
    return isinstance(first, dict) and "traceID" in first and "spans" in first


def records_from_jaeger(cursor: JsonCursor, report: Report) -> Iterator[SpanRecord]:
    """Spans of the document at the cursor; one trace is held at a time.

    Raises `Malformed` where the text is no JSON; `report` is told what is JSON but cannot be read.
    """
    for key in cursor.members():
        if key == _TRACES and cursor.next_is("["):
            for _ in cursor.elements():
                yield from _records_of_trace(cursor.value(), report)
        else:
            cursor.skip()


def _records_of_trace(trace: Any, report: Report) -> Iterator[SpanRecord]:
    spans = trace.get("spans") if isinstance(trace, dict) else None
    if not isinstance(spans, list):
        report("an element of `data` is not a trace with `spans`")
        return
    processes = trace.get("processes")
    resources = {key: _resource(each) for key, each in processes.items()} if isinstance(processes, dict) else {}
    for span in spans:
        try:
            yield _record(span, resources)
        except Malformed as malformed:
            report(f"span left out: {malformed}")


def _resource(process: Any) -> Mapping[str, Any]:
    if not isinstance(process, dict):
        return EMPTY_ATTRIBUTES
    resource = _tags(process.get("tags"))
    if isinstance(process.get("serviceName"), str):
        resource["service.name"] = process["serviceName"]
    return resource


def _record(span: Any, resources: Mapping[str, Mapping[str, Any]]) -> SpanRecord:
    """One span. Raises `Malformed` where it has no valid ids or times."""
    if not isinstance(span, dict):
        raise Malformed("it is not an object")
    trace_id = _id(span.get("traceID"), 32, "traceID")
    tags = _tags(span.get("tags"))
    start_ns = _microseconds(span.get("startTime"), "startTime")
    own = span.get("process")
    resource = _resource(own) if isinstance(own, dict) else resources.get(str(span.get("processID")), EMPTY_ATTRIBUTES)
    name = span.get("operationName")
    return SpanRecord(
        trace_id,
        _id(span.get("spanID"), 16, "spanID"),
        _parent(span, trace_id),
        name if isinstance(name, str) else "",
        start_ns,
        start_ns + _microseconds(span.get("duration") or 0, "duration"),
        {key: value for key, value in tags.items() if key not in _NOT_ATTRIBUTES},
        _KINDS.get(str(tags.get("span.kind")), 0),
        tags.get("otel.status_code") == "ERROR" or tags.get("error") in (True, "true"),
        str(tags.get("otel.status_description") or ""),
        _events(span.get("logs")),
        resource,
        _first_text(tags, _SCOPE_NAMES),
        _first_text(tags, _SCOPE_VERSIONS),
    )


def _parent(span: Mapping[str, Any], trace_id: int) -> int | None:
    """The span that a reference in the same trace names; `parentSpanID` in what very old versions saved."""
    references = span.get("references")
    for reference in references if isinstance(references, list) else ():
        if not isinstance(reference, dict) or reference.get("refType") != "CHILD_OF":
            continue
        if _id(reference.get("traceID") or span["traceID"], 32, "reference") == trace_id:
            return _id(reference.get("spanID"), 16, "reference")
    parent = span.get("parentSpanID")
    return _id(parent, 16, "parentSpanID") if parent and set(str(parent)) != {"0"} else None


def _tags(tags: Any) -> dict[str, Any]:
    """`[{"key", "type", "value"}]` as a dict; what is no tag is left out."""
    found: dict[str, Any] = {}
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict) and isinstance(tag.get("key"), str):
            value, kind = tag.get("value"), tag.get("type")
            # JavaScript keeps no 64-bit integers, so older versions write them as text.
            if kind == "int64" and isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 21:
                value = int(value)
            found[tag["key"]] = value
    return found


def _events(logs: Any) -> tuple[SpanEventRecord, ...]:
    events = []
    for log in logs if isinstance(logs, list) else ():
        if isinstance(log, dict):
            fields = _tags(log.get("fields"))
            name = fields.pop("event", "")
            time_ns = _microseconds(log.get("timestamp") or 0, "timestamp of a log")
            events.append(SpanEventRecord(time_ns, name if isinstance(name, str) else "", fields))
    return tuple(events)


def _first_text(tags: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := tags.get(name), str)), "")


def _id(value: Any, digits: int, name: str) -> int:
    """The id as a number; leading zeros may be left away."""
    try:
        number = int(value, 16) if isinstance(value, str) and 0 < len(value) <= digits else 0
    except ValueError:
        number = 0
    if number <= 0:
        raise Malformed(f"its {name} is not up to {digits} hex digits, or zero")
    return number


def _microseconds(value: Any, name: str) -> int:
    """Nanoseconds."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MAX_US:
        raise Malformed(f"its {name} is not a number of microseconds")
    return int(value) * _NS_PER_US

"""One span of OTLP/JSON, as `json` decodes it, to a `SpanRecord`.

Read with tolerance: camel and snake case, numbers as text or as numbers, names of enums, ids in hex of either case or
in the base64 of plain protobuf dumps, null for absent, unknown keys.

Source: opentelemetry-proto, `docs/specification.md`, "JSON Protobuf Encoding".
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode
from collections.abc import Callable, Mapping
from sys import intern
from typing import Any, Final

from otel_sessionopt.ingest.malformed import Malformed
from otel_sessionopt.ingest.scope import Scope
from otel_sessionopt.ingest.span_record import EMPTY_ATTRIBUTES, SpanEventRecord, SpanRecord

_KINDS: Final = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
_ERROR_CODES: Final = (2, "2", "STATUS_CODE_ERROR")
_REMOTE_FLAGS: Final = 0x300  # bit 8: it is known whether the parent is remote, bit 9: it is
_MAX_TIME_NS: Final = 2**64 - 1


def record_from_json(span: Any, scope: Scope) -> SpanRecord:
    """One span. Raises `Malformed` where it has no valid ids or a value is of the wrong type."""
    if type(span) is not dict:
        raise Malformed("it is not an object")
    get = span.get
    trace_id = json_id(get("traceId") or get("trace_id"), 16, "traceId")
    span_id = json_id(get("spanId") or get("span_id"), 8, "spanId")
    if not trace_id or not span_id:
        raise Malformed(f"its {'spanId' if trace_id else 'traceId'} is missing or zero")
    parent = get("parentSpanId") or get("parent_span_id")
    items = get("attributes")
    events = get("events")
    status = get("status")
    is_error, status_message = _status(status) if status else (False, "")
    flags = get("flags")
    dropped = get("droppedAttributesCount") or get("dropped_attributes_count")
    return SpanRecord(
        trace_id,
        span_id,
        (json_id(parent, 8, "parentSpanId") or None) if parent else None,
        json_text(span, "name"),
        json_time(get("startTimeUnixNano") or get("start_time_unix_nano") or 0, "startTimeUnixNano"),
        json_time(get("endTimeUnixNano") or get("end_time_unix_nano") or 0, "endTimeUnixNano"),
        json_attributes(items) if items else EMPTY_ATTRIBUTES,
        _kind(get("kind") or 0),
        is_error,
        status_message,
        _events(events) if events else (),
        scope.resource,
        scope.name,
        scope.version,
        (json_integer(flags) & _REMOTE_FLAGS == _REMOTE_FLAGS) if flags else False,
        json_integer(dropped) if dropped else 0,
    )


def json_attributes(items: Any) -> dict[str, Any]:
    """An array of `{"key": …, "value": …}` as a dict. Raises `Malformed`."""
    attributes: dict[str, Any] = {}
    if items is None:
        return attributes
    if type(items) is not list:
        raise Malformed("`attributes` is not an array")
    try:
        for item in items:
            value = item["value"]
            text = value.get("stringValue")
            attributes[intern(item["key"])] = (
                text if type(text) is str else json_value(value)
            )  # raises for a key that is no text
    except (KeyError, TypeError, AttributeError):
        return _uncommon_attributes(items)
    return attributes


def _uncommon_attributes(items: list[Any]) -> dict[str, Any]:
    """Attributes where one of them has no value, or is no attribute at all."""
    attributes = {}
    for item in items:
        if type(item) is not dict or type(item.get("key")) is not str:
            raise Malformed("an attribute has no key")
        attributes[item["key"]] = json_value(item.get("value"))
    return attributes


def json_value(value: Any) -> Any:
    """What an `AnyValue` holds. Raises `Malformed`."""
    if not value:
        return None  # an empty object stands for null
    if type(value) is not dict:
        raise Malformed("an attribute's value is not an object")
    for kind, content in value.items():
        convert = _VALUE_KINDS.get(kind)
        if convert and content is not None:
            return convert(content)
    return None


def _string_value(content: Any) -> str:
    if type(content) is not str:
        raise Malformed("a `stringValue` is not text")
    return content


def _bool_value(content: Any) -> bool:
    if type(content) is not bool:
        raise Malformed("a `boolValue` is neither true nor false")
    return content


def _double_value(content: Any) -> float:
    if type(content) in (int, float, str):
        try:
            return float(content)  # "NaN", "Infinity" and "-Infinity" too
        except (ValueError, OverflowError):
            pass
    raise Malformed("a `doubleValue` is not a number")


def _bytes_value(content: Any) -> bytes:
    if type(content) is str:
        try:
            return b64decode(content)
        except (binascii.Error, ValueError):
            pass
    raise Malformed("a `bytesValue` is not base64")


def _array_value(content: Any) -> list[Any]:
    values = content.get("values") if type(content) is dict else content
    if values is None:
        return []
    if type(values) is not list:
        raise Malformed("an `arrayValue` has no array of values")
    return [json_value(value) for value in values]


def _kvlist_value(content: Any) -> dict[str, Any]:
    return json_attributes(content.get("values") if type(content) is dict else content)


def json_integer(value: Any) -> int:
    """An integer given as a number or as decimal text."""
    if type(value) is str and len(value) <= 20 and (value.isdecimal() or value.removeprefix("-").isdecimal()):
        return int(value)
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        return int(value)
    raise Malformed("a whole number is expected where something else stands")


_VALUE_KINDS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "stringValue": _string_value,
    "boolValue": _bool_value,
    "intValue": json_integer,
    "doubleValue": _double_value,
    "arrayValue": _array_value,
    "kvlistValue": _kvlist_value,
    "bytesValue": _bytes_value,
    "string_value": _string_value,
    "bool_value": _bool_value,
    "int_value": json_integer,
    "double_value": _double_value,
    "array_value": _array_value,
    "kvlist_value": _kvlist_value,
    "bytes_value": _bytes_value,
}


def json_id(value: Any, size: int, name: str) -> int:
    """The id as a number, 0 where it is absent or all zeros."""
    if not value:
        return 0
    try:
        # In plain protobuf dumps ids are base64: 16 and 8 bytes are then 24 and 12 characters.
        data = bytes.fromhex(value) if len(value) == 2 * size else b64decode(value, validate=True)
    except (TypeError, ValueError):
        data = b""
    if len(data) != size:
        raise Malformed(f"its {name} is not {2 * size} hex digits")
    return int.from_bytes(data, "big")


def json_time(value: Any, name: str) -> int:
    """A time in nanoseconds since 1970. Raises `Malformed`."""
    if type(value) is str and value.isdecimal() and len(value) <= 20:
        time_ns = int(value)
    elif type(value) is str:
        time_ns = -1
    else:
        time_ns = json_integer(value)
    if not 0 <= time_ns <= _MAX_TIME_NS:
        raise Malformed(f"its {name} is not a time in nanoseconds since 1970")
    return time_ns


def _kind(value: Any) -> int:
    if type(value) is str and not value.isdecimal():
        return _KINDS.get(value, 0)
    number = json_integer(value)
    return number if 0 <= number <= 5 else 0


def _status(status: Any) -> tuple[bool, str]:
    if type(status) is not dict:
        raise Malformed("its status is not an object")
    return status.get("code") in _ERROR_CODES, json_text(status, "message")


def json_text(holder: Mapping[str, Any], name: str) -> str:
    """The text under a name, empty where it is absent or null. Raises `Malformed`."""
    value = holder.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise Malformed(f"its {name} is not text")
    return value


def _events(events: Any) -> tuple[SpanEventRecord, ...]:
    if type(events) is not list:
        raise Malformed("its events are not an array")
    records = []
    for event in events:
        if type(event) is not dict:
            raise Malformed("one of its events is not an object")
        time_ns = json_time(event.get("timeUnixNano") or event.get("time_unix_nano") or 0, "timeUnixNano")
        records.append(SpanEventRecord(time_ns, json_text(event, "name"), json_attributes(event.get("attributes"))))
    return tuple(records)

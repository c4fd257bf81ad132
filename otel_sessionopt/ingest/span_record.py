"""`SpanRecord`: one immutable span, from whatever source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

EMPTY_ATTRIBUTES: Mapping[str, Any] = MappingProxyType({})


class SpanEventRecord(NamedTuple):
    """One span event: `time_ns` since the epoch, its name and its attributes."""

    time_ns: int
    name: str
    attributes: Mapping[str, Any] = EMPTY_ATTRIBUTES


class SpanRecord(NamedTuple):
    """One ended span, as its source gave it; nothing interpreted yet.

    A tuple and not a frozen dataclass because one is made for every span: it is built three times as fast.
    The mappings are shared with the source; nobody may change them.

    Attributes:
        trace_id: 128-bit id, never 0.
        span_id: 64-bit id, never 0.
        parent_span_id: 64-bit id of the parent, `None` for a root.
        name: span name as sent.
        start_ns, end_ns: nanoseconds since the epoch; `end_ns < start_ns` occurs when clocks jump.
        attributes: values as OTLP allows them: str, bool, int, float, bytes, None, lists and mappings of these.
        kind: OTLP number: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
        is_error: span status is ERROR.
        status_message: description beside the status, may be empty.
        resource: resource attributes, one mapping shared by all spans of the resource.
        has_remote_parent: the parent is in another process, as far as the source knows.
        dropped_attributes: how many attributes the sender dropped.
    """

    trace_id: int
    span_id: int
    parent_span_id: int | None
    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any] = EMPTY_ATTRIBUTES
    kind: int = 0
    is_error: bool = False
    status_message: str = ""
    events: Sequence[SpanEventRecord] = ()
    resource: Mapping[str, Any] = EMPTY_ATTRIBUTES
    scope_name: str = ""
    scope_version: str = ""
    has_remote_parent: bool = False
    dropped_attributes: int = 0

"""Spans read from files or transcripts, as spans of the SDK that can be sent on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import Status, StatusCode

from otel_sessionopt import semconv
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.report.masking import mask_secrets

MAX_VALUE_CHARS: Final = 16_384
"""Of one value. Jaeger shows such a text in a few screens; the largest result of a tool would fill a request alone."""
_MAX_INT: Final = 2**63
_PLAIN: Final = (str, bool, int, float)
_SAMPLED: Final = trace.TraceFlags(trace.TraceFlags.SAMPLED)


class RecordSpans:
    """Makes SDK spans of span records. Ids and times stay; secrets in texts are masked, long texts cut.

    What a record does not hold, links and trace state, is not there either.
    """

    def __init__(self) -> None:
        # Records of one sender come one after the other and share the mapping.
        self._resource: tuple[Mapping[str, Any], Resource] | None = None
        self._scope = InstrumentationScope("")

    def span(self, record: SpanRecord) -> ReadableSpan:
        """The span of a record."""
        parent = record.parent_span_id
        return ReadableSpan(
            name=record.name or "(no name)",
            context=_context(record.trace_id, record.span_id),
            parent=None if parent is None else _context(record.trace_id, parent, is_remote=record.has_remote_parent),
            resource=self._resource_of(record),
            attributes=_attributes(record),
            events=[Event(each.name, _plain_values(each.attributes), each.time_ns) for each in record.events],
            kind=SpanKind(record.kind - 1) if 1 <= record.kind <= len(SpanKind) else SpanKind.INTERNAL,
            status=_status(record),
            start_time=record.start_ns,
            end_time=max(record.start_ns, record.end_ns),
            instrumentation_scope=self._scope_of(record),
        )

    def _resource_of(self, record: SpanRecord) -> Resource:
        if self._resource is None or self._resource[0] is not record.resource:
            self._resource = (record.resource, Resource(_plain_values(record.resource)))
        return self._resource[1]

    def _scope_of(self, record: SpanRecord) -> InstrumentationScope:
        if (self._scope.name, self._scope.version or "") != (record.scope_name, record.scope_version):
            self._scope = InstrumentationScope(record.scope_name, record.scope_version)
        return self._scope


def _attributes(record: SpanRecord) -> BoundedAttributes:
    values = _plain_values(record.attributes)
    result = record.attributes.get(semconv.TOOL_RESULT)
    if isinstance(result, str) and len(result) > MAX_VALUE_CHARS:
        values.setdefault(semconv.CONTENT_CHARS, len(result))  # so that the size is still known where it is read again
    attributes = BoundedAttributes(None, values)
    attributes.dropped = record.dropped_attributes
    return attributes


def _status(record: SpanRecord) -> Status:
    if not record.is_error:
        return Status(StatusCode.UNSET)
    return Status(StatusCode.ERROR, _text(record.status_message) or None)


def _plain_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    plain = ((key, _plain(value)) for key, value in attributes.items() if key)
    return {key: value for key, value in plain if value is not None}


def _plain(value: Any) -> Any:
    """The value as the API allows it: a text, a number, or a list of one kind of these; what is more is JSON text."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _text(value.decode("utf-8", "replace"))
    if isinstance(value, int) and not -_MAX_INT <= value < _MAX_INT:
        return str(value)
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, Sequence) and value and all(type(each) is type(value[0]) for each in value):
        if isinstance(value[0], str):
            return [_text(each) for each in value]
        if isinstance(value[0], (bool, float)):
            return list(value)
    return _text(_json(value))


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        return ""  # nested without end


def _text(text: str) -> str:
    shown = mask_secrets(text[:MAX_VALUE_CHARS])
    return shown.encode("utf-8", "replace").decode("utf-8")  # lone surrogates are no UTF-8


def _context(trace_id: int, span_id: int, *, is_remote: bool = False) -> trace.SpanContext:
    return trace.SpanContext(trace_id, span_id, is_remote=is_remote, trace_flags=_SAMPLED)

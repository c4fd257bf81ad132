"""OTLP/JSON documents to `SpanRecord`s: decoded ones, and text that is walked through piece by piece.

Old names of the levels, null for absent and unknown keys are read with tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from otel_sessionopt.ingest.json_cursor import JsonCursor
from otel_sessionopt.ingest.json_span import json_attributes, json_text, record_from_json
from otel_sessionopt.ingest.malformed import Malformed
from otel_sessionopt.ingest.scope import Scope
from otel_sessionopt.ingest.span_record import SpanRecord

RESOURCE_SPANS: Final = ("resourceSpans", "resource_spans")
_SCOPE_SPANS: Final = (
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",  # until 2022
    "instrumentation_library_spans",
)
_SCOPE: Final = ("scope", "instrumentationLibrary", "instrumentation_library")
_WRAPPER: Final = "result"  # of Jaeger's API v3
DOCUMENT_KEYS: Final = (*RESOURCE_SPANS, "resourceLogs", "resource_logs", "resourceMetrics", "resource_metrics")
"""A JSON object with one of these is OTLP; only the first two bring spans."""

_NO_DOCUMENT: Final = "a JSON object with `resourceSpans` is expected here"

Report = Callable[[str], None]


def is_otlp_document(value: object) -> bool:
    """Whether a decoded JSON value is an OTLP document of any signal."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and any(key in _unwrapped(first) for key in DOCUMENT_KEYS)


def records_from_document(document: object, report: Report) -> list[SpanRecord]:
    """Spans of one decoded document, or of an array of them; those of logs or metrics have none.

    What cannot be read is told to `report`.
    """
    records: list[SpanRecord] = []
    for part in document if isinstance(document, list) else (document,):
        if not isinstance(part, dict):
            report(_NO_DOCUMENT)
            continue
        for resource_spans in _objects(_unwrapped(part), RESOURCE_SPANS, report):
            records += _records_from_resource_spans(resource_spans, report)
    return records


def records_from_text(cursor: JsonCursor, report: Report) -> Iterator[SpanRecord]:
    """Spans of the document, or array of documents, at the cursor.

    One span is held at a time where `resource` and `scope` come before the spans, as every encoder known writes them.
    Raises `Malformed` where the text is no JSON; `report` is told what is JSON but cannot be read.
    """
    if not cursor.next_is("["):
        yield from _walk_document(cursor, report)
        return
    for _ in cursor.elements():
        yield from _walk_document(cursor, report)


def _walk_document(cursor: JsonCursor, report: Report, *, is_wrapped: bool = False) -> Iterator[SpanRecord]:
    if not cursor.next_is("{"):
        cursor.skip()
        report(_NO_DOCUMENT)
        return
    for key in cursor.members():
        if key in RESOURCE_SPANS and cursor.next_is("["):
            for _ in cursor.elements():
                yield from _walk_resource_spans(cursor, report)
        elif key in RESOURCE_SPANS:
            _expect_null(cursor, key, report)
        elif key == _WRAPPER and not is_wrapped and cursor.next_is("{"):
            yield from _walk_document(cursor, report, is_wrapped=True)
        else:
            cursor.skip()


def _expect_null(cursor: JsonCursor, key: str, report: Report) -> None:
    is_null = cursor.next_is("n")
    cursor.skip()  # first: what is no JSON at all is told as that
    if not is_null:
        report(f"`{key}` is not an array")


def _unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    inner = document.get(_WRAPPER)
    return inner if isinstance(inner, dict) else document


def _walk_resource_spans(cursor: JsonCursor, report: Report) -> Iterator[SpanRecord]:
    if not cursor.next_is("{"):
        cursor.skip()
        report("an element of `resourceSpans` is not an object")
        return
    resource: dict[str, Any] = {}
    for key in cursor.members():
        if key in _SCOPE_SPANS and "resource" in resource and cursor.next_is("["):
            scope = _scope(resource, report)
            for _ in cursor.elements():
                yield from _walk_scope_spans(cursor, scope, report)
        elif key in _SCOPE_SPANS or key == "resource":
            # Scopes before their resource are held until it is known: rare, and senders of that kind are small.
            resource.setdefault(key, cursor.value())
        else:
            cursor.skip()
    if any(key in resource for key in _SCOPE_SPANS):
        yield from _records_from_resource_spans(resource, report)


def _walk_scope_spans(cursor: JsonCursor, resource: Scope, report: Report) -> Iterator[SpanRecord]:
    if not cursor.next_is("{"):
        cursor.skip()
        report("an element of `scopeSpans` is not an object")
        return
    held: dict[str, Any] = {}
    for key in cursor.members():
        if key == "spans" and any(name in held for name in _SCOPE) and cursor.next_is("["):
            scope = _with_scope(resource, held, report)
            for _ in cursor.elements():
                if record := _record(cursor.value(), scope, report):
                    yield record
        elif key == "spans" or key in _SCOPE:
            held.setdefault(key, cursor.value())
        else:
            cursor.skip()
    if "spans" in held:
        yield from _records_from_scope_spans(held, resource, report)


def _records_from_resource_spans(resource_spans: Mapping[str, Any], report: Report) -> list[SpanRecord]:
    resource = _scope(resource_spans, report)
    records: list[SpanRecord] = []
    for scope_spans in _objects(resource_spans, _SCOPE_SPANS, report):
        records += _records_from_scope_spans(scope_spans, resource, report)
    return records


def _records_from_scope_spans(scope_spans: Mapping[str, Any], resource: Scope, report: Report) -> list[SpanRecord]:
    spans = scope_spans.get("spans")
    if spans is not None and not isinstance(spans, list):
        report("`spans` is not an array")
    if not spans or not isinstance(spans, list):
        return []
    scope = _with_scope(resource, scope_spans, report)
    return [record for span in spans if (record := _record(span, scope, report))]


def _record(span: Any, scope: Scope, report: Report) -> SpanRecord | None:
    """The span; `None`, and reported, where it cannot be read."""
    try:
        return record_from_json(span, scope)
    except Malformed as malformed:
        report(f"span left out: {malformed}")
    except RecursionError:
        report("span left out: nested too deep to be read")
    return None


def _objects(holder: Mapping[str, Any], names: tuple[str, ...], report: Report) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = []
    for name in names:
        elements = holder.get(name)
        if elements is None:
            continue
        if not isinstance(elements, list):
            report(f"`{name}` is not an array")
            continue
        for element in elements:
            if isinstance(element, dict):
                objects.append(element)
            else:
                report(f"an element of `{name}` is not an object")
    return objects


def _scope(resource_spans: Mapping[str, Any], report: Report) -> Scope:
    resource = resource_spans.get("resource")
    if not resource:
        return Scope()
    try:
        if not isinstance(resource, dict):
            raise Malformed("not an object")
        return Scope(json_attributes(resource.get("attributes")))
    except Malformed as malformed:
        report(f"resource attributes left out: {malformed}")
        return Scope()


def _with_scope(resource: Scope, scope_spans: Mapping[str, Any], report: Report) -> Scope:
    scope = next((scope_spans[name] for name in _SCOPE if scope_spans.get(name)), None)
    if scope is None:
        return resource
    try:
        if not isinstance(scope, dict):
            raise Malformed("not an object")
        return resource._replace(name=json_text(scope, "name"), version=json_text(scope, "version"))
    except Malformed as malformed:
        report(f"scope left out: {malformed}")
        return resource

"""OTLP/JSON documents to records of spans and logs: decoded ones, and text that is walked through piece by piece.

Old names of the levels, null for absent and unknown keys are read with tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from otel_sessionopt.ingest.json_cursor import JsonCursor
from otel_sessionopt.ingest.json_log import log_from_json
from otel_sessionopt.ingest.json_span import json_attributes, json_text, record_from_json
from otel_sessionopt.ingest.log_record import Record
from otel_sessionopt.ingest.malformed import Malformed
from otel_sessionopt.ingest.scope import Scope


class _Signal(NamedTuple):
    """How a signal's levels are called, and what makes a record of one of its elements."""

    resources: tuple[str, ...]
    scopes: tuple[str, ...]
    elements: tuple[str, ...]
    noun: str
    decode: Callable[[Any, Scope], Record]


_SPANS: Final = _Signal(
    ("resourceSpans", "resource_spans"),
    ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans"),  # until 2022
    ("spans",),
    "span",
    record_from_json,
)
_LOGS: Final = _Signal(
    ("resourceLogs", "resource_logs"),
    ("scopeLogs", "scope_logs", "instrumentationLibraryLogs", "instrumentation_library_logs"),
    ("logRecords", "log_records", "logs"),
    "log record",
    log_from_json,
)
_SIGNALS: Final = {name: signal for signal in (_SPANS, _LOGS) for name in signal.resources}
_SCOPE: Final = ("scope", "instrumentationLibrary", "instrumentation_library")
_WRAPPER: Final = "result"  # of Jaeger's API v3
DOCUMENT_KEYS: Final = (*_SIGNALS, "resourceMetrics", "resource_metrics")
"""A JSON object with one of these is OTLP; metrics are passed over."""

_NO_DOCUMENT: Final = "a JSON object with `resourceSpans` or `resourceLogs` is expected here"

Report = Callable[[str], None]


def is_otlp_document(value: object) -> bool:
    """Whether a decoded JSON value is an OTLP document of any signal."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and any(key in _unwrapped(first) for key in DOCUMENT_KEYS)


def records_from_document(document: object, report: Report) -> list[Record]:
    """Spans and log records of one decoded document, or of an array of them; those of metrics have none.

    What cannot be read is told to `report`.
    """
    records: list[Record] = []
    for part in document if isinstance(document, list) else (document,):
        if not isinstance(part, dict):
            report(_NO_DOCUMENT)
            continue
        for signal in (_SPANS, _LOGS):
            for resource in _objects(_unwrapped(part), signal.resources, report):
                records += _records_from_resource(resource, signal, report)
    return records


def records_from_text(cursor: JsonCursor, report: Report) -> Iterator[Record]:
    """Spans and log records of the document, or array of documents, at the cursor.

    One record is held at a time where `resource` and `scope` come before the spans, as every encoder known writes them.
    Raises `Malformed` where the text is no JSON; `report` is told what is JSON but cannot be read.
    """
    if not cursor.next_is("["):
        yield from _walk_document(cursor, report)
        return
    for _ in cursor.elements():
        yield from _walk_document(cursor, report)


def _walk_document(cursor: JsonCursor, report: Report, *, is_wrapped: bool = False) -> Iterator[Record]:
    if not cursor.next_is("{"):
        cursor.skip()
        report(_NO_DOCUMENT)
        return
    for key in cursor.members():
        if key in _SIGNALS and cursor.next_is("["):
            for _ in cursor.elements():
                yield from _walk_resource(cursor, _SIGNALS[key], report)
        elif key in _SIGNALS:
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


def _walk_resource(cursor: JsonCursor, signal: _Signal, report: Report) -> Iterator[Record]:
    if not cursor.next_is("{"):
        cursor.skip()
        report(f"an element of `{signal.resources[0]}` is not an object")
        return
    resource: dict[str, Any] = {}
    for key in cursor.members():
        if key in signal.scopes and "resource" in resource and cursor.next_is("["):
            scope = _scope(resource, report)
            for _ in cursor.elements():
                yield from _walk_scope(cursor, scope, signal, report)
        elif key in signal.scopes or key == "resource":
            # Scopes before their resource are held until it is known: rare, and senders of that kind are small.
            resource.setdefault(key, cursor.value())
        else:
            cursor.skip()
    if any(key in resource for key in signal.scopes):
        yield from _records_from_resource(resource, signal, report)


def _walk_scope(cursor: JsonCursor, resource: Scope, signal: _Signal, report: Report) -> Iterator[Record]:
    if not cursor.next_is("{"):
        cursor.skip()
        report(f"an element of `{signal.scopes[0]}` is not an object")
        return
    held: dict[str, Any] = {}
    for key in cursor.members():
        if key in signal.elements and any(name in held for name in _SCOPE) and cursor.next_is("["):
            scope = _with_scope(resource, held, report)
            for _ in cursor.elements():
                if record := _record(cursor.value(), scope, signal, report):
                    yield record
        elif key in signal.elements or key in _SCOPE:
            held.setdefault(key, cursor.value())
        else:
            cursor.skip()
    if any(key in held for key in signal.elements):
        yield from _records_from_scope(held, resource, signal, report)


def _records_from_resource(holder: Mapping[str, Any], signal: _Signal, report: Report) -> list[Record]:
    resource = _scope(holder, report)
    records: list[Record] = []
    for scope in _objects(holder, signal.scopes, report):
        records += _records_from_scope(scope, resource, signal, report)
    return records


def _records_from_scope(holder: Mapping[str, Any], resource: Scope, signal: _Signal, report: Report) -> list[Record]:
    name = next((name for name in signal.elements if name in holder), signal.elements[0])
    elements = holder.get(name)
    if elements is not None and not isinstance(elements, list):
        report(f"`{name}` is not an array")
    if not elements or not isinstance(elements, list):
        return []
    scope = _with_scope(resource, holder, report)
    return [record for element in elements if (record := _record(element, scope, signal, report))]


def _record(element: Any, scope: Scope, signal: _Signal, report: Report) -> Record | None:
    """The record; `None`, and reported, where it cannot be read."""
    try:
        return signal.decode(element, scope)
    except Malformed as malformed:
        report(f"{signal.noun} left out: {malformed}")
    except RecursionError:
        report(f"{signal.noun} left out: nested too deep to be read")
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

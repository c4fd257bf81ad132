"""SDK spans as records."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otel_sessionopt.ingest.readable_span import record_from_readable_span
from otel_sessionopt.ingest.span_record import SpanRecord

# `create`, or the SDK's fork hook deadlocks: it needs `concurrent.futures.thread` to have registered its own before.
PROVIDER = TracerProvider(resource=Resource.create({"service.name": "agent"}), shutdown_on_exit=False)
TRACER = PROVIDER.get_tracer("library", "1.2")


def record_of(**arguments: Any) -> SpanRecord:
    """The record of a span made with `start_span(**arguments)`, from 1 to 5 µs."""
    span = TRACER.start_span(**{"name": "chat", "start_time": 1_000, **arguments})
    span.end(5_000)
    assert isinstance(span, ReadableSpan)
    return record_from_readable_span(span)


def test_ids_name_and_times_are_those_of_the_span() -> None:
    span = TRACER.start_span("chat", start_time=1_000)
    span.end(5_000)
    assert isinstance(span, ReadableSpan)
    record = record_from_readable_span(span)
    context = span.get_span_context()
    assert context is not None
    assert (record.trace_id, record.span_id) == (context.trace_id, context.span_id)
    assert (record.name, record.start_ns, record.end_ns) == ("chat", 1_000, 5_000)
    assert record.parent_span_id is None


def test_attributes_are_a_plain_dict_with_the_values_of_the_span() -> None:
    attributes = {"text": "x", "flag": True, "number": 3, "ratio": 0.5, "list": ("a", "b"), "bytes": b"\x00"}
    record = record_of(attributes=attributes)
    assert type(record.attributes) is dict
    assert record.attributes == attributes


def test_kinds_are_numbered_as_in_otlp() -> None:
    numbers = {kind: record_of(kind=kind).kind for kind in SpanKind}
    assert numbers == {
        SpanKind.INTERNAL: 1,
        SpanKind.SERVER: 2,
        SpanKind.CLIENT: 3,
        SpanKind.PRODUCER: 4,
        SpanKind.CONSUMER: 5,
    }


def test_an_error_has_its_message() -> None:
    span = TRACER.start_span("chat")
    span.set_status(Status(StatusCode.ERROR, "overloaded"))
    span.end()
    record = record_from_readable_span(span)
    assert (record.is_error, record.status_message) == (True, "overloaded")


def test_ok_and_unset_are_no_errors() -> None:
    assert record_of().is_error is False
    span = TRACER.start_span("chat")
    span.set_status(StatusCode.OK)
    span.end()
    assert record_from_readable_span(span).is_error is False


def test_a_remote_parent_is_told() -> None:
    parent = SpanContext(7, 9, is_remote=True, trace_flags=TraceFlags(1))
    record = record_of(context=trace.set_span_in_context(trace.NonRecordingSpan(parent)))
    assert (record.trace_id, record.parent_span_id, record.has_remote_parent) == (7, 9, True)


def test_events_resource_and_scope_come_along() -> None:
    span = TRACER.start_span("chat")
    span.add_event("gen_ai.choice", {"index": 0}, timestamp=3)
    span.end()
    record = record_from_readable_span(span)
    (event,) = record.events
    assert (event.name, event.time_ns, dict(event.attributes)) == ("gen_ai.choice", 3, {"index": 0})
    assert record.resource["service.name"] == "agent"
    assert (record.scope_name, record.scope_version) == ("library", "1.2")


def test_dropped_attributes_are_counted() -> None:
    provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=2), shutdown_on_exit=False)
    span = provider.get_tracer("x").start_span("chat", attributes={"a": 1, "b": 2, "c": 3})
    span.end()
    assert record_from_readable_span(span).dropped_attributes == 1


def test_a_bare_span_made_by_hand_is_read() -> None:
    bare = ReadableSpan("bare", context=SpanContext(1, 2, is_remote=False))
    record = record_from_readable_span(bare)
    assert (record.start_ns, record.end_ns, dict(record.attributes), record.events) == (0, 0, {}, ())
    assert record.scope_name == ""


def test_any_shape_with_these_names_will_do() -> None:
    shape = SimpleNamespace(
        context=SimpleNamespace(trace_id=1, span_id=2),
        parent=SimpleNamespace(span_id=0, is_remote=False),
        name="x",
        kind=SimpleNamespace(value=0),
        status=SimpleNamespace(status_code=SimpleNamespace(value=0), description=None),
        start_time=None,
        end_time=8,
        attributes=None,
        events=(),
        resource=None,
        instrumentation_scope=None,
        dropped_attributes=0,
    )
    record = record_from_readable_span(shape)
    assert (record.start_ns, record.end_ns, record.parent_span_id) == (8, 8, None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(attributes=st.dictionaries(st.text(min_size=1), VALUES, max_size=6))
def test_every_attribute_arrives_whatever_its_value(attributes: dict[str, Any]) -> None:
    assert set(record_of(attributes=attributes).attributes) == set(attributes)

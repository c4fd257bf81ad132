"""Whether a tracer provider has a processor or exporter of ours already: two would tell everything twice."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from otel_sessionopt.exporter import SessionOptSpanExporter
from otel_sessionopt.processor import SessionOptSpanProcessor


def has_processor(provider: TracerProvider) -> bool:
    """Whether one of ours is registered, in whatever form.

    The SDK has no public way to ask; where its private ones are gone the answer is no.
    """
    return _is_ours(getattr(provider, "_active_span_processor", None))


def _is_ours(processor: SpanProcessor | None) -> bool:
    if isinstance(processor, SessionOptSpanProcessor):
        # One that was shut down stays registered and does nothing.
        return not processor.is_shut_down
    members: Any = getattr(processor, "_span_processors", ())
    if any(_is_ours(member) for member in members):
        return True
    return isinstance(_exporter_of(processor), SessionOptSpanExporter)


def _exporter_of(processor: SpanProcessor | None) -> Any:
    """What a processor of the SDK exports to: public in some versions, private in others."""
    batch = getattr(processor, "_batch_processor", None)
    return getattr(processor, "span_exporter", None) or getattr(batch, "_exporter", None)

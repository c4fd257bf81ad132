"""How a dialect's rows of the table are written down, and the session that they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from otel_sessionopt.dialects import read_span
from otel_sessionopt.ingest.span_record import SpanEventRecord, SpanRecord
from otel_sessionopt.session import Release, Session, build_session

TRACE_ID = 0x5E55
START_NS = 1_760_000_000_000_000_000
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span as its dialect writes it, with those inside it, which run one after the other."""

    name: str
    attributes: Mapping[str, Any]
    kind: int = 1
    is_error: bool = False
    events: Sequence[tuple[str, Mapping[str, Any]]] = ()
    scope: str | None = None
    inner: Sequence[Span] = ()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One dialect's rows. The facts are the same in all of them, so that the expected numbers are too.

    Attributes:
        dialect: id that reads the spans.
        scope, scope_version, resource: of all spans.
        model_call: 1,200 tokens in, 300 out.
        tool_call: `Read` of `/a/b.py`, which gives `x = 1`.
        error: a model or tool call that failed, as `error_type`.
        cached: 1,200 tokens in all; `cached_parts` = uncached, read, written.
        reasoning: 300 tokens out, 100 of them reasoning.
        nested: the model call and the tool call inside whatever repeats their tokens.
        absent: what the dialect has no form for, with the reason.
    """

    dialect: str
    scope: str = "agent"
    scope_version: str = ""
    resource: Mapping[str, Any] = field(default_factory=dict)
    model_call: Span | None = None
    tool_call: Span | None = None
    error: Span | None = None
    error_type: str = "error"
    cached: Span | None = None
    cached_parts: tuple[int, int, int] = (100, 1_000, 100)
    reasoning: Span | None = None
    nested: Span | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    label: str = ""

    def records(self, span: Span) -> list[SpanRecord]:
        """The span and all inside it, as records."""
        return list(self._records(span, None, START_NS, count(1)))

    def session(self, span: Span) -> Session:
        """What becomes of the span and all inside it."""
        return build_session(TRACE_ID, [read_span(record) for record in self.records(span)], Release())

    def _records(self, span: Span, parent: int | None, start_ns: int, ids: Iterator[int]) -> Iterator[SpanRecord]:
        span_id = next(ids)
        inner_start = start_ns + SECOND_NS
        inner: list[SpanRecord] = []
        for child in span.inner:
            made = list(self._records(child, span_id, inner_start, ids))
            inner.extend(made)
            inner_start = max(record.end_ns for record in made) + SECOND_NS
        yield SpanRecord(
            trace_id=TRACE_ID,
            span_id=span_id,
            parent_span_id=parent,
            name=span.name,
            start_ns=start_ns,
            end_ns=inner_start + SECOND_NS,
            attributes=dict(span.attributes),
            kind=span.kind,
            is_error=span.is_error,
            events=[SpanEventRecord(start_ns, name, attributes) for name, attributes in span.events],
            resource=self.resource,
            scope_name=self.scope if span.scope is None else span.scope,
            scope_version=self.scope_version,
        )
        yield from inner


def exception(error_type: str) -> tuple[str, Mapping[str, Any]]:
    """The span event of an exception."""
    return "exception", {"exception.type": error_type, "exception.message": "secret"}

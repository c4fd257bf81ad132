"""What a dialect is, and the table form in which dialects write down their attribute names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from otel_sessionopt.dialects.digest import ModelUse, SpanDigest
from otel_sessionopt.dialects.usage import CacheVerdict, RawUsage, normalise_usage
from otel_sessionopt.dialects.values import read_count, read_id, read_structure, read_text, read_usd
from otel_sessionopt.ingest.span_record import SpanRecord


class Markers(NamedTuple):
    """Cheap signs of a dialect: a span that shows none of them is never offered to it.

    Attributes:
        attributes: attribute names, any of which may mean this dialect.
        scopes: beginnings of instrumentation scope names.
        names: beginnings of span names.
        providers: frameworks that put their own name where the provider of the model belongs.
        resources: resource attributes with the value that means this dialect.
    """

    attributes: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    providers: frozenset[str] = frozenset()
    resources: frozenset[tuple[str, str]] = frozenset()


class Dialect(Protocol):
    """One convention of writing agent telemetry: one file, one instance in `catalog.DIALECTS`.

    Implementations hold no state and may be called from any thread. `matches` and `read` take every attribute value
    that OTLP allows and do not raise; what cannot be read is named in `SpanDigest.warnings`.
    """

    @property
    def id(self) -> str:
        """Short name, as in `SpanDigest.dialect` and in reports."""
        ...

    @property
    def markers(self) -> Markers:
        """Signs without which `matches` is not even asked."""
        ...

    def matches(self, record: SpanRecord) -> bool:
        """Whether the span is written in this dialect. Decided per span: one trace mixes dialects."""
        ...

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says. Only for spans that match."""
        ...


def is_one_of(texts: frozenset[str], value: object) -> bool:
    """Whether an attribute value of any type is one of these texts."""
    return isinstance(value, str) and value in texts


class KeyTable:
    """Candidate attribute names per field; the first one that has a value wins.

    Looking a span up costs one pass over its attributes, however many names the table has. Field names are free;
    `read_raw_usage` and `read_model_use` expect the ones they document.
    """

    def __init__(self, fields: Mapping[str, Iterable[str]]) -> None:
        self._places = {key: (field, rank) for field, keys in fields.items() for rank, key in enumerate(keys)}

    @property
    def keys(self) -> frozenset[str]:
        """All names in the table, for `Markers.attributes`."""
        return frozenset(self._places)

    def find(self, attributes: Mapping[str, Any]) -> dict[str, str]:
        """Field → the attribute name that has its value. Fields without one are absent."""
        places = self._places
        found: dict[str, str] = {}
        for key in places.keys() & attributes.keys():
            if attributes[key] is None:
                continue
            field, rank = places[key]
            if field not in found or rank < places[found[field]][1]:
                found[field] = key
        return found


_USAGE_FIELDS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "total")
_USAGE_FIELD_SET = frozenset(_USAGE_FIELDS)
_NO_COUNTS = [None] * 6


def read_raw_usage(attributes: Mapping[str, Any], found: Mapping[str, str]) -> tuple[RawUsage | None, tuple[str, ...]]:
    """Token numbers from the fields input, output, cache_read, cache_write, cache_write_1h, reasoning, total.

    `None` when the span states none. A value that is no count is left out and named `unusable-usage`.
    """
    if _USAGE_FIELD_SET.isdisjoint(found):
        return None, ()
    counts: list[int | None] = []
    is_unusable = False
    for field in _USAGE_FIELDS:
        key = found.get(field)
        if key is None:
            counts.append(None)
            continue
        count = read_count(attributes[key])
        if count is None:
            is_unusable = True
        counts.append(count)
    # A total alone does not say what was billed as what.
    raw = None if counts[:6] == _NO_COUNTS else RawUsage(*counts)
    return raw, ("unusable-usage",) if is_unusable else ()


def read_model_use(
    attributes: Mapping[str, Any],
    found: Mapping[str, str],
    by_dialect: CacheVerdict,
    has_provider_total: bool = False,
) -> tuple[ModelUse, tuple[str, ...]]:
    """Model and usage from the usage fields and model, provider, response_id, finish_reason, cost."""
    raw, warnings = read_raw_usage(attributes, found)
    model = read_text(attributes[found["model"]]) if "model" in found else None
    provider = read_text(attributes[found["provider"]]) if "provider" in found else None
    response_id = read_id(attributes[found["response_id"]]) if "response_id" in found else None
    finish_reason = read_finish_reason(attributes[found["finish_reason"]]) if "finish_reason" in found else None
    cost = read_usd(attributes[found["cost"]]) if "cost" in found else None
    if raw is None:
        return ModelUse(
            model, provider, response_id=response_id, finish_reason=finish_reason, reported_cost_usd=cost
        ), warnings
    usage = normalise_usage(raw, by_dialect, provider, has_provider_total)
    use = ModelUse(
        model,
        provider,
        usage.uncached_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_1h_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        True,
        usage.is_assumed,
        response_id,
        finish_reason,
        cost,
    )
    return use, warnings + usage.warnings


def read_finish_reason(value: object) -> str | None:
    """The first finish reason of a list, a JSON list or a plain text."""
    if isinstance(value, str):
        value = read_structure(value).value
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return read_text(value)


def read_error(record: SpanRecord) -> str | None:
    """Error type of a span: `error.type`, else the type of an `exception` event, else `error` where the status says so.

    Status messages and exception messages may hold contents of prompts and files: they are never used.
    """
    stated = record.attributes.get("error.type")
    if stated is not None:
        return read_text(str(stated) if type(stated) is int else stated) or "error"
    for event in record.events:
        if event.name == "exception":
            return read_text(event.attributes.get("exception.type")) or "exception"
    return "error" if record.is_error else None


def record_warnings(record: SpanRecord) -> tuple[str, ...]:
    """What the sender itself says is missing from a span."""
    return ("dropped-attributes",) if record.dropped_attributes else ()


def root_detail(record: SpanRecord) -> dict[str, Any] | None:
    """What a root says about the whole session: the service it belongs to. Kept on roots only, where it is wanted."""
    if record.parent_span_id is not None or not record.resource:
        return None
    service = read_text(record.resource.get("service.name"))
    # What SDKs write when nobody named the service says nothing.
    return None if service is None or service.startswith("unknown_service") else {"service": service}

"""What all dialects of the log signal share: a log record as a digest that completes a span or stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest
from otel_sessionopt.dialects.usage import CacheVerdict, RawUsage, normalise_usage
from otel_sessionopt.dialects.values import read_count, read_text, read_usd
from otel_sessionopt.ingest.log_record import LogRecord

_NS_PER_MS: Final = 1_000_000


def log_digest(
    record: LogRecord,
    dialect: str,
    conversation_id: str | None,
    operation: Operation,
    key: object = None,
    **facts: Any,
) -> SpanDigest:
    """A digest for one log record. The same record gives the same digest, so that one that came twice counts once.

    Args:
        record: the log record; it ends what it tells of, `duration_ms` says when that began.
        dialect: id of the dialect that reads it.
        conversation_id: session that it belongs to.
        operation: what it tells of.
        key: the thing's own id; the record's time and contents where it has none.
        facts: further fields of the digest.
    """
    identity = key if isinstance(key, str) and key else (record.time_ns, sorted(map(repr, record.attributes.items())))
    text = f"{dialect}\x1f{conversation_id}\x1f{record.event_name}\x1f{identity!r}"
    duration_ns = _duration_ns(record.attributes)
    warnings = (*facts.pop("warnings", ()), *(("dropped-attributes",) if record.dropped_attributes else ()))
    return SpanDigest(
        int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") or 1,
        record.span_id or None,
        read_text(record.event_name) or "",
        max(record.time_ns - duration_ns, 0),
        record.time_ns,
        operation,
        dialect,
        conversation_id=conversation_id,
        warnings=warnings,
        is_log=True,
        **facts,
    )


def log_usage(
    raw: RawUsage,
    verdict: CacheVerdict,
    *,
    model: object,
    provider: str,
    response_id: str | None = None,
    finish_reason: str | None = None,
    cost: object = None,
) -> ModelUse:
    """Model and usage of a call that a log record tells of."""
    usage = normalise_usage(raw, verdict, provider)
    return ModelUse(
        read_text(model),
        provider,
        usage.uncached_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_1h_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        any(count is not None for count in raw),
        usage.is_assumed,
        response_id,
        finish_reason,
        read_usd(cost),
    )


def unusable_usage(attributes: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    """The warning where one of these attributes should be a count and is none."""
    is_unusable = any(attributes.get(name) is not None and read_count(attributes[name]) is None for name in names)
    return ("unusable-usage",) if is_unusable else ()


def _duration_ns(attributes: Mapping[str, Any]) -> int:
    value = attributes.get("duration_ms")
    if isinstance(value, float):
        value = round(value) if 0 <= value < 1e12 else None
    return (read_count(value) or 0) * _NS_PER_MS

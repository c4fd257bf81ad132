"""Dialects: which convention a span is written in, and what it says in our own words."""

from __future__ import annotations

import logging
from typing import Final

from otel_sessionopt.dialects.catalog import PLAIN, find_dialect
from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.ingest.span_record import SpanRecord

__all__ = ["UNREADABLE", "read_span"]

UNREADABLE: Final = "unreadable-span"
"""Warning on a span that its dialect could not read at all."""

_logger = logging.getLogger(__name__)


def read_span(record: SpanRecord) -> SpanDigest:
    """What one span says. Never raises; what could not be read is named in `SpanDigest.warnings`.

    Thread-safe. The record is not changed and nothing of it is kept but short texts.
    """
    try:
        if type(record.attributes) is not dict:
            # The mappings of the SDK take a lock at every look-up; one copy costs less than twenty of those.
            record = record._replace(attributes=dict(record.attributes))
        return find_dialect(record).read(record)
    except Exception as problem:  # noqa: BLE001 - no value may end the analysis of a trace; dialects are tested without
        # Not the message: it may quote the value.
        _logger.debug("span could not be read: %s", type(problem).__name__)
        bare = record._replace(attributes={}, events=(), resource={})
        return PLAIN.read(bare)._replace(warnings=(UNREADABLE,))

"""`Scope`: what the spans of one sender and instrumentation scope share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from otel_sessionopt.ingest.span_record import EMPTY_ATTRIBUTES


class Scope(NamedTuple):
    """What spans share: their resource's attributes and the name and version of their instrumentation scope."""

    resource: Mapping[str, Any] = EMPTY_ATTRIBUTES
    name: str = ""
    version: str = ""

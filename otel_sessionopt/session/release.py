"""`Release`: how the collection of a session's spans ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from otel_sessionopt.session.json_fields import JsonFields


class ReleaseReason(str, Enum):
    """Why a trace was handed to the analysis; the same names in metrics, attributes and reports."""

    ROOT_ENDED = "root_ended"
    LATE_CHILDREN = "late_children"
    IDLE_TIMEOUT = "idle_timeout"
    SPAN_LIMIT = "span_limit"
    MEMORY_LIMIT = "memory_limit"
    LATE_SPAN = "late_span"
    SHUTDOWN = "shutdown"


class Release(NamedTuple):
    """How the collection of a session's spans ended.

    Attributes:
        reason: why the analysis ran now; `shutdown` also stands for "the input ended without a root span".
        is_final: no refresh is expected; an interim report of a session that goes on is not final.
        span_count: spans seen, ordinary ones included.
        late_spans: spans that came after an earlier report.
        dropped: spans not analysed, by reason (`queue_full`, `span_limit`, …).
        warnings: what could not be read, by name, with counts (`invalid-json`, `unknown-usage`, …).
    """

    reason: ReleaseReason = ReleaseReason.ROOT_ENDED
    is_final: bool = True
    span_count: int = 0
    late_spans: int = 0
    dropped: Mapping[str, int] = {}
    warnings: Mapping[str, int] = {}

    def to_dict(self) -> dict[str, Any]:
        """All fields; `reason` as its value."""
        counts = {"dropped": dict(self.dropped), "warnings": dict(self.warnings)}
        return {**self._asdict(), "reason": self.reason.value, **counts}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Release:
        """Read what `to_dict` wrote; raises `ValueError` naming the key."""
        fields = JsonFields(data, "release")
        return cls(
            reason=fields.member("reason", ReleaseReason),
            is_final=fields.flag("is_final", True),
            span_count=fields.whole("span_count", 0),
            late_spans=fields.whole("late_spans", 0),
            dropped=fields.counts("dropped"),
            warnings=fields.counts("warnings"),
        )

"""When a trace is looked at next, and what for. Pure: times are arguments, in seconds of the receiver's clock.

spans come ──► root has come ── quiet ──► final report ── retention ──► forgotten
    │                ▲                        ▲  │ late spans: again
    └── idle ──► interim report ── max age ───┘  └┘
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_sessionopt.session.release import ReleaseReason

if TYPE_CHECKING:
    from otel_sessionopt.service_settings import ServiceSettings

_REST_SHARE: Final = 10.0
"""A trace whose late spans keep coming is analysed for a tenth of the time at most."""


class Step(Enum):
    """What is to be done with a trace."""

    REPORT = "report"
    FORGET = "forget"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceState:
    """What decides. Fields as in the table `traces`."""

    last_s: float
    has_root: bool
    spans: int
    is_changed: bool
    """Spans came since the last report."""
    is_reported: bool
    is_final: bool
    analysis_s: float = 0.0


class NextStep(NamedTuple):
    """What is to be done, when, and how a report tells it."""

    step: Step
    at_s: float
    reason: ReleaseReason = ReleaseReason.ROOT_ENDED
    is_final: bool = True


def next_step(trace: TraceState, settings: ServiceSettings) -> NextStep:
    """What is next for a trace if no further span comes."""
    if not trace.is_changed:
        if trace.is_final:
            return NextStep(Step.FORGET, trace.last_s + settings.retention_seconds)
        return NextStep(Step.REPORT, trace.last_s + settings.max_age_seconds, ReleaseReason.IDLE_TIMEOUT)
    rest_s = trace.analysis_s * _REST_SHARE
    if trace.has_root or trace.is_final:
        reason = ReleaseReason.LATE_SPAN if trace.is_reported and trace.is_final else ReleaseReason.ROOT_ENDED
        return NextStep(Step.REPORT, trace.last_s + max(settings.quiet_seconds, rest_s), reason)
    if trace.spans >= settings.max_spans_per_trace:
        return NextStep(Step.REPORT, trace.last_s + rest_s, ReleaseReason.SPAN_LIMIT, is_final=False)
    at_s = trace.last_s + max(min(settings.idle_timeout_seconds, settings.max_age_seconds), rest_s)
    is_final = settings.max_age_seconds <= settings.idle_timeout_seconds
    return NextStep(Step.REPORT, at_s, ReleaseReason.IDLE_TIMEOUT, is_final)

from __future__ import annotations

import pytest

from otel_sessionopt.service.session_end import NextStep, Step, TraceState, next_step
from otel_sessionopt.service_settings import ServiceSettings
from otel_sessionopt.session import ReleaseReason

SETTINGS = ServiceSettings(
    quiet_seconds=6, idle_timeout_seconds=900, max_age_seconds=86_400, retention_seconds=3_600, max_spans_per_trace=100
)


def state(**changes: object) -> TraceState:
    values: dict[str, object] = {
        "last_s": 1000.0,
        "has_root": True,
        "spans": 10,
        "is_changed": True,
        "is_reported": False,
        "is_final": False,
        **changes,
    }
    return TraceState(**values)  # type: ignore[arg-type]  # named by the test


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        (state(), NextStep(Step.REPORT, 1006, ReleaseReason.ROOT_ENDED, True)),
        (state(has_root=False), NextStep(Step.REPORT, 1900, ReleaseReason.IDLE_TIMEOUT, False)),
        (state(has_root=False, spans=99), NextStep(Step.REPORT, 1900, ReleaseReason.IDLE_TIMEOUT, False)),
        (state(has_root=False, spans=100), NextStep(Step.REPORT, 1000, ReleaseReason.SPAN_LIMIT, False)),
        # an interim report is followed by the final one a day later
        (
            state(has_root=False, is_changed=False, is_reported=True),
            NextStep(Step.REPORT, 87_400, ReleaseReason.IDLE_TIMEOUT, True),
        ),
        # the root comes after an interim report: no span of it was late
        (state(is_reported=True), NextStep(Step.REPORT, 1006, ReleaseReason.ROOT_ENDED, True)),
        (state(is_reported=True, is_final=True), NextStep(Step.REPORT, 1006, ReleaseReason.LATE_SPAN, True)),
        (state(is_reported=True, is_final=True, is_changed=False), NextStep(Step.FORGET, 4600)),
        # an analysis that takes 2 s is not made again before 20 s have passed
        (state(analysis_s=2.0), NextStep(Step.REPORT, 1020, ReleaseReason.ROOT_ENDED, True)),
    ],
)
def test_what_is_next_for_a_trace(trace: TraceState, expected: NextStep) -> None:
    assert next_step(trace, SETTINGS) == expected

"""Fixed sessions and their reports; nothing in them depends on the clock, the machine or chance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.pipeline import Pipeline, analyze_inputs
from otel_sessionopt.report import OptimizationReport
from otel_sessionopt.session import EventType, Release, ReleaseReason, Session, SessionEvent
from tests.report.reports import quiet_session, report_of, wasteful_session
from tests.support.digest_builder import TraceBuilder

ROOT = Path(__file__).resolve().parents[2]
TRANSCRIPT = ROOT / "examples" / "claude-code-session.jsonl.xz"


def cases() -> Iterator[tuple[str, OptimizationReport]]:
    """Name and report of every case."""
    yield "wasteful", report_of(wasteful_session().session())
    yield "nothing-found", report_of(quiet_session().session())
    yield (
        "no-usage",
        report_of(TraceBuilder(captures_content=False).agent().read("a.py").model_call(has_usage=False).session()),
    )
    yield "partly-priced", report_of(_partly_priced().session())
    yield "interim", report_of(_interim())
    yield "hostile", report_of(_hostile().session())
    yield "recorded-by-hand", report_of(_recorded_by_hand())
    yield "claude-code", _transcript()


def _partly_priced() -> TraceBuilder:
    return (
        quiet_session()
        .model_call(model="in-house-7b", input=1_000, output=10)
        .model_call(model="in-house-8b", input=1_000, output=10, cost=Decimal("0.5"))
    )


def _interim() -> Session:
    release = Release(
        reason=ReleaseReason.IDLE_TIMEOUT,
        is_final=False,
        span_count=9,
        late_spans=2,
        dropped={"queue_full": 3},
        warnings={"invalid-json": 1, "odd-name": 2},
    )
    return wasteful_session().pause(hours=3).model_call(input=900, reasoning=10).session(release=release)


def _hostile() -> TraceBuilder:
    text = "\x1b[31m`<b>`\u202e | @octocat [x](http://evil.example) password=hunter2 \ud800\n# x"
    return (
        TraceBuilder()
        .agent(text, task=text)
        .model_call(input=4_000)
        .read(f"/repo/{text}.py", tokens=12_000)
        .model_call(input=16_000)
        .shell(f"deploy --token abc123 {text}", error="exit-1")
        .model_call(input=16_100)
        .shell(f"deploy --token abc123 {text}", error="exit-1")
        .model_call(input=16_200)
    )


def _recorded_by_hand() -> Session:
    session = Session(id="my session", agent="me", task="try", started_at="2026-01-05T09:00:00+00:00", model="sonnet")
    for number in range(4):
        is_read = number % 2 == 0
        session.add_event(
            SessionEvent(
                id=f"e{number}",
                timestamp=f"2026-01-05T09:0{number}:00+00:00",
                event_type=EventType.FILE_READ if is_read else EventType.AI_RESPONSE,
                data={"file_path": "src/a.py"} if is_read else {},
                tokens_input=3_000 if is_read else 500,
                tokens_output=0 if is_read else 200,
                duration_ms=1_000,
            )
        )
    return session


def _transcript() -> OptimizationReport:
    """A real session, from its file on; see `examples/README.md` for where it is from."""
    errors: list[InputError] = []
    pipeline = Pipeline(clock=lambda: datetime(2026, 1, 5, 10, tzinfo=timezone.utc))
    (report,) = analyze_inputs(find_inputs([TRANSCRIPT], errors.append), pipeline, on_error=errors.append)
    assert errors == []
    return report

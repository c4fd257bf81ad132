from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.service_process import START_NS, RunningService, agent_request, running_service

MODEL = "claude-sonnet-4-5"
HOUR_NS = 3600 * 10**9

# One call: 2,000 uncached input tokens at $3, 18,000 read from the cache at $0.30, 215 output at $15, each a million.
CALL_USD = Decimal("0.006") + Decimal("0.0054") + Decimal("0.003225")
CALL_TOKENS = {"gen_ai.usage.input_tokens": 20_000, "gen_ai.usage.output_tokens": 215}


def standard_session(trace_id: int, spans: int) -> ExportTraceServiceRequest:
    """A root, then model calls and tool calls in turn: half of an even number of spans are calls."""
    request: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(
        agent_request(trace_id, range(1, spans + 1))
    )
    for span in request.resource_spans[0].scope_spans[0].spans[1:]:
        del span.attributes[:]
        is_call = int.from_bytes(span.span_id, "big") % 2 == 0
        texts = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": MODEL}
        if not is_call:
            texts = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": f"tool_{span.span_id.hex()}"}
        for key, text in texts.items():
            span.attributes.add(key=key).value.string_value = text
        numbers = {**CALL_TOKENS, "gen_ai.usage.cache_read.input_tokens": 18_000} if is_call else {}
        for key, number in numbers.items():
            span.attributes.add(key=key).value.int_value = number
    return request


def split(request: ExportTraceServiceRequest, size: int) -> list[bytes]:
    spans = request.resource_spans[0].scope_spans[0].spans
    parts = []
    for at in range(0, len(spans), size):
        part = ExportTraceServiceRequest()
        part.resource_spans.add().scope_spans.add().spans.extend(spans[at : at + size])
        parts.append(part.SerializeToString())
    return parts


def billed_usd(service: RunningService) -> Decimal:
    return sum((Decimal(str(report["bill"]["total"]["cost_usd"])) for report in service.reports.values()), Decimal(0))


@pytest.mark.parametrize("is_split", [False, True])
def test_ten_thousand_standard_spans_cost_what_they_cost_whole_and_split(tmp_path: Path, is_split: bool) -> None:
    sessions = [standard_session(trace_id, 100) for trace_id in range(1, 101)]
    bodies = [body for session in sessions for body in split(session, 7 if is_split else 100)]
    if is_split:
        random.Random(1).shuffle(bodies)
    with running_service(tmp_path, quiet_seconds=1) as service:
        for body in bodies:
            assert service.post(body).status == 200
        service.wait_for(lambda: len(service.reports) == 100 and service.is_idle(), 120)
        calls = sum(report["bill"]["calls"] for report in service.reports.values())
        assert (calls, billed_usd(service)) == (5_000, 5_000 * CALL_USD)
    assert Decimal("73.125") == 5_000 * CALL_USD


def test_a_session_of_eight_hours_gets_interim_reports_and_then_the_whole_one(tmp_path: Path) -> None:
    request = standard_session(8, 97)
    for number, span in enumerate(request.resource_spans[0].scope_spans[0].spans):
        span.start_time_unix_nano = START_NS + max(number - 1, 0) * HOUR_NS // 12
        span.end_time_unix_nano = span.start_time_unix_nano + (8 * HOUR_NS if number == 0 else 10**9)
    root, *others = split(request, 1)
    trace = f"{8:032x}"
    # A pause of a second stands for the quarter of an hour after which an interim report is made.
    with running_service(tmp_path, idle_timeout_seconds=1) as service:
        for body in others[:40]:
            service.post(body)
        service.wait_for(lambda: trace in service.reports)
        interim = service.reports[trace]
        service.kill()
    with running_service(tmp_path, idle_timeout_seconds=1) as service:
        for body in [*others[40:], root]:
            service.post(body)
        service.wait_for(lambda: service.reports[trace]["release"]["reason"] == "root_ended")
        report = service.reports[trace]
    assert (interim["session"]["status"], interim["bill"]["calls"], interim["release"]["is_final"]) == (
        "ACTIVE",
        20,
        False,
    )
    assert (report["session"]["status"], report["bill"]["calls"]) == ("COMPLETED", 48)
    assert Decimal(str(report["bill"]["total"]["cost_usd"])) == 48 * CALL_USD
    assert report["release"]["span_count"] == 97

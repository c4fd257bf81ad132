"""Sessions that span traces: every turn of an agent a trace of its own, judged together with the others."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from otel_sessionopt.service.trace_store import Arrived, Outcome, TraceStore
from otel_sessionopt.service_settings import ServiceSettings
from tests.support.service_process import START_NS, RunningService, running_service

SECOND_NS = 1_000_000_000
READ = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "read_file"}
CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
TEXT = "x = 1\n" * 800


def span(trace_id: int, span_id: int, name: str, attributes: dict[str, str | int]) -> dict[str, Any]:
    start = START_NS + trace_id * 100 * SECOND_NS + span_id * SECOND_NS
    told: dict[str, str | int] = {"gen_ai.conversation.id": "talk/1", **attributes}
    return {
        "traceId": f"{trace_id:032x}",
        "spanId": f"{trace_id:08x}{span_id:08x}",
        "parentSpanId": "" if span_id == 1 else f"{trace_id:08x}{1:08x}",
        "name": name,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + SECOND_NS // 2),
        "attributes": [
            {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
            for key, value in told.items()
        ],
    }


def call(input_tokens: int) -> dict[str, str | int]:
    return {**CALL, "gen_ai.usage.input_tokens": input_tokens, "gen_ai.usage.output_tokens": 50}


def turn(trace_id: int) -> list[dict[str, Any]]:
    """A call, a read of one file, and a call that has it in its prompt."""
    read = {**READ, "gen_ai.tool.call.id": f"c{trace_id}", "gen_ai.tool.call.result": TEXT}
    read["gen_ai.tool.call.arguments"] = json.dumps({"file_path": "/src/a.py"})
    before = (trace_id - 1) * 3000
    return [
        span(trace_id, 1, "invoke_agent a", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}),
        span(trace_id, 2, "chat", call(1000 + before)),
        span(trace_id, 3, "execute_tool read_file", dict(read)),
        span(trace_id, 4, "chat", call(3500 + before)),
    ]


def send(service: RunningService, spans: list[dict[str, Any]]) -> None:
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    assert service.post(body, "application/json").status == 200


def shown(service: RunningService, session_id: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{service.pages}/api/v1/sessions/{session_id}") as response:
        report: dict[str, Any] = json.load(response)
    return report


def codes(report: dict[str, Any]) -> set[str]:
    return {issue["code"] for issue in report["issues"]}


def test_each_turn_refreshes_the_report_of_the_whole_conversation(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        for number in (1, 2):
            send(service, turn(number))
            service.wait_for(lambda expected=number: service.status().get("reports", 0) >= expected)  # type: ignore[misc]
            service.wait_for(service.is_idle)
            report = shown(service, "talk/1")
            assert report["bill"]["calls"] == 2 * number
            assert ("repeated-file-read" in codes(report)) is (number == 2)
        assert report["session"]["trace_ids"] == [f"{1:032x}", f"{2:032x}"]
        assert not codes(service.reports[f"{2:032x}"])
        (of_all,) = [each for name, each in service.reports.items() if name.startswith("talk_1-")]
        assert of_all["issues"] == report["issues"]


def test_a_call_that_a_span_and_a_log_record_without_a_trace_tell_of_costs_once(tmp_path: Path) -> None:
    session = "0b8a5a6e-0000-4000-8000-000000000001"
    usage: dict[str, str | int] = {"model": "claude-sonnet-4-5", "input_tokens": 100, "output_tokens": 20}
    usage |= {"cache_read_tokens": 0, "cache_creation_tokens": 0, "request_id": "req_1", "session.id": session}
    root = span(0xB, 1, "claude_code.interaction", {"session.id": session, "span.type": "interaction"})
    request = span(0xB, 2, "claude_code.llm_request", {**usage, "span.type": "llm_request"})
    for each in (root, request):
        del each["attributes"][0]  # the conversation is the session
    record = span(0xB, 2, "", {**usage, "event.name": "api_request", "duration_ms": 900})
    log = {
        "timeUnixNano": record["endTimeUnixNano"],
        "body": {"stringValue": "claude_code.api_request"},
        "attributes": record["attributes"][1:],
    }
    scope = {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": [log]}
    logs = json.dumps({"resourceLogs": [{"scopeLogs": [scope]}]}).encode()
    for order in ("spans first", "logs first"):
        with running_service(tmp_path / order, idle_timeout_seconds=1) as service:
            if order == "spans first":
                send(service, [root, request])
            assert service.post(logs, "application/json", path="/v1/logs").status == 200
            if order == "logs first":
                send(service, [root, request])
            service.wait_for(lambda: service.status().get("reports", 0) >= 2)
            service.wait_for(service.is_idle)
            report = shown(service, session)
        assert len(report["session"]["trace_ids"]) == 2
        assert (report["bill"]["calls"], report["bill"]["total"]["tokens"]) == (1, 120)


def test_the_report_of_a_conversation_does_not_depend_on_the_order_of_its_turns(tmp_path: Path) -> None:
    found = []
    for order in ((1, 2, 3), (3, 1, 2)):
        with running_service(tmp_path / str(order[0])) as service:
            for number in order:
                spans = turn(number)
                send(service, spans[1:3])
                send(service, [spans[3], spans[0]])
            service.wait_for(lambda: service.status().get("reports", 0) >= 3)
            service.wait_for(service.is_idle)
            report = shown(service, "talk/1")
        for volatile in ("generated_at", "release"):
            report.pop(volatile)
        found.append(report)
    assert found[0] == found[1]


def test_traces_are_kept_as_long_as_their_conversation_goes_on(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, ServiceSettings(quiet_seconds=0, retention_seconds=100))
    first = Arrived(digests=[b"a"], last_s=1.0, has_root=True, conversation="talk")
    store.keep({1: first, 9: Arrived(digests=[b"z"], last_s=1.0, has_root=True)}, 10)
    store.finish([Outcome(due, True, 1, 0.0) for due in store.due(2.0, 10)])
    store.keep({2: Arrived(digests=[b"b"], last_s=90.0, has_root=True, conversation="talk")}, 20)
    assert store.digests_of_conversation("talk", 2) == {1: [b"a"], 2: [b"b"]}
    assert store.digests_of_conversation("talk", 1) == {}
    assert store.digests_of_conversation("", 9) == {}
    store.finish([Outcome(due, True, 1, 0.0) for due in store.due(95.0, 10)])
    assert [due.trace_id for due in store.due(102.0, 10)] == [9]
    assert {due.trace_id for due in store.due(191.0, 10)} == {1, 2, 9}
    store.close()

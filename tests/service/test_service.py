from __future__ import annotations

import gzip
import json
import urllib.request
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # its stubs are a package of their own
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.otlp_sink import http_sink
from tests.support.service_process import PROTOBUF, RunningService, agent_request, running_service

TRACE = 0xABC
TRACE_HEX = f"{TRACE:032x}"


def test_a_session_sent_by_http_is_reported_when_its_root_has_come(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        assert service.post(agent_request(TRACE, [2, 3])).status == 200
        assert service.post(gzip.compress(agent_request(TRACE, [4, 1])), **{"Content-Encoding": "gzip"}).status == 200
        service.wait_for(lambda: TRACE_HEX in service.reports)
        report = service.reports[TRACE_HEX]
        assert report["bill"]["calls"] == 3
        assert report["session"]["agent"] == "shop"
        assert report["release"]["span_count"] == 4
        assert (tmp_path / "history" / "history.db").exists()
        assert service.stop() == 0


def test_a_session_sent_by_grpc_is_reported(tmp_path: Path) -> None:
    with running_service(tmp_path) as service, grpc.insecure_channel(service.grpc) as channel:
        stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        answer = stub.Export(ExportTraceServiceRequest.FromString(agent_request(TRACE, [1, 2])), timeout=10)
        assert answer == ExportTraceServiceResponse()
        service.wait_for(lambda: TRACE_HEX in service.reports)
        assert service.reports[TRACE_HEX]["bill"]["calls"] == 1


def test_the_report_does_not_depend_on_order_batches_and_repeats(tmp_path: Path) -> None:
    deliveries = {
        0xA1: [[1, 2, 3, 4, 5]],
        0xA2: [[5], [3], [1], [4], [2]],
        0xA3: [[2, 3], [2, 3], [4, 5, 1], [1, 5], [3]],
    }
    with running_service(tmp_path) as service:
        for trace, batches in deliveries.items():
            for batch in batches:
                service.post(agent_request(trace, batch))
        service.wait_for(lambda: len(service.reports) == 3 and service.status().get("traces_waiting") == 0)
        reports = []
        for trace in deliveries:
            text = json.dumps(service.reports[f"{trace:032x}"]).replace(f"{trace:032x}", "TRACE")
            document = json.loads(text)
            document.pop("generated_at")
            reports.append(document)
    assert reports[0]["bill"]["calls"] == 4
    assert reports[0] == reports[1] == reports[2]


def test_late_spans_refresh_the_report(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        service.post(agent_request(TRACE, [1, 2]))
        service.wait_for(lambda: TRACE_HEX in service.reports)
        service.post(agent_request(TRACE, [3]))
        service.wait_for(lambda: service.reports[TRACE_HEX]["bill"]["calls"] == 2)
        release = service.reports[TRACE_HEX]["release"]
    assert (release["reason"], release["late_spans"], release["span_count"]) == ("late_span", 1, 3)


def test_after_a_kill_everything_acknowledged_is_reported(tmp_path: Path) -> None:
    with running_service(tmp_path, quiet_seconds=60) as service:
        service.post(agent_request(TRACE, [2, 3]))
        service.kill()
    with running_service(tmp_path) as service:
        service.post(agent_request(TRACE, [1]))
        service.wait_for(lambda: TRACE_HEX in service.reports)
        assert service.reports[TRACE_HEX]["bill"]["calls"] == 2


def test_requests_are_forwarded_byte_for_byte_and_the_findings_follow(tmp_path: Path) -> None:
    with http_sink() as sink, running_service(tmp_path, f"--forward={sink.url.removesuffix('/v1/traces')}") as service:
        sent = agent_request(TRACE, [1, 2, 3])
        service.post(sent)
        spans = sink.wait(lambda spans: any(span.name == "sessionopt.report" for span in spans))
    report = spans[-1]
    assert [span.name for span in spans] == ["invoke_agent shop", "chat gpt-4o", "chat gpt-4o", "sessionopt.report"]
    assert _spans(sent) == spans[:3]
    assert report.trace_id == TRACE.to_bytes(16, "big")
    assert report.parent_span_id == (1).to_bytes(8, "big")
    assert "sessionopt.summary" in [event.name for event in report.events]


def test_held_traces_go_out_once_with_the_findings_on_their_spans(tmp_path: Path) -> None:
    with (
        http_sink() as sink,
        running_service(tmp_path, f"--forward={sink.url.removesuffix('/v1/traces')}", "--hold") as service,
    ):
        service.post(agent_request(TRACE, [2, 3]))
        service.post(agent_request(TRACE, [3, 1]))
        sink.wait(lambda spans: len(spans) >= 3)
        service.post(agent_request(TRACE, [4]))  # late: it goes out as it is, and the findings after it
        spans = sink.wait(lambda spans: any(span.name == "sessionopt.report" for span in spans))
    assert [int.from_bytes(span.span_id, "big") for span in spans[:4]] == [2, 3, 1, 4]
    root = spans[2]
    assert "sessionopt.summary" in [event.name for event in root.events]
    assert "sessionopt.grade" in [attribute.key for attribute in root.attributes]
    assert not any(span.events for span in spans[:2])
    assert len(spans) == 5


def test_requests_wait_for_an_endpoint_that_is_gone(tmp_path: Path) -> None:
    with http_sink() as sink:
        url = sink.url.removesuffix("/v1/traces")
    with running_service(tmp_path, f"--forward={url}") as service:
        assert service.post(agent_request(TRACE, [1, 2])).status == 200
        service.wait_for(lambda: service.status()["forwarded"][0].get("retries", 0) > 0)
    port = int(url.rpartition(":")[2])
    with http_sink(port=port) as sink, running_service(tmp_path, f"--forward={url}"):
        sink.wait(lambda spans: len(spans) >= 3)
        assert sink.names == ["invoke_agent shop", "chat gpt-4o", "sessionopt.report"]


def _spans(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    return [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]


def test_what_is_no_otlp_is_answered_as_the_specification_says(tmp_path: Path) -> None:
    with running_service(tmp_path, max_request_bytes=10_000) as service:
        cases = [
            (service.post(b""), 200, PROTOBUF, 0),
            (service.post(b"{}", "application/json"), 200, "application/json", 0),
            (service.post(b"\x00\x01"), 400, PROTOBUF, 3),
            (service.post(b"{", "application/json; charset=utf-8"), 400, "application/json", 3),
            (service.post(b"[]", "application/json"), 400, "application/json", 3),
            (service.post(b"x", "text/plain"), 415, "application/json", 3),
            (service.post(b"x", **{"Content-Encoding": "br"}), 415, PROTOBUF, 3),
            (service.post(b"x", **{"Content-Encoding": "gzip"}), 400, PROTOBUF, 3),
            (service.post(bytes(10_001)), 413, PROTOBUF, 8),
            (service.post(gzip.compress(bytes(10_001)), **{"Content-Encoding": "gzip"}), 413, PROTOBUF, 8),
            (service.post(b"", Host="evil.example"), 403, PROTOBUF, 7),
        ]
        for answer, status, content_type, code in cases:
            assert (answer.status, answer.headers["content-type"]) == (status, content_type)
            if status == 200:
                continue
            if content_type == PROTOBUF:
                assert Status.FromString(answer.body).code == code
            else:
                assert json.loads(answer.body)["code"] == code


def test_spans_without_ids_are_rejected_and_the_others_taken(tmp_path: Path) -> None:
    request = ExportTraceServiceRequest.FromString(agent_request(TRACE, [1, 2]))
    request.resource_spans[0].scope_spans[0].spans.add(name="no ids")
    with running_service(tmp_path) as service:
        answer = ExportTraceServiceResponse.FromString(service.post(request.SerializeToString()).body)
        assert answer.partial_success.rejected_spans == 1
        service.wait_for(lambda: TRACE_HEX in service.reports)
        assert service.reports[TRACE_HEX]["release"]["span_count"] == 2


def test_a_full_store_asks_senders_to_wait(tmp_path: Path) -> None:
    with running_service(tmp_path, min_free_bytes=1 << 60) as service:
        answer = service.post(agent_request(TRACE, [1]))
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        with grpc.insecure_channel(service.grpc) as channel:
            stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
            request = ExportTraceServiceRequest.FromString(agent_request(TRACE, [1]))
            with pytest.raises(grpc.RpcError) as raised:
                stub.Export(request, timeout=10)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        details = dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
        assert b"RetryInfo" in details


def metrics_of(service: RunningService) -> dict[str, float]:
    with urllib.request.urlopen(f"{service.pages}/metrics") as response:
        lines = response.read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_metrics_count_each_session_once_however_often_it_is_reported(tmp_path: Path) -> None:
    def cost(metrics: dict[str, float]) -> list[float]:
        return [round(value, 6) for name, value in metrics.items() if name.startswith("sessionopt_cost_")]

    with running_service(tmp_path) as service:
        service.post(agent_request(TRACE, [1, 2]))
        service.wait_for(lambda: service.status().get("reports") == 1)
        assert cost(metrics_of(service)) == [0.0026]  # 1,000 tokens at $2.50 and 10 at $10 a million
        service.post(agent_request(TRACE, [3]))
        service.wait_for(lambda: service.status().get("reports") == 2)
        assert cost(metrics_of(service)) == [0.0052]
        service.post(agent_request(0xD, [1, *range(2, 200)]))
        service.wait_for(lambda: service.status().get("reports") == 3)
        metrics = metrics_of(service)
    found = {name: value for name, value in metrics.items() if name.startswith("sessionopt_findings_total")}
    assert all('code="' in name for name in found)


def test_late_spans_of_a_trace_that_was_forgotten_change_nothing_that_was_told(tmp_path: Path) -> None:
    with (
        http_sink() as sink,
        running_service(tmp_path, f"--forward={sink.url.removesuffix('/v1/traces')}", retention_seconds=0) as service,
    ):
        service.post(agent_request(TRACE, [1, 2, 3]))
        sink.wait(lambda spans: any(span.name == "sessionopt.report" for span in spans))
        service.wait_for(lambda: service.status().get("traces_kept") == 0)
        service.post(agent_request(TRACE, [1]))
        service.wait_for(lambda: service.status().get("spans_analysed") == 4)
        service.wait_for(lambda: service.status()["forwarded"][0].get("sent") == 3)
        assert sink.names.count("sessionopt.report") == 1
        assert service.reports[TRACE_HEX]["bill"]["calls"] == 2


def test_traces_that_were_held_go_out_when_they_are_no_longer_to_be(tmp_path: Path) -> None:
    with http_sink() as sink:
        url = sink.url.removesuffix("/v1/traces")
        with running_service(tmp_path, f"--forward={url}", "--hold", quiet_seconds=2) as service:
            service.post(agent_request(TRACE, [1, 2]))
            service.wait_for(lambda: service.status().get("spans_read") == 2)
            service.kill()
        with running_service(tmp_path, f"--forward={url}"):
            spans = sink.wait(lambda spans: len(spans) >= 2)
    assert [span.name for span in spans] == ["invoke_agent shop", "chat gpt-4o"]
    assert "sessionopt.summary" in [event.name for event in spans[0].events]


def test_metrics_count_what_came_and_what_was_found(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        service.post(agent_request(TRACE, [1, 2]))
        service.wait_for(lambda: service.status().get("reports") == 1)
        with urllib.request.urlopen(f"{service.pages}/metrics") as response:
            text = response.read().decode()
    assert "sessionopt_received_spans_total" in text
    assert [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("sessionopt_reports_total")] == [
        "1.0"
    ]


def test_a_session_that_only_log_records_tell_of_is_reported(tmp_path: Path) -> None:
    record = {
        "timeUnixNano": "1760000002000000000",
        "body": {"stringValue": "claude_code.api_request"},
        "attributes": [
            {"key": name, "value": value}
            for name, value in {
                "event.name": {"stringValue": "api_request"},
                "session.id": {"stringValue": "0b8a5a6e-0000-4000-8000-000000000001"},
                "model": {"stringValue": "claude-sonnet-4-5"},
                "input_tokens": {"intValue": "100"},
                "output_tokens": {"intValue": "20"},
                "cache_read_tokens": {"intValue": "0"},
                "cache_creation_tokens": {"intValue": "0"},
                "cost_usd": {"doubleValue": 0.0006},
                "duration_ms": {"intValue": "900"},
            }.items()
        ],
    }
    scope = {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": [record]}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [scope]}]}).encode()
    with running_service(tmp_path, idle_timeout_seconds=1) as service:
        assert service.post(body, "application/json", path="/v1/logs").status == 200
        service.wait_for(lambda: bool(service.reports))
        (report,) = service.reports.values()
    assert report["bill"]["calls"] == 1
    assert report["token_breakdown"]["TOTAL_INPUT"] == 100

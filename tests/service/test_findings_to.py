"""Endpoints that have the spans already and get findings alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_sessionopt.errors import ConfigError
from otel_sessionopt.service.forwarding import Endpoint, endpoints_of
from otel_sessionopt.service_settings import ServiceSettings
from tests.support.otlp_sink import http_sink
from tests.support.service_process import agent_request, running_service

A, B = "http://a:4318", "http://b:4318"


def test_an_endpoint_for_findings_gets_no_span_but_the_report_and_pages_show_the_session(tmp_path: Path) -> None:
    with http_sink() as sink, running_service(tmp_path, f"--findings-to={sink.url}") as service:
        service.post(agent_request(0xABC, [1, 2, 3]))
        service.wait_for(lambda: bool(sink.spans))
        (span,) = sink.spans
        assert (span.name, span.trace_id, span.parent_span_id) == (
            "sessionopt.report",
            (0xABC).to_bytes(16, "big"),
            (1).to_bytes(8, "big"),
        )
        service.wait_for(lambda: service.status()["unread_bytes"] == 0)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (ServiceSettings(), []),
        (ServiceSettings(forward=(A, A + "/v1/traces")), [Endpoint(A)]),
        (ServiceSettings(forward=(A,), forward_findings=False), [Endpoint(A, gets_findings=False)]),
        (ServiceSettings(forward=(A,), hold=True, forward_findings=False), [Endpoint(A)]),
        (ServiceSettings(findings_to=(A,)), [Endpoint(A, gets_requests=False)]),
        (
            ServiceSettings(forward=(A,), forward_findings=False, findings_to=(B,)),
            [Endpoint(A, gets_findings=False), Endpoint(B, gets_requests=False)],
        ),
        (ServiceSettings(forward=(A,), forward_findings=False, findings_to=(A,)), [Endpoint(A)]),
    ],
)
def test_who_gets_what(settings: ServiceSettings, expected: list[Endpoint]) -> None:
    assert endpoints_of(settings) == expected
    assert settings.sends_findings == any(each.gets_findings for each in expected if not settings.hold) or settings.hold


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ServiceSettings(findings_to=("b:4318",)), "service.findings_to 'b:4318'"),
        (ServiceSettings(forward=(A,), findings_to=(B,), hold=True), "with service.hold"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: ServiceSettings, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        endpoints_of(settings)

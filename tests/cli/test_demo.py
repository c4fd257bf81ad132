"""`sessionoptimizer demo`: live, offline, and with an endpoint."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator as Validator
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES
from otel_sessionopt.cli.demo import traces_url
from otel_sessionopt.errors import ConfigError
from tests.cli.run import run_command
from tests.report.reports import SCHEMA


class _Receiver(HTTPServer):
    """A real OTLP/HTTP endpoint that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[tuple[str, bool]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += [(span.name, not span.parent_span_id) for span in scope.spans]
        self.send_response(200 if self.path == "/v1/traces" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


@pytest.fixture
def receiver() -> Iterator[_Receiver]:
    with _Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_demo_finds_what_its_agent_wastes(home: Path) -> None:
    outcome = run_command("demo", home=home)

    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("Could have cost $0.07 instead of $0.21 (")
    assert (
        f"issues found by {len(ANALYZER_CLASSES) - 1} of {len(ANALYZER_CLASSES)} rules; unused-tools not" in outcome.out
    )
    for title in ("Repeated file read", "Repeated search", "Failed retry", "Excessive thinking"):
        assert title in outcome.out
    folder = home / ".sessionoptimizer" / "reports"
    assert sorted(path.suffix for path in folder.iterdir()) == [".html", ".json", ".md", ".txt"]
    for path in folder.iterdir():
        assert f"Report: {path}\n" in outcome.out
    Validator(SCHEMA).validate(json.loads(next(folder.glob("*.json")).read_text(encoding="utf-8")))


def test_a_folder_may_be_given(home: Path, tmp_path: Path) -> None:
    outcome = run_command("demo", "--output", tmp_path / "out", "--set", "report.formats=json", home=home)

    assert outcome.status == 0
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".json"]
    assert list(home.iterdir()) == []


def test_no_file_is_written_where_reports_are_switched_off(home: Path) -> None:
    outcome = run_command("demo", "--set", "report.enabled=false", home=home)

    assert outcome.status == 0
    assert "Report:" not in outcome.out
    assert list(home.iterdir()) == []


def test_the_trace_arrives_at_an_endpoint_with_its_root(home: Path, receiver: _Receiver) -> None:
    outcome = run_command("demo", "--otlp", receiver.endpoint, home=home)

    assert (outcome.status, outcome.err) == (0, "")
    assert f"Trace: sent to {receiver.endpoint}/v1/traces as service sessionopt-demo" in outcome.out
    assert len(receiver.spans) == 18
    assert [name for name, is_root in receiver.spans if is_root] == ["invoke_agent demo-agent"]


def test_an_endpoint_where_nothing_listens_is_told(home: Path) -> None:
    outcome = run_command("demo", "--otlp", "http://127.0.0.1:9", home=home)

    assert outcome.status == 3
    assert outcome.out.startswith("Could have cost $")  # the report is there all the same
    assert "error: the trace could not be sent to http://127.0.0.1:9/v1/traces" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("localhost:4318", "http://localhost:4318/v1/traces"),
        ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces"),
    ],
)
def test_an_endpoint_without_a_path_gets_the_usual_one(endpoint: str, url: str) -> None:
    assert traces_url(endpoint) == url


@pytest.mark.parametrize("endpoint", ["", "ftp://host", "http://"])
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="an OTLP/HTTP endpoint is wanted"):
        traces_url(endpoint)

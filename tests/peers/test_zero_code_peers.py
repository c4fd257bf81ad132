"""Switched on by environment variables alone: a script on OpenAI's client, OTel's instrumentation of it, and a stub.

Each way yields the report and puts the findings onto the trace; switched off, nothing shows that we were there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.peers.environments import PROGRAMS, Environments, environments_folder
from tests.peers.sessions import CONTENT_ON, run_program, world
from tests.peers.stub_provider import TURNS
from tests.support.otlp_sink import OtlpSink

pytestmark = pytest.mark.peers

FINDING = "repeated-file-read"
CALLS = len(TURNS)
EXPORTER_FILE = {"exporter": {"sessionopt": {"delegate": {"otlp_http": {"endpoint": "${SINK}"}}}}}
INSTRUMENTOR_FILE = {"exporter": {"otlp_http": {"endpoint": "${SINK}"}}}


def _config(exporter: dict[str, Any], **more: Any) -> str:
    # YAML takes JSON.
    return json.dumps({"file_format": "1.0", "tracer_provider": {"processors": [{"batch": exporter}]}, **more})


def _variables(way: str, folder: Path) -> dict[str, str]:
    """What switches it on in one way."""
    if way == "traces exporter":
        return {"OTEL_TRACES_EXPORTER": "sessionopt"}
    if way == "instrumentor":
        return {"OTEL_TRACES_EXPORTER": "otlp"}
    file = folder / "otel.yaml"
    if way == "traces exporter in a file":
        file.write_text(_config(EXPORTER_FILE))
    else:
        options = {"instrumentation/development": {"python": {"sessionopt": {"report": {"formats": ["json", "txt"]}}}}}
        file.write_text(_config(INSTRUMENTOR_FILE, **options))
    return {"OTEL_CONFIG_FILE": str(file)}


WAYS = ("traces exporter", "instrumentor", "traces exporter in a file", "instrumentor in a file")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[OtlpSink, Any, Path, dict[str, str]], str]:
    python = Environments(environments_folder(tmp_path_factory)).install_ourselves("zero-code")

    def run_script(sink: OtlpSink, provider: Any, home: Path, variables: dict[str, str]) -> str:
        command = [str(python.parent / "opentelemetry-instrument"), str(python), str(PROGRAMS / "plain_script.py")]
        given = {"HOME": str(home), "SINK": sink.url, "OTEL_METRICS_EXPORTER": "none", **CONTENT_ON, **variables}
        return run_program(command, provider, sink, given)

    return run_script


def _root(sink: OtlpSink) -> Span:
    (root,) = (span for span in sink.spans if not span.parent_span_id)
    return root


def _codes(span: Span) -> list[str]:
    return [
        item.value.string_value
        for event in span.events
        for item in event.attributes
        if item.key == "sessionopt.finding.code"
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_script_yields_its_report_and_findings_on_its_trace(
    run: Callable[..., str], tmp_path: Path, way: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with world() as (provider, sink):
        run(sink, provider, home, _variables(way, tmp_path))
        root = _root(sink)
        assert root.name == "check values"
        if "exporter" in way:
            assert len(sink.spans) == CALLS + 1
            assert _codes(root) == [FINDING]
        else:
            (report_span,) = (span for span in sink.spans if span.name == "sessionopt.report")
            assert report_span.parent_span_id == root.span_id
            assert _codes(report_span) == [FINDING]
    (file,) = (home / ".sessionoptimizer" / "reports").glob("*_report.json")
    report = json.loads(file.read_text())
    assert [issue["code"] for issue in report["issues"]] == [FINDING]
    assert report["counts"]["model_calls"] == CALLS


@pytest.mark.parametrize("way", WAYS)
def test_switched_off_it_leaves_no_trace(run: Callable[..., str], tmp_path: Path, way: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with world() as (provider, sink):
        run(sink, provider, home, {**_variables(way, tmp_path), "SESSIONOPT_ENABLED": "false"})
        assert len(sink.spans) == CALLS + 1
        assert b"sessionopt" not in b"".join(sink.requests)
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_disabled_like_any_other_instrumentation_it_leaves_no_trace(run: Callable[..., str], tmp_path: Path) -> None:
    with world() as (provider, sink):
        switches = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "sessionopt"}
        run(sink, provider, tmp_path, switches)
        assert len(sink.spans) == CALLS + 1
        assert b"sessionopt" not in b"".join(sink.requests)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_without_content_the_report_names_the_switch_instead_of_a_clean_bill(
    run: Callable[..., str], tmp_path: Path
) -> None:
    with world() as (provider, sink):
        off = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"}
        run(sink, provider, tmp_path, {"OTEL_TRACES_EXPORTER": "sessionopt", **off})
    (file,) = (tmp_path / ".sessionoptimizer" / "reports").glob("*_report.txt")
    text = " ".join(file.read_text().split())
    assert "Nothing found by" in text
    assert text.count("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY") == 1

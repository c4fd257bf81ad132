"""Every way to switch it on without touching code: a script that knows nothing of us, and environment variables.

`tests/peers/test_zero_code_peers.py` does the same with a real client library and its instrumentation.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.otlp_sink import OtlpSink, http_sink

pytest.importorskip("opentelemetry.distro", reason="comes with the extra [instrument]")
if not entry_points(group="opentelemetry_traces_exporter", name="sessionopt"):
    pytest.skip("this checkout was installed before it had entry points", allow_module_level=True)

SCRIPT = """
from opentelemetry import trace
from tests.support.live_spans import run_agent
run_agent(trace.get_tracer("agent"))
"""
ROOT_FOLDER = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
EXPORTER_FILE = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch:
        exporter:
          sessionopt:
            delegate: {otlp_http: {endpoint: "${SINK}"}}
            report: {formats: [json]}
"""
INSTRUMENTOR_FILE = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http: {endpoint: "${SINK}"}
instrumentation/development:
  python:
    sessionopt:
      report: {formats: [json]}
"""


class Run:
    """One run of the script: what arrived, what was written."""

    def __init__(self, sink: OtlpSink, home: Path, **variables: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT_FOLDER),
            "SINK": sink.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url.removesuffix("/v1/traces"),
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRICS_EXPORTER": "none",
            **variables,
        }
        command = [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", SCRIPT]
        done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
        self.log = done.stderr
        self.spans = sink.spans
        self.logs = sink.logs
        self.files = sorted(path for path in home.rglob("*") if path.is_file())

    @property
    def root(self) -> Span:
        (root,) = (span for span in self.spans if not span.parent_span_id)
        return root

    @property
    def traces_of_us(self) -> list[str]:
        """Names, attributes and events of spans that only we write."""
        texts = [span.name for span in self.spans]
        texts += [item.key for span in self.spans for item in span.attributes]
        texts += [event.name for span in self.spans for event in span.events]
        return [text for text in texts if text.startswith(("sessionopt", "gen_ai.evaluation"))]


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with http_sink() as sink:
        yield sink


def config_file(folder: Path, text: str) -> str:
    pytest.importorskip("opentelemetry.configuration", reason="declarative configuration is a package of its own")
    path = folder / "otel.yaml"
    path.write_text(text)
    return str(path)


def event_names(span: Span) -> list[str]:
    return [event.name for event in span.events]


def test_the_traces_exporter_annotates_the_root(sink: OtlpSink, tmp_path: Path) -> None:
    run = Run(sink, tmp_path, OTEL_TRACES_EXPORTER="sessionopt")
    assert len(run.spans) == 6
    assert "sessionopt.finding" in event_names(run.root)
    assert [path.suffix for path in run.files] == [".html", ".json", ".md", ".txt"]
    assert run.log == ""


def test_the_traces_exporter_takes_options_from_a_declarative_configuration(sink: OtlpSink, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    run = Run(sink, tmp_path / "home", OTEL_CONFIG_FILE=config_file(tmp_path, EXPORTER_FILE))
    assert len(run.spans) == 6
    assert "sessionopt.finding" in event_names(run.root)
    assert [path.suffix for path in run.files] == [".json"]


def test_installed_is_on(sink: OtlpSink, tmp_path: Path) -> None:
    run = Run(sink, tmp_path, OTEL_TRACES_EXPORTER="otlp")
    assert len(run.spans) == 7
    (report,) = (span for span in run.spans if span.name == "sessionopt.report")
    assert "sessionopt.finding" in event_names(report)
    assert report.parent_span_id == run.root.span_id
    assert event_names(run.root) == []
    assert len(run.files) == 4


def test_the_instrumentor_takes_options_from_a_declarative_configuration(sink: OtlpSink, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    run = Run(sink, tmp_path / "home", OTEL_CONFIG_FILE=config_file(tmp_path, INSTRUMENTOR_FILE))
    assert [span.name for span in run.spans].count("sessionopt.report") == 1
    assert [path.suffix for path in run.files] == [".json"]


@pytest.mark.parametrize("exporter", ["otlp", "sessionopt"])
def test_findings_can_be_log_events(sink: OtlpSink, tmp_path: Path, exporter: str) -> None:
    run = Run(
        sink,
        tmp_path,
        OTEL_TRACES_EXPORTER=exporter,
        OTEL_LOGS_EXPORTER="otlp",
        SESSIONOPT_WRITEBACK_FINDINGS="log-events",
    )
    ours = [record for record in run.logs if record.event_name.startswith(("sessionopt", "gen_ai.evaluation"))]
    assert [record.event_name for record in ours] == [
        "sessionopt.finding",
        "sessionopt.summary",
        "gen_ai.evaluation.result",
    ]
    assert {record.span_id for record in ours} == {run.root.span_id}
    assert all(not span.events for span in run.spans)


@pytest.mark.parametrize(
    "switches",
    [
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "sessionopt"},
        {"OTEL_TRACES_EXPORTER": "otlp", "SESSIONOPT_ENABLED": "false"},
        {"OTEL_TRACES_EXPORTER": "sessionopt", "SESSIONOPT_ENABLED": "false"},
    ],
    ids=["instrumentation disabled", "instrumentor off", "exporter off"],
)
def test_switched_off_there_is_no_trace_of_it(sink: OtlpSink, tmp_path: Path, switches: dict[str, str]) -> None:
    run = Run(sink, tmp_path, **switches)
    assert len(run.spans) == 6
    assert run.traces_of_us == []
    assert run.files == []
    assert run.log == ""


def test_a_wrong_setting_is_told_in_one_line_and_the_program_runs(sink: OtlpSink, tmp_path: Path) -> None:
    run = Run(sink, tmp_path, OTEL_TRACES_EXPORTER="sessionopt", SESSIONOPT_REPORT_FORMATS="pdf")
    assert len(run.spans) == 6
    assert run.log == (
        "SESSIONOPT_REPORT_FORMATS: report.formats is 'pdf'; a list of json, md, txt, html is wanted; "
        "the traces exporter goes on with the defaults\n"
    )

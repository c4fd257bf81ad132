"""Exporters of other makers against the service: the SDK's JSON exporter, the JavaScript SDK, and Rotel in between."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.service_process import RunningService, agent_request, post, running_service

pytestmark = pytest.mark.peers

PROGRAM = Path(__file__).parents[1] / "support" / "send_spans.py"
ROTEL = "rotel==0.0.1a15"
_NODE_PACKAGES = (
    "@opentelemetry/api",
    "@opentelemetry/sdk-trace-base",
    "@opentelemetry/resources",
    "@opentelemetry/exporter-trace-otlp-http",
    "@opentelemetry/exporter-trace-otlp-proto",
    "@opentelemetry/exporter-trace-otlp-grpc",
)
_NODE_PROGRAM = """
const [name, url, compression] = process.argv.slice(2);
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { trace, context } = require('@opentelemetry/api');
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${name}`);
const exporter = new OTLPTraceExporter({ url, compression });
const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
const tracer = provider.getTracer('tests');
const root = tracer.startSpan('invoke_agent', { attributes: {
  'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': `node-${name}` } });
const below = trace.setSpan(context.active(), root);
for (let call = 0; call < 3; call++) {
  tracer.startSpan('chat gpt-4o', { attributes: {
    'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'gpt-4o',
    'gen_ai.usage.input_tokens': 1000, 'gen_ai.usage.output_tokens': 10 } }, below).end();
}
root.end();
provider.shutdown().then(() => console.log(root.spanContext().traceId));
"""


def expect_session(service: RunningService, trace_id: str, agent: str) -> None:
    service.wait_for(lambda: trace_id in service.reports)
    report = service.reports[trace_id]
    assert (report["session"]["agent"], report["bill"]["calls"]) == (agent, 3)
    assert report["token_breakdown"]["TOTAL_INPUT"] == 3000


def test_the_python_sdk_over_http_json(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    packages = ["opentelemetry-sdk", "opentelemetry-exporter-otlp-json-http"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    with running_service(tmp_path / "service") as service:
        for compression in ("none", "gzip"):
            command = [str(python), str(PROGRAM), "json", service.http, compression]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            expect_session(service, done.stdout.strip(), "python-json")


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_javascript_sdk(tmp_path: Path) -> None:
    program = tmp_path / "send.js"
    program.write_text(_NODE_PROGRAM)
    (tmp_path / "package.json").write_text("{}")
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", *_NODE_PACKAGES], cwd=tmp_path, check=True)
    with running_service(tmp_path / "service") as service:
        urls = {
            "http": f"{service.http}/v1/traces",
            "proto": f"{service.http}/v1/traces",
            "grpc": f"http://{service.grpc}",
        }
        for name, url in urls.items():
            for compression in ("none", "gzip"):
                command = ["node", str(program), name, url, compression]
                done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
                expect_session(service, done.stdout.strip(), f"node-{name}")


@contextmanager
def rotel(folder: Path, endpoint: str, protocol: str) -> Iterator[str]:
    """Rotel as a hop to `endpoint`; gives the address of its OTLP/HTTP receiver."""
    environment = folder / "rotel"
    if not environment.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([environment / "bin" / "python", "-m", "pip", "install", "--quiet", ROTEL], check=True)
    agent = next(environment.glob("lib/python*/site-packages/rotel/rotel-agent"))
    http_port, grpc_port = free_port(), free_port()
    command = [
        str(agent),
        "start",
        f"--otlp-http-endpoint=127.0.0.1:{http_port}",
        f"--otlp-grpc-endpoint=127.0.0.1:{grpc_port}",
        "--exporter=otlp",
        f"--otlp-exporter-endpoint={endpoint}",
        f"--otlp-exporter-protocol={protocol}",
    ]
    with (folder / "rotel.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
    try:
        deadline = time.monotonic() + 20
        while process.poll() is None and not is_open(http_port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        if process.poll() is not None:
            pytest.skip(f"Rotel does not start (it needs libpython3.11): {(folder / 'rotel.log').read_text()[-300:]}")
        yield f"http://127.0.0.1:{http_port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_rotel_as_a_hop(tmp_path: Path, protocol: str) -> None:
    with running_service(tmp_path / "service") as service:
        endpoint = service.http if protocol == "http" else f"http://{service.grpc}"
        with rotel(tmp_path, endpoint, protocol) as hop:
            command = [sys.executable, str(PROGRAM), "http", hop, "gzip"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            expect_session(service, done.stdout.strip(), "python-http")


def test_the_service_forwards_to_rotel(tmp_path: Path) -> None:
    with running_service(tmp_path / "last") as last, rotel(tmp_path, last.http, "http") as hop:
        with running_service(tmp_path / "first", f"--forward={hop}") as first:
            assert (
                post(
                    f"{first.http}/v1/traces",
                    agent_request(77, [1, 2, 3, 4]),
                    {"Content-Type": "application/x-protobuf"},
                ).status
                == 200
            )
            expect_session(last, f"{77:032x}", "shop")


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""The service as users run it, a process of its own on free ports, and OTLP requests to send it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PROTOBUF = "application/x-protobuf"
START_NS = 1_760_000_000_000_000_000


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class RunningService:
    """A service that was started; `folder` has its data, reports and history."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, lines: Sequence[str]) -> None:
        self.process = process
        self.folder = folder
        addresses = dict(line.split(None, 1) for line in lines if line.split(None, 1)[1:])
        self.http = addresses["OTLP/HTTP"].strip()
        self.grpc = addresses["OTLP/gRPC"].strip()
        self.pages = addresses["Metrics"].strip().removesuffix("/metrics")

    @property
    def reports(self) -> dict[str, dict[str, Any]]:
        """By trace id, as they are on disk now."""
        paths = (self.folder / "reports").glob("*_report.json")
        return {path.name.removesuffix("_report.json"): json.loads(path.read_text()) for path in paths}

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.pages}/status", timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def post(self, body: bytes, content_type: str = PROTOBUF, path: str = "/v1/traces", **headers: str) -> Answer:
        return post(self.http + path, body, {"Content-Type": content_type, **headers})

    def wait_for(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, f"still waiting: {self.status()}"
            time.sleep(0.02)

    def is_idle(self) -> bool:
        """Everything that came was read and reported."""
        status = self.status()
        return bool(status.get("traces_waiting") == 0 and status["unread_bytes"] == 0)

    def kill(self) -> None:
        """As a power cut would, as far as the process goes."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running_service(folder: Path, *arguments: str, **settings: object) -> Iterator[RunningService]:
    """`sessionoptimizer serve` with everything it writes below `folder`."""
    chosen = {
        "report.folder": folder / "reports",
        "history.folder": folder / "history",
        "service.folder": folder / "data",
        "service.quiet_seconds": 0.2,
        "service.min_free_bytes": 0,
        **{f"service.{name}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "otel_sessionopt", "serve", "--http-port=0", "--grpc-port=0", "--pages-port=0"]
    command += [f"--set={name}={value}" for name, value in chosen.items()]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "service.log").open("a") as log:
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield RunningService(process, folder, _lines_until_ready(process, folder))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.stdout is not None
        process.stdout.close()


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, dict(response.headers.items()), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers.items()), error.read())


def agent_request(trace_id: int, span_ids: Sequence[int], *, root: int | None = 1) -> bytes:
    """Model calls below an agent's span, which is the root and has id `root`; each costs tokens of its own."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.append(_attribute("service.name", "shop"))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "tests"
    for span_id in span_ids:
        scope_spans.spans.append(_span(trace_id, span_id, is_root=span_id == root))
    return bytes(request.SerializeToString())


def _span(trace_id: int, span_id: int, *, is_root: bool) -> Span:
    start = START_NS + span_id * 1_000_000_000
    span = Span(
        trace_id=trace_id.to_bytes(16, "big"),
        span_id=span_id.to_bytes(8, "big"),
        parent_span_id=b"" if is_root else (1).to_bytes(8, "big"),
        name="invoke_agent shop" if is_root else "chat gpt-4o",
        start_time_unix_nano=start,
        end_time_unix_nano=start + 500_000_000,
    )
    if is_root:
        attributes: dict[str, str | int] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop"}
    else:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 10,
        }
    span.attributes.extend(_attribute(name, value) for name, value in attributes.items())
    return span


def _attribute(name: str, value: str | int) -> KeyValue:
    any_value = AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value)
    return KeyValue(key=name, value=any_value)


def _lines_until_ready(process: subprocess.Popen[str], folder: Path) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("Ready"):
            return lines
    raise AssertionError(f"the service did not start: {(folder / 'service.log').read_text()}")

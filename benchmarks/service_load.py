"""What the service takes: spans per second durably accepted, and received + analysed + forwarded, with its memory.

Every span has 20 attributes and 2 KB of text; a request has 500 spans of four sessions. Phases:

    accept   two clients send as fast as they are answered
    whole    two clients send at a pace; it counts as kept up when reports and forwarding are never far behind

Client, service and sink share the machine's cores. Run with the numbers of the issue:
`python benchmarks/service_load.py --seconds 300 --rate 8000`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from machine import machine_line

ATTRIBUTES = 20
SPANS_PER_TRACE = 125  # 454 real sessions have 31,000 tool calls, and about as many model calls
TRACES_PER_REQUEST = 4
CLIENTS = 2
TEXT = ("line of a tool result, forty characters\n" * 52)[:2048]
START_NS = 1_760_000_000_000_000_000
_MARK = bytes.fromhex("feedfacecafebeef")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="length of each phase (default %(default)s)")
    parser.add_argument("--rate", type=int, default=8_000, help="spans/s of the second phase (default %(default)s)")
    parser.add_argument("--phase", choices=["accept", "whole", "both"], default="both")
    parser.add_argument("--url", help="send to this OTLP/HTTP address instead, such as another collector; accept only")
    options = parser.parse_args()
    print(machine_line())
    if options.url:
        _print_accepted(options.url, *_send(options.url, options.seconds, None))
        return
    if options.phase in ("accept", "both"):
        with _service() as (service, _):
            spans, took = _send(service.url, options.seconds, None)
            _print_accepted("accept", spans, took)
            print(f"  {service.memory()}; {service.cpu(spans)}")
    if options.phase in ("whole", "both"):
        _whole(options.seconds, options.rate)


def _whole(seconds: float, rate: int) -> None:
    with _service() as (service, sink):
        samples: list[int] = []
        behind: list[int] = []
        done = threading.Event()

        def watch() -> None:
            while not done.wait(1.0):
                samples.append(sum(service.pss_by_process().values()))
                behind.append(service.status()["unread_bytes"])

        watcher = threading.Thread(target=watch)
        watcher.start()
        spans, took = _send(service.url, seconds, rate)
        sent_at = time.monotonic()
        traces = spans // SPANS_PER_TRACE
        while service.status().get("reports", 0) < traces and time.monotonic() < sent_at + seconds + 60:
            time.sleep(0.1)
        reported = time.monotonic() - sent_at
        while sink.spans_bytes[0] < service.status()["log_bytes"] * 0.9 and time.monotonic() < sent_at + 60:
            time.sleep(0.1)
        done.set()
        watcher.join()
        status = service.status()
        print(
            f"whole: {spans / took:,.0f} spans/s sent for {took:.0f} s; last report {reported:.1f} s after the last "
            f"span (6 s of quiet included): {spans / (took + max(reported - 6, 0)):,.0f} spans/s received, analysed "
            f"and forwarded"
        )
        print(
            f"  reports {status.get('reports', 0):,} of {traces:,}, failed {status.get('analyses_failed', 0)}, "
            f"forwarded {sink.requests[0]:,} requests, most unread {max(behind) / 1e6:,.0f} MB"
        )
        print(f"  {service.cpu(spans)}")
        half = len(samples) // 2
        print(
            f"  PSS of all processes: largest {max(samples) / 1024:,.0f} MiB, in the first half "
            f"{max(samples[:half] or [0]) / 1024:,.0f}, in the second {max(samples[half:]) / 1024:,.0f}"
        )
        print(f"  {service.memory()}")


def request_body(first_trace: int) -> bytes:
    """500 spans of four sessions; ids differ with `first_trace`."""
    return _template().replace(_MARK, first_trace.to_bytes(8, "big"))


_TEMPLATE: list[bytes] = []


def _template() -> bytes:
    if not _TEMPLATE:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = "benchmark"
        scope = resource.scope_spans.add()
        scope.scope.name = "bench"
        for trace in range(TRACES_PER_REQUEST):
            for index in range(SPANS_PER_TRACE):
                _add_span(scope.spans.add(), trace, index)
        _TEMPLATE.append(request.SerializeToString())
    return _TEMPLATE[0]


def _add_span(span: Any, trace: int, index: int) -> None:
    span.trace_id = _MARK + trace.to_bytes(8, "big")
    span.span_id = (index + 1).to_bytes(8, "big")
    span.parent_span_id = b"" if index == 0 else (1).to_bytes(8, "big")
    span.start_time_unix_nano = START_NS + index * 10_000_000_000
    span.end_time_unix_nano = span.start_time_unix_nano + (500_000_000_000 if index == 0 else 8_000_000_000)
    attributes = _attributes(index)
    span.name = str(attributes["gen_ai.operation.name"])
    for key, value in attributes.items():
        any_value = span.attributes.add(key=key).value
        if isinstance(value, int):
            any_value.int_value = value
        else:
            any_value.string_value = value


def _attributes(index: int) -> dict[str, str | int]:
    if index == 0:
        attributes: dict[str, str | int] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "bench"}
    elif index % 2:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.response.id": f"msg_{index}",
            "gen_ai.usage.input_tokens": 20_000 + 600 * index,
            "gen_ai.usage.output_tokens": 220 + index,
            "gen_ai.usage.cache_read.input_tokens": 19_000 + 600 * index,
        }
    else:
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "Read" if index % 3 == 0 else "Bash",
            "gen_ai.tool.call.id": f"call_{index}",
            "gen_ai.tool.call.arguments": json.dumps(
                # One read in ten brings back what was shown, as in the real sessions.
                {"file_path": f"/src/f{index - 30 if index % 60 == 0 else index}.py", "command": f"make {index}"}
            ),
        }
    text = "gen_ai.tool.call.result" if "gen_ai.tool.name" in attributes else "gen_ai.prompt"
    attributes[text] = TEXT
    for number in range(ATTRIBUTES - len(attributes)):
        attributes[f"app.attribute.{number}"] = f"value {number}"
    return attributes


def _send(url: str, seconds: float, rate: int | None) -> tuple[int, float]:
    """Spans that were acknowledged, and how long that took."""
    queue: Any = multiprocessing.Queue()
    clients = [
        multiprocessing.Process(target=_client, args=(number, url, seconds, rate and rate / CLIENTS, queue))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    results = [queue.get() for _ in clients]
    for client in clients:
        client.join()
    return sum(spans for spans, _ in results), max(took for _, took in results)


def _client(number: int, url: str, seconds: float, rate: float | None, queue: Any) -> None:
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    spans_per_request = TRACES_PER_REQUEST * SPANS_PER_TRACE
    spans = 0
    sent = 1  # a trace id of nothing but zeros is none
    _template()
    started = time.monotonic()
    while (now := time.monotonic()) < started + seconds:
        if rate and (sent - 1) * spans_per_request > (now - started) * rate:
            time.sleep(0.005)
            continue
        body = request_body((number << 40) + sent)
        sent += 1
        while True:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                spans += spans_per_request
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))
    queue.put((spans, time.monotonic() - started))


def _print_accepted(name: str, spans: int, took: float) -> None:
    size = len(_template()) / TRACES_PER_REQUEST / SPANS_PER_TRACE
    print(f"{name}: {spans / took:,.0f} spans/s acknowledged for {took:.0f} s ({size:,.0f} B a span)")


class _Service:
    def __init__(self, process: subprocess.Popen[str], url: str, pages: str) -> None:
        self.process = process
        self.url = url
        self._pages = pages

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._pages}/status", timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def pss_by_process(self) -> dict[int, int]:
        """KiB by process id."""
        return {pid: _pss(pid) for pid in _tree(self.process.pid)}

    def cpu(self, spans: int) -> str:
        """CPU time by process: on a machine that others use too it says more than the clock."""
        each = [_cpu_seconds(pid) for pid in _tree(self.process.pid)]
        shown = " + ".join(f"{seconds / spans * 1e6:.1f}" for seconds in each)
        return f"CPU of the service {sum(each) / spans * 1e6:.1f} µs a span ({shown})"

    def memory(self) -> str:
        by_process = self.pss_by_process()
        each = " + ".join(f"{size / 1024:.0f}" for size in by_process.values())
        return f"now {sum(by_process.values()) / 1024:,.0f} MiB in {len(by_process)} processes ({each})"


class _Sink:
    def __init__(self) -> None:
        self.spans_bytes: Any = multiprocessing.Array("q", 1)
        self.requests: Any = multiprocessing.Array("q", 1)


def _sink_main(port: Any, sink_bytes: Any, sink_requests: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            self.rfile.read(size)
            sink_bytes[0] += size
            sink_requests[0] += 1
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.value = server.server_address[1]
    server.serve_forever()


@contextmanager
def _service() -> Iterator[tuple[_Service, _Sink]]:
    folder = Path(tempfile.mkdtemp(prefix="sessionopt-load-"))
    sink = _Sink()
    port = multiprocessing.Value("i", 0)
    sink_process = multiprocessing.Process(target=_sink_main, args=(port, sink.spans_bytes, sink.requests), daemon=True)
    sink_process.start()
    while not port.value:
        time.sleep(0.01)
    command = [sys.executable, "-m", "otel_sessionopt", "serve", "--http-port=0", "--grpc-port=0", "--pages-port=0"]
    command += [f"--data={folder / 'data'}", f"--forward=http://127.0.0.1:{port.value}"]
    command += [f"--set=report.folder={folder / 'reports'}", f"--set=history.folder={folder / 'history'}"]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and lines[-1].startswith("Ready")):
        lines.append(process.stdout.readline())
    print(f"ready after {time.monotonic() - started:.2f} s")
    addresses = {line.split()[0]: line.split()[1] for line in lines if len(line.split()) > 1}
    try:
        yield _Service(process, addresses["OTLP/HTTP"], addresses["Metrics"].removesuffix("/metrics")), sink
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        sink_process.terminate()
        shutil.rmtree(folder, ignore_errors=True)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pss(pid: int) -> int:
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(row.split()[1]) for row in rows if row.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()

"""OTLP receivers for tests, on loopback: what an exporter really sent, in the order of arrival."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

EXPORT_METHOD = "Export"
EXPORT_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


class OtlpSink:
    """Spans and log records that arrived, oldest first. Safe to use from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self._spans: list[Span] = []
        self._logs: list[LogRecord] = []
        self._requests: list[bytes] = []
        self._lock = threading.Lock()

    @property
    def spans(self) -> list[Span]:
        with self._lock:
            return list(self._spans)

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    @property
    def requests(self) -> list[bytes]:
        """The bodies of the requests with spans or log records, as they came."""
        with self._lock:
            return list(self._requests)

    @property
    def logs(self) -> list[LogRecord]:
        with self._lock:
            return list(self._logs)

    def take_logs(self, request: bytes) -> None:
        """Keep the log records of one request; to an OTLP exporter an empty answer is as good as any."""
        records = [
            record
            for resource in ExportLogsServiceRequest.FromString(request).resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
        with self._lock:
            self._logs += records
            self._requests.append(request)

    def take(self, request: bytes) -> bytes:
        """Keep the spans of one request; gives the answer of a receiver that is content."""
        spans = [
            span
            for resource in ExportTraceServiceRequest.FromString(request).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._spans += spans
            self._requests.append(request)
        answer: bytes = ExportTraceServiceResponse().SerializeToString()
        return answer

    def wait(self, condition: Callable[[list[Span]], bool], seconds: float = 10) -> list[Span]:
        """The spans as soon as they fulfil `condition`; fails when they do not in time."""
        deadline = time.monotonic() + seconds
        while not condition(self.spans):
            assert time.monotonic() < deadline, f"still waiting, have {self.names}"
            time.sleep(0.005)
        return self.spans


@contextmanager
def http_sink(port: int = 0) -> Iterator[OtlpSink]:
    """A receiver for OTLP over HTTP with protobuf, logs too, on any free port unless given; `url` takes the traces."""
    sink = OtlpSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self._body()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = b""
            if self.path == "/v1/logs":
                sink.take_logs(body)
            elif self.path == "/v1/traces":
                answer = sink.take(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _body(self) -> bytes:
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            pieces = []  # chunked, as Node sends it
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def grpc_sink() -> Iterator[OtlpSink]:
    """A receiver for OTLP over gRPC, without generated stubs: it takes the bytes as they come."""
    sink = OtlpSink()

    def export(request: bytes, _context: grpc.ServicerContext) -> bytes:
        return sink.take(request)

    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(export, request_deserializer=None, response_serializer=None)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(EXPORT_SERVICE, {EXPORT_METHOD: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sink.url = f"http://127.0.0.1:{port}"
    try:
        yield sink
    finally:
        server.stop(None).wait()

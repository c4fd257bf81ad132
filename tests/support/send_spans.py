"""A program with the SDK, as users have it: `send_spans.py EXPORTER ENDPOINT COMPRESSION` sends one session."""

from __future__ import annotations

import sys
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def make_exporter(name: str, endpoint: str, compression: str) -> Any:
    """One of the SDK's own exporters. Imported here: not every environment has all."""
    if name == "grpc":
        import grpc  # type: ignore[import-untyped]  # grpcio ships no types
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        kind: Any = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
        return GrpcExporter(endpoint=endpoint, insecure=True, compression=kind)
    if name == "json":
        from importlib import import_module  # by name: it is installed in an environment of its own only

        exporter: Any = import_module("opentelemetry.exporter.otlp.json.http.trace_exporter")
        kind = exporter.Compression(compression)
        return exporter.OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", compression=kind)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter(endpoint=f"{endpoint}/v1/traces", compression=Compression(compression))


def main(name: str, endpoint: str, compression: str) -> None:
    provider = TracerProvider(resource=Resource({"service.name": f"python-{name}"}))
    provider.add_span_processor(BatchSpanProcessor(make_exporter(name, endpoint, compression)))
    tracer = provider.get_tracer("tests")
    root: dict[str, str | int] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": f"python-{name}"}
    call: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 10,
    }
    with tracer.start_as_current_span("invoke_agent", attributes=root) as span:
        for _ in range(3):
            with tracer.start_as_current_span("chat gpt-4o", attributes=call):
                pass
    provider.shutdown()
    print(f"{span.get_span_context().trace_id:032x}")  # noqa: T201 - what its caller asks for


if __name__ == "__main__":
    main(*sys.argv[1:4])

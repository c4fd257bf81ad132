"""An agent with plain OpenTelemetry spans, our span processor around its exporter, and nothing else.

Run it with Jaeger from `docker-compose.yml` to see the findings on the trace; without one the report still appears.
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_sessionopt import OptimizationReport, SessionOptSpanProcessor
from otel_sessionopt.report import as_text

SOURCE = "\n".join(f"{number:6}\tvalue_{number} = compute({number})" for number in range(1, 400))


def show(report: OptimizationReport) -> None:
    print(as_text(report))


provider = TracerProvider(resource=Resource.create({"service.name": "example-agent"}))
exporter = OTLPSpanExporter(timeout=2)  # to localhost:4318, or where OTEL_EXPORTER_OTLP_ENDPOINT says
provider.add_span_processor(SessionOptSpanProcessor(BatchSpanProcessor(exporter), on_report=show))
tracer = trace.get_tracer("example", tracer_provider=provider)


def model_call(cached: int, written: int, output: int) -> None:
    with tracer.start_as_current_span("chat claude-sonnet-4-5") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", "anthropic")
        span.set_attribute("gen_ai.request.model", "claude-sonnet-4-5")
        span.set_attribute("gen_ai.usage.input_tokens", 10 + cached + written)
        span.set_attribute("gen_ai.usage.cache_read.input_tokens", cached)
        span.set_attribute("gen_ai.usage.cache_write.input_tokens", written)
        span.set_attribute("gen_ai.usage.output_tokens", output)


def read_file(path: str) -> None:
    with tracer.start_as_current_span("execute_tool Read") as span:
        span.set_attribute("gen_ai.operation.name", "execute_tool")
        span.set_attribute("gen_ai.tool.name", "Read")
        span.set_attribute("gen_ai.tool.call.arguments", f'{{"file_path": "{path}"}}')
        span.set_attribute("gen_ai.tool.call.result", SOURCE)


with tracer.start_as_current_span("invoke_agent example") as root:
    root.set_attribute("gen_ai.operation.name", "invoke_agent")
    root.set_attribute("gen_ai.agent.name", "example")
    model_call(cached=0, written=6_000, output=120)
    read_file("/src/values.py")
    model_call(cached=6_000, written=3_200, output=150)
    read_file("/src/values.py")  # nothing changed it: the same lines are paid for again
    model_call(cached=9_200, written=3_200, output=180)

provider.shutdown()

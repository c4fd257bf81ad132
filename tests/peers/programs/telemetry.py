"""Sets up tracing and the instrumentations named on the command line. Runs where only those libraries are installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

INSTRUMENTATIONS = {
    "otel-openai-v2": "opentelemetry.instrumentation.openai_v2:OpenAIInstrumentor",
    "otel-openai": "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
    "otel-anthropic": "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
    "openinference-openai": "openinference.instrumentation.openai:OpenAIInstrumentor",
    "openinference-anthropic": "openinference.instrumentation.anthropic:AnthropicInstrumentor",
    "openinference-langchain": "openinference.instrumentation.langchain:LangChainInstrumentor",
    "openllmetry-openai": "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
    "openllmetry-anthropic": "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
    "openllmetry-langchain": "opentelemetry.instrumentation.langchain:LangchainInstrumentor",
}


def set_up(names: list[str]) -> trace.Tracer:
    """Export over OTLP (by the usual variables) and instrument; `none` stands for nothing to instrument."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    logs = LoggerProvider()
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
    set_logger_provider(logs)
    for name in names:
        if name in INSTRUMENTATIONS:
            module, _, class_name = INSTRUMENTATIONS[name].partition(":")
            instrumentor: Any = getattr(import_module(module), class_name)
            instrumentor().instrument()
    return trace.get_tracer("agent")

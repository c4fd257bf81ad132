"""Telemetry that is not as it should be, from the file to the report: no exception, no invented number, all counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.pipeline import Pipeline, analyze_inputs
from otel_sessionopt.report.document import OptimizationReport
from tests.ingest.otlp_samples import Errors, json_line, message

CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
}
READ: dict[str, Any] = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Read"}


def report_of(folder: Path, *spans: Mapping[str, Any], limit: int | None = None) -> OptimizationReport:
    """The report of an agent that made these spans one after the other, written by the SDK under its length limit."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(span_limits=SpanLimits(max_span_attribute_length=limit))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("agent")
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "coder"}
    with tracer.start_as_current_span("invoke_agent coder", attributes=agent):
        for attributes in spans:
            with tracer.start_as_current_span(str(attributes.get("gen_ai.operation.name", "work"))) as span:
                span.set_attributes(dict(attributes))
    provider.shutdown()
    path = folder / "spans.jsonl"
    path.write_bytes(json_line(message(memory.get_finished_spans())))
    errors = Errors()
    (report,) = analyze_inputs(find_inputs([path], errors), Pipeline(), on_error=errors)
    assert not errors
    return report


def warnings_of(report: OptimizationReport) -> dict[str, int]:
    assert report.release is not None
    return dict(report.release.warnings)


def test_a_span_in_an_unknown_dialect_is_counted_and_adds_nothing(tmp_path: Path) -> None:
    unknown = {"acme.prompt_tokens": 5_000, "acme.completion_tokens": 900, "genkit:input": "secret"}
    report = report_of(tmp_path, CHAT, unknown, {"http.route": "/a"})

    assert warnings_of(report) == {"unknown-dialect": 1}
    assert (report.bill.total.tokens, report.counts.model_calls, report.counts.events) == (1_500, 1, 1)
    assert [note for note in report.notes if "no convention that is known" in note]
    assert "secret" not in str(report)


def test_a_half_known_call_is_counted_without_numbers(tmp_path: Path) -> None:
    half = {key: value for key, value in CHAT.items() if "usage" not in key} | {"gen_ai.usage.tokens_in": 9_999}
    odd = {"gen_ai.operation.name": "dream", "gen_ai.request.model": "gpt-5-mini"}
    report = report_of(tmp_path, CHAT, half, odd)

    assert warnings_of(report) == {"unknown-usage": 1}
    assert (report.bill.total.tokens, report.counts.model_calls) == (1_500, 2)


@pytest.mark.parametrize("value", ["many", -5, 1.5, "1e99", True])
def test_a_token_number_that_is_none_is_left_out(value: Any, tmp_path: Path) -> None:
    report = report_of(tmp_path, CHAT, CHAT | {"gen_ai.usage.input_tokens": value})

    assert warnings_of(report) == {"unusable-usage": 1}
    assert report.bill.total.tokens == 1_500 + 300


@pytest.mark.parametrize(
    ("key", "value", "warning"),
    [
        ("gen_ai.tool.call.arguments", '{"file_path": "/a.py"', "cut-value"),
        ("gen_ai.tool.call.arguments", '{"file_path": /a.py}', "invalid-json"),
        ("gen_ai.tool.call.result", '{"content": "x', "cut-value"),
    ],
)
def test_arguments_and_results_that_are_no_json_are_counted(key: str, value: str, warning: str, tmp_path: Path) -> None:
    report = report_of(tmp_path, CHAT, READ | {key: value}, CHAT)

    assert warnings_of(report) == {warning: 1}
    assert (report.counts.tool_calls, report.bill.total.tokens) == (1, 3_000)


@pytest.mark.parametrize("value", ['[{"role": "user", "par', "[{]}", '[{"role": "user"},'])
def test_messages_that_are_no_json_are_counted(value: str, tmp_path: Path) -> None:
    report = report_of(tmp_path, CHAT | {"gen_ai.input.messages": value})

    assert sum(warnings_of(report).values()) == 1
    assert (report.counts.events, report.bill.total.tokens) == (1, 1_500)


@pytest.mark.parametrize("limit", [16, 64, 256, 1_024, 100_000])
def test_a_length_limit_of_the_sdk_changes_no_token_and_adds_no_event(limit: int, tmp_path: Path) -> None:
    """`OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`: every text longer than that is cut, JSON or not."""
    history = [
        {"role": "user", "parts": [{"type": "text", "content": "look at " * 40}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "Read",
                                         "arguments": {"file_path": "/a.py", "note": "n" * 300}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "x" * 2_000}]},
    ]  # fmt: skip
    tool = READ | {
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": json.dumps({"note": "n" * 300, "file_path": "/a.py"}),
        "gen_ai.tool.call.result": json.dumps({"content": "x" * 2_000}),
    }
    report = report_of(tmp_path, CHAT, tool, CHAT | {"gen_ai.input.messages": json.dumps(history)}, limit=limit)

    assert report.bill.total.tokens == 3_000
    assert (report.counts.model_calls, report.counts.tool_calls, report.counts.errors) == (2, 1, 0)
    assert warnings_of(report).get("cut-value", 0) == (2 if limit <= 1_024 else 0)  # spans

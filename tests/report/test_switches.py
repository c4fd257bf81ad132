"""Which switch a report names for what is missing, by dialect."""

from __future__ import annotations

import pytest

from otel_sessionopt.analyzers.base import Fact
from otel_sessionopt.dialects.catalog import DIALECTS
from otel_sessionopt.report.notes import notes_of
from otel_sessionopt.report.switches import switch_for
from otel_sessionopt.report.tally import bill_of
from tests.analyzers.test_presence import _mixed


@pytest.mark.parametrize(
    ("dialect", "says"),
    [
        ("otel-genai", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY"),
        ("anthropic-sdk", "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE=content"),
        ("openinference", "OPENINFERENCE_HIDE_INPUTS"),
        ("openllmetry", "TRACELOOP_TRACE_CONTENT"),
        ("vercel-ai-sdk", "recordInputs"),
        ("pydantic-ai", "include_content=True"),
        ("google-adk", "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS"),
        ("agent-framework", "enable_sensitive_data=True"),
        ("copilot", "COPILOT_OTEL_CAPTURE_CONTENT=true"),
        ("claude-code", "OTEL_LOG_TOOL_DETAILS=1"),
        ("codex", "~/.codex/config.toml"),
        ("gemini-cli", "logPrompts"),
        ("qwen-code", "includeSensitiveSpanAttributes"),
    ],
)
def test_each_dialect_has_its_own_switch_for_tool_arguments(dialect: str, says: str) -> None:
    assert says in switch_for(Fact.TOOL_ARGUMENTS, frozenset({dialect}))


def test_two_dialects_are_both_named_and_one_of_them_once() -> None:
    switch = switch_for(Fact.TOOL_SIZES, frozenset({"anthropic-sdk", "openllmetry", "mlflow"}))
    assert switch.count(";") == 1
    assert "ANTHROPIC_OPEN_TELEMETRY" in switch
    assert "TRACELOOP" in switch


@pytest.mark.parametrize("fact", Fact)
def test_every_fact_has_a_switch_in_every_dialect(fact: Fact) -> None:
    for dialect in DIALECTS:
        switch = switch_for(fact, frozenset({dialect.id}))
        assert switch
        assert not switch.endswith(".")


def test_what_a_part_of_the_calls_lacks_is_noted_with_the_switch() -> None:
    session = _mixed(("openllmetry", True), ("anthropic-sdk", False))
    notes = notes_of(session, bill_of(session))
    assert notes[-2:] == (
        "1 tool call told by anthropic-sdk came without tool arguments, unlike the others; "
        "set ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE=content in the agent's environment.",
        "1 tool call told by anthropic-sdk came without sizes of tool results, unlike the others; "
        "set ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE=content in the agent's environment.",
    )

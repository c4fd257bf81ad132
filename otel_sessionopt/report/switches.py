"""Which switch brings a fact that a rule needs and the telemetry does not contain.

Source: the environment variables documented by the OpenTelemetry GenAI conventions and instrumentations, by Claude
Code (monitoring page) and by the instrumentations named below; see also `sessionoptimizer doctor`.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt.analyzers.base import Fact

_CONTENT: Final = (
    "set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY and "
    "OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental in the agent's environment "
    "(older instrumentations: CAPTURE_MESSAGE_CONTENT=true)"
)
_SWITCHES: Final[dict[Fact, str]] = {
    Fact.USAGE: (
        "the instrumentation must record gen_ai.usage.input_tokens and gen_ai.usage.output_tokens; "
        "streamed OpenAI calls send usage only with stream_options include_usage"
    ),
    Fact.REASONING: (
        "the instrumentation must record gen_ai.usage.reasoning.output_tokens; not every provider and version tells"
    ),
    Fact.TOOL_CALLS: "the agent must make a span with gen_ai.operation.name=execute_tool for each tool call",
    Fact.TOOL_ARGUMENTS: _CONTENT,
    Fact.TOOL_SIZES: _CONTENT,
    Fact.TOOL_DEFINITIONS: f"{_CONTENT}; not every instrumentation records gen_ai.tool.definitions on model calls",
    Fact.TIMES: "give each event a timestamp and a duration_ms",
}
WITHOUT_SWITCH: Final = frozenset({Fact.REASONING.value, Fact.TOOL_DEFINITIONS.value})
"""Facts that no switch brings where provider or instrumentation do not tell them; missing ones are only noted."""
# Dialects that have switches of their own.
_DIALECT_SWITCHES: Final[dict[tuple[str, Fact], str]] = {
    ("claude-code", Fact.TOOL_ARGUMENTS): "set OTEL_LOG_TOOL_DETAILS=1 in Claude Code's environment",
    ("claude-code", Fact.TOOL_SIZES): "set OTEL_LOG_TOOL_CONTENT=1 in Claude Code's environment",
}


def switch_for(fact: Fact, dialects: frozenset[str] = frozenset()) -> str:
    """What to change so that sessions in `dialects` contain `fact`; one sentence without a full stop."""
    own = [_DIALECT_SWITCHES[dialect, fact] for dialect in sorted(dialects) if (dialect, fact) in _DIALECT_SWITCHES]
    return "; ".join(own) or _SWITCHES[fact]

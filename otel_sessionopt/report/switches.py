"""Which switch brings a fact that a rule needs and the telemetry does not contain.

Source: the documentation of the OpenTelemetry GenAI conventions and of the products and libraries named below
(September 2026); see also `sessionoptimizer doctor`.
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
    Fact.TOOL_CALLS: (
        "the agent must make a span with gen_ai.operation.name=execute_tool for each tool call, or its messages must "
        f"be recorded: {_CONTENT}"
    ),
    Fact.TOOL_ARGUMENTS: _CONTENT,
    Fact.TOOL_SIZES: _CONTENT,
    Fact.TOOL_DEFINITIONS: f"{_CONTENT}; not every instrumentation records gen_ai.tool.definitions on model calls",
    Fact.TIMES: "give each event a timestamp and a duration_ms",
}
WITHOUT_SWITCH: Final = frozenset({Fact.REASONING.value, Fact.TOOL_DEFINITIONS.value})
"""Facts that no switch brings where provider or instrumentation do not tell them; missing ones are only noted."""
_IN_CONTENT: Final = (Fact.TOOL_CALLS, Fact.TOOL_ARGUMENTS, Fact.TOOL_SIZES, Fact.TOOL_DEFINITIONS)
"""Facts that come with the recorded content of messages and tool calls."""
# Dialects that have a switch of their own for content: off by default in the first group, on in the second.
_CONTENT_SWITCHES: Final[dict[str, str]] = {
    "anthropic-sdk": "set ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE=content in the agent's environment",
    "agent-framework": "call setup_observability(enable_sensitive_data=True), or set ENABLE_SENSITIVE_DATA=true",
    "copilot": "set COPILOT_OTEL_CAPTURE_CONTENT=true, or github.copilot.chat.otel.captureContent in the settings",
    "crewai": (
        "CrewAI's own telemetry has no contents; install openinference-instrumentation-crewai or "
        "opentelemetry-instrumentation-crewai"
    ),
    "codex": "export logs too, which have it: exporter in [otel] of ~/.codex/config.toml",
    "gemini-cli": 'set "telemetry": {"traces": true} in Gemini CLI\'s settings; its logs have lengths of results only',
    "qwen-code": "set includeSensitiveSpanAttributes in the telemetry settings of Qwen Code",
    "openinference": (
        "unset OPENINFERENCE_HIDE_INPUTS, OPENINFERENCE_HIDE_OUTPUTS, OPENINFERENCE_HIDE_INPUT_MESSAGES, "
        "OPENINFERENCE_HIDE_OUTPUT_MESSAGES and OPENINFERENCE_HIDE_LLM_TOOLS in the agent's environment"
    ),
    "openllmetry": "unset TRACELOOP_TRACE_CONTENT=false in the agent's environment",
    "vercel-ai-sdk": "leave recordInputs and recordOutputs of experimental_telemetry on",
    "vercel-ai-sdk-7": "leave recordInputs and recordOutputs of the telemetry settings on",
    "pydantic-ai": "leave include_content=True in InstrumentationSettings",
    "google-adk": "unset ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS=false in the agent's environment",
    "strands": "take back the redaction options of its tracer",
    "langsmith": "unset LANGSMITH_HIDE_INPUTS and LANGSMITH_HIDE_OUTPUTS in the agent's environment",
    "litellm": "leave litellm.turn_off_message_logging off",
    "openlit": "call openlit.init(capture_message_content=True)",
}
_DIALECT_SWITCHES: Final[dict[tuple[str, Fact], str]] = {
    **{(dialect, fact): switch for dialect, switch in _CONTENT_SWITCHES.items() for fact in _IN_CONTENT},
    ("claude-code", Fact.TOOL_ARGUMENTS): "set OTEL_LOG_TOOL_DETAILS=1 in Claude Code's environment",
    ("claude-code", Fact.TOOL_SIZES): "set OTEL_LOG_TOOL_CONTENT=1 in Claude Code's environment",
    ("claude-code", Fact.TOOL_CALLS): (
        "set OTEL_LOGS_EXPORTER=otlp, or CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1 and OTEL_TRACES_EXPORTER=otlp, in "
        "Claude Code's environment"
    ),
    ("gemini-cli", Fact.TOOL_ARGUMENTS): 'leave "telemetry": {"logPrompts": true} in Gemini CLI\'s settings',
    ("vercel-ai-sdk-7", Fact.REASONING): "switch on the supplemental attributes of the OpenTelemetry integration",
}


def switch_for(fact: Fact, dialects: frozenset[str] = frozenset()) -> str:
    """What to change so that sessions in `dialects` contain `fact`; one sentence without a full stop.

    Dialects without a switch of their own follow OpenTelemetry's.
    """
    own = [_DIALECT_SWITCHES[dialect, fact] for dialect in sorted(dialects) if (dialect, fact) in _DIALECT_SWITCHES]
    return "; ".join(dict.fromkeys(own)) or _SWITCHES[fact]

"""Claude Code's own spans (beta): `claude_code.*`.

Its numbers have names of their own, and its input leaves the cache out. A tool call is a span with parts inside it
(waiting for the user, running), and a sub-agent's spans stand right below the call of the `Agent` tool.

Source: genai-conventions §8, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers, read_error
from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToolUse
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.partial_arguments import read_partial_call
from otel_sessionopt.dialects.renaming import COST, Renaming
from otel_sessionopt.dialects.tool_calls import ToolCall, read_tool_call
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_count, read_id, read_structure, read_text
from otel_sessionopt.ingest.span_record import SpanRecord

CLAUDE_CODE: Final = "claude-code"
PREFIX: Final = "claude_code."
SCOPE: Final = "com.anthropic.claude_code"
REJECTED: Final = "reject"

NAMES: Final = Renaming(
    {
        semconv.RESPONSE_MODEL: ("model",),
        semconv.INPUT_TOKENS: ("input_tokens",),
        semconv.OUTPUT_TOKENS: ("output_tokens",),
        semconv.CACHE_READ_TOKENS: ("cache_read_tokens",),
        semconv.CACHE_WRITE_TOKENS: ("cache_creation_tokens",),
        semconv.RESPONSE_ID: ("request_id",),
        semconv.FINISH_REASONS: ("stop_reason",),
        semconv.CONVERSATION_ID: ("session.id",),
        semconv.TOOL_NAME: ("tool_name",),
        semconv.TOOL_CALL_ID: ("tool_use_id",),
        COST: ("cost_usd",),
    }
)
_OPERATIONS: Final = {
    "interaction": Operation.AGENT,
    "llm_request": Operation.MODEL_CALL,
    "tool": Operation.TOOL_CALL,
    "tool.execution": Operation.TOOL_CALL,
    "tool.blocked_on_user": Operation.TOOL_CALL,
}
# With OTEL_LOG_TOOL_DETAILS a span has these of a call's arguments, and never the others.
_SHOWN_ARGUMENTS: Final = ("file_path", "skill_name", "subagent_type")
_OUTPUT_EVENT: Final = "tool.output"
# The keys of that event are not documented: these have been seen. A diff is not what the model was given.
_OUTPUT_KEYS: Final = ("output", "content")


class ClaudeCode:
    """Spans of Claude Code."""

    id = CLAUDE_CODE
    markers = Markers(scopes=(SCOPE,), names=(PREFIX,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope or the name is Claude Code's."""
        return record.scope_name.startswith(SCOPE) or record.name.startswith(PREFIX)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        kind = record.name.removeprefix(PREFIX)
        operation = _OPERATIONS.get(kind, Operation.OTHER)
        standard = NAMES.standard(attributes)
        if operation is Operation.MODEL_CALL:
            standard.setdefault(semconv.PROVIDER_NAME, "anthropic")
        digest = read_genai(
            record._replace(attributes=standard, name=record.name),
            self.id,
            operation=Operation.OTHER if operation is Operation.TOOL_CALL else operation,
            by_dialect=CacheVerdict.EXCLUSIVE,
            stated_error=failure(attributes),
        )
        if operation is Operation.AGENT:
            return digest._replace(agent=digest.agent or self.id)
        if kind == "tool":
            return _with_call(digest, _read_call(record, standard))
        if operation is Operation.TOOL_CALL:
            # A part of the call around it, which has the name.
            is_rejected = attributes.get("decision") == REJECTED
            part = ToolUse("", call_id=read_id(standard.get(semconv.TOOL_CALL_ID)), is_rejected=is_rejected)
            return digest._replace(operation=operation, tool=part, error=None if is_rejected else digest.error)
        return digest


def failure(attributes: Mapping[str, Any]) -> str | None:
    """What `success` says, which is a truth value or its text; by status code or type where there is one."""
    success = attributes.get("success")
    if success not in (False, "false", "False"):
        return None
    stated = attributes.get("error_type") or attributes.get("status_code")
    number = read_count(stated)
    return read_text(stated) if number is None else str(number)


def _with_call(digest: SpanDigest, call: ToolCall) -> SpanDigest:
    return digest._replace(
        operation=Operation.TOOL_CALL,
        tool=call.use,
        error=call.error,
        warnings=digest.warnings + call.warnings,
    )


def _read_call(record: SpanRecord, standard: Mapping[str, Any]) -> ToolCall:
    attributes = record.attributes
    name = read_text(standard.get(semconv.TOOL_NAME)) or "tool"
    facts: dict[str, Any] = {
        "call_id": standard.get(semconv.TOOL_CALL_ID),
        "stated_error": failure(attributes) or read_error(record),
        "stated_tokens": attributes.get("result_tokens"),
    }
    result = _output(record)
    whole = read_structure(attributes.get("tool_input")).value
    if isinstance(whole, Mapping):
        return read_tool_call(name, whole, result, **facts)
    command = attributes.get("full_command")
    if isinstance(command, str):
        return read_tool_call(name, {"command": command}, result, **facts)
    shown = {key: attributes[key] for key in _SHOWN_ARGUMENTS if isinstance(attributes.get(key), str)}
    return read_partial_call(name, shown, result, **facts)


def _output(record: SpanRecord) -> object:
    for event in record.events:
        if event.name == _OUTPUT_EVENT:
            return next((event.attributes[key] for key in _OUTPUT_KEYS if event.attributes.get(key) is not None), None)
    return None

"""Qwen Code's own spans: `qwen-code.*`, built like those of Claude Code with names of their own.

The input includes the cache. Older releases also send their log records as spans: those are read as what they are.

Source: genai-conventions §10, §21.2.
"""

from __future__ import annotations

from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.bracketed import without_heading
from otel_sessionopt.dialects.claude_code import failure
from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToolUse
from otel_sessionopt.dialects.gemini_logs import read_gemini_log
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.plain import Plain
from otel_sessionopt.dialects.renaming import Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_id, read_text
from otel_sessionopt.ingest.log_record import LogRecord
from otel_sessionopt.ingest.span_record import SpanRecord

QWEN_CODE: Final = "qwen-code"
PREFIX: Final = "qwen-code."

_NAMES: Final = Renaming(
    {
        semconv.REQUEST_MODEL: ("gen_ai.request.model", "qwen-code.model", "model"),
        semconv.INPUT_TOKENS: ("input_tokens",),
        semconv.OUTPUT_TOKENS: ("output_tokens",),
        semconv.CACHE_READ_TOKENS: ("cached_input_tokens", "gen_ai.usage.cached_tokens"),
        semconv.REASONING_TOKENS: ("thoughts_token_count",),
        semconv.CONVERSATION_ID: ("session.id",),
        semconv.AGENT_NAME: ("qwen-code.subagent.name", "subagent_name"),
        semconv.TOOL_NAME: ("tool.name",),
        semconv.TOOL_CALL_ID: ("tool.call_id",),
        semconv.TOOL_ARGUMENTS: ("tool_input",),
        semconv.TOOL_RESULT: ("tool_result",),
    }
)
_OPERATIONS: Final = {
    "interaction": Operation.AGENT,
    "subagent": Operation.AGENT,
    "llm_request": Operation.MODEL_CALL,
    "tool": Operation.TOOL_CALL,
    "tool.execution": Operation.TOOL_CALL,
    "tool.blocked_on_user": Operation.TOOL_CALL,
}
# Names of log records, where they come as spans.
_LOGS: Final = frozenset({"api_response", "api_error", "tool_call", "user_prompt", "chat_compression"})
_REFUSED: Final = "permission_denied"


class QwenCode:
    """Spans of Qwen Code."""

    id = QWEN_CODE
    markers = Markers(scopes=(QWEN_CODE,), names=(PREFIX,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the name is Qwen Code's."""
        return record.name.startswith(PREFIX)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        kind = record.name.removeprefix(PREFIX)
        if kind in _LOGS:
            return _read_copy(record)
        attributes = record.attributes
        operation = _OPERATIONS.get(kind, Operation.OTHER)
        is_part = kind in ("tool.execution", "tool.blocked_on_user")
        standard: dict[str, Any] = _NAMES.standard(attributes)
        for key in (semconv.TOOL_ARGUMENTS, semconv.TOOL_RESULT):
            if key in standard:
                standard[key] = without_heading(standard[key])
        failure_kind = read_text(attributes.get("tool.failure_kind"))
        is_rejected = failure_kind == _REFUSED or (is_part and attributes.get("decision") in ("reject", "cancel"))
        digest = read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=Operation.OTHER if is_part else operation,
            by_dialect=CacheVerdict.INCLUSIVE,
            stated_error=failure_kind or failure(attributes),
            is_rejected=is_rejected,  # asked for tool calls only
        )
        if is_part:
            part = ToolUse("", call_id=read_id(standard.get(semconv.TOOL_CALL_ID)), is_rejected=is_rejected)
            digest = digest._replace(operation=operation, tool=part, error=None if is_rejected else digest.error)
        if operation is Operation.AGENT and digest.agent is None:
            digest = digest._replace(agent=self.id)
        return digest


def _read_copy(record: SpanRecord) -> SpanDigest:
    """A log record that came as a span: counted like the log record, never beside it."""
    log = LogRecord(
        record.trace_id,
        record.parent_span_id or 0,
        record.end_ns,
        record.name,
        None,
        record.attributes,
        record.resource,
        record.scope_name,
        record.scope_version,
    )
    return read_gemini_log(log, QWEN_CODE, PREFIX) or Plain().read(record)

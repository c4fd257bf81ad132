"""Log records of Gemini CLI (`gemini_cli.*`) and of Qwen Code, which has the same under `qwen-code.*`.

Source: genai-conventions §10, §21.2, §22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from otel_sessionopt.dialects.claude_code import failure
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.log_digest import log_digest, log_usage, unusable_usage
from otel_sessionopt.dialects.tool_calls import read_tool_call
from otel_sessionopt.dialects.usage import CacheVerdict, RawUsage
from otel_sessionopt.dialects.values import read_count, read_structure, read_text
from otel_sessionopt.ingest.log_record import LogRecord

_COUNTS: Final = (
    "input_token_count",
    "output_token_count",
    "cached_content_token_count",
    "thoughts_token_count",
    "tool_token_count",
)
_PROVIDERS: Final = {"gemini-cli": "gcp.gemini"}
_SESSIONS: Final = ("session.id", "session_id")


class GeminiCliLogs:
    """Log records of Gemini CLI."""

    id = "gemini-cli"
    prefix = "gemini_cli."

    def matches(self, record: LogRecord) -> bool:
        """Whether the event is one of Gemini CLI's."""
        return record.event_name.startswith(self.prefix)

    def read(self, record: LogRecord) -> SpanDigest | None:
        """What the record says; `None` for those that tell of nothing in the session."""
        return read_gemini_log(record, self.id, self.prefix)


class QwenCodeLogs(GeminiCliLogs):
    """Log records of Qwen Code."""

    id = "qwen-code"
    prefix = "qwen-code."


def read_gemini_log(record: LogRecord, dialect: str, prefix: str) -> SpanDigest | None:
    """What a log record of the dialect says; `None` for those that tell of nothing in the session."""
    name = record.event_name or (record.body if isinstance(record.body, str) else "")
    reader = _READERS.get(name.removeprefix(prefix)) if name.startswith(prefix) else None
    return reader(record, dialect) if reader is not None else None


def _model_call(record: LogRecord, dialect: str) -> SpanDigest:
    attributes = record.attributes
    given, output, cached, thoughts, tool = (read_count(attributes.get(name)) for name in _COUNTS)
    total = read_count(attributes.get("total_token_count"))
    # Gemini counts thoughts beside the answer, providers of Qwen's models inside it: the total tells.
    inside = (given or 0) + (output or 0) + (tool or 0)
    if thoughts and (total == inside + thoughts if total is not None else dialect in _PROVIDERS):
        output = (output or 0) + thoughts
    if tool:  # what tools of the provider added to the prompt is input too
        given = (given or 0) + tool
    use = log_usage(
        RawUsage(given, output, cached, None, None, thoughts),
        CacheVerdict.INCLUSIVE,
        model=attributes.get("model"),
        provider=_PROVIDERS.get(dialect, dialect),
        response_id=read_text(attributes.get("response_id")),
        finish_reason=_finish_reason(attributes),
    )
    warnings = unusable_usage(attributes, _COUNTS)
    return _digest(record, dialect, Operation.MODEL_CALL, model=use, warnings=warnings)


def _failed_model_call(record: LogRecord, dialect: str) -> SpanDigest:
    attributes = record.attributes
    stated = attributes.get("error_type") or attributes.get("status_code")
    use = log_usage(
        RawUsage(), CacheVerdict.UNKNOWN, model=attributes.get("model"), provider=_PROVIDERS.get(dialect, dialect)
    )
    error = read_text(str(stated) if type(stated) is int else stated) or "error"
    return _digest(record, dialect, Operation.MODEL_CALL, error=error, model=use)


def _tool_call(record: LogRecord, dialect: str) -> SpanDigest:
    attributes = record.attributes
    call_id = attributes.get("call_id") or attributes.get("gen_ai.tool.call_id")
    is_rejected = attributes.get("decision") == "reject"
    has_failed = attributes.get("success") in (False, "false")
    call = read_tool_call(
        read_text(attributes.get("function_name")) or "tool",
        attributes.get("function_args"),
        None,
        call_id=call_id,
        stated_error=(failure(attributes) or "tool_error") if has_failed else None,
        is_rejected=is_rejected,
        stated_chars=attributes.get("content_length"),
    )
    return _digest(
        record, dialect, Operation.TOOL_CALL, call_id, tool=call.use, error=call.error, warnings=call.warnings
    )


def _user_prompt(record: LogRecord, dialect: str) -> SpanDigest:
    return _digest(
        record, dialect, Operation.USER_MESSAGE, content_chars=read_count(record.attributes.get("prompt_length"))
    )


def _compression(record: LogRecord, dialect: str) -> SpanDigest:
    return _digest(record, dialect, Operation.COMPACTION)


_READERS: Final[Mapping[str, Callable[[LogRecord, str], SpanDigest]]] = {
    "api_response": _model_call,
    "api_error": _failed_model_call,
    "tool_call": _tool_call,
    "user_prompt": _user_prompt,
    "chat_compression": _compression,
}


def _digest(record: LogRecord, dialect: str, operation: Operation, key: object = None, **facts: Any) -> SpanDigest:
    session = next((text for name in _SESSIONS if (text := read_text(record.attributes.get(name)))), None)
    agent = read_text(record.attributes.get("subagent_name"))
    return log_digest(record, dialect, session, operation, key, agent=agent, **facts)


def _finish_reason(attributes: Mapping[str, Any]) -> str | None:
    value = read_structure(attributes.get("finish_reasons")).value
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return read_text(value)

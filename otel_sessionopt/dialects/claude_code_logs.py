"""Log records of Claude Code: they tell model calls, tool calls with their arguments, refusals and compactions.

Details of tools need OTEL_LOG_TOOL_DETAILS; each argument is cut at 512 characters, a result has a size and no text.

Source: genai-conventions §8.1, §8.3, §21.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from otel_sessionopt.dialects.claude_code import CLAUDE_CODE, PREFIX, REJECTED, SCOPE, failure
from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest
from otel_sessionopt.dialects.log_digest import log_digest, log_usage, unusable_usage
from otel_sessionopt.dialects.partial_arguments import read_partial_call
from otel_sessionopt.dialects.tool_calls import ToolCall, read_tool_call
from otel_sessionopt.dialects.usage import CacheVerdict, RawUsage
from otel_sessionopt.dialects.values import read_count, read_id, read_structure, read_text
from otel_sessionopt.ingest.log_record import LogRecord

_COUNTS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
_PROVIDER: Final = "anthropic"
# An argument this long was cut, or just fits: nothing may be concluded from its end.
CUT_CHARS: Final = 512
# The name that user-configured tools have unless details are on.
_HIDDEN_TOOL: Final = "mcp_tool"
# Beginnings of what requests of the main conversation say they are for; sub-agents and side requests say another.
_MAIN_SOURCES: Final = ("repl_main_thread", "main", "sdk", "compact")


class ClaudeCodeLogs:
    """Log records of Claude Code."""

    id = CLAUDE_CODE

    def matches(self, record: LogRecord) -> bool:
        """Whether the scope or the body is Claude Code's."""
        return record.scope_name.startswith(SCOPE) or (isinstance(record.body, str) and record.body.startswith(PREFIX))

    def read(self, record: LogRecord) -> SpanDigest | None:
        """What the record says; `None` for those that tell of nothing in the session."""
        name = record.event_name or (record.body if isinstance(record.body, str) else "")
        reader = _READERS.get(name.removeprefix(PREFIX))
        return reader(record) if reader is not None else None


def _model_call(record: LogRecord) -> SpanDigest:
    attributes = record.attributes
    raw = RawUsage(*(read_count(attributes.get(name)) for name in _COUNTS))
    request_id = read_id(attributes.get("request_id"))
    use = log_usage(
        raw,
        CacheVerdict.EXCLUSIVE,
        model=attributes.get("model"),
        provider=_PROVIDER,
        response_id=request_id,
        cost=attributes.get("cost_usd"),
    )
    warnings = unusable_usage(attributes, _COUNTS)
    return _digest(record, Operation.MODEL_CALL, request_id, model=use, warnings=warnings)


def _answer(record: LogRecord) -> SpanDigest | None:
    """How long an answer was. Without the id of its request it can belong to any."""
    request_id = read_id(record.attributes.get("request_id"))
    if request_id is None:
        return None
    use = ModelUse(read_text(record.attributes.get("model")), _PROVIDER, response_id=request_id)
    chars = read_count(record.attributes.get("response_length"))
    return _digest(record, Operation.MODEL_CALL, request_id, model=use, content_chars=chars)


def _failed_model_call(record: LogRecord) -> SpanDigest:
    attributes = record.attributes
    status = attributes.get("status_code")
    error = read_text(str(status) if type(status) is int else status) or "error"
    use = ModelUse(read_text(attributes.get("model")), _PROVIDER, response_id=read_id(attributes.get("request_id")))
    return _digest(record, Operation.MODEL_CALL, model=use, error=error)


def _tool_result(record: LogRecord) -> SpanDigest:
    attributes = record.attributes
    call_id = attributes.get("tool_use_id")
    has_failed = attributes.get("success") in (False, "false")
    call = _read_call(
        attributes,
        call_id=call_id,
        stated_error=(failure(attributes) or "tool_error") if has_failed else None,
        stated_chars=attributes.get("tool_result_size_bytes"),
    )
    size = read_count(attributes.get("tool_input_size_bytes"))
    use = call.use if size is None else call.use._replace(arguments_chars=size)
    return _digest(record, Operation.TOOL_CALL, call_id, tool=use, error=call.error, warnings=call.warnings)


def _tool_decision(record: LogRecord) -> SpanDigest | None:
    """A refused call has no result. One that was allowed tells of itself when it has run."""
    attributes = record.attributes
    if attributes.get("decision") != REJECTED:
        return None
    call_id = attributes.get("tool_use_id")
    call = _read_call(attributes, call_id=call_id, is_rejected=True)
    return _digest(record, Operation.TOOL_CALL, call_id, tool=call.use, warnings=call.warnings)


def _user_prompt(record: LogRecord) -> SpanDigest:
    return _digest(record, Operation.USER_MESSAGE, content_chars=read_count(record.attributes.get("prompt_length")))


def _compaction(record: LogRecord) -> SpanDigest:
    return _digest(record, Operation.COMPACTION, error=failure(record.attributes))


_READERS: Final[Mapping[str, Callable[[LogRecord], SpanDigest | None]]] = {
    "api_request": _model_call,
    "assistant_response": _answer,
    "api_error": _failed_model_call,
    "tool_result": _tool_result,
    "tool_decision": _tool_decision,
    "user_prompt": _user_prompt,
    "compaction": _compaction,
}


def _read_call(attributes: Mapping[str, Any], **facts: Any) -> ToolCall:
    """The call with its arguments: whole where none of them was cut, else what is whole of them."""
    given = read_structure(attributes.get("tool_input")).value
    stated = read_structure(attributes.get("tool_parameters")).value
    details: Mapping[str, Any] = stated if isinstance(stated, Mapping) else {}
    name = read_text(attributes.get("tool_name")) or "tool"
    if name == _HIDDEN_TOOL:
        name = read_text(details.get("mcp_tool_name")) or name
    arguments: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
    whole_command = details.get("full_command")
    if isinstance(whole_command, str):
        arguments["command"] = whole_command
    elif isinstance(details.get("bash_command"), str):
        arguments.setdefault("command", details["bash_command"])
    whole = {
        key: value for key, value in arguments.items() if _fits(value) or (key == "command" and value is whole_command)
    }
    if len(whole) == len(arguments) and isinstance(given, Mapping):
        return read_tool_call(name, whole, None, **facts)
    if isinstance(whole_command, str):
        return read_tool_call(name, {"command": whole_command}, None, **facts)
    shown = whole or {key: details[key] for key in ("skill_name", "subagent_type") if key in details}
    return read_partial_call(name, shown, None, **facts)


def _fits(value: object) -> bool:
    return not isinstance(value, str) or len(value) < CUT_CHARS


def _digest(record: LogRecord, operation: Operation, key: object = None, **facts: Any) -> SpanDigest:
    attributes = record.attributes
    source = read_text(attributes.get("query_source")) or ""
    is_main = not source or source.startswith(_MAIN_SOURCES)
    agent = read_text(attributes.get("agent.name")) or (None if is_main else source)
    session = read_text(attributes.get("session.id"))
    return log_digest(record, CLAUDE_CODE, session, operation, key, agent=agent, **facts)

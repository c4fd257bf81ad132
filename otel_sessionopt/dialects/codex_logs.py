"""Log records of Codex: usage of each response, and tool calls with arguments and output in full.

Source: genai-conventions §9.1, §21.2, §22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from otel_sessionopt.dialects.codex import CODEX, PROVIDER, conversation_of, failed
from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest
from otel_sessionopt.dialects.log_digest import log_digest, log_usage, unusable_usage
from otel_sessionopt.dialects.tool_calls import read_tool_call
from otel_sessionopt.dialects.usage import CacheVerdict, RawUsage
from otel_sessionopt.dialects.values import read_count, read_text
from otel_sessionopt.ingest.log_record import LogRecord

PREFIX: Final = "codex."
_COMPLETED: Final = "response.completed"
_COUNTS: Final = (
    "input_token_count",
    "output_token_count",
    "cached_token_count",
    "cache_write_token_count",
    "reasoning_token_count",
)
_REFUSED: Final = frozenset({"denied", "abort"})


class CodexLogs:
    """Log records of Codex."""

    id = CODEX

    def matches(self, record: LogRecord) -> bool:
        """Whether the event is one of Codex's."""
        return record.event_name.startswith(PREFIX)

    def read(self, record: LogRecord) -> SpanDigest | None:
        """What the record says; `None` for those that tell of nothing in the session."""
        reader = _READERS.get(record.event_name.removeprefix(PREFIX))
        return reader(record) if reader is not None else None


def _response(record: LogRecord) -> SpanDigest | None:
    """The end of a response; the other events of a stream say nothing."""
    attributes = record.attributes
    has_failed = attributes.get("error.message") is not None or attributes.get("event.kind") == "response.failed"
    if attributes.get("event.kind") != _COMPLETED and not has_failed:
        return None
    given, output, read, written, reasoning = (read_count(attributes.get(name)) for name in _COUNTS)
    use = log_usage(
        RawUsage(given, output, read, written, None, reasoning),
        CacheVerdict.INCLUSIVE,
        model=attributes.get("model"),
        provider=PROVIDER,
    )
    warnings = unusable_usage(attributes, _COUNTS)
    return _digest(
        record, Operation.MODEL_CALL, model=use, error="stream_error" if has_failed else None, warnings=warnings
    )


def _request(record: LogRecord) -> SpanDigest | None:
    """A request that failed. One that went well tells of itself when its response is complete."""
    attributes = record.attributes
    status = read_count(attributes.get("http.response.status_code"))
    if attributes.get("error.message") is None and (status is None or status < 400):
        return None
    use = ModelUse(read_text(attributes.get("model")), PROVIDER)
    return _digest(record, Operation.MODEL_CALL, model=use, error=str(status) if status else "request_error")


def _tool_result(record: LogRecord) -> SpanDigest:
    attributes = record.attributes
    call_id = attributes.get("call_id")
    call = read_tool_call(
        read_text(attributes.get("tool_name")) or "tool",
        attributes.get("arguments") or None,
        attributes.get("output"),
        call_id=call_id,
        workdir=read_text(attributes.get("cwd")),
        stated_error="tool_error" if failed(attributes.get("success")) else None,
    )
    return _digest(record, Operation.TOOL_CALL, call_id, tool=call.use, error=call.error, warnings=call.warnings)


def _tool_decision(record: LogRecord) -> SpanDigest | None:
    attributes = record.attributes
    decision = attributes.get("decision")
    if not isinstance(decision, str) or decision.lower() not in _REFUSED:
        return None
    call_id = attributes.get("call_id")
    name = read_text(attributes.get("tool_name")) or "tool"
    call = read_tool_call(name, None, None, call_id=call_id, is_rejected=True)
    return _digest(record, Operation.TOOL_CALL, call_id, tool=call.use)


def _user_prompt(record: LogRecord) -> SpanDigest:
    return _digest(record, Operation.USER_MESSAGE, content_chars=read_count(record.attributes.get("prompt_length")))


_READERS: Final[Mapping[str, Callable[[LogRecord], SpanDigest | None]]] = {
    "sse_event": _response,
    "api_request": _request,
    "websocket_request": _request,
    "tool_result": _tool_result,
    "tool_decision": _tool_decision,
    "user_prompt": _user_prompt,
}


def _digest(record: LogRecord, operation: Operation, key: object = None, **facts: Any) -> SpanDigest:
    return log_digest(record, CODEX, conversation_of(record.attributes), operation, key, **facts)

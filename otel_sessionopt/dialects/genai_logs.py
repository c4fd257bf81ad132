"""Log records of the OTel GenAI conventions: one with all of a call's attributes, or one for each message (1.28–1.36).

They belong to the span that they were written in. Messages repeat the whole conversation with every call, and of each
call only those after the model's last words are kept, as with the messages on spans.

Source: genai-conventions §4.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.log_digest import log_digest
from otel_sessionopt.dialects.message_events import CHOICE_EVENT, DETAILS_EVENT, MESSAGE_ROLES, message_from_event
from otel_sessionopt.dialects.message_history import told_calls
from otel_sessionopt.dialects.message_parts import Message, read_message
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.values import read_text
from otel_sessionopt.ingest.log_record import LogRecord
from otel_sessionopt.ingest.span_record import SpanRecord

OTEL_GENAI: Final = "otel-genai"
# Products that repeat in it what records of their own tell (§10).
_REPEATERS: Final = frozenset({"gemini-cli", "qwen-code"})


class OtelGenAiLogs:
    """The record that repeats a model call's attributes."""

    id = OTEL_GENAI

    def matches(self, record: LogRecord) -> bool:
        """Whether it is that record, and no product tells the same in its own words."""
        return record.event_name == DETAILS_EVENT and not _REPEATERS.intersection(
            (record.scope_name, str(record.resource.get("service.name")))
        )

    def read(self, record: LogRecord) -> SpanDigest | None:
        """What the record says."""
        as_span = SpanRecord(
            record.trace_id or 1, record.span_id or 1, None, "", record.time_ns, record.time_ns, record.attributes
        )
        read = read_genai(as_span, self.id, operation=Operation.MODEL_CALL)
        return log_digest(
            record,
            self.id,
            read.conversation_id,
            Operation.MODEL_CALL,
            read.model.response_id if read.model is not None else None,
            error=read.error,
            agent=read.agent,
            model=read.model,
            content_chars=read.content_chars,
            detail=read.detail,
            warnings=read.warnings,
            told=read.told,
        )


def is_message_log(record: LogRecord) -> bool:
    """Whether it is one message of a model call whose span it was written in."""
    return (record.event_name in MESSAGE_ROLES or record.event_name == CHOICE_EVENT) and bool(
        record.trace_id and record.span_id
    )


class MessageLogs:
    """Collects the messages of model calls that come as log records, each call's tail only. Not thread-safe.

    Records of one call come in the order of its messages, those of several calls in any.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[int, int], _Call] = {}

    def add(self, record: LogRecord) -> None:
        """Take a record for which `is_message_log` is true."""
        call = self._calls.setdefault((record.trace_id, record.span_id), _Call(record))
        fields: Mapping[str, Any] = record.body if isinstance(record.body, Mapping) else record.attributes
        message = read_message(message_from_event(record.event_name, fields))
        if message is None:
            return
        if record.event_name == CHOICE_EVENT:
            call.answer_chars = (call.answer_chars or 0) + (message.text_chars or 0)
        else:
            call.add(message)

    def digests(self) -> list[tuple[int, SpanDigest]]:
        """Trace ids with what their messages tell, one digest a call; forgets them."""
        calls, self._calls = self._calls, {}
        found = []
        for (trace_id, _), call in calls.items():
            told = told_calls(call.tail)
            if told or call.answer_chars is not None:
                digest = log_digest(
                    call.first, OTEL_GENAI, None, Operation.OTHER, told=told, content_chars=call.answer_chars
                )
                found.append((trace_id, digest._replace(name=read_text(call.first.event_name) or "")))
        return found


class _Call:
    """The end of one call's conversation so far."""

    __slots__ = ("answer_chars", "first", "tail")

    def __init__(self, first: LogRecord) -> None:
        self.first = first._replace(body=None, resource={})
        self.tail: list[Message] = []
        self.answer_chars: int | None = None

    def add(self, message: Message) -> None:
        if message.is_assistant and self.tail and not self.tail[-1].is_assistant:
            self.tail.clear()
        if message.asks or message.answers or message.is_assistant:
            self.tail.append(message)
        elif self.tail:
            self.tail.append(Message(is_assistant=False))

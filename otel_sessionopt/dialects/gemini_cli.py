"""Gemini CLI's own spans: OTel names with operations of its own and messages in Gemini's form.

Contents are cut at 10,000 characters, so that long ones are no JSON any more. Thoughts are not inside the output and
are told by the log signal only.

Source: genai-conventions §10, §21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.message_history import INPUT_MESSAGES, OUTPUT_MESSAGES
from otel_sessionopt.dialects.message_parts import read_message
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_structure
from otel_sessionopt.ingest.span_record import SpanRecord

GEMINI_CLI: Final = "gemini-cli"
PROVIDER: Final = "gcp.gemini"
_OPERATIONS: Final = {
    "llm_call": Operation.MODEL_CALL,
    "tool_call": Operation.TOOL_CALL,
    "agent_call": Operation.AGENT,
    "user_prompt": Operation.AGENT,
    "schedule_tool_calls": Operation.CONTAINER,
}


class GeminiCli:
    """Spans of Gemini CLI."""

    id = GEMINI_CLI
    markers = Markers(scopes=(GEMINI_CLI,), resources=frozenset({("service.name", GEMINI_CLI)}))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope, or the operation in a span of the service, is Gemini CLI's."""
        if record.scope_name == GEMINI_CLI:
            return True
        return record.resource.get("service.name") == GEMINI_CLI and _kind(record) in _OPERATIONS

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        operation = _OPERATIONS.get(_kind(record), Operation.OTHER)
        attributes = dict(record.attributes)
        if operation is Operation.TOOL_CALL:
            attributes.setdefault(semconv.TOOL_ARGUMENTS, _arguments(attributes.get(INPUT_MESSAGES)))
            attributes.setdefault(semconv.TOOL_RESULT, _result(attributes.get(OUTPUT_MESSAGES)))
        digest = read_genai(
            record._replace(attributes=attributes),
            self.id,
            operation=operation,
            by_dialect=CacheVerdict.INCLUSIVE,
        )
        if digest.model is not None and digest.model.provider in (None, GEMINI_CLI):
            digest = digest._replace(model=digest.model._replace(provider=PROVIDER))
        if operation is Operation.AGENT and digest.agent is None:
            digest = digest._replace(agent=self.id)
        return digest


def _kind(record: SpanRecord) -> str:
    stated = record.attributes.get(semconv.OPERATION_NAME)
    return stated if isinstance(stated, str) and stated else record.name


def _arguments(value: object) -> object:
    """Arguments in what a tool span says of its input: the request, or the call that it is."""
    parsed = read_structure(value)
    if parsed.warning is not None:
        return value  # cut: the reader of arguments says so
    inner: Any = parsed.value
    if isinstance(inner, Mapping) and isinstance(inner.get("request"), Mapping):
        inner = inner["request"]
    return inner.get("args") if isinstance(inner, Mapping) else None


def _result(value: object) -> object:
    """The result in what a tool span says of its output."""
    parsed = read_structure(value).value
    parts = parsed.get("responseParts", [parsed]) if isinstance(parsed, Mapping) else parsed
    message = read_message({"role": "user", "parts": parts})
    answers = message.answers if message is not None else ()
    return answers[0].result if answers else None

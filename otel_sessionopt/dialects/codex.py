"""Codex's own spans: a turn with its totals, one span for each response that states usage, tools as span events.

Cached and written tokens are inside the input, reasoning is inside the output. A span event tells a tool call with the
lengths of its arguments and of its output; the texts are in the log signal only.

Source: genai-conventions §9, §21.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest, ToldCall
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.renaming import TOTAL_TOKENS, Renaming
from otel_sessionopt.dialects.tool_calls import read_tool_call
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.dialects.values import read_count, read_text
from otel_sessionopt.ingest.span_record import SpanEventRecord, SpanRecord

CODEX: Final = "codex"
PROVIDER: Final = "openai"  # whose interface it speaks, so that models have the right price
TURN: Final = "session_task.turn"
TOOL_RESULT: Final = "codex.tool_result"
NS_PER_MS: Final = 1_000_000

_TURN_USAGE: Final = "codex.turn.token_usage."
_NAMES: Final = Renaming(
    {
        semconv.RESPONSE_MODEL: ("model",),
        semconv.INPUT_TOKENS: (f"{_TURN_USAGE}input_tokens",),
        semconv.OUTPUT_TOKENS: (f"{_TURN_USAGE}output_tokens",),
        semconv.CACHE_READ_TOKENS: (f"{_TURN_USAGE}cached_input_tokens",),
        semconv.CACHE_WRITE_TOKENS: (f"{_TURN_USAGE}cache_write_input_tokens",),
        semconv.REASONING_TOKENS: (f"{_TURN_USAGE}reasoning_output_tokens", "codex.usage.reasoning_output_tokens"),
        TOTAL_TOKENS: (f"{_TURN_USAGE}total_tokens", "codex.usage.total_tokens"),
    }
)
_CONVERSATIONS: Final = ("conversation.id", "thread.id")
# Other spans have the number of a thread of the program under `thread.id`.
_CONVERSATION: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Codex:
    """Spans of Codex."""

    id = CODEX
    markers = Markers(scopes=("codex_", "codex-"), names=(TURN,))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the scope is one of Codex's programs, or the span a turn."""
        return record.scope_name.startswith(("codex_", "codex-")) or (
            record.name == TURN and any(key.startswith("codex.") for key in record.attributes)
        )

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        standard = _NAMES.standard(record.attributes)
        has_usage = any(read_count(standard.get(key)) for key in (semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS))
        operation = Operation.OTHER
        if record.name == TURN:
            operation = Operation.AGENT
        elif has_usage:
            operation = Operation.MODEL_CALL
        digest = read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=operation,
            by_dialect=CacheVerdict.INCLUSIVE,
            has_provider_total=True,
        )._replace(conversation_id=conversation_of(record.attributes))
        if operation is Operation.AGENT:
            model = digest.model or ModelUse(read_text(standard.get(semconv.RESPONSE_MODEL)))
            digest = digest._replace(agent=digest.agent or self.id, model=model)
        if digest.model is not None and digest.model.provider is None:
            digest = digest._replace(model=digest.model._replace(provider=PROVIDER))
        told = tuple(_told(event) for event in record.events if event.attributes.get("event.name") == TOOL_RESULT)
        return digest._replace(told=tuple(call for call in told if call is not None)) if told else digest


def conversation_of(attributes: Mapping[str, Any]) -> str | None:
    """The session's id, which is a UUID."""
    for key in _CONVERSATIONS:
        value = attributes.get(key)
        if isinstance(value, str) and _CONVERSATION.fullmatch(value):
            return read_text(value)
    return None


def failed(value: object) -> bool:
    """Whether `success` says no; it is sent as a text."""
    return value is False or value == "false"


def _told(event: SpanEventRecord) -> ToldCall | None:
    attributes = event.attributes
    name, call_id = read_text(attributes.get("tool_name")), read_text(attributes.get("call_id"))
    if not name or not call_id:
        return None
    call = read_tool_call(
        name,
        None,
        None,
        call_id=call_id,
        stated_error="tool_error" if failed(attributes.get("success")) else None,
        stated_chars=attributes.get("output_length"),
    )
    use = call.use._replace(arguments_chars=read_count(attributes.get("arguments_length")))
    duration_ns = (read_count(attributes.get("duration_ms")) or 0) * NS_PER_MS
    return ToldCall(use, call.error, max(event.time_ns - duration_ns, 0), event.time_ns)

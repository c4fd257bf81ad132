"""Messages that a span carries as span events, brought into the form of the attributes.

Until 1.27 contents were JSON in `gen_ai.content.prompt` and `gen_ai.content.completion`; then one event a message,
`gen_ai.user.message` to `gen_ai.choice`. Newest senders put the details event of the log signal on the span.

Source: genai-conventions §4.4, §13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from otel_sessionopt.dialects.values import read_structure
from otel_sessionopt.ingest.span_record import SpanEventRecord

DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
CHOICE_EVENT: Final = "gen_ai.choice"
MESSAGE_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_PROMPT_EVENT: Final = "gen_ai.content.prompt"
_COMPLETION_EVENT: Final = "gen_ai.content.completion"
_NAMES: Final = frozenset({DETAILS_EVENT, CHOICE_EVENT, _PROMPT_EVENT, _COMPLETION_EVENT, *MESSAGE_ROLES})


class EventMessages(NamedTuple):
    """What the events say: values for `read_history`, `None` where there are none."""

    inputs: object = None
    outputs: object = None


def messages_from_events(events: Sequence[SpanEventRecord]) -> EventMessages:
    """The messages in a span's events, in order. Nothing is parsed but the contents of single messages."""
    inputs: object = None
    outputs: object = None
    sent: list[object] = []
    answered: list[object] = []
    for event in events:
        if event.name not in _NAMES:
            continue
        attributes = event.attributes
        if event.name == CHOICE_EVENT:
            answered.append(message_from_event(event.name, attributes))
        elif event.name in MESSAGE_ROLES:
            sent.append(message_from_event(event.name, attributes))
        elif event.name == DETAILS_EVENT:
            inputs = attributes.get("gen_ai.input.messages", inputs)
            outputs = attributes.get("gen_ai.output.messages", outputs)
        elif event.name == _PROMPT_EVENT:
            inputs = attributes.get("gen_ai.prompt", inputs)
        else:
            outputs = attributes.get("gen_ai.completion", outputs)
    return EventMessages(
        inputs if inputs is not None else sent or None, outputs if outputs is not None else answered or None
    )


def message_from_event(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """One message from the fields of a message event: attributes on spans, the body in logs."""
    inner = read_structure(fields.get("message")).value
    message: dict[str, Any] = {"role": MESSAGE_ROLES.get(name, "assistant"), "content": inner}
    if isinstance(inner, Mapping):
        message.update(inner)
    for key in ("role", "content", "tool_calls", "id", "tool_call_id"):
        value = fields.get(key)
        if value is not None:
            message[key] = read_structure(value).value if key in ("content", "tool_calls") else value
    return message

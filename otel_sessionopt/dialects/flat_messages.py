"""Messages that a span spells out in one attribute for each fact: `llm.input_messages.7.message.role`.

Only the end of a list is read: every model call repeats the whole conversation, and what is new in it stands there.

Source: genai-conventions §5 (OpenInference), §6 (OpenLLMetry).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from otel_sessionopt.dialects.message_history import MAX_TAIL_MESSAGES
from otel_sessionopt.dialects.message_parts import ASSISTANT_ROLES
from otel_sessionopt.dialects.values import read_text

# Calls and blocks of one message beyond this are not read; that can hide calls and never makes one.
MAX_MEMBERS = 256


class FlatForm(NamedTuple):
    """How a dialect spells its lists of messages.

    Attributes:
        message: name of a message, with `{}` for its number.
        call: name of a tool call within a message, with `{}` for its number.
        function: what stands before `name` and `arguments` of a call.
        block: name of a block of content within a message, with `{}` for its number; empty where there are none.
    """

    message: str
    call: str
    function: str = ""
    block: str = ""


def last_messages(attributes: Mapping[str, Any], form: FlatForm) -> list[dict[str, Any]]:
    """The last messages of the model and what came after them, in order; all where the model has said nothing."""
    messages: list[dict[str, Any]] = []
    has_assistant = False
    for number in reversed(range(_count(attributes, form))):
        message = _message(attributes, form, form.message.format(number))
        is_assistant = message["role"] in ASSISTANT_ROLES
        if (has_assistant and not is_assistant) or len(messages) == MAX_TAIL_MESSAGES:
            break
        has_assistant |= is_assistant
        messages.append(message)
    messages.reverse()
    return messages


def _count(attributes: Mapping[str, Any], form: FlatForm) -> int:
    """Number of messages, with few look-ups: lists have no gaps, apart from those whose end a limit dropped."""
    end = 1
    while _is_there(attributes, form, end - 1):
        end *= 2
    start = end // 2  # known to be there, as a number of messages
    while start < end - 1:
        middle = (start + end) // 2
        if _is_there(attributes, form, middle - 1):
            start = middle
        else:
            end = middle
    return start


def _is_there(attributes: Mapping[str, Any], form: FlatForm, number: int) -> bool:
    message = form.message.format(number)
    return f"{message}.role" in attributes or f"{message}.content" in attributes


def _message(attributes: Mapping[str, Any], form: FlatForm, name: str) -> dict[str, Any]:
    content = attributes.get(f"{name}.content")
    if content is None and form.block:
        content = _blocks(attributes, form, name) or None
    return {
        "role": read_text(attributes.get(f"{name}.role")),
        "content": content,
        "name": attributes.get(f"{name}.name"),
        "tool_call_id": attributes.get(f"{name}.tool_call_id"),
        "tool_calls": _calls(attributes, form, name),
    }


def _blocks(attributes: Mapping[str, Any], form: FlatForm, message: str) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for number in range(MAX_MEMBERS):
        name = f"{message}.{form.block.format(number)}"
        kind = read_text(attributes.get(f"{name}.type"))
        if kind is None:
            break
        blocks.append({"type": kind, "text": attributes.get(f"{name}.text")})
    return blocks


def _calls(attributes: Mapping[str, Any], form: FlatForm, message: str) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for number in range(MAX_MEMBERS):
        name = f"{message}.{form.call.format(number)}"
        called = attributes.get(f"{name}.{form.function}name")
        if called is None:
            break
        arguments = attributes.get(f"{name}.{form.function}arguments")
        calls.append({"id": attributes.get(f"{name}.id"), "name": called, "arguments": arguments})
    return calls

"""One message of a model call, in whatever form: which tool calls it asks for, which it answers, how long its text is.

The forms are those of OTel GenAI, OpenAI (chat completions and responses), Anthropic, Gemini, Bedrock, the Vercel AI
SDK and LangChain. They differ in names only, so that they are read by names in order of preference and not by form.

Source: genai-conventions §4.3, §5–§7, §13, §15, and the providers' API references.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

ASSISTANT_ROLES: Final = frozenset({"assistant", "model", "ai", "AIMessage", "AIMessageChunk"})
_TOOL_ROLES: Final = frozenset({"tool", "function", "ToolMessage"})

_ASK_TYPES: Final = frozenset(
    {"tool_call", "tool_use", "tool-call", "function_call", "custom_tool_call", "server_tool_call", "server_tool_use"}
    | {"mcp_call", "mcp_tool_use"}
)
_ANSWER_TYPES: Final = frozenset(
    {"tool_call_response", "tool_result", "tool-result", "tool-error", "function_call_output"}
    | {"custom_tool_call_output", "server_tool_call_response", "mcp_tool_result"}
)
_TEXT_TYPES: Final = frozenset({"text", "output_text", "input_text", None})
# A part that is an object under one of these names, with nothing else to say.
_ASK_WRAPPERS: Final = ("toolUse", "functionCall", "tool_call")
_ANSWER_WRAPPERS: Final = ("toolResult", "functionResponse")

# `call_id` before `id`: items of the responses API have both, and only the first comes back with the answer.
_ID_KEYS: Final = ("call_id", "tool_use_id", "tool_call_id", "toolCallId", "toolUseId", "id")
_NAME_KEYS: Final = ("name", "toolName", "tool_name")
_ARGUMENT_KEYS: Final = ("arguments", "input", "args", "server_tool_call")
_ANSWER_KEYS: Final = ("response", "result", "output", "content", "server_tool_call_response")


class Ask(NamedTuple):
    """The model asks for a tool call. `arguments` as sent, `None` when not recorded."""

    call_id: str | None
    name: str
    arguments: object


class Answer(NamedTuple):
    """What a tool call gave back. `result` as sent, `None` when not recorded."""

    call_id: str | None
    name: str
    result: object
    is_error: bool


class Message(NamedTuple):
    """One message.

    Attributes:
        is_assistant: the model said it.
        asks, answers: tool calls in it, in order.
        text_chars: length of its text, without thoughts, tool arguments and results; `None` where no text is recorded.
    """

    is_assistant: bool
    asks: tuple[Ask, ...] = ()
    answers: tuple[Answer, ...] = ()
    text_chars: int | None = None


def read_message(value: object) -> Message | None:
    """The message in a decoded JSON value; `None` where there is none. Never raises."""
    if not isinstance(value, Mapping):
        return None
    message = _unwrapped(value)
    role = _first_text(message, ("role", "type"))
    parts = list(_parts(message))
    asks = [ask for part in parts if (ask := _ask(part))]
    asks += [ask for part in _sequence(message.get("tool_calls")) if (ask := _called(part))]
    answers = [answer for part in parts if (answer := _answer(part))]
    if role in _TOOL_ROLES and not answers:
        answers = [_tool_message(message)]
    is_assistant = role in ASSISTANT_ROLES or (role in _ASK_TYPES and bool(asks))
    is_recorded = (parts or asks) and not answers
    return Message(is_assistant, tuple(asks), tuple(answers), sum(map(_text_chars, parts)) if is_recorded else None)


def _unwrapped(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message itself where it is inside another object."""
    for name in ("message", "kwargs"):  # choices, OpenInference; LangChain's serialisation
        inner = value.get(name)
        if isinstance(inner, Mapping) and "role" not in value:
            kind = value.get("id")
            if name == "kwargs" and isinstance(kind, (list, tuple)) and kind and "type" not in inner:
                return {**inner, "type": kind[-1]}
            return inner
    return value


def _parts(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a message consists of; a plain text is a part too, and an item of the responses API its own."""
    if _type_of(message) in _ASK_TYPES | _ANSWER_TYPES and "role" not in message:
        yield message
        return
    for name in ("parts", "content", "contents"):
        content = message.get(name)
        if isinstance(content, str):
            yield {"type": "text", "text": content}
        elif isinstance(content, Mapping):
            yield content
        else:
            for part in _sequence(content):
                if isinstance(part, Mapping):
                    inner = part.get("message_content")
                    yield inner if isinstance(inner, Mapping) else part
                elif isinstance(part, str):
                    yield {"type": "text", "text": part}


def _ask(part: Mapping[str, Any]) -> Ask | None:
    return _called(part) if _type_of(part) in _ASK_TYPES or any(name in part for name in _ASK_WRAPPERS) else None


def _called(part: object) -> Ask | None:
    """A tool call from an element that can be nothing else."""
    if not isinstance(part, Mapping):
        return None
    holder: Mapping[str, Any] = part
    for name in _ASK_WRAPPERS:
        if isinstance(inner := part.get(name), Mapping):
            holder = inner
    function = holder.get("function")
    called = function if isinstance(function, Mapping) else holder
    name = _first_text(called, _NAME_KEYS)
    if not name:
        return None
    return Ask(_first_text(holder, _ID_KEYS) or None, name, _first(called, _ARGUMENT_KEYS))


def _answer(part: Mapping[str, Any]) -> Answer | None:
    kind = _type_of(part)
    for name in _ANSWER_WRAPPERS:
        if isinstance(inner := part.get(name), Mapping):
            return _answered(inner, is_error=False)
    return _answered(part, is_error=kind == "tool-error") if kind in _ANSWER_TYPES else None


def _answered(holder: Mapping[str, Any], *, is_error: bool) -> Answer:
    is_error = (
        is_error or holder.get("is_error") is True or holder.get("isError") is True or holder.get("status") == "error"
    )
    return Answer(
        _first_text(holder, _ID_KEYS) or None,
        _first_text(holder, _NAME_KEYS),
        _first(holder, _ANSWER_KEYS) if not is_error else _first(holder, (*_ANSWER_KEYS, "error")),
        is_error,
    )


def _tool_message(message: Mapping[str, Any]) -> Answer:
    """A whole message that is the answer of one tool."""
    result = _first(message, ("content", "response", "result", "output", "parts"))
    return _answered(message, is_error=False)._replace(result=result)


def _text_chars(part: Mapping[str, Any]) -> int:
    if _type_of(part) not in _TEXT_TYPES or part.get("thought") is True:
        return 0
    text = _first(part, ("content", "text"))
    return len(text) if isinstance(text, str) else 0


def _type_of(part: Mapping[str, Any]) -> str | None:
    """The stated type; the empty text where it is of no type that a type can have."""
    kind = part.get("type")
    return kind if kind is None or isinstance(kind, str) else ""


def _first(holder: Mapping[str, Any], names: Sequence[str]) -> object:
    """The first value under one of the names that is not null."""
    for name in names:
        value = holder.get(name)
        if value is not None:
            return value
    return None


def _first_text(holder: Mapping[str, Any], names: Sequence[str]) -> str:
    for name in names:
        value = holder.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()

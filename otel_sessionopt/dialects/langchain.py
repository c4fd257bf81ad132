"""How LangChain writes tool calls down, whichever library sends them: wrapped arguments and serialised messages.

Source: genai-conventions §6 (OpenLLMetry), §15 (LangSmith).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt.dialects.literals import read_literal
from otel_sessionopt.dialects.values import read_structure

# Of a message that answers a tool call: what it says, and whether the call failed.
_MESSAGE_KEYS: Final = ("content", "status", "tool_call_id")
# How a wrapped result begins, so that results that are none need not be parsed.
_OUTPUT_START: Final = ('{"output"', '{ "output"')


def unwrap_arguments(value: object) -> Any:
    """The tool's own arguments out of `{input_str, inputs, kwargs, …}`, `{input}` or `{args, kwargs}`."""
    wrapped = read_structure(value).value
    if not isinstance(wrapped, Mapping):
        return read_literal(value)
    if "input_str" in wrapped or ("inputs" in wrapped and "tags" in wrapped):
        inputs = wrapped.get("inputs")
        return inputs if isinstance(inputs, Mapping) and inputs else read_literal(wrapped.get("input_str"))
    if wrapped.keys() == {"args", "kwargs"}:
        return _call_arguments(wrapped["args"], wrapped["kwargs"])
    if wrapped.keys() == {"input"} and isinstance(wrapped["input"], (str, Mapping)):
        return read_literal(wrapped["input"])
    return wrapped


def unwrap_result(value: object) -> Any:
    """The tool's result out of `{output, kwargs}` and of a serialised tool message; anything else as it is."""
    if isinstance(value, str) and "tool_call_id" not in value and not value.startswith(_OUTPUT_START):
        return value
    wrapped = read_structure(value).value
    if isinstance(wrapped, Mapping) and "output" in wrapped and wrapped.keys() <= {"output", "kwargs", "tags"}:
        value = wrapped["output"]
        wrapped = read_structure(value).value
    message = tool_message(wrapped)
    return value if message is None else {key: message[key] for key in _MESSAGE_KEYS if key in message}


def tool_message(value: object) -> Mapping[str, Any] | None:
    """The message that answers a tool call, serialised or plain; `None` where a structure is none."""
    if isinstance(value, Mapping):
        if "lc" in value:
            value = value.get("kwargs")
        elif value.get("type") == "tool" and "data" in value:  # as `messages_to_dict` writes it
            value = value["data"]
    return value if isinstance(value, Mapping) and "tool_call_id" in value and "content" in value else None


def call_id_in(result: object) -> Any:
    """Id of the call that an unwrapped result answers: the only thing that ties it to the answer of the model."""
    return result.get("tool_call_id") if isinstance(result, Mapping) else None


def _call_arguments(positional: object, named: object) -> Any:
    """Arguments of a decorated function."""
    arguments = dict(named) if isinstance(named, Mapping) else {}
    if isinstance(positional, (list, tuple)) and positional:
        if len(positional) == 1 and isinstance(positional[0], Mapping) and not arguments:
            return positional[0]
        arguments["args"] = positional
    return arguments

"""The messages of a model call without their contents: which tool calls are new in them, and how long the answer is.

Every model call repeats the whole conversation. What is new in it stands at its end: the last message of the model and
what came after. Only that is read and kept, so that memory grows with the conversation and not with its square.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from otel_sessionopt.dialects.digest import ToldCall
from otel_sessionopt.dialects.message_parts import Answer, Ask, Message, read_message
from otel_sessionopt.dialects.tool_calls import read_tool_call
from otel_sessionopt.dialects.values import is_cut, read_structure, read_text

INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"

# Parsing is what costs here. An answer with more text than this is not sized; its output tokens still are.
MAX_WHOLE_CHARS: Final = 100_000
# A history up to this length is parsed whole, of a longer one only the end is.
MAX_WHOLE_HISTORY_CHARS: Final = 16_000
# Where the end of a long history cannot be found by its look, as with unusual orders of keys.
MAX_PARSED_CHARS: Final = 4_000_000
# Messages at the end that are looked at: calls in one answer of a model are rarely more than ten. The bound can hide
# calls and never makes one.
MAX_TAIL_MESSAGES: Final = 256
MAX_STARTS: Final = 4_096  # as above: a message has a few objects inside it

_decode: Final = json.JSONDecoder().raw_decode
# Messages begin with one of these in all forms known, or with what the first message begins with.
_FIRST_NAMES: Final = frozenset({'"role"', '"type"'})
_FIRST_NAME: Final = re.compile(r'\[\s*\{\s*"(\w{1,40})"')
_MAX_INDENT: Final = 40


class HistoryReading(NamedTuple):
    """What the messages of a model call tell.

    Attributes:
        told: tool calls whose answers came in with this model call, or which the provider ran itself.
        answer_chars: length of the text that the model answered; `None` where it is not recorded.
        warnings: what could not be read.
    """

    told: tuple[ToldCall, ...] = ()
    answer_chars: int | None = None
    warnings: tuple[str, ...] = ()


def read_history(inputs: object, outputs: object, workdir: str | None = None) -> HistoryReading:
    """Read the messages of one model call. Never raises.

    Args:
        inputs: what the model was sent: a list of messages, or JSON text of one, in any form that
            `message_parts` knows; `None` when not recorded.
        outputs: what it answered, alike.
        workdir: where relative paths of tools start.
    """
    warnings: tuple[str, ...] = ()
    told: tuple[ToldCall, ...] = ()
    answer_chars: int | None = None
    if inputs is not None:
        tail, warning = _tail(inputs)
        told = told_calls(tail, workdir)
        warnings += () if warning is None else (warning,)
    if outputs is not None and not (isinstance(outputs, str) and len(outputs) > MAX_WHOLE_CHARS):
        parsed = read_structure(outputs)
        messages = [message for value in _messages(parsed.value) if (message := read_message(value))]
        sizes = [message.text_chars for message in messages if message.text_chars is not None]
        answer_chars = sum(sizes) if sizes else None
        told += told_calls(messages, workdir)  # only those that the provider answered itself have both halves here
        warnings += () if parsed.warning is None else (parsed.warning,)
    return HistoryReading(told, answer_chars, tuple(dict.fromkeys(warnings)))


def told_calls(messages: Sequence[Message], workdir: str | None = None) -> tuple[ToldCall, ...]:
    """Tool calls that were answered in these messages, in the order of the answers. Those without an id are left out:
    nothing tells which answer is theirs."""
    asks: dict[str, Ask] = {ask.call_id: ask for message in messages for ask in message.asks if ask.call_id}
    answers: dict[str, Answer] = {
        answer.call_id: answer for message in messages for answer in message.answers if answer.call_id
    }
    return tuple(_told(call_id, asks.get(call_id), answer, workdir) for call_id, answer in answers.items())


def _told(call_id: str, ask: Ask | None, answer: Answer, workdir: str | None) -> ToldCall:
    name = read_text(ask.name if ask else answer.name) or ""
    call = read_tool_call(
        name,
        ask.arguments if ask else None,
        answer.result,
        call_id=call_id,
        workdir=workdir,
        stated_error="tool_error" if answer.is_error else None,
    )
    return ToldCall(call.use, call.error)


def _tail(inputs: object) -> tuple[list[Message], str | None]:
    """The last messages of the model and what came after, in order; and what is wrong with the value, if anything."""
    tail: list[Message] = []
    has_assistant = False
    warning: str | None = None
    if isinstance(inputs, str):
        text = inputs.strip()
        if len(text) <= MAX_WHOLE_HISTORY_CHARS:
            parsed = read_structure(text)
            backwards, warning = reversed(_messages(parsed.value)), parsed.warning
        elif is_cut(text):
            return [], "cut-value"  # the end is what counts, and it is missing
        else:
            backwards = _read_backwards(text)
    else:
        backwards = reversed(_messages(inputs))
    for value in backwards:
        message = read_message(value)
        if message is None:
            continue
        if has_assistant and not message.is_assistant:
            break
        has_assistant |= message.is_assistant
        tail.append(message)
        if len(tail) == MAX_TAIL_MESSAGES:
            break
    tail.reverse()
    return tail, warning


def _messages(value: object) -> Sequence[object]:
    """The list of messages in a decoded value: itself, in an envelope, or the first of several prompts."""
    if isinstance(value, Mapping):
        inner = next((value[name] for name in ("messages", "input", "contents") if name in value), None)
        if not isinstance(inner, (list, tuple)):
            return (value,)
        value = inner
    if not isinstance(value, (list, tuple)):
        return ()
    first = value[0] if value else None
    return first if isinstance(first, (list, tuple)) else value


def _read_backwards(text: str) -> Iterator[Any]:
    """Messages of a long JSON array from its last one on, without parsing those that nobody asks for.

    A quote inside a text is escaped, so that a known name at the beginning of an object starts a message, or an object
    inside one: that one does not end where the next message starts.
    """
    following = len(text) - 1  # of the closing bracket
    is_known_form = False
    for start in _starts_backwards(text):
        try:
            value, end = _decode(text, start)
        except (ValueError, RecursionError):
            continue
        if text[end:following].strip(", \t\r\n"):
            continue
        is_known_form = True
        yield value
        following = start
    if not is_known_form and len(text) <= MAX_PARSED_CHARS:
        yield from reversed(_messages(read_structure(text).value))


def _starts_backwards(text: str) -> Iterator[int]:
    """Where objects may start that are messages, from the end on: those that begin with a name that messages do."""
    first = _FIRST_NAME.match(text)
    names = {*_FIRST_NAMES, f'"{first[1]}"'} if first else _FIRST_NAMES
    places = {name: text.rfind(name) for name in names}
    for _ in range(MAX_STARTS):
        name = max(places, key=lambda each: places[each])
        at = places[name]
        if at < 0:
            return
        places[name] = text.rfind(name, 0, at)
        before = text[max(0, at - _MAX_INDENT) : at].rstrip()
        if before.endswith("{"):
            yield max(0, at - _MAX_INDENT) + len(before) - 1

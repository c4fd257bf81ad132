"""Tool results reduced to what analyses compare: sizes, hashes, line signatures, exit codes.

The text itself is never kept. A *line signature* stands for one line of a numbered listing in 64 bits: the upper 44 are
a hash of line number and text, the lower 20 the weight of the line. Signatures are equal where number and text are,
within one process.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from otel_sessionopt.dialects.digest import ResultDigest
from otel_sessionopt.dialects.result_words import words_of
from otel_sessionopt.dialects.values import canonical_json, hash_text, read_flag, read_integer, read_structure

WEIGHT_BITS: Final = 20
_WEIGHT_MASK: Final = (1 << WEIGHT_BITS) - 1
_HASH_MASK: Final = (1 << (64 - WEIGHT_BITS)) - 1
_TEXT_MASK: Final = (1 << 60) - 1  # an int with more bits takes four bytes more
# What a listing puts around the text of a line: a number in six columns, an arrow or tab, a newline.
LINE_FRAME_CHARS: Final = 8

# `   12→text` is Claude Code's own form and nothing else looks like it; the others also occur in ordinary output.
_ARROW_LINE: Final = re.compile(r"^ *(\d{1,9})→(.*)$", re.MULTILINE)
_NUMBERED_LINE: Final = re.compile(r"^ *(\d{1,9})(?:\t|: ?|\| ?)(.*)$", re.MULTILINE)
# A listing in one of the other forms has to be nearly all of the result, for these forms also occur in other output.
MIN_NUMBERED_RATIO: Final = 0.9
_MAX_NUMBER_DIGITS: Final = 9
# Claude Code appends notes to itself to results; they are not lines of the file, and change while the file does not.
_NOTE_START: Final = "<system-reminder>"
_NOTE_END: Final = "</system-reminder>"
_DATA_URI: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*;base64,[A-Za-z0-9+/=_-]*")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
# No word of a text is that long; base64 of the smallest pictures is longer.
MIN_BASE64_CHARS: Final = 1024

# The forms in which shell tools state an exit code at the head of a text: Claude Code, and Codex in two versions.
_EXIT_CODE: Final = re.compile(r"Exit code:? (-?\d{1,10})\b")
_CODEX_HEAD: Final = re.compile(
    r"(?:Chunk ID: [^\n]*\n)?(?:Wall time: [^\n]*\n)?"
    r"(?:Process exited with code (?P<code>-?\d{1,10})|Process running with session ID [^\n]*)\n"
    r"(?:Original token count: [^\n]*\n)?(?:Output:\n)?"
)

_TEXT_KEYS: Final = ("content", "text", "output", "stdout", "stderr", "result", "response", "message", "error")
_EXIT_KEYS: Final = ("exit_code", "exitCode", "returncode", "return_code", "exit")
# A mapping with nothing else in it is a result in an envelope; with other keys it is data of its own.
_ENVELOPE_KEYS: Final = frozenset(_TEXT_KEYS + _EXIT_KEYS) | frozenset(
    {"metadata", "isError", "is_error", "status", "success", "structuredContent", "_meta", "type", "role", "parts"}
    | {"tool_use_id", "tool_call_id", "call_id", "annotations", "interrupted", "isImage", "noOutputExpected"}
    | {"duration_seconds"}
    | {"mime_type", "mimeType", "stdout_truncated", "timed_out", "signal", "noOutputExpected"}
)
# Messages have these too; without one of the second kind they are data.
_MESSAGE_KEYS: Final = frozenset({"id", "name"})
_CALL_IDS: Final = frozenset({"tool_call_id", "tool_use_id", "toolUseId"})
_MESSAGE_SIGNS: Final = frozenset({"type", "role", "tool_use_id", "tool_call_id", "call_id"})
# Kinds of content block; a list of anything else is data.
_BLOCK_TYPES: Final = frozenset(
    {"text", "output_text", "input_text", "json", "resource", "tool_result", "tool_call_response", "tool_reference"}
)
_BINARY_TYPES: Final = frozenset(
    {"image", "image_url", "input_image", "audio", "input_audio", "video", "blob", "document", "resource_link", "file"}
)
_STRUCTURE_STARTS: Final = frozenset({"{", "[", '"', " ", "\n", "\t", "\r", ""})
# Deeper envelopes than a result in a message in a list do not occur; what lies deeper is counted as JSON text.
_MAX_DEPTH: Final = 6


class ResultReading(NamedTuple):
    """A result and what it says about success.

    Attributes:
        digest: the result without its text.
        is_error: the result itself says that the call failed (`isError`, `is_error`, status `error`).
    """

    digest: ResultDigest
    is_error: bool = False


class _Parts:
    """What is found while walking through a result.

    Attributes:
        texts: texts in order.
        marks: hashes of pictures and other binary data, so that results that differ in them differ.
        is_error: a flag says that the call failed.
        says_error: a status says so, which in the content of a file means nothing.
        exit_code: the first one stated.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.marks: list[str] = []
        self.is_error = False
        self.says_error = False
        self.exit_code: int | None = None


def digest_result(value: object, *, is_read: bool, is_shell: bool = False) -> ResultDigest:
    """Reduce a tool result. Never raises.

    Args:
        value: text, blocks (`[{"type": "text", "text": …}]`), a mapping (`{"content": …}`, `{"output": …,
            "exit_code": …}`), or JSON text of these.
        is_read: the call reads one file, so that a numbered listing is that file's lines.
        is_shell: the call ran a shell command, so that a leading `Exit code 1` is what it says.
    """
    return read_result(value, is_read=is_read, is_shell=is_shell).digest


def read_result(value: object, *, is_read: bool, is_shell: bool = False, is_look: bool = False) -> ResultReading:
    """`digest_result` with whether the result reports a failure; of a look (a read, a search) also its words."""
    if value is None:
        return ResultReading(ResultDigest())
    if type(value) is str and value[:1] not in _STRUCTURE_STARTS and " " in value[:MIN_BASE64_CHARS]:
        # The common case: a text that can be nothing else.
        return ResultReading(_digest_text(value, is_read, is_shell, is_look))
    parts = _Parts()
    _open(value, parts, 0)
    text = parts.texts[0] if len(parts.texts) == 1 else "\n".join(parts.texts)
    digest = _digest_text(text, is_read, is_shell, is_look and not parts.marks)
    if parts.marks:
        digest = digest._replace(text_hash=hash((text, *parts.marks)) & _TEXT_MASK)
    if is_shell and parts.exit_code is not None:
        digest = digest._replace(exit_code=parts.exit_code)
    return ResultReading(digest, parts.is_error or (parts.says_error and not is_read))


def _digest_text(text: str, is_read: bool, is_shell: bool, is_look: bool) -> ResultDigest:
    chars = len(text) if ";base64," not in text else len(_DATA_URI.sub("", text))
    exit_code = None
    if is_shell:
        text, exit_code = _without_head(text)
    if _NOTE_END in text[-40:]:
        text = _without_notes(text)
    # The interpreter's own hash: equality within one process is all that results are compared for, and it takes a
    # quarter of the time of one that is the same everywhere.
    lines = line_signatures(text) if is_read else None
    return ResultDigest(chars, None, hash(text) & _TEXT_MASK, lines, exit_code, words_of(text) if is_look else None)


def line_weight(signature: int) -> int:
    """Characters that the line takes in a listing, number and frame included."""
    return signature & _WEIGHT_MASK


def weight_of_lines(signatures: Iterable[int]) -> int:
    """`line_weight` of several lines together."""
    return sum([signature & _WEIGHT_MASK for signature in signatures])  # a list is faster, and a listing is short


def line_key(signature: int) -> int:
    """Hash of the line's number and text, without its weight."""
    return signature >> WEIGHT_BITS


def line_signatures(text: str) -> array[int] | None:
    """Signatures of the lines of a numbered listing, in order; `None` for any other text.

    Nearly all lines have to be numbered and the numbers have to increase; in the forms that ordinary output may have
    too (`12: text`, `12|text`, a tab) they have to count up by one.
    """
    start = text.lstrip()[:1]
    if not start.isdigit():
        return None
    lines = _counted_lines(text) or _numbered_lines(text)
    if lines is None:
        return None
    # A line as it was found, from the number on: equal exactly where number and text are.
    if len(text) <= _WEIGHT_MASK - LINE_FRAME_CHARS:  # no line can be too long
        return array(
            "Q",
            [
                (hash(line) & _HASH_MASK) << WEIGHT_BITS | (len(line) - line.index("→") - 1 + LINE_FRAME_CHARS)
                for line in lines
            ],
        )
    weights = [min(len(line) - line.index("→") - 1 + LINE_FRAME_CHARS, _WEIGHT_MASK) for line in lines]
    pairs = zip(lines, weights, strict=True)
    return array("Q", [(hash(line) & _HASH_MASK) << WEIGHT_BITS | weight for line, weight in pairs])


def _counted_lines(text: str) -> list[str] | None:
    """The lines of a Claude Code listing that counts up by one, each from its number on; `None` for any other text.

    That is what nearly all listings are, so it is told by the ends: where the first and the last number are as far
    apart as there are lines and every line has the arrow, the numbers between are in place.
    """
    lines = text.removesuffix("\n").split("\n")
    first, arrow, _ = lines[0].partition("→")
    last = lines[-1].partition("→")[0]
    if not arrow or not (first := first.strip(" ")).isdecimal() or not (last := last.strip(" ")).isdecimal():
        return None
    if max(len(first), len(last)) > _MAX_NUMBER_DIGITS or int(last) - int(first) != len(lines) - 1:
        return None
    if not all(["→" in line for line in lines]):  # noqa: C419 - a list is faster, and a listing is short
        return None
    return [line.lstrip(" ") for line in lines]


def _numbered_lines(text: str) -> list[str] | None:
    """The numbered lines of any listing, each from its number on; `None` when it is none."""
    numbered = _ARROW_LINE.findall(text)
    is_arrow = bool(numbered)
    if not is_arrow:
        numbered = _NUMBERED_LINE.findall(text)
    line_count = text.count("\n") + (not text.endswith("\n"))
    if len(numbered) < MIN_NUMBERED_RATIO * line_count:
        return None
    numbers = [int(number) for number, _ in numbered]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) and not (
        is_arrow and all(before < after for before, after in pairwise(numbers))
    ):
        return None
    # The form of the listing does not matter: all are written as the first one.
    return [f"{number}→{line}" for number, line in numbered]


def _without_head(text: str) -> tuple[str, int | None]:
    """A shell result without the lines that change from run to run, and the exit code they state."""
    match = _EXIT_CODE.match(text)
    if match is not None:
        return text, int(match[1])
    match = _CODEX_HEAD.match(text)
    if match is None:
        return text, None
    code = match["code"]
    return text[match.end() :], None if code is None else int(code)


def _without_notes(text: str) -> str:
    """A result without the notes at its end."""
    while (stripped := text.rstrip()).endswith(_NOTE_END):
        start = stripped.rfind(_NOTE_START)
        if start < 0:
            break
        text = stripped[:start].rstrip("\n")
    return text


def _open(value: object, parts: _Parts, depth: int) -> None:
    """Collect the texts of a result, without pictures and other binary data."""
    if isinstance(value, str):
        parsed = read_structure(value).value
        if parsed is not value and depth < _MAX_DEPTH and _is_envelope(parsed):
            _open(parsed, parts, depth + 1)
        elif _is_base64(value):
            parts.marks.append(_mark(value))
        else:
            # JSON that is no envelope is the result itself, such as a file's content; it may still say that it failed.
            parts.texts.append(value)
            if isinstance(parsed, Mapping):
                _read_flags(parsed, parts)
    elif isinstance(value, (list, tuple)) and depth < _MAX_DEPTH and _is_envelope(value):
        for block in value:
            _open_mapping(block, parts, depth + 1)
    elif isinstance(value, Mapping) and depth < _MAX_DEPTH:
        _open_mapping(value, parts, depth)
    elif isinstance(value, (bytes, bytearray)):
        parts.marks.append(_mark(bytes(value).hex()))
    else:
        parts.texts.append(canonical_json(value) or "")


def _open_mapping(value: Mapping[str, Any], parts: _Parts, depth: int) -> None:
    _read_flags(value, parts)
    if _is_binary(value):
        parts.marks.append(_mark(canonical_json(value) or ""))
    elif _is_envelope(value) or value.get("type") == "text":
        for key in _TEXT_KEYS:
            inner = value.get(key)
            if inner is not None and inner != "" and not isinstance(inner, bool):
                _open(inner, parts, depth + 1)
    else:
        binary = [key for key, item in value.items() if isinstance(item, str) and _is_base64(item)]
        parts.marks.extend(_mark(value[key]) for key in binary)
        text = canonical_json({key: item for key, item in value.items() if key not in binary} if binary else value)
        parts.texts.append(text or "")


def _read_flags(value: Mapping[str, Any], parts: _Parts) -> None:
    """Whether a mapping says that the call failed, and with which exit code."""
    parts.is_error |= read_flag(value.get("isError")) or read_flag(value.get("is_error"))
    if value.get("status") == "error":
        # A message that answers a call speaks about the call; without the call's id it may be the content of a file.
        parts.is_error |= not _CALL_IDS.isdisjoint(value)
        parts.says_error = True
    metadata = value.get("metadata")
    for holder in (value, metadata if isinstance(metadata, Mapping) else {}):
        if parts.exit_code is None:
            codes = (read_integer(holder.get(key)) for key in _EXIT_KEYS)
            parts.exit_code = next((code for code in codes if code is not None), None)


def _is_binary(value: Mapping[str, Any]) -> bool:
    kind = value.get("type")
    return (isinstance(kind, str) and kind in _BINARY_TYPES) or "inlineData" in value or "inline_data" in value


def _is_envelope(value: object) -> bool:
    """Whether a structure is a result in a wrapping, and not data that is the result."""
    if isinstance(value, Mapping):
        if _ENVELOPE_KEYS.isdisjoint(value):
            return False
        others = value.keys() - _ENVELOPE_KEYS
        return not others or (others <= _MESSAGE_KEYS and not _MESSAGE_SIGNS.isdisjoint(value))
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, Mapping) and _is_block(item) for item in value)
    return isinstance(value, str)


def _is_block(item: Mapping[str, Any]) -> bool:
    kind = item.get("type")
    return (isinstance(kind, str) and (kind in _BLOCK_TYPES or kind in _BINARY_TYPES)) or (
        kind is None and _is_envelope(item)
    )


def _mark(binary: str) -> str:
    return f"{hash_text(binary):016x}"


def _is_base64(text: str) -> bool:
    return len(text) >= MIN_BASE64_CHARS and _BASE64.fullmatch(text) is not None

"""`JsonCursor`: walks into JSON text of any length and decodes only the parts that are asked for."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from otel_sessionopt.ingest.byte_stream import CHUNK_BYTES, MAX_PIECE_BYTES
from otel_sessionopt.ingest.malformed import CutOff, Malformed

_skip_space = re.compile(r"[ \t\n\r]*").match
_decode = json.JSONDecoder().raw_decode
_SKIP_DEPTH: Final = 8
"""How deep an unwanted value is stepped through piece by piece; what lies deeper is decoded and dropped whole."""
_CUT_MARGIN: Final = 12
"""A half literal or `\\uXXXX\\uXXXX` pair at the end of the text makes an error this far before the end."""
_LITERALS: Final = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_NUMBERS: Final = (int, float)
_NUMBER_TAIL: Final = 2
"""What of a number does not count as one while its digits are missing: `.`, `e` or `e+`."""


class JsonCursor:
    """A position in JSON text that arrives in chunks of UTF-8; memory is bounded by the largest value decoded.

    Every method that takes something first passes over white space. Each raises `Malformed` where the text is no JSON
    and `CutOff` where it ends too early.

    Args:
        chunks: the text; undecodable bytes are read as U+FFFD.
        first_line: number of the line that the text starts in.
    """

    def __init__(self, chunks: Iterator[bytes], first_line: int = 1) -> None:
        self._chunks = chunks
        self._text = ""
        self._at = 0
        self._lines_before = first_line
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._is_complete = False

    @property
    def line(self) -> int:
        """Number of the line that the cursor is in."""
        return self._lines_before + self._text.count("\n", 0, self._at)

    def is_at_end(self) -> bool:
        """Only white space is left."""
        self._at = _skip_space(self._text, self._at).end()  # type: ignore[union-attr]  # matches everywhere
        while self._at == len(self._text):
            if not self._read_more():
                return True
            self._at = _skip_space(self._text, self._at).end()  # type: ignore[union-attr]
        return False

    def next_is(self, character: str) -> bool:
        """Whether the next character is this one; it is not taken."""
        return self._peek() == character

    def value(self) -> Any:
        """Take one whole value."""
        self._peek()
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not (self._may_go_on(error) and self._read_more()):
                    raise self._fault(error) from None
            except RecursionError:
                raise Malformed("nested too deep to be read") from None
            except ValueError:  # a number of more digits than Python converts
                raise Malformed("a number is too long to be read") from None
            else:
                if type(value) in _NUMBERS and end + _NUMBER_TAIL >= len(self._text) and self._read_more():
                    continue  # it may go on in the next chunk
                start, self._at = self._at, end
                return without_lone_surrogates(value) if has_surrogates(self._text, start, end) else value

    def elements(self) -> Iterator[None]:
        """Step through an array: at each step the cursor is before an element, which the caller must take."""
        self._take("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield
            if not self._take_separator("]"):
                return

    def members(self) -> Iterator[str]:
        """Step through an object: gives each key with the cursor before its value, which the caller must take."""
        self._take("{")
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            if self._peek() != '"':
                raise Malformed("not JSON: expecting a key in double quotes")
            key = self.value()
            self._take(":")
            yield key
            if not self._take_separator("}"):
                return

    def skip(self, depth: int = _SKIP_DEPTH) -> None:
        """Pass over one value without holding all of it."""
        first = self._peek()
        if depth and first == "{":
            for _ in self.members():
                self.skip(depth - 1)
        elif depth and first == "[":
            for _ in self.elements():
                self.skip(depth - 1)
        else:
            self.value()

    def skip_to_next_document(self, after_line: int) -> None:
        """Pass over what is broken: up to the next line that starts with `{` and comes after `after_line`.

        It may be the line that the cursor is in: a document that breaks off is noticed in the one that follows it.
        """
        start = self._text.rfind("\n", 0, self._at)
        if self.line > after_line and start >= 0:
            self._at = start
        while (found := self._text.find("\n{", self._at)) < 0:
            self._at = max(len(self._text) - 1, self._at)  # the line feed may be the last character so far
            if not self._read_more():
                self._at = len(self._text)
                return
        self._at = found + 1

    def _peek(self) -> str:
        at = self._at = _skip_space(self._text, self._at).end()  # type: ignore[union-attr]  # matches everywhere
        if at == len(self._text) and self.is_at_end():
            raise CutOff("the JSON text is cut off here")
        return self._text[self._at]

    def _take(self, character: str) -> None:
        if self._peek() != character:
            raise Malformed(f"not JSON: expecting {character!r}")
        self._at += 1

    def _take_separator(self, closing: str) -> bool:
        """Take a comma (true) or the closing bracket (false)."""
        character = self._peek()
        if character != "," and character != closing:
            raise Malformed(f"not JSON: expecting ',' or {closing!r}")
        self._at += 1
        return character == ","

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Whether the error may be there only because the text goes on in the next chunk."""
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _CUT_MARGIN

    def _fault(self, error: json.JSONDecodeError) -> Malformed:
        self._at = min(error.pos, len(self._text))
        rest = self._text[error.pos :].rstrip()
        is_half_escape = error.msg.startswith("Invalid \\u") and len(rest) < len("uXXXX")
        is_half_literal = any(literal.startswith(rest) for literal in _LITERALS)
        if error.msg.startswith("Unterminated string") or is_half_escape or is_half_literal:
            return CutOff("the JSON text is cut off here")
        return Malformed(f"not JSON: {error.msg[0].lower()}{error.msg[1:]}")

    def _read_more(self) -> bool:
        """Add at least as much text as is unread, so that a long value is not tried too often.

        Gives false at the end, and then nothing has changed.
        """
        if self._is_complete:
            return False
        unread = len(self._text) - self._at
        if unread > MAX_PIECE_BYTES:
            raise Malformed(f"a single value is longer than {MAX_PIECE_BYTES:,} bytes")
        wanted = max(unread, CHUNK_BYTES)
        added = []
        while wanted > 0 and not self._is_complete:
            chunk = next(self._chunks, b"")
            self._is_complete = not chunk
            added.append(self._decoder.decode(chunk, self._is_complete))
            wanted -= len(added[-1])
        if not any(added):
            return False
        start = max(self._at - 1, 0)  # the character before shows whether a line starts here
        self._lines_before += self._text.count("\n", 0, start)
        self._text = "".join((self._text[start:], *added))
        self._at -= start
        return True


def has_surrogates(text: str, start: int = 0, end: int | None = None) -> bool:
    """Whether JSON text escapes a surrogate, be it half of a pair or alone."""
    return text.find("\\ud", start, end) >= 0 or text.find("\\uD", start, end) >= 0


def without_lone_surrogates(value: Any) -> Any:
    """The value with U+FFFD for halves of characters, which cannot be written as UTF-8 again.

    They come from senders that cut texts in the middle of a character, as JavaScript does.
    """
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [without_lone_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_lone_surrogates(key): without_lone_surrogates(item) for key, item in value.items()}
    return value

"""Size of what a model call answered, from its output messages: text only, not thoughts and tool arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from otel_sessionopt.dialects.values import read_structure

OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
# Parsing is what costs here. An answer with more text than this is not sized: its output tokens still are.
MAX_MESSAGES_CHARS: Final = 100_000


def answer_chars(messages: object) -> int | None:
    """Characters of the text parts of `gen_ai.output.messages`; `None` where it is not recorded or cannot be read.

    Source: semantic-conventions-genai, output messages: `[{"role", "parts": [{"type": "text", "content"}]}]`.
    """
    if isinstance(messages, str):
        messages = read_structure(messages).value if len(messages) <= MAX_MESSAGES_CHARS else None
    if not isinstance(messages, (list, tuple)):
        return None
    sizes = [_parts_chars(message.get("parts")) for message in messages if isinstance(message, Mapping)]
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _parts_chars(parts: object) -> int | None:
    if not isinstance(parts, (list, tuple)):
        return None
    return sum(_texts_chars(part for part in parts if isinstance(part, Mapping)))


def _texts_chars(parts: Iterable[Mapping[str, object]]) -> Iterable[int]:
    for part in parts:
        content = part.get("content")
        if part.get("type") == "text" and isinstance(content, str):
            yield len(content)

"""Texts that Gemini CLI and Qwen Code put a heading before: `[TOOL INPUT: name]`, `[USER PROMPT]`."""

from __future__ import annotations

import re
from typing import Final

_HEADING: Final = re.compile(r"\[[A-Z][A-Z ]*(?::[^\]\n]*)?\]\n")


def without_heading(value: object) -> object:
    """The value; a text without the bracketed line it begins with, if it does."""
    if not isinstance(value, str):
        return value
    heading = _HEADING.match(value)
    return value[heading.end() :] if heading else value

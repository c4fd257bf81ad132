"""Mappings that a library wrote down in Python's notation: `{'city': 'Bergen'}`."""

from __future__ import annotations

import ast
import re
from typing import Any, Final

# Longer ones are not worth their parsing: they hold contents, and calls are told apart by their text all the same.
MAX_LITERAL_CHARS: Final = 20_000
# Only escapes that Python itself writes: of others the interpreter complains on the error output.
_WRITTEN_BY_PYTHON: Final = re.compile(r"(?:[^\\]|\\[\\'\"nrtxuUN0abfv])*", re.DOTALL)


def read_literal(value: object) -> Any:
    """The mapping that a text is in Python's notation. Never raises; anything else is given back as it is."""
    # JSON never starts like that.
    if not isinstance(value, str) or not value.startswith("{'") or len(value) > MAX_LITERAL_CHARS:
        return value
    if not _WRITTEN_BY_PYTHON.fullmatch(value):
        return value
    try:
        parsed = ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # MemoryError: nested too deep to parse
        return value
    return parsed if isinstance(parsed, dict) else value

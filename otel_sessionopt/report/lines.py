"""Lines of plain text within 80 columns."""

from __future__ import annotations

import re
import textwrap
from typing import Final

WIDTH: Final = 80
_NO_BREAK_SPACE: Final = "\u00a0"  # cleaned texts contain none
# Between a number and its unit, and within `Score 85 (B)`.
_UNBREAKABLE: Final = re.compile(r"(?<=\d) (?=(?:%|×|s|min|h|d)(?:\W|$))|(?<=\bScore) | (?=\([ABCDF]\)\.)")


def wrap(text: str, indent: str = "", first: str | None = None) -> list[str]:
    """`text` in lines of at most 80 characters; `indent` before each, `first` before the first instead."""
    lines = textwrap.wrap(
        _UNBREAKABLE.sub(_NO_BREAK_SPACE, text),
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK_SPACE, " ") for line in lines]

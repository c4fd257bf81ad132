"""Lines of plain text within 80 columns."""

from __future__ import annotations

import re
import textwrap
from typing import Final

WIDTH: Final = 80
_NO_BREAK_SPACE: Final = "\u00a0"  # cleaned texts contain none
# Between a number and its unit, and within `Score 85 (B)`.
_UNBREAKABLE: Final = re.compile(r"(?<=\d) (?=(?:%|×|s|min|h|d)(?:\W|$))|(?<=\bScore) | (?=\([ABCDF]\)\.)")

_BEHIND_SLASH: Final = re.compile(r"(?<=[/\\])")


def wrap(text: str, indent: str = "", first: str | None = None) -> list[str]:
    """`text` in lines of at most 80 characters; `indent` before each, `first` before the first instead."""
    wrapper = _PathWrapper(
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK_SPACE, " ") for line in wrapper.wrap(_UNBREAKABLE.sub(_NO_BREAK_SPACE, text))]


class _PathWrapper(textwrap.TextWrapper):
    """Breaks paths that are longer than a line behind a slash, and only names longer than that inside."""

    def _split(self, text: str) -> list[str]:
        room = self.width - len(self.subsequent_indent)
        return [
            part
            for word in super()._split(text)
            for part in ([word] if len(word) <= room else _BEHIND_SLASH.split(word))
            if part
        ]

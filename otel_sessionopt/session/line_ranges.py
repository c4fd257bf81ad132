"""Line ranges of reads: how much of one is covered by others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Range = tuple[int | None, int | None]
"""First and last line, 1-based and inclusive; `None` = from the start / to the end."""

# A read "to the end" stops there or at the tool's own limit: 2,000 lines in Claude Code, Gemini CLI and opencode.
_OPEN_RANGE_LINES: Final = 2_000


def covered_ratio(wanted: Range, shown: Iterable[Range]) -> float | None:
    """Share of the lines in `wanted` that lie in any of `shown`, 0–1.

    `None` where it cannot be known: `wanted` goes to an end whose line number nobody told, and only a part of it, up to
    a known line, was shown.
    """
    first, last = _bounds(wanted)
    pieces = sorted((_bounds(each), each[1] is None) for each in shown)
    covered_until = first - 1
    covered = 0
    is_end_shown = False
    for (start, end), is_open in pieces:
        start, end = max(start, covered_until + 1), min(end, last)
        if start > end:
            continue
        covered += end - start + 1
        covered_until = end
        is_end_shown |= is_open
    if wanted[1] is None and 0 < covered <= last - first and not is_end_shown:
        return None
    return covered / max(last - first + 1, 1)


def _bounds(lines: Range) -> tuple[int, int]:
    first = max(lines[0] or 1, 1)
    return first, first + _OPEN_RANGE_LINES - 1 if lines[1] is None else max(lines[1], first)

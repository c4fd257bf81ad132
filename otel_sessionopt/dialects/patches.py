"""Which files a patch text changes."""

from __future__ import annotations

import re
from typing import Final

# `*** Add File: x` and friends (the format of apply_patch), and the target line of unified diffs
_PATCH_PATH: Final = re.compile(
    r"^(?:\*\*\* (?:Add|Update|Delete) File: |\*\*\* Move to: |\+\+\+ (?:b/)?)([^\n\t]+)", re.MULTILINE
)
# More files than this in one patch are left out; the caller then has to say "may write".
MAX_PATCH_FILES: Final = 50


def patch_paths(text: str) -> tuple[str, ...]:
    """Paths that the patch adds, updates, deletes or moves to, in order, each once; at most `MAX_PATCH_FILES`."""
    paths: dict[str, None] = {}
    for match in _PATCH_PATH.finditer(text):
        path = match[1].strip()
        if path and path != "/dev/null":
            paths[path] = None
        if len(paths) == MAX_PATCH_FILES:
            break
    return tuple(paths)


def is_patch(text: str) -> bool:
    """Whether the text is a patch in one of the two forms."""
    return "*** Begin Patch" in text or ("\n+++ " in text and "\n@@" in text)

"""Tool definitions reduced to what analyses need: how many there are, how long they are, and whether they changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from otel_sessionopt.dialects.values import canonical_json, hash_text, read_structure

TOOL_DEFINITIONS: Final = "tool_definitions"
"""Key in `SpanDigest.detail` and `SessionEvent.data`: a mapping with `count`, `chars` and `names_hash`."""


def read_tool_definitions(value: object) -> dict[str, int] | None:
    """Count, text length and a hash of the names of the tools that a call was offered; `None` where it is no list.

    Calls of one agent are offered the same tools: they share the mapping, which nobody may change.
    """
    text = value if isinstance(value, str) else canonical_json(value)
    return None if text is None else _read(text)


# A trace has one list of tools for each of its agents; the bound is for hostile input, and for the memory of the texts.
@lru_cache(maxsize=32)
def _read(text: str) -> dict[str, int] | None:
    tools = read_structure(text).value
    if not isinstance(tools, (list, tuple)) or not tools:
        return None
    names = sorted(_name(tool) for tool in tools)
    return {"count": len(tools), "chars": len(text), "names_hash": hash_text("\n".join(names))}


def _name(tool: object) -> str:
    """Name of a definition in the form of the conventions or of the providers' own interfaces."""
    if isinstance(tool, str):
        return tool
    if not isinstance(tool, Mapping):
        return ""
    holder: Mapping[str, Any] = tool
    inner = tool.get("function") or tool.get("toolSpec")
    if isinstance(inner, Mapping):
        holder = inner
    name = holder.get("name")
    return name if isinstance(name, str) else ""

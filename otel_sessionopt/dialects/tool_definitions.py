"""Tool definitions reduced to what analyses need: which tools there are, how long each is, and whether they changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from otel_sessionopt.dialects.values import canonical_json, hash_text, read_structure

TOOL_DEFINITIONS: Final = "tool_definitions"
"""Key in `SpanDigest.detail` and `SessionEvent.data`: a mapping with `count`, `chars`, `names_hash` and `sizes`.

`sizes` has the length of each definition by the name of the tool; only of tools that the agent itself runs.
"""

# Definitions of this kind are run by the agent, or have no kind. A provider runs the others (`web_search_20250305`,
# `code_interpreter`) itself, and no tool call shows it.
_RUN_BY_AGENT: Final = (None, "function", "custom")
# What is kept of one model call is bounded: the largest of the tools, with names that providers accept.
_MAX_SIZES: Final = 128
_MAX_NAME_CHARS: Final = 128


def read_tool_definitions(value: object) -> dict[str, Any] | None:
    """What is kept of the tools that a call was offered; `None` where it is no list.

    Calls of one agent are offered the same tools: they share the mapping, which nobody may change.
    """
    text = value if isinstance(value, str) else canonical_json(value)
    return None if text is None else _read(text)


# A trace has one list of tools for each of its agents; the bound is for hostile input, and for the memory of the texts.
@lru_cache(maxsize=32)
def _read(text: str) -> dict[str, Any] | None:
    tools = read_structure(text).value
    if not isinstance(tools, (list, tuple)) or not tools:
        return None
    names = sorted(_name(tool) for tool in tools)
    sizes = sorted(_sizes(tools).items(), key=lambda each: (-each[1], each[0]))[:_MAX_SIZES]
    return {
        "count": len(tools),
        "chars": len(text),
        "names_hash": hash_text("\n".join(names)),
        "sizes": dict(sizes),
    }


def _sizes(tools: list[Any] | tuple[Any, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for tool in tools:
        name = _name(tool)
        if isinstance(tool, Mapping) and tool.get("type") in _RUN_BY_AGENT and 0 < len(name) <= _MAX_NAME_CHARS:
            found[name] = len(canonical_json(tool) or "")
    return found


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

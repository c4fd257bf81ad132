"""How much memory a digest takes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_sessionopt.dialects.digest import ModelUse, SpanDigest, ToolUse

_INT: Final = 32
_SPAN: Final = 3 * _INT  # start, end, id; the parent's id is the parent's own


def digest_bytes(digest: SpanDigest) -> int:
    """Estimated bytes of a digest, line signatures included. Names that spans share are counted with each."""
    size = _SPAN + _tuple(digest) + _text(digest.name) + _text(digest.agent) + _text(digest.conversation_id)
    if digest.tool is not None:
        size += _tool(digest.tool)
    if digest.model is not None:
        size += _model(digest.model)
    if digest.detail is not None:
        size += _mapping(digest.detail)
    return size


def _tool(tool: ToolUse) -> int:
    size = _tuple(tool) + _INT + _text(tool.call_id) + _text(tool.query) + _text(tool.command) + _text(tool.scope)
    if tool.accesses:
        size += _tuple(tool.accesses) + sum(_tuple(access) + _text(access.path) for access in tool.accesses)
    if tool.result is not None:
        size += _tuple(tool.result) + 2 * _INT
        if tool.result.lines is not None:
            size += sys.getsizeof(tool.result.lines)
    return size


def _model(model: ModelUse) -> int:
    return _tuple(model) + 4 * _INT + _text(model.response_id)


def _mapping(mapping: Mapping[str, Any]) -> int:
    # Keys are constants of the program. Values that are containers are small by contract.
    return sys.getsizeof(mapping) + sum(sys.getsizeof(value) for value in mapping.values())


def _tuple(value: tuple[Any, ...]) -> int:
    return sys.getsizeof(value)


def _text(text: str | None) -> int:
    return 0 if not text else sys.getsizeof(text)

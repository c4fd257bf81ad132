"""Digests as bytes, for as long as they wait in the buffer.

A digest of a tool call is half a dozen objects of 1 KB together; packed it is one of a third of that, and the garbage
collector, which runs on the agent's threads, does not have to look at it. Line signatures keep their 8 bytes a line.
"""

from __future__ import annotations

import marshal
import pickle
from array import array
from decimal import Decimal
from typing import Any, Final

from otel_sessionopt.dialects.digest import (
    FileAccess,
    ModelUse,
    Operation,
    ResultDigest,
    SpanDigest,
    ToldCall,
    ToolKind,
    ToolUse,
)

# The first byte says how the rest is written. Both are read back by the same process only.
_MARSHALLED: Final = b"m"
_PICKLED: Final = b"p"

# Places of the fields that are more than built-in values.
_OPERATION, _MODEL, _TOOL, _DETAIL, _TOLD = (
    SpanDigest._fields.index(name) for name in ("operation", "model", "tool", "detail", "told")
)
_KIND, _ACCESSES, _RESULT = (ToolUse._fields.index(name) for name in ("kind", "accesses", "result"))
_LINES: Final = ResultDigest._fields.index("lines")
_COST: Final = ModelUse._fields.index("reported_cost_usd")


def pack_digest(digest: SpanDigest) -> bytes:
    """`digest` in as few bytes as is quickly done; `unpack_digest` gives an equal one."""
    try:
        return _MARSHALLED + marshal.dumps(_plain_digest(digest))
    except ValueError:
        # `detail` may hold what marshal does not know.
        return _PICKLED + pickle.dumps(digest, pickle.HIGHEST_PROTOCOL)


def unpack_digest(packed: bytes) -> SpanDigest:
    """What `pack_digest` packed."""
    if packed[:1] == _PICKLED:
        digest: SpanDigest = pickle.loads(packed[1:])
        return digest
    return _digest_from_plain(marshal.loads(packed[1:]))


def _plain_digest(digest: SpanDigest) -> list[Any]:
    """Built-in types only: marshal refuses the subclasses of `str` and `tuple` that a digest is made of."""
    fields: list[Any] = list(digest)
    fields[_OPERATION] = digest.operation.value
    if digest.model is not None:
        model = fields[_MODEL] = list(digest.model)
        if model[_COST] is not None:
            model[_COST] = str(model[_COST])
    if digest.tool is not None:
        fields[_TOOL] = _plain_tool(digest.tool)
    if digest.detail is not None:
        fields[_DETAIL] = dict(digest.detail)
    if digest.told:
        fields[_TOLD] = [(_plain_tool(call.tool), *call[1:]) for call in digest.told]
    return fields


def _plain_tool(tool: ToolUse) -> list[Any]:
    fields: list[Any] = list(tool)
    fields[_KIND] = tool.kind.value
    fields[_ACCESSES] = [tuple(access) for access in tool.accesses]
    if tool.result is not None:
        result = fields[_RESULT] = list(tool.result)
        lines = tool.result.lines
        if lines is not None:
            result[_LINES] = (lines.typecode, lines.tobytes())
    return fields


def _digest_from_plain(fields: list[Any]) -> SpanDigest:
    fields[_OPERATION] = Operation(fields[_OPERATION])
    model = fields[_MODEL]
    if model is not None:
        if model[_COST] is not None:
            model[_COST] = Decimal(model[_COST])
        fields[_MODEL] = ModelUse._make(model)
    if fields[_TOOL] is not None:
        fields[_TOOL] = _tool_from_plain(fields[_TOOL])
    if fields[_TOLD]:
        fields[_TOLD] = tuple(ToldCall(_tool_from_plain(tool), *rest) for tool, *rest in fields[_TOLD])
    return SpanDigest._make(fields)


def _tool_from_plain(fields: list[Any]) -> ToolUse:
    fields[_KIND] = ToolKind(fields[_KIND])
    fields[_ACCESSES] = tuple(map(FileAccess._make, fields[_ACCESSES]))
    result = fields[_RESULT]
    if result is not None:
        if result[_LINES] is not None:
            result[_LINES] = array(*result[_LINES])
        fields[_RESULT] = ResultDigest._make(result)
    return ToolUse._make(fields)

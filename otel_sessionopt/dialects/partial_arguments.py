"""Arguments of a tool call of which only some were recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt.dialects.tool_calls import ToolCall, read_tool_call

_CUT: Final = "cut-value"


def partial_arguments(members: Mapping[str, Any]) -> str | None:
    """JSON text that ends open, as a length limit leaves it: nothing is concluded from the absence of a key.

    `None` where nothing was recorded at all.
    """
    return f"{json.dumps(dict(members))[:-1]}, " if members else None


def read_partial_call(name: str, members: Mapping[str, Any], result: object, **facts: Any) -> ToolCall:
    """`read_tool_call` for a call of whose arguments the source always leaves some out: that is no fault to report."""
    call = read_tool_call(name, partial_arguments(members), result, **facts)
    return call._replace(
        use=call.use._replace(arguments_chars=None),
        warnings=tuple(warning for warning in call.warnings if warning != _CUT),
    )

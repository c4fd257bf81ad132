"""A whole tool call from its parts: classified, with its result and whether it failed. Every dialect uses it."""

from __future__ import annotations

from typing import NamedTuple

from otel_sessionopt.dialects.digest import ResultDigest, ToolKind, ToolUse
from otel_sessionopt.dialects.results import read_result
from otel_sessionopt.dialects.tools import ToolReading, read_tool
from otel_sessionopt.dialects.values import is_cut, read_count, read_id

# What begins like this is JSON, and not a line of a log in brackets.
_JSON_RESULT = ('{"', '[{"', '["')


class ToolCall(NamedTuple):
    """One tool call.

    Attributes:
        use: with its result, where one was recorded.
        error: why it failed; `None` where it did not, or where the user refused it.
        warnings: what could not be read.
    """

    use: ToolUse
    error: str | None = None
    warnings: tuple[str, ...] = ()


def read_tool_call(
    name: str,
    arguments: object,
    result: object,
    *,
    call_id: object = None,
    workdir: str | None = None,
    stated_error: str | None = None,
    is_rejected: bool = False,
    stated_chars: object = None,
    stated_tokens: object = None,
) -> ToolCall:
    """Put a tool call together from what a span says. Never raises.

    Args:
        name: tool name as sent.
        arguments, result: as sent, `None` when not recorded.
        call_id: the provider's id of the call.
        workdir: where relative paths start.
        stated_error: what the span itself says about failure; otherwise the result is asked.
        is_rejected: the user refused the call.
        stated_chars, stated_tokens: size of the result where the source states it beside or instead of the text.
    """
    reading = read_tool(name, arguments, workdir)
    warnings: tuple[str, ...] = () if reading.warning is None else (reading.warning,)
    error = stated_error
    digest: ResultDigest | None = None
    if result is not None:
        digest, says_error = read_result(
            result,
            is_read=_reads_one_file(reading),
            is_shell=reading.is_shell,
            is_look=reading.kind in (ToolKind.READ, ToolKind.SEARCH),
        )
        if error is None and says_error:
            error = "tool_error"
        if isinstance(result, str) and result.startswith(_JSON_RESULT) and is_cut(result.rstrip()):
            warnings = warnings if "cut-value" in warnings else (*warnings, "cut-value")  # at least this long
        if error is None and digest.exit_code and not (digest.exit_code == 1 and reading.is_exit_one_an_answer):
            error = "exit_code"
    if stated_chars is not None or stated_tokens is not None:
        chars, tokens = read_count(stated_chars), read_count(stated_tokens)
        digest = digest or ResultDigest()
        digest = digest._replace(chars=digest.chars if chars is None else chars, tokens=tokens)
        if (chars is None and stated_chars is not None) or (tokens is None and stated_tokens is not None):
            warnings += ("unusable-size",)
    return ToolCall(reading.use(read_id(call_id), is_rejected, digest), None if is_rejected else error, warnings)


def _reads_one_file(reading: ToolReading) -> bool:
    """Whether a numbered listing in the result can only be lines of one file."""
    accesses = reading.accesses
    if not accesses or accesses[0].is_write:
        return False
    return len(accesses) == 1 or all(access.path == accesses[0].path and not access.is_write for access in accesses)

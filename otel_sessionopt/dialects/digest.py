"""`SpanDigest`: what one span says, in our own words and small enough to keep by the hundred thousand.

A dialect makes a digest from a `SpanRecord` and the record is let go: texts are reduced to sizes, hashes and line
signatures. All types here are named tuples: immutable, small, and built once per span on the hot path.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple

# Stands for one past the last line of a file of unknown length, so that `tail -n 20` is the range from `END_LINE - 20`.
# No real file is that long, and ranges from both ends never overlap by accident.
END_LINE: Final = 1 << 31


class Operation(str, Enum):
    """What a span stands for, whichever dialect said so."""

    MODEL_CALL = "model_call"  # chat, text completion, generate content: leaf-capable for usage
    EMBEDDING = "embedding"  # leaf-capable for usage
    TOOL_CALL = "tool_call"
    RETRIEVAL = "retrieval"
    AGENT = "agent"  # opens a context of its own
    CONTAINER = "container"  # workflow, chain, turn: may carry running totals
    THINKING = "thinking"
    USER_MESSAGE = "user_message"
    COMPACTION = "compaction"
    RECORDED = "recorded"  # an event recorded by hand; its `EventType` is in `SpanDigest.detail["event_type"]`
    OTHER = "other"  # ordinary span: kept for the tree only


class ToolKind(str, Enum):
    """What a tool call does, from its name and arguments (genai-conventions §19)."""

    READ = "read"
    WRITE = "write"
    SEARCH = "search"
    SHELL = "shell"
    WEB = "web"
    SUB_AGENT = "sub_agent"
    OTHER = "other"


class FileAccess(NamedTuple):
    """One file that a tool call reads or writes.

    Attributes:
        path: normalised path; absolute where the working directory is known.
        is_write: written, edited, moved or deleted; otherwise read.
        first_line, last_line: 1-based inclusive range asked for; `None` = from the start / to the end. A range counted
            from the end has a `first_line` just below `END_LINE`.
    """

    path: str
    is_write: bool = False
    first_line: int | None = None
    last_line: int | None = None


class ResultDigest(NamedTuple):
    """A tool result without its text.

    Attributes:
        chars: length of the text in characters; images and binary data are not counted as text.
        tokens: size in tokens where the source states it, else `None`.
        text_hash: 60-bit hash of the text, equal texts have equal hashes within one process; `None` without content.
        lines: for numbered listings (`cat -n` form) one signature a line, see `dialects.results`; else `None`.
        exit_code: exit code of a shell command where the source or the text states it.
        words: of a file read or a search, hashes of its words, see `dialects.result_words`; else `None`.
    """

    chars: int | None = None
    tokens: int | None = None
    text_hash: int | None = None
    lines: array[int] | None = None
    exit_code: int | None = None
    words: bytes | None = None


class ToolUse(NamedTuple):
    """One tool call.

    Attributes:
        name: tool name as sent, without an MCP prefix.
        kind: by name and arguments; a shell command that only reads is READ, one that only searches is SEARCH,
            one that only writes files is WRITE, any other SHELL.
        call_id: provider's id of the call.
        arguments_hash: 60-bit hash of the canonical arguments; `None` when no arguments were recorded.
        accesses: files read and written, in order.
        query: search pattern, as sent, at most 200 characters kept; `query_hash` tells longer ones apart: a 60-bit hash
            of the whole pattern in lower case with white space folded, set wherever `query` is.
        scope: what a search looked through (path, glob and options, canonical); two searches repeat only with equal
            scopes.
        command: shell command, at most 200 characters kept.
        may_write: something in the call may have changed files that we cannot name (an unknown shell command).
        is_poll: asks a running process for news (`write_stdin`, `BashOutput`, `sleep`, …): repeating it is no waste.
        is_cursor: moves a cursor that its arguments do not show (`scroll_down`, next page): repeating it is no waste.
        is_rejected: the user said no; not an error and nothing ran.
        result: the result, `None` when not recorded.
        arguments_chars: length of the canonical arguments; `None` when no arguments were recorded.
    """

    name: str
    kind: ToolKind = ToolKind.OTHER
    call_id: str | None = None
    arguments_hash: int | None = None
    accesses: tuple[FileAccess, ...] = ()
    query: str | None = None
    query_hash: int | None = None
    scope: str = ""
    command: str | None = None
    may_write: bool = False
    is_poll: bool = False
    is_cursor: bool = False
    is_rejected: bool = False
    result: ResultDigest | None = None
    arguments_chars: int | None = None


class ModelUse(NamedTuple):
    """Usage of one model call (or the totals that a container repeats), cache and reasoning sorted out (§21).

    Attributes:
        model, provider: as sent; `None` when unknown.
        uncached_tokens, cache_read_tokens, cache_write_tokens: disjoint; their sum is the whole input.
        cache_write_1h_tokens: the part of `cache_write_tokens` written for one hour (Anthropic).
        output_tokens: whole output, reasoning included.
        reasoning_tokens: part of the output; `None` = not told.
        has_usage: the span stated token numbers at all; otherwise all are 0.
        is_assumed: whether cache tokens are inside the input could not be decided and the OTel rule was assumed.
        response_id: provider's id of the response: two spans with the same one are the same call.
        finish_reason: first finish reason, as sent.
        reported_cost_usd: cost the span itself states.
    """

    model: str | None = None
    provider: str | None = None
    uncached_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int | None = None
    has_usage: bool = False
    is_assumed: bool = False
    response_id: str | None = None
    finish_reason: str | None = None
    reported_cost_usd: Decimal | None = None

    @property
    def input_tokens(self) -> int:
        """Whole input: uncached + cache read + cache write."""
        return self.uncached_tokens + self.cache_read_tokens + self.cache_write_tokens


class ToldCall(NamedTuple):
    """A tool call that another span tells of: the model call whose messages brought its result in, or a span event.

    Attributes:
        tool: the call, always with its `call_id`. The name is empty where only the result was seen.
        error: why it failed, else `None`.
        start_ns, end_ns: when it ran, where that is told; else 0.
        is_answered: it ran. Otherwise the model only asked for it, which completes a span and never stands for one.
    """

    tool: ToolUse
    error: str | None = None
    start_ns: int = 0
    end_ns: int = 0
    is_answered: bool = True


class SpanDigest(NamedTuple):
    """What one span says.

    Attributes:
        span_id, parent_span_id, name, start_ns, end_ns: as in `SpanRecord`.
        operation: what the span stands for.
        dialect: id of the dialect that read it.
        error: error type or class name where the operation failed, else `None`. A rejected tool call is no error.
        agent: agent name the span states.
        conversation_id: session or conversation id the span states.
        model: usage and model, for model calls, embeddings and containers with totals.
        tool: for tool calls.
        content_chars: text size of a user message, summary or thinking block, and of a model call the text that it
            answered, without thoughts and tool arguments; `None` when not recorded.
        detail: further facts for `SessionEvent.data`; small, no contents.
        warnings: names of what could not be read (`invalid-json`, `cut-value`, `dropped-attributes`, …).
        told: tool calls that this span tells of besides. They complete the spans of these calls, or stand for them.
        is_log: it comes from a log record: it completes the span of the same thing, or stands for it.
    """

    span_id: int
    parent_span_id: int | None
    name: str
    start_ns: int
    end_ns: int
    operation: Operation = Operation.OTHER
    dialect: str = ""
    error: str | None = None
    agent: str | None = None
    conversation_id: str | None = None
    model: ModelUse | None = None
    tool: ToolUse | None = None
    content_chars: int | None = None
    detail: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    told: tuple[ToldCall, ...] = ()
    is_log: bool = False

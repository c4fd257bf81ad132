"""What is kept while a Codex rollout is read: things that one line begins and a later one ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from otel_sessionopt.ingest.transcripts import codex_lines as lines
from otel_sessionopt.ingest.transcripts.session_spans import ToolCall

_REPLAY_NS: Final = 1_000_000_000
"""The history that a forked thread begins with is written at one stroke; hardly a model answers within a second."""


@dataclass(slots=True)
class OpenTool:
    """One tool call without a result so far."""

    name: str
    start_ns: int
    workdir: str
    arguments: Any
    is_failed: bool = False


@dataclass(slots=True)
class Response:
    """What was seen of the answer of a model whose token count did not come yet."""

    start_ns: int
    end_ns: int
    text_chars: int = 0


@dataclass(slots=True)
class Replay:
    """The copied history at the beginning of a forked thread: how long it lasts, and what of it is in the context.

    Attributes:
        time_ns: when it was written, all of it at one stroke.
        end_ordinal: number of the first line behind it; 0 where that is not told.
        chars: length of the texts in it.
    """

    time_ns: int
    end_ordinal: int
    chars: int = 0

    def holds(self, ordinal: int, time_ns: int) -> bool:
        """Whether a line belongs to it."""
        return ordinal < self.end_ordinal if self.end_ordinal else time_ns <= self.time_ns + _REPLAY_NS


@dataclass(slots=True)
class Message:
    """A message of the user's side of which it is not known yet whether a person typed it."""

    text: str
    time_ns: int


@dataclass(slots=True)
class Usage:
    """Totals so far, and how many calls there were."""

    total: Mapping[str, Any] = field(default_factory=dict)
    calls: int = 0


def finished_call(call_id: str, tool: OpenTool, end_ns: int, output: Any) -> ToolCall:
    """A call with its result; with `None` for one that has none."""
    text = None if output is None else lines.result_text(output)
    is_rejected = text is not None and lines.is_rejection(text)
    is_failed = not is_rejected and (tool.is_failed or lines.is_failed(output))
    return ToolCall(
        call_id=call_id,
        name=tool.name,
        start_ns=tool.start_ns,
        end_ns=end_ns,
        arguments=tool.arguments,
        result=text,
        workdir=tool.workdir,
        error="tool_error" if is_failed else "",
        is_rejected=is_rejected,
    )

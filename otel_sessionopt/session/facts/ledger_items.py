"""`LedgerItem`: something that model calls were billed for: a tool result, a message, the system prompt, …"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from otel_sessionopt.session.model import EventType, SessionEvent


class Source(str, Enum):
    """Where billed tokens come from."""

    SYSTEM = "system"  # system prompt and tool definitions, and whatever a context held when its first call was seen
    USER = "user"  # what a person says
    ATTACHED = "attached"  # what a client puts into the context by itself: files, memories
    OUTPUT = "output"  # what the model wrote, tool arguments included: generated once, carried on
    REASONING = "reasoning"
    TOOL_RESULT = "tool_result"
    SUMMARY = "summary"  # what a compaction left
    SIDE_REQUEST = "side_request"  # the whole prompt of a call beside the conversation: a title, a classifier
    EMBEDDING = "embedding"  # the whole input of an embedding or retrieval
    RECORDED = "recorded"  # a model call recorded by hand, prompt and output
    UNATTRIBUTED = "unattributed"  # nothing recorded explains it

    # Enum computes it in Python; sums by source look it up once an item.
    __hash__ = str.__hash__


class LedgerItem(NamedTuple):
    """Something with a size that was billed when it entered a context and again in every later call that carried it.

    Attributes:
        id: the event's own id for results and messages; `<event id>/output`, `/reasoning` for what a model call wrote
            and `<event id>/arguments` for what it wrote as the arguments of a tool call; `<context>/system`;
            `<context>/summary@<event id>`; `<call id>/prompt`, `<call id>/unattributed`.
        source: where it comes from.
        event_id: the event that brought it; `None` where nothing recorded did.
        tool, path: for results and arguments of tool calls.
        context: the context that carries it.
        tokens: its size when it entered.
        weight: its size on the scale that carried items of this context are compared on. Equal to `tokens` unless the
            whole prompt was counted anew (by another model's tokenizer) before it entered.
        is_measured: the numbers of the calls say its size; otherwise texts do, in part at least.
        entry: index, in the calls of its context, of the first call that carried it.
        end: index one past the last.
    """

    id: str
    source: Source
    event_id: str | None
    tool: str | None
    path: str | None
    context: str
    tokens: int
    weight: int
    is_measured: bool
    entry: int
    end: int


_RECORDED_SOURCES = {
    EventType.USER_MESSAGE: Source.USER,
    EventType.CONTEXT_LOAD: Source.ATTACHED,
    EventType.THINKING: Source.REASONING,
    EventType.FILE_READ: Source.TOOL_RESULT,
    EventType.FILE_WRITE: Source.TOOL_RESULT,
    EventType.SEARCH: Source.TOOL_RESULT,
    EventType.TOOL_CALL: Source.TOOL_RESULT,
}


def recorded_source(event: SessionEvent) -> Source:
    """What an event recorded by hand was billed for."""
    return _RECORDED_SOURCES.get(event.event_type, Source.RECORDED)


def tool_of(event: SessionEvent) -> str | None:
    """Name of the tool of a tool call."""
    if event.tool is not None:
        return event.tool.name
    name = event.data.get("tool_name")
    return name if isinstance(name, str) else None


def path_of(event: SessionEvent) -> str | None:
    """The file that a tool call is about; of several, the first."""
    data = event.data
    if not data:
        return None
    path = data.get("file_path") or data.get("file") or data.get("path")
    return path if isinstance(path, str) else None

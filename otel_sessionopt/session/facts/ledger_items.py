"""`LedgerItem`: something that model calls were billed for: a tool result, a message, the system prompt, …"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from otel_sessionopt.session.facts.bill import CallBill
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


class ItemTable:
    """The items of one context in columns, which a session of any length makes without an object an item.

    Attributes:
        events: what brought each item; `None` where nothing recorded did.
        sources, tokens, weights, measured, entries, ends: see `LedgerItem`.
    """

    __slots__ = ("_calls", "_context", "_made", "ends", "entries", "events", "measured", "sources", "tokens", "weights")

    def __init__(self, context: str, calls: Sequence[CallBill]) -> None:
        self.events: list[SessionEvent | None] = []
        self.sources: list[Source] = []
        self.tokens: list[int] = []
        self.weights: list[int] = []
        self.measured: list[bool] = []
        self.entries: list[int] = []
        self.ends: list[int] = []
        self._context = context
        self._calls = calls
        # Rules ask for the same few items again and again. Only once the table is complete.
        self._made: dict[int, LedgerItem] = {}

    def add(
        self, event: SessionEvent | None, source: Source, tokens: int, weight: int, measured: bool, entry: int, end: int
    ) -> None:
        """Add an item."""
        self.events.append(event)
        self.sources.append(source)
        self.tokens.append(tokens)
        self.weights.append(weight)
        self.measured.append(measured)
        self.entries.append(entry)
        self.ends.append(end)

    def item(self, position: int) -> LedgerItem:
        """The item in one row."""
        made = self._made.get(position)
        if made is not None:
            return made
        event, source = self.events[position], self.sources[position]
        tool = path = None
        is_tools = event is not None and is_tool_call(event)
        if event is not None and is_tools:
            tool, path = tool_of(event), path_of(event)
        made = self._made[position] = LedgerItem(
            self._id(event, source, position, is_tools),
            source,
            None if event is None else event.id,
            tool,
            path,
            self._context,
            self.tokens[position],
            self.weights[position],
            self.measured[position],
            self.entries[position],
            self.ends[position],
        )
        return made

    def _id(self, event: SessionEvent | None, source: Source, position: int, is_tools: bool) -> str:
        if event is None:
            if source is Source.SYSTEM:
                return f"{self._context}/system"
            return f"{self._calls[self.entries[position]].event.id}/unattributed"
        if source is _RESULT or not self._context:
            return event.id
        if source is _OUTPUT:
            return f"{event.id}/arguments" if is_tools else f"{event.id}/output"
        if source is Source.SUMMARY:
            return f"{self._context}/summary@{event.id}"
        return event.id + _SUFFIXES.get(source, "")


_RESULT: Final = Source.TOOL_RESULT
_OUTPUT: Final = Source.OUTPUT
_SUFFIXES: Final = {
    Source.REASONING: "/reasoning",
    Source.SIDE_REQUEST: "/prompt",
    Source.EMBEDDING: "/prompt",
    Source.UNATTRIBUTED: "/unattributed",
}
_RECORDED_SOURCES: Final = {
    EventType.USER_MESSAGE: Source.USER,
    EventType.CONTEXT_LOAD: Source.ATTACHED,
    EventType.THINKING: Source.REASONING,
    EventType.FILE_READ: Source.TOOL_RESULT,
    EventType.FILE_WRITE: Source.TOOL_RESULT,
    EventType.SEARCH: Source.TOOL_RESULT,
    EventType.TOOL_CALL: Source.TOOL_RESULT,
}
_TOOL_TYPES: Final = frozenset({EventType.TOOL_CALL, EventType.FILE_READ, EventType.FILE_WRITE, EventType.SEARCH})


def recorded_source(event: SessionEvent) -> Source:
    """What an event recorded by hand was billed for."""
    return _RECORDED_SOURCES.get(event.event_type, Source.RECORDED)


def is_tool_call(event: SessionEvent) -> bool:
    """Whether an event is a call of a tool."""
    return event.tool is not None or event.event_type in _TOOL_TYPES


def tool_of(event: SessionEvent) -> str | None:
    """Name of the tool of a tool call."""
    if event.tool is not None:
        return event.tool.name
    name = event.data.get("tool_name")
    return name if isinstance(name, str) else None


def path_of(event: SessionEvent) -> str | None:
    """The file that a tool call is about; of several, the first."""
    data = event.data
    path = data.get("file_path") or data.get("file") or data.get("path")
    return path if isinstance(path, str) else None

"""`Session` and `SessionEvent`: the one model that live spans, files and recordings by hand share.

They are the mutable recording types of the public API. Analyzers get them read-only by agreement: nothing in
`analyzers/` or `report/` changes a session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from otel_sessionopt.dialects.digest import ToolUse
    from otel_sessionopt.pricing.catalog import PriceCatalog

T = TypeVar("T")


class SessionStatus(str, Enum):
    """Where a session is in its life."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"


class EventType(str, Enum):
    """What an event is. A failed tool call keeps its type and carries `error`; ERROR is for events that are nothing else."""

    SESSION_START = "SESSION_START"
    SESSION_END = "SESSION_END"
    TOOL_CALL = "TOOL_CALL"
    TOKEN_USAGE = "TOKEN_USAGE"
    FILE_READ = "FILE_READ"
    FILE_WRITE = "FILE_WRITE"
    SEARCH = "SEARCH"
    ERROR = "ERROR"
    USER_MESSAGE = "USER_MESSAGE"
    AI_RESPONSE = "AI_RESPONSE"
    CONTEXT_LOAD = "CONTEXT_LOAD"
    THINKING = "THINKING"
    CUSTOM = "CUSTOM"


class ReleaseReason(str, Enum):
    """Why a trace was handed to the analysis; the same names in metrics, attributes and reports."""

    ROOT_ENDED = "root_ended"
    LATE_CHILDREN = "late_children"
    IDLE_TIMEOUT = "idle_timeout"
    SPAN_LIMIT = "span_limit"
    MEMORY_LIMIT = "memory_limit"
    LATE_SPAN = "late_span"
    SHUTDOWN = "shutdown"


class Release(NamedTuple):
    """How the collection of a session's spans ended.

    Attributes:
        reason: why the analysis ran now; `shutdown` also stands for "the input ended without a root span".
        is_final: no refresh is expected; an interim report of a session that goes on is not final.
        span_count: spans seen, ordinary ones included.
        late_spans: spans that came after an earlier report.
        dropped: spans not analysed, by reason (`queue_full`, `span_limit`, …).
        warnings: what could not be read, by name, with counts (`invalid-json`, `unknown-usage`, …).
    """

    reason: ReleaseReason = ReleaseReason.ROOT_ENDED
    is_final: bool = True
    span_count: int = 0
    late_spans: int = 0
    dropped: Mapping[str, int] = {}
    warnings: Mapping[str, int] = {}


@dataclass(slots=True)
class SessionEvent:
    """One thing that happened in a session: a model call, a tool call, a file read, a search, a message, an error.

    The first seven fields are what recordings by hand use. On events from spans `tokens_*` are what a model call was
    billed (everything else has 0 there and, where its size is known, `content_tokens`).

    Attributes:
        id: unique in its session; the span id in hex on events from spans.
        timestamp: ISO 8601 start time; naive means local.
        data: small facts (`file_path`, `query`, `tool_name`, `command`, `message`, …), never contents.
        tokens_input: whole input, cache reads and writes included.
        tokens_output: whole output, reasoning included.
        duration_ms: milliseconds.
        cache_read_tokens, cache_write_tokens: parts of `tokens_input`.
        cache_write_1h_tokens: part of `cache_write_tokens`.
        reasoning_tokens: part of `tokens_output`; `None` = not told.
        content_tokens: size of what the event put into the context (a tool result, a message); `None` = unknown.
        is_content_measured: `content_tokens` was stated by the source; otherwise it comes from the text length.
        context: id of the conversation the event belongs to: the span id of the agent that made it; a sub-agent has
            its own. Empty on recordings by hand.
        error: error type where the operation failed.
        is_compaction: the context was compacted or cleared here.
        tool: the tool call in detail.
        reported_cost_usd: see `ModelUse`.
    """

    id: str
    timestamp: str
    event_type: EventType
    data: dict[str, Any] = field(default_factory=dict)
    tokens_input: int = 0
    tokens_output: int = 0
    duration_ms: float = 0
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str = ""
    start_ns: int | None = None
    end_ns: int | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int | None = None
    content_tokens: int | None = None
    is_content_measured: bool = False
    model: str | None = None
    provider: str | None = None
    agent: str | None = None
    context: str = ""
    error: str | None = None
    dialect: str | None = None
    is_compaction: bool = False
    tool: ToolUse | None = None
    reported_cost_usd: Any = None

    @property
    def uncached_tokens(self) -> int:
        """Input tokens that came from no cache and were written to none, never below 0."""
        return max(self.tokens_input - self.cache_read_tokens - self.cache_write_tokens, 0)

    def to_dict(self) -> dict[str, Any]:
        """The known JSON shape: seven keys, `event_type` as its value, and those further fields that differ from their default."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SessionEvent:
        """Read what `to_dict` wrote. Unknown keys are ignored; a missing key or a wrong value raises `ValueError` naming it."""
        raise NotImplementedError


@dataclass(slots=True)
class Session:
    """One trace, all traces of one conversation, or a recording by hand.

    The first twelve fields are the known public shape.

    Attributes:
        id: trace id in hex, the conversation id when grouped, the given id when recorded by hand.
        agent, task: names; empty when unknown.
        started_at, ended_at: ISO 8601; `started_at` is filled in on construction, `ended_at` is empty while active.
        events: in order of start time, ties by id.
        total_tokens_input, total_tokens_output, total_duration_ms: running totals of `add_event`; stored ones win where
            `events` is empty.
        model: the model most of the tokens went to, or the given one.
        metadata: small facts.
        trace_ids: traces it covers, in hex.
        conversation_id: as the spans state it.
        is_recorded: recorded by hand: every event's tokens are billed.
        release: how collection ended; `None` on recordings.
        prices: where prices come from; `None` = the default catalog.
    """

    id: str
    agent: str
    task: str
    status: SessionStatus = SessionStatus.ACTIVE
    started_at: str = ""
    ended_at: str = ""
    events: list[SessionEvent] = field(default_factory=list)
    total_tokens_input: int = 0
    total_tokens_output: int = 0
    total_duration_ms: float = 0
    model: str = "default"
    metadata: dict[str, Any] = field(default_factory=dict)
    trace_ids: tuple[str, ...] = ()
    conversation_id: str | None = None
    is_recorded: bool = True
    release: Release | None = None
    prices: PriceCatalog | None = field(default=None, repr=False, compare=False)
    _facts: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.started_at:
            # The one clock in the model: users of the recording API rely on a start time being there.
            self.started_at = datetime.now(timezone.utc).isoformat()

    def add_event(self, event: SessionEvent) -> None:
        """Append an event, add to the totals and forget derived facts."""
        self.events.append(event)
        self.total_tokens_input += event.tokens_input
        self.total_tokens_output += event.tokens_output
        self.total_duration_ms += event.duration_ms
        self._facts.clear()

    def fact(self, compute: Callable[[Session], T]) -> T:
        """The value of `compute(self)`, computed once and kept until the session changes. See `session/facts/`."""
        try:
            return self._facts[compute]  # type: ignore[no-any-return]  # keyed by the function that made it
        except KeyError:
            value = self._facts[compute] = compute(self)
            return value

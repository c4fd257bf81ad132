"""`Session` and `SessionEvent`: the one model that live spans, files and recordings by hand share.

They are the mutable recording types of the public API. Analyzers get them read-only by agreement: nothing in
`analyzers/` or `report/` changes a session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from otel_sessionopt.session.json_fields import JsonFields
from otel_sessionopt.session.release import Release as Release
from otel_sessionopt.session.release import ReleaseReason as ReleaseReason
from otel_sessionopt.session.times import NS_PER_MS, NS_PER_SECOND, ns_from_iso

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
    """What an event is. A failed tool call keeps its type and carries `error`; ERROR is for what is nothing else."""

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
        arguments_tokens: size of a tool call's arguments, which the model wrote; `None` = unknown.
        context: id of the conversation the event belongs to: the span id of the agent that made it; a sub-agent has
            its own. Empty on recordings by hand.
        error: error type where the operation failed.
        is_compaction: the context was compacted or cleared here.
        start_ns, end_ns: filled in from `timestamp` and `duration_ms` where they are not given; `None` when those say
            nothing either.
        tool: the tool call in detail. Not part of the JSON shape: its hashes hold within one process.
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
    reported_cost_usd: Decimal | None = None
    arguments_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.start_ns is None and self.timestamp:
            self.start_ns = ns_from_iso(self.timestamp)
        if self.end_ns is None and self.start_ns is not None:
            self.end_ns = self._end_from_duration(self.start_ns)

    @property
    def uncached_tokens(self) -> int:
        """Input tokens that came from no cache and were written to none, never below 0."""
        return max(self.tokens_input - self.cache_read_tokens - self.cache_write_tokens, 0)

    def to_dict(self) -> dict[str, Any]:
        """The known JSON shape: seven keys, and those further fields that differ from their default.

        Start and end appear where `timestamp` and `duration_ms` do not already say them to the nanosecond.
        """
        result: dict[str, Any] = {
            "id": self.id,
            "timestamp": self.timestamp,
            "event_type": self.event_type.value,
            "data": dict(self.data),
            "tokens_input": self.tokens_input,
            "tokens_output": self.tokens_output,
            "duration_ms": self.duration_ms,
        }
        for key in (*_EVENT_OPTIONAL_TEXTS, *_EVENT_WHOLES, *_EVENT_OPTIONAL_WHOLES, *_EVENT_FLAGS):
            value = getattr(self, key)
            if value or (value is not None and key in _EVENT_OPTIONAL_WHOLES):
                result[key] = value
        if self.start_ns is not None and self.start_ns != ns_from_iso(self.timestamp):
            result["start_ns"] = self.start_ns
        if self.start_ns is not None and self.end_ns not in (None, self._end_from_duration(self.start_ns)):
            result["end_ns"] = self.end_ns
        if self.reported_cost_usd is not None:
            result["reported_cost_usd"] = float(self.reported_cost_usd)
        return result

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "event") -> SessionEvent:
        """Read what `to_dict` wrote. Unknown keys are ignored; `ValueError` names a missing key or a wrong value.

        `id`, `timestamp` and `event_type` are needed. `where` names the object in those messages.
        """
        fields = JsonFields(data, where)
        event = cls(
            id=fields.text("id"),
            timestamp=fields.text("timestamp"),
            event_type=fields.member("event_type", EventType),
            data=fields.mapping("data"),
            tokens_input=fields.whole("tokens_input", 0),
            tokens_output=fields.whole("tokens_output", 0),
            duration_ms=fields.number("duration_ms", 0),
            start_ns=fields.optional_moment("start_ns"),
            end_ns=fields.optional_moment("end_ns"),
        )
        for key in _EVENT_OPTIONAL_TEXTS:
            if data.get(key) is not None:
                setattr(event, key, fields.text(key))
        for key in (*_EVENT_WHOLES, *_EVENT_OPTIONAL_WHOLES):
            if data.get(key) is not None:
                setattr(event, key, fields.whole(key))
        for key in _EVENT_FLAGS:
            setattr(event, key, fields.flag(key, False))
        if data.get("reported_cost_usd") is not None:
            event.reported_cost_usd = Decimal(str(fields.number("reported_cost_usd")))
        return event

    def _end_from_duration(self, start_ns: int) -> int:
        return start_ns + round(self.duration_ms * NS_PER_MS)


# The further fields of the JSON shape, by how they are read and when they are left out.
_EVENT_OPTIONAL_TEXTS = (
    "span_id", "parent_span_id", "name", "model", "provider", "agent", "context", "error", "dialect",
)  # fmt: skip
_EVENT_WHOLES = ("cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens")
_EVENT_OPTIONAL_WHOLES = ("reasoning_tokens", "content_tokens", "arguments_tokens")
_EVENT_FLAGS = ("is_content_measured", "is_compaction")


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
            `events` is empty. Events given on construction are added up unless totals are given too.
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
    _facts_state: tuple[object, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.started_at:
            # The clock of the recording API: its users rely on a start time being there.
            self.started_at = _now()
        if self.events and not (self.total_tokens_input or self.total_tokens_output or self.total_duration_ms):
            for index, event in enumerate(self.events):
                self._add_to_totals(event, index)

    def add_event(self, event: SessionEvent) -> None:
        """Append an event, add to the totals and forget derived facts.

        A `TOKEN_USAGE` event that repeats the numbers of a model call adds no tokens (see `repeats_model_call`).
        """
        self.events.append(event)
        self._add_to_totals(event, len(self.events) - 1)

    def end(self, status: SessionStatus = SessionStatus.COMPLETED) -> None:
        """Close a session recorded by hand: it ends now, with this status."""
        self.status = status
        self.ended_at = _now()

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.total_tokens_input + self.total_tokens_output

    @property
    def estimated_cost(self) -> float | None:
        """What the model calls cost in USD; sums cover the priced calls. `None` when nothing is priced."""
        from otel_sessionopt.session.facts.bill import bill  # facts are computed from this module's types

        cost_usd = bill(self).cost_usd
        return None if cost_usd is None else float(cost_usd)

    @property
    def duration_seconds(self) -> float:
        """Wall time from the start to the end, or to the last event while active; never negative.

        Where no times can be read it is `total_duration_ms`.
        """
        start_ns = ns_from_iso(self.started_at)
        end_ns = ns_from_iso(self.ended_at) if self.ended_at else None
        if end_ns is None:
            end_ns = max((event.end_ns for event in self.events if event.end_ns is not None), default=None)
        if start_ns is None or end_ns is None:
            return self.total_duration_ms / 1000
        return max(end_ns - start_ns, 0) / NS_PER_SECOND

    def to_dict(self) -> dict[str, Any]:
        """The known JSON shape: twelve keys, and those further fields that differ from their default."""
        result: dict[str, Any] = {
            "id": self.id,
            "agent": self.agent,
            "task": self.task,
            "status": self.status.value,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "events": [event.to_dict() for event in self.events],
            "total_tokens_input": self.total_tokens_input,
            "total_tokens_output": self.total_tokens_output,
            "total_duration_ms": self.total_duration_ms,
            "model": self.model,
            "metadata": dict(self.metadata),
        }
        if self.trace_ids:
            result["trace_ids"] = list(self.trace_ids)
        if self.conversation_id is not None:
            result["conversation_id"] = self.conversation_id
        if not self.is_recorded:
            result["is_recorded"] = False
        if self.release is not None:
            result["release"] = self.release.to_dict()
        return result

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Session:
        """Read what `to_dict` wrote. Unknown keys are ignored; `ValueError` names a missing key or a wrong value.

        `id` is needed, and `started_at` unless there are events: a made-up start time would be a lie.
        """
        fields = JsonFields(data, "session")
        events = [SessionEvent.from_dict(each, f"session.events[{i}]") for i, each in enumerate(fields.items("events"))]
        return cls(
            id=fields.text("id"),
            agent=fields.text("agent", ""),
            task=fields.text("task", ""),
            status=fields.member("status", SessionStatus, SessionStatus.ACTIVE),
            started_at=fields.text("started_at", events[0].timestamp if events else None),
            ended_at=fields.text("ended_at", ""),
            events=events,
            total_tokens_input=fields.whole("total_tokens_input", 0),
            total_tokens_output=fields.whole("total_tokens_output", 0),
            total_duration_ms=fields.number("total_duration_ms", 0),
            model=fields.text("model", "default"),
            metadata=fields.mapping("metadata"),
            trace_ids=tuple(str(each) for each in fields.items("trace_ids")),
            conversation_id=fields.optional_text("conversation_id"),
            is_recorded=fields.flag("is_recorded", True),
            release=Release.from_dict(fields.mapping("release")) if data.get("release") is not None else None,
        )

    def fact(self, compute: Callable[[Session], T]) -> T:
        """The value of `compute(self)`, computed once and kept until the session changes. See `session/facts/`."""
        # Users of the recording API also append to `events` and set totals and model themselves.
        state = (
            len(self.events), self.total_tokens_input, self.total_tokens_output, self.total_duration_ms, self.model,
            self.ended_at, self.prices,
        )  # fmt: skip
        if state != self._facts_state:
            self._facts.clear()
            self._facts_state = state
        try:
            return self._facts[compute]  # type: ignore[no-any-return]  # keyed by the function that made it
        except KeyError:
            value = self._facts[compute] = compute(self)
            return value

    def _add_to_totals(self, event: SessionEvent, index: int) -> None:
        self.total_duration_ms += event.duration_ms
        if not repeats_model_call(self.events, index, self.model):
            self.total_tokens_input += event.tokens_input
            self.total_tokens_output += event.tokens_output


def repeats_model_call(events: Sequence[SessionEvent], index: int, session_model: str) -> bool:
    """Whether `events[index]` is a `TOKEN_USAGE` that tells again what a model call was billed.

    It does when a model call of the same model since the last `TOKEN_USAGE` has the same numbers. An event that names
    no model means the session's.
    """
    event = events[index]
    if event.event_type is not EventType.TOKEN_USAGE:
        return False
    model = event.model or session_model
    for before in map(events.__getitem__, range(index - 1, -1, -1)):
        if before.event_type is EventType.TOKEN_USAGE:
            return False
        if (
            before.event_type is EventType.AI_RESPONSE
            and before.tokens_input == event.tokens_input
            and before.tokens_output == event.tokens_output
            and (before.model or session_model) == model
        ):
            return True
    return False


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()

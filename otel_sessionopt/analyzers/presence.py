"""Which facts a session lacks, so that a rule says "not evaluated" instead of "nothing found"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from otel_sessionopt.analyzers.base import Fact
from otel_sessionopt.analyzers.content import TOOL_EVENTS, content_of, file_path, search_query
from otel_sessionopt.dialects.tool_definitions import TOOL_DEFINITIONS
from otel_sessionopt.session.model import EventType, Session, SessionEvent

_WANTS_TOOLS = frozenset({"tool_use", "tool_calls", "tool-calls", "tool_call", "function_call"})


def missing_facts(session: Session, required: Iterable[Fact]) -> tuple[Fact, ...]:
    """The required facts that are absent, in the order of `Fact`.

    A fact is missing only where there is something that it should be on: a session without tool calls lacks no tool
    arguments. One event that has the fact is enough.
    """
    wanted = set(required)
    if not wanted:
        return ()
    absent = session.fact(_absent_facts)
    if wanted.isdisjoint(absent):
        return ()
    return tuple(fact for fact in Fact if fact in wanted and fact in absent)


class PartlyMissing(NamedTuple):
    """A fact that all tool calls of one dialect lack, while those of another have it."""

    fact: Fact
    dialect: str
    calls: int


def partly_missing_facts(session: Session) -> tuple[PartlyMissing, ...]:
    """What `missing_facts` cannot say, because one event that has the fact is enough there."""
    by_dialect: dict[str, list[SessionEvent]] = {}
    for event in _calls_that_ran(session):
        by_dialect.setdefault(event.dialect or "", []).append(event)
    if len(by_dialect) < 2:
        return ()
    missing = []
    for fact, has in _TOOL_FACTS.items():
        lacking = [dialect for dialect, events in by_dialect.items() if not any(map(has, events))]
        if len(lacking) < len(by_dialect):
            missing += [PartlyMissing(fact, dialect, len(by_dialect[dialect])) for dialect in sorted(lacking)]
    return tuple(missing)


def dialects_that_lack(session: Session, fact: Fact) -> frozenset[str]:
    """The dialects of those events that `fact` should be on."""
    tool_events = _calls_that_ran(session) if fact in _TOOL_FACTS else ()
    dialects = {event.dialect for event in tool_events or session.events if event.dialect}
    return frozenset(dialects)


def _absent_facts(session: Session) -> frozenset[Fact]:
    return frozenset(fact for fact, is_absent in _CHECKS.items() if is_absent(session))


def _lacks_usage(session: Session) -> bool:
    if session.is_recorded:
        return bool(session.events) and not any(e.tokens_input or e.tokens_output for e in session.events)
    calls = [e for e in session.events if e.event_type is EventType.AI_RESPONSE]
    return bool(calls) and not any(e.tokens_input or e.tokens_output for e in calls)


def _lacks_reasoning(session: Session) -> bool:
    writers = [e for e in session.events if e.tokens_output > 0]
    if any(e.event_type is EventType.THINKING and not e.context for e in writers):
        return False
    return bool(writers) and all(e.reasoning_tokens is None for e in writers)


def _lacks_tool_calls(session: Session) -> bool:
    # Only a model that asked for a tool proves that calls happened which nobody recorded.
    is_asked = False
    for event in session.events:
        if event.event_type in TOOL_EVENTS:
            return False
        reason = event.data.get("finish_reason")
        is_asked = is_asked or (isinstance(reason, str) and reason in _WANTS_TOOLS)
    return is_asked


def _has_arguments(event: SessionEvent) -> bool:
    tool = event.tool
    if tool is not None and (tool.arguments_hash is not None or tool.accesses or tool.query or tool.command):
        return True
    return bool(file_path(event) or search_query(event) or event.data.get("command"))


def _has_size(event: SessionEvent) -> bool:
    return content_of(event).tokens is not None


_TOOL_FACTS: Final[Mapping[Fact, Callable[[SessionEvent], bool]]] = {
    Fact.TOOL_ARGUMENTS: _has_arguments,
    Fact.TOOL_SIZES: _has_size,
}
"""Facts of single tool calls, and how one shows that it has them."""


def _lacks_tool_definitions(session: Session) -> bool:
    calls = [e for e in session.events if e.event_type is EventType.AI_RESPONSE]
    return bool(calls) and not any(TOOL_DEFINITIONS in e.data for e in calls)


def _lacks_times(session: Session) -> bool:
    if session.total_duration_ms > 0:
        return False
    return bool(session.events) and not any(
        e.start_ns is not None or e.timestamp or e.duration_ms > 0 for e in session.events
    )


def _all_lack(fact: Fact) -> Callable[[Session], bool]:
    """Whether there are tool calls that ran and none of them has it."""

    def all_lack(session: Session) -> bool:
        calls = _calls_that_ran(session)
        return bool(calls) and not any(map(_TOOL_FACTS[fact], calls))

    return all_lack


def _calls_that_ran(session: Session) -> list[SessionEvent]:
    return [
        event
        for event in session.events
        if event.event_type in TOOL_EVENTS and not (event.tool is not None and event.tool.is_rejected)
    ]


_CHECKS: dict[Fact, Callable[[Session], bool]] = {
    Fact.USAGE: _lacks_usage,
    Fact.REASONING: _lacks_reasoning,
    Fact.TOOL_CALLS: _lacks_tool_calls,
    Fact.TOOL_ARGUMENTS: _all_lack(Fact.TOOL_ARGUMENTS),
    Fact.TOOL_SIZES: _all_lack(Fact.TOOL_SIZES),
    Fact.TOOL_DEFINITIONS: _lacks_tool_definitions,
    Fact.TIMES: _lacks_times,
}

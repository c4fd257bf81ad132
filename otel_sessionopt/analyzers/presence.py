"""Which facts a session lacks, so that a rule says "not evaluated" instead of "nothing found"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

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
    return tuple(fact for fact in Fact if fact in wanted and fact in absent)


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


def _lacks_tool_arguments(session: Session) -> bool:
    return _all_lack(session, _has_arguments)


def _has_arguments(event: SessionEvent) -> bool:
    tool = event.tool
    if tool is not None and (tool.arguments_hash is not None or tool.accesses or tool.query or tool.command):
        return True
    return bool(file_path(event) or search_query(event) or event.data.get("command"))


def _lacks_tool_sizes(session: Session) -> bool:
    return _all_lack(session, lambda event: content_of(event).tokens is not None)


def _lacks_tool_definitions(session: Session) -> bool:
    calls = [e for e in session.events if e.event_type is EventType.AI_RESPONSE]
    return bool(calls) and not any(TOOL_DEFINITIONS in e.data for e in calls)


def _lacks_times(session: Session) -> bool:
    if session.total_duration_ms > 0:
        return False
    return bool(session.events) and not any(
        e.start_ns is not None or e.timestamp or e.duration_ms > 0 for e in session.events
    )


def _all_lack(session: Session, has: Callable[[SessionEvent], bool]) -> bool:
    """Whether there are tool calls that ran and none of them has it."""
    is_any = False
    for event in session.events:
        if event.event_type in TOOL_EVENTS and not (event.tool is not None and event.tool.is_rejected):
            if has(event):
                return False
            is_any = True
    return is_any


_CHECKS: dict[Fact, Callable[[Session], bool]] = {
    Fact.USAGE: _lacks_usage,
    Fact.REASONING: _lacks_reasoning,
    Fact.TOOL_CALLS: _lacks_tool_calls,
    Fact.TOOL_ARGUMENTS: _lacks_tool_arguments,
    Fact.TOOL_SIZES: _lacks_tool_sizes,
    Fact.TOOL_DEFINITIONS: _lacks_tool_definitions,
    Fact.TIMES: _lacks_times,
}

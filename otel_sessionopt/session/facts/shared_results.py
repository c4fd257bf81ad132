"""Shared results: what a tool gave to one sub-agent after a sibling of it had been given the same."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from otel_sessionopt.dialects.results import line_weight
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_items import LedgerItem, Source
from otel_sessionopt.session.facts.requests import TOOL_TYPES
from otel_sessionopt.session.facts.sub_agents import SubAgent, sub_agents
from otel_sessionopt.session.model import EventType, Session, SessionEvent


class SharedResult(NamedTuple):
    """A result of a sub-agent.

    Attributes:
        event: the tool call.
        item: the result in the sub-agent's context.
        tokens: how many of its tokens a sibling had been given before; 0 for news.
    """

    event: SessionEvent
    item: LedgerItem
    tokens: int


def shared_results(session: Session) -> Mapping[str, Mapping[str, tuple[SharedResult, ...]]]:
    """By caller and by context of its sub-agents, all results that these were billed for, in order of time.

    What siblings had before is forgotten when a person speaks to the caller or the caller's context is compacted: what
    it then starts are agents for another task. What they had of a file is forgotten when the file is written.
    """
    return session.fact(_compute_shared_results)


@dataclass(slots=True)
class _Shown:
    """What siblings have been given, and to which of them first."""

    lines: dict[str, dict[int, str]] = field(default_factory=dict)  # by path: line signature to context
    results: dict[tuple[str, int, int], str] = field(default_factory=dict)  # tool, arguments, result to context

    def take(self, event: SessionEvent) -> float:
        """Note a result as given to an agent, and tell the share of it that another one had before."""
        tool = event.tool
        result = tool.result if tool is not None else None
        if tool is None or result is None or result.text_hash is None or not result.chars:
            return 0.0
        if result.lines and tool.accesses:
            shown = self.lines.setdefault(tool.accesses[0].path, {})
            first = {line: shown.setdefault(line, event.context) for line in result.lines}
            others = sum(line_weight(line) for line, context in first.items() if context != event.context)
            return others / (sum(map(line_weight, first)) or 1)
        if tool.arguments_hash is None:
            return 0.0
        key = (tool.name.lower(), tool.arguments_hash, result.text_hash)
        return float(self.results.setdefault(key, event.context) != event.context)

    def forget(self, event: SessionEvent) -> None:
        """Forget what was shown of the files that a call wrote."""
        for access in event.tool.accesses if event.tool is not None else ():
            if access.is_write:
                self.lines.pop(access.path, None)


def _compute_shared_results(session: Session) -> Mapping[str, Mapping[str, tuple[SharedResult, ...]]]:
    turning_points = sorted(filter(_is_turning_point, session.events), key=_start)
    return {
        caller: _results(session, agents, turning_points)
        for caller, agents in sub_agents(session).items()
        if len(agents) > 1
    }


def _results(
    session: Session, agents: Sequence[SubAgent], turning_points: Sequence[SessionEvent]
) -> Mapping[str, tuple[SharedResult, ...]]:
    book = ledger(session)
    shown = _Shown()
    found: dict[str, list[SharedResult]] = {agent.context: [] for agent in agents}
    for event in _in_order(agents, turning_points):
        if event.event_type not in TOOL_TYPES:
            shown = _Shown()
        elif event.event_type is EventType.FILE_WRITE:
            shown.forget(event)
        elif event.error is None:
            ratio = shown.take(event)
            for item in book.items_of(event.id):
                if item.source is Source.TOOL_RESULT:
                    found[event.context].append(SharedResult(event, item, round(item.tokens * ratio)))
    return {context: tuple(results) for context, results in found.items()}


def _in_order(agents: Sequence[SubAgent], turning_points: Sequence[SessionEvent]) -> Iterable[SessionEvent]:
    """What these agents' tools did, what others wrote meanwhile, and what was said to their caller."""
    contexts = {agent.context for agent in agents}
    own = [event for agent in agents for event in agent.events if event.event_type in TOOL_TYPES]
    if not own:
        return ()
    first = bisect_left(turning_points, min(map(_start, own)), key=_start)
    last = bisect_right(turning_points, max(map(_start, own)), key=_start)
    caller = agents[0].caller
    besides = (
        event
        for event in turning_points[first:last]
        if event.context not in contexts and (event.event_type is EventType.FILE_WRITE or event.context == caller)
    )
    return sorted((*own, *besides), key=lambda event: (_start(event), event.id))


def _is_turning_point(event: SessionEvent) -> bool:
    kind = event.event_type
    if kind is EventType.FILE_WRITE:
        return event.error is None
    return kind is EventType.USER_MESSAGE or (event.is_compaction and kind not in TOOL_TYPES)


def _start(event: SessionEvent) -> int:
    return event.start_ns or 0

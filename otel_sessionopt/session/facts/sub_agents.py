"""Sub-agents: which contexts were started from which, as far as times tell it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from otel_sessionopt.dialects.digest import ToolKind
from otel_sessionopt.session.facts.contexts import context_events
from otel_sessionopt.session.model import Session, SessionEvent


class SubAgent(NamedTuple):
    """A context that a tool call of another one started.

    Attributes:
        context: its id.
        caller: id of the context that started it.
        started_by: the tool call; of several that ran side by side, the one that began last.
        events: its own events, in order.
    """

    context: str
    caller: str
    started_by: SessionEvent
    events: tuple[SessionEvent, ...]


def sub_agents(session: Session) -> Mapping[str, tuple[SubAgent, ...]]:
    """Sub-agents by the context that started them, in order of their first events.

    A sub-agent begins while a tool call of another context runs that starts agents. Agents that nothing of that kind
    started (the steps of a workflow, a client's own requests) are not among them.
    """
    return session.fact(_compute_sub_agents)


def _compute_sub_agents(session: Session) -> Mapping[str, tuple[SubAgent, ...]]:
    contexts = context_events(session)
    found: defaultdict[str, list[SubAgent]] = defaultdict(list)
    if len(contexts) < 2:
        return {}
    running: list[SessionEvent] = []  # calls that start agents, the newest last
    seen: set[str] = set()
    for event in session.events:
        if event.context and event.context not in seen and event.start_ns is not None:
            seen.add(event.context)
            start_ns = event.start_ns
            running = [call for call in running if (call.end_ns or 0) >= start_ns]
            started_by = next((call for call in reversed(running) if call.context != event.context), None)
            if started_by is not None:
                agent = SubAgent(event.context, started_by.context, started_by, contexts[event.context])
                found[started_by.context].append(agent)
        if event.tool is not None and event.tool.kind is ToolKind.SUB_AGENT and not event.tool.is_rejected:
            running.append(event)
    return {caller: tuple(agents) for caller, agents in found.items()}

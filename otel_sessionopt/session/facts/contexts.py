"""Contexts: which events share a conversation, and which model call first paid for what one of them brought."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

from otel_sessionopt.session.events import UNATTRIBUTED
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.model import EventType, Session, SessionEvent


def context_events(session: Session) -> Mapping[str, tuple[SessionEvent, ...]]:
    """The events of each context, in the order of the session; contexts in the order of their first event.

    A sub-agent has a context of its own. All events recorded by hand are in the context with the empty name.
    """
    return session.fact(_compute_context_events)


def entry_call(session: Session, event: SessionEvent) -> SessionEvent | None:
    """The model call that was the first to be charged for what `event` put into its context.

    It is the first billed one of the same context that starts at or after the event's end; `None` when none followed.
    An event recorded by hand is charged itself.
    """
    if not event.context:
        return event if event.id in bill(session).call_by_id else None
    calls = session.fact(_compute_calls).get(event.context)
    if calls is None or event.end_ns is None:
        return None
    starts, events = calls
    at = bisect_left(starts, event.end_ns)
    return events[at] if at < len(events) else None


def content_tokens(event: SessionEvent) -> int | None:
    """Size of what `event` put into the context; of an event recorded by hand its tokens. `None` = unknown."""
    if event.content_tokens is not None or event.context:
        return event.content_tokens
    return (event.tokens_input + event.tokens_output) or None


def _compute_context_events(session: Session) -> Mapping[str, tuple[SessionEvent, ...]]:
    grouped: defaultdict[str, list[SessionEvent]] = defaultdict(list)
    for event in session.events:
        grouped[event.context].append(event)
    return {context: tuple(events) for context, events in grouped.items()}


def _compute_calls(session: Session) -> Mapping[str, tuple[list[int], list[SessionEvent]]]:
    """Per context: start times of the billed calls that carry the conversation, and the calls."""
    grouped: defaultdict[str, tuple[list[int], list[SessionEvent]]] = defaultdict(lambda: ([], []))
    for call in bill(session).calls:
        event = call.event
        # Embeddings carry no conversation, and what no call accounts for has no place in it.
        if (
            event.start_ns is None
            or event.event_type is not EventType.AI_RESPONSE
            or UNATTRIBUTED in event.data
            or event.data.get("operation") == "embedding"
        ):
            continue
        starts, events = grouped[event.context]
        if starts and event.start_ns < starts[-1]:  # by hand, in any order
            at = bisect_left(starts, event.start_ns)
            starts.insert(at, event.start_ns)
            events.insert(at, event)
        else:
            starts.append(event.start_ns)
            events.append(event)
    return dict(grouped)

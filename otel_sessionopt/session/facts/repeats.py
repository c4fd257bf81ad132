"""Repeats: tool calls that can be compared with each other, because nothing is known to have changed between them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from otel_sessionopt.dialects.digest import ToolKind, ToolUse
from otel_sessionopt.dialects.tool_names import tool_name
from otel_sessionopt.session.facts.requests import TOOL_TYPES
from otel_sessionopt.session.model import EventType, Session, SessionEvent

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What tools that nobody knows do, by the words of their names. A tool that reads changes nothing. One that acts is no
# repeat of itself although it answers "ok" each time. One that asks how something goes on asks again on purpose.
_READING_WORDS: Final = _word_set(
    "get list read fetch search find query lookup show view describe count retrieve inspect explain details"
)
_ACTING_WORDS: Final = _word_set(
    """
    write create update delete remove set add insert send post put patch submit book cancel pay buy order transfer move
    copy rename click press type fill select drag hover navigate open close start stop run execute launch deploy build
    install publish push commit merge reset save upload ask confirm approve finish complete exit enter switch apply edit
    modify change replace trigger notify schedule register login logout sign invite assign toggle enable disable mark
    resolve restart kill spawn delegate handoff think plan report final attempt message reply answer computer undo redo
    """
)
_WAITING_WORDS: Final = _word_set(
    "status progress poll wait sleep health ping heartbeat output logs monitor tail state job jobs run runs queue"
)
_CANCELLED: Final = frozenset({"cancelled", "canceled", "cancellederror", "asyncio.exceptions.cancellederror"})

Outcome: TypeAlias = tuple[object, ...]


class Turn(NamedTuple):
    """One tool call that ran.

    Attributes:
        event: the call.
        asked: tool and arguments: equal for equal calls.
        outcome: equal for equal results, and for failures of one kind. Different for all results that cannot be
            compared, because nothing was recorded or because there is no text.
        acts: it may have changed something, or it does something with each call.
        changes: how many things may have happened in the session before it that change what a call finds. Turns of one
            stretch with equal numbers have nothing of that kind between them.
    """

    event: SessionEvent
    asked: tuple[str, int]
    outcome: Outcome
    acts: bool
    changes: int

    @property
    def has_failed(self) -> bool:
        """Whether the call failed."""
        return self.event.error is not None


def quiet_stretches(session: Session) -> tuple[tuple[Turn, ...], ...]:
    """The tool calls of each context, in pieces within which nothing is known to have changed. Two turns or more each.

    A piece ends with a successful write or a sub-agent's work anywhere in the session, and with what happens in the
    context itself: a compaction, a person's message or refusal, a poll, a cursor that moves, or a call of which the
    arguments were not recorded. Commands and tools that may have changed something do not end it (see `Turn.changes`).
    """
    return session.fact(_compute_stretches)


def _compute_stretches(session: Session) -> tuple[tuple[Turn, ...], ...]:
    stretches = _Stretches()
    for event in session.events:
        if event.event_type in TOOL_TYPES:
            stretches.take(event)
        elif event.is_compaction or event.event_type is EventType.USER_MESSAGE:
            stretches.close((event.context,))
    stretches.close(tuple(stretches.open))
    return tuple(stretches.closed)


class _Stretches:
    """The stretches that go on, by context, and those that have ended."""

    def __init__(self) -> None:
        self.open: dict[str, list[Turn]] = {}
        self.closed: list[tuple[Turn, ...]] = []
        self._changes = 0

    def take(self, event: SessionEvent) -> None:
        """Add a tool call, or end what it ends."""
        tool = event.tool
        if tool is None or tool.arguments_hash is None or tool.is_rejected or _is_waiting(tool):
            self.close((event.context,))
            if tool is not None and _may_change_others(event, tool):
                self._changes += 1
        elif _is_certain_change(event, tool):
            self.close(tuple(self.open))
            self._changes += 1
        elif event.error is None or event.error.lower() not in _CANCELLED:
            asked = (tool.name.lower(), tool.arguments_hash)
            turn = Turn(event, asked, _outcome(event, tool), _acts(event, tool), self._changes)
            self.open.setdefault(event.context, []).append(turn)
            if turn.acts and _may_change_others(event, tool):
                self._changes += 1

    def close(self, contexts: Iterable[str]) -> None:
        """End the stretches of these contexts."""
        for context in contexts:
            turns = self.open.pop(context, ())
            if len(turns) > 1:
                self.closed.append(tuple(turns))


def _outcome(event: SessionEvent, tool: ToolUse) -> Outcome:
    result = tool.result
    if event.error is not None:
        return ("failed", event.error, None if result is None else result.exit_code)
    if result is None or result.text_hash is None or not result.chars:
        return (event.id,)
    return ("ok", result.text_hash)


def _is_waiting(tool: ToolUse) -> bool:
    """Whether the call asks for news: made again it may find what was not there before."""
    if tool.is_poll or tool.is_cursor:
        return True
    return tool.kind is ToolKind.OTHER and _sense(tool.name).waits


def _is_certain_change(event: SessionEvent, tool: ToolUse) -> bool:
    if tool.kind is ToolKind.SUB_AGENT:
        return True
    return event.error is None and (
        event.event_type is EventType.FILE_WRITE or any(access.is_write for access in tool.accesses)
    )


def _acts(event: SessionEvent, tool: ToolUse) -> bool:
    if tool.may_write or (event.event_type is EventType.FILE_WRITE and tool.command is not None):
        return True
    if tool.kind not in (ToolKind.OTHER, ToolKind.WEB):
        return False
    return _sense(tool.name).acts


def _may_change_others(event: SessionEvent, tool: ToolUse) -> bool:
    # What an agent keeps for itself (its list of tasks, a question to a person) touches nothing else.
    return _acts(event, tool) and not (tool.kind is ToolKind.OTHER and _sense(tool.name).is_known)


class _Sense(NamedTuple):
    """What the name of a tool says: whether it asks for news, does something, is in the tables of tools."""

    waits: bool
    acts: bool
    is_known: bool


@lru_cache(maxsize=1024)  # an agent has tens of tools; the bound is for hostile input
def _sense(name: str) -> _Sense:
    words = {word.lower() for word in _WORD.findall(name)}
    is_known = tool_name(name).row is not None
    acts = not _ACTING_WORDS.isdisjoint(words) or not (is_known or _READING_WORDS & words)
    return _Sense(not _WAITING_WORDS.isdisjoint(words), acts, is_known)

"""What happened between two model calls while the cache expired."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from otel_sessionopt.dialects.digest import ToolKind
from otel_sessionopt.session.model import EventType, SessionEvent

# Done in moments once they run: such a call that stays open waited for a person to allow it.
_QUICK_KINDS: Final = frozenset({ToolKind.READ, ToolKind.WRITE, ToolKind.SEARCH})
# Tools that ask a person. Source: tool lists of Claude Code, Codex and Gemini CLI.
_ASKING_TOOLS: Final = frozenset({"askuserquestion", "exitplanmode", "request_user_input", "ask_user"})


class Pause(str, Enum):
    """Who or what a model was waiting for."""

    PERSON = "person"  # a message, a permission, an answer
    TOOL = "tool"  # one tool call over most of the time; also one that waited to be allowed, where nothing tells
    UNKNOWN = "unknown"


def find_pause(events: Iterable[SessionEvent], gap_ns: int) -> Pause:
    """What a pause of `gap_ns` was spent on.

    Args:
        events: tool calls and messages of the context in that time.
    """
    pause = Pause.UNKNOWN
    for event in events:
        if event.event_type is EventType.USER_MESSAGE:
            pause = Pause.PERSON
        elif event.tool is not None and 2 * _length_ns(event) > gap_ns:
            if not _waits_for_person(event):
                return Pause.TOOL
            pause = Pause.PERSON
    return pause


def _length_ns(event: SessionEvent) -> int:
    return (event.end_ns or 0) - (event.start_ns or 0)


def _waits_for_person(event: SessionEvent) -> bool:
    tool = event.tool
    if tool is None:
        return False
    return tool.is_rejected or tool.kind in _QUICK_KINDS or tool.name.lower() in _ASKING_TOOLS

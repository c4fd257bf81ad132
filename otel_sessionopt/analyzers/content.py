"""What analyzers ask of one event: the size of its content, its path, its query, whether it changed something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from otel_sessionopt.dialects.digest import ToolKind
from otel_sessionopt.session.facts.contexts import content_tokens
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_items import LedgerItem, Source
from otel_sessionopt.session.model import EventType, Session, SessionEvent

TOOL_EVENTS: Final = frozenset({EventType.TOOL_CALL, EventType.FILE_READ, EventType.FILE_WRITE, EventType.SEARCH})

_RESULT: Final = Source.TOOL_RESULT
# A call that was called off, most often because one sent beside it had failed. `CancelledError` is asyncio's.
_CANCELLED: Final = frozenset({"cancelled", "canceled", "cancellederror", "asyncio.exceptions.cancellederror"})


class Content(NamedTuple):
    """Size of what an event put into the context.

    Attributes:
        tokens: `None` when the source tells neither a number nor a text.
        is_measured: the source states the number; otherwise it comes from the length of the text.
    """

    tokens: int | None
    is_measured: bool


def content_of(event: SessionEvent) -> Content:
    """Size of the event's content. Of an event recorded by hand it is what it was billed, which its user stated."""
    tokens = content_tokens(event)
    return Content(tokens, event.is_content_measured or (tokens is not None and event.content_tokens is None))


def result_item(session: Session, event: SessionEvent) -> LedgerItem | None:
    """What carries the event's result in the ledger; of an event recorded by hand all that it was billed.

    `None` where no billed call carried it.
    """
    for item in ledger(session).items_of(event.id):
        if item.source is _RESULT or not event.context:
            return item
    return None


def size_of(session: Session, event: SessionEvent) -> Content:
    """Size of the event's content: what the source states, else what the prompt grew by, else the length of its text.

    The lengths of texts are a poor measure: results of real sessions have 2.6 characters a token, not four.
    """
    is_stated = event.is_content_measured or not event.context
    item = None if is_stated else result_item(session, event)
    return content_of(event) if item is None else Content(item.tokens, item.is_measured)


def size_text(contents: Sequence[Content]) -> str:
    """Their size together, for a description: `1,200 tokens`, `about 1,200 tokens` or `size not recorded`."""
    sizes = [content.tokens for content in contents if content.tokens is not None]
    if not sizes:
        return "size not recorded"
    about = "" if all(content.is_measured for content in contents) else "about "
    return f"{about}{sum(sizes):,} tokens"


def file_path(event: SessionEvent) -> str | None:
    """Path of the (first) file that the event is about, `None` when unknown."""
    data = event.data
    path = data.get("file_path") or data.get("file") or data.get("path")
    return path if isinstance(path, str) and path else None


def search_query(event: SessionEvent) -> str | None:
    """What the event searched for, as sent; `None` when unknown."""
    if event.tool is not None and event.tool.query is not None:
        return event.tool.query
    query = event.data.get("query") or event.data.get("pattern")
    return query if isinstance(query, str) else None


def tool_name(event: SessionEvent) -> str:
    """Name of the tool as sent; empty when unknown."""
    if event.tool is not None:
        return event.tool.name
    name = event.data.get("tool_name") or event.data.get("tool")
    return name if isinstance(name, str) else ""


def was_called_off(event: SessionEvent) -> bool:
    """Whether the user refused the call or something else stopped it: neither a success nor a failure of its own."""
    is_rejected = event.tool is not None and event.tool.is_rejected
    return is_rejected or (event.error is not None and event.error.lower() in _CANCELLED)


def is_change(event: SessionEvent) -> bool:
    """Whether the event succeeded and may have changed files: a write, an unknown command, a sub-agent's work."""
    return event.error is None and _may_write(event)


def may_have_changed_files(event: SessionEvent) -> bool:
    """Like `is_change`, and of a failed shell command a part may have run. Other failed writes change nothing."""
    return (event.error is None or command_of(event) is not None) and _may_write(event)


def _may_write(event: SessionEvent) -> bool:
    tool = event.tool
    if tool is None:
        return event.event_type is EventType.FILE_WRITE
    if tool.is_rejected:
        return False
    return tool.may_write or tool.kind is ToolKind.SUB_AGENT or event.event_type is EventType.FILE_WRITE


def command_of(event: SessionEvent) -> str | None:
    """The shell command, as far as it was kept; `None` for any other tool."""
    if event.tool is not None:
        return event.tool.command
    command = event.data.get("command")
    return command if isinstance(command, str) else None

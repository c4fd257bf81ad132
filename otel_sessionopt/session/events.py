"""From spans to session events: which span makes an event, of which type, and what it says."""

from __future__ import annotations

from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session.ancestry import EVENTLESS, find_contexts, find_explained_errors, find_tool_repeats, is_part
from otel_sessionopt.session.call_tree import CallTree
from otel_sessionopt.session.content_size import tokens_from_chars
from otel_sessionopt.session.model import EventType, SessionEvent
from otel_sessionopt.session.times import NS_PER_MS, iso_from_ns
from otel_sessionopt.session.told_tools import TOLD_BY
from otel_sessionopt.session.usage_count import UsageCount

UNATTRIBUTED = "unattributed"
"""Key in `data`, true on an event that stands for tokens which a container reports and no call below it does."""

_TOOL_EVENT_TYPES = {
    ToolKind.READ: EventType.FILE_READ,
    ToolKind.WRITE: EventType.FILE_WRITE,
    ToolKind.SEARCH: EventType.SEARCH,
}
_EVENT_TYPES = {
    Operation.MODEL_CALL: EventType.AI_RESPONSE,
    Operation.EMBEDDING: EventType.AI_RESPONSE,
    Operation.RETRIEVAL: EventType.SEARCH,
    Operation.THINKING: EventType.THINKING,
    Operation.USER_MESSAGE: EventType.USER_MESSAGE,
    Operation.COMPACTION: EventType.CONTEXT_LOAD,
}
# Keys of `SpanDigest.detail` that are no data of the event: they have a field of their own, or are about the session.
_NOT_DATA = frozenset({"event_type", "content_tokens", "is_compaction", "task", "service", "status", TOLD_BY})


def events_from_tree(
    tree: CallTree, usage: UsageCount, *, trace_context: str, is_recording: bool
) -> list[SessionEvent]:
    """The events of a trace, in the order of its spans.

    Args:
        tree: its spans.
        usage: which of them are billed.
        trace_context: the context of what stands alone in the trace.
        is_recording: everything in it was recorded by hand.
    """
    contexts = find_contexts(tree, trace_context)
    tools = find_tool_repeats(tree)
    explained_errors = find_explained_errors(tree)
    events: list[SessionEvent] = []
    for i, span in enumerate(tree.spans):
        operation = span.operation
        event: SessionEvent | None = None
        if operation is Operation.TOOL_CALL:
            if i not in tools.repeats and not (is_part(span.tool) and span.error is None):
                event = _tool_event(tools.completed.get(i, span))
        elif operation is Operation.OTHER or operation in EVENTLESS:
            if span.error is not None and i not in explained_errors and i not in usage.unattributed:
                event = _event(span, EventType.ERROR)
        elif i not in usage.repeats:
            event = _plain_event(usage.completed.get(i, span))
        if event is not None:
            events.append(event)
            # A recording by hand has no conversations. Other sources may tell events of a conversation in its way.
            if operation is not Operation.RECORDED or not (is_recording or _is_billed(event)):
                event.context = contexts.ids[i]
            event.agent = contexts.agents[i] or span.agent
        if i in usage.unattributed:
            rest = _unattributed_event(span, usage.unattributed[i])
            if event is not None:
                rest.id += "-rest"  # the tool call itself has the span's id
            elif i in explained_errors:
                rest.error = None
            rest.context = contexts.ids[i]
            rest.agent = contexts.agents[i] or span.agent
            events.append(rest)
    return events


def _is_billed(event: SessionEvent) -> bool:
    return event.tokens_input > 0 or event.tokens_output > 0


def _event(span: SpanDigest, event_type: EventType) -> SessionEvent:
    start_ns = span.start_ns
    end_ns = max(span.end_ns, start_ns)  # clocks jump; nothing lasts less than no time
    event_id = span_id = f"{span.span_id:016x}"
    detail = span.detail
    if detail and TOLD_BY in detail:
        # The span that tells of it is where people find it; an id that is none of a span must not look like one.
        span_id = f"{detail[TOLD_BY]:016x}"
        event_id = f"{span_id}-{event_id}"
    return SessionEvent(
        id=event_id,
        timestamp=iso_from_ns(start_ns),
        event_type=event_type,
        data={key: value for key, value in detail.items() if key not in _NOT_DATA} if detail else {},
        duration_ms=(end_ns - start_ns) / NS_PER_MS,
        span_id=span_id,
        parent_span_id=None if span.parent_span_id is None else f"{span.parent_span_id:016x}",
        name=span.name,
        start_ns=start_ns,
        end_ns=end_ns,
        error=span.error,
        dialect=span.dialect or None,
    )


def _plain_event(span: SpanDigest) -> SessionEvent:
    """The event of anything but a tool call."""
    if span.operation is Operation.RECORDED:
        return _recorded_event(span)
    event = _event(span, _EVENT_TYPES[span.operation])
    _add_content(event, span)
    if span.operation is Operation.EMBEDDING:
        event.data["operation"] = span.operation.value
    elif span.operation is Operation.COMPACTION:
        event.is_compaction = True
    if span.tool is not None:  # a retrieval
        _add_tool(event, span.tool)
    if span.model is not None:
        _add_usage(event, span.model)
    return event


def _add_content(event: SessionEvent, span: SpanDigest) -> None:
    stated = span.detail.get("content_tokens") if span.detail else None
    if isinstance(stated, int):
        event.content_tokens = stated
        event.is_content_measured = True
    elif span.content_chars is not None:
        event.content_tokens = tokens_from_chars(span.content_chars)
    if span.detail and span.detail.get("is_compaction") is True:
        event.is_compaction = True


def _recorded_event(span: SpanDigest) -> SessionEvent:
    """An event as its user recorded it. An unknown type is CUSTOM; tokens are billed, and the size of the content."""
    name = (span.detail or {}).get("event_type")
    event = _event(span, EventType(name) if name in EventType.__members__ else EventType.CUSTOM)
    _add_content(event, span)
    if span.model is not None:
        _add_usage(event, span.model)
    if event.content_tokens is None and _is_billed(event):
        event.content_tokens = event.tokens_input + event.tokens_output
        event.is_content_measured = True
    return event


def _tool_event(span: SpanDigest) -> SessionEvent:
    tool = span.tool
    if tool is None:
        return _event(span, EventType.TOOL_CALL)
    event_type = _TOOL_EVENT_TYPES.get(tool.kind, EventType.TOOL_CALL)
    if tool.kind is ToolKind.WEB and tool.query is not None:
        event_type = EventType.SEARCH
    event = _event(span, event_type)
    _add_tool(event, tool)
    return event


def _add_tool(event: SessionEvent, tool: ToolUse) -> None:
    event.tool = tool
    data = event.data
    data["tool_name"] = tool.name
    if tool.accesses:
        is_write = event.event_type is EventType.FILE_WRITE
        access = next((each for each in tool.accesses if each.is_write is is_write), tool.accesses[0])
        data["file_path"] = access.path
        if access.first_line is not None:
            data["first_line"] = access.first_line
        if access.last_line is not None:
            data["last_line"] = access.last_line
    if tool.query is not None:
        data["query"] = tool.query
    if tool.command is not None:
        data["command"] = tool.command
    if tool.is_rejected:
        data["rejected"] = True
    if tool.arguments_chars is not None:
        event.arguments_tokens = tokens_from_chars(tool.arguments_chars)
    result = tool.result
    if result is None:
        return
    if result.exit_code is not None:
        data["exit_code"] = result.exit_code
    if result.tokens is not None:
        event.content_tokens = result.tokens
        event.is_content_measured = True
    elif result.chars is not None:
        event.content_tokens = tokens_from_chars(result.chars)


def _add_usage(event: SessionEvent, use: ModelUse) -> None:
    event.tokens_input = use.uncached_tokens + use.cache_read_tokens + use.cache_write_tokens
    event.tokens_output = use.output_tokens
    event.cache_read_tokens = use.cache_read_tokens
    event.cache_write_tokens = use.cache_write_tokens
    event.cache_write_1h_tokens = use.cache_write_1h_tokens
    event.reasoning_tokens = use.reasoning_tokens
    event.model = use.model
    event.provider = use.provider
    event.reported_cost_usd = use.reported_cost_usd
    if use.finish_reason is not None:
        event.data["finish_reason"] = use.finish_reason


def _unattributed_event(span: SpanDigest, use: ModelUse) -> SessionEvent:
    event = _event(span, EventType.AI_RESPONSE)
    _add_usage(event, use)
    event.data = {UNATTRIBUTED: True}
    return event

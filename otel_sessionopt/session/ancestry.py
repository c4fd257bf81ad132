"""What a span is by where it stands in the call tree: its context and agent, a repeat of the tool call around it, or
the echo of a failure that another span already tells."""

from __future__ import annotations

from dataclasses import dataclass

from otel_sessionopt.dialects.digest import Operation, ResultDigest, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session.call_tree import NO_PARENT, CallTree
from otel_sessionopt.session.twins import MIN_UNIQUE_ID_CHARS, find_twins

EVENTLESS = frozenset({Operation.AGENT, Operation.CONTAINER, Operation.OTHER})
"""Operations that make an event only where they fail and nothing else tells why."""

_ACTIONS = frozenset({Operation.MODEL_CALL, Operation.EMBEDDING, Operation.TOOL_CALL, Operation.RETRIEVAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """By position in the call tree: the conversation a span belongs to, and the name of the agent that leads it."""

    ids: list[str]
    agents: list[str | None]


def find_contexts(tree: CallTree, trace_context: str) -> Contexts:
    """The context of every span: the nearest agent around it, or the span itself where it is one.

    Without an agent it is the topmost ancestor. Where that is missing its id still serves, so that the children of a
    root that has not ended yet are together, and in the same context as later, when it has. What stands alone in the
    trace belongs to `trace_context`.
    """
    spans, parents = tree.spans, tree.parents
    ids = [trace_context] * len(spans)
    agents: list[str | None] = [None] * len(spans)
    for i in tree.top_down:
        span = spans[i]
        parent = parents[i]
        if parent != NO_PARENT:
            ids[i] = ids[parent]
            agents[i] = agents[parent]
            around = spans[parent]
            if around.tool is not None and around.tool.kind is ToolKind.SUB_AGENT:
                # Some agents give a sub-agent no span of its own: what it does stands right below the tool call.
                ids[i] = f"{around.span_id:016x}"
        elif span.parent_span_id is not None:
            ids[i] = f"{span.parent_span_id:016x}"
        elif span.operation in EVENTLESS:
            ids[i] = f"{span.span_id:016x}"
        if span.operation is Operation.AGENT:
            ids[i] = f"{span.span_id:016x}"
            agents[i] = span.agent or agents[i]
    return Contexts(ids=ids, agents=agents)


def find_explained_errors(tree: CallTree) -> set[int]:
    """Failed agents, containers and ordinary spans whose failure another span tells.

    A failure travels up, so that the lowest span that carries it tells it; inside a failed model or tool call it is
    that call which failed.
    """
    spans, parents = tree.spans, tree.parents
    if not any(spans[i].error is not None for i in tree.inner):
        return set()  # a failure travels up to, or is explained by, a span around it
    has_error_below = bytearray(len(spans))
    for i in reversed(tree.top_down):
        if parents[i] != NO_PARENT and (has_error_below[i] or spans[i].error is not None):
            has_error_below[parents[i]] = True
    is_in_failed_action = bytearray(len(spans))
    for i in tree.top_down:
        parent = parents[i]
        if parent == NO_PARENT:
            continue
        around = spans[parent]
        is_in_failed_action[i] = is_in_failed_action[parent] or (
            around.operation in _ACTIONS and around.error is not None
        )
    return {i for i in range(len(spans)) if has_error_below[i] or is_in_failed_action[i]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRepeats:
    """Tool spans that another tool span of the same call stands for.

    Inside it (a protocol client and server below the agent's own span), or beside it, from another instrumentation.

    Attributes:
        repeats: positions of the inner and later ones; they make no event.
        completed: outer and earlier ones that took facts over from these, in their new form.
    """

    repeats: set[int]
    completed: dict[int, SpanDigest]


def find_tool_repeats(tree: CallTree) -> ToolRepeats:
    """Of tool spans that are one call, the outer or earlier one stays, with the content of whichever has it."""
    spans = tree.spans
    found = ToolRepeats(repeats=set(), completed={})
    if any(spans[i].operation is Operation.TOOL_CALL for i in tree.inner):
        _find_inner_repeats(tree, found)
    calls = [i for i, span in enumerate(spans) if span.operation is Operation.TOOL_CALL and i not in found.repeats]
    if len({spans[i].dialect for i in calls}) > 1:
        twins = find_twins(spans, calls, _call_id, is_same_time=False)
        for key in (_name_and_id, _name_and_arguments):
            twins |= find_twins(spans, [i for i in calls if i not in twins], key)
        for i, kept in twins.items():
            _merge(tree, found, kept, i)
    return found


def _find_inner_repeats(tree: CallTree, found: ToolRepeats) -> None:
    """The search upwards ends at an agent and at a model call: what they call in turn is another call."""
    spans, parents = tree.spans, tree.parents
    around = [NO_PARENT] * len(spans)  # the tool call that a span is inside of
    for i in tree.top_down:
        parent = parents[i]
        if parent == NO_PARENT:
            continue
        operation = spans[parent].operation
        if operation is Operation.TOOL_CALL:
            outer = around[parent] if parent in found.repeats else parent
        elif operation is Operation.AGENT or operation is Operation.MODEL_CALL:
            outer = NO_PARENT
        else:
            outer = around[parent]
        around[i] = outer
        span = spans[i]
        if outer == NO_PARENT or span.operation is not Operation.TOOL_CALL:
            continue
        kept = found.completed.get(outer, spans[outer])
        if kept.tool is not None and span.tool is not None and _is_same_call(kept.tool, span.tool):
            _merge(tree, found, outer, i)


def _merge(tree: CallTree, found: ToolRepeats, kept: int, repeat: int) -> None:
    """Let one tool span stand for another, too."""
    span = found.completed.get(kept, tree.spans[kept])
    other = found.completed.pop(repeat, tree.spans[repeat])
    found.repeats.add(repeat)
    tool = (
        span.tool if other.tool is None else other.tool if span.tool is None else with_content_of(span.tool, other.tool)
    )
    found.completed[kept] = span._replace(tool=tool, error=span.error if span.error is not None else other.error)


def _call_id(span: SpanDigest) -> str | None:
    call_id = span.tool.call_id if span.tool is not None else None
    return call_id if call_id is not None and len(call_id) >= MIN_UNIQUE_ID_CHARS else None


def _name_and_id(span: SpanDigest) -> tuple[str, str] | None:
    tool = span.tool
    return None if tool is None or tool.call_id is None else (tool.name.casefold(), tool.call_id)


def _name_and_arguments(span: SpanDigest) -> tuple[str, int] | None:
    tool = span.tool
    return None if tool is None or tool.arguments_hash is None else (tool.name.casefold(), tool.arguments_hash)


def is_part(tool: ToolUse | None) -> bool:
    """Whether it is a part of the call around it, such as waiting for leave: alone it tells of no call."""
    return tool is not None and not tool.name and tool.arguments_hash is None and tool.result is None


def _is_same_call(outer: ToolUse, inner: ToolUse) -> bool:
    if outer.call_id is not None and inner.call_id is not None:
        return outer.call_id == inner.call_id
    if is_part(inner):
        return True
    has_other_arguments = None not in (outer.arguments_hash, inner.arguments_hash) and (
        outer.arguments_hash != inner.arguments_hash
    )
    return outer.name.casefold() == inner.name.casefold() and not has_other_arguments


def with_content_of(outer: ToolUse, inner: ToolUse) -> ToolUse:
    """The outer call with what only the inner one knows."""
    if outer.arguments_hash is None and inner.arguments_hash is not None:
        # What a tool does is read from its arguments: take all of it from the span that has them.
        kind = inner.kind if outer.kind is ToolKind.OTHER else outer.kind
        outer = inner._replace(
            name=outer.name, kind=kind, call_id=outer.call_id or inner.call_id,
            is_rejected=outer.is_rejected, result=outer.result,
        )  # fmt: skip
    return outer._replace(
        result=_fuller(outer.result, inner.result), is_rejected=outer.is_rejected or inner.is_rejected
    )


def _fuller(outer: ResultDigest | None, inner: ResultDigest | None) -> ResultDigest | None:
    if outer is None or inner is None:
        return outer or inner
    return outer if outer.chars is not None or inner.chars is None else inner

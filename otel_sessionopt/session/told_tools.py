"""Tool calls that other spans tell of: bare tool spans get what is told of their call, missing ones are stood in for.

Model calls repeat the whole conversation, and the same call may be told by a framework's span and by its client's. Yet
every call counts once: it is known by its id within its context, and where a tool span has no id, by its name and by
standing between the two model calls that asked for it and were given its result.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToldCall
from otel_sessionopt.session.ancestry import find_contexts, with_content_of
from otel_sessionopt.session.call_tree import CallTree, call_tree
from otel_sessionopt.session.twins import MIN_UNIQUE_ID_CHARS

TOLD_BY: Final = "told_by"
"""Key in `SpanDigest.detail` of a tool call that has no span: the id of the span that tells of it."""

_CALLS: Final = frozenset({Operation.MODEL_CALL, Operation.EMBEDDING})


class _Told(NamedTuple):
    """A told call, the position of the span that tells of it, and when the model call before that one began."""

    call: ToldCall
    by: int
    since_ns: int


def with_told_calls(tree: CallTree) -> CallTree:
    """The tree with its tool spans completed, and with a span for each told call that has none.

    The result does not depend on the order in which the spans came. Work is linear in spans and told calls.
    """
    if not any(span.told for span in tree.spans):
        return tree
    contexts = find_contexts(tree, "").ids
    told = _told_calls(tree, contexts)
    spans = list(tree.spans)
    made: list[SpanDigest] = []
    tools = _ToolSpans(spans, contexts, told)
    for (context, call_id), each in told.items():
        position = tools.find(context, call_id, each, spans[each.by].start_ns)
        if position is not None:
            spans[position] = _completed(spans[position], each.call)
        elif (
            each.call.tool.name
            and each.call.is_answered
            and not tools.has_unknown(context, each, spans[each.by].start_ns)
        ):
            made.append(_made(spans[each.by], each, context))
    return call_tree([*spans, *made])


def _told_calls(tree: CallTree, contexts: Sequence[str]) -> dict[tuple[str, str], _Told]:
    """By context and call id: what is told of each call, at the first time that its result was told."""
    found: dict[tuple[str, str], _Told] = {}
    last_call: dict[str, int] = {}
    for i, span in enumerate(tree.spans):
        for call in span.told:
            key = (contexts[i], call.tool.call_id or "")
            known = found.get(key)
            if known is None:
                found[key] = _Told(call, i, last_call.get(contexts[i], 0))
            elif not (known.call.is_answered and known.call.tool.name):
                found[key] = _Told(_merged(known.call, call), known.by if known.call.is_answered else i, known.since_ns)
        if span.operation in _CALLS:
            last_call[contexts[i]] = span.start_ns
    return found


def _merged(first: ToldCall, then: ToldCall) -> ToldCall:
    """One call told in two halves: what was asked for, and what came back."""
    named, other = (first, then) if first.tool.name else (then, first)
    return named._replace(
        tool=with_content_of(named.tool, other.tool),
        error=named.error if named.error is not None else other.error,
        is_answered=first.is_answered or then.is_answered,
    )


class _ToolSpans:
    """Finds the tool span of a told call. Each span is given once."""

    def __init__(
        self, spans: Sequence[SpanDigest], contexts: Sequence[str], told: dict[tuple[str, str], _Told]
    ) -> None:
        self._by_id: dict[tuple[str, str], int] = {}
        self._anywhere: dict[str, int] = {}
        without_id: defaultdict[str, list[int]] = defaultdict(list)
        for i, span in enumerate(spans):
            if span.operation is not Operation.TOOL_CALL:
                continue
            call_id = span.tool.call_id if span.tool else None
            if call_id is not None:
                # Of a span and the repeat of it inside, the outer one started first.
                self._by_id.setdefault((contexts[i], call_id), i)
                self._anywhere.setdefault(call_id, i)
            if call_id is None or (contexts[i], call_id) not in told:
                without_id[contexts[i]].append(i)
        self._spans = spans
        self._without_id = without_id
        self._starts = {context: [spans[i].start_ns for i in members] for context, members in without_id.items()}
        self._taken: set[int] = set()

    def find(self, context: str, call_id: str, told: _Told, before_ns: int) -> int | None:
        """Position of the call's own span; `None` where it has none."""
        position = self._by_id.get((context, call_id))
        if position is None and len(call_id) >= MIN_UNIQUE_ID_CHARS:
            position = self._anywhere.get(call_id)
        if position is not None:
            return position
        tool = told.call.tool
        for i in self._between(context, told, before_ns):
            own = self._spans[i].tool
            if own is None or own.name.casefold() != tool.name.casefold():
                continue
            # Where both have ids, these differ: only equal arguments make them one call after all.
            is_same = own.arguments_hash == tool.arguments_hash and own.arguments_hash is not None
            if is_same or (own.call_id is None and None in (own.arguments_hash, tool.arguments_hash)):
                self._taken.add(i)
                return i
        return None

    def has_unknown(self, context: str, told: _Told, before_ns: int) -> bool:
        """Whether a tool span that nothing is known of may be the call's own."""
        return any(self._spans[i].tool is None for i in self._between(context, told, before_ns))

    def _between(self, context: str, told: _Told, before_ns: int) -> list[int]:
        """Free tool spans of the context that started after the model call before, and before the one that tells."""
        starts = self._starts.get(context, [])
        first, last = bisect_left(starts, told.since_ns), bisect_left(starts, before_ns)
        return [i for i in self._without_id[context][first:last] if i not in self._taken] if starts else []


def _completed(span: SpanDigest, told: ToldCall) -> SpanDigest:
    tool = told.tool if span.tool is None else with_content_of(span.tool, told.tool)
    is_rejected = tool.is_rejected
    return span._replace(tool=tool, error=None if is_rejected else span.error if span.error is not None else told.error)


def _made(by: SpanDigest, told: _Told, context: str) -> SpanDigest:
    """A span for a call that has none: where its result came in, or where it is said to have run."""
    call = told.call
    is_inside = by.operation not in _CALLS
    key = f"{context}\x1f{call.tool.call_id}".encode("utf-8", "surrogatepass")
    end_ns = call.end_ns or by.start_ns
    return SpanDigest(
        int.from_bytes(blake2b(key, digest_size=8).digest(), "big") or 1,
        by.span_id if is_inside else by.parent_span_id,
        f"execute_tool {call.tool.name}",
        call.start_ns or end_ns,
        end_ns,
        Operation.TOOL_CALL,
        by.dialect,
        call.error,
        by.agent,
        by.conversation_id,
        tool=call.tool,
        detail={TOLD_BY: by.span_id},
    )

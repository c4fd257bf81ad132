"""The traces of one conversation as one session: often every turn of an agent is a trace of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256

from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.pricing.catalog import PriceCatalog
from otel_sessionopt.session.build import build_session
from otel_sessionopt.session.call_tree import NO_PARENT, CallTree, call_tree
from otel_sessionopt.session.model import Session
from otel_sessionopt.session.release import Release


def conversation_of(digests: Sequence[SpanDigest]) -> str | None:
    """The conversation that a trace says it belongs to: what its earliest span with one says; `None` without any."""
    told = [digest for digest in digests if digest.conversation_id]
    return min(told, key=lambda each: (each.start_ns, each.span_id)).conversation_id if told else None


def build_conversation(
    conversation_id: str,
    traces: Mapping[int, Sequence[SpanDigest]],
    release: Release,
    prices: PriceCatalog | None = None,
) -> Session:
    """The session that several traces of one conversation are.

    What the main agent did in one trace goes on in the next: it is one context. A sub-agent has its own, in whichever
    trace it is, and so has a main agent of another name. A call that two traces tell of counts once.

    Args:
        conversation_id: becomes the id of the session.
        traces: spans by trace id, at least one trace.
        release: of the whole.
        prices: where prices come from; `None` = the default catalog.
    """
    first = min(traces, key=lambda trace_id: (min((each.start_ns for each in traces[trace_id]), default=0), trace_id))
    session = build_session(first, _joined(conversation_id, traces), release, prices)
    session.id = conversation_id
    session.conversation_id = conversation_id
    session.trace_ids = tuple(f"{trace_id:032x}" for trace_id in traces)
    return session


def _joined(conversation_id: str, traces: Mapping[int, Sequence[SpanDigest]]) -> list[SpanDigest]:
    """The spans of all traces in one tree, below one agent span of its own.

    conversation ─┬─ turn 1 (no agent any more, what it did belongs to the one above) ─── calls, sub-agents
                  └─ turn 2 …
    """
    trees = {trace_id: call_tree(digests) for trace_id, digests in traces.items()}
    counts = Counter(span.span_id for tree in trees.values() for span in tree.spans)
    shared = {span_id for span_id, count in counts.items() if count > 1}
    name = _agent_name(trees)
    top_id = _span_id(conversation_id, 0)
    joined: list[SpanDigest] = []
    for trace_id, tree in trees.items():
        joined += _below(tree, trace_id, top_id, name, shared)
    starts, ends = [span.start_ns for span in joined], [span.end_ns for span in joined]
    turns = [span for span in joined if span.parent_span_id == top_id]
    last = max(turns, key=lambda each: (each.end_ns, each.start_ns, each.span_id), default=None)
    top = SpanDigest(
        top_id, None, "", min(starts, default=0), max(ends, default=0), Operation.AGENT, agent=name,
        error=None if last is None else last.error, conversation_id=conversation_id,
    )  # fmt: skip
    return [top, *joined]


def _below(tree: CallTree, trace_id: int, top_id: int, name: str | None, shared: set[int]) -> list[SpanDigest]:
    """The spans of one trace with `top_id` above them, under ids that no other trace has."""

    def own_id(span_id: int) -> int:
        return _span_id(f"{trace_id:032x}", span_id) if span_id in shared else span_id

    has_agent_above = [False] * len(tree.spans)
    moved: list[SpanDigest] = []
    for i in tree.top_down:
        span, parent = tree.spans[i], tree.parents[i]
        is_agent = span.operation is Operation.AGENT
        if parent != NO_PARENT:
            above = tree.spans[parent]
            has_agent_above[i] = has_agent_above[parent] or above.operation is Operation.AGENT
        if is_agent and not has_agent_above[i] and span.agent in (None, name):
            span = span._replace(operation=Operation.CONTAINER)
        above_id = top_id if parent == NO_PARENT else own_id(tree.spans[parent].span_id)
        moved.append(span._replace(span_id=own_id(span.span_id), parent_span_id=above_id))
    return moved


def _agent_name(trees: Mapping[int, CallTree]) -> str | None:
    """Name of the main agent: the one that stands at the top of the earliest trace with one."""
    tops = [span for tree in trees.values() for span in tree.spans if span.operation is Operation.AGENT and span.agent]
    return min(tops, key=lambda each: (each.start_ns, each.span_id)).agent if tops else None


def _span_id(text: str, number: int) -> int:
    digest = sha256(f"{text}\0{number}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") or 1

"""Which spans are billed: the same tokens appear on several spans of one trace and count once.

Four rules: (1) of nested model calls only the innermost with usage counts; (2) of calls with one response id, one;
(3) of calls that two instrumentations write side by side, one; (4) a container's totals (agent, workflow, tool) count
only for what the calls below it do not account for. Most of them repeat what the calls say; Pydantic AI's names in
`gen_ai.aggregated_usage.*` exist because of that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest
from otel_sessionopt.session.call_tree import NO_PARENT, CallTree
from otel_sessionopt.session.twins import find_twins

# Spans that are a model call where they have usage: of a call that has no span of its own.
_CALLS_WITH_USAGE = frozenset({Operation.RETRIEVAL, Operation.COMPACTION})
_NOTHING = ModelUse()
_CONTAINERS = frozenset({Operation.AGENT, Operation.CONTAINER, Operation.TOOL_CALL, Operation.OTHER})


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCount:
    """What the bill of a trace is made of. Nodes are positions in the call tree.

    Attributes:
        repeats: calls that are shown by another span, with that span: they make no event.
        completed: calls that took facts over from their repeats, in their new form.
        unattributed: what containers report beyond the calls below them.
    """

    repeats: dict[int, int]
    completed: dict[int, SpanDigest]
    unattributed: dict[int, ModelUse]


def count_usage(tree: CallTree) -> UsageCount:
    """Decide which spans are billed. Linear in the number of spans, without recursion."""
    spans = tree.spans
    is_call = bytearray(len(spans))
    has_usage = bytearray(len(spans))
    has_container_usage = False
    for i, span in enumerate(spans):
        operation = span.operation
        model = span.model
        if operation is Operation.MODEL_CALL or operation is Operation.EMBEDDING:
            is_call[i] = True
            has_usage[i] = model is not None and model.has_usage
        elif model is not None and model.has_usage:
            has_usage[i] = True
            is_call[i] = operation in _CALLS_WITH_USAGE
            has_container_usage = has_container_usage or operation in _CONTAINERS
    repeats, cover = _find_nested_repeats(tree, is_call, has_usage)
    repeats.update(_find_repeated_responses(spans, is_call, repeats))
    calls = [i for i in range(len(spans)) if is_call[i] and i not in repeats]
    if len({spans[i].dialect for i in calls}) > 1:
        repeats.update(find_twins(spans, calls, _call_key))
    return UsageCount(
        repeats=repeats,
        completed=_complete(spans, repeats),
        unattributed=_find_unattributed(tree, is_call, has_usage, repeats, cover) if has_container_usage else {},
    )


def _find_nested_repeats(tree: CallTree, is_call: bytearray, has_usage: bytearray) -> tuple[dict[int, int], list[int]]:
    """Calls around or inside another call, and for every span the billed call around it, if any."""
    parents, spans = tree.parents, tree.spans
    if not any(is_call[i] for i in tree.inner):
        return {}, [NO_PARENT] * len(parents)
    # The latest call below each span that has usage, and the latest of all; positions are in start order.
    billed_below = [NO_PARENT] * len(parents)
    call_below = [NO_PARENT] * len(parents)
    for i in reversed(tree.top_down):
        parent = parents[i]
        if parent == NO_PARENT:
            continue
        billed, call = billed_below[i], call_below[i]
        if is_call[i]:
            if has_usage[i] and billed == NO_PARENT:
                billed = i
            if call == NO_PARENT:
                call = i
        if billed > billed_below[parent]:
            billed_below[parent] = billed
        if call > call_below[parent]:
            call_below[parent] = call

    repeats: dict[int, int] = {}
    cover = [NO_PARENT] * len(parents)
    for i in tree.top_down:
        parent = parents[i]
        if parent != NO_PARENT:
            is_billed = is_call[parent] and has_usage[parent] and parent not in repeats
            cover[i] = parent if is_billed else cover[parent]
        if not is_call[i]:
            continue
        if billed_below[i] != NO_PARENT:
            repeats[i] = billed_below[i]
        elif has_usage[i]:
            continue
        elif cover[i] != NO_PARENT and (spans[i].error is None or spans[cover[i]].error is not None):
            # Otherwise it is a failed attempt inside a call that went well in the end: it stays as evidence of a retry.
            repeats[i] = cover[i]
        elif call_below[i] != NO_PARENT:
            repeats[i] = call_below[i]
    return repeats, cover


def _find_repeated_responses(
    spans: Sequence[SpanDigest], is_call: bytearray, repeats: Mapping[int, int]
) -> dict[int, int]:
    """Calls whose response another call has too: the truest one stays."""
    best: dict[str, int] = {}
    rivals: list[tuple[str, int]] = []
    for i, span in enumerate(spans):
        response_id = span.model.response_id if is_call[i] and span.model else None
        if response_id is None or i in repeats:
            continue
        other = best.setdefault(response_id, i)
        if other != i:
            rivals.append((response_id, i))
            if _is_truer(span, spans[other]):
                best[response_id] = i
                rivals.append((response_id, other))
    return {i: best[response_id] for response_id, i in rivals if best[response_id] != i}


def _is_truer(span: SpanDigest, other: SpanDigest) -> bool:
    """Whether the second one seen of two spans of one response is to stay."""
    if span.dialect != other.dialect and span.model and span.model.has_usage and other.model and other.model.has_usage:
        # Of two libraries the one that ran inside the other is nearer to the provider.
        times, other_times = (span.start_ns, span.end_ns), (other.start_ns, other.end_ns)
        if times != other_times and times[0] >= other_times[0] and times[1] <= other_times[1]:
            return True
        if times != other_times and times[0] <= other_times[0] and times[1] >= other_times[1]:
            return False
    return _size(span.model) > _size(other.model)  # a stream cut short reports less


def _call_key(span: SpanDigest) -> Hashable | None:
    """What two spans of one call have in common where they do not state the response's id."""
    use = span.model
    if use is not None and use.has_usage:
        return (use.input_tokens, use.output_tokens) if use.input_tokens and use.output_tokens else None
    return None if span.error is None else "failed"  # the name of the failure differs from library to library


def _complete(spans: Sequence[SpanDigest], repeats: Mapping[int, int]) -> dict[int, SpanDigest]:
    """Give what a repeat knows to the call that stays, where that one does not know it."""
    completed: dict[int, SpanDigest] = {}
    for i in sorted(repeats):
        kept = repeats[i]
        while kept in repeats:
            kept = repeats[kept]
        completed[kept] = _with_facts_of(completed.get(kept, spans[kept]), spans[i])
    return completed


def _with_facts_of(kept: SpanDigest, repeat: SpanDigest) -> SpanDigest:
    ours, theirs = kept.model or ModelUse(), repeat.model or ModelUse()
    # A call around several sums them up: of that, cost and reasoning say nothing about one of them.
    is_same_size = ours.input_tokens == theirs.input_tokens and ours.output_tokens == theirs.output_tokens
    reasoning, cost = ours.reasoning_tokens, ours.reported_cost_usd
    if is_same_size:
        reasoning = theirs.reasoning_tokens if reasoning is None else reasoning
        cost = theirs.reported_cost_usd if cost is None else cost
    content_chars, detail = kept.content_chars, kept.detail
    if is_same_size or not theirs.has_usage:
        content_chars = repeat.content_chars if content_chars is None else content_chars
        detail = {**repeat.detail, **(detail or {})} if repeat.detail else detail
    return kept._replace(
        error=kept.error if kept.error is not None else repeat.error,
        agent=kept.agent or repeat.agent,
        content_chars=content_chars,
        detail=detail,
        model=ours._replace(
            model=ours.model or theirs.model,
            provider=ours.provider or theirs.provider,
            response_id=ours.response_id or theirs.response_id,
            finish_reason=ours.finish_reason or theirs.finish_reason,
            reasoning_tokens=reasoning,
            reported_cost_usd=cost,
        ),
    )


class _Sum:
    """Usage added up: uncached, cache read, cache write, of that for one hour, output, reasoning."""

    __slots__ = ("tokens",)

    def __init__(self) -> None:
        self.tokens = (0, 0, 0, 0, 0, 0)

    def add(self, more: tuple[int, int, int, int, int, int]) -> None:
        ours = self.tokens
        self.tokens = (
            ours[0] + more[0], ours[1] + more[1], ours[2] + more[2],
            ours[3] + more[3], ours[4] + more[4], ours[5] + more[5],
        )  # fmt: skip


def _find_unattributed(
    tree: CallTree, is_call: bytearray, has_usage: bytearray, repeats: Mapping[int, int], cover: Sequence[int]
) -> dict[int, ModelUse]:
    """Rule 4: a container's totals count where no call below has usage, or some lack it, beyond what is counted.

    A nested agent with totals of its own answers for its calls; the container around it answers for the others.
    """
    unattributed: dict[int, ModelUse] = {}
    counted: defaultdict[int, _Sum] = defaultdict(_Sum)
    knows_usage = bytearray(len(tree.spans))  # a call below has usage
    lacks_usage = bytearray(len(tree.spans))  # a call below should have and has not
    for i in reversed(tree.top_down):
        span = tree.spans[i]
        parent = tree.parents[i]
        model = span.model
        if is_call[i] or span.operation is Operation.RECORDED:
            if has_usage[i] and model is not None:
                knows_usage[i] = True
                if i not in repeats:
                    counted[i].add(_tokens(model))
            elif span.error is None and i not in repeats:  # failed attempts report no usage and cost nothing
                lacks_usage[i] = is_call[i]
        elif has_usage[i] and model is not None and span.operation in _CONTAINERS:
            is_needed = (not knows_usage[i] or lacks_usage[i]) and cover[i] == NO_PARENT
            rest = _minus(model, counted[i].tokens) if is_needed else _NOTHING
            if rest.input_tokens or rest.output_tokens:
                unattributed[i] = rest
                counted[i].add(_tokens(rest))
        if parent == NO_PARENT:
            continue
        if i in counted:
            counted[parent].add(counted.pop(i).tokens)
        if not (span.operation is Operation.AGENT and has_usage[i]):
            knows_usage[parent] |= knows_usage[i]
            lacks_usage[parent] |= lacks_usage[i]
    return unattributed


def _minus(total: ModelUse, counted: tuple[int, int, int, int, int, int]) -> ModelUse:
    """What is left of a container's totals, never below 0.

    Containers often do not tell cached tokens apart although the calls do: what is left of the whole input is
    the limit, cache tokens are taken out of it first.
    """
    left = max(total.input_tokens - sum(counted[:3]), 0)
    read = min(max(total.cache_read_tokens - counted[1], 0), left)
    write = min(max(total.cache_write_tokens - counted[2], 0), left - read)
    reasoning = total.reasoning_tokens
    return total._replace(
        uncached_tokens=left - read - write,
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=min(max(total.cache_write_1h_tokens - counted[3], 0), write),
        output_tokens=max(total.output_tokens - counted[4], 0),
        reasoning_tokens=None if reasoning is None else max(reasoning - counted[5], 0),
        reported_cost_usd=None if any(counted) else total.reported_cost_usd,
    )


def _tokens(use: ModelUse) -> tuple[int, int, int, int, int, int]:
    return (
        use.uncached_tokens, use.cache_read_tokens, use.cache_write_tokens,
        use.cache_write_1h_tokens, use.output_tokens, use.reasoning_tokens or 0,
    )  # fmt: skip


def _size(use: ModelUse | None) -> tuple[bool, int]:
    return (False, 0) if use is None else (use.has_usage, use.input_tokens + use.output_tokens)

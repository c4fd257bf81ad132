"""`CallTree`: the spans of one trace, each once, in a fixed order, with parents that form a forest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from otel_sessionopt.dialects.digest import SpanDigest

NO_PARENT = -1

# Position of the fields in the tuple: plain item access is what makes sorting 100,000 spans cheap.
_TIME_ORDER = itemgetter(
    SpanDigest._fields.index("start_ns"), SpanDigest._fields.index("end_ns"), SpanDigest._fields.index("span_id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTree:
    """A forest over the spans of one trace. Nodes are positions in `spans`.

    Attributes:
        spans: ordered by start, end and id, each span id once.
        parents: position of each span's parent; `NO_PARENT` for roots, and where the parent is not there, is the span
            itself, or would close a cycle.
        top_down: all positions, every parent before its children, whatever the clocks say.
        inner: positions of those spans that others are inside of.
        duplicates: spans left out because another had the same id.
    """

    spans: Sequence[SpanDigest]
    parents: Sequence[int]
    top_down: Sequence[int]
    inner: frozenset[int]
    duplicates: int


def call_tree(digests: Iterable[SpanDigest]) -> CallTree:
    """Arrange spans as a forest. The result does not depend on their order; work is linear, apart from the sorting."""
    given = list(digests)
    by_id = {digest.span_id: digest for digest in given}
    duplicates = len(given) - len(by_id)
    if duplicates:
        by_id = _without_duplicates(given)
    spans = sorted(by_id.values(), key=_TIME_ORDER)
    position = {span.span_id: i for i, span in enumerate(spans)}
    parents = [NO_PARENT] * len(spans)
    for i, span in enumerate(spans):
        parent_id = span.parent_span_id
        if parent_id is not None and parent_id != span.span_id:
            parents[i] = position.get(parent_id, NO_PARENT)
    top_down = _sort_top_down(parents)
    inner = frozenset(parents) - {NO_PARENT}
    return CallTree(spans=spans, parents=parents, top_down=top_down, inner=inner, duplicates=duplicates)


def _without_duplicates(digests: Iterable[SpanDigest]) -> dict[int, SpanDigest]:
    kept: dict[int, SpanDigest] = {}
    for digest in digests:
        other = kept.get(digest.span_id)
        if other is None or (digest != other and _richness(digest) > _richness(other)):
            kept[digest.span_id] = digest
    return kept


def _richness(digest: SpanDigest) -> tuple[int, int, str]:
    """Orders copies of one span: more facts, then a longer life, then anything that is not the input order."""
    facts = sum(value is not None and value != () and value != "" for value in digest)
    for part in (digest.model, digest.tool, digest.tool and digest.tool.result):
        facts += sum(bool(value) for value in part or ())
    return facts, digest.end_ns - digest.start_ns, repr(digest)


def _sort_top_down(parents: list[int]) -> list[int]:
    """Positions with parents first. Cuts cycles, in `parents` itself, above the member that started first."""
    order: list[int] = []
    is_placed = bytearray(len(parents))
    is_waiting = bytearray(len(parents))
    for start, parent in enumerate(parents):
        if is_placed[start]:
            continue
        if parent == NO_PARENT or is_placed[parent]:  # nearly always: parents start first
            is_placed[start] = True
            order.append(start)
            continue
        chain: list[int] = []
        node = start
        while node != NO_PARENT and not is_placed[node]:
            if is_waiting[node]:
                _cut_cycle(chain, node, parents)
                break
            is_waiting[node] = True
            chain.append(node)
            node = parents[node]
        # The chain goes up; seen from its end, parents come before their children.
        for member in reversed(chain):
            is_placed[member] = True
        order.extend(reversed(chain))
    return order


def _cut_cycle(chain: list[int], entry: int, parents: list[int]) -> None:
    """Cut the cycle that ends `chain`, and rearrange the chain so that it still goes up to where the cut is.

    chain     a → entry → b → top → c (→ entry again)          → means: has the parent
    becomes   a → entry → b → top   and   c → entry, written as   a, c, entry, b, top
    """
    at = chain.index(entry)
    cycle = chain[at:]
    top = cycle.index(min(cycle))  # positions are in start order
    parents[cycle[top]] = NO_PARENT
    chain[at:] = cycle[top + 1 :] + cycle[: top + 1]

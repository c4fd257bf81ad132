"""The same call written by two instrumentations side by side: neither span is inside the other.

Callback handlers (LangChain's) do not make their spans the parents of what the client library writes, so that with two
instrumentations on, a call has two spans at the same time. Spans of one dialect are never paired: calls that run at the
same time with the same numbers are calls of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

from otel_sessionopt.dialects.digest import SpanDigest

# An id like this does not come twice in a trace, whatever the contexts; short ones count up in every conversation.
MIN_UNIQUE_ID_CHARS: Final = 8
# Of calls that look alike, the ones started last before another that are compared with it. More at the same time can
# hide a pair and never makes one.
MAX_RIVALS: Final = 64


def find_twins(
    spans: Sequence[SpanDigest],
    members: Iterable[int],
    key: Callable[[SpanDigest], Hashable | None],
    *,
    is_same_time: bool = True,
) -> dict[int, int]:
    """Spans that are the same call as an earlier one, with that one.

    Args:
        spans: all spans in order of their start.
        members: positions of those that may be twins, in order.
        key: what twins have in common; `None` = has no twin.
        is_same_time: twins run at the same time; otherwise the key alone tells.
    """
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for i in members:
        common = key(spans[i])
        if common is not None:
            groups[common].append(i)
    twins: dict[int, int] = {}
    for group in groups.values():
        if len(group) > 1:
            _pair(spans, group, is_same_time, twins)
    return twins


def _pair(spans: Sequence[SpanDigest], group: Sequence[int], is_same_time: bool, twins: dict[int, int]) -> None:
    kept: list[tuple[int, set[str]]] = []
    for i in group:
        span = spans[i]
        for position, dialects in kept[-MAX_RIVALS:]:
            if span.dialect not in dialects and (not is_same_time or _is_same_time(spans[position], span)):
                twins[i] = position
                dialects.add(span.dialect)
                break
        else:
            kept.append((i, {span.dialect}))


def _is_same_time(first: SpanDigest, second: SpanDigest) -> bool:
    """Whether the shorter one of two spans ran mostly during the other."""
    shared = min(first.end_ns, second.end_ns) - max(first.start_ns, second.start_ns)
    return shared >= 0 and shared * 2 >= min(first.end_ns - first.start_ns, second.end_ns - second.start_ns)

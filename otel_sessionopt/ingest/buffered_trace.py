"""`BufferedTrace`: what a `TraceBuffer` knows about one trace, and `DueTrace`: what is to happen to it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

D = TypeVar("D")

# The values of `session.ReleaseReason`, which is of a later stage.
Reason = Literal["root_ended", "late_children", "idle_timeout", "span_limit", "memory_limit", "late_span", "shutdown"]

NO_SPAN: Final = 0
"""No span has this id: among the open ones it stands for spans that are expected and not known yet."""
TRACE_BYTES: Final = 2_000
"""What an empty trace takes."""


class LocalRoot(Generic[D]):
    """A span without a parent in this process, and the spans below it.

    Attributes:
        trace, span_id: which span it is.
        open: ids of the spans at and below it that have started and not ended.
        ended_at: when the worker saw its end; `None` while it runs.
        is_released: it was handed on; what ends below it afterwards is late.
    """

    __slots__ = ("ended_at", "is_released", "open", "span_id", "trace")

    def __init__(self, trace: BufferedTrace[D], span_id: int) -> None:
        self.trace = trace
        self.span_id = span_id
        self.open: set[int] = set()
        self.ended_at: float | None = None
        self.is_released = False


class BufferedTrace(Generic[D]):
    """What is known about one trace in this process.

    Attributes:
        members: span id → the local root it is below, of all spans seen (of the open ones once the trace is full).
        awaited: stands for a local root that has not come yet, where only ends are seen; else `None`.
        last_end_ns, is_in_order: latest end seen, and whether ends came in their order, where only ends are seen.
        digests: of the ended spans, in no order that means anything.
        size_bytes: estimate of the memory that it takes.
        span_count: spans that ended, dropped ones included.
        late_spans: spans that ended after their local root had been handed on.
        dropped: spans that are not among the digests, by reason.
        full_reason: why no more digests are kept; `None` while they are.
        result: what the caller made of the last release; the buffer only keeps it.
        may_hold: the caller's note whether it may hold back spans below the roots; the buffer only keeps it.
    """

    __slots__ = (
        "active_at",
        "awaited",
        "digests",
        "dropped",
        "full_reason",
        "is_capped",
        "is_full",
        "is_in_order",
        "last_end_ns",
        "late_spans",
        "may_hold",
        "members",
        "refreshes",
        "reported_at",
        "result",
        "roots",
        "seen_members",
        "size_bytes",
        "span_count",
        "started_at",
        "trace_id",
    )

    def __init__(self, trace_id: int, dropped: Mapping[str, int]) -> None:
        self.trace_id = trace_id
        self.members: dict[int, LocalRoot[D]] = {}
        self.roots: list[LocalRoot[D]] = []
        self.awaited: LocalRoot[D] | None = None
        self.last_end_ns = 0
        self.is_in_order = True
        self.digests: list[D] = []
        self.size_bytes = TRACE_BYTES
        self.span_count = 0
        self.late_spans = 0
        self.dropped: dict[str, int] = dict(dropped)
        self.full_reason: Reason | None = None
        self.is_full = False  # read on every span's end: one attribute instead of a comparison
        self.is_capped = False
        self.started_at: float | None = None
        self.active_at = 0.0
        self.reported_at: float | None = None  # `active_at` of the last interim report
        self.seen_members = 0
        self.refreshes = 0
        self.result: Any = None
        self.may_hold = True

    @property
    def is_finished(self) -> bool:
        """All its local roots have been handed on."""
        return all(root.is_released for root in self.roots)

    @property
    def has_open_spans(self) -> bool:
        """A span of it has started and not ended."""
        return any(root.open for root in self.roots)


@dataclass(frozen=True, slots=True)
class DueTrace(Generic[D]):
    """A trace that is to be analysed, or whose roots are to be let go, now.

    Attributes:
        roots: ended local roots that are let go with it; empty for interim and refreshed reports.
        is_final: no refresh is expected.
        needs_analysis: false for capped traces, whose `result` is all there will ever be.
        caps: digests are let go afterwards, the trace still awaits its root.
        forgets: the trace is let go altogether afterwards.
    """

    trace: BufferedTrace[D]
    reason: Reason
    roots: tuple[LocalRoot[D], ...] = ()
    is_final: bool = True
    needs_analysis: bool = True
    caps: bool = False
    forgets: bool = False

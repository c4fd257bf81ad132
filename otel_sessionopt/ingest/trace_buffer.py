"""`TraceBuffer`: which live spans belong together, and when they are handed to the analysis.

A trace is collected below its *local roots*: spans whose parent is in another process, missing or absent. This is a
pure state machine: no threads, no clock (times are arguments, in seconds of any steady clock), and a digest is any
thing.

    OPEN ──roots ended, nothing open below──────────────────────────────► FINISHED ──idle──► forgotten (id remembered)
      │ └─roots ended, something open below──grace──────────────────────►    ▲ │ late span: report refreshed
      │                                                                       └─┘
      └─too old, too much memory──► CAPPED: reported for good, digests let go, root still awaited

Threading: `span_started`, `root_above`, `span_ended` and `count_drop` may be called from any thread at any time, also
from a garbage collection or signal handler that interrupts another of these calls: the first three take no lock and
change shared state only by single dict and set operations, which are atomic. Everything else belongs to one thread.
For the processor's hooks a call is too dear: for the common case they do these operations themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final, Generic

from otel_sessionopt.ingest.buffered_trace import NO_SPAN, TRACE_BYTES, BufferedTrace, D, DueTrace, LocalRoot, Reason
from otel_sessionopt.ingest.ended_spans import root_of_ended
from otel_sessionopt.processor_settings import ProcessorSettings

MEMBER_BYTES: Final = 104
"""What the buffer itself keeps for a span: its id and an entry in `members`. Source: `benchmarks/buffer_memory.py`."""
SWEEP_SECONDS: Final = 1.0
"""How often all traces are looked through for idle ones; the time-outs are many times longer."""
_ROOM_AFTER_EVICTION: Final = 0.9
"""Share of the memory budget that is in use after an eviction, so that not every following span needs another."""


class TraceBuffer(Generic[D]):
    """Collects digests by trace and says which traces are due. See the module for states and threading.

    Attributes:
        traces: the traces that are kept, by id; to be read only.
    """

    def __init__(self, settings: ProcessorSettings) -> None:
        self._settings = settings
        self.traces: dict[int, BufferedTrace[D]] = {}
        self._forgotten: dict[int, int] = {}  # id → spans that a report told of, oldest first
        self._ended: dict[LocalRoot[D], float] = {}  # ended, not yet released
        self._refresh: dict[BufferedTrace[D], float] = {}  # finished, late spans came → when to report again
        self._size_bytes = 0
        self._next_sweep = 0.0
        # Re-entrant: a garbage collection inside it may end a span.
        self._drop_lock = threading.RLock()

    # --- any thread ---------------------------------------------------------------------------------------------

    def span_started(self, trace_id: int, span_id: int, parent_id: int | None, parent_is_remote: bool) -> bool:
        """Note that a span started; whether it is a local root.

        A parent that is called remote but was seen here (a service that calls itself) is a parent like any other.
        """
        trace = self.traces.get(trace_id)
        if trace is None:
            trace = self._admit(trace_id, parent_id is None or parent_is_remote)
            if trace is None:
                return False
        # No span has the id 0, so that "no parent" needs no branch.
        root = trace.members.get(parent_id or 0)
        is_root = root is None
        if root is None:
            # A full trace has forgotten its ended spans: an unknown parent proves nothing there.
            if trace.is_full and trace.roots and not (parent_id is None or parent_is_remote):
                root, is_root = trace.roots[-1], False
            else:
                root = LocalRoot(trace, span_id)
                trace.roots.append(root)
        root.open.add(span_id)
        trace.members[span_id] = root
        return is_root

    def span_came(
        self, trace_id: int, span_id: int, parent_id: int | None, parent_is_remote: bool, end_ns: int
    ) -> LocalRoot[D] | None:
        """Note the end of a span whose start was not seen, for callers that see ends only; the local root above it.

        See `ingest.ended_spans`. `None` when the trace is forgotten.

        To be called from one thread at a time, and to be followed by `span_ended`.
        """
        trace = self.traces.get(trace_id) or self._admit(trace_id, True)
        return None if trace is None else root_of_ended(trace, span_id, parent_id, parent_is_remote, end_ns)

    def root_above(self, trace_id: int, span_id: int) -> LocalRoot[D] | None:
        """The local root at or above a span; `None` when the span's start was not seen or its trace is forgotten."""
        trace = self.traces.get(trace_id)
        return None if trace is None else trace.members.get(span_id)

    @staticmethod
    def span_ended(root: LocalRoot[D], span_id: int) -> None:
        """Note that a span ended. To be called after its digest has been put on its way, so that nothing is missed."""
        if root.trace.is_full:
            root.trace.members.pop(span_id, None)
        root.open.discard(span_id)

    def count_drop(self, trace: BufferedTrace[D], reason: str) -> None:
        """Count a span of `trace` that is not analysed."""
        with self._drop_lock:
            trace.dropped[reason] = trace.dropped.get(reason, 0) + 1
            trace.span_count += 1

    def _admit(self, trace_id: int, has_local_root: bool) -> BufferedTrace[D] | None:
        spans_before = self._forgotten.get(trace_id)
        if spans_before is not None and not has_local_root:
            return None
        # The worker makes room far below this; it is what holds when the worker does not run.
        if len(self.traces) >= 2 * self._settings.max_traces:
            return None
        # Spans of an earlier report of this trace: they are missing from the next one, and it says so.
        dropped = {"forgotten": spans_before} if spans_before else {}
        return self.traces.setdefault(trace_id, BufferedTrace(trace_id, dropped))

    # --- the worker's thread ------------------------------------------------------------------------------------

    @property
    def size_bytes(self) -> int:
        """Estimate of the memory that all traces take."""
        return self._size_bytes

    @property
    def trace_count(self) -> int:
        """Traces that are kept, finished ones included."""
        return len(self.traces)

    @property
    def is_waiting(self) -> bool:
        """A release may become due soon, without a span coming in."""
        return bool(self._ended or self._refresh)

    def touch(self, trace: BufferedTrace[D], now: float) -> None:
        """Note that something of `trace` came in."""
        if trace.started_at is None:
            trace.started_at = now
            self._size_bytes += trace.size_bytes
        trace.active_at = now

    def add(self, root: LocalRoot[D], digest: D, size_bytes: int, now: float) -> bool:
        """Keep the digest of a span below `root`; false when the trace keeps no more (counted)."""
        trace = root.trace
        self.touch(trace, now)
        if root.is_released:
            trace.late_spans += 1
        if trace.full_reason is not None:
            self.count_drop(trace, trace.full_reason)
            return False
        with self._drop_lock:
            trace.span_count += 1
        trace.digests.append(digest)
        self._grow(trace, size_bytes + MEMBER_BYTES)
        if root.is_released:
            self._schedule_refresh(trace, now)
        if len(trace.digests) >= self._settings.max_spans_per_trace:
            self._close(trace, "span_limit")
        return True

    def root_ended(self, root: LocalRoot[D], now: float) -> None:
        """Note the end of a local root, after its digest was added."""
        if root.ended_at is None and not root.is_released:
            root.ended_at = now
            self._ended[root] = now
            self.touch(root.trace, now)

    def due(self, now: float, *, at_once: bool = False) -> list[DueTrace[D]]:
        """Traces to be analysed now, each at most once. Spans queued before the call must be added before `settle`.

        Args:
            at_once: do not wait for grace periods (flush, shutdown).
        """
        is_sweep = at_once or now >= self._next_sweep
        if is_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            self._find_lost_ends(now)
        due = self._due_roots(now, at_once)
        busy = {item.trace for item in due}
        due += [
            DueTrace(trace, "late_span")
            for trace, at in self._refresh.items()
            if (at_once or now >= at) and trace not in busy
        ]
        busy.update(item.trace for item in due)
        if is_sweep:
            due += self._due_idle(now, busy)
        return due + self._due_for_room(now, busy | {item.trace for item in due})

    def due_at_shutdown(self) -> list[DueTrace[D]]:
        """What is still unfinished: every trace with a local root that was not handed on. The others are forgotten."""
        due: list[DueTrace[D]] = []
        for trace in list(self.traces.values()):
            if trace.is_finished:
                self._forget(trace)
                continue
            ended = tuple(root for root in trace.roots if root in self._ended)
            due.append(DueTrace(trace, "shutdown", ended, needs_analysis=not trace.is_capped, forgets=True))
        return due

    def settle(self, item: DueTrace[D], *, is_worth_keeping: bool = True) -> None:
        """Note that `item` was dealt with.

        Args:
            is_worth_keeping: false when the analysis found nothing that concerns it: then the trace is forgotten as
                soon as nothing in it is open, instead of being kept for late spans.
        """
        trace = item.trace
        self._refresh.pop(trace, None)
        for root in item.roots:
            root.is_released = True
            root.open.discard(NO_SPAN)
            self._ended.pop(root, None)
        # One at a time and in place: other threads append. The last one stays, see `span_started`.
        for root in list(trace.roots)[:-1]:
            if root.is_released and not root.open:
                trace.roots.remove(root)
        trace.reported_at = trace.active_at
        if item.reason == "late_span":
            trace.refreshes += 1
        if item.caps:
            self._cap(trace, item.reason)
        if item.forgets or (not is_worth_keeping and trace.is_finished and not trace.has_open_spans):
            self._forget(trace, told=is_worth_keeping)

    # --- what is due --------------------------------------------------------------------------------------------

    def _due_roots(self, now: float, at_once: bool) -> list[DueTrace[D]]:
        ready: dict[BufferedTrace[D], list[LocalRoot[D]]] = {}
        for root, ended_at in self._ended.items():
            if at_once or not root.open or now - ended_at >= self._settings.grace_seconds:
                ready.setdefault(root.trace, []).append(root)
        return [self._release_of(trace, tuple(roots)) for trace, roots in ready.items()]

    @staticmethod
    def _release_of(trace: BufferedTrace[D], roots: tuple[LocalRoot[D], ...]) -> DueTrace[D]:
        reason: Reason = "late_children" if any(root.open - {NO_SPAN} for root in roots) else "root_ended"
        return DueTrace(
            trace,
            trace.full_reason or reason,
            roots,
            is_final=reason == "root_ended" and all(root.is_released or root in roots for root in trace.roots),
            needs_analysis=not trace.is_capped,
        )

    def _due_idle(self, now: float, busy: set[BufferedTrace[D]]) -> list[DueTrace[D]]:
        due: list[DueTrace[D]] = []
        for trace in list(self.traces.values()):
            self._notice_starts(trace, now)
            is_idle = now - trace.active_at >= self._settings.idle_timeout_seconds
            is_old = trace.started_at is not None and now - trace.started_at >= self._settings.max_age_seconds
            if trace in busy or trace in self._refresh:
                continue
            if trace.is_finished:
                if is_idle:
                    self._forget(trace)
            elif is_old and not trace.is_capped:
                due.append(DueTrace(trace, "idle_timeout", caps=True))
            elif is_idle and not trace.is_capped and trace.reported_at != trace.active_at and trace.digests:
                due.append(DueTrace(trace, "idle_timeout", is_final=False))
        return due

    def _due_for_room(self, now: float, busy: set[BufferedTrace[D]]) -> list[DueTrace[D]]:
        excess_bytes = self._size_bytes - self._settings.memory_budget_bytes
        excess_traces = len(self.traces) - self._settings.max_traces
        if excess_bytes <= 0 and excess_traces <= 0:
            return []
        if excess_bytes > 0:
            excess_bytes += int(self._settings.memory_budget_bytes * (1 - _ROOM_AFTER_EVICTION))
        due: list[DueTrace[D]] = []
        for trace in self._by_weight(now, busy):
            if excess_bytes <= 0 and excess_traces <= 0:
                break
            if trace.is_finished and trace not in self._refresh:
                excess_bytes -= trace.size_bytes
                excess_traces -= 1
                self._forget(trace)
            elif excess_traces > 0:
                excess_bytes -= trace.size_bytes
                excess_traces -= 1
                ended = tuple(root for root in trace.roots if root in self._ended)
                due.append(DueTrace(trace, "memory_limit", ended, needs_analysis=not trace.is_capped, forgets=True))
            elif not trace.is_capped:
                excess_bytes -= trace.size_bytes - TRACE_BYTES
                due.append(DueTrace(trace, "memory_limit", caps=True))
        return due

    def _by_weight(self, now: float, busy: set[BufferedTrace[D]]) -> Iterable[BufferedTrace[D]]:
        """Finished traces first, then by weight × idle time, as Refinery evicts."""
        traces = [trace for trace in list(self.traces.values()) if trace not in busy]
        return sorted(
            traces,
            key=lambda trace: (not trace.is_finished, -trace.size_bytes * max(now - trace.active_at, 1.0)),
        )

    # --- bookkeeping --------------------------------------------------------------------------------------------

    def _notice_starts(self, trace: BufferedTrace[D], now: float) -> None:
        """Starts are activity, and the hook that sees them must not pay for a clock: they show as new members."""
        if trace.started_at is None or len(trace.members) != trace.seen_members:
            trace.seen_members = len(trace.members)
            self.touch(trace, now)

    def _find_lost_ends(self, now: float) -> None:
        """Roots whose end could not be queued are not open any more all the same."""
        for trace in list(self.traces.values()):
            for root in trace.roots:
                if root.ended_at is None and not root.is_released and root.span_id not in root.open:
                    self.root_ended(root, now)

    def _schedule_refresh(self, trace: BufferedTrace[D], now: float) -> None:
        if trace not in self._refresh:
            # Each refresh doubles the wait, so that a trace with an endless tail is not analysed for ever.
            wait = self._settings.grace_seconds * 2.0 ** min(trace.refreshes, 30)
            self._refresh[trace] = now + min(wait, self._settings.idle_timeout_seconds)

    def _grow(self, trace: BufferedTrace[D], size_bytes: int) -> None:
        trace.size_bytes += size_bytes
        self._size_bytes += size_bytes

    def _close(self, trace: BufferedTrace[D], reason: Reason) -> None:
        """Keep no more digests, and of the members only the open ones."""
        trace.full_reason = reason
        trace.is_full = True
        # Keys alone: making pairs allocates, and a garbage collection may end a span, which changes the dict meanwhile.
        for span_id in list(trace.members):
            root = trace.members.get(span_id)
            if root is not None and span_id not in root.open:
                trace.members.pop(span_id, None)

    def _cap(self, trace: BufferedTrace[D], reason: Reason) -> None:
        self._close(trace, reason)
        trace.is_capped = True
        trace.digests.clear()
        self._grow(trace, TRACE_BYTES - trace.size_bytes)

    def _forget(self, trace: BufferedTrace[D], *, told: bool = True) -> None:
        if self.traces.get(trace.trace_id) is not trace:
            return
        del self.traces[trace.trace_id]
        if trace.started_at is not None:
            self._size_bytes -= trace.size_bytes
        self._refresh.pop(trace, None)
        # A hook may be about to queue a last span of it: that one is counted, and its root still let go.
        trace.started_at = 0.0 if trace.started_at is None else trace.started_at
        trace.full_reason = trace.full_reason or "late_span"
        trace.is_full = trace.is_capped = True
        trace.digests = []
        self._forgotten[trace.trace_id] = trace.span_count + trace.dropped.get("forgotten", 0) if told else 0
        while len(self._forgotten) > self._settings.finished_traces:
            del self._forgotten[next(iter(self._forgotten))]

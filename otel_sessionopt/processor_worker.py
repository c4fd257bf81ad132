"""`AnalysisWorker`: the one thread behind the live processor: digests, decides what is due, lets held spans go."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

from otel_sessionopt.ingest.buffered_trace import DueTrace, LocalRoot
from otel_sessionopt.ingest.trace_buffer import TraceBuffer
from otel_sessionopt.processor_analysis import NO_ANALYSIS, Analysis, LiveAnalysis

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from otel_sessionopt.processor_held import HeldSpans
    from otel_sessionopt.processor_settings import ProcessorSettings
    from otel_sessionopt.processor_stats import Counters, Guard

POLL_SECONDS: Final = 0.2
"""Pause between looks at the queue while spans come in. Not each of them wakes the thread: that costs its caller."""
MAX_POLL_SECONDS: Final = 2.0
"""The pause doubles up to this while nothing comes in; no time-out needs to be more exact."""
_WAKE_SHARE: Final = 16  # the queue wakes the thread when it is filled to a sixteenth
# The agent comes first: what the worker does while the agent makes spans, its threads wait for, and their garbage
# collections pay for. So the worker steps back, the more the emptier the queue is.
_SPANS_BETWEEN_YIELDS: Final = 4
"""After so many digests, and after each analysis, the interpreter lock is offered to others; else they wait 5 ms."""
_BURST_SPANS: Final = 8
"""When so many spans came in meanwhile, the agent is in a burst …"""
_NAP_SECONDS: Final = 0.02
"""… and is left alone for so long, …"""
_NAP_SHARE: Final = 0.25
"""… unless the queue is filled to this share."""
_BUSY_SHARE: Final = 0.75
"""From this share on the lock is offered no more: keeping up comes first."""


class _Flush(NamedTuple):
    """A wish of another thread, which waits until it is `done`; `at_once` = without grace periods."""

    done: threading.Event
    at_once: bool


class AnalysisWorker:
    """Owns the queue of ended spans and the thread that empties it.

    `offer`, `wake`, `ensure_running`, `flush` and `stop` may be called from any thread; nothing in the first three
    blocks, and all three may interrupt themselves (a garbage collection can end a span anywhere).

    Attributes:
        queue: ended spans, each with the local root above it; `None` for a span that is only to be counted.
        wake_size: up to this many spans the hooks may queue themselves, without `offer`.
    """

    def __init__(
        self,
        settings: ProcessorSettings,
        buffer: TraceBuffer[bytes],
        held: HeldSpans,
        analysis: LiveAnalysis,
        guard: Guard,
        counters: Counters,
        clock: Callable[[], float],
    ) -> None:
        self.queue: deque[tuple[LocalRoot[bytes], ReadableSpan | None]] = deque()
        self._queue_size = settings.queue_size
        self.wake_size = max(settings.queue_size // _WAKE_SHARE, 1)
        self._nap_size = int(settings.queue_size * _NAP_SHARE)
        self._busy_size = int(settings.queue_size * _BUSY_SHARE)
        self._buffer = buffer
        self._held = held
        self._analysis = analysis
        self._guard = guard
        self._counters = counters
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        # A bare lock as a signal: held = nothing to do. Releasing it costs 50 ns and, unlike an `Event`, cannot
        # deadlock with itself when a garbage collection ends a span in the middle of it.
        self._signal = threading.Lock()
        self._signal.acquire()
        self._flushes: deque[_Flush] = deque()
        self._is_stopping = False
        self._deadline: float | None = None

    # --- any thread ---------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Spans in the queue."""
        return len(self.queue)

    def offer(self, root: LocalRoot[bytes], span: ReadableSpan, span_id: int) -> None:
        """Queue an ended span below `root` for analysis. When the queue is full it is counted instead."""
        queue = self.queue
        waiting = len(queue)
        is_root = root.span_id == span_id
        # A root is queued beyond the limit: how many are held is bounded elsewhere.
        if waiting < self._queue_size or is_root:
            # A full trace only counts; the span need not be kept alive for that.
            queue.append((root, None if root.trace.is_full and not is_root else span))
        else:
            self._counters.add("dropped", "queue_full")
            self._buffer.count_drop(root.trace, "queue_full")
        self._buffer.span_ended(root, span_id)
        if is_root or waiting >= self.wake_size:
            self.wake()

    def wake(self) -> None:
        """Let the thread look at the queue now."""
        if self._signal.locked():
            try:
                self._signal.release()
            except RuntimeError:
                return  # another thread released it in between: as good

    def ensure_running(self) -> bool:
        """Start the thread if it does not run; false when it cannot."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            return True
        if self._is_stopping:
            return False
        if not self._starting.acquire(blocking=False):
            return True  # another thread is at it
        try:
            self._thread = threading.Thread(target=self._run, name="OtelSessionOptWorker", daemon=True)
            self._thread.start()
        except RuntimeError as error:  # no more threads, or the interpreter is shutting down
            self._thread = None
            self._guard.failed("starting the worker", error)
            return False
        finally:
            self._starting.release()
        return True

    def flush(self, timeout_seconds: float) -> bool:
        """Release what has ended without waiting for grace periods; false when that takes longer than allowed."""
        if threading.current_thread() is self._thread:
            return False  # called by something that the worker called: it cannot wait for itself
        if not self.queue and not self._buffer.trace_count and not self._held:
            return True
        return self._request(_Flush(threading.Event(), at_once=True), timeout_seconds)

    def settle(self, timeout_seconds: float) -> bool:
        """Release what is due now, grace periods kept; false when that takes longer than allowed."""
        return self._request(_Flush(threading.Event(), at_once=False), timeout_seconds)

    def _request(self, flush: _Flush, timeout_seconds: float) -> bool:
        if not self.ensure_running():
            return False
        self._flushes.append(flush)
        self.wake()
        return flush.done.wait(timeout_seconds)

    def stop(self, timeout_seconds: float) -> bool:
        """Finish everything, unfinished traces too, and end the thread; false when that takes longer than allowed."""
        self._deadline = time.monotonic() + timeout_seconds
        self._is_stopping = True
        thread = self._thread
        if thread is None or not thread.is_alive():
            self._run()
            return True
        self.wake()
        if thread is threading.current_thread():
            return False
        thread.join(timeout_seconds)
        return not thread.is_alive()

    # --- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            pause = POLL_SECONDS
            while not self._is_stopping:
                self._signal.acquire(timeout=pause)
                had_work = self._pass()
                pause = POLL_SECONDS if had_work else min(2 * pause, MAX_POLL_SECONDS)
            self._pass(is_last=True)
        finally:
            detach(token)

    def _pass(self, *, is_last: bool = False) -> bool:
        """Look at everything once; whether there is more to come soon."""
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        had_work = bool(self.queue)
        try:
            self._drain()
            self._release_due(at_once=is_last or any(flush.at_once for flush in flushes))
            if is_last:
                for item in self._buffer.due_at_shutdown():
                    self._release(item)
        except Exception as error:  # noqa: BLE001 - the thread must go on, or held spans would never go out
            self._guard.failed("worker", error)
        finally:
            for flush in flushes:
                flush.done.set()
        return had_work or self._buffer.is_waiting

    def _drain(self) -> None:
        queue = self.queue
        now = self._clock()
        for count in range(len(queue)):
            root, span = queue.popleft()
            self._take(root, span, now)
            if count % _SPANS_BETWEEN_YIELDS == 0:
                self._step_back()

    def _step_back(self) -> None:
        waiting = len(self.queue)
        if waiting >= self._busy_size:
            return
        time.sleep(0)
        is_burst = len(self.queue) - waiting >= _BURST_SPANS
        if is_burst and waiting < self._nap_size and not self._flushes and not self._is_stopping:
            time.sleep(_NAP_SECONDS)

    def _take(self, root: LocalRoot[bytes], span: ReadableSpan | None, now: float) -> None:
        trace = root.trace
        if root.is_released:
            self._counters.add("late")
        if span is None or trace.full_reason is not None or self._is_out_of_time():
            reason = trace.full_reason or "shutdown"
            self._buffer.touch(trace, now)
            self._counters.add("dropped", reason)
            self._buffer.count_drop(trace, reason)
        else:
            digest = self._analysis.digest(span)
            if digest is None:
                self._counters.add("dropped", "unreadable")
                self._buffer.count_drop(trace, "unreadable")
            else:
                self._counters.add("analysed")
                self._buffer.add(root, digest, sys.getsizeof(digest), now)
        if span is not None and span.context.span_id == root.span_id:
            self._buffer.root_ended(root, now)

    def _release_due(self, *, at_once: bool) -> None:
        for trace in self._held.overflowed():
            self._held.let_children_go(trace)
        due = self._buffer.due(self._clock(), at_once=at_once)
        if not due:
            return
        # What ended before the buffer was asked is in the queue by now: nothing of a quiet trace is missed.
        self._drain()
        for item in due:
            self._release(item)
            self._step_back()

    def _release(self, item: DueTrace[bytes]) -> None:
        trace = item.trace
        if item.needs_analysis and not self._is_out_of_time():
            trace.result = self._analysis.analyze(item)
        analysis: Analysis = trace.result or NO_ANALYSIS
        report = analysis.report
        # First marked, then let go: a hook that holds a span meanwhile sees the mark and takes it back.
        self._buffer.settle(item, is_worth_keeping=analysis.is_session)
        if item.caps or item.forgets:
            trace.may_hold = False
            self._held.let_children_go(trace, report=report)
        else:
            self._held.let_children_go(trace, item.roots, report)
        for root in item.roots:
            self._held.let_root_go(root, report, analysis.evidence_ns)
        if not trace.is_capped:
            trace.result = None  # reports are large, and the next one replaces it

    def _is_out_of_time(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

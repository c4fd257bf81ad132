"""`HeldSpans`: ended spans that wait for the report of their trace before they go on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from otel_sessionopt.ingest.buffered_trace import BufferedTrace, LocalRoot

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from otel_sessionopt.analyzers.issue import EfficiencyIssue
    from otel_sessionopt.processor_stats import Guard
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.writeback.span_events import CauseWriter, SpanWriter

    Root = LocalRoot[bytes]
    Trace = BufferedTrace[bytes]


class HeldSpans:
    """Holds spans and lets each go exactly once.

    Every span is in one dict, and taking it out is atomic: whoever takes it out sends it, be it the worker, a hook
    that came too late, or the shutdown that lost patience with the worker.

    Args:
        forward: sends a span on; must not raise.
        writer: puts a report onto roots.
        cause_writer: puts findings onto the spans that caused them; `None` = only roots are held.
        max_roots, max_children: more are not held.
    """

    def __init__(
        self,
        forward: Callable[[ReadableSpan], None],
        writer: SpanWriter,
        cause_writer: CauseWriter | None,
        guard: Guard,
        *,
        max_roots: int,
        max_children: int,
    ) -> None:
        self._forward = forward
        self._writer = writer
        self._cause_writer = cause_writer
        self._guard = guard
        self._max_roots = max_roots
        self._max_children = max_children
        self._roots: dict[Root, ReadableSpan] = {}
        self._children: dict[ReadableSpan, Root] = {}
        self._overflowed: deque[Trace] = deque()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._roots) + len(self._children)

    # --- hooks, any thread --------------------------------------------------------------------------------------

    def hold_root(self, root: Root, span: ReadableSpan) -> bool:
        """Hold an ended local root; false when it has to go on now."""
        if len(self._roots) >= self._max_roots:
            return False
        self._roots[root] = span
        return not (self._is_closed and self._roots.pop(root, None) is not None)

    def hold_child(self, root: Root, span: ReadableSpan) -> bool:
        """Hold an ended span below a local root; false when it has to go on now.

        When there is no room, all spans of its trace go on, and only its root will carry findings.
        """
        trace = root.trace
        if self._cause_writer is None or root.is_released or trace.is_full or not trace.may_hold:
            return False
        if len(self._children) >= self._max_children:
            trace.may_hold = False
            self._overflowed.append(trace)
            return False
        self._children[span] = root
        is_too_late = root.is_released or not trace.may_hold or self._is_closed
        return not (is_too_late and self._children.pop(span, None) is not None)

    # --- the worker ---------------------------------------------------------------------------------------------

    def overflowed(self) -> Iterator[Trace]:
        """Traces whose spans have to go on because there was no room, each once."""
        while self._overflowed:
            yield self._overflowed.popleft()

    def let_root_go(self, root: Root, report: OptimizationReport | None, evidence_ns: Mapping[str, int]) -> None:
        """Send a root on, with `report` on it where there is one."""
        span = self._roots.pop(root, None)
        if span is None:
            return
        out = span
        if report is not None:
            try:
                out = self._writer.write(span, report, evidence_ns)
            except Exception as error:  # noqa: BLE001 - the span goes on as it is
                self._guard.failed("writing findings", error)
        self._forward(out)

    def let_children_go(
        self, trace: Trace, roots: Collection[Root] | None = None, report: OptimizationReport | None = None
    ) -> None:
        """Send on what is held of `trace` below `roots` (`None` = all), findings on those that caused them."""
        if not self._children:
            return
        causes = {} if report is None else _issues_by_cause(report)
        for span in list(self._children):
            root = self._children.get(span)
            if root is None or root.trace is not trace:
                continue
            # Where only ends are seen, what a span is below may turn out after it was held.
            root = trace.members.get(span.context.span_id, root)
            if (roots is None or root in roots) and self._children.pop(span, None) is not None:
                self._forward(self._with_findings(span, causes))

    def let_all_go(self) -> int:
        """Send everything on as it is, and hold nothing from now on; how many spans that were."""
        self._is_closed = True
        count = 0
        for child in list(self._children):
            if self._children.pop(child, None) is not None:
                self._forward(child)
                count += 1
        for root in list(self._roots):
            span = self._roots.pop(root, None)
            if span is not None:
                self._forward(span)
                count += 1
        return count

    def _with_findings(self, span: ReadableSpan, causes: Mapping[str, list[EfficiencyIssue]]) -> ReadableSpan:
        issues = causes.get(format(span.context.span_id, "016x"))
        if not issues or self._cause_writer is None:
            return span
        try:
            return self._cause_writer.write_onto_cause(span, issues)
        except Exception as error:  # noqa: BLE001 - the span goes on as it is
            self._guard.failed("writing findings", error)
            return span


def _issues_by_cause(report: OptimizationReport) -> dict[str, list[EfficiencyIssue]]:
    """Issues by the event that caused them: the last of the evidence, the first being the necessary one."""
    causes: dict[str, list[EfficiencyIssue]] = {}
    for issue in report.issues:
        if issue.events_involved:
            causes.setdefault(issue.events_involved[-1], []).append(issue)
    return causes

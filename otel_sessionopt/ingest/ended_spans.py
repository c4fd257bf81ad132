"""Which local root an ended span belongs to, for those who see ends only: exporters.

Spans come in any order. One whose parent has not come waits for it, under a local root that has not come either and
takes over everything that waits when it comes; what is awaited counts as open. Where spans come out of the order in
which they ended, or a root before all others, more are expected after the root.
"""

from __future__ import annotations

from otel_sessionopt.ingest.buffered_trace import NO_SPAN, BufferedTrace, D, LocalRoot


def root_of_ended(
    trace: BufferedTrace[D], span_id: int, parent_id: int | None, parent_is_remote: bool, end_ns: int
) -> LocalRoot[D]:
    """Put an ended span into its trace; the local root above it, which may not have its id yet (`NO_SPAN`)."""
    if end_ns < trace.last_end_ns:
        trace.is_in_order = False
    trace.last_end_ns = max(end_ns, trace.last_end_ns)
    root = trace.members.get(parent_id or 0)
    if root is not None:
        if trace.awaited is not None and root is not trace.awaited and span_id in trace.awaited.open:
            _merge(trace.awaited, root, span_id)
    elif parent_id is None or parent_is_remote:
        root = _arrived_root(trace, span_id)
    else:
        root = trace.awaited or _await_root(trace)
        root.open.add(parent_id)
    root.open.add(span_id)
    trace.members[span_id] = root
    return root


def _arrived_root(trace: BufferedTrace[D], span_id: int) -> LocalRoot[D]:
    root = trace.awaited
    if root is None:
        root = LocalRoot(trace, span_id)
        trace.roots.append(root)
    root.open.add(span_id)  # before it has its id: a root that is not open would count as ended
    root.span_id = span_id
    trace.awaited = None
    if trace.members and trace.is_in_order:
        root.open.discard(NO_SPAN)
    else:
        root.open.add(NO_SPAN)
    return root


def _await_root(trace: BufferedTrace[D]) -> LocalRoot[D]:
    """What stands for a local root that has not come; a full trace has forgotten its spans and awaits none."""
    if trace.is_full and trace.roots:
        return trace.roots[-1]
    trace.awaited = LocalRoot(trace, NO_SPAN)
    trace.awaited.open.add(NO_SPAN)
    trace.roots.append(trace.awaited)
    return trace.awaited


def _merge(awaited: LocalRoot[D], root: LocalRoot[D], span_id: int) -> None:
    """A span that others waited for has come, and it is below a known root: so are they, if it was the only one."""
    awaited.open.discard(span_id)
    if awaited.open - {NO_SPAN}:
        return
    trace = root.trace
    for member, above in list(trace.members.items()):
        if above is awaited:
            trace.members[member] = root
    trace.roots.remove(awaited)
    trace.awaited = None

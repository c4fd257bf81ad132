"""From the spans of one trace to its session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.pricing.catalog import PriceCatalog
from otel_sessionopt.session.ancestry import EVENTLESS
from otel_sessionopt.session.call_tree import NO_PARENT, CallTree, call_tree
from otel_sessionopt.session.events import events_from_tree
from otel_sessionopt.session.inherited_models import with_models
from otel_sessionopt.session.log_signals import with_logs
from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus
from otel_sessionopt.session.release import Release, ReleaseReason
from otel_sessionopt.session.times import iso_from_ns
from otel_sessionopt.session.told_tools import with_told_calls
from otel_sessionopt.session.usage_count import count_usage

DUPLICATE_SPAN = "duplicate-span"
"""Warning: a span came more than once; it counts once."""
UNKNOWN_USAGE = "unknown-usage"
"""Warning: a model call that went well states no token numbers; the bill is short of it."""

ASSUMED_CACHE_INCLUSION = "assumed-cache-inclusion"
"""Warning: nothing told whether the stated input contains the cached tokens; the OTel rule (it does) was assumed."""

_SESSION_KEYS = frozenset({"task", "service", "status"})


def build_session(
    trace_id: int, digests: Sequence[SpanDigest], release: Release, prices: PriceCatalog | None = None
) -> Session:
    """The session that the spans of one trace are.

    The result does not depend on the order of `digests`. Whatever they contain is survived: no spans at all, ids twice,
    missing parents, cycles, several roots, clocks that jump, any depth.

    Args:
        trace_id: 128-bit id.
        digests: spans of that trace; not kept and not changed.
        release: how the collection ended. The session gets a copy with the warnings of all spans and, where it has
            none, their number.
        prices: where prices come from; `None` = the default catalog.
    """
    tree = with_models(with_told_calls(call_tree(with_logs(digests))))
    trace = f"{trace_id:032x}"
    is_recording = _is_recording(tree)
    events = events_from_tree(tree, count_usage(tree), trace_context=trace, is_recording=is_recording)
    detail = _session_detail(tree.spans)
    started_ns = tree.spans[0].start_ns if tree.spans else 0
    ended_ns = max((span.end_ns for span in tree.spans), default=0)
    return Session(
        id=trace,
        agent=_agent_name(tree) or detail.get("service", ""),
        task=detail.get("task", ""),
        status=_status(tree, release, detail.get("status", "")),
        started_at=iso_from_ns(started_ns),
        ended_at=iso_from_ns(max(ended_ns, started_ns)) if release.is_final else "",
        events=events,
        model=_main_model(events),
        trace_ids=(trace,),
        conversation_id=next((span.conversation_id for span in tree.spans if span.conversation_id is not None), None),
        is_recorded=is_recording,
        release=_complete_release(release, tree, events),
        prices=prices,
    )


def _is_recording(tree: CallTree) -> bool:
    """Whether everything that happened in the trace was recorded by hand."""
    if not any(span.operation is Operation.RECORDED for span in tree.spans):
        return False
    return all(span.operation is Operation.RECORDED or span.operation in EVENTLESS for span in tree.spans)


def _session_detail(spans: Sequence[SpanDigest]) -> dict[str, str]:
    """What spans say about the session as a whole; the first to say it wins."""
    found: dict[str, str] = {}
    for span in spans:
        if span.detail:
            for key in _SESSION_KEYS & span.detail.keys():
                found.setdefault(key, str(span.detail[key]))
    return found


def _agent_name(tree: CallTree) -> str:
    # The first agent in top-down order has none above it.
    names = (tree.spans[i].agent for i in tree.top_down if tree.spans[i].operation is Operation.AGENT)
    return next((name for name in names if name), None) or next((span.agent for span in tree.spans if span.agent), "")


def _status(tree: CallTree, release: Release, recorded: str) -> SessionStatus:
    if not release.is_final:
        return SessionStatus.ACTIVE
    if recorded in SessionStatus.__members__:
        return SessionStatus(recorded)
    roots = [span for i, span in enumerate(tree.spans) if tree.parents[i] == NO_PARENT]
    has_root = any(span.parent_span_id is None for span in roots)
    if release.reason is ReleaseReason.IDLE_TIMEOUT or (release.reason is ReleaseReason.SHUTDOWN and not has_root):
        return SessionStatus.ABANDONED
    # With several roots, one after the other, the last one tells how it ended. A root in another process is not seen.
    ends = [span for span in roots if span.parent_span_id is None] or roots
    last = max(ends, key=lambda span: (span.end_ns, span.start_ns, span.span_id), default=None)
    return SessionStatus.FAILED if last is not None and last.error is not None else SessionStatus.COMPLETED


def _main_model(events: Sequence[SessionEvent]) -> str:
    """The model most of the tokens went to, else the one called most, else the empty string: no made-up name."""
    tokens: Counter[str] = Counter()
    for event in events:
        if event.model is not None:
            tokens[event.model] += event.tokens_input + event.tokens_output
    return min(tokens, key=lambda model: (-tokens[model], model), default="")


def _complete_release(release: Release, tree: CallTree, events: Sequence[SessionEvent]) -> Release:
    warnings = Counter(release.warnings)
    for span in tree.spans:
        if span.warnings:
            warnings.update(span.warnings)
        if span.model is not None and span.model.is_assumed:
            warnings[ASSUMED_CACHE_INCLUSION] += 1
    warnings[DUPLICATE_SPAN] += tree.duplicates
    warnings[UNKNOWN_USAGE] += sum(
        event.event_type is EventType.AI_RESPONSE and not (event.tokens_input or event.tokens_output or event.error)
        for event in events
    )
    return release._replace(
        span_count=release.span_count or len(tree.spans),
        warnings={name: count for name, count in sorted(warnings.items()) if count},
    )

"""Activity: how long a session was worked on, and how long it lay idle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_sessionopt.dialects.digest import ToolKind
from otel_sessionopt.session.model import Session, SessionEvent
from otel_sessionopt.session.times import NS_PER_MS, NS_PER_SECOND, ns_from_iso

IDLE_GAP_NS: Final = 5 * 60 * NS_PER_SECOND
"""A gap counts as activity up to this length: the usual life of a prompt cache, so that a shorter pause costs nothing.
Source: Anthropic, "Prompt caching", cache lifetime."""

_QUICK_KINDS: Final = frozenset({ToolKind.READ, ToolKind.WRITE, ToolKind.SEARCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Time spent.

    Attributes:
        active_ns: wall time with every idle gap capped at `IDLE_GAP_NS`.
        wall_ns: from the first start to the last end.
        longest_gap_ns: longest time in which no event was in progress.
        idle_gaps: lengths in ns of the gaps longer than `IDLE_GAP_NS`, in order.
        idle_starts: when they began, epoch ns.
    """

    active_ns: int
    wall_ns: int
    longest_gap_ns: int = 0
    idle_gaps: tuple[int, ...] = ()
    idle_starts: tuple[int, ...] = ()


def activity(session: Session) -> Activity:
    """How long a session was worked on.

    A recording by hand also tells the length of its events: they come one after the other, whatever the time stamps
    say, so that it took at least the sum of their lengths. It is all that counts where an event has no times.
    """
    return session.fact(_compute_activity)


def _compute_activity(session: Session) -> Activity:
    stated_ns = round(session.total_duration_ms * NS_PER_MS)
    spans: list[tuple[int, int]] = []
    for event in session.events:
        if event.start_ns is None or event.end_ns is None:
            return Activity(active_ns=stated_ns, wall_ns=stated_ns)
        spans.append((event.start_ns, _busy_until(event.start_ns, event.end_ns, event)))
    if not spans:
        wall_ns = round(session.duration_seconds * NS_PER_SECOND)
        return Activity(active_ns=stated_ns or min(wall_ns, IDLE_GAP_NS), wall_ns=max(wall_ns, stated_ns))
    spans.sort()
    started_ns, ended_ns = ns_from_iso(session.started_at), ns_from_iso(session.ended_at)
    if started_ns is not None and started_ns < spans[0][0]:
        spans.insert(0, (started_ns, started_ns))
    if ended_ns is not None and ended_ns > spans[-1][0]:
        spans.append((ended_ns, ended_ns))
    measured = _measure(spans)
    if not session.is_recorded:
        return measured
    return Activity(
        active_ns=max(measured.active_ns, stated_ns),
        wall_ns=max(measured.wall_ns, stated_ns),
        longest_gap_ns=measured.longest_gap_ns,
        idle_gaps=measured.idle_gaps,
        idle_starts=measured.idle_starts,
    )


def _busy_until(start_ns: int, end_ns: int, event: SessionEvent) -> int:
    """Until when the event shows that something was at work.

    A tool call is open while it waits for a person to allow it (a `git diff` of 136 minutes in a published session).
    Of calls that were refused, and of those that are done in moments once they run, only the start is certain; what
    follows is a gap like any other, counted up to `IDLE_GAP_NS`.
    """
    tool = event.tool
    if tool is None:
        return end_ns
    is_quick = tool.is_rejected or tool.kind in _QUICK_KINDS or (tool.command or "").startswith("git ")
    return start_ns if is_quick else end_ns


def _measure(spans: Sequence[tuple[int, int]]) -> Activity:
    """Activity of `spans`, ordered by start.

    events   ├──a──┤      ├─b─┤                        ├─c─┤
               ├─d─┤
    gaps           ├──────┤   ├────────────────────────┤
    active   ├─────┼──────┼───┼────── 5 min ─┤         ├───┤
    """
    first = busy_until = spans[0][0]
    gaps: list[int] = []
    idle_starts: list[int] = []
    for start, end in spans:
        if start > busy_until:
            gaps.append(start - busy_until)
            if gaps[-1] > IDLE_GAP_NS:
                idle_starts.append(busy_until)
        busy_until = max(busy_until, end)
    idle = tuple(gap for gap in gaps if gap > IDLE_GAP_NS)
    wall_ns = busy_until - first
    return Activity(
        active_ns=wall_ns - sum(gap - IDLE_GAP_NS for gap in idle),
        wall_ns=wall_ns,
        longest_gap_ns=max(gaps, default=0),
        idle_gaps=idle,
        idle_starts=tuple(idle_starts),
    )

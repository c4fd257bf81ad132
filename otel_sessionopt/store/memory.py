"""`MemoryStore`: a store that lasts as long as the object, for tests and for recordings nobody wants to keep."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from otel_sessionopt.errors import RecordingError
from otel_sessionopt.session.model import Session, SessionEvent, SessionStatus
from otel_sessionopt.session.times import ns_from_iso
from otel_sessionopt.store.conversation import figures_of_traces, session_of_traces
from otel_sessionopt.store.records import (
    Figures,
    HistoryTotals,
    IssueTally,
    SessionQuery,
    StoredSession,
    StoredTrace,
    agent_key,
)


@dataclass(slots=True)
class _Entry:
    place: int
    session: Session  # with its events
    figures: Figures | None = None
    is_stale: bool = True
    is_exported: bool = False
    traces: list[StoredTrace] = field(default_factory=list)
    joint: Mapping[str, Any] | None = None

    @property
    def sort_key(self) -> tuple[int, int]:
        return ns_from_iso(self.session.started_at) or 0, self.place


class MemoryStore:
    """A `Store` in this process's memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: dict[str, _Entry] = {}
        self._notes: dict[str, str] = {}
        self._places = 0

    def add(self, session: Session) -> bool:
        """See `Store.add`."""
        with self._lock:
            if session.id in self._entries:
                return False
            self._places += 1
            self._entries[session.id] = _Entry(self._places, _copy(session))
            return True

    def replace(self, session: Session, event_count: int) -> bool:
        """See `Store.replace`."""
        with self._lock:
            entry = self._entries.get(session.id)
            if entry is None or len(entry.session.events) != event_count:
                return False
            del self._entries[session.id]
            return self.add(session)

    def append(self, session_id: str, event: SessionEvent) -> bool:
        """See `Store.append`."""
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is None:
                return False
            if entry.traces:
                raise RecordingError(f"session {session_id} was kept from traces; events cannot be logged to it")
            entry.session.add_event(deepcopy(event))
            entry.is_stale = True
            return True

    def end(self, session_id: str, status: SessionStatus, event: SessionEvent) -> bool:
        """See `Store.end`."""
        with self._lock:
            if not self.append(session_id, event):
                return False
            session = self._entries[session_id].session
            session.status, session.ended_at = status, event.timestamp
            return True

    def get(self, session_id: str) -> StoredSession | None:
        """See `Store.get`."""
        with self._lock:
            entry = self._entries.get(session_id)
            return None if entry is None else _stored(entry)

    def load(self, session_id: str) -> StoredSession | None:
        """See `Store.load`."""
        with self._lock:
            entry = self._entries.get(session_id)
            return None if entry is None else replace(_stored(entry), session=_copy(entry.session))

    def find(self, query: SessionQuery) -> list[StoredSession]:
        """See `Store.find`."""
        with self._lock:
            found = sorted(self._matching(query), key=lambda entry: entry.sort_key, reverse=True)
            return [_stored(entry) for entry in found[: query.limit]]

    def ids_beginning(self, text: str, limit: int) -> list[str]:
        """See `Store.ids_beginning`."""
        with self._lock:
            entries = self._entries.items()
            return sorted(
                session_id
                for session_id, entry in entries
                if any(each.startswith(text) for each in (session_id, *(trace.trace_id for trace in entry.traces)))
            )[:limit]

    def delete(self, session_id: str) -> bool:
        """See `Store.delete`."""
        with self._lock:
            return self._entries.pop(session_id, None) is not None

    def put_figures(self, session_id: str, figures: Figures, event_count: int) -> None:
        """See `Store.put_figures`."""
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is not None:
                entry.figures = figures
                entry.is_stale = len(entry.session.events) != event_count

    def totals(self, query: SessionQuery) -> HistoryTotals:
        """See `Store.totals`."""
        with self._lock:
            found = sorted(
                self._matching(replace(query, stale_only=False, limit=None)), key=lambda entry: entry.sort_key
            )
            figures = [entry.figures for entry in found if entry.figures is not None]
        costs = [each.cost_usd for each in figures if each.cost_usd is not None]
        wasted = [each.waste_cost_usd for each in figures if each.waste_cost_usd is not None]
        issues: defaultdict[str, IssueTally] = defaultdict(IssueTally)
        for each in figures:
            for name, tally in each.issues.items():
                known = issues[name]
                issues[name] = IssueTally(known.issues + tally.issues, known.waste_tokens + tally.waste_tokens)
        return HistoryTotals(
            sessions=len(figures),
            tokens=sum(each.tokens for each in figures),
            cost_usd=sum(costs, Decimal(0)) if costs else None,
            waste_tokens=sum(each.waste_tokens for each in figures),
            waste_cost_usd=sum(wasted, Decimal(0)) if wasted else None,
            scores=[each.efficiency_score for each in figures],
            issues=dict(issues),
        )

    def put_trace(self, trace: StoredTrace) -> bool:
        """See `Store.put_trace`."""
        with self._lock:
            target = self._entries.get(trace.session_id)
            if target is not None and not target.traces:
                return False
            holder = next((e for e in self._entries.values() for t in e.traces if t.trace_id == trace.trace_id), None)
            if holder is not None:
                known = next(each for each in holder.traces if each.trace_id == trace.trace_id)
                if known.span_count > trace.span_count:
                    return False
                holder.traces.remove(known)
            if target is None:
                self.add(session_of_traces(trace.session_id, [trace.session]))
                target = self._entries[trace.session_id]
            target.traces.append(deepcopy(trace))
            for entry in [target] if holder is None else [target, holder]:
                self._sum_up_traces(entry)
            return True

    def put_joint_report(
        self, session_id: str, trace_ids: Collection[str], report: Mapping[str, Any], figures: Figures
    ) -> bool:
        """See `Store.put_joint_report`."""
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is None or not entry.traces or not {each.trace_id for each in entry.traces} <= set(trace_ids):
                return False
            entry.joint, entry.figures, entry.is_stale = deepcopy(report), figures, False
            return True

    def reports(self, session_id: str) -> list[Mapping[str, Any]]:
        """See `Store.reports`."""
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is None:
                return []
            return [deepcopy(entry.joint)] if entry.joint else [deepcopy(trace.report) for trace in entry.traces]

    def set_exported(self, session_id: str, is_exported: bool) -> bool:
        """See `Store.set_exported`."""
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is None or entry.is_exported is is_exported:
                return False
            entry.is_exported = is_exported
            return True

    def note(self, name: str) -> str | None:
        """See `Store.note`."""
        with self._lock:
            return self._notes.get(name)

    def set_note(self, name: str, value: str) -> None:
        """See `Store.set_note`."""
        with self._lock:
            self._notes[name] = value

    def close(self) -> None:
        """See `Store.close`. There is nothing to let go of."""

    def _matching(self, query: SessionQuery) -> Iterator[_Entry]:
        for entry in self._entries.values():
            if query.agent is not None and agent_key(entry.session.agent) != agent_key(query.agent):
                continue
            if query.status is not None and entry.session.status is not query.status:
                continue
            if query.since_ns is not None and entry.sort_key[0] < query.since_ns:
                continue
            if query.before_ns is not None and entry.sort_key[0] >= query.before_ns:
                continue
            if entry.is_stale or not query.stale_only:
                yield entry

    def _sum_up_traces(self, entry: _Entry) -> None:
        entry.joint = None
        if not entry.traces:
            del self._entries[entry.session.id]
            return
        entry.traces.sort(key=lambda trace: ns_from_iso(trace.session.started_at) or 0)
        entry.session = session_of_traces(entry.session.id, [trace.session for trace in entry.traces])
        entry.session.trace_ids = tuple(trace.trace_id for trace in entry.traces)
        entry.figures = figures_of_traces([trace.figures for trace in entry.traces])
        entry.is_stale = False


def _copy(session: Session) -> Session:
    return Session.from_dict(deepcopy(session.to_dict()))


def _stored(entry: _Entry) -> StoredSession:
    session = _copy(entry.session)
    session.events = []
    return StoredSession(
        session=session,
        event_count=len(entry.session.events),
        figures=entry.figures,
        is_stale=entry.is_stale,
        is_exported=entry.is_exported,
    )

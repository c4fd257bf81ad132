"""Whatever is done to them, and in whatever order: every backend gives the same answers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.session import EventType, SessionStatus
from otel_sessionopt.store.memory import MemoryStore
from otel_sessionopt.store.protocol import Store
from otel_sessionopt.store.records import SessionQuery
from otel_sessionopt.store.sqlite import SqliteStore
from tests.store.samples import event, figures, session, trace

TYPES = (EventType.AI_RESPONSE, EventType.TOKEN_USAGE, EventType.FILE_READ)
Step = tuple[str, str, int]

# What a step does, by its name; `n` makes it one of several.
STEPS: dict[str, Callable[[Store, str, int], object]] = {
    "add": lambda store, own, n: store.add(session(own, *[event(n)] * (n % 2), day=1 + n % 20)),
    "replace": lambda store, own, n: store.replace(session(own, event(n)), n % 3),
    "append": lambda store, own, n: store.append(own, event(n, TYPES[n % 3], tokens_input=n % 2)),
    "end": lambda store, own, n: store.end(own, SessionStatus.FAILED, event(n, EventType.SESSION_END)),
    "delete": lambda store, own, _: store.delete(own),
    "put_figures": lambda store, own, n: store.put_figures(
        own, figures(score=n % 100, cost=None if n % 3 == 0 else str(n)), n % 4
    ),
    "put_trace": lambda store, own, n: store.put_trace(trace(n % 4, own if n % 3 else None, day=1 + n, spans=n % 5)),
    "set_exported": lambda store, own, n: store.set_exported(own, bool(n % 2)),
}


def answers(store: Store, own: str) -> list[Any]:
    totals = store.totals(SessionQuery())
    return [
        store.load(own),
        store.reports(own),
        store.find(SessionQuery()),
        store.find(SessionQuery(stale_only=True, limit=2)),
        store.find(SessionQuery(agent="coder", status=SessionStatus.COMPLETED)),
        (totals.sessions, totals.tokens, totals.cost_usd, totals.waste_cost_usd, list(totals.scores), totals.issues),
    ]


def outcome(step: Step, store: Store) -> object:
    name, own, number = step
    try:
        return STEPS[name](store, own, number)
    except ValueError as error:
        return str(error)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from("ab"), st.integers(0, 19)), max_size=25))
def test_backends_agree(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sqlite, memory = SqliteStore(Path(folder) / "history.db"), MemoryStore()
        try:
            for step in steps:
                assert outcome(step, sqlite) == outcome(step, memory), step
                for own in "ab":
                    assert answers(sqlite, own) == answers(memory, own), step
        finally:
            sqlite.close()

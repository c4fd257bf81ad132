"""What the store does with traces whose analysis fails, and what the metrics count of a refreshed report."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from otel_sessionopt.service.trace_store import MAX_ATTEMPTS, Arrived, Figures, TraceStore
from otel_sessionopt.service_settings import ServiceSettings

SETTINGS = ServiceSettings(hold=True, max_age_seconds=1000, retention_seconds=100, quiet_seconds=0)


def test_spans_that_are_held_for_an_analysis_that_fails_go_out_as_they_came(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, SETTINGS)
    held = [zlib.compress(body) for body in (b"one", b"two")]
    store.keep({7: Arrived(digests=[b"digest"], held=held, last_s=1.0, has_root=True)}, 50)
    (due,) = store.due(2.0, 10)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert store.outgoing(0, 50, 10) == []
        assert store.fail(due, 2.0) is (attempt < MAX_ATTEMPTS)
    assert store.outgoing(0, 50, 10) == [(1, b"one"), (2, b"two")]
    assert store.held_of(due.key) == (0, [])
    store.close()


def test_a_trace_whose_analysis_fails_for_days_is_deleted(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, SETTINGS)
    store.keep({7: Arrived(digests=[b"digest"], last_s=1.0, has_root=True)}, 50)
    (due,) = store.due(2.0, 10)
    for now_s in (2.0, 3.0, 4.0, 5.0, 1101.0):
        store.fail(due, now_s)
        assert store.counts()["traces_kept"] == 1
    store.fail(due, 1101.1)
    assert store.counts()["traces_kept"] == 0
    assert store.digests_of(due.key, due.up_to_row) == []
    store.close()


def test_a_refreshed_report_adds_what_is_new() -> None:
    before = Figures((("a", 2), ("b", 1)), 100, 0.5, 1.0)
    assert Figures((("a", 3), ("c", 1)), 90, 0.75, 1.5).beyond(before) == Figures((("a", 1), ("c", 1)), 0, 0.25, 0.5)
    assert before.beyond(before) == Figures()
    assert before.beyond(Figures()) == before


def test_changed_settings_hold_for_what_is_there_already(tmp_path: Path) -> None:
    def due(quiet_seconds: float, now_s: float) -> list[int]:
        store = TraceStore(tmp_path, replace(SETTINGS, quiet_seconds=quiet_seconds))
        if not store.counts()["traces_kept"]:
            store.keep({7: Arrived(digests=[b"digest"], last_s=100.0, has_root=True)}, 50)
        store.set_due_again(100.0)
        found = [each.trace_id for each in store.due(now_s, 10)]
        store.close()
        return found

    assert due(60, 159.0) == []
    assert due(60, 160.0) == [7]
    assert due(10, 109.0) == []
    assert due(10, 110.0) == [7]


def test_a_clock_that_was_set_back_keeps_nothing_waiting(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, replace(SETTINGS, quiet_seconds=5))
    store.set_due_again(9000.0)
    store.keep({7: Arrived(digests=[b"digest"], last_s=9000.0, has_root=True)}, 50)
    store.set_due_again(5000.0)
    assert store.due(5004.0, 10) == []
    assert [due.trace_id for due in store.due(5005.0, 10)] == [7]
    store.close()

from __future__ import annotations

import gc
import tracemalloc
from array import array
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.ingest.spool import TraceSpool


@settings(deadline=None)
@given(items=st.lists(st.tuples(st.integers(1, 6), st.integers())), budget=st.integers(0, 10))
def test_a_tiny_budget_gives_what_memory_alone_gives(items: list[tuple[int, int]], budget: int) -> None:
    expected: dict[int, list[int]] = {}
    for trace_id, item in items:
        expected.setdefault(trace_id, []).append(item)

    with TraceSpool[int](memory_items=budget) as spool:
        for trace_id, item in items:
            spool.add(trace_id, item)

        assert list(spool) == list(expected.items())
        assert list(spool) == list(expected.items()), "a second time too"
        assert len(spool) == len(expected)


def test_traces_come_in_the_order_in_which_each_was_seen_first() -> None:
    with TraceSpool[str](memory_items=2) as spool:
        for trace_id, item in [(9, "a"), (3, "b"), (9, "c"), (5, "d"), (3, "e")]:
            spool.add(trace_id, item)

        assert list(spool) == [(9, ["a", "c"]), (3, ["b", "e"]), (5, ["d"])]


def test_more_can_be_added_after_iterating() -> None:
    with TraceSpool[str](memory_items=1) as spool:
        spool.add(1, "a")
        spool.add(1, "b")
        assert list(spool) == [(1, ["a", "b"])]
        spool.add(1, "c")
        spool.add(1, "d")
        assert list(spool) == [(1, ["a", "b", "c", "d"])]


def test_items_of_any_picklable_kind_survive_the_file() -> None:
    item = (Decimal("0.1"), array("q", [1, 2]), {"a": None}, b"\x00")
    with TraceSpool[object](memory_items=0) as spool:
        spool.add(2**128 - 1, item)

        assert list(spool) == [(2**128 - 1, [item])]


def test_leaving_it_forgets_everything() -> None:
    with TraceSpool[int](memory_items=0) as spool:
        spool.add(1, 1)

    assert list(spool) == []


def test_memory_does_not_grow_with_the_items() -> None:
    def peak(items: int) -> int:
        gc.collect()
        tracemalloc.start()
        with TraceSpool[str](memory_items=500) as spool:
            for number in range(items):
                spool.add(number % 7, f"{number:0500}")
            total = sum(1 for _ in spool)
            size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert total == 7
        return size

    # The items of one trace are in memory while it is given: a seventh of 4,000 × 550 bytes.
    assert peak(4_000) < 700_000


def test_a_file_that_cannot_be_written_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with TraceSpool[int](memory_items=0) as spool, pytest.raises(OSError, match="No space left"):
        spool.add(1, 1)

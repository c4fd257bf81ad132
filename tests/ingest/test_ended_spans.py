"""`TraceBuffer.span_came`: traces put together from ended spans alone, in whatever order they come."""

from __future__ import annotations

import itertools

import pytest

from otel_sessionopt.ingest.buffered_trace import DueTrace, LocalRoot
from otel_sessionopt.ingest.trace_buffer import TraceBuffer
from otel_sessionopt.processor_settings import ProcessorSettings

TRACE = 5
GRACE = ProcessorSettings().grace_seconds
TREE = {1: None, 2: 1, 3: 2, 4: 1}
"""Span → parent: a root, two below it, one below the first of those."""
END_NS = {3: 30, 2: 40, 4: 50, 1: 60, 12: 70, 11: 80}
"""Span → end."""


class Ends:
    """A buffer that sees ends only."""

    def __init__(self) -> None:
        self.now = 0.0
        self.buffer: TraceBuffer[str] = TraceBuffer(ProcessorSettings())

    def come(self, span: int, parent: int | None, *, remote: bool = False) -> LocalRoot[str]:
        root = self.buffer.span_came(TRACE, span, parent, remote, END_NS[span])
        assert root is not None
        self.buffer.add(root, f"digest {span}", 100, self.now)
        self.buffer.span_ended(root, span)
        if root.span_id == span:
            self.buffer.root_ended(root, self.now)
        return root

    def due(self) -> list[DueTrace[str]]:
        due = self.buffer.due(self.now)
        for item in due:
            self.buffer.settle(item)
        return due


def test_a_root_after_all_its_spans_is_due_at_once() -> None:
    ends = Ends()
    for span in (3, 2, 4):
        ends.come(span, TREE[span])
        assert ends.due() == []
    root = ends.come(1, None)
    (item,) = ends.due()
    assert (item.reason, item.roots, item.is_final) == ("root_ended", (root,), True)
    assert len(item.trace.digests) == 4


@pytest.mark.parametrize("order", list(itertools.permutations(TREE)))
def test_in_every_order_there_is_one_root_above_all_and_one_report_of_all(order: tuple[int, ...]) -> None:
    ends = Ends()
    for span in order:
        ends.come(span, TREE[span])
    ends.now += GRACE
    (item,) = ends.due()
    assert [root.span_id for root in item.roots] == [1]
    assert item.is_final
    assert {ends.buffer.root_above(TRACE, span) for span in TREE} == set(item.roots)
    assert sorted(item.trace.digests) == [f"digest {span}" for span in sorted(TREE)]


def test_a_root_that_comes_first_waits_for_what_follows() -> None:
    ends = Ends()
    ends.come(1, None)
    assert ends.due() == []
    ends.come(2, 1)
    assert ends.due() == []
    ends.now += GRACE
    (item,) = ends.due()
    assert item.reason == "root_ended"
    assert not item.trace.has_open_spans


def test_a_root_waits_when_spans_came_out_of_order() -> None:
    ends = Ends()
    ends.come(4, 1)
    ends.come(2, 1)
    ends.come(1, None)
    assert ends.due() == []
    ends.now += GRACE
    assert [item.reason for item in ends.due()] == ["root_ended"]


def test_a_parent_that_has_not_come_is_waited_for() -> None:
    ends = Ends()
    ends.come(3, 2)  # 2 is still running: it must have been there
    ends.come(4, 1)
    root = ends.come(1, None)
    assert ends.due() == []
    assert 2 in root.open
    ends.come(2, 1)
    (item,) = ends.due()
    assert (item.reason, item.trace.late_spans) == ("root_ended", 0)


def test_a_parent_that_never_comes_is_told() -> None:
    ends = Ends()
    ends.come(3, 2)
    ends.come(1, None)
    ends.now += GRACE
    (item,) = ends.due()
    assert item.reason == "late_children"


@pytest.mark.parametrize("order", list(itertools.permutations(TREE)))
def test_however_batches_are_cut_every_span_is_in_the_last_report(order: tuple[int, ...]) -> None:
    ends = Ends()
    reports = []
    for span in order:
        ends.come(span, TREE[span])
        reports += ends.due()
        ends.now += GRACE
        reports += ends.due()
    ends.now += 4 * GRACE  # each refresh waits twice as long as the one before
    reports += ends.due()
    assert sorted(reports[-1].trace.digests) == [f"digest {span}" for span in sorted(TREE)]
    assert [root.span_id for item in reports for root in item.roots] == [1]


def test_a_late_span_below_a_known_one_refreshes_the_report() -> None:
    ends = Ends()
    ends.come(2, 1)
    ends.come(1, None)
    assert len(ends.due()) == 1
    ends.come(4, 1)
    ends.now += GRACE
    (item,) = ends.due()
    assert (item.reason, item.roots, item.trace.late_spans) == ("late_span", (), 1)


def test_spans_below_a_remote_parent_have_a_root_of_their_own() -> None:
    ends = Ends()
    ends.come(3, 2)
    root = ends.come(2, 99, remote=True)
    assert root.span_id == 2
    assert ends.buffer.root_above(TRACE, 3) is root
    assert len(ends.due()) == 1


def test_two_roots_of_one_trace_are_each_let_go_when_they_come() -> None:
    ends = Ends()
    ends.come(2, 1)
    first = ends.come(1, 98, remote=True)
    assert [item.roots for item in ends.due()] == [(first,)]
    ends.come(12, 11)
    assert ends.due() == []
    second = ends.come(11, 99, remote=True)
    (item,) = ends.due()
    assert item.roots == (second,)
    assert item.is_final
    assert len(item.trace.digests) == 4


def test_a_trace_without_its_root_is_told_at_shutdown() -> None:
    ends = Ends()
    ends.come(2, 1)
    ends.come(3, 2)
    (item,) = ends.buffer.due_at_shutdown()
    assert (item.reason, item.roots, len(item.trace.digests)) == ("shutdown", (), 2)

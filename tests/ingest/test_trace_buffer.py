"""`TraceBuffer` with a clock that only moves when told to."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from otel_sessionopt.ingest.buffered_trace import TRACE_BYTES, DueTrace, LocalRoot, Reason
from otel_sessionopt.ingest.trace_buffer import MEMBER_BYTES, SWEEP_SECONDS, TraceBuffer
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.session import ReleaseReason

TRACE = 77
DIGEST_BYTES = 300


class World:
    """A buffer, a clock, and spans that are named by numbers."""

    def __init__(self, **settings: Any) -> None:
        self.now = 0.0
        self.buffer: TraceBuffer[str] = TraceBuffer(ProcessorSettings(**settings))

    def start(self, span: int, parent: int | None = None, *, remote: bool = False, trace: int = TRACE) -> bool:
        return self.buffer.span_started(trace, span, parent, remote)

    def end(self, span: int, *, trace: int = TRACE, size: int = DIGEST_BYTES) -> bool:
        """End a span as processor and worker do; whether its digest was kept."""
        root = self.buffer.root_above(trace, span)
        assert root is not None
        self.buffer.span_ended(root, span)
        is_kept = self.buffer.add(root, f"digest {span}", size, self.now)
        if root.span_id == span:
            self.buffer.root_ended(root, self.now)
        return is_kept

    def root(self, span: int, *, trace: int = TRACE) -> LocalRoot[str]:
        root = self.buffer.root_above(trace, span)
        assert root is not None
        return root

    def due(self, *, at_once: bool = False, keep: bool = True) -> list[DueTrace[str]]:
        """What is due now, settled."""
        due = self.buffer.due(self.now, at_once=at_once)
        for item in due:
            self.buffer.settle(item, is_worth_keeping=keep)
        return due

    def wait(self, seconds: float) -> None:
        self.now += seconds


def reasons(due: list[DueTrace[str]]) -> list[str]:
    return [item.reason for item in due]


def test_reasons_are_those_of_the_session_model() -> None:
    assert set(get_args(Reason)) == {reason.value for reason in ReleaseReason}


# --- local roots


def test_a_span_without_parent_is_a_local_root() -> None:
    assert World().start(1) is True


def test_a_span_below_a_known_one_is_none() -> None:
    world = World()
    world.start(1)
    assert world.start(2, 1) is False
    assert world.start(3, 2) is False


def test_a_span_below_a_remote_parent_is_a_local_root() -> None:
    world = World()
    assert world.start(2, 1, remote=True) is True
    assert world.start(3, 2) is False


def test_a_span_below_a_local_parent_that_was_never_started_here_is_a_local_root() -> None:
    world = World()
    world.start(1)
    assert world.start(3, 99) is True


def test_a_parent_that_is_called_remote_but_was_seen_here_is_a_parent() -> None:
    world = World()
    world.start(1)
    assert world.start(2, 1, remote=True) is False


def test_a_parent_in_another_trace_is_unknown() -> None:
    world = World()
    world.start(1, trace=5)
    assert world.start(2, 1, trace=6) is True


# --- when a trace is over


def test_a_trace_is_over_when_its_root_ended_and_nothing_is_open() -> None:
    world = World()
    world.start(1)
    world.start(2, 1)
    world.end(2)
    assert world.due() == []
    world.end(1)
    (item,) = world.due()
    assert (item.reason, item.is_final, item.trace.digests) == ("root_ended", True, ["digest 2", "digest 1"])
    assert [root.span_id for root in item.roots] == [1]
    assert world.due() == []


def test_an_open_child_is_waited_for() -> None:
    world = World(grace_seconds=2)
    world.start(1)
    world.start(2, 1)
    world.end(1)
    world.wait(1.9)
    assert world.due() == []
    world.end(2)
    assert reasons(world.due()) == ["root_ended"]


def test_an_open_child_is_waited_for_only_so_long() -> None:
    world = World(grace_seconds=2)
    world.start(1)
    world.start(2, 1)
    world.end(1)
    world.wait(2)
    (item,) = world.due()
    assert (item.reason, item.is_final) == ("late_children", False)


def test_a_flush_waits_for_nobody() -> None:
    world = World(grace_seconds=2)
    world.start(1)
    world.start(2, 1)
    world.end(1)
    assert reasons(world.due(at_once=True)) == ["late_children"]


def test_a_flush_leaves_running_sessions_alone() -> None:
    world = World()
    world.start(1)
    world.start(2, 1)
    world.end(2)
    assert world.due(at_once=True) == []


# --- late spans


def test_a_late_span_refreshes_the_report_after_the_grace_period() -> None:
    world = World(grace_seconds=2)
    world.start(1)
    world.start(2, 1)
    world.end(1)
    world.wait(2)
    world.due()
    world.end(2)
    assert world.due() == []
    world.wait(2)
    (item,) = world.due()
    assert (item.reason, item.roots, item.trace.late_spans) == ("late_span", (), 1)
    assert item.trace.digests == ["digest 1", "digest 2"]
    assert world.due() == []


def test_a_span_that_starts_after_the_end_is_late_too() -> None:
    world = World()
    world.start(1)
    world.end(1)
    world.due()
    assert world.start(2, 1) is False
    world.end(2)
    world.wait(2)
    assert reasons(world.due()) == ["late_span"]


def test_an_endless_tail_is_analysed_more_and_more_rarely() -> None:
    world = World(grace_seconds=2)
    world.start(1)
    world.end(1)
    world.due()
    at: list[float] = []
    for span in range(2, 1_000):
        world.start(span, 1)
        world.end(span)
        world.wait(0.5)
        at += [world.now for _ in world.due()]
    # Refreshed after 2, 4, 8, … seconds, each counted from the first span after the refresh before.
    assert at == [2.0, 6.0, 14.0, 30.0, 62.0, 126.0, 254.0]


def test_a_trace_without_a_session_is_forgotten_at_once() -> None:
    world = World()
    world.start(1)
    world.end(1)
    world.due(keep=False)
    assert world.buffer.trace_count == 0
    assert world.buffer.size_bytes == 0


def test_a_trace_without_a_session_is_kept_while_something_in_it_runs() -> None:
    world = World(grace_seconds=2)
    world.start(1)
    world.start(2, 1)  # an agent that outlives the request
    world.end(1)
    world.wait(2)
    world.due(keep=False)
    world.end(2)
    world.wait(2)
    assert reasons(world.due()) == ["late_span"]


# --- several local roots


def test_each_local_root_is_let_go_when_nothing_below_it_is_open() -> None:
    world = World()
    world.start(1, 900, remote=True)
    world.start(2, 901, remote=True)
    world.start(3, 2)
    world.end(1)
    (first,) = world.due()
    assert (first.reason, first.is_final, [root.span_id for root in first.roots]) == ("root_ended", False, [1])
    world.end(3)
    world.end(2)
    (second,) = world.due()
    assert (second.reason, second.is_final, [root.span_id for root in second.roots]) == ("root_ended", True, [2])
    assert len(second.trace.digests) == 3


def test_a_later_local_root_continues_the_report() -> None:
    world = World(idle_timeout_seconds=900)
    world.start(1, 900, remote=True)
    world.end(1)
    world.due()
    world.wait(600)
    assert world.start(2, 900, remote=True) is True
    world.end(2)
    (item,) = world.due()
    assert (item.reason, item.is_final, item.trace.late_spans) == ("root_ended", True, 0)
    assert item.trace.digests == ["digest 1", "digest 2"]


def test_roots_that_were_let_go_do_not_pile_up() -> None:
    world = World()
    for span in range(1, 500):
        world.start(span, 900, remote=True)
        world.end(span)
        world.due()
    assert len(world.root(499).trace.roots) == 1


def test_a_later_root_of_a_forgotten_trace_says_what_is_missing() -> None:
    world = World(idle_timeout_seconds=10)
    world.start(1, 900, remote=True)
    world.end(1)
    world.due()
    world.wait(11)
    world.due()
    assert world.buffer.trace_count == 0
    world.start(2, 900, remote=True)
    world.end(2)
    (item,) = world.due()
    assert dict(item.trace.dropped) == {"forgotten": 1}


def test_a_late_span_of_a_forgotten_trace_is_not_collected() -> None:
    world = World(idle_timeout_seconds=10)
    world.start(1)
    world.end(1)
    world.due()
    world.wait(11)
    world.due()
    assert world.start(2, 1) is False
    assert world.buffer.root_above(TRACE, 2) is None


def test_only_so_many_finished_traces_are_remembered() -> None:
    world = World(finished_traces=3)
    for trace in range(1, 11):
        world.start(1, trace=trace)
        world.end(1, trace=trace)
        world.due(keep=False)
    assert [trace for trace in range(1, 11) if not world.start(2, 1, trace=trace)] == [8, 9, 10]


# --- time-outs


def test_an_idle_session_gets_an_interim_report_and_goes_on() -> None:
    world = World(idle_timeout_seconds=900)
    world.start(1)
    world.start(2, 1)
    world.end(2)
    world.due()
    world.wait(901)
    (interim,) = world.due()
    assert (interim.reason, interim.is_final, interim.roots) == ("idle_timeout", False, ())
    world.wait(10_000)
    assert world.due() == []  # once is enough while nothing happens
    world.start(3, 1)
    world.end(3)
    world.end(1)
    (final,) = world.due()
    assert (final.reason, final.is_final, len(final.trace.digests)) == ("root_ended", True, 3)


def test_a_span_that_starts_is_activity() -> None:
    world = World(idle_timeout_seconds=900)
    world.start(1)
    world.start(2, 1)
    world.end(2)
    world.due()
    world.wait(600)
    world.start(3, 1)
    world.due()
    world.wait(600)
    assert world.due() == []
    world.wait(301)
    assert reasons(world.due()) == ["idle_timeout"]


def test_a_session_is_reported_for_good_after_a_day_and_its_root_still_awaited() -> None:
    world = World(max_age_seconds=86_400, idle_timeout_seconds=900)
    world.start(1)
    world.start(2, 1)
    world.end(2)
    world.due()
    world.wait(86_400)
    (final,) = world.due()
    assert (final.reason, final.is_final, final.caps) == ("idle_timeout", True, True)
    final.trace.result = "the report"
    assert final.trace.digests == []
    world.start(3, 1)
    assert world.end(3) is False
    world.end(1)
    (root,) = world.due()
    assert (root.reason, root.needs_analysis, root.trace.result) == ("idle_timeout", False, "the report")
    assert dict(root.trace.dropped) == {"idle_timeout": 2}


def test_a_root_whose_end_could_not_be_queued_is_found_ended() -> None:
    world = World()
    world.start(1)
    world.buffer.span_ended(world.root(1), 1)
    assert reasons(world.due()) == ["root_ended"]


def test_clocks_that_stand_still_or_go_back_break_nothing() -> None:
    world = World()
    world.now = 1e9
    world.start(1)
    world.start(2, 1)
    world.end(2)
    world.due()
    world.now = -1e9
    world.end(1)
    assert reasons(world.due()) == ["root_ended"]


# --- bounds


def test_a_trace_keeps_only_so_many_digests_and_counts_the_rest() -> None:
    world = World(max_spans_per_trace=3)
    world.start(1)
    kept = []
    for span in range(2, 7):
        world.start(span, 1)
        kept.append(world.end(span))
    assert kept == [True, True, True, False, False]
    world.end(1)
    (item,) = world.due()
    assert (item.reason, len(item.trace.digests), dict(item.trace.dropped)) == ("span_limit", 3, {"span_limit": 3})
    assert item.trace.span_count == 6


def test_a_full_trace_remembers_only_open_spans() -> None:
    world = World(max_spans_per_trace=10)
    world.start(1)
    for span in range(2, 1_000):
        world.start(span, span - 1 if span < 50 else 1)
        world.end(span)
    assert set(world.root(1).trace.members) == {1}


def test_a_child_of_a_span_that_a_full_trace_forgot_is_no_local_root() -> None:
    world = World(max_spans_per_trace=1)
    world.start(1)
    world.start(2, 1)
    world.end(2)
    world.start(3, 1)
    world.end(3)
    assert world.start(4, 3) is False
    assert world.start(5, 900, remote=True) is True


def test_the_heaviest_idle_trace_is_reported_early_when_memory_runs_out() -> None:
    world = World(memory_budget_bytes=65_536)
    for trace, weight in ((1, 10_000), (2, 40_000), (3, 10_000)):
        world.start(1, trace=trace)
        world.start(2, 1, trace=trace)
        world.end(2, trace=trace, size=weight)
    world.wait(5)
    (item,) = world.due()
    assert (item.reason, item.caps, item.is_final, item.trace.trace_id) == ("memory_limit", True, True, 2)
    assert world.buffer.size_bytes < 65_536
    world.start(3, 1, trace=2)
    assert world.end(3, trace=2) is False
    world.end(1, trace=2)
    (root,) = world.due()
    assert (root.reason, root.needs_analysis) == ("memory_limit", False)


def test_a_long_idle_trace_goes_before_a_heavier_busy_one() -> None:
    world = World(memory_budget_bytes=65_536)
    world.start(1, trace=1)
    world.start(2, 1, trace=1)
    world.end(2, trace=1, size=20_000)
    world.due()
    world.wait(100)
    world.start(1, trace=2)
    world.start(2, 1, trace=2)
    world.end(2, trace=2, size=60_000)
    world.wait(1)
    due = world.due()
    assert due[0].trace.trace_id == 1


def test_finished_traces_make_room_first() -> None:
    world = World(memory_budget_bytes=65_536)
    world.start(1, trace=1)
    world.end(1, trace=1, size=30_000)
    world.due()
    world.start(1, trace=2)
    world.start(2, 1, trace=2)
    world.end(2, trace=2, size=40_000)
    assert world.due() == []
    assert world.buffer.trace_count == 1


def test_sizes_add_up_and_go_away() -> None:
    world = World(idle_timeout_seconds=10)
    world.start(1)
    world.start(2, 1)
    world.end(2)
    assert world.buffer.size_bytes == TRACE_BYTES + DIGEST_BYTES + MEMBER_BYTES
    world.end(1)
    world.due()
    assert world.buffer.size_bytes == TRACE_BYTES + 2 * (DIGEST_BYTES + MEMBER_BYTES)
    world.wait(11)
    world.due()
    assert world.buffer.size_bytes == 0


def test_beyond_so_many_traces_one_is_let_go_for_each_new_one() -> None:
    world = World(max_traces=3)
    for trace in range(1, 6):
        world.start(1, trace=trace)
        world.start(2, 1, trace=trace)
        world.end(2, trace=trace)
        world.wait(10)
    due = world.due()
    assert [(item.reason, item.forgets, item.trace.trace_id) for item in due] == [
        ("memory_limit", True, 1),
        ("memory_limit", True, 2),
    ]
    assert world.buffer.trace_count == 3
    assert world.buffer.root_above(1, 1) is None  # its root goes on as it is


def test_without_a_worker_the_number_of_traces_is_bounded_all_the_same() -> None:
    world = World(max_traces=3)
    for trace in range(1, 100):
        world.start(1, trace=trace)
    assert world.buffer.trace_count == 6


def test_a_root_that_ended_in_a_forgotten_trace_is_still_let_go() -> None:
    world = World(max_traces=1)
    world.start(1, trace=1)
    root = world.root(1, trace=1)
    world.due()
    world.wait(5)
    world.start(1, trace=2)
    world.start(2, 1, trace=2)
    world.end(2, trace=2)
    forgotten = world.due()
    assert [item.trace.trace_id for item in forgotten] == [1]
    # A hook had looked the root up before, and queues its end only now.
    world.buffer.span_ended(root, 1)
    world.buffer.add(root, "digest", 300, world.now)
    world.buffer.root_ended(root, world.now)
    (item,) = world.due()
    assert (item.roots, item.needs_analysis) == ((root,), False)
    assert world.buffer.root_above(2, 1) is not None


# --- shutdown


def test_at_shutdown_what_runs_is_reported_as_unfinished() -> None:
    world = World()
    world.start(1)
    world.start(2, 1)
    world.end(2)
    assert world.due(at_once=True) == []
    (item,) = world.buffer.due_at_shutdown()
    assert (item.reason, item.is_final, item.roots) == ("shutdown", True, ())
    world.buffer.settle(item)
    assert world.buffer.trace_count == 0


def test_at_shutdown_finished_traces_are_forgotten() -> None:
    world = World()
    world.start(1)
    world.end(1)
    world.due()
    assert world.buffer.due_at_shutdown() == []
    assert (world.buffer.trace_count, world.buffer.size_bytes) == (0, 0)


# --- whatever happens


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(1, 12), st.integers(0, 14), st.booleans()),
        st.tuples(st.just("end"), st.integers(1, 12), st.just(0), st.just(False)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 3, 20, 1_000, 100_000]), st.just(0), st.just(False)),
        st.tuples(st.just("due"), st.just(0), st.just(0), st.booleans()),
    ),
    max_size=60,
)


@given(actions=ACTIONS, traces=st.lists(st.integers(1, 3), min_size=60, max_size=60))
def test_every_root_is_let_go_at_most_once_and_nothing_is_lost(
    actions: list[tuple[str, int, int, bool]], traces: list[int]
) -> None:
    world = World(max_spans_per_trace=5, max_traces=2, memory_budget_bytes=65_536, finished_traces=2)
    ended: list[LocalRoot[str]] = []
    let_go: list[LocalRoot[str]] = []
    open_spans: dict[tuple[int, int], LocalRoot[str]] = {}
    for (action, number, parent, flag), trace in zip(actions, traces, strict=False):
        if action == "start" and (trace, number) not in open_spans:
            world.start(number, parent or None, remote=flag, trace=trace)
            root = world.buffer.root_above(trace, number)
            if root is not None:
                open_spans[trace, number] = root
        elif action == "end" and (trace, number) in open_spans:
            root = open_spans.pop((trace, number))
            world.buffer.span_ended(root, number)
            world.buffer.add(root, "digest", 20_000, world.now)
            if root.span_id == number:
                world.buffer.root_ended(root, world.now)
                ended.append(root)
        elif action == "wait":
            world.wait(number)
        elif action == "due":
            let_go += [root for item in world.due(at_once=flag) for root in item.roots]
        assert world.buffer.size_bytes >= 0
    for _ in range(3):
        world.wait(SWEEP_SECONDS)
        let_go += [root for item in world.due(at_once=True) for root in item.roots]
    assert len(set(let_go)) == len(let_go)
    assert set(ended) <= set(let_go)
    for item in world.buffer.due_at_shutdown():
        world.buffer.settle(item)
    assert (world.buffer.trace_count, world.buffer.size_bytes) == (0, 0)

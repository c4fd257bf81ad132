from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects.digest import ModelUse, SpanDigest
from otel_sessionopt.session.call_tree import NO_PARENT, call_tree


def _span(span_id: int, parent: int | None = None, start: int | None = None, end: int | None = None) -> SpanDigest:
    begin = span_id if start is None else start
    return SpanDigest(span_id, parent, f"span {span_id}", begin, begin + 1 if end is None else end)


def _ids(*spans: SpanDigest) -> list[int]:
    return [span.span_id for span in call_tree(spans).spans]


def _parents(*spans: SpanDigest) -> dict[int, int | None]:
    tree = call_tree(spans)
    return {
        span.span_id: None if parent == NO_PARENT else tree.spans[parent].span_id
        for span, parent in zip(tree.spans, tree.parents, strict=True)
    }


def test_spans_are_ordered_by_start_then_end_then_id() -> None:
    assert _ids(_span(4, start=2), _span(3, start=1, end=9), _span(2, start=1, end=9), _span(1, start=1, end=8)) == [
        1,
        2,
        3,
        4,
    ]


def test_a_parent_may_start_after_its_child() -> None:
    assert _parents(_span(1, parent=2, start=1), _span(2, start=5)) == {1: 2, 2: None}


def test_a_missing_parent_makes_a_root() -> None:
    assert _parents(_span(1, parent=99), _span(2, parent=1)) == {1: None, 2: 1}


def test_a_span_is_not_its_own_parent() -> None:
    assert _parents(_span(1, parent=1), _span(2, parent=1)) == {1: None, 2: 1}


def test_a_cycle_is_cut_above_the_span_that_started_first() -> None:
    spans = [_span(1, parent=3), _span(2, parent=1), _span(3, parent=2), _span(4, parent=2)]

    assert _parents(*spans) == {1: None, 2: 1, 3: 2, 4: 2}


def test_there_may_be_no_spans() -> None:
    assert call_tree([]).spans == []


def test_a_span_that_comes_twice_counts_once() -> None:
    tree = call_tree([_span(1), _span(2), _span(1)])

    assert ([span.span_id for span in tree.spans], tree.duplicates) == ([1, 2], 1)


def test_of_two_copies_the_one_with_more_facts_stays() -> None:
    bare, full = _span(1), _span(1)._replace(model=ModelUse(uncached_tokens=5, has_usage=True))

    for spans in ([bare, full], [full, bare]):
        assert call_tree(spans).spans == [full]


def test_a_chain_of_a_hundred_thousand_spans_is_no_problem() -> None:
    deep = 100_000
    spans = [_span(number, parent=number - 1 or None, start=deep - number) for number in range(1, deep + 1)]

    tree = call_tree(spans)

    assert [tree.spans[i].span_id for i in tree.top_down] == list(range(1, deep + 1))


_TIMES = st.integers(0, 3)
_ANY_SPAN = st.tuples(st.integers(1, 8), st.none() | st.integers(0, 9), st.sampled_from("ab"), _TIMES, _TIMES)
_ANY_SPANS = st.lists(_ANY_SPAN.map(lambda fields: SpanDigest(*fields)), max_size=12)


@settings(deadline=None)  # the machine may be busy
@given(_ANY_SPANS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(spans: list[SpanDigest], shuffler: random.Random) -> None:
    shuffled = list(spans)
    shuffler.shuffle(shuffled)

    assert call_tree(shuffled) == call_tree(spans)


@settings(deadline=None)  # the machine may be busy
@given(_ANY_SPANS)
def test_any_spans_become_a_forest_with_parents_first(spans: list[SpanDigest]) -> None:
    tree = call_tree(spans)

    assert sorted(tree.top_down) == list(range(len(tree.spans)))
    place = {node: at for at, node in enumerate(tree.top_down)}
    assert all(parent == NO_PARENT or place[parent] < place[node] for node, parent in enumerate(tree.parents))
    assert len({span.span_id for span in tree.spans}) == len(tree.spans) == len(spans) - tree.duplicates

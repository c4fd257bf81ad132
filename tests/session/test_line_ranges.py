from __future__ import annotations

import pytest

from otel_sessionopt.session.line_ranges import Range, covered_ratio


@pytest.mark.parametrize(
    ("wanted", "shown", "ratio"),
    [
        ((1, 10), [], 0),
        ((1, 10), [(1, 10)], 1),
        ((1, 10), [(None, 10)], 1),
        ((1, 10), [(1, 5)], 0.5),
        ((1, 10), [(6, 20)], 0.5),
        ((1, 10), [(3, 4)], 0.2),
        ((1, 10), [(11, 20)], 0),
        ((1, 10), [(1, 4), (3, 6)], 0.6),
        ((1, 10), [(8, 9), (1, 2), (1, 2)], 0.4),
        ((5, 5), [(5, 5)], 1),
        # to the end
        ((None, None), [(None, None)], 1),
        ((1, None), [(None, None)], 1),
        ((100, None), [(100, None)], 1),
        ((100, 200), [(None, None)], 1),
        ((100, 200), [(150, None)], 51 / 101),
        ((3_000, 3_100), [(None, None)], 0),  # no tool shows that much at once
        ((None, None), [(1, 50)], None),  # the file may have 50 lines, or 5,000
        ((None, None), [(1, 50), (40, 80)], None),
        ((60, None), [(1, 50)], 0),
        ((None, None), [(1, 2_000)], 1),
        # ranges that are none
        ((0, 10), [(1, 10)], 1),
        ((-5, -9), [(1, 1)], 1),
        ((10, 5), [(10, 10)], 1),
    ],
)
def test_the_share_of_a_range_that_others_cover(wanted: Range, shown: list[Range], ratio: float | None) -> None:
    assert covered_ratio(wanted, shown) == ratio


def test_what_is_left_of_a_file_after_its_first_lines_counts_as_nearly_covered() -> None:
    ratio = covered_ratio((50, None), [(None, None)])

    assert ratio == pytest.approx(0.98, abs=0.01)

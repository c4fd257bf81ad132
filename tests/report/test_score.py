"""Score and grade."""

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.report.score import efficiency_score, grade


@pytest.mark.parametrize(
    ("avoidable", "bill", "score"),
    [
        (0, 0, 100.0),  # nothing was billed
        (0, 1_000, 100.0),
        (1_000, 1_000, 0.0),
        (150, 1_000, 85.0),
        (Decimal("0.41"), Decimal("2.74"), 85.0),  # 85.04 rounded down
        (1, 1_000_000, 99.9),  # 99.9999 is not all of it
        (2_000, 1_000, 0.0),  # cannot be, and is survived
        (-5, 1_000, 100.0),
    ],
)
def test_the_score_is_the_needed_share_of_the_bill(avoidable: Decimal | int, bill: Decimal | int, score: float) -> None:
    assert efficiency_score(avoidable, bill) == score


@pytest.mark.parametrize(
    ("score", "letter"),
    [
        (100.0, "A"),
        (90.0, "A"),
        (89.9, "B"),
        (80.0, "B"),
        (79.9, "C"),
        (70.0, "C"),
        (69.9, "D"),
        (60.0, "D"),
        (59.9, "F"),
        (0.0, "F"),
    ],
)
def test_grades_begin_at_90_80_70_and_60(score: float, letter: str) -> None:
    assert grade(score) == letter

"""Numbers as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.report import figures
from otel_sessionopt.report.parts import Amount


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (None, "unpriced"),
        (Decimal(0), "$0.00"),
        (Decimal("2.744"), "$2.74"),
        (Decimal("1234.5"), "$1,234.50"),
        (Decimal("0.01"), "$0.01"),
        (Decimal("0.0099"), "$0.0099"),
        (Decimal("0.00123"), "$0.0012"),
        (Decimal("0.000011"), "$0.000011"),
        (Decimal("0.0000001"), "under $0.000001"),
    ],
)
def test_money(cost: Decimal | None, shown: str) -> None:
    assert figures.usd(cost) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 10, "0 %"),
        (5, 0, "0 %"),
        (1, 1_000, "under 1 %"),
        (15, 100, "15 %"),
        (Decimal("0.41"), Decimal("2.74"), "15 %"),
        (999, 1_000, "99 %"),  # never all of it when it is not
        (1_000, 1_000, "100 %"),
    ],
)
def test_shares(part: Decimal | int, whole: Decimal | int, shown: str) -> None:
    assert figures.share(part, whole) == shown


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (None, ""),
        (0, "0 s"),
        (1_500_000_000, "1.5 s"),
        (59 * 10**9, "59 s"),
        (60 * 10**9, "1 min"),
        (3_600 * 10**9, "1 h"),
        (11_520 * 10**9, "3 h 12 min"),
        (48 * 3_600 * 10**9, "2 d"),
        (52 * 3_600 * 10**9, "2 d 4 h"),
        (657_000, "under 1 ms"),
        (12_400_000, "12 ms"),
        (999_999_999, "999 ms"),
    ],
)
def test_durations(nanoseconds: int | None, shown: str) -> None:
    assert figures.duration(nanoseconds) == shown


def test_counts_and_amounts() -> None:
    assert figures.count(1, "call") == "1 call"
    assert figures.count(1_234, "call") == "1,234 calls"
    assert figures.amount(Amount(tokens=1)) == "1 token"
    assert figures.amount(Amount(tokens=12_345, cost_usd=Decimal("0.41"))) == "$0.41, 12,345 tokens"


@pytest.mark.parametrize(("score", "shown"), [(100.0, "100"), (99.9, "99"), (89.9, "89"), (0.0, "0")])
def test_a_score_is_shown_as_its_grade_has_it(score: float, shown: str) -> None:
    assert figures.score(score) == shown

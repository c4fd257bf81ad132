"""Efficiency score and grade: how much of the bill was needed."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Final


class ScoreBasis(str, Enum):
    """What a score compares: money where every model call has a price, otherwise tokens."""

    DOLLARS = "dollars"
    TOKENS = "tokens"


GRADES: Final = ((90.0, "A"), (80.0, "B"), (70.0, "C"), (60.0, "D"))


def efficiency_score(avoidable: Decimal | int, bill: Decimal | int) -> float:
    """`100 × (1 − avoidable / bill)` within 0–100, to one decimal; 100 where nothing was billed.

    Rounded down, so that only a session without any avoidable cost reaches 100 and no grade is rounded up to.
    """
    if bill <= 0:
        return 100.0
    share = Decimal(avoidable) / Decimal(bill)
    tenths = int((1 - min(max(share, Decimal(0)), Decimal(1))) * 1000)
    return tenths / 10


def grade(score: float) -> str:
    """A from 90, B from 80, C from 70, D from 60, else F."""
    return next((letter for least, letter in GRADES if score >= least), "F")

"""How numbers are written for people."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from otel_sessionopt.report.parts import Amount

_MILLISECOND_NS: Final = 10**6
_SECOND_NS: Final = 10**9
_MINUTE_NS: Final = 60 * _SECOND_NS


def usd(cost: Decimal | float | None) -> str:
    """`$2.74`, `$0.0042` below a cent, `unpriced` where no price is known."""
    if cost is None:
        return "unpriced"
    value = float(cost)
    if value == 0 or value >= 0.01:
        return f"${value:,.2f}"
    if value < 0.000_001:
        return "under $0.000001"
    # two significant digits: 0.0042, 0.00038
    return f"${value:.{-int(f'{value:e}'.partition('e')[2]) + 1}f}"


def count(number: int, noun: str) -> str:
    """`1 call`, `1,234 calls`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(part: Decimal | int, whole: Decimal | int) -> str:
    """`15 %`, `under 1 %`, `0 %`; whole percents rounded to nearest, never to 0 or 100 unless it is so."""
    if whole <= 0 or part <= 0:
        return "0 %"
    percent = Decimal(part) / Decimal(whole) * 100
    if percent < 1:
        return "under 1 %"
    if percent >= 100:
        return "100 %"
    return f"{min(round(percent), 99)} %"


def amount(value: Amount) -> str:
    """`$0.41, 12,345 tokens`; tokens alone where no price is known, dollars alone where no token was too many."""
    tokens = count(value.tokens, "token")
    if value.cost_usd and not value.tokens:
        return usd(value.cost_usd)
    return tokens if value.cost_usd is None else f"{usd(value.cost_usd)}, {tokens}"


def duration(nanoseconds: int | None) -> str:
    """`0 s`, `under 1 ms`, `657 ms`, `12 s`, `34 min`, `3 h 12 min`, `2 d 4 h`; empty when unknown."""
    if nanoseconds is None:
        return ""
    if 0 < nanoseconds < _SECOND_NS:
        return f"{nanoseconds // _MILLISECOND_NS} ms" if nanoseconds >= _MILLISECOND_NS else "under 1 ms"
    if nanoseconds < _MINUTE_NS:
        return f"{nanoseconds / 10**9:.3g} s"
    minutes = nanoseconds // _MINUTE_NS
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def score(value: float) -> str:
    """`85`, `99`: whole points, rounded down as grades are."""
    return str(int(value))

"""The picture of where the money went: source, tool and file beside each other, as high as what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from otel_sessionopt.report import figures
from otel_sessionopt.report.html_page import short_path
from otel_sessionopt.report.ledger_view import SOURCE_NAMES, LedgerPart, LedgerSummary
from otel_sessionopt.report.parts import Amount

HEIGHT: Final = 460
_LEVELS: Final = 3
_SMALLEST: Final = 3.0
"""Cells below this height in pixels are put together: nobody can see or point at them."""
_ONE_LINE: Final = 15.0
_TWO_LINES: Final = 40.0
_NAME_CHARS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One part of the bill. `x` and `width` in percent, `y` and `height` in pixels."""

    level: int
    source: str
    name: str
    figure: str
    title: str
    x: float
    y: float
    width: float
    height: float

    @property
    def lines(self) -> int:
        """Lines of text that it has room for."""
        return 2 if self.height >= _TWO_LINES else 1 if self.height >= _ONE_LINE else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One part of the bill as a row of a table."""

    level: int
    name: str
    amount: Amount
    share: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Icicle:
    """The picture and the table beside it."""

    height: int
    cells: tuple[Cell, ...]
    rows: tuple[PartRow, ...]
    sentence: str


def icicle_of(ledger: LedgerSummary) -> Icicle:
    """By dollars where everything is priced, otherwise by tokens."""
    total = ledger.total
    scale = HEIGHT / float(_size(total, total) or 1)
    shown = [f"{SOURCE_NAMES.get(part.name, part.name)} {_share(part, total)}" for part in total.children[:3]]
    return Icicle(
        height=HEIGHT,
        cells=tuple(_cells(total.children, total, "", 0, 0.0, scale)),
        rows=tuple(_rows(total.children, total, 0)),
        sentence=f"Of {figures.amount(total.amount)}: {', '.join(shown)}." if shown else "",
    )


def _size(part: LedgerPart, total: LedgerPart) -> Decimal | int:
    return part.amount.tokens if total.amount.cost_usd in (None, 0) else part.amount.cost_usd or 0


def _share(part: LedgerPart, total: LedgerPart) -> str:
    return figures.share(_size(part, total), _size(total, total))


def _cells(
    parts: Sequence[LedgerPart], total: LedgerPart, source: str, level: int, y: float, scale: float
) -> Iterator[Cell]:
    small: list[LedgerPart] = []
    for part in parts:
        height = float(_size(part, total)) * scale
        if height < _SMALLEST:
            small.append(part)
            continue
        own = source or part.name
        yield _cell(part.name, own, part.amount, _share(part, total), level, y, height)
        if level + 1 < _LEVELS:
            yield from _cells(part.children, total, own, level + 1, y, scale)
        y += height
    rest = sum(float(_size(part, total)) for part in small) * scale
    if rest >= 1:
        yield _cell_of_small(small, total, source, level, y, rest)


def _cell(name: str, source: str, amount: Amount, share: str, level: int, y: float, height: float) -> Cell:
    width = 100 / _LEVELS
    told = SOURCE_NAMES.get(name, name) if level == 0 else name
    return Cell(
        level=level,
        source=source,
        name=short_path(told, _NAME_CHARS) if level == 0 else short_path(told.rsplit("/", 1)[-1], _NAME_CHARS),
        figure=f"{figures.usd(amount.cost_usd)} · {share}" if amount.cost_usd is not None else share,
        title=f"{told}\n{figures.amount(amount)}, {share}",
        x=round(level * width, 2),
        y=round(y, 1),
        width=round(width, 2),
        height=round(max(height - 1, 1), 1),  # a line between neighbours
    )


def _cell_of_small(
    parts: Sequence[LedgerPart], total: LedgerPart, source: str, level: int, y: float, height: float
) -> Cell:
    costs = [part.amount.cost_usd for part in parts if part.amount.cost_usd is not None]
    amount = Amount(
        tokens=sum(part.amount.tokens for part in parts), cost_usd=sum(costs, Decimal(0)) if costs else None
    )
    whole = LedgerPart(name=f"{len(parts)} smaller", amount=amount)
    return _cell(whole.name, source or "other", amount, _share(whole, total), level, y, height)


def _rows(parts: Sequence[LedgerPart], total: LedgerPart, level: int) -> Iterator[PartRow]:
    """What a picture can show, and nothing below a thousandth."""
    for part in parts:
        if float(_size(part, total)) * 1_000 < float(_size(total, total)):
            continue
        name = SOURCE_NAMES.get(part.name, part.name) if level == 0 else part.name
        yield PartRow(level=level, name=name, amount=part.amount, share=_share(part, total))
        yield from _rows(part.children, total, level + 1)

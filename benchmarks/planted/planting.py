"""What a plant or decoy gives, and what a kind of waste consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .draft import Draft

Key = tuple[str, str]
"""One event of a transcript: what it is (`tool`, `model`, or an event type) and its own id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planting:
    """A session with something planted in it.

    Attributes:
        lines: the lines of the transcript.
        events: the wasted events, or all events of a decoy.
        waste_usd: what the waste cost: the session's bill less the bill without it; `None` where that is not defined.
        told_usd: a decoy that may be told as long as it is not counted: what it would come to if it were.
        expects_none: a decoy after which no issue of the rule may be left at all.
    """

    lines: list[dict[str, Any]]
    events: tuple[Key, ...]
    waste_usd: float | None = None
    told_usd: float | None = None
    expects_none: bool = False


Maker = Callable[[Draft], Planting]
"""Plants one thing. Raises `UnfitError` where the session has no place for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of waste and what looks like it.

    Attributes:
        rule: id of the rule that is to find it.
        is_measured: its waste follows from the bill alone, so the estimate has to meet it.
        is_session_wide: it is about a whole session, so a finding need not name a planted event.
    """

    rule: str
    plants: tuple[Maker, ...]
    decoys: tuple[Maker, ...]
    is_measured: bool = False
    is_session_wide: bool = False


def plant_of(draft: Draft, wasted: Iterable[Key], without_usd: float | None) -> Planting:
    """The planting of a draft whose bill was `without_usd` without the waste."""
    waste_usd = None if without_usd is None else draft.bill_usd() - without_usd
    draft.bill_usd()  # a session that has outgrown the price table is unfit
    return Planting(lines=draft.values(), events=tuple(wasted), waste_usd=waste_usd)


def decoy_of(
    draft: Draft, events: Iterable[Key] = (), *, told_usd: float | None = None, expects_none: bool = False
) -> Planting:
    """The planting of a decoy: all inserted events, and the given ones."""
    draft.bill_usd()
    return Planting(lines=draft.values(), events=(*draft.added, *events), told_usd=told_usd, expects_none=expects_none)

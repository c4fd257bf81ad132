"""What the analyzers' tests share: fixed prices, and recordings by hand in few words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from otel_sessionopt.analyzers.base import BaseAnalyzer
from otel_sessionopt.analyzers.issue import EfficiencyIssue
from otel_sessionopt.pricing.catalog import PriceCatalog, Rates
from otel_sessionopt.session.model import EventType, Session, SessionEvent

START = datetime(2026, 1, 5, 9, tzinfo=timezone.utc)


class FlatPrices:
    """A catalog with one price list, in whole dollars a token, so that costs can be added up in the head."""

    def rates(self, model: str | None, provider: str | None, at_ns: int | None, input_tokens: int) -> Rates | None:
        if model is None or model.startswith("unknown"):
            return None
        return Rates(Decimal(10), Decimal(1), Decimal(12), Decimal(20), Decimal(50), "flat")


FLAT: PriceCatalog = FlatPrices()


class Recording:
    """A session recorded by hand; ids count up from `e1`, every event takes a second."""

    def __init__(self, *, model: str = "flat") -> None:
        self._events: list[SessionEvent] = []
        self._model = model

    def add(
        self,
        event_type: EventType,
        tokens_input: int = 0,
        tokens_output: int = 0,
        *,
        minutes: float = 0,
        error: str | None = None,
        **data: object,
    ) -> Recording:
        place = len(self._events)
        self._events.append(
            SessionEvent(
                id=f"e{place + 1}",
                timestamp=(START + timedelta(seconds=place)).isoformat(),
                event_type=event_type,
                data=dict(data),
                tokens_input=tokens_input,
                tokens_output=tokens_output,
                duration_ms=minutes * 60_000,
                error=error,
            )
        )
        return self

    def session(self, *, prices: PriceCatalog = FLAT) -> Session:
        return Session(
            id="recorded",
            agent="coder",
            task="task",
            started_at=START.isoformat(),
            events=list(self._events),
            model=self._model,
            prices=prices,
        )


def find(analyzer: BaseAnalyzer, session: Session) -> list[EfficiencyIssue]:
    """All issues, in a list."""
    found: Iterable[EfficiencyIssue] = analyzer.analyze(session)
    return list(found)


def find_one(analyzer: BaseAnalyzer, session: Session) -> EfficiencyIssue:
    """The only issue; fails where there is another number of them."""
    found = find(analyzer, session)
    assert len(found) == 1, [issue.description for issue in found]
    return found[0]

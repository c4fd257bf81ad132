"""The bill: what every model call of a session was charged, token by token and in money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from otel_sessionopt.pricing import default_catalog
from otel_sessionopt.pricing.catalog import PriceClass, Rates
from otel_sessionopt.session.model import EventType, Session, SessionEvent, repeats_model_call

_ZERO = Decimal(0)


class CallBill(NamedTuple):
    """What one event was charged.

    Attributes:
        event: the model call; in a recording by hand any event with tokens.
        tokens: by price class, all five; every billed token is in one of them. INPUT has no cached tokens, CACHE_WRITE
            none written for an hour, OUTPUT includes reasoning.
        rates: USD per token; `None` = no price is known.
        cost_usd: `None` = unpriced.
        is_reported: no price is known and `cost_usd` is what the span itself states.
    """

    event: SessionEvent
    tokens: Mapping[PriceClass, int]
    rates: Rates | None
    cost_usd: Decimal | None
    is_reported: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a session cost.

    Attributes:
        calls: in the order of events. Calls without a token are not among them: failed attempts cost nothing, and of
            calls that do not tell their usage nothing can be said.
        call_by_id: the same by event id.
        tokens: billed tokens by price class, all five.
        cost_usd: sum over the calls that have a price; `None` when none has. Zero for a recording without tokens.
        unpriced_calls: how many have none.
    """

    calls: tuple[CallBill, ...]
    call_by_id: Mapping[str, CallBill]
    tokens: Mapping[PriceClass, int]
    cost_usd: Decimal | None
    unpriced_calls: int

    @property
    def total_tokens(self) -> int:
        """All billed tokens."""
        return sum(self.tokens.values())

    @property
    def is_fully_priced(self) -> bool:
        """There are billed calls and every one has a cost."""
        return bool(self.calls) and not self.unpriced_calls


def bill(session: Session) -> Bill:
    """The bill of a session. Prices are those of each call's own model and date."""
    return session.fact(_compute_bill)


def _compute_bill(session: Session) -> Bill:
    prices = session.prices if session.prices is not None else default_catalog()
    calls: list[CallBill] = []
    cost_usd: Decimal | None = None
    for event in _billed_events(session):
        # Somebody who records by hand names the model once, on the session; a span without a model has none.
        model = event.model if event.context else event.model or session.model
        rates = prices.rates(model, event.provider, event.start_ns, event.tokens_input)
        call = _call_bill(event, rates)
        calls.append(call)
        if call.cost_usd is not None:
            cost_usd = call.cost_usd if cost_usd is None else cost_usd + call.cost_usd
    if not calls and session.is_recorded:
        cost_usd = _ZERO
    return Bill(
        calls=tuple(calls),
        call_by_id={call.event.id: call for call in calls},
        tokens={each: sum([call.tokens[each] for call in calls]) for each in PriceClass},
        cost_usd=cost_usd,
        unpriced_calls=len([call for call in calls if call.cost_usd is None]),
    )


def _billed_events(session: Session) -> Iterator[SessionEvent]:
    events = session.events
    if not events and session.total_tokens:
        yield _stored_totals(session)
    for index, event in enumerate(events):
        if (event.tokens_input or event.tokens_output) and not (
            event.event_type is EventType.TOKEN_USAGE and repeats_model_call(events, index, session.model)
        ):
            yield event


def _stored_totals(session: Session) -> SessionEvent:
    """One event for a session that was stored without its events."""
    return SessionEvent(
        id=session.id,
        timestamp=session.started_at,
        event_type=EventType.AI_RESPONSE,
        tokens_input=session.total_tokens_input,
        tokens_output=session.total_tokens_output,
        duration_ms=session.total_duration_ms,
        model=session.model,
    )


def _call_bill(event: SessionEvent, rates: Rates | None) -> CallBill:
    written_1h = min(event.cache_write_1h_tokens, event.cache_write_tokens)
    written = event.cache_write_tokens - written_1h
    uncached, read, output = event.uncached_tokens, event.cache_read_tokens, event.tokens_output
    tokens = {
        PriceClass.INPUT: uncached,
        PriceClass.CACHE_READ: read,
        PriceClass.CACHE_WRITE: written,
        PriceClass.CACHE_WRITE_1H: written_1h,
        PriceClass.OUTPUT: output,
    }
    if rates is None:
        return CallBill(event, tokens, None, event.reported_cost_usd, event.reported_cost_usd is not None)
    cost_usd = rates.cost(
        input=uncached, cache_read=read, cache_write=written, cache_write_1h=written_1h, output=output
    )
    return CallBill(event, tokens, rates, cost_usd)

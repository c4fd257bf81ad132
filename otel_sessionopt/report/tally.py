"""Sums over a session for its report: the bill, the waste, how often what happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from otel_sessionopt.analyzers.issue import Basis
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.report.masking import clean_text
from otel_sessionopt.report.parts import (
    Amount,
    BillSummary,
    Counts,
    ModelShare,
    ReplaySummary,
    SessionCost,
    SessionInfo,
    WasteTotals,
)
from otel_sessionopt.session import EventType
from otel_sessionopt.session.events import UNATTRIBUTED
from otel_sessionopt.session.facts.activity import activity
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger_amounts import CLASSES, whole_tokens

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.overlap import WasteLedger
    from otel_sessionopt.pricing.catalog import Rates
    from otel_sessionopt.session import Session, SessionEvent
    from otel_sessionopt.session.facts.bill import CallBill
    from otel_sessionopt.session.facts.ledger_amounts import Billing

UNKNOWN_MODEL: Final = "unknown"
REPORTED_PRICE: Final = "reported by the span"
_TOOL_EVENTS: Final = frozenset({EventType.TOOL_CALL, EventType.FILE_READ, EventType.FILE_WRITE, EventType.SEARCH})


def bill_of(session: Session) -> BillSummary:
    """What the session was charged for, by price class and by model."""
    charged = bill(session)
    told = [call.event.reasoning_tokens for call in charged.calls if call.event.reasoning_tokens is not None]
    return BillSummary(
        total=Amount(tokens=charged.total_tokens, cost_usd=charged.cost_usd),
        classes=_classes(charged.calls),
        reasoning_tokens=sum(told) if told else None,
        calls=len(charged.calls),
        unpriced_calls=charged.unpriced_calls,
        models=_model_shares(session, charged.calls),
    )


def _classes(calls: Iterable[CallBill]) -> dict[PriceClass, Amount]:
    """Tokens of every price class; what a call with a price that only it knows cost in one class is not known."""
    tokens = dict.fromkeys(PriceClass, 0)
    by_rates: dict[Rates, dict[PriceClass, int]] = {}
    last: Rates | None = None
    priced: dict[PriceClass, int] = {}
    for call in calls:
        if call.rates is not None and call.rates is not last:  # hashing prices is slow
            last = call.rates
            priced = by_rates.setdefault(last, dict.fromkeys(PriceClass, 0))
        for price_class, amount in call.tokens.items():
            if amount:
                tokens[price_class] += amount
                if call.rates is not None:
                    priced[price_class] += amount
    return {
        each: Amount.sum_of(
            [
                (tokens[each], None),
                *((0, rates.of(each) * sums[each]) for rates, sums in by_rates.items() if sums[each]),
            ]
        )
        for each in PriceClass
    }


def _model_shares(session: Session, calls: Iterable[CallBill]) -> tuple[ModelShare, ...]:
    rows: dict[tuple[str, str | None], list[CallBill]] = defaultdict(list)
    for call in calls:
        # recordings by hand name the model once, for the whole session
        model = call.event.model or ("" if call.event.context else session.model) or UNKNOWN_MODEL
        rows[clean_text(model), _price_source(call)].append(call)
    shares = [
        ModelShare(
            model=model,
            calls=len(members),
            amount=Amount.sum_of((sum(call.tokens.values()), call.cost_usd) for call in members),
            price_source=source,
        )
        for (model, source), members in rows.items()
    ]
    return tuple(sorted(shares, key=lambda row: (-(row.amount.cost_usd or 0), -row.amount.tokens, row.model)))


def _price_source(call: CallBill) -> str | None:
    if call.rates is not None:
        return clean_text(call.rates.source)
    return REPORTED_PRICE if call.is_reported else None


def waste_totals_of(ledger: WasteLedger) -> WasteTotals:
    """Waste by basis, and what of it is avoidable."""

    def of(basis: Basis) -> Amount:
        return Amount(tokens=ledger.tokens_by_basis[basis], cost_usd=ledger.cost_usd_by_basis[basis])

    return WasteTotals(
        avoidable=Amount(tokens=ledger.avoidable_tokens, cost_usd=ledger.avoidable_cost_usd),
        measured=of(Basis.MEASURED),
        estimated=of(Basis.ESTIMATED),
        heuristic=of(Basis.HEURISTIC),
        at_risk=of(Basis.AT_RISK),
        what_if=of(Basis.WHAT_IF),
    )


def replay_of(ledger: WasteLedger) -> ReplaySummary:
    """The session before and after. Tokens are whole, and add up to the bill less the avoidable waste."""
    played = ledger.replay
    return ReplaySummary(
        before=_session_cost(played.before, played.calls_before),
        after=_session_cost(played.after, played.calls_after),
    )


def _session_cost(billing: Billing, model_calls: int) -> SessionCost:
    classes: dict[PriceClass, int] = {}
    units = tokens = 0
    for price_class, more in zip(CLASSES, billing.units, strict=True):
        units += more
        classes[price_class] = whole_tokens(units) - tokens
        tokens += classes[price_class]
    return SessionCost(total=Amount(tokens=tokens, cost_usd=billing.cost_usd), classes=classes, model_calls=model_calls)


def token_breakdown_of(session: Session) -> dict[str, int]:
    """Billed tokens by event type, and the totals. Stored totals win where no event was kept."""
    charged = bill(session)
    by_type: dict[EventType, int] = defaultdict(int)
    for call in charged.calls if session.events else ():
        by_type[call.event.event_type] += sum(call.tokens.values())
    total, output = charged.total_tokens, charged.tokens.get(PriceClass.OUTPUT, 0)
    ordered = {member.value: by_type[member] for member in EventType if by_type.get(member)}
    return {**ordered, "TOTAL_INPUT": total - output, "TOTAL_OUTPUT": output, "TOTAL": total}


def counts_of(session: Session) -> Counts:
    """How often what happened."""
    events = session.events
    tools = [event for event in events if event.tool is not None or event.event_type in _TOOL_EVENTS]
    errors = [event for event in events if event.error is not None or event.event_type is EventType.ERROR]
    return Counts(
        model_calls=len([event for event in events if _is_model_call(event)]),
        tool_calls=len(tools),
        errors=len(errors),
        tool_errors=len([event for event in tools if event.error is not None]),
        rejections=len([event for event in tools if event.tool is not None and event.tool.is_rejected]),
        compactions=len([event for event in events if event.is_compaction]),
        user_messages=len([event for event in events if event.event_type is EventType.USER_MESSAGE]),
        events=len(events),
    )


def _is_model_call(event: SessionEvent) -> bool:
    # What a container states beyond its calls is billed, and is no call.
    return event.event_type is EventType.AI_RESPONSE and UNATTRIBUTED not in event.data


def info_of(session: Session) -> SessionInfo:
    """Which session it was, its texts cleaned."""
    times = activity(session)
    return SessionInfo(
        trace_ids=tuple(map(clean_text, session.trace_ids)),
        conversation_id=None if session.conversation_id is None else clean_text(session.conversation_id),
        agent=clean_text(session.agent),
        task=clean_text(session.task),
        model=clean_text(session.model),
        status=session.status.value,
        started_at=clean_text(session.started_at),
        ended_at=clean_text(session.ended_at),
        active_ns=times.active_ns,
        wall_ns=times.wall_ns,
    )

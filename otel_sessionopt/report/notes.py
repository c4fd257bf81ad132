"""What a reader must know to trust a report's numbers, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_sessionopt.analyzers.presence import partly_missing_facts
from otel_sessionopt.pricing.catalog import CACHE_AS_INPUT, PriceClass
from otel_sessionopt.report.masking import clean_text
from otel_sessionopt.report.parts import BillSummary
from otel_sessionopt.report.switches import switch_for
from otel_sessionopt.report.tally import REPORTED_PRICE
from otel_sessionopt.session.facts.stated_output import understated_output

if TYPE_CHECKING:
    from otel_sessionopt.session import Session

_WARNINGS: Final = {
    "unknown-usage": "Unknown usage: {calls} without token numbers; the bill is short of them.",
    "duplicate-span": "{spans} came more than once and counted once.",
    "assumed-cache-inclusion": (
        "{calls} do not tell whether cached tokens are inside the input; inside was assumed, as OpenTelemetry says."
    ),
    "reasoning-over-output": "{calls} with more reasoning than output; the output was taken for all of it.",
    "invalid-json": "{spans} with arguments or messages that are not valid JSON.",
    "cut-value": "{spans} with values that the sender cut; what was behind the cut was not seen.",
    "unusable-usage": "{spans} with token numbers that are none; they were left out.",
    "unusable-size": "{spans} with sizes of results that are none; they were left out.",
    "unreadable-span": "{spans} that could not be read at all.",
    "unknown-dialect": (
        "{spans} with words of agent telemetry in no convention that is known; what they say is in no number here."
    ),
    "unmatched-log": "{logs} left out: which of the spans they belong to cannot be told, and nothing counts twice.",
    "dropped-attributes": "{spans} from which the sender dropped attributes.",
}
"""What the names of warnings mean, for people."""


def notes_of(session: Session, bill: BillSummary) -> tuple[str, ...]:
    """Notes on prices, on what was assumed, and on what was not seen."""
    parts = (_price_notes(bill), _output_notes(session), _content_notes(session), _collection_notes(session))
    return tuple(note for part in parts for note in part)


def _price_notes(bill: BillSummary) -> list[str]:
    reported = sum(row.calls for row in bill.models if row.price_source == REPORTED_PRICE)
    notes = [f"The cost of {_times(reported, 'call')} is what the spans state; no price is known."] if reported else []
    if bill.classes[PriceClass.CACHE_READ].tokens:
        notes += [
            f"No price for cache reads of {row.model} is known: they are billed as input, which may be too much."
            for row in bill.models
            if row.price_source is not None and CACHE_AS_INPUT in row.price_source
        ]
    unpriced = [row for row in bill.models if row.price_source is None]
    if not unpriced:
        return notes
    named = ", ".join(f"{row.model} ({_times(row.calls, 'call')})" for row in unpriced)
    if bill.total.cost_usd is None:
        return [*notes, f"Unpriced: {named}. No cost is given; set a price in [prices] of the configuration."]
    tokens = sum(row.amount.tokens for row in unpriced)
    return [*notes, f"Unpriced: {named}. Their {tokens:,} tokens are in no cost; the score therefore compares tokens."]


def _output_notes(session: Session) -> list[str]:
    told = understated_output(session)
    if not told.calls:
        return []
    verb = "states" if told.calls == 1 else "state"
    return [
        f"{_times(told.calls, 'model call')} {verb} {told.stated_tokens:,} output tokens and visibly wrote about "
        f"{told.visible_tokens:,}: placeholders. The output part of the bill is too low."
    ]


def _content_notes(session: Session) -> list[str]:
    """What a part of the tool calls lacks; rules that lack it altogether are not evaluated and say so themselves."""
    notes = []
    for fact, dialect, calls in partly_missing_facts(session):
        switch = switch_for(fact, frozenset({dialect}))
        notes.append(
            f"{_times(calls, 'tool call')} told by {clean_text(dialect) or 'nobody'} came without {fact.value}, "
            f"unlike the others; {switch}."
        )
    return notes


def _collection_notes(session: Session) -> list[str]:
    release = session.release
    if release is None:
        return []
    notes = []
    if not release.is_final:
        notes.append("Interim report: the session goes on, a later report replaces this one.")
    if release.late_spans:
        notes.append(f"{_times(release.late_spans, 'span')} came after an earlier report of this session.")
    notes += [
        f"{_times(count, 'span')} not analysed: {clean_text(reason)}."
        for reason, count in sorted(release.dropped.items())
        if count
    ]
    notes += [_warning(name, count) for name, count in sorted(release.warnings.items()) if count]
    return notes


def _warning(name: str, count: int) -> str:
    sentence = _WARNINGS.get(name)
    if sentence is None:
        return f"Warning {clean_text(name)}: {_times(count, 'span')}."
    return sentence.format(
        spans=_times(count, "span"), calls=_times(count, "model call"), logs=_times(count, "log record")
    )


def _times(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

"""The spans of a session as rows: evidence and dear ones by themselves, the others folded with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING, Final

from otel_sessionopt.report.masking import clean_text
from otel_sessionopt.report.parts import Amount
from otel_sessionopt.report.timeline import MOST_SPANS, SpanRow
from otel_sessionopt.session.events import UNATTRIBUTED
from otel_sessionopt.session.facts.bill import CallBill, bill
from otel_sessionopt.session.facts.cache import CacheMiss, MissCause, cache_misses
from otel_sessionopt.session.facts.contexts import content_tokens
from otel_sessionopt.session.facts.ledger import Ledger, ledger
from otel_sessionopt.session.facts.ledger_amounts import usd_of
from otel_sessionopt.session.facts.ledger_items import Source
from otel_sessionopt.session.model import EventType

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.issue import EfficiencyIssue
    from otel_sessionopt.session import Session, SessionEvent

MOST_EVIDENCE: Final = 12
"""Evidence spans of one issue that are shown by themselves; a person has seen the pattern by then."""
_MOST_KEPT: Final = MOST_SPANS // 2
"""Rows by themselves where rows are folded: a fold may stand between any two of them."""
_DETAIL_CHARS: Final = 120
_KINDS_TOLD: Final = 4
_BROUGHT: Final = frozenset({Source.TOOL_RESULT, Source.USER, Source.ATTACHED})
"""Sources of what an event put into a context, beside what a model call is billed for itself."""

_NAMES: Final = {
    EventType.AI_RESPONSE: "model call",
    EventType.USER_MESSAGE: "user message",
    EventType.THINKING: "thinking",
    EventType.CONTEXT_LOAD: "context load",
    EventType.FILE_READ: "file read",
    EventType.FILE_WRITE: "file write",
    EventType.SEARCH: "search",
    EventType.ERROR: "error",
    EventType.SESSION_START: "session start",
    EventType.SESSION_END: "session end",
    EventType.TOKEN_USAGE: "token usage",
}


def span_rows(session: Session, issues: Iterable[EfficiencyIssue], origin_ns: int) -> tuple[SpanRow, ...]:
    """All events where they are few; otherwise the evidence of issues and the dearest, and folds of the others."""
    make = _RowMaker(session, origin_ns)
    events = sorted(session.events, key=lambda event: event.start_ns or origin_ns)
    if len(events) <= MOST_SPANS:
        return tuple(make.row(event) for event in events)
    kept = frozenset(islice(dict.fromkeys([*evidence_ids(issues), *make.dearest()]), _MOST_KEPT))
    rows: list[SpanRow] = []
    run: list[SessionEvent] = []
    for event in events:
        if event.id not in kept:
            run.append(event)
            continue
        if run:
            rows.append(make.fold(run))
            run = []
        rows.append(make.row(event))
    if run:
        rows.append(make.fold(run))
    return tuple(rows)


def evidence_ids(issues: Iterable[EfficiencyIssue]) -> Iterable[str]:
    """The evidence that is shown, of the first issues first."""
    for issue in issues:
        yield from issue.events_involved[:MOST_EVIDENCE]


def fold_rows(rows: Sequence[SpanRow], evidence: Collection[str]) -> tuple[SpanRow, ...]:
    """Rows of several traces in one bound: `evidence` and the dearest by themselves, the others folded further."""
    if len(rows) <= MOST_SPANS:
        return tuple(rows)
    alone = [row for row in rows if row.spans == 1]
    dear = nlargest(
        _MOST_KEPT, alone, key=lambda row: (row.id in evidence, row.amount.cost_usd or 0, row.amount.tokens)
    )
    kept = {row.id for row in dear}
    folded: list[SpanRow] = []
    run: list[SpanRow] = []
    for row in rows:
        if row.spans > 1 or row.id not in kept:
            run.append(row)
            continue
        if run:
            folded.append(_fold_of_rows(run))
            run = []
        folded.append(row)
    if run:
        folded.append(_fold_of_rows(run))
    return tuple(folded)


class _RowMaker:
    """Makes rows of the events of one session."""

    def __init__(self, session: Session, origin_ns: int) -> None:
        self._session = session
        self._origin_ns = origin_ns
        self._calls: Mapping[str, CallBill] = bill(session).call_by_id
        self._ledger: Ledger = ledger(session)
        self._agents: dict[str, str] = {}
        self._carried_money = _carried_money(self._ledger)
        self._misses: Mapping[str, CacheMiss] = {miss.call.event.id: miss for miss in cache_misses(session)}

    def dearest(self) -> Iterable[str]:
        """Ids of the dearest model calls, and of the events whose content cost most, in turns."""
        calls = nlargest(
            _MOST_KEPT // 2,
            self._calls.values(),
            key=lambda call: (call.cost_usd or Decimal(0), sum(call.tokens.values())),
        )
        yield from (call.event.id for call in calls)
        yield from (item.event_id for item, _ in self._ledger.dearest(_MOST_KEPT) if item.event_id is not None)

    def row(self, event: SessionEvent) -> SpanRow:
        """One event by itself."""
        call = self._calls.get(event.id)
        miss = self._misses.get(event.id)
        start_ns = event.start_ns or self._origin_ns
        return SpanRow(
            id=clean_text(event.id),
            kind=event.event_type.value,
            name=name_of(event),
            detail=_detail_of(event),
            agent=self._agent(event.agent or ""),
            at_ns=start_ns - self._origin_ns,
            duration_ns=(event.end_ns or start_ns) - start_ns,
            amount=self._carried(event) if call is None else _billed([call]),
            input_tokens=0 if call is None else event.tokens_input,
            cache_read_tokens=0 if call is None else event.cache_read_tokens,
            output_tokens=0 if call is None else event.tokens_output,
            miss_cause=None if miss is None or miss.cause is MissCause.FIRST_CALL else miss.cause.value,
            error=None if event.error is None else clean_text(event.error),
        )

    def fold(self, events: Sequence[SessionEvent]) -> SpanRow:
        """Consecutive events as one row; a single one stays as it is."""
        if len(events) == 1:
            return self.row(events[0])
        calls = [call for event in events if (call := self._calls.get(event.id)) is not None]
        starts = [event.start_ns or self._origin_ns for event in events]
        ends = [event.end_ns or start for event, start in zip(events, starts, strict=True)]
        return SpanRow(
            id=clean_text(events[0].id),
            kind=EventType.CUSTOM.value,
            name=_told(Counter(map(name_of, events))),
            at_ns=min(starts) - self._origin_ns,
            duration_ns=max(ends) - min(starts),
            amount=_billed(calls),
            input_tokens=sum(call.event.tokens_input for call in calls),
            cache_read_tokens=sum(call.event.cache_read_tokens for call in calls),
            output_tokens=sum(call.event.tokens_output for call in calls),
            spans=len(events),
        )

    def _agent(self, name: str) -> str:
        shown = self._agents.get(name)
        if shown is None:
            shown = self._agents[name] = clean_text(name)
        return shown

    def _carried(self, event: SessionEvent) -> Amount:
        """The size of what an event brought, and what all later calls were billed for it."""
        money = self._carried_money.get(event.id)
        return Amount(tokens=content_tokens(event) or 0, cost_usd=None if money is None else usd_of(money))


def _carried_money(found: Ledger) -> dict[str, int]:
    """By event id, what calls were billed for carrying its result or message; unpriced ones are not there."""
    money: dict[str, int] = {}
    for context in found.contexts:
        table, priced = context.table, context.charges.priced
        rows = zip(table.events, table.sources, context.amounts, table.entries, table.ends, strict=True)
        for event, source, amounts, entry, end in rows:
            # From the columns, and not for what the model wrote: that has items of its own.
            if event is not None and source in _BROUGHT and priced[end] > priced[entry]:
                money[event.id] = money.get(event.id, 0) + amounts[-1]
    return money


def name_of(event: SessionEvent) -> str:
    """The tool of a tool call, otherwise what kind of thing it was."""
    if event.is_compaction:
        return "compaction"
    if UNATTRIBUTED in event.data:
        return "unattributed usage"
    tool = event.data.get("tool_name")
    if isinstance(tool, str) and tool:
        return clean_text(tool)
    return _NAMES.get(event.event_type) or clean_text(event.name) or event.event_type.value.replace("_", " ").lower()


def _detail_of(event: SessionEvent) -> str:
    data = event.data
    path = data.get("file_path") or data.get("file") or data.get("path")
    if isinstance(path, str):
        first, last = data.get("first_line"), data.get("last_line")
        lines = f" lines {first or 1}–{last or 'end'}" if first is not None or last is not None else ""
        return f"{clean_text(path, _DETAIL_CHARS)}{lines}"
    for key in ("query", "pattern", "command"):
        if isinstance(data.get(key), str):
            return clean_text(data[key], _DETAIL_CHARS)
    return clean_text(event.model or "", _DETAIL_CHARS)


def _billed(calls: Iterable[CallBill]) -> Amount:
    tokens = 0
    costs = []
    for call in calls:
        tokens += sum(call.tokens.values())
        if call.cost_usd is not None:
            costs.append(call.cost_usd)
    return Amount(tokens=tokens, cost_usd=sum(costs, Decimal(0)) if costs else None)


def _fold_of_rows(rows: Sequence[SpanRow]) -> SpanRow:
    if len(rows) == 1:
        return rows[0]
    calls = [row for row in rows if row.input_tokens or row.output_tokens]
    costs = [row.amount.cost_usd for row in calls if row.amount.cost_usd is not None]
    spans = sum(row.spans for row in rows)
    return SpanRow(
        id=rows[0].id,
        kind=EventType.CUSTOM.value,
        name=f"{spans:,} spans",
        at_ns=min(row.at_ns for row in rows),
        duration_ns=max(row.at_ns + row.duration_ns for row in rows) - min(row.at_ns for row in rows),
        amount=Amount(
            tokens=sum(row.amount.tokens for row in calls), cost_usd=sum(costs, Decimal(0)) if costs else None
        ),
        input_tokens=sum(row.input_tokens for row in calls),
        cache_read_tokens=sum(row.cache_read_tokens for row in calls),
        output_tokens=sum(row.output_tokens for row in calls),
        spans=spans,
    )


def _told(counts: Counter[str]) -> str:
    """`12 × model call, 8 × Read, 3 more`, as many kinds as a line has room for."""
    told = [f"{count:,} × {name}" for name, count in counts.most_common(_KINDS_TOLD)]
    rest = sum(counts.values()) - sum(count for _, count in counts.most_common(_KINDS_TOLD))
    return clean_text(", ".join([*told, *([f"{rest:,} more"] if rest else [])]))

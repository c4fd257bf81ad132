"""Rule `model-overprovision`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import ClassVar, Final, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.analyzers.smaller_model import saved_usd, smaller_model
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.cache import USUAL_LIFE_NS, conversation_rows
from otel_sessionopt.session.facts.contexts import context_events
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.facts.requests import requests
from otel_sessionopt.session.model import EventType, Session, SessionEvent

# "Let me look at that": what a turn may say beside its tool calls.
_REMARK_TOKENS: Final = 50


class _Run(NamedTuple):
    """Turns in a row that a smaller model could have had, and what that would have saved, > 0."""

    calls: tuple[SessionEvent, ...]
    saved_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverprovisionAnalyzer(BaseAnalyzer):
    """Finds rows of short turns that only call tools, on the dearest model there is.

    ## Why it matters

    Reading one file after the other takes no great mind, yet each turn sends the whole prompt at the price of the
    model that was chosen for the hard part.

    ## How it is detected

    Turns of a family's dearest model that call tools, say no more than a remark, think nothing, and write at most
    `max_output_tokens`. A row of them counts where the smaller model would have been cheaper although it had to write
    the whole prompt into a cache of its own, and the dear one had to take up afterwards what was new; from `min_turns`
    turns and `min_ratio` of the session's cost on.

    ## How waste is estimated

    What these rows cost, less what they would have cost on the smaller model at the prices of the day, both caches
    included. `what_if`: whether the smaller model would have called the same tools nobody knows. It claims nothing and
    never enters totals or score.

    ## When it stays silent

    - Turns with an answer, with thoughts, or of which the text is not recorded.
    - Single turns between others: a second cache costs more than it saves.
    - Models that are not the dearest of their family, or for which no smaller one is known or priced.
    - Rows longer than the cache lives.

    ## What to do

    Give the search to a sub-agent with a smaller model, which hands back only what was found.

    ## Sources

    - anthropics/claude-code#27665: 93.8 % of the tokens went to the dearest model.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="model-overprovision",
        title="Model overprovision",
        category=Category.SESSION,
        severity=Severity.LOW,
        requires=frozenset({Fact.USAGE, Fact.TOOL_CALLS}),
    )

    max_output_tokens: int = threshold(
        200, unit="tokens", ge=1, le=100_000, doc="Output of a short turn at most, tool arguments included."
    )
    min_turns: int = threshold(5, unit="turns", ge=1, le=10_000, doc="Such turns before they are told.")
    min_ratio: float = threshold(
        0.01, unit="ratio", ge=0.0, le=1.0, doc="Share of the session's cost that has to be saved."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context and model."""
        whole_usd = bill(session).cost_usd
        if not whole_usd:
            return
        for context in ledger(session).contexts:
            for model, row in conversation_rows(context).items():
                smaller = smaller_model(model)
                runs = list(self._worthy_runs(session, context, row, smaller)) if smaller is not None else []
                saved = sum((run.saved_usd for run in runs), Decimal(0))
                turns = sum(len(run.calls) for run in runs)
                if (
                    smaller is not None
                    and turns >= self.min_turns
                    and saved >= Decimal(str(self.min_ratio)) * whole_usd
                ):
                    yield self._issue([call for run in runs for call in run.calls], smaller, saved)

    def _worthy_runs(
        self, session: Session, context: ContextLedger, row: Sequence[int], smaller: str
    ) -> Iterator[_Run]:
        """Short turns in a row, with nothing between them, that would have been cheaper on the smaller model."""
        thinking = _thinking_calls(session, context, row)
        is_short = [self._is_short_turn(session, context.calls[index].event, thinking) for index in row]
        for short, group in groupby(zip(row, is_short, strict=True), key=lambda each: each[1]):
            run = [index for index, _ in group]
            calls = tuple(context.calls[index].event for index in run)
            length_ns = (calls[-1].start_ns or 0) - (calls[0].start_ns or 0)
            if short and run[-1] - run[0] == len(run) - 1 and length_ns <= USUAL_LIFE_NS:
                saved = saved_usd(session, context, run, smaller)
                if saved is not None and saved > 0:
                    yield _Run(calls, saved)

    def _is_short_turn(self, session: Session, call: SessionEvent, thinking: Collection[str]) -> bool:
        asked = requests(session).events_of.get(call.id, ())
        text = call.content_tokens
        if not asked or text is None or text > _REMARK_TOKENS or call.reasoning_tokens or call.id in thinking:
            return False
        if any(event.arguments_tokens is None for event in asked):
            return False
        # Some clients state a placeholder for the output; then the texts tell.
        written = text + sum(event.arguments_tokens or 0 for event in asked)
        return max(call.tokens_output, written) <= self.max_output_tokens

    def _issue(self, calls: Sequence[SessionEvent], smaller: str, saved: Decimal) -> EfficiencyIssue:
        first = calls[0]
        return EfficiencyIssue(
            id=issue_id(self.meta.id, first.context, first.model or ""),
            issue_type=IssueType.MODEL_OVERPROVISION,
            severity=Severity.LOW,
            description=f"{len(calls)} short turns that only called tools ran on {first.model}.",
            suggestion=f"Give such searches to a sub-agent on a smaller model ({smaller}).",
            events_involved=[call.id for call in calls],
            metadata={
                "agent": first.agent or "",
                "model": first.model or "",
                "smaller_model": smaller,
                "turns": len(calls),
            },
            waste=Waste(tokens=0, basis=Basis.WHAT_IF, cost_usd=saved),
        )


def _thinking_calls(session: Session, context: ContextLedger, row: Sequence[int]) -> set[str]:
    """Calls that thought, where thoughts have events of their own."""
    calls = [context.calls[index].event for index in row]
    starts = [call.start_ns or 0 for call in calls]
    found: set[str] = set()
    for event in context_events(session).get(context.context, ()):
        if event.event_type is EventType.THINKING and event.start_ns is not None:
            position = bisect_right(starts, event.start_ns)
            if position:
                found.add(calls[position - 1].id)
    return found

"""Rule `duplicate-model-call`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.claim_kinds import CallClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.continuity import Step, call_rows
from otel_sessionopt.session.facts.requests import requests
from otel_sessionopt.session.model import EventType, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateModelCallAnalyzer(BaseAnalyzer):
    """Finds model calls that were billed, thrown away, and made again with the same prompt.

    ## Why it matters

    A client that gives up on an answer (a time limit, a lost connection, an overloaded provider) and asks again pays
    for both. The first answer is billed, and nobody sees it.

    ## How it is detected

    Two billed calls of one model one after the other, in one context and under one parent, with prompts of equal size
    to the token, of which the second read at least as much from the cache, while the first asked for no tool and
    nothing entered in between. Besides, one of these: the first one or an event between the two is an error; or the
    calls around show a conversation, in which the first answer would have to be part of the next prompt.

    ## How waste is estimated

    The whole of the superseded call, as billed: `measured`.

    ## When it stays silent

    - Failed attempts that were not billed: they cost time, not money.
    - Calls side by side, as when several answers to one prompt are wanted.
    - Calls that stand alone: equal sizes may be chance where prompts are made from a template.
    - Prompts below `min_prompt_tokens`, another model, another parent.
    - A person's message or a compaction in between.
    - Two spans of one response: they are one call.

    ## What to do

    Raise the time limit of the client, retry on errors that come before the answer only, and stream.

    ## Sources

    - iaminfadel/flowjob#120: 19 % of all prompt tokens were identical retries.
    - OpenTelemetry semantic conventions: retries of one request are spans of their own.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="duplicate-model-call",
        title="Duplicate model call",
        category=Category.RELIABILITY,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.USAGE}),
    )

    min_prompt_tokens: int = threshold(
        1_024,
        unit="tokens",
        ge=1,
        le=10_000_000,
        doc="Prompt from which equal sizes say something; the shortest that providers cache.",
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context."""
        for context, row in call_rows(session).items():
            superseded: list[Step] = []
            attempts: list[Step] = []  # at one answer, one after the other
            for index, (before, call) in enumerate(pairwise(row.calls)):
                if before.event.tokens_input != call.event.tokens_input:
                    continue
                step = row.step(index)
                if not self._is_same_call(session, step):
                    continue
                if attempts and attempts[-1].call is not before:
                    superseded += _superseded(attempts)
                    attempts = []
                attempts.append(step)
            superseded += _superseded(attempts)
            if superseded:
                yield self._issue(session, context, superseded)

    def _is_same_call(self, session: Session, step: Step) -> bool:
        before, call = step.before, step.call
        return (
            call.event.tokens_input >= self.min_prompt_tokens
            and before.event.model == call.event.model
            and before.event.parent_span_id == call.event.parent_span_id
            and call.tokens[PriceClass.CACHE_READ] >= before.tokens[PriceClass.CACHE_READ]
            and before.event.id not in requests(session).events_of
            and step.is_of_agent
        )

    def _issue(self, session: Session, context: str, superseded: Sequence[Step]) -> EfficiencyIssue:
        calls = [step.before for step in superseded]
        billed = sum(sum(call.tokens.values()) for call in calls)
        what = "1 model call was" if len(calls) == 1 else f"{len(calls)} model calls were"
        failed = sum(_has_error(step) for step in superseded)
        claims = [CallClaim(call.event.id) for call in calls]
        return EfficiencyIssue(
            id=issue_id(self.meta.id, context),
            issue_type=IssueType.DUPLICATE_MODEL_CALL,
            severity=Severity.MEDIUM,
            description=f"{what} billed ({billed:,} tokens), thrown away and made again with the same prompt.",
            suggestion="Raise the client's time limit, and retry only on errors that come before the answer.",
            # The call that answered in the end is the necessary one.
            events_involved=[superseded[-1].call.event.id, *(call.event.id for call in calls)],
            metadata={"calls": len(calls), "after_errors": failed, "billed_tokens": billed},
            waste=ledger_waste(session, claims, Basis.MEASURED),
        )


def _superseded(attempts: list[Step]) -> list[Step]:
    """The attempts, if an error or the calls around them show that all but the last were thrown away."""
    return attempts if any(_has_error(step) or step.is_in_conversation for step in attempts) else []


def _has_error(step: Step) -> bool:
    return step.before.event.error is not None or any(each.event_type is EventType.ERROR for each in step.between)

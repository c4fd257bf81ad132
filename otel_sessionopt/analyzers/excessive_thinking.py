"""Rule `excessive-thinking`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.costs import cost_of
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import CallBill, bill
from otel_sessionopt.session.model import EventType, Session

# Evidence is for people to look at: the calls that thought most. More would hide them; the figures cover all calls.
_MAX_EVIDENCE: Final = 20


class _Thinking(NamedTuple):
    """Reasoning inside the output of one billed call."""

    call_id: str
    reasoning: int
    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcessiveThinkingAnalyzer(BaseAnalyzer):
    """Finds sessions whose output is mostly reasoning.

    ## Why it matters

    Reasoning is billed as output, the dearest kind of token, and makes every answer later. Simple tool-driven work
    gains little from much of it.

    ## How it is detected

    Reasoning tokens ÷ output tokens, over those model calls that state both; it fires over `max_ratio`. Calls that do
    not tell their reasoning are left out on both sides, and the description says how many were judged. In a session
    recorded by hand without such numbers, the output tokens of its THINKING events are the reasoning.

    ## How waste is estimated

    What is over `kept_ratio` of the output, at the output price of the calls. `heuristic`: how much thinking an answer
    needed is not in the trace, so it claims nothing and never enters totals or score.

    ## When it stays silent

    - No model call tells its reasoning tokens: not evaluated.
    - A share at or below `max_ratio`, however large the numbers are.

    ## What to do

    Lower the reasoning effort or the thinking budget for routine work, and keep it for planning and hard questions.

    ## Sources

    - OpenTelemetry GenAI conventions: `gen_ai.usage.reasoning.output_tokens` is part of the output tokens.
    - The limits of 40 % and 30 % are those of the tool that this project succeeds.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="excessive-thinking",
        title="Excessive thinking",
        category=Category.OUTPUT,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.USAGE, Fact.REASONING}),
    )

    max_ratio: float = threshold(
        0.4, unit="ratio", ge=0.0, le=1.0, doc="Share of reasoning in the output over which it is too much."
    )
    kept_ratio: float = threshold(
        0.3, unit="ratio", ge=0.0, le=1.0, doc="Share of the output that reasoning may take without being waste."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """At most one issue a session."""
        calls = bill(session).calls
        thinking = _told_by_calls(calls) or _recorded(calls)
        reasoning = sum(part.reasoning for part in thinking)
        output = sum(part.output for part in thinking)
        if not output or reasoning / output <= self.max_ratio:
            return
        yield self._issue(session, thinking, reasoning, output)

    def _issue(self, session: Session, thinking: Sequence[_Thinking], reasoning: int, output: int) -> EfficiencyIssue:
        excess = max(round(reasoning - self.kept_ratio * output), 0)
        total = sum(call.tokens[PriceClass.OUTPUT] > 0 for call in bill(session).calls)
        judged = "" if len(thinking) >= total else f"; {len(thinking)} of {total} model calls tell it"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, session.agent),
            issue_type=IssueType.EXCESSIVE_THINKING,
            severity=Severity.MEDIUM,
            description=(
                f"{reasoning / output:.0%} of the output was reasoning ({reasoning:,} of {output:,} tokens{judged})."
            ),
            suggestion="Lower the reasoning effort or the thinking budget for routine work.",
            events_involved=_evidence(thinking),
            metadata={
                "reasoning_tokens": reasoning,
                "output_tokens": output,
                "reasoning_ratio": round(reasoning / output, 4),
                "judged_calls": len(thinking),
            },
            waste=Waste(
                tokens=excess,
                basis=Basis.HEURISTIC,
                cost_usd=cost_of(
                    session,
                    (
                        (part.call_id, PriceClass.OUTPUT, excess * part.reasoning / reasoning)
                        for part in thinking
                        if part.reasoning
                    ),
                ),
            ),
        )


def _told_by_calls(calls: Iterable[CallBill]) -> list[_Thinking]:
    return [
        _Thinking(call.event.id, min(call.event.reasoning_tokens, output), output)
        for call in calls
        if call.event.reasoning_tokens is not None and (output := call.tokens[PriceClass.OUTPUT]) > 0
    ]


def _recorded(calls: Iterable[CallBill]) -> list[_Thinking]:
    return [
        _Thinking(call.event.id, output if call.event.event_type is EventType.THINKING else 0, output)
        for call in calls
        if not call.event.context and (output := call.tokens[PriceClass.OUTPUT]) > 0
    ]


def _evidence(thinking: Sequence[_Thinking]) -> list[str]:
    """The calls that thought most, in the order of the session."""
    most = sorted((part for part in thinking if part.reasoning), key=lambda part: (-part.reasoning, part.call_id))
    chosen = {part.call_id for part in most[:_MAX_EVIDENCE]}
    return [part.call_id for part in thinking if part.call_id in chosen]

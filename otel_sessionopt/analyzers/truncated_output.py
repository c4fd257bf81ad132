"""Rule `truncated-output`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.claim_kinds import CallClaim, LedgerClaim
from otel_sessionopt.analyzers.content import file_path, tool_name
from otel_sessionopt.analyzers.costs import cost_of
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.round_claims import basis_of_claims, round_claims
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.continuity import CallRow, call_rows, visible_output
from otel_sessionopt.session.facts.requests import requests
from otel_sessionopt.session.model import Session, SessionEvent

# How providers say that the output limit ended an answer: OpenAI, Anthropic and Google, OpenAI's Responses, Mistral.
_CUT: Final = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
# A retry follows at once; a call much later that uses the same tool is about something else.
_CALLS_UNTIL_RETRY: Final = 3
# What a client adds to a prompt to have an answer made again: a sentence, not a document.
_NOTE_TOKENS: Final = 300


class _Cut(NamedTuple):
    """An answer that the output limit cut short, and what it was good for.

    Attributes:
        claims: what was in vain; empty where the answer went on.
    """

    call: CallBill
    claims: tuple[LedgerClaim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedOutputAnalyzer(BaseAnalyzer):
    """Finds answers that the output limit cut short and that had to be made again or carried on.

    ## Why it matters

    Output is the dearest kind of token. A tool call that is cut in the middle of its arguments cannot run: all of it is
    written in vain, and the whole prompt is sent once more to write it again.

    ## How it is detected

    A model call of at least `min_output_tokens` whose finish reason says that the limit was reached (`length`,
    `max_tokens`), and, without a person's message in between, one of these: (1) the tool calls that it asked for failed
    and one of the next three calls asks for the same tool, for the same file where there is one; (2) the next prompt is
    the same prompt again without the answer, so that the answer was thrown away; (3) the next call carries the answer
    on.

    ## How waste is estimated

    (1) and (2): the whole cut call, and what later calls carried of it: nothing of it was of use. `measured` where the
    numbers of the calls say the sizes, else `estimated`. (3): the answer was kept, so that only what it cost to write
    is told, `at_risk`, and nothing is claimed.

    ## When it stays silent

    - The cut call was the last one, or a person spoke next.
    - Short answers: some clients ask for one word on purpose.
    - The tool calls ran, or another tool followed.
    - Calls that have no conversation in common.

    ## What to do

    Raise the output limit, or have large files written in parts: one function or section a call.

    ## Sources

    - qwen-code#5756: one file written three times, 8,000 tokens each, because of the output limit.
    - OpenTelemetry GenAI conventions: `gen_ai.response.finish_reasons`.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="truncated-output",
        title="Truncated output",
        category=Category.OUTPUT,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.USAGE}),
    )

    min_output_tokens: int = threshold(
        500, unit="tokens", ge=1, le=1_000_000, doc="Output of the cut call from which it counts; less is a probe."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """At most two issues a context: answers made again, and answers carried on."""
        for context, row in call_rows(session).items():
            reached = [index for index, call in enumerate(row.calls[:-1]) if self._has_reached_limit(call)]
            cuts = [cut for index in reached if (cut := _cut(session, row, index)) is not None]
            lost = [cut for cut in cuts if cut.claims]
            kept = [cut for cut in cuts if not cut.claims]
            if lost:
                claims = tuple(claim for cut in lost for claim in cut.claims)
                waste = ledger_waste(session, claims, basis_of_claims(session, claims))
                yield self._issue(context, lost, "had to be made again", Severity.MEDIUM, waste)
            if kept:
                yield self._issue(context, kept, "went on in the next call", Severity.LOW, _at_risk(session, kept))

    def _has_reached_limit(self, call: CallBill) -> bool:
        reason = call.event.data.get("finish_reason")
        is_cut = isinstance(reason, str) and reason.lower() in _CUT
        return is_cut and call.tokens[PriceClass.OUTPUT] >= self.min_output_tokens

    def _issue(
        self, context: str, cuts: Sequence[_Cut], outcome: str, severity: Severity, waste: Waste
    ) -> EfficiencyIssue:
        output = sum(cut.call.tokens[PriceClass.OUTPUT] for cut in cuts)
        answers = "1 answer" if len(cuts) == 1 else f"{len(cuts)} answers"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, context, outcome),
            issue_type=IssueType.TRUNCATED_OUTPUT,
            severity=severity,
            description=f"{answers} of {output:,} output tokens reached the output limit and {outcome}.",
            suggestion="Raise the output limit, or write large files in parts, one section a call.",
            events_involved=[cut.call.event.id for cut in cuts],
            metadata={"answers": len(cuts), "output_tokens": output},
            waste=waste,
        )


def _cut(session: Session, row: CallRow, index: int) -> _Cut | None:
    """What became of an answer that reached the limit; `None` where that is not the agent's doing, or not known."""
    step = row.step(index)
    call = step.before
    if not step.is_of_agent:
        return None
    asked = requests(session).events_of.get(call.event.id, ())
    if asked:
        following = row.calls[index + 1 : index + 1 + _CALLS_UNTIL_RETRY]
        if all(event.error is not None for event in asked) and _is_asked_again(session, asked, following):
            return _Cut(call, round_claims(session, asked))
        return None
    if not step.is_in_conversation:
        return None
    if 2 * step.growth >= visible_output(call) > 0:
        return _Cut(call, ())
    return _Cut(call, (CallClaim(call.event.id),)) if 0 <= step.growth <= _NOTE_TOKENS else None


def _is_asked_again(session: Session, asked: Sequence[SessionEvent], following: Iterable[CallBill]) -> bool:
    """Whether one of the calls that follow asks for what was cut: the same tool, for the same file."""
    cut = [(tool_name(event).lower(), file_path(event)) for event in asked]
    again = (
        (tool_name(event).lower(), file_path(event))
        for call in following
        for event in requests(session).events_of.get(call.event.id, ())
    )
    # What came before the cut may lack the path.
    return any(tool == name and (path == known or None in (path, known)) for tool, path in again for name, known in cut)


def _at_risk(session: Session, cuts: Sequence[_Cut]) -> Waste:
    outputs = [(cut.call.event.id, PriceClass.OUTPUT, cut.call.tokens[PriceClass.OUTPUT]) for cut in cuts]
    return Waste(
        tokens=sum(tokens for _, _, tokens in outputs), basis=Basis.AT_RISK, cost_usd=cost_of(session, outputs)
    )

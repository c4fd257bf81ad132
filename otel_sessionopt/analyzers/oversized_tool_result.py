"""Rule `oversized-tool-result`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.claim_kinds import ItemClaim
from otel_sessionopt.analyzers.content import command_of, content_of, tool_name
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.shell_program import shell_program
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_items import LedgerItem, Source
from otel_sessionopt.session.model import EventType, Session, SessionEvent

_RESULT: Final = Source.TOOL_RESULT


class _Result(NamedTuple):
    """A result that is too large: who brought it, and what carries it."""

    event: SessionEvent
    item: LedgerItem


@dataclass(frozen=True, slots=True, kw_only=True)
class OversizedToolResultAnalyzer(BaseAnalyzer):
    """Finds tool results so large that they crowd the context.

    ## Why it matters

    A result is billed when it enters the prompt and again in every later call until the context is compacted, and a
    large one brings that compaction nearer. Logs, dumps and whole pages are mostly not about the question.

    ## How it is detected

    A result of any tool with at least `min_tokens`, or with more than `window_ratio` of a window of `window_tokens`.
    Its size is what the prompt grew by between two model calls, shared by the lengths of the texts where several
    results entered together; so a picture counts with its tokens, never with the length of its base64 text.

    ## How waste is estimated

    What is over a budget of `budget_tokens`, entered and carried through every later call. Always `estimated`: which
    part was needed is not in the trace.

    ## When it stays silent

    - Several results that are large only together.
    - File reads of a text: `large-file` judges those.
    - Results that no billed call carried, and results whose size cannot be told from what entered beside them.
    - Prompts, messages and what a compaction left: they are no tool results.

    ## What to do

    Cut the result where it is made: `head`, `tail`, `--since`, a filter, a page size; or let it be written to a file
    and have the agent search in that.

    ## Sources

    - 454 Claude Code sessions of working developers: results of 10,000 tokens and more are 2.7 % of input cost, 12 % in
      one session of ten, 40 % at most.
    - sbluemin/fleet-harness#1134: a screenshot sent as base64 text took 35,064 tokens instead of 495.
    - G-Research/bobbit#332: one result was carried on for 18.5 million cache reads, $9.34.
    - kelviq/tare#3: sizing pictures by their base64 text claimed 27 times too much.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="oversized-tool-result",
        title="Oversized tool result",
        category=Category.CONTEXT,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.TOOL_CALLS, Fact.USAGE}),
    )

    min_tokens: int = threshold(
        10_000, unit="tokens", ge=100, le=10_000_000, doc="Size of one result from which it is oversized (see Sources)."
    )
    window_tokens: int = threshold(
        200_000, unit="tokens", ge=1_000, le=100_000_000, doc="Context window of the model; lower it for a smaller one."
    )
    window_ratio: float = threshold(
        0.05,
        unit="ratio",
        ge=0.001,
        le=1.0,
        doc="Share of the window over which a result is oversized.",
    )
    budget_tokens: int = threshold(
        2_000, unit="tokens", ge=0, le=1_000_000, doc="What a result may have without being waste: a good page of text."
    )
    high_tokens: int = threshold(
        50_000, unit="tokens", ge=100, le=100_000_000, doc="Excess of all results together from which it is HIGH."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context, tool and program."""
        window = self.window_ratio * self.window_tokens
        items = [
            context.table.item(row)  # from the columns: few items are ever looked at
            for context in ledger(session).contexts
            for row, (source, tokens) in enumerate(zip(context.table.sources, context.table.tokens, strict=True))
            if source is _RESULT and (tokens >= self.min_tokens or tokens > window)
        ]
        if not items:
            return
        groups: dict[tuple[str, str, str], list[_Result]] = {}
        events = {event.id: event for event in session.events}
        for item in items:
            event = events[item.id]
            if event.event_type is EventType.FILE_READ and content_of(event).tokens:
                continue  # a text; a picture has no size of its own
            command = command_of(event)
            program = shell_program(command) if command else ""
            groups.setdefault((item.context, tool_name(event), program), []).append(_Result(event, item))
        for thing, results in groups.items():
            yield self._issue(session, thing, results)

    def _issue(self, session: Session, thing: tuple[str, str, str], results: Sequence[_Result]) -> EfficiencyIssue:
        _, tool, program = thing
        sizes = [result.item.tokens for result in results]
        excess = [max(size - self.budget_tokens, 0) for size in sizes]
        claims = [
            ItemClaim(result.item.id, tokens) for result, tokens in zip(results, excess, strict=True) if tokens > 0
        ]
        what = f"{program} ({tool})" if program else tool or "a tool"
        times = "" if len(results) == 1 else f" in {len(results)} results, the largest of {max(sizes):,}"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, *thing),
            issue_type=IssueType.OVERSIZED_TOOL_RESULT,
            severity=Severity.HIGH if sum(excess) >= self.high_tokens else Severity.MEDIUM,
            description=f"{sum(sizes):,} tokens of {what} entered the context{times}.",
            suggestion="Cut the result where it is made (a filter, a range, a page size), or write it to a file.",
            events_involved=[result.event.id for result in results],
            metadata={
                "tool_name": tool,
                "program": program,
                "result_tokens": sum(sizes),
                "largest_tokens": max(sizes),
                "results": len(results),
            },
            waste=ledger_waste(session, claims, Basis.ESTIMATED),
        )

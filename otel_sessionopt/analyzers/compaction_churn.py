"""Rule `compaction-churn`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.claim_kinds import CallClaim, LedgerClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.premiums import premium_claims
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.cache import CacheMiss, MissCause, cache_misses
from otel_sessionopt.session.facts.compactions import Compaction, compactions
from otel_sessionopt.session.facts.files import FileRead, file_reads
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionChurnAnalyzer(BaseAnalyzer):
    """Finds compactions that threw away what was needed right afterwards.

    ## Why it matters

    A compaction costs a call over the whole conversation, and then the prompt is built and cached anew. That is paid
    for nothing where the agent goes back to the files it had read, or where the context is full again at once.

    ## How it is detected

    A compaction event, or a prompt of 10,000 tokens or more that is followed by one below 60 % of it; and within
    `window_calls` model calls after it either `min_files` files are read again that had been read before, or the next
    compaction follows.

    ## How waste is estimated

    All that the compaction call was billed, and what the next call paid beyond the price of a cache read for all but
    the summary. `estimated`: some of it might have been needed anyway. The files read again are explained by it: told,
    and not claimed.

    ## When it stays silent

    - A compaction after which the work goes on: it makes every later call cheaper.
    - Files that are read for the first time, fewer files than `min_files`, reads after the window.
    - A prompt that shrinks only a little: cleared tool results, dropped thoughts.
    - Side requests: their small prompts are none of the conversation's.

    ## What to do

    Clear the context between tasks instead of filling it, compact at a natural break, and have the summary or a notes
    file name the files and decisions that matter.

    ## Sources

    - anthropics/claude-code#85489: 122,000 tokens put back after a compaction; #82131, #72857.
    - 454 Claude Code sessions of working developers: 16–43 % of sessions compact, by group.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="compaction-churn",
        title="Compaction churn",
        category=Category.CONTEXT,
        severity=Severity.LOW,
        requires=frozenset({Fact.USAGE, Fact.TOOL_ARGUMENTS}),
    )

    window_calls: int = threshold(
        10, unit="calls", ge=1, le=10_000, doc="Model calls after a compaction in which needing it again counts."
    )
    min_files: int = threshold(2, unit="files", ge=1, le=10_000, doc="Files read again from which it counts.")

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context."""
        reads: dict[str, list[FileRead]] = {}
        for read in file_reads(session):
            if read.previous is not None:
                reads.setdefault(read.event.context, []).append(read)
        for context in ledger(session).contexts:
            again: list[FileRead] = []
            churned: list[Compaction] = []
            for compaction in compactions(session, context):
                needed = self._needed_again(compaction, reads.get(context.context, ()))
                if self._is_followed(compaction) or len({read.path for read in needed}) >= self.min_files:
                    churned.append(compaction)
                    again += needed
            if churned:
                yield self._issue(session, context, churned, again)

    def _is_followed(self, compaction: Compaction) -> bool:
        return not compaction.is_last and len(compaction.later) < self.window_calls

    def _needed_again(self, compaction: Compaction, reads: Sequence[FileRead]) -> list[FileRead]:
        """Reads within the window of files that had been read before the compaction, and not since."""
        window = compaction.later[: self.window_calls + 1]
        begin = bisect_left(reads, compaction.start_ns, key=_start_ns)
        end = bisect_left(reads, window[-1].start_ns or 0, key=_start_ns) if len(window) > self.window_calls else None
        return [
            read
            for read in reads[begin:end]
            if read.previous is not None and (read.previous.start_ns or 0) < compaction.start_ns
        ]

    def _issue(
        self, session: Session, context: ContextLedger, churned: Sequence[Compaction], again: Sequence[FileRead]
    ) -> EfficiencyIssue:
        files = len({read.path for read in again})
        followed = sum(self._is_followed(each) for each in churned)
        what = "A compaction" if len(churned) == 1 else f"{len(churned)} compactions"
        needed = [f"{files} files were read again"] if files else []
        if followed:
            needed.append(f"the next one came within {self.window_calls} calls")
        evidence = [each.later[0].id if each.event is None else each.event.id for each in churned]
        return EfficiencyIssue(
            id=issue_id(self.meta.id, context.context),
            issue_type=IssueType.COMPACTION_CHURN,
            severity=Severity.LOW,
            description=f"{what} threw away what was needed: {' and '.join(needed)}.",
            suggestion="Clear the context between tasks, or have the summary keep what the next step needs.",
            events_involved=list(dict.fromkeys([*evidence, *(read.event.id for read in again)])),
            metadata={
                "agent": context.agent or "",
                "compactions": len(churned),
                "files_read_again": files,
                "compacted_again": followed,
            },
            waste=_waste(session, churned),
        )


def _start_ns(read: FileRead) -> int:
    return read.event.start_ns or 0


def _waste(session: Session, churned: Sequence[Compaction]) -> Waste:
    ours = bill(session)
    ids = [each.event.id for each in churned if each.event is not None]
    calls = [ours.call_by_id[event_id] for event_id in ids if event_id in ours.call_by_id]
    misses = {miss.call.event.id: miss for miss in cache_misses(session) if miss.cause is MissCause.COMPACTED}
    rebuilt = [miss for each in churned if (miss := _rebuilt(each, misses.get(each.later[0].id))) is not None]
    claims: list[LedgerClaim] = [CallClaim(call.event.id) for call in calls]
    return ledger_waste(session, [*claims, *premium_claims(rebuilt)], Basis.ESTIMATED)


def _rebuilt(compaction: Compaction, miss: CacheMiss | None) -> CacheMiss | None:
    """What the call after a compaction had to pay for again, without the summary: that was new."""
    summary = 0 if compaction.event is None else compaction.event.content_tokens or 0
    if miss is None or miss.tokens <= summary:
        return None
    return miss._replace(tokens=miss.tokens - summary)

"""Rule `large-file`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import content_of, file_path, size_of
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.round_claims import share_claims
from otel_sessionopt.session.model import EventType, Session, SessionEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeFileAnalyzer(BaseAnalyzer):
    """Finds file reads that put a very large text into the context uncut.

    ## Why it matters

    A large file is billed when it enters the prompt and again in every later call until the context is compacted, and
    it brings that compaction nearer. Most of it is usually not about the question.

    ## How it is detected

    A successful file read whose content has at least `min_tokens` tokens and is not marked `compressed`. Its size is
    what the prompt grew by between two model calls, shared by the lengths of the texts where several results entered
    together; where no prompt tells it, the source's own number or the length of the text. One issue per context and
    path.

    ## How waste is estimated

    `saveable_ratio` of the content tokens, entered and carried through every later call until a compaction. Always
    `estimated`: which part was needed is not in the trace.

    ## When it stays silent

    - Reads marked `compressed`, and reads of a part that is below the threshold.
    - Images and other binary content: their text length says nothing about their tokens.
    - Reads that failed, and reads whose size was not recorded.
    - Large results of other tools.

    ## What to do

    Search for the place first and read that range, or give the agent an outline or a compressed form of the file.

    ## Sources

    - 454 Claude Code sessions of working developers: tool results of 10,000 tokens and more are 2.7 % of input cost,
      12 % in one session of ten, 40 % at most.
    - SWE-Pruner, arXiv 2601.16746: 23–54 % fewer tokens from cutting what agents read.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="large-file",
        title="Large file",
        category=Category.CONTEXT,
        severity=Severity.HIGH,
        requires=frozenset({Fact.TOOL_SIZES}),
    )

    min_tokens: int = threshold(
        10_000, unit="tokens", ge=100, le=10_000_000, doc="Content tokens of one read from which it is large."
    )
    saveable_ratio: float = threshold(
        0.6, unit="ratio", ge=0.0, le=1.0, doc="Share of a large read held to be saveable by reading a part of it."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context and path."""
        groups: dict[tuple[str, str], list[tuple[SessionEvent, int]]] = {}
        for event in session.events:
            if event.event_type is EventType.FILE_READ and (tokens := self._large_content(session, event)) is not None:
                groups.setdefault((event.context, file_path(event) or ""), []).append((event, tokens))
        for (context, path), reads in groups.items():
            yield self._issue(session, context, path, reads)

    def _large_content(self, session: Session, event: SessionEvent) -> int | None:
        """Size of the content of a large read, else `None`."""
        is_rejected = event.tool is not None and event.tool.is_rejected
        if event.error is not None or is_rejected or event.data.get("compressed") is True:
            return None
        if not content_of(event).tokens:
            return None  # a picture, which has no text of its own, or no result recorded
        tokens = size_of(session, event).tokens or 0
        return tokens if tokens >= self.min_tokens else None

    def _issue(
        self, session: Session, context: str, path: str, reads: Sequence[tuple[SessionEvent, int]]
    ) -> EfficiencyIssue:
        sizes = [tokens for _, tokens in reads]
        claims = [claim for event, _ in reads for claim in share_claims(session, event, self.saveable_ratio)]
        times = "" if len(reads) == 1 else f" in {len(reads)} reads"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, context, path),
            issue_type=IssueType.LARGE_FILE_UNCOMPRESSED,
            severity=Severity.HIGH,
            description=f"{sum(sizes):,} tokens of {path or 'a file'} entered the context uncompressed{times}.",
            suggestion="Search for the place first and read only that line range, or pass on an outline of the file.",
            events_involved=[event.id for event, _ in reads],
            metadata={
                "file_path": path,
                "content_tokens": sum(sizes),
                "largest_tokens": max(sizes),
                "reads": len(reads),
            },
            waste=ledger_waste(session, claims, Basis.ESTIMATED),
        )

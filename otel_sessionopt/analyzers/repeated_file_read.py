"""Rule `repeated-file-read`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.claim_kinds import ItemClaim, LedgerClaim
from otel_sessionopt.analyzers.content import Content, result_item, size_of, size_text
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.round_claims import basis_of_claims, round_claims, share_claims
from otel_sessionopt.session.facts.files import FileRead, file_reads
from otel_sessionopt.session.model import Session


class _Repeat(NamedTuple):
    """A read that brought back something already shown.

    Attributes:
        ratio: repeated share of what it brought of this file.
        share: repeated share of the whole result, which may hold several files.
        content: size of the repeated part.
    """

    read: FileRead
    ratio: float
    share: float
    content: Content


class _Group(NamedTuple):
    """The repeats of one path in one context."""

    reads: Sequence[FileRead]
    whole: Sequence[_Repeat]
    partial: Sequence[_Repeat]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedFileReadAnalyzer(BaseAnalyzer):
    """Finds reads that bring back lines which the same conversation has already been shown.

    ## Why it matters

    What a read returns is billed when it enters the prompt and again in every later call that carries it. A second
    copy of the same lines tells the model nothing.

    ## How it is detected

    Reads of one path in one context (a sub-agent has its own) are compared with all that was shown of that path since
    the last compaction. Where results with line numbers are recorded, a line is repeated when its number and its text
    were both shown before, whatever was written in between. Without results the ranges asked for and the order of
    reads and successful writes decide.

    A read is wholly redundant when at least `whole_ratio` of its text is repeated. One such read makes a MEDIUM issue
    (the file was read twice for nothing new), two or more a HIGH one. A read below that is told with its share, and
    makes a LOW issue of its own only from `partial_ratio` and `partial_tokens` on.

    ## How waste is estimated

    The repeated share of each re-read's result, entered and carried through every later call until a compaction. Of a
    wholly redundant read also the arguments written for it and the model call that did nothing but ask for it; a partly
    repeated one was asked for with reason, and one that wrote the prompt into the cache anew (after a pause) did more
    than ask. `measured` where the numbers of the calls or the source state the sizes, else `estimated`. A size that was
    not recorded claims nothing. A call that reads several files is split evenly.

    ## When it stays silent

    - Other lines of the same file, and lines that an edit has changed.
    - The first read after a compaction, and after a successful write where no result shows what came back.
    - Reads that failed or that the user refused.
    - The same file read in another context: a sub-agent cannot see what its caller was shown.

    ## What to do

    Have the agent work from what it was already shown, and ask for a line range (`offset` and `limit`, `sed -n`) when
    it needs a part again. After an edit, trust the result of the edit instead of reading the whole file back.

    ## Sources

    - 454 Claude Code sessions of working developers: half of all reads revisit a path, 18 % of those bring back at
      least 90 % lines already shown. "Same path twice" has a precision of 0.17.
    - AgentDiet, arXiv 2509.23586: removing redundant and expired content from agent trajectories.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="repeated-file-read",
        title="Repeated file read",
        category=Category.REDUNDANCY,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.TOOL_ARGUMENTS}),
    )

    min_reads: int = threshold(
        2, unit="reads", ge=2, le=1000, doc="Reads of the same lines, the necessary one included, before it counts."
    )
    high_reads: int = threshold(3, unit="reads", ge=2, le=1000, doc="Reads of the same lines from which it is HIGH.")
    whole_ratio: float = threshold(
        0.9,
        unit="ratio",
        ge=0.5,
        le=1.0,
        doc="Repeated share of a read's text from which it is wholly redundant (the recount in Sources uses 0.9).",
    )
    partial_ratio: float = threshold(
        0.3,
        unit="ratio",
        ge=0.05,
        le=1.0,
        doc="Repeated share from which a read is told as partly repeated; less is the context around other lines.",
    )
    partial_tokens: int = threshold(
        500,
        unit="tokens",
        ge=0,
        le=1_000_000,
        doc="Repeated tokens from which a partly repeated read is told; less is not worth a second call.",
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context and path."""
        reads = file_reads(session)
        files_per_event = Counter(read.event.id for read in reads)
        by_path: dict[tuple[str, str], list[FileRead]] = {}
        for read in reads:
            by_path.setdefault((read.event.context, read.path), []).append(read)
        groups = [self._group(session, group, files_per_event) for group in by_path.values() if len(group) > 1]
        repeated = Counter(repeat.read.event.id for group in groups for repeat in group.whole)
        in_vain = {event_id for event_id, files in repeated.items() if files == files_per_event[event_id]}
        for group in groups:
            if group.whole or group.partial:
                yield self._issue(session, group, in_vain)

    def _group(self, session: Session, reads: Sequence[FileRead], files_per_event: Counter[str]) -> _Group:
        repeats = [
            _repeat(session, read, files_per_event[read.event.id])
            for read in reads
            if read.previous is not None and read.repeated_ratio
        ]
        whole = [repeat for repeat in repeats if repeat.ratio >= self.whole_ratio]
        if len(whole) + 1 < self.min_reads:
            whole = []
        return _Group(reads, whole, [repeat for repeat in repeats if self._is_partial(repeat)])

    def _issue(self, session: Session, group: _Group, in_vain: Collection[str]) -> EfficiencyIssue:
        reads, whole, partial = group
        told = sorted((*whole, *partial), key=lambda repeat: repeat.read.nth_read)
        first = told[0].read
        claims = _claims(session, told, in_vain)
        basis = basis_of_claims(session, claims, [repeat.read.event for repeat in told])
        return EfficiencyIssue(
            id=issue_id(self.meta.id, first.event.context, first.path),
            issue_type=IssueType.REPEATED_FILE_READ,
            severity=self._severity(len(whole)),
            description=_description(first.path, len(reads), whole, partial),
            suggestion="Work from what was already shown, and read only the line range that is needed again.",
            events_involved=[_shown_by(reads, first).event.id, *(repeat.read.event.id for repeat in told)],
            metadata={
                "file_path": first.path,
                "reads": len(reads),
                "redundant_reads": len(whole),
                "partly_repeated_reads": len(partial),
                "repeats": [
                    {
                        "event_id": repeat.read.event.id,
                        "repeated_ratio": round(repeat.ratio, 4),
                        "repeated_chars": repeat.read.repeated_chars,
                    }
                    for repeat in told
                ],
            },
            waste=ledger_waste(session, claims, basis),
        )

    def _is_partial(self, repeat: _Repeat) -> bool:
        is_part = self.partial_ratio <= repeat.ratio < self.whole_ratio
        return is_part and repeat.content.tokens is not None and repeat.content.tokens >= self.partial_tokens

    def _severity(self, whole: int) -> Severity:
        if not whole:
            return Severity.LOW
        return Severity.HIGH if whole + 1 >= self.high_reads else Severity.MEDIUM


def _repeat(session: Session, read: FileRead, files: int) -> _Repeat:
    size = size_of(session, read.event)
    ratio = read.repeated_ratio or 0.0
    share = ratio / files
    tokens = None if size.tokens is None else round(size.tokens * share)
    return _Repeat(read, ratio, share, Content(tokens, size.is_measured))


def _claims(session: Session, repeats: Sequence[_Repeat], in_vain: Collection[str]) -> tuple[LedgerClaim, ...]:
    """The repeated share of each result; of reads in vain also what asking for them cost."""
    asked = [repeat.read.event for repeat in repeats if repeat.read.event.id in in_vain]
    results = {item.id for event in asked if (item := result_item(session, event)) is not None}
    claims = [claim for repeat in repeats for claim in share_claims(session, repeat.read.event, repeat.share)]
    claims += [
        claim
        for claim in round_claims(session, asked, in_vain)
        if not (isinstance(claim, ItemClaim) and claim.item_id in results)
    ]
    return tuple(claims)


def _shown_by(group: Sequence[FileRead], repeat: FileRead) -> FileRead:
    """The necessary read: the last one before the repeat whose range meets its range, else just the last one."""
    earlier = [read for read in group if read.nth_read < repeat.nth_read]
    return next((read for read in reversed(earlier) if _meets(read, repeat)), earlier[-1])


def _meets(left: FileRead, right: FileRead) -> bool:
    left_end = float("inf") if left.last_line is None else left.last_line
    right_end = float("inf") if right.last_line is None else right.last_line
    return (left.first_line or 1) <= right_end and (right.first_line or 1) <= left_end


def _description(path: str, reads: int, whole: Sequence[_Repeat], partial: Sequence[_Repeat]) -> str:
    if whole:
        text = f"{len(whole)} of {reads} reads of {path} brought back only lines already shown ({_size(whole)})"
        return f"{text}; {_parts(partial)} partly ({_size(partial)})." if partial else f"{text}."
    shares = ", ".join(f"{int(repeat.ratio * 100)}%" for repeat in partial[:5])
    return (
        f"{len(partial)} of {reads} reads of {path} brought back lines already shown in part: {shares} "
        f"({_size(partial)})."
    )


def _parts(partial: Sequence[_Repeat]) -> str:
    return "1 more did" if len(partial) == 1 else f"{len(partial)} more did"


def _size(repeats: Sequence[_Repeat]) -> str:
    return size_text([repeat.content for repeat in repeats])

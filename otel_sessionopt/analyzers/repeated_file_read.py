"""Rule `repeated-file-read`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.claims import basis_of, entry_claims, waste_from_claims
from otel_sessionopt.analyzers.content import Content, content_of, size_text
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.session.facts.files import FileRead, file_reads
from otel_sessionopt.session.model import Session


class _Repeat(NamedTuple):
    """A read that brought back something already shown, and the size of the repeated part."""

    read: FileRead
    ratio: float
    content: Content


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

    Content tokens of each re-read × its repeated share, as billed in the model call that they first entered; later
    carrying is not claimed. `measured` where the source states the sizes of results, `estimated` where they come from
    the length of the text. A size that was not recorded claims nothing. A call that reads several files is split
    evenly.

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
        groups: dict[tuple[str, str], list[FileRead]] = {}
        for read in reads:
            groups.setdefault((read.event.context, read.path), []).append(read)
        for group in groups.values():
            if len(group) > 1:
                yield from self._judge(session, group, files_per_event)

    def _judge(
        self, session: Session, group: Sequence[FileRead], files_per_event: Counter[str]
    ) -> Iterable[EfficiencyIssue]:
        repeats = [
            _repeat(read, files_per_event[read.event.id])
            for read in group
            if read.previous is not None and read.repeated_ratio
        ]
        whole = [repeat for repeat in repeats if repeat.ratio >= self.whole_ratio]
        if len(whole) + 1 < self.min_reads:
            whole = []
        partial = [repeat for repeat in repeats if self._is_partial(repeat)]
        told = sorted((*whole, *partial), key=lambda repeat: repeat.read.nth_read)
        if not told:
            return
        first = told[0].read
        claims = [
            claim
            for repeat in told
            if repeat.content.tokens
            for claim in entry_claims(session, repeat.read.event, repeat.content.tokens)
        ]
        yield EfficiencyIssue(
            id=issue_id(self.meta.id, first.event.context, first.path),
            issue_type=IssueType.REPEATED_FILE_READ,
            severity=self._severity(len(whole)),
            description=_description(first.path, len(group), whole, partial),
            suggestion="Work from what was already shown, and read only the line range that is needed again.",
            events_involved=[_shown_by(group, first).event.id, *(repeat.read.event.id for repeat in told)],
            metadata={
                "file_path": first.path,
                "reads": len(group),
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
            waste=waste_from_claims(session, claims, basis_of(repeat.content for repeat in told)),
        )

    def _is_partial(self, repeat: _Repeat) -> bool:
        is_part = self.partial_ratio <= repeat.ratio < self.whole_ratio
        return is_part and repeat.content.tokens is not None and repeat.content.tokens >= self.partial_tokens

    def _severity(self, whole: int) -> Severity:
        if not whole:
            return Severity.LOW
        return Severity.HIGH if whole + 1 >= self.high_reads else Severity.MEDIUM


def _repeat(read: FileRead, files: int) -> _Repeat:
    content = content_of(read.event)
    ratio = read.repeated_ratio or 0.0
    tokens = None if content.tokens is None else round(content.tokens * ratio / files)
    return _Repeat(read, ratio, Content(tokens, content.is_measured))


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

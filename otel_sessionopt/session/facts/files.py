"""File reads: which lines of a file a read brought into its context although they were there already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from otel_sessionopt.dialects.digest import FileAccess, ResultDigest, ToolKind
from otel_sessionopt.dialects.results import weight_of_lines
from otel_sessionopt.session.content_size import CHARS_PER_TOKEN
from otel_sessionopt.session.facts.contexts import content_tokens
from otel_sessionopt.session.line_ranges import covered_ratio
from otel_sessionopt.session.model import EventType, Session, SessionEvent

# Work and memory per trace are bounded. What lies beyond a bound is not known to have been shown: the bounds can hide a
# repeat but not make one. 500,000 lines are some fifty times what a large real session reads.
_MAX_SHOWN_LINES: Final = 500_000
_MAX_RANGES_PER_FILE: Final = 64

_PATH_KEYS: Final = ("file_path", "file", "path")


class FileRead(NamedTuple):
    """One successful read of one file.

    Attributes:
        event: the read. A call that reads several files is one event and several reads.
        path: normalised path.
        first_line, last_line: range asked for; `None` = from the start / to the end.
        nth_read: 1-based, among the reads of this path in this context.
        previous: the read of this path in this context before this one.
        repeated_ratio: share of the read that the context already held, 0–1; `None` for a first read, and where it
            cannot be known.
        repeated_chars: characters of that share.
        line_chars: characters of the read.
        is_measured: the share comes from the text (by line, or equal and different texts), not from ranges asked for.
        is_compaction_between: the context was compacted since `previous`.
        is_write_between: the file was written since `previous`, by any agent.
    """

    event: SessionEvent
    path: str
    first_line: int | None
    last_line: int | None
    nth_read: int
    previous: SessionEvent | None
    repeated_ratio: float | None
    repeated_chars: int
    line_chars: int
    is_measured: bool
    is_compaction_between: bool
    is_write_between: bool


def file_reads(session: Session) -> tuple[FileRead, ...]:
    """Successful reads in the order of events, each compared with what its context had been shown of the file.

    With numbered lines a line is a repeat if its number was last shown with the same text, since the last compaction:
    what an edit changed, moved or took back is news by itself. Without them, equal texts are a repeat and different
    texts of one range are not; where texts are not known either, what counts is whether the range was read before and
    nothing may have written to the file since.
    """
    return session.fact(_compute_file_reads)


class _Shown(NamedTuple):
    """A range of a file that a context was shown by the event at position `position`."""

    first_line: int | None
    last_line: int | None
    text_hash: int | None
    position: int


class _Repeat(NamedTuple):
    ratio: float | None
    chars: int
    line_chars: int
    is_measured: bool


class _ShownLines:
    """Line signatures of one file, as they were shown last."""

    __slots__ = ("_by_number", "_first", "_signatures")

    def __init__(self) -> None:
        self._by_number: dict[int, int] = {}
        self._signatures: set[int] = set()
        # The first listing as it came: most files are read once, and are never looked up.
        self._first: tuple[Sequence[int], int] | None = None

    def weigh_shown(self, signatures: Iterable[int]) -> int:
        """Characters of those lines that were shown with this number and text, and with no other text since."""
        self._open()
        return weight_of_lines(self._signatures.intersection(signatures)) if self._signatures else 0

    def add(self, signatures: Sequence[int], first_number: int) -> None:
        """Remember a listing. A number that is off, as nobody told where the listing starts, can only hide a repeat."""
        self._open()
        by_number = self._by_number
        if not by_number:
            self._first = (signatures, first_number)
            return
        for number, signature in enumerate(signatures, first_number):
            earlier = by_number.get(number)
            if earlier != signature:
                by_number[number] = signature
                if earlier is not None:
                    # Taken back later, an edit brings the line as it was: that it is so again is news.
                    self._signatures.discard(earlier)
        self._signatures.update(signatures)

    def _open(self) -> None:
        if self._first is not None:
            signatures, first_number = self._first
            self._by_number.update(enumerate(signatures, first_number))
            self._signatures.update(signatures)
            self._first = None


class _Context:
    """What one context has been shown since its last compaction, by path."""

    __slots__ = ("compacted_at", "lines", "previous", "ranges")

    def __init__(self) -> None:
        self.lines: defaultdict[str, _ShownLines] = defaultdict(_ShownLines)
        self.ranges: defaultdict[str, list[_Shown]] = defaultdict(list)
        self.previous: dict[str, tuple[int, int]] = {}  # position of the last read, and how many there were
        self.compacted_at = -1

    def compact(self, position: int) -> None:
        self.compacted_at = position
        self.lines.clear()
        self.ranges.clear()


def _compute_file_reads(session: Session) -> tuple[FileRead, ...]:
    replay = _Replay(session.events)
    reads: list[FileRead] = []
    for position, event in enumerate(session.events):
        if event.is_compaction:
            replay.contexts[event.context].compact(position)
        if event.event_type is EventType.FILE_READ and event.error is None:
            reads.extend(replay.reads_of(position))
        replay.note_writes(position)
    return tuple(reads)


class _Replay:
    """Goes through the events once and remembers what was shown and what was written."""

    def __init__(self, events: Sequence[SessionEvent]) -> None:
        self.contexts: defaultdict[str, _Context] = defaultdict(_Context)
        self._events = events
        self._written_at: dict[str, int] = {}
        self._unknown_write_at = -1  # the last event that may have written anything
        self._line_count = 0

    def note_writes(self, position: int) -> None:
        event = self._events[position]
        tool = event.tool
        if tool is None:
            path = _path_from_data(event) if event.event_type is EventType.FILE_WRITE and event.error is None else None
            if path:
                self._written_at[path] = position
            return
        if tool.is_rejected:
            return
        if tool.may_write or tool.kind is ToolKind.SUB_AGENT:  # whose own calls need not be in the trace
            self._unknown_write_at = position
        # A failed write changes nothing, but of a failed shell command a part may have run.
        if event.error is None or tool.command is not None:
            for access in tool.accesses:
                if access.is_write:
                    self._written_at[access.path] = position

    def reads_of(self, position: int) -> Iterator[FileRead]:
        event = self._events[position]
        if event.tool is not None and event.tool.is_rejected:
            return
        context = self.contexts[event.context]
        accesses = _read_accesses(event)
        result = _result_for_each(event, len(accesses))
        for access in accesses:
            path = access.path
            before, count = context.previous.get(path, (-1, 0))
            changed_at = max(self._written_at.get(path, -1), self._unknown_write_at)
            repeat = _compare(context, access, result, changed_at)
            yield FileRead(
                event=event,
                path=path,
                first_line=access.first_line,
                last_line=access.last_line,
                nth_read=count + 1,
                previous=self._events[before] if count else None,
                repeated_ratio=repeat.ratio if count else None,
                repeated_chars=repeat.chars if count else 0,
                line_chars=repeat.line_chars,
                is_measured=repeat.is_measured,
                is_compaction_between=bool(count) and context.compacted_at > before,
                is_write_between=bool(count) and self._written_at.get(path, -1) > before,
            )
            context.previous[path] = (position, count + 1)
            self._remember(context, access, result, position)

    def _remember(self, context: _Context, access: FileAccess, result: ResultDigest, position: int) -> None:
        ranges = context.ranges[access.path]
        ranges.append(_Shown(access.first_line, access.last_line, result.text_hash, position))
        del ranges[:-_MAX_RANGES_PER_FILE]
        if result.lines and self._line_count < _MAX_SHOWN_LINES:
            self._line_count += len(result.lines)
            context.lines[access.path].add(result.lines, access.first_line or 1)


def _compare(context: _Context, access: FileAccess, result: ResultDigest, changed_at: int) -> _Repeat:
    """How much of a read the context already holds. `changed_at`: the last event that may have changed the file."""
    if result.lines:
        total = weight_of_lines(result.lines)
        repeated = context.lines[access.path].weigh_shown(result.lines)
        return _Repeat(repeated / total if total else 0.0, repeated, total, True)
    chars = result.chars or 0
    shown = context.ranges[access.path]
    if result.text_hash is not None:
        if any(each.text_hash == result.text_hash for each in shown):
            return _Repeat(1.0, chars, chars, True)
        same_range = [
            each
            for each in shown
            if (each.first_line, each.last_line) == (access.first_line, access.last_line) and each.text_hash is not None
        ]
        if same_range:
            return _Repeat(0.0, 0, chars, True)
    unchanged = [(each.first_line, each.last_line) for each in shown if each.position > changed_at]
    ratio = covered_ratio((access.first_line, access.last_line), unchanged)
    return _Repeat(ratio, 0 if ratio is None else round(ratio * chars), chars, False)


def _read_accesses(event: SessionEvent) -> Sequence[FileAccess]:
    if event.tool is not None and event.tool.accesses:
        return [access for access in event.tool.accesses if not access.is_write]
    path = _path_from_data(event)
    return [FileAccess(path)] if path else []


def _result_for_each(event: SessionEvent, file_count: int) -> ResultDigest:
    """What a read returned for each of its files."""
    result = event.tool.result if event.tool is not None else None
    if result is None:
        result = ResultDigest(chars=(content_tokens(event) or 0) * CHARS_PER_TOKEN)
    if file_count > 1:
        # Which part of the text belongs to which file is not known.
        return ResultDigest(chars=(result.chars or 0) // file_count)
    return result


def _path_from_data(event: SessionEvent) -> str | None:
    """The path of an event recorded by hand."""
    for key in _PATH_KEYS:
        path = event.data.get(key)
        if isinstance(path, str) and path:
            return path
    return None

"""What one simple command does to files and to the context, and line ranges through pipes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from otel_sessionopt.dialects.accesses import join_accesses, write_access
from otel_sessionopt.dialects.digest import END_LINE, FileAccess
from otel_sessionopt.dialects.paths import normalise_path
from otel_sessionopt.dialects.shell_words import Word


class EffectKind(Enum):
    """The kinds of simple command that matter."""

    NEUTRAL = "neutral"  # shows nothing of files and changes nothing: cd, echo, export
    READ = "read"  # shows contents of files
    SEARCH = "search"  # shows matches or names
    WRITE = "write"  # changes files and shows nothing of them
    FILTER = "filter"  # works on what comes through the pipe
    RUN = "run"  # shows something else and leaves sources alone: git status, tests, builds


class Lines(NamedTuple):
    """A range of lines, 1-based and inclusive; `None` = from the start / to the end."""

    first: int | None = None
    last: int | None = None


class Effect(NamedTuple):
    """What one simple command does.

    Attributes:
        kind: see `EffectKind`.
        accesses: files read or written by name.
        query, scope: for searches, and for filters that search.
        lines: for filters that pass a range of lines; `None` = another filter.
        is_narrowing: a filter that lets whole lines through in their order.
        may_write: may change files that it does not name.
        is_poll: asks for news.
        is_exit_one_an_answer: exit status 1 says "no" and not "failed".
    """

    kind: EffectKind
    accesses: tuple[FileAccess, ...] = ()
    query: str | None = None
    scope: str = ""
    lines: Lines | None = None
    is_narrowing: bool = False
    may_write: bool = False
    is_poll: bool = False
    is_exit_one_an_answer: bool = False


NEUTRAL: Final = Effect(EffectKind.NEUTRAL)
RUN: Final = Effect(EffectKind.RUN)
FILTER: Final = Effect(EffectKind.FILTER)
POLL: Final = Effect(EffectKind.RUN, is_poll=True)
# An unknown command: it may have changed anything, so nothing read before it counts as unchanged.
UNKNOWN: Final = Effect(EffectKind.RUN, may_write=True)


class Place:
    """Where a command runs: the working directory, and loop variables whose values are written in the text."""

    def __init__(self, workdir: str | None) -> None:
        self.workdir = workdir
        self.is_lost = False  # after `cd $X`: relative paths mean nothing any more
        self.variables: dict[str, tuple[Word, ...]] = {}

    def change_to(self, target: Word | None) -> None:
        """Follow a `cd`."""
        if target is None or not target.is_literal or target.text == "-":
            self.is_lost = True
            return
        path = normalise_path(target.text, self.workdir)
        self.is_lost = path is None or (self.is_lost and not path.startswith(("/", "~")))
        self.workdir = path

    def expand(self, words: Sequence[Word]) -> Sequence[Word]:
        """Replace loop variables by the words they run over."""
        if not self.variables:
            return words
        expanded: list[Word] = []
        for word in words:
            expanded.extend(self.variables.get(word.text.strip("${}"), (word,)) if word.is_dynamic else (word,))
        return expanded

    def path(self, word: Word) -> str | None:
        """The path that a word names, or `None` where that is not known."""
        if not word.is_literal or word.text == "-":
            return None
        if self.is_lost and not word.text.startswith(("/", "~")):
            return None
        return normalise_path(word.text, self.workdir)


def narrow(base: Lines, through: Lines) -> Lines:
    """The lines of a file that remain when its lines `base` go through a filter that passes the lines `through`."""
    start = base.first or 1
    if through.first is not None and through.first >= END_LINE // 2:  # the last lines, whichever they are
        if base.last is None:
            return Lines(max(through.first, start), None)
        return Lines(max(start, base.last - (END_LINE - through.first) + 1), base.last)
    first = base.first if through.first is None else start + through.first - 1
    last = base.last
    if through.last is not None:
        shown = start + through.last - 1
        last = shown if last is None else min(last, shown)
    return Lines(first, last)


def last_lines(count: int) -> Lines:
    """The last `count` lines of a file of unknown length."""
    return Lines(END_LINE - count, None)


def write_named(words: Sequence[Word], place: Place) -> Effect:
    """A command that changes the files it names; where one cannot be named it may change any."""
    paths = [place.path(word) for word in place.expand(words)]
    accesses = join_accesses([write_access(path) for path in paths if path is not None])
    return Effect(EffectKind.WRITE, accesses, may_write=None in paths)

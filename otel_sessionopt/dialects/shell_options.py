"""Options and operands of a command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from otel_sessionopt.dialects.shell_words import Word

_NUMBER: Final = re.compile(r"-\d+")


class Options(NamedTuple):
    """A command line taken apart.

    Attributes:
        given: options in order, with their values; a number alone (`-20`) is the option `-#`.
        operands: everything else.
    """

    given: tuple[tuple[str, Word | None], ...]
    operands: tuple[Word, ...]

    def has(self, *names: str) -> bool:
        """Whether one of the options was given."""
        return any(name in names for name, _ in self.given)

    def values(self, *names: str) -> list[Word]:
        """Values of these options, in order."""
        return [value for name, value in self.given if value is not None and name in names]

    def text(self, *names: str) -> str | None:
        """The last value of these options, as written."""
        values = self.values(*names)
        return values[-1].text if values else None


def read_options(words: Sequence[Word], valued: frozenset[str], *, is_powershell: bool = False) -> Options:
    """Take the words after a command's name apart.

    Args:
        words: without the command itself.
        valued: options that take a value (`-A`, `--glob`), attached (`-A3`, `--glob=x`) or as the next word.
        is_powershell: options are long, have one dash and any case; otherwise `-rn` is `-r -n`.
    """
    given: list[tuple[str, Word | None]] = []
    operands: list[Word] = []
    rest = iter(words)
    for word in rest:
        text = word.text
        if text == "--":
            operands.extend(rest)
        elif len(text) < 2 or text[0] != "-":
            operands.append(word)
        elif _NUMBER.fullmatch(text):
            given.append(("-#", word._replace(text=text[1:])))
        elif is_powershell:
            given.append((text.lower(), next(rest, None) if text.lower() in valued else None))
        elif text.startswith("--"):
            name, equals, value = text.partition("=")
            if equals:
                given.append((name, word._replace(text=value)))
            else:
                given.append((name, next(rest, None) if name in valued else None))
        else:
            given.extend(_cluster(word, valued, rest))
    return Options(tuple(given), tuple(operands))


def _cluster(word: Word, valued: frozenset[str], rest: Iterator[Word]) -> list[tuple[str, Word | None]]:
    """`-rnA3` as its single options; a value may be attached or be the next word."""
    given: list[tuple[str, Word | None]] = []
    for place, letter in enumerate(word.text[1:], start=2):
        name = "-" + letter
        if name in valued:
            attached = word.text[place:]
            following: Word | None = word._replace(text=attached) if attached else next(rest, None)
            given.append((name, following))
            break
        given.append((name, None))
    return given

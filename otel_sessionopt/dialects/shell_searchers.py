"""Shell commands that look for text or names: what for, and through what.

The functions take the same arguments as those of `shell_readers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sessionopt.dialects.shell_effects import FILTER, UNKNOWN, Effect, EffectKind, Place
from otel_sessionopt.dialects.shell_options import Options, read_options
from otel_sessionopt.dialects.shell_tables import FIND_NAMES, FIND_VALUES, VALUED_OPTIONS
from otel_sessionopt.dialects.shell_words import Word

_RECURSIVE: Final = frozenset({"rg", "ag", "ack", "git grep"})
# Options that carry the pattern, which is the query and no part of the scope. `fd -e` is a suffix.
_PATTERN_OPTIONS: Final = frozenset({"-e", "--regexp", "-pattern", "-filter"})
_SUFFIX_COMMANDS: Final = frozenset({"fd", "find"})


def search_text(name: str, words: Sequence[Word], place: Place, is_piped: bool) -> Effect:
    """`grep` and its kin: a search, or a filter where nothing but the pipe is searched."""
    options = read_options(words, VALUED_OPTIONS.get(name, VALUED_OPTIONS["grep"]))
    if options.has("-f", "--file"):
        return Effect(EffectKind.SEARCH, is_exit_one_an_answer=True)
    operands = options.operands
    patterns = options.values("-e", "--regexp")
    if name == "rg" and options.has("--files", "--type-list"):
        patterns = options.values("-g", "--glob", "--iglob")
    elif not patterns:
        patterns, operands = list(operands[:1]), operands[1:]
    is_recursive = name in _RECURSIVE or options.has("-r", "-R", "--recursive", "--dereference-recursive")
    if is_piped and not operands and (name == "rg" or not is_recursive):
        scope = " ".join([name, *_option_texts(name, options)])
        return FILTER._replace(query=_query(patterns), scope=scope, is_exit_one_an_answer=True)
    return _search(name, patterns, options, operands, place, is_exit_one_an_answer=True)


def list_names(name: str, words: Sequence[Word], place: Place, _is_piped: bool) -> Effect:
    """`ls`, `tree`, `dir`: a listing is a search without a pattern."""
    options = read_options(words, VALUED_OPTIONS["ls"])
    return _search(name, (), options, options.operands, place)


def search_names(_name: str, words: Sequence[Word], place: Place, _is_piped: bool) -> Effect:
    """`fd`."""
    options = read_options(words, VALUED_OPTIONS["fd"])
    if options.has("-x", "-X", "--exec", "--exec-batch"):
        return UNKNOWN
    return _search("fd", options.operands[:1], options, options.operands[1:], place)


def find_command(words: Sequence[Word]) -> tuple[Word, ...] | None:
    """The command that a `find` runs on what it finds: empty without one, `None` where it deletes or writes."""
    texts = [word.text for word in words]
    if any(text in ("-delete", "-fls", "-fprint", "-fprintf", "-ok", "-okdir") for text in texts):
        return None
    for action in ("-exec", "-execdir"):
        if action in texts:
            start = texts.index(action) + 1
            end = next((at for at in range(start, len(texts)) if texts[at] in (";", "+")), len(texts))
            return tuple(words[start:end])
    return ()


def search_files(words: Sequence[Word], place: Place) -> Effect:
    """`find` without an action: its name tests are the query, everything else is the scope."""
    given: list[tuple[str, Word | None]] = []
    operands: list[Word] = []
    patterns: list[Word] = []
    rest = iter(words)
    for word in rest:
        if word.text in FIND_NAMES:
            pattern = next(rest, None)
            if pattern is not None:
                patterns.append(pattern)
                given.append((word.text, None))
        elif word.text in FIND_VALUES:
            given.append((word.text, next(rest, None)))
        elif word.text.startswith("-") or word.text in ("(", ")", "!"):
            given.append((word.text, None))
        else:
            operands.append(word)
    return _search("find", patterns, Options(tuple(given), ()), operands, place)


def select_string(name: str, words: Sequence[Word], place: Place, is_piped: bool) -> Effect:
    """PowerShell's `Select-String`."""
    options = read_options(words, VALUED_OPTIONS[name], is_powershell=True)
    operands = options.operands
    patterns = options.values("-pattern")
    if not patterns:
        patterns, operands = list(operands[:1]), operands[1:]
    files = options.values("-path", "-literalpath") or operands
    if is_piped and not files:
        return FILTER._replace(query=_query(patterns), scope=name)
    return _search(name, patterns, options, files, place)


def list_items(name: str, words: Sequence[Word], place: Place, _is_piped: bool) -> Effect:
    """PowerShell's `Get-ChildItem`."""
    options = read_options(words, VALUED_OPTIONS[name], is_powershell=True)
    files = options.values("-path", "-literalpath") or options.operands
    return _search(name, options.values("-filter", "-include"), options, files, place)


def _search(
    name: str,
    patterns: Sequence[Word],
    options: Options,
    operands: Sequence[Word],
    place: Place,
    *,
    is_exit_one_an_answer: bool = False,
) -> Effect:
    """A search; query and scope are left out where a variable makes it unknown what was looked for, or where."""
    scope = _scope(name, options, operands, place)
    query = None if scope is None else _query(patterns)
    return Effect(EffectKind.SEARCH, (), query, scope or "", is_exit_one_an_answer=is_exit_one_an_answer)


def _query(patterns: Sequence[Word]) -> str | None:
    if not patterns or any(word.is_dynamic for word in patterns):
        return None
    return "|".join(word.text for word in patterns)


def _option_texts(name: str, options: Options) -> list[str]:
    """Options without the patterns, in an order that does not depend on how they were typed."""
    return sorted(
        option if value is None else f"{option}={value.text}"
        for option, value in options.given
        if option not in _PATTERN_OPTIONS or name in _SUFFIX_COMMANDS
    )


def _scope(name: str, options: Options, operands: Sequence[Word], place: Place) -> str | None:
    """Canonical text of where and how: options sorted, paths absolute. `None` where it holds something unknown."""
    if any(value is not None and value.is_dynamic for _, value in options.given):
        return None
    # A wildcard stands for the same files as long as nothing changes, and a change ends a repeat anyway.
    paths = [place.path(word._replace(is_glob=False)) for word in operands]
    if not paths:
        paths.append(None if place.is_lost else place.workdir or ".")
    if None in paths:
        return None
    return " ".join([name, *_option_texts(name, options), "--", *(path for path in paths if path is not None)])

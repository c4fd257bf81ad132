"""Shell commands that show contents of files: which files, which lines.

Every function here takes the command's name (lower case, without folder), the words after it, the place it runs in and
whether its input comes through a pipe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from otel_sessionopt.dialects.accesses import join_accesses, read_access
from otel_sessionopt.dialects.shell_effects import (
    FILTER,
    NEUTRAL,
    RUN,
    UNKNOWN,
    Effect,
    EffectKind,
    Lines,
    Place,
    last_lines,
    write_named,
)
from otel_sessionopt.dialects.shell_options import Options, read_options
from otel_sessionopt.dialects.shell_tables import VALUED_OPTIONS
from otel_sessionopt.dialects.shell_words import Word

# One address or range of a sed script and a command that prints, drops or stops: `1,20p`, `5p`, `10,$p`, `3,9!d`, `20q`
_SED_PART: Final = re.compile(r"(\d{1,9})(?:\s*,\s*(\d{1,9}|\$))?\s*(!?)\s*(?:\{\s*)?([pdq])\s*;?\s*\}?")
_AWK_RANGE: Final = re.compile(
    r"\s*\(?\s*NR\s*(?P<op1>>=|>|<=|<|==)\s*(?P<n1>\d{1,9})\s*\)?"
    r"(?:\s*(?:&&|,)\s*\(?\s*NR\s*(?P<op2><=|<|==)\s*(?P<n2>\d{1,9})\s*\)?)?\s*(?:\{\s*print[^{}]*\})?\s*;?\s*"
)
_LINE_RANGE: Final = re.compile(r"(\d{0,9}):(\d{0,9})")


def read_whole(name: str, words: Sequence[Word], place: Place, is_piped: bool) -> Effect:
    """`cat`, `bat`, `less`, `more`, `nl`: all lines, or the range that a pager was asked for."""
    options = read_options(words, VALUED_OPTIONS["nl" if name == "nl" else "bat"])
    lines = Lines()
    asked = options.text("-r", "--line-range")
    if asked is not None:
        match = _LINE_RANGE.fullmatch(asked)
        if match is None:
            return RUN
        lines = Lines(int(match[1]) if match[1] else None, int(match[2]) if match[2] else None)
    return _read(options.operands, [lines], place, is_piped)


def read_ends(name: str, words: Sequence[Word], place: Place, is_piped: bool) -> Effect:
    """`head` and `tail`, by lines; by bytes the lines are not known."""
    is_tail = name.endswith("tail")
    options = read_options(words, VALUED_OPTIONS["tail" if is_tail else "head"])
    if is_tail and options.has("-f", "-F", "--follow"):
        return Effect(EffectKind.RUN, is_poll=True)
    if options.has("-c", "--bytes"):
        return _opaque(options.operands, is_piped)
    asked = options.text("-n", "--lines", "-#") or "10"
    digits = asked.lstrip("+-")
    if not digits.isdecimal() or len(digits) > 9:
        return _opaque(options.operands, is_piped)
    if is_tail:
        lines = Lines(int(digits), None) if asked.startswith("+") else last_lines(int(digits))
    else:
        lines = Lines() if asked.startswith("-") else Lines(None, int(digits))
    return _read(options.operands, [lines], place, is_piped)


def read_sed(_name: str, words: Sequence[Word], place: Place, is_piped: bool) -> Effect:
    """`sed`: an edit with `-i`; with line numbers a read of these; with patterns a kind of search."""
    options = read_options(words, VALUED_OPTIONS["sed"])
    operands = list(options.operands)
    has_script_option = options.has("-e", "-f", "--expression", "--file")
    if options.has("-i", "--in-place"):
        if operands and not operands[0].text:
            del operands[0]  # BSD: `-i ''`
        return write_named(operands if has_script_option else operands[1:], place)
    if options.has("-f", "--file"):
        return _opaque(operands, is_piped)
    scripts = options.values("-e", "--expression")
    if not has_script_option:
        scripts, operands = operands[:1], operands[1:]
    if any(word.is_dynamic for word in scripts):
        return _opaque(operands, is_piped)
    script = ";".join(word.text for word in scripts)
    is_quiet = options.has("-n", "--quiet", "--silent")
    ranges = _sed_ranges(script, is_quiet)
    if ranges is not None:
        return _read(operands, ranges, place, is_piped)
    if re.search(r"(?:^|[;/}])\s*w\s+\S", script):
        return UNKNOWN
    if is_quiet or re.search(r"/[dq]\b|^\s*/", script):
        return _search_in(operands, script, "sed -n" if is_quiet else "sed", place, is_piped)
    # `s/…/…/`: every line comes out, changed or not
    return _read(operands, [Lines()], place, is_piped)


def _sed_ranges(script: str, is_quiet: bool) -> list[Lines] | None:
    """Line ranges that a script of line addresses prints, or `None` for any other script."""
    ranges: list[Lines] = []
    stop: int | None = None
    for part in filter(None, (piece.strip() for piece in re.split(r"[;\n]", script))):
        match = _SED_PART.fullmatch(part)
        if match is None:
            return None
        first, last, negation, command = int(match[1]), match[2], match[3], match[4]
        end = first if last is None else None if last == "$" else int(last)
        if command == "q":
            stop = first
        elif (command == "p" and is_quiet and not negation) or (command == "d" and not is_quiet and negation):
            ranges.append(Lines(first, end))
        elif command == "d" and not is_quiet and first == 1 and end is not None:
            ranges.append(Lines(end + 1, None))
        else:
            return None
    if stop is not None and not is_quiet and not ranges:
        ranges.append(Lines(None, stop))
    return ranges or None


def read_awk(_name: str, words: Sequence[Word], place: Place, is_piped: bool) -> Effect:
    """`awk`: with conditions on `NR` a read of these lines; with any other program a kind of search."""
    options = read_options(words, VALUED_OPTIONS["awk"])
    if options.has("-f", "-i") or not options.operands:
        return UNKNOWN
    program, operands = options.operands[0], options.operands[1:]
    if re.search(r"\bsystem\s*\(|print[^|}]*>", program.text):
        return UNKNOWN
    lines = _awk_lines(program.text)
    if lines is not None:
        return _read(operands, [lines], place, is_piped)
    if program.is_dynamic:
        return _opaque(operands, is_piped)
    return _search_in(operands, program.text, "awk", place, is_piped)


def _awk_lines(program: str) -> Lines | None:
    match = _AWK_RANGE.fullmatch(program)
    if match is None:
        return None
    number, operator = int(match["n1"]), match["op1"]
    if match["op2"] is None:
        return {
            "==": Lines(number, number),
            ">=": Lines(number, None),
            ">": Lines(number + 1, None),
            "<=": Lines(None, number),
            "<": Lines(None, number - 1),
        }[operator]
    first = {"==": number, ">=": number, ">": number + 1}.get(operator)
    last = int(match["n2"]) - (match["op2"] == "<")
    return None if first is None else Lines(first, last)


def read_content(name: str, words: Sequence[Word], place: Place, is_piped: bool) -> Effect:
    """PowerShell's `Get-Content`, and the `Select-Object` behind it."""
    options = read_options(words, VALUED_OPTIONS["get-content"], is_powershell=True)
    if options.has("-wait"):
        return Effect(EffectKind.RUN, is_poll=True)
    skipped = _number(options, "-skip") or 0
    count = _number(options, "-totalcount", "-head", "-first")
    from_end = _number(options, "-tail", "-last")
    if from_end is not None:
        lines = last_lines(from_end)
    elif count is not None or skipped:
        lines = Lines(skipped + 1, None if count is None else skipped + count)
    else:
        lines = Lines()
    if name == "select-object":
        return FILTER._replace(lines=lines, is_narrowing=lines != Lines(), scope=name)
    return _read(options.values("-path", "-literalpath") or options.operands, [lines], place, is_piped)


def _number(options: Options, *names: str) -> int | None:
    text = options.text(*names)
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else None


def _read(operands: Sequence[Word], ranges: Sequence[Lines], place: Place, is_piped: bool) -> Effect:
    """A read of `ranges` of every operand; without operands a filter that passes them."""
    if all(word.text == "-" for word in operands):
        lines = ranges[0] if len(ranges) == 1 else None
        return FILTER._replace(lines=lines, is_narrowing=lines is not None) if is_piped else NEUTRAL
    paths = [place.path(word) for word in place.expand(operands)]
    accesses = [
        read_access(path, lines.first, lines.last)
        for path in paths
        if path is not None and not path.startswith("/dev/")
        for lines in ranges
    ]
    return Effect(EffectKind.READ, join_accesses(accesses))


def _search_in(operands: Sequence[Word], query: str, name: str, place: Place, is_piped: bool) -> Effect:
    """A program that shows the matching parts of files: which lines these are is not known, so it is no read."""
    if not operands:
        return FILTER._replace(query=query, scope=name) if is_piped else NEUTRAL
    paths = [path for word in operands if (path := place.path(word)) is not None]
    if len(paths) < len(operands):
        return Effect(EffectKind.SEARCH)
    return Effect(EffectKind.SEARCH, query=query, scope=" ".join([name, "--", *paths]))


def _opaque(operands: Sequence[Word], is_piped: bool) -> Effect:
    """Shows parts of files, but which lines is not known: a read without an access hides a finding, never makes one."""
    if operands:
        return Effect(EffectKind.READ)
    return FILTER if is_piped else NEUTRAL

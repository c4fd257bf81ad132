"""Shell commands told apart by their subcommand, by their options, or by the script they run; and those that write."""

from __future__ import annotations

from collections.abc import Sequence

from otel_sessionopt.dialects import shell_tables as tables
from otel_sessionopt.dialects.shell_effects import (
    FILTER,
    NEUTRAL,
    POLL,
    RUN,
    UNKNOWN,
    Effect,
    EffectKind,
    Place,
    write_named,
)
from otel_sessionopt.dialects.shell_options import read_options
from otel_sessionopt.dialects.shell_words import Word

_WAITING = frozenset({"sleep", "start-sleep", "wait"})
_RUN_ANSWER = RUN._replace(is_exit_one_an_answer=True)


def run_tool(name: str, words: Sequence[Word], is_piped: bool) -> Effect | None:
    """Effect of a command that the tables know; `None` for one that they do not know."""
    texts = [word.text for word in words]
    if name in tables.NEUTRAL_COMMANDS:
        is_answer = name in tables.ANSWER_COMMANDS
        return NEUTRAL._replace(is_exit_one_an_answer=is_answer, is_poll=name in _WAITING)
    if name not in tables.RUN_COMMANDS:
        return _run_subcommand(tables.SUBCOMMAND_ALIASES.get(name, name), texts)
    only_looks = tables.FORMATTERS.get(name)
    if _has_write_option(name, texts) or (only_looks is not None and only_looks.isdisjoint(texts)):
        return UNKNOWN
    if is_piped and name in tables.FILTER_COMMANDS:
        return FILTER._replace(scope=name)
    effect = POLL if name in tables.POLL_COMMANDS else RUN
    return effect._replace(is_exit_one_an_answer=True) if name in tables.ANSWER_COMMANDS else effect


def _run_subcommand(name: str, texts: list[str]) -> Effect | None:
    """Effect of `git log`, `npm run build`, `docker compose ps` …"""
    operands = _subcommand_words(name, texts)
    first = operands[0] if operands else ""
    runners = tables.SCRIPT_RUNNERS.get(name)
    if runners is not None and (not runners or first in runners):
        return _run_script(operands if not runners or first in ("test", "t", "tst") else operands[1:], texts)
    paths = [f"{name}:{first}", ":".join([name, *operands[:2]])]
    if not tables.POLL_SUBCOMMANDS.isdisjoint(paths):
        return POLL
    if not tables.WRITE_SUBCOMMANDS.isdisjoint(paths) or _has_write_option(name, texts):
        return UNKNOWN
    known = tables.RUN_SUBCOMMANDS.get(name)
    if known is not None:
        is_known = first in known or ":".join(operands[:2]) in known
        return (_RUN_ANSWER if paths[0] in tables.ANSWER_COMMANDS else RUN) if is_known else UNKNOWN
    if first == "status":
        return POLL  # whatever it is, its state was asked for
    return RUN if texts in (["--version"], ["-V"]) or "--help" in texts else None


def _subcommand_words(name: str, texts: list[str]) -> list[str]:
    """The operands of a command that has subcommands, without the options before them."""
    valued = tables.LEADING_OPTIONS.get(name, frozenset())
    known = tables.RUN_SUBCOMMANDS.get(name, frozenset())
    operands: list[str] = []
    rest = iter(texts)
    for text in rest:
        if text in valued and not operands:
            next(rest, None)
        elif not text.startswith("-") or (text in known and not operands):
            operands.append(text)
    return operands


def _run_script(operands: list[str], texts: list[str]) -> Effect:
    """A script of the project (`npm run x`, `make x`): judged by its name."""
    name = next((operand for operand in operands if "=" not in operand), "")
    if _has_write_option("", texts) or tables.WRITE_SCRIPT.search(name):
        return UNKNOWN
    return RUN if tables.TEST_SCRIPT.fullmatch("test" if name in ("t", "tst") else name) else UNKNOWN


def _has_write_option(name: str, texts: list[str]) -> bool:
    own = tables.WRITE_OPTIONS_OF.get(name, frozenset())
    return any(
        text in own or text.partition("=")[0].lower() in tables.WRITE_OPTIONS for text in texts if text.startswith("-")
    )


def remove_files(_name: str, words: Sequence[Word], place: Place, _is_piped: bool) -> Effect:
    """`rm`; with `-r` it takes whole folders with it, and their files have no names here."""
    options = read_options(words, frozenset())
    effect = write_named(options.operands, place)
    return effect._replace(may_write=effect.may_write or options.has("-r", "-R", "--recursive"))


def change_files(name: str, words: Sequence[Word], place: Place, _is_piped: bool) -> Effect:
    """`touch`, `truncate`, `unlink`, `tee`: the operands change."""
    return write_named(read_options(words, tables.VALUED_OPTIONS.get(name, frozenset())).operands, place)


def copy_files(name: str, words: Sequence[Word], place: Place, _is_piped: bool) -> Effect:
    """`cp a b` changes b, `mv a b` both. With folders on either side the changed files have no names here."""
    options = read_options(words, tables.VALUED_OPTIONS[name])
    operands = options.operands
    effect = write_named(operands if name == "mv" else operands[-1:], place)
    is_plain = len(operands) == 2 and all(_looks_like_file(word.text) for word in operands)
    is_recursive = options.has("-r", "-R", "-a", "--recursive", "-t", "--target-directory")
    return effect._replace(may_write=effect.may_write or is_recursive or not is_plain)


def _looks_like_file(path: str) -> bool:
    """Whether the last part has a suffix: `b.py` does, `.`, `..`, `src/` and `.planning` do not."""
    return "." in path.rpartition("/")[2].lstrip(".")


def make_folders(_name: str, _words: Sequence[Word], _place: Place, _is_piped: bool) -> Effect:
    """`mkdir`, `rmdir`: no file changes."""
    return Effect(EffectKind.WRITE)


def write_content(_name: str, words: Sequence[Word], place: Place, _is_piped: bool) -> Effect:
    """PowerShell's `Set-Content` and its kin."""
    options = read_options(words, tables.VALUED_OPTIONS["set-content"], is_powershell=True)
    named = options.values("-path", "-literalpath", "-filepath", "-destination") or options.operands[:1]
    effect = write_named(named, place)
    return effect._replace(may_write=effect.may_write or not named or options.has("-recurse"))

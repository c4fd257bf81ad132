"""Shell commands read for what they do to files: agents that have no read tool read through the shell.

A command is split into simple commands (`shell_words`), each is given an effect (`shell_readers`, `shell_searchers`,
`shell_runs`, their tables in `shell_tables`), and the effects are put together (`shell_pipes`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from otel_sessionopt.dialects import shell_readers, shell_runs, shell_searchers, shell_tables
from otel_sessionopt.dialects.patches import patch_paths
from otel_sessionopt.dialects.shell_effects import NEUTRAL, RUN, UNKNOWN, Effect, EffectKind, Place, write_named
from otel_sessionopt.dialects.shell_options import read_options
from otel_sessionopt.dialects.shell_pipes import ShellReading, as_one_effect, pipe, read_effects, redirect_output
from otel_sessionopt.dialects.shell_words import SimpleCommand, Word, split_powershell, split_script

# Longer commands carry whole files in heredocs. What lies behind a bound counts as "may write", so that it can hide a
# finding and not make one.
MAX_COMMAND_CHARS: Final = 20_000
MAX_ARGUMENTS: Final = 1_000
MAX_NESTING: Final = 4  # a shell in a wrapper in a shell …

_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=")
_CMDLET: Final = re.compile(
    r"\s*(?:\$\w+\s*=\s*)?(?:Get|Set|Select|Out|Add|New|Remove|Copy|Move|Test|Write|Invoke|Start|Stop)-[A-Z]\w+\b"
)
_PYTHON: Final = re.compile(r"python[\d.]*|py")

_Handler = Callable[[str, Sequence[Word], Place, bool], Effect]
_HANDLERS: Final[dict[str, _Handler]] = {
    **dict.fromkeys(("cat", "bat", "batcat", "less", "more", "nl", "zcat"), shell_readers.read_whole),
    **dict.fromkeys(("head", "tail", "ghead", "gtail"), shell_readers.read_ends),
    **dict.fromkeys(("sed", "gsed"), shell_readers.read_sed),
    **dict.fromkeys(("awk", "gawk", "mawk"), shell_readers.read_awk),
    **dict.fromkeys(("get-content", "select-object"), shell_readers.read_content),
    **dict.fromkeys(("grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack"), shell_searchers.search_text),
    **dict.fromkeys(("ls", "tree", "exa", "eza", "ll", "dir"), shell_searchers.list_names),
    **dict.fromkeys(("fd", "fdfind"), shell_searchers.search_names),
    "select-string": shell_searchers.select_string,
    "get-childitem": shell_searchers.list_items,
    "rm": shell_runs.remove_files,
    **dict.fromkeys(("tee", "touch", "truncate", "unlink"), shell_runs.change_files),
    **dict.fromkeys(("cp", "mv", "ln", "install"), shell_runs.copy_files),
    **dict.fromkeys(("mkdir", "rmdir"), shell_runs.make_folders),
    **dict.fromkeys(shell_tables.POWERSHELL_WRITERS, shell_runs.write_content),
}


def parse_command(command: str | Sequence[str], workdir: str | None, *, is_powershell: bool = False) -> ShellReading:
    """Read a command, as text or as a list of arguments. Never raises; what is not understood may write.

    Args:
        command: `rg foo src | head`, or `["bash", "-lc", "rg foo src | head"]`.
        workdir: where relative paths start, if known.
        is_powershell: the text is PowerShell; a text that starts with one of its cmdlets is taken for it anyway.
    """
    place = Place(workdir)
    if isinstance(command, str):
        return read_effects(_read_text(command, place, 0, is_powershell or _CMDLET.match(command) is not None))
    words = [Word(str(argument)) for argument in command[:MAX_ARGUMENTS]]
    return read_effects([_read_simple(SimpleCommand(tuple(words)), place, False, 0, is_powershell)])


def _read_text(text: str, place: Place, nesting: int, is_powershell: bool = False) -> list[Effect]:
    """Effects of the pipelines of a script, in order."""
    if nesting > MAX_NESTING:
        return [UNKNOWN]
    script = (split_powershell if is_powershell else split_script)(text[:MAX_COMMAND_CHARS])
    effects: list[Effect] = []
    workdirs: list[tuple[str | None, bool]] = []
    for command in script.commands:
        # A `cd` in parentheses is forgotten after them.
        while len(workdirs) > command.depth:
            place.workdir, place.is_lost = workdirs.pop()
        while len(workdirs) < command.depth:
            workdirs.append((place.workdir, place.is_lost))
        is_piped = command.separator in ("|", "|&") and bool(effects)
        effect = redirect_output(command, _read_simple(command, place, is_piped, nesting, is_powershell), place)
        if is_piped:
            effects[-1] = pipe(effects[-1], effect)
        else:
            effects.append(effect)
    for inner in script.substitutions:
        # Their output becomes words; all that matters is whether they change something.
        if any(effect.may_write or effect.kind is EffectKind.WRITE for effect in _read_text(inner, place, nesting + 1)):
            effects.append(UNKNOWN)
    if len(text) > MAX_COMMAND_CHARS or not script.is_complete:
        effects.append(UNKNOWN)
    return effects


def _read_simple(command: SimpleCommand, place: Place, is_piped: bool, nesting: int, is_powershell: bool) -> Effect:
    """Effect of one simple command, where its output goes aside."""
    words = list(command.words)
    while words and words[0].text.lower() in shell_tables.KEYWORDS:
        del words[0]
    while words and _ASSIGNMENT.match(words[0].text):
        del words[0]
    if not words:
        return NEUTRAL
    first = words[0].text.lower()
    if first in ("for", "select") and len(words) > 2 and words[2].text == "in":
        place.variables[words[1].text] = tuple(words[3:])
        return NEUTRAL
    if first in ("cd", "pushd", "set-location", "push-location"):
        place.change_to(next((word for word in words[1:] if not word.text.startswith("-")), None))
        return NEUTRAL
    if first in ("apply_patch", "applypatch"):
        return _patch(command.heredoc or " ".join(word.text for word in words[1:]), place)
    inputs = [redirect.target for redirect in command.redirects if redirect.operator == "<"]
    return _read_words(words + inputs, place, is_piped, nesting, is_powershell)


def _read_words(words: list[Word], place: Place, is_piped: bool, nesting: int, is_powershell: bool = False) -> Effect:
    """Effect of a command word and what follows it."""
    if nesting > MAX_NESTING or words[0].is_dynamic:
        return UNKNOWN
    name = _command_name(words[0].text)
    if is_powershell:
        name = shell_tables.POWERSHELL_ALIASES.get(name, name)
    rest = words[1:]
    handler = _HANDLERS.get(name)
    if handler is not None:
        return handler(name, rest, place, is_piped)
    if name == "git":
        return _read_git(rest, place, is_piped)
    if name in ("find", "gfind"):
        return _read_find(rest, place, nesting)
    if name == "xargs":
        return _read_xargs(rest, place, nesting)
    if name in shell_tables.SHELLS or name in shell_tables.POWERSHELLS:
        return _read_shell(name, rest, place, nesting)
    return (
        _read_wrapped(name, rest, place, is_piped, nesting)
        or _read_python_module(name, rest, is_piped)
        or shell_runs.run_tool(name, rest, is_piped)
        or UNKNOWN
    )


def _command_name(text: str) -> str:
    """`/usr/bin/grep` and `Grep.exe` are `grep`; `./gradlew` just `gradlew`."""
    return text.replace("\\", "/").rpartition("/")[2].removesuffix(".exe").lower()


def _read_wrapped(name: str, rest: list[Word], place: Place, is_piped: bool, nesting: int) -> Effect | None:
    """The command behind `sudo`, `env X=1`, `timeout 5`, `uv run`, `pnpm --filter web exec` …"""
    wrapper = shell_tables.WRAPPERS.get(name)
    if wrapper is None:
        rest = _without_options(rest, shell_tables.LEADING_OPTIONS.get(name, frozenset()))
        wrapper = shell_tables.WRAPPERS.get(f"{name} {rest[0].text}") if rest else None
        rest = rest[1:]
    if wrapper is None:
        return None
    valued, operand_count = wrapper
    inner = _without_options(rest, valued)[operand_count:]
    if not inner:
        return RUN
    effect = _read_words(inner, place, is_piped, nesting + 1)
    return effect._replace(is_poll=True) if name == "watch" else effect


def _without_options(words: Sequence[Word], valued: frozenset[str]) -> list[Word]:
    """The words from the first operand on; assignments before it count as options."""
    at = 0
    while at < len(words) and (words[at].text.startswith("-") or _ASSIGNMENT.match(words[at].text)):
        at += 2 if words[at].text in valued else 1
    return list(words[at:])


def _read_shell(name: str, rest: list[Word], place: Place, nesting: int) -> Effect:
    """`bash -lc '…'`: the script inside as one effect; `bash file.sh` may do anything."""
    for at, word in enumerate(rest[:-1]):
        text = word.text.lower()
        if name in shell_tables.POWERSHELLS and text in ("-command", "-c"):
            script = " ".join(word.text for word in rest[at + 1 :])
            return as_one_effect(_read_text(script, place, nesting + 1, True))
        if text.startswith("-") and not text.startswith("--") and text.endswith("c"):
            return as_one_effect(_read_text(rest[at + 1].text, place, nesting + 1))
        if not text.startswith("-"):
            break
    return UNKNOWN


def _read_git(rest: list[Word], place: Place, is_piped: bool) -> Effect:
    subcommand = _without_options(rest, shell_tables.LEADING_OPTIONS["git"])
    if not subcommand or subcommand[0].text != "grep":
        return shell_runs.run_tool("git", rest, is_piped) or UNKNOWN
    moved = place
    if rest[0].text == "-C":
        moved = Place(place.workdir)
        moved.is_lost = place.is_lost
        moved.change_to(rest[1])
    return shell_searchers.search_text("git grep", subcommand[1:], moved, False)


def _read_find(rest: list[Word], place: Place, nesting: int) -> Effect:
    inner = shell_searchers.find_command(rest)
    if inner is None:
        return UNKNOWN
    if not inner:
        return shell_searchers.search_files(rest, place)
    effect = _read_found(inner, place, nesting)
    if effect.kind is not EffectKind.SEARCH or place.is_lost or any(word.is_dynamic for word in rest):
        return effect._replace(query=None)
    return effect._replace(scope=" ".join([place.workdir or ".", "find", *(word.text for word in rest)]))


def _read_xargs(rest: list[Word], place: Place, nesting: int) -> Effect:
    operands = read_options(rest, shell_tables.VALUED_OPTIONS["xargs"]).operands
    if not operands:
        return NEUTRAL
    # By identity: the options before it may hold an equal word.
    start = next(at for at, word in enumerate(rest) if word is operands[0])
    return _read_found(rest[start:], place, nesting)


def _read_found(inner: Sequence[Word], place: Place, nesting: int) -> Effect:
    """A command that is given file names which are not in the text."""
    words = [word._replace(is_dynamic=True) if "{}" in word.text else word for word in inner]
    if not any(word.is_dynamic for word in words):
        words.append(Word("{}", is_dynamic=True))
    effect = _read_words(words, place, False, nesting + 1)
    if effect.kind is not EffectKind.SEARCH or any(word.is_dynamic for word in inner):
        return effect
    # The files follow from the search before it, which the whole scope names; so the pattern is known after all.
    texts = [word.text for word in inner]
    pattern = next((text for text in texts[1:] if not text.startswith("-")), None)
    return effect._replace(query=pattern, scope=" ".join(texts))


def _read_python_module(name: str, rest: list[Word], is_piped: bool) -> Effect | None:
    """`python -m pytest` is `pytest`; any other program may do anything."""
    if not _PYTHON.fullmatch(name) or len(rest) < 2 or rest[0].text != "-m":
        return None
    module = rest[1].text
    return shell_runs.run_tool("jq" if module == "json.tool" else module.partition(".")[0], rest[2:], is_piped)


def _patch(text: str, place: Place) -> Effect:
    """`apply_patch`, with the patch in a heredoc or an argument."""
    paths = patch_paths(text)
    return write_named([Word(path) for path in paths], place) if paths else UNKNOWN

"""Which program a shell command is about, so that two commands can be told to be tries of the same thing."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from otel_sessionopt.dialects.shell_words import split_script

# They prepare or wrap the command that matters.
_PREPARING: Final = frozenset({"cd", "pushd", "export", "set", "source", ".", "echo", "sleep", "true", "mkdir"})
_WRAPPING: Final = frozenset(
    {"sudo", "env", "time", "nohup", "exec", "command", "npx", "uv", "poetry", "mise", "bundle"}
)
# After these words the next one says what is run: `npm run build`, `python -m pytest`, `docker compose up`.
_LEADING: Final = frozenset({"run", "exec", "compose", "-m"})
# What follows is a program text, not a name.
_INLINE: Final = frozenset({"-c", "-e", "-"})
# The word after such an option is a secret, not a name.
_SECRET_OPTION: Final = re.compile(r"token|key|pass|secret|auth|cred|^-[up]$", re.IGNORECASE)
_ARGUMENT_CHARS: Final = 60  # a name or a path; the longer rest of a pattern only makes two tries look different


def shell_program(command: str) -> str:
    """Program and first argument that is no option (`go test`, `npm run build`, `python a.py`); empty without one.

    Preparing commands (`cd`, `export`) and variables before it are passed over. A command that was cut short is read
    as far as it goes.
    """
    fallback = ""
    for simple in split_script(command).commands:
        words = _without_wrapping([word.text for word in simple.words])
        if not words:
            continue
        program = PurePosixPath(words[0]).name
        if program not in _PREPARING:
            return " ".join([program, *_first_arguments(words[1:])])
        fallback = fallback or program
    return fallback


def _without_wrapping(words: list[str]) -> list[str]:
    while words and (words[0] in _WRAPPING or _is_assignment(words[0]) or (words[0] == "run" and len(words) > 1)):
        words = words[1:]
    if words[:1] == ["timeout"]:
        words = words[2:]
    return words


def _is_assignment(word: str) -> bool:
    name, sign, _ = word.partition("=")
    return bool(sign) and name.isidentifier()


def _first_arguments(words: list[str]) -> list[str]:
    kept: list[str] = []
    for word in words:
        if word in _INLINE:
            return kept
        if word in _LEADING:
            kept.append(word)
        elif not word.startswith("-"):
            return [*kept, word[:_ARGUMENT_CHARS]]
        elif _SECRET_OPTION.search(word):
            return kept
    return kept

"""Where settings are given: a TOML file, environment variables, flags. Each with its source, not interpreted."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from otel_sessionopt.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]  # installed on Python 3.10 only

ENV_PREFIX: Final = "SESSIONOPT_"
_TOML_POSITION: Final = re.compile(r"\s*\(at line (\d+), column (\d+)\)|\s*\(at end of document\)")
_HEADER: Final = re.compile(r"^\s*\[(?!\[)(.+)\]\s*(?:#.*)?$")
_ASSIGNMENT: Final = re.compile(r"^\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'|\s*\.\s*)+?)\s*=")

KeyPath = tuple[str, ...]


class Given(NamedTuple):
    """One value as somebody gave it.

    Attributes:
        path: key path, `("rules", "large-file", "min_tokens")`.
        value: as TOML has it; a plain text from variables and flags, which have no types.
        source: as a person would look it up: `config.toml:12`, `SESSIONOPT_IGNORE_PATHS`, `--set report.folder=x`.
        text: what a variable or flag says, as it says it; `None` from files.
    """

    path: KeyPath
    value: Any
    source: str
    text: str | None = None


def from_file(path: Path) -> Iterator[Given]:
    """The values of a TOML file, each with its line.

    Raises:
        ConfigError: the file cannot be read or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); a configuration is a TOML file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        position = _TOML_POSITION.search(str(error))
        line = f":{position[1]}" if position and position[1] else ""
        raise ConfigError(f"{path}{line}: not valid TOML: {_TOML_POSITION.sub('', str(error))}") from error
    lines = _lines_of(text)
    for key_path, value in _leaves(document):
        line_number = next((lines[key_path[:n]] for n in range(len(key_path), 0, -1) if key_path[:n] in lines), None)
        yield Given(key_path, value, f"{path}:{line_number}" if line_number else str(path))


def from_environ(environ: Mapping[str, str], paths_by_name: Mapping[str, KeyPath]) -> Iterator[Given]:
    """The values of variables named in `paths_by_name`, in alphabetical order."""
    for name in sorted(environ):
        if name in paths_by_name:
            for key_path, value in _leaves(value_of_text(environ[name]), paths_by_name[name]):
                yield Given(key_path, value, name, environ[name])


def from_flags(overrides: Iterable[str]) -> Iterator[Given]:
    """The values of `KEY=VALUE` flags; the key is written as in TOML (`prices."gpt-4.1".input=2`).

    Raises:
        ConfigError: there is no `=`, or the key is not one.
    """
    for override in overrides:
        source = f"--set {override}"
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"{source}: KEY=VALUE is wanted, for example rules.repeated-file-read.min_reads=3")
        key_path = _key_path(key)
        if key_path is None:
            raise ConfigError(f"{source}: {key.strip()!r} is no key; write dotted names, odd ones in quotes")
        for path, value in _leaves(value_of_text(text), key_path):
            yield Given(path, value, source, text)


def from_options(options: Mapping[str, object]) -> Iterator[Given]:
    """The values of the tables that OpenTelemetry's declarative configuration hands to a component."""
    for key_path, value in _leaves(options) if options else ():
        text = value if isinstance(value, str) else None
        yield Given(key_path, value, "options of sessionopt", text)


def value_of_text(text: str) -> Any:
    """`text` as a TOML value where it is one (`3`, `true`, `["a"]`, `{input = 3}`), else the text itself."""
    try:
        document = tomllib.loads(f"value = {text.strip()}")
    except tomllib.TOMLDecodeError:
        return text
    return document["value"] if set(document) == {"value"} else text


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Values that are no tables, with their key paths. An empty table is a leaf, so that its name is checked too."""
    if isinstance(value, dict) and (value or not path):
        for key, member in value.items():
            yield from _leaves(member, (*path, key))
    else:
        yield path, value


def _lines_of(text: str) -> dict[KeyPath, int]:
    """First line of each key path. Good enough to point at: continuation lines of long values are not understood."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header, assignment = _HEADER.match(line), _ASSIGNMENT.match(line)
        if header:
            table = _key_path(header[1]) or table
            lines.setdefault(table, number)
        elif assignment:
            key = _key_path(assignment[1])
            if key:
                lines.setdefault(table + key, number)
    return lines


def _key_path(key: str) -> KeyPath | None:
    """The parts of a dotted TOML key, `None` when it is not one."""
    try:
        document: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return None
    parts: list[str] = []
    while isinstance(document, dict):
        if len(document) != 1:
            return None
        part, document = next(iter(document.items()))
        parts.append(part)
    return tuple(parts)

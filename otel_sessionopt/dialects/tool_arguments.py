"""Argument keys of tools: which key holds a path, a pattern, a command, and how line ranges are written.

Source: genai-conventions §19.1–19.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from otel_sessionopt.dialects.digest import END_LINE
from otel_sessionopt.dialects.paths import normalise_path
from otel_sessionopt.dialects.shell_effects import Lines, last_lines
from otel_sessionopt.dialects.values import read_integer

PATH_KEYS: Final = (
    "file_path", "filePath", "path", "target_file", "absolute_path", "notebook_path", "filename", "file_name",
    "relative_path", "file", "uri", "source", "source_path", "AbsolutePath", "TargetFile",
)  # fmt: skip
PATH_LIST_KEYS: Final = ("paths", "file_paths", "files", "filePaths", "include", "edits", "replacements", "args")
FOLDER_KEYS: Final = (
    "dir_path", "directory", "relative_workspace_path", "target_directory", "dir", "folder", "DirectoryPath",
)  # fmt: skip
DESTINATION_KEYS: Final = ("destination", "destination_path", "new_path", "newPath")
COMMAND_KEYS: Final = ("command", "cmd", "commands", "script", "code")
QUERY_KEYS: Final = (
    "pattern", "regex", "query", "queries", "search_term", "search_query", "keyword", "keywords", "q", "glob_pattern",
    "file_pattern", "substring_pattern",
)  # fmt: skip
URL_KEYS: Final = ("url", "urls", "website_url", "uri")
WORKDIR_KEYS: Final = ("workdir", "cwd", "working_directory", "dir_path")
PATCH_KEYS: Final = ("patchText", "patch", "diff", "input")
# Any of these means that the call writes …
WRITE_KEYS: Final = frozenset({"patch", "patchText", "diff", "edits", "old_string", "oldString", "old_str"})
# … and so does one of these together with a path.
CONTENT_KEYS: Final = frozenset({"content", "file_text", "new_str", "contents", "new_source", "code_edit", "text"})
# Say nothing about what is looked for or where.
NOISE_KEYS: Final = frozenset(
    {"description", "explanation", "timeout", "timeout_ms", "toolCallId", "reason", "thought"}
)
# Said by the name of a tool that takes a path and little else.
WRITE_VERBS: Final = (
    "write", "edit", "create", "delete", "update", "move", "rename", "format", "save", "insert", "append", "remove",
    "replace", "patch", "put", "upload",
)  # fmt: skip

START_KEYS: Final = ("start_line", "startLine", "start_line_one_indexed", "line_start", "StartLine", "startLineNumber")
END_KEYS: Final = ("end_line", "endLine", "end_line_one_indexed_inclusive", "line_end", "EndLine", "endLineNumber")
# A tool with a path and only these is taken to read it.
PLAIN_READ_KEYS: Final = frozenset({*PATH_KEYS, *PATH_LIST_KEYS, *NOISE_KEYS, *START_KEYS, *END_KEYS}) | {
    "offset", "limit", "head", "tail", "view_range", "encoding",
}  # fmt: skip

PATH_KEY_SET: Final = frozenset(PATH_KEYS)
# Without any of these the arguments do not tell what a tool does.
TELLING_KEYS: Final = (
    frozenset((*PATH_KEYS, *PATH_LIST_KEYS, *FOLDER_KEYS, *COMMAND_KEYS, *QUERY_KEYS, *URL_KEYS))
    | WRITE_KEYS
    | {"input"}
)
_PATH_RANKS: Final = {key: rank for rank, key in enumerate(PATH_KEYS)}
_PATH_LIST_KEY_SET: Final = frozenset(PATH_LIST_KEYS)
_RANGE_KEYS: Final = frozenset(
    {*START_KEYS, *END_KEYS, "offset", "limit", "head", "tail", "pages", "view_range", "viewRange", "line_range"}
    | {"lineRange"}
)
_WHOLE: Final = Lines()

# Whose first line is line 0. Everyone else counts from 1: Claude Code's `Read`, Codex, Copilot, Cursor, pi.
# By tool and the path key it comes with, since several agents call their tool `read_file`.
ZERO_BASED_OFFSETS: Final = frozenset(
    {
        ("read", "filePath"),  # opencode
        ("readfile", "absolute_path"),  # Gemini CLI until it changed to start_line
        ("readfile", "file_path"),  # deepagents, older Gemini CLI; Codex's is optional and hardly ever used
    }
)
# SWE-agent's `open` shows a window of this many lines around a line.
OPEN_WINDOW: Final = 100


def first_value(arguments: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The value of the first of these keys that has one."""
    for key in keys:
        value = arguments.get(key)
        if value is not None:
            return value
    return None


def texts_in(value: object) -> Iterator[str]:
    """Texts of a value that is one text or a list of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value[:100]:
            if isinstance(item, str):
                yield item


def paths_in(arguments: Mapping[str, Any], workdir: str | None) -> list[tuple[str, Mapping[str, Any], str]]:
    """Every path named, with the mapping that holds it and its key: ranges stand beside their path."""
    found: list[tuple[str, Mapping[str, Any], str]] = []
    for key in sorted(_PATH_RANKS.keys() & arguments.keys(), key=_PATH_RANKS.__getitem__):
        value = arguments[key]
        if isinstance(value, str) and (path := normalise_path(value, workdir)) is not None:
            found.append((path, arguments, key))
            break
    if not _PATH_LIST_KEY_SET.isdisjoint(arguments):
        _add_listed(arguments, workdir, found)
    return found


def _add_listed(
    arguments: Mapping[str, Any], workdir: str | None, found: list[tuple[str, Mapping[str, Any], str]]
) -> None:
    for key in PATH_LIST_KEYS:
        value = arguments.get(key)
        if isinstance(value, Mapping):  # Roo: {"args": {"file": [{"path": …}]}}
            value = value.get("file")
            value = [value] if isinstance(value, Mapping) else value
        if not isinstance(value, (list, tuple)):
            continue
        # More files than a hundred in one call are left out: that hides findings about them.
        for item in value[:100]:
            if isinstance(item, str):
                # Which files a pattern stands for is not known.
                path = None if "*" in item else normalise_path(item, workdir)
                if path is not None:
                    found.append((path, {}, key))
            elif isinstance(item, Mapping):
                found.extend(paths_in({name: item[name] for name in item if name not in _PATH_LIST_KEY_SET}, workdir))


def read_lines(arguments: Mapping[str, Any], key: str, tool_key: str) -> Lines | None:
    """The lines that a read asks for; `None` where they are stated in a way that is not understood."""
    if tool_key != "open" and _RANGE_KEYS.isdisjoint(arguments):
        return _WHOLE
    view_range = first_value(arguments, ("view_range", "viewRange", "line_range", "lineRange"))
    if view_range is not None:
        return _range_lines(view_range)
    start = _line(first_value(arguments, START_KEYS))
    end = _line(first_value(arguments, END_KEYS))
    if start is not None or end is not None:
        return Lines(start, None if end is not None and end < 0 else end)
    if "offset" in arguments or "limit" in arguments:
        return _offset_lines(arguments, (tool_key, key) in ZERO_BASED_OFFSETS)
    head, tail = _line(arguments.get("head")), _line(arguments.get("tail"))
    if head is not None:
        return Lines(None, head)
    if tail is not None:
        return last_lines(tail)
    if tool_key == "open":
        number = _line(arguments.get("line_number")) or 1
        first = max(1, number - OPEN_WINDOW // 2)
        return Lines(first, first + OPEN_WINDOW - 1)
    if arguments.get("pages") is not None:
        return None
    return _WHOLE


def _range_lines(value: object) -> Lines | None:
    """`[10, 20]`, `[10, -1]` (to the end) or `"10-20"`."""
    if isinstance(value, str):
        value = value.strip("[]").replace("-", ",", 1).split(",") if not value.startswith("-") else None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    first, last = (_line(item.strip() if isinstance(item, str) else item) for item in value)
    if first is None or first < 0 or last is None:
        return None
    return Lines(max(first, 1), None if last < 0 else last)


def _offset_lines(arguments: Mapping[str, Any], is_zero_based: bool) -> Lines | None:
    offset, limit = _line(arguments.get("offset")), _line(arguments.get("limit"))
    if (arguments.get("offset") is not None and offset is None) or (limit is not None and limit < 0):
        return None
    if offset is not None and offset < 0:  # Cursor: counted from the end
        lines = last_lines(-offset)
        return lines if limit is None else None
    first = None if offset is None else max(offset + is_zero_based, 1)
    return Lines(first, None if limit is None else (first or 1) + limit - 1)


def _line(value: object) -> int | None:
    number = read_integer(value)
    return None if number is None or abs(number) >= END_LINE // 2 else number

"""Tool calls classified: what a call does, to which files, looking for what.

The name decides where it is known (`tool_names`), else the arguments do (`tool_arguments`); shell commands are read
(`shell`). The result is not looked at here: `tool_calls` adds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from otel_sessionopt.dialects import tool_arguments as keys
from otel_sessionopt.dialects.accesses import join_accesses, read_access, write_access
from otel_sessionopt.dialects.digest import FileAccess, ResultDigest, ToolKind, ToolUse
from otel_sessionopt.dialects.patches import MAX_PATCH_FILES, is_patch, patch_paths
from otel_sessionopt.dialects.paths import normalise_path
from otel_sessionopt.dialects.shell import parse_command
from otel_sessionopt.dialects.tool_names import ToolName, ToolRow, tool_name
from otel_sessionopt.dialects.values import MAX_NAME_CHARS, canonical_json, hash_text, read_structure, whole_members

# Queries and commands are shown to people; hashes tell longer ones apart.
MAX_SHOWN_CHARS: Final = 200
MAX_SCOPE_CHARS: Final = 400

_READ: Final = ToolRow(ToolKind.READ)
_WRITE: Final = ToolRow(ToolKind.WRITE)
_SEARCH: Final = ToolRow(ToolKind.SEARCH)
_SHELL: Final = ToolRow(ToolKind.SHELL)
_WEB: Final = ToolRow(ToolKind.WEB)
_OTHER: Final = ToolRow(ToolKind.OTHER)
# A call that names a file and says more than which lines of it: what it does to the file is not known.
_UNKNOWN_FILE_USE: Final = ToolRow(ToolKind.OTHER, may_write=True)
# Tools that call another tool, which their arguments name.
_PASSES_ON: Final = frozenset({"usemcptool", "mcpcall"})
_RAW_KEYS: Final = {ToolKind.SHELL: "command", ToolKind.READ: "path", ToolKind.SEARCH: "query", ToolKind.WEB: "query"}
_POLLING_ACTIONS: Final = frozenset({"poll", "log", "logs", "list", "status", "output"})


class ToolReading(NamedTuple):
    """A classified call: the fields of `ToolUse` that name and arguments decide, and what reading its result needs.

    Attributes:
        is_shell: its result may state an exit code.
        is_exit_one_an_answer: exit code 1 is no error.
        warning: what was wrong with the arguments, or `None`.
    """

    name: str
    kind: ToolKind
    arguments_hash: int | None = None
    accesses: tuple[FileAccess, ...] = ()
    query: str | None = None
    query_hash: int | None = None
    scope: str = ""
    command: str | None = None
    may_write: bool = False
    is_poll: bool = False
    is_cursor: bool = False
    is_shell: bool = False
    is_exit_one_an_answer: bool = False
    warning: str | None = None
    arguments_chars: int | None = None

    def use(self, call_id: str | None = None, is_rejected: bool = False, result: ResultDigest | None = None) -> ToolUse:
        """The call as it is kept."""
        # Built once and by position: this runs for every tool span.
        return ToolUse(
            self.name,
            self.kind,
            call_id,
            self.arguments_hash,
            self.accesses,
            self.query,
            self.query_hash,
            self.scope,
            self.command,
            self.may_write,
            self.is_poll,
            self.is_cursor,
            is_rejected,
            result,
            self.arguments_chars,
        )


class _Call(NamedTuple):
    """A call on its way through the classification."""

    named: ToolName
    row: ToolRow
    arguments: Mapping[str, Any]
    workdir: str | None
    arguments_hash: int | None
    arguments_chars: int | None = None

    def text(self, *names: str) -> str | None:
        """The first of these arguments that is a text."""
        for name in names:
            value = self.arguments.get(name)
            if isinstance(value, str):
                return value
        return None

    def query(self) -> tuple[str | None, str | None]:
        """What is looked for, and the key that says so."""
        for key in keys.QUERY_KEYS:
            value = self.arguments.get(key)
            if value is not None:
                text = value if isinstance(value, str) else "\n".join(keys.texts_in(value))
                return text or None, key
        return None, None


def classify_tool(name: str, arguments: object | None, workdir: str | None) -> ToolUse:
    """What a tool call does. Never raises.

    Args:
        name: as sent, with or without the prefix of a protocol server.
        arguments: a mapping, JSON text (possibly cut by a length limit), raw text, or `None` when not recorded.
        workdir: where relative paths start, if known.
    """
    return read_tool(name, arguments, workdir).use()


def read_tool(name: str, arguments: object | None, workdir: str | None) -> ToolReading:
    """`classify_tool` before the result is known."""
    named = tool_name(name[:MAX_NAME_CHARS])
    if arguments is None:
        return _without_arguments(named, named.row or _OTHER)
    value, warning = read_structure(arguments)
    if isinstance(value, str) and value is not arguments:
        value, warning = read_structure(value)  # JSON within a JSON string
    if isinstance(value, Mapping):
        return _classify(named, value, workdir, canonical_json(value))
    if isinstance(value, str):
        if warning is not None:
            return _classify_cut(named, value, workdir, warning)
        return _classify(named, {_raw_key(named, value): value}, workdir, value)
    return _classify(named, {}, workdir, canonical_json(value))


def _raw_key(named: ToolName, text: str) -> str:
    """What a text is that is all of the arguments: a command or a patch, or the one argument of a LangChain tool."""
    kind = None if named.row is None else named.row.kind
    if kind is None or ("\n" in text and kind is not ToolKind.SHELL):
        return "input"
    return _RAW_KEYS.get(kind, "input")


def _without_arguments(named: ToolName, row: ToolRow) -> ToolReading:
    """A call of which only the name was recorded: whatever writes may have written anything."""
    may_write = row.may_write or row.kind in (None, ToolKind.WRITE, ToolKind.SHELL)
    return _reading(_Call(named, row, {}, None, None), may_write=may_write, is_shell=row.kind is ToolKind.SHELL)


def _classify(named: ToolName, arguments: Mapping[str, Any], workdir: str | None, canonical: str | None) -> ToolReading:
    """Classify a call whose arguments are known; `canonical` is their text, if they can be written as one."""
    row = named.row
    if row is None or row.kind is None:
        row = _row_from_arguments(named, arguments)
    arguments_hash, chars = (None, None) if canonical is None else (hash_text(canonical), len(canonical))
    # By table and not by comparing: this runs for every tool span.
    return _READERS[row.kind or ToolKind.OTHER](_Call(named, row, arguments, workdir, arguments_hash, chars))


def _row_from_arguments(named: ToolName, arguments: Mapping[str, Any]) -> ToolRow:
    """The ordered tests of §19.3, for a tool whose name does not say what it does."""
    if keys.TELLING_KEYS.isdisjoint(arguments):
        return _OTHER
    has_path = not keys.PATH_KEY_SET.isdisjoint(arguments) and any(
        isinstance(arguments.get(key), str) for key in keys.PATH_KEYS
    )
    command = arguments.get("command")
    if has_path and isinstance(command, str) and (named.row is not None or command == "view"):
        return _READ if command == "view" else _WRITE
    if not keys.WRITE_KEYS.isdisjoint(arguments) or (has_path and not keys.CONTENT_KEYS.isdisjoint(arguments)):
        return _WRITE
    if isinstance(arguments.get("input"), str) and is_patch(arguments["input"]):
        return _WRITE
    if any(key in arguments for key in keys.COMMAND_KEYS):
        return _SHELL
    has_url = "url" in arguments or "urls" in arguments
    if any(key in arguments for key in keys.QUERY_KEYS):
        return _WEB if has_url else _SEARCH
    if has_url:
        return _WEB
    if has_path or isinstance(arguments.get("paths"), (list, tuple)):
        if any(verb in named.key for verb in keys.WRITE_VERBS):
            return _WRITE
        return _READ if keys.PLAIN_READ_KEYS.issuperset(arguments) else _UNKNOWN_FILE_USE
    return _SEARCH if any(key in arguments for key in keys.FOLDER_KEYS) else _OTHER


def _read_files(call: _Call) -> ToolReading:
    accesses = []
    for path, holder, key in keys.paths_in(call.arguments, call.workdir):
        lines = keys.read_lines(holder, key, call.named.key)
        if lines is not None:
            accesses.append(read_access(path, lines.first, lines.last))
    return _reading(call, join_accesses(accesses))


def _write_files(call: _Call) -> ToolReading:
    paths = [path for path, _, _ in keys.paths_in(call.arguments, call.workdir)]
    destination = call.text(*keys.DESTINATION_KEYS)
    patch = call.text(*keys.PATCH_KEYS) if not paths else None
    in_patch = patch_paths(patch) if patch is not None else ()
    for name in (*in_patch, *([] if destination is None else [destination])):
        path = normalise_path(name, call.workdir)
        if path is not None:
            paths.append(path)
    accesses = join_accesses([write_access(path) for path in paths])
    return _reading(call, accesses, may_write=not accesses or len(in_patch) == MAX_PATCH_FILES)


def _search(call: _Call) -> ToolReading:
    query, query_key = call.query()
    parts = [call.named.key]
    for key in sorted([key for key in call.arguments if isinstance(key, str)]):
        value = call.arguments[key]
        if key == query_key or key in keys.NOISE_KEYS or value is None:
            continue
        if isinstance(value, str) and (key in keys.PATH_KEYS or key in keys.FOLDER_KEYS):
            path = normalise_path(value, call.workdir) or ""
            if path != call.workdir:  # the same as saying nothing
                parts.append(path)
        else:
            parts.append(f"{key}={value if isinstance(value, str) else canonical_json(value)}")
    return _reading(call, query=query, scope=" ".join(parts))


def _ask_web(call: _Call) -> ToolReading:
    query, _ = call.query()
    return _reading(call, query=query, scope=" ".join(keys.texts_in(keys.first_value(call.arguments, keys.URL_KEYS))))


def _start_agent(call: _Call) -> ToolReading:
    return _reading(call, may_write=call.row.may_write)


def _use_other(call: _Call) -> ToolReading:
    key = call.named.key
    if key in _PASSES_ON:
        inner = call.text("tool_name", "name")
        if inner is not None and tool_name(inner).key not in _PASSES_ON:
            reading = read_tool(inner, call.arguments.get("arguments") or {}, call.workdir)
            return reading._replace(arguments_hash=call.arguments_hash, arguments_chars=call.arguments_chars)
    is_poll = key == "process" and call.arguments.get("action") in _POLLING_ACTIONS
    return _reading(call, may_write=call.row.may_write, is_poll=is_poll)


def _type_into_shell(call: _Call) -> ToolReading:
    """`write_stdin`: with nothing typed it only asks a running program for news."""
    is_poll = not keys.first_value(call.arguments, ("chars", "input", "text", "data", "keys"))
    return _reading(call, may_write=not is_poll, is_poll=is_poll, is_shell=True)


def _run_shell(call: _Call) -> ToolReading:
    if call.row.is_typing:
        return _type_into_shell(call)
    command = _command(call.arguments)
    if command is None or call.row.may_write:
        shown = command if isinstance(command, str) else call.text("code")
        return _reading(call, command=shown, may_write=True, is_shell=True)
    moved = call.text(*keys.WORKDIR_KEYS)
    workdir = call.workdir if moved is None else normalise_path(moved, call.workdir) or call.workdir
    shell = parse_command(command, workdir, is_powershell=call.named.key == "powershell")
    # Not by `_replace`, which takes as long as all the rest here.
    arguments_hash, chars = call.arguments_hash, call.arguments_chars
    return _reading(
        _Call(call.named, ToolRow(shell.kind), call.arguments, call.workdir, arguments_hash, chars),
        shell.accesses,
        query=shell.query,
        scope=shell.scope,
        command=command if isinstance(command, str) else " ".join(command),
        may_write=shell.may_write,
        is_poll=shell.is_poll,
        is_shell=True,
        is_exit_one_an_answer=shell.is_exit_one_an_answer,
    )


_READERS: Final[dict[ToolKind, Callable[[_Call], ToolReading]]] = {
    ToolKind.READ: _read_files,
    ToolKind.WRITE: _write_files,
    ToolKind.SEARCH: _search,
    ToolKind.SHELL: _run_shell,
    ToolKind.WEB: _ask_web,
    ToolKind.SUB_AGENT: _start_agent,
    ToolKind.OTHER: _use_other,
}


def _command(arguments: Mapping[str, Any]) -> str | list[str] | None:
    """The command, as text or as a list of arguments; `None` where there is none or it is a program in a language."""
    action = arguments.get("action")
    if isinstance(action, Mapping):  # local_shell_call
        arguments = action
    command = keys.first_value(arguments, ("command", "cmd"))
    if isinstance(command, str):
        return command
    if isinstance(command, (list, tuple)):
        return [item for item in command if isinstance(item, str)] or None
    # Several commands in a list are run one after the other.
    return "\n".join(keys.texts_in(keys.first_value(arguments, ("commands", "script", "input")))) or None


def _classify_cut(named: ToolName, text: str, workdir: str | None, warning: str) -> ToolReading:
    """Arguments whose JSON is cut or broken: only what its whole members say for certain.

    Lines and options may have been behind the cut, so a read names no file and a search no query; a write keeps its
    path. There is no hash: two different calls may share their beginning.
    """
    members, following = whole_members(text)
    row = named.row
    if row is None or row.kind is None:
        row = _row_from_arguments(named, {**members, **dict.fromkeys(following, "")})
    call = _Call(named, row, members, workdir, None, len(text))  # at least that long
    if row.kind is ToolKind.WRITE:
        reading = _write_files(call)
        # A patch or a list of edits behind the cut may name more files.
        return reading._replace(warning=warning, may_write=True)
    is_shell = row.kind is ToolKind.SHELL
    return _reading(call, may_write=row.may_write or is_shell, is_shell=is_shell)._replace(warning=warning)


def _reading(
    call: _Call,
    accesses: tuple[FileAccess, ...] = (),
    *,
    query: str | None = None,
    scope: str = "",
    command: str | None = None,
    may_write: bool = False,
    is_poll: bool = False,
    is_shell: bool = False,
    is_exit_one_an_answer: bool = False,
) -> ToolReading:
    """Put a reading together; long texts are cut here, after their hashes were taken."""
    if len(scope) > MAX_SCOPE_CHARS:
        scope = f"{scope[:MAX_SCOPE_CHARS]}#{hash_text(scope):016x}"
    row = call.row
    return ToolReading(
        call.named.name,
        row.kind or ToolKind.OTHER,
        call.arguments_hash,
        accesses,
        None if query is None else query[:MAX_SHOWN_CHARS],
        None if query is None else hash_query(query),
        scope,
        None if command is None else command[:MAX_SHOWN_CHARS],
        may_write,
        is_poll or row.is_poll,
        row.is_cursor,
        is_shell,
        is_exit_one_an_answer,
        None,
        call.arguments_chars,
    )


def hash_query(query: str) -> int:
    """Hash of a search pattern that is the same for patterns which differ in case and white space only."""
    return hash_text(" ".join(query.lower().split()))

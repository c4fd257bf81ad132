"""Tool calls of Claude Code to plant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .draft import Draft
from .planting import Key
from .rounds import Request, Round
from .words import code, name, numbered


def read(draft: Draft, path: str, lines: Sequence[str], *, first: int = 1, is_range: bool = False) -> Request:
    """Reading a file, or lines of it."""
    arguments: dict[str, object] = {"file_path": path}
    if is_range:
        arguments |= {"offset": first, "limit": len(lines)}
    return Request("Read", arguments, numbered(lines, first, with_tabs=draft.has_tab_numbers))


def edit(path: str, old: str, new: str) -> Request:
    """An edit that succeeds."""
    result = f"The file {path} has been updated successfully."
    return Request("Edit", {"file_path": path, "old_string": old, "new_string": new, "replace_all": False}, result)


def edit_of(draft: Draft, path: str) -> Request:
    """An edit of some lines of this file."""
    return edit(path, "\n".join(code(draft.random, 4)), "\n".join(code(draft.random, 4)))


def some_edit(draft: Draft) -> Request:
    """An edit of a file of its own."""
    old, new = code(draft.random, 7), code(draft.random, 7)
    return edit(fresh_path(draft), "\n".join(old), "\n".join(new))


def write(path: str, content: str) -> Request:
    """Writing a new file."""
    return Request("Write", {"file_path": path, "content": content}, f"File created successfully at: {path}")


def shell(command: str, result: str, *, fails: bool = False, seconds: float = 1.2) -> Request:
    """A shell command."""
    arguments = {"command": command, "description": "Run " + command.split()[0]}
    text = f"Exit code 1\n{result}" if fails else result
    return Request("Bash", arguments, text, is_error=fails, seconds=seconds)


def grep(pattern: str, path: str, result: str) -> Request:
    """A search in files."""
    return Request("Grep", {"pattern": pattern, "path": path, "output_mode": "content", "-n": True}, result)


def fresh_path(draft: Draft, folder: str = "src") -> str:
    """A path that occurs nowhere in the session."""
    return draft.path(folder, f"{name(draft.random)}.py")


def fresh_read(draft: Draft, lines: int = 60) -> Request:
    """Reading a file that nobody has read before."""
    return read(draft, fresh_path(draft), code(draft.random, lines))


def same(request: Request) -> Request:
    """The same call with the same result, once more."""
    return Request(
        request.name, dict(request.arguments), request.result, request.tokens, request.is_error, request.seconds
    )


def keys_of(rounds: Iterable[Round]) -> list[Key]:
    """The events of several rounds."""
    return [key for each in rounds for key in each.keys]

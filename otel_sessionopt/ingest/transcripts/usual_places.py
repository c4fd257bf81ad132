"""Where coding agents keep transcripts on a computer, and which ones are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_sessionopt.ingest.inputs import InputFile

_CLAUDE_CODE: Final = "Claude Code"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualPlace:
    """A folder in which a tool keeps transcripts.

    Attributes:
        tool: its name as people know it.
        folder: it need not exist.
        pattern: which files below it hold sessions.
        noun: what such a file is called.
    """

    tool: str
    folder: Path
    pattern: str
    noun: str = "transcript"

    def files(self) -> list[InputFile]:
        """The files that are there, by name; none where the folder is absent or cannot be read."""
        try:
            return [InputFile(path=path, size=path.stat().st_size, is_named=False) for path in self._paths()]
        except OSError:
            return []

    def _paths(self) -> list[Path]:
        return sorted(path for path in self.folder.glob(self.pattern) if path.is_file())


def usual_places(environ: Mapping[str, str], home: Path) -> Iterator[UsualPlace]:
    """All places of all tools whose transcripts can be read, each once, moved by the variables that the tools honour.

    Source: Claude Code documentation ("Settings": `CLAUDE_CONFIG_DIR`); openai/codex `docs/config.md` (`CODEX_HOME`);
    badlogic/pi-mono `packages/coding-agent/docs/settings.md` (`PI_CODING_AGENT_DIR`); sst/opencode
    `packages/opencode/src/global/index.ts` (XDG base folders).
    """
    seen: set[Path] = set()
    for place in _all_places(environ, home):
        if place.folder / place.pattern not in seen:
            seen.add(place.folder / place.pattern)
            yield place


def _all_places(environ: Mapping[str, str], home: Path) -> Iterator[UsualPlace]:
    config = _folder(environ, "XDG_CONFIG_HOME", home / ".config")
    claude = environ.get("CLAUDE_CONFIG_DIR", "").strip()
    # Several folders with a comma between is what tools beside Claude Code understand.
    given = [Path(each.strip()).expanduser() for each in claude.split(",") if each.strip()]
    for folder in given or (home / ".claude", config / "claude"):
        yield UsualPlace(tool=_CLAUDE_CODE, folder=folder / "projects", pattern="**/*.jsonl")
    codex = _folder(environ, "CODEX_HOME", home / ".codex")
    for name in ("sessions", "archived_sessions"):
        yield UsualPlace(tool="Codex", folder=codex / name, pattern="**/*.jsonl*")
    pi = _folder(environ, "PI_CODING_AGENT_DIR", home / ".pi" / "agent")
    yield UsualPlace(tool="pi", folder=pi / "sessions", pattern="**/*.jsonl")
    opencode = _folder(environ, "XDG_DATA_HOME", home / ".local" / "share") / "opencode"
    # Both where an older version was updated: what is in both counts once.
    yield UsualPlace(tool="opencode", folder=opencode, pattern="opencode*.db", noun="database")
    yield UsualPlace(tool="opencode", folder=opencode / "storage" / "session", pattern="*/*.json")


def _folder(environ: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    given = environ.get(variable, "").strip()
    return Path(given).expanduser() if given else otherwise

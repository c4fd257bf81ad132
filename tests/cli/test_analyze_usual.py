"""`sessionoptimizer analyze` without a path: the transcripts of a fake home."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.run import Outcome
from tests.ingest.transcripts.test_codex import ROLLOUT
from tests.ingest.transcripts.test_opencode import EXPORT, write_database, write_folder
from tests.ingest.transcripts.test_pi import SESSION
from tests.ingest.transcripts.transcript_samples import TRANSCRIPT

Command = Callable[..., Outcome]


def put(path: Path, text: str, days_old: float = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    changed = time.time() - days_old * 86_400
    os.utime(path, (changed, changed))
    return path


@pytest.fixture
def full_home(home: Path) -> Path:
    put(home / ".claude/projects/p/a.jsonl", TRANSCRIPT, days_old=10)
    put(home / ".claude/history.jsonl", "{}")
    put(home / ".codex/sessions/2026/03/01/rollout-x.jsonl", "\n".join(ROLLOUT))
    put(home / ".pi/agent/sessions/--home--/2026_x.jsonl", "\n".join(SESSION), days_old=3)
    return home


def agents(outcome: Outcome) -> list[str]:
    return sorted(report["session"]["agent"] for report in json.loads(outcome.out)["reports"])


def test_the_transcripts_of_every_tool_are_found_and_told(here: Command, full_home: Path) -> None:
    outcome = here("analyze", "--json")

    assert outcome.status == 0
    assert outcome.err.splitlines() == [
        f"Claude Code: 1 transcript in {full_home}/.claude/projects",
        f"Codex: 1 transcript in {full_home}/.codex/sessions",
        f"pi: 1 transcript in {full_home}/.pi/agent/sessions",
    ]
    assert agents(outcome) == ["claude-code", "codex", "pi"]


def test_variables_of_the_tools_move_their_folders(here: Command, full_home: Path, tmp_path: Path) -> None:
    for folder in (".claude", ".codex"):
        (full_home / folder).rename(tmp_path / folder[1:])
    (full_home / ".pi/agent").rename(tmp_path / "agent")
    assert here("analyze").status == 2
    environ = {
        "CLAUDE_CONFIG_DIR": str(tmp_path / "claude"),
        "CODEX_HOME": str(tmp_path / "codex"),
        "PI_CODING_AGENT_DIR": str(tmp_path / "agent"),
    }
    assert agents(here("analyze", "--json", environ=environ)) == ["claude-code", "codex", "pi"]


def test_newer_claude_code_keeps_them_in_the_configuration_folder(here: Command, home: Path) -> None:
    put(home / "xdg/claude/projects/p/a.jsonl", TRANSCRIPT)
    assert agents(here("analyze", "--json", environ={"XDG_CONFIG_HOME": str(home / "xdg")})) == ["claude-code"]


def test_opencode_is_found_as_database_and_as_folder(here: Command, home: Path) -> None:
    folder = home / ".local/share/opencode"
    write_folder(folder, EXPORT)
    write_database(folder / "opencode.db", EXPORT)
    outcome = here("analyze", "--json")
    assert outcome.err.splitlines() == [
        f"opencode: 1 database in {folder}",
        f"opencode: 1 transcript in {folder}/storage/session",
    ]
    (report,) = json.loads(outcome.out)["reports"]
    assert report["counts"]["model_calls"] == 2  # each once


def test_nothing_at_all_is_told_with_the_places_that_were_looked_at(here: Command, home: Path) -> None:
    outcome = here("analyze")

    assert outcome.status == 2
    assert outcome.out == ""
    (line,) = outcome.err.splitlines()
    assert line.startswith("error: no transcript of a coding agent is here: looked in ")
    assert f"{home}/.claude/projects" in line
    assert f"{home}/.codex/sessions" in line


@pytest.mark.parametrize(
    ("since", "expected"), [("5d", ["codex", "pi"]), ("2d", ["codex"]), ("30d", ["claude-code", "codex", "pi"])]
)
def test_since_leaves_out_what_did_not_change(here: Command, full_home: Path, since: str, expected: list[str]) -> None:
    assert full_home.is_dir()
    assert agents(here("analyze", "--json", "--since", since)) == expected


def test_since_is_for_folders_too_and_never_for_a_file_that_is_named(here: Command, full_home: Path) -> None:
    file = full_home / ".claude/projects/p/a.jsonl"
    assert agents(here("analyze", file, "--json", "--since", "1d")) == ["claude-code"]
    assert here("analyze", file.parent, "--since", "1d").status == 2


def test_nothing_since_then_is_told(here: Command, home: Path) -> None:
    put(home / ".codex/sessions/rollout-x.jsonl", "\n".join(ROLLOUT), days_old=9)
    outcome = here("analyze", "--since", "1h")
    assert outcome.status == 2
    assert outcome.err.startswith("error: no transcript has changed in that time: looked in ")


def test_old_sub_agents_go_with_the_session_that_changed(here: Command, home: Path) -> None:
    put(home / ".claude/projects/p/s.jsonl", TRANSCRIPT)
    put(home / ".claude/projects/p/s/subagents/agent-1.jsonl", "{}", days_old=9)
    put(home / ".claude/projects/p/t/subagents/agent-1.jsonl", "{}", days_old=9)
    assert here("analyze", "--since", "1d").err.startswith("Claude Code: 2 transcripts in ")


def test_a_wrong_duration_is_wrong_use(here: Command, full_home: Path) -> None:
    assert full_home.is_dir()
    outcome = here("analyze", "--since", "yesterday")
    assert outcome.status == 2
    assert "'yesterday' is no duration" in outcome.err


def test_what_is_no_transcript_there_is_no_error(here: Command, full_home: Path) -> None:
    put(full_home / ".codex/sessions/notes.jsonl", '{"kind": "note"}\n')
    outcome = here("analyze", "--json")
    assert outcome.status == 0
    assert len(agents(outcome)) == 3


def test_a_thousand_transcripts_are_all_read(here: Command, home: Path) -> None:
    for number in range(1_000):
        text = "\n".join(ROLLOUT).replace("7000-8000-000000000001", f"7000-8000-{number:012}")
        put(home / f".codex/sessions/2026/rollout-{number}.jsonl", text)
    outcome = here("analyze")
    assert outcome.status == 0
    assert outcome.err.startswith("Codex: 1,000 transcripts in ")
    assert "1,000 sessions" in outcome.out

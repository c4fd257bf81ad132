"""Asking a running program for news is no repeat, in real Codex sessions that do it 68 times."""

from __future__ import annotations

from pathlib import Path

from otel_sessionopt.analyzers.catalog import default_analyzers
from otel_sessionopt.analyzers.runner import run_analyzers
from tests.session.conftest import _build


def test_no_rule_blames_writing_nothing_to_a_running_program(shared_data: Path) -> None:
    polls = blamed = 0
    for path in sorted((shared_data / "codex-copilot-sessions").glob("agentv__019*.jsonl.xz")):
        session = _build(path)
        ids = {event.id for event in session.events if event.tool is not None and event.tool.name == "write_stdin"}
        polls += len(ids)
        for outcome in run_analyzers(session, default_analyzers(), ()):
            blamed += sum(not ids.isdisjoint(issue.events_involved) for issue in outcome.issues)
    assert (polls, blamed) == (68, 0)

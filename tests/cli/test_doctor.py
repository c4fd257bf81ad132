"""`sessionoptimizer doctor` as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from otel_sessionopt.cli import doctor_checks
from otel_sessionopt.cli.main import run
from tests.cli.otlp import line, web_line

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def bare_machine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable set, no port open, no package installed."""
    for name in list(os.environ):
        if name.startswith(("OTEL_", "SESSIONOPT_", "CLAUDE", "CODEX_", "TRACELOOP_", "OPENINFERENCE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(doctor_checks, "can_connect", lambda *_: False)
    monkeypatch.setattr(doctor_checks, "installed_packages", list)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_bare_machine_lacks_telemetry(capsys: Capture) -> None:
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out

    assert out.startswith("1 missing.\nmissing  no telemetry: no endpoint answers, no transcript, no report\n")
    assert "→ add SessionOptSpanProcessor to the agent" in flat(out)
    assert max(map(len, out.splitlines())) <= 80


def test_a_machine_with_transcripts_lacks_nothing(home: Path, capsys: Capture) -> None:
    (home / ".claude" / "projects" / "p").mkdir(parents=True)
    (home / ".claude" / "projects" / "p" / "s.jsonl").touch()

    assert run(["doctor"]) == 0
    out = capsys.readouterr().out

    assert out.startswith("Nothing is missing.\n")
    assert "1 Claude Code transcript in" in flat(out)


def test_several_things_are_counted_and_stand_first(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")

    assert run(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "3 missing."
    labels = [line.split()[0] for line in lines[1:] if not line.startswith(" ")]
    assert labels == sorted(labels, key=["missing", "note", "ok"].index)


def test_a_mistake_in_the_settings_is_missing_too(home: Path, capsys: Capture) -> None:
    (home / ".sessionoptimizer").mkdir()
    (home / ".sessionoptimizer" / "config.toml").write_text("[report]\nfoldr = 1\n", encoding="utf-8")

    assert run(["doctor"]) == 1
    assert "config.toml:2: there is no setting 'report.foldr'" in flat(capsys.readouterr().out)


def test_a_complete_file_lacks_nothing(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(line(1, reads=2) + "\n", encoding="utf-8")

    assert run(["doctor", str(file)]) == 0
    out = capsys.readouterr().out

    assert out == "Nothing is missing.\nok       1 session, 3 model calls, 2 tool calls\n"


def test_a_file_without_content_names_the_switch(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(line(1, reads=2, capture=False) + "\n" + line(2, reads=2) + "\n", encoding="utf-8")

    assert run(["doctor", str(file)]) == 1
    out = flat(capsys.readouterr().out)

    assert "missing tool arguments: not recorded in 1 of 2 sessions" in out
    assert "missing sizes of tool results: not recorded in 1 of 2 sessions" in out
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY" in out


def test_a_file_without_an_agent_is_told(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(web_line(1) + "\n", encoding="utf-8")

    assert run(["doctor", str(file)]) == 1
    assert "no agent session in 1 input file" in flat(capsys.readouterr().out)


def test_input_that_cannot_be_read_is_status_2(tmp_path: Path, capsys: Capture) -> None:
    assert run(["doctor", str(tmp_path / "no.json")]) == 2
    out, err = capsys.readouterr()
    assert out == ""  # nothing was looked at, so nothing is missing in it
    assert err.startswith(f"error: {tmp_path / 'no.json'}: ")

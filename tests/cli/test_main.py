"""The command itself: help, version, exit statuses, and how it fails."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import click
import pytest

from otel_sessionopt import __version__
from otel_sessionopt.cli import main as main_module
from otel_sessionopt.cli.main import COMMANDS, run
from otel_sessionopt.errors import ConfigError
from tests.cli import otlp
from tests.cli.run import run_command


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["version"]])
def test_the_version(arguments: list[str], home: Path) -> None:
    assert run_command(*arguments, home=home) == (0, f"sessionoptimizer, version {__version__}\n", "")


def test_help_names_commands_examples_and_exit_statuses(home: Path) -> None:
    outcome = run_command("--help", home=home)

    assert outcome.status == 0
    for name, short in COMMANDS.items():
        assert f"  {name}" in outcome.out
        assert short in outcome.out
    assert "Examples:" in outcome.out
    assert "2    wrong use" in outcome.out
    assert "Nothing leaves this machine" in outcome.out
    assert run_command("help", home=home).out == outcome.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_begins_with_its_short_help(name: str) -> None:
    command = import_module(f"otel_sessionopt.cli.{name}").command

    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_is_printed_in_both_ways(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", name]) == 0
    one = capsys.readouterr().out
    assert run([name, "--help"]) == 0
    assert capsys.readouterr().out == one
    assert "Usage: sessionoptimizer " in one


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["compare"], ["analyze", "--format", "pdf", "x"], ["help", "nonsense"], ["--nonsense"]]
)
def test_wrong_use_is_status_2_and_says_why(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "Error: " in capsys.readouterr().err


def test_a_command_that_is_none_brings_the_one_it_looks_like(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyse", "x"]) == 2
    assert "Error: there is no command 'analyse'; did you mean 'analyze'?" in capsys.readouterr().err
    assert run(["qqq"]) == 2
    assert "there are: analyze, start, log," in capsys.readouterr().err


def test_a_terminal_that_lacks_a_character_gets_one_that_it_has(home: Path) -> None:
    folder = home / "x"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.jsonl").write_text(otlp.line(number, reads=3), encoding="utf-8")
    plain = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"}
    outcome = run_command("analyze", folder, home=home, environ=plain)

    assert (outcome.status, outcome.err) == (0, "")
    assert f"\n{'-' * 80}\n" in outcome.out  # and not an escape for each of 80 lines
    assert "\\u" not in outcome.out
    (home / "一.json").write_text("x")
    told = run_command("analyze", home / "一.json", home=home, environ=plain).err
    assert "\\u4e00.json: in no format that is known" in told


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> None:
        raise error

    monkeypatch.setattr(main_module.LazyGroup, "get_command", lambda *_: click.Command("x", callback=command))


def test_a_bug_is_one_sentence_and_status_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(RuntimeError("two\nlines"), monkeypatch)

    assert run(["x"]) == 3
    assert capsys.readouterr().err == "error: RuntimeError: two lines (SESSIONOPT_DEBUG=1 shows where)\n"


def test_a_bug_shows_where_when_somebody_wants_to_know(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(RuntimeError("x"), monkeypatch)
    monkeypatch.setenv("SESSIONOPT_DEBUG", "1")

    assert run(["x"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_what_the_system_refuses_is_told_with_the_path_and_without_our_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(PermissionError(13, "Permission denied", "/reports"), monkeypatch)

    assert run(["x"]) == 3
    assert capsys.readouterr().err == "error: /reports: Permission denied\n"


def test_our_own_errors_are_wrong_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fail_with(ConfigError("config.toml:3: no"), monkeypatch)

    assert run(["x"]) == 2
    assert capsys.readouterr().err == "error: config.toml:3: no\n"


def test_an_interruption_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fail_with(KeyboardInterrupt(), monkeypatch)

    assert run(["x"]) == 130
    assert capsys.readouterr().err.strip() == ""


def test_a_reader_that_goes_away_ends_it_quietly(home: Path) -> None:
    script = f"{sys.executable} -m otel_sessionopt --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=home)

    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")  # 0 where it was written before the reader left


def test_version_and_help_load_neither_sdk_nor_rich_nor_pipeline() -> None:
    script = (
        "import sys; from otel_sessionopt.cli.main import run; run(['--version']); run(['--help']);"
        "print(sorted(m for m in ('rich', 'opentelemetry.sdk', 'otel_sessionopt.pipeline', 'genai_prices') "
        "if m in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


def test_the_version_answers_within_300_ms(home: Path) -> None:
    # the best of several: what another process takes from this one is not ours
    best = 9.0
    for _ in range(5):
        started = time.perf_counter()
        run_command("--version", home=home)
        best = min(best, time.perf_counter() - started)

    assert best < 0.3

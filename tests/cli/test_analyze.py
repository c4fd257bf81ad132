"""`sessionoptimizer analyze`: what goes in, what comes out, and how it ends."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator as Validator

from otel_sessionopt.analyzers.issue import Severity
from otel_sessionopt.cli import progress
from otel_sessionopt.cli.analyze import has_issue_at
from otel_sessionopt.cli.main import run
from tests.cli.otlp import line, web_line
from tests.cli.run import run_command
from tests.report.reports import SCHEMA, Says, issue, quiet_session, report_of

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def empty_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """One session in which nothing is to be found."""
    return written(tmp_path / "clean.jsonl", line(1))


@pytest.fixture
def wasteful(tmp_path: Path) -> Path:
    """One session that reads a file three times: a HIGH issue."""
    return written(tmp_path / "wasteful.jsonl", line(2, reads=3))


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    return path


def document(text: str) -> dict[str, object]:
    """A JSON document of reports, every one checked against the schema."""
    parsed = json.loads(text)
    for report in parsed["reports"]:
        Validator(SCHEMA).validate(report)
    return dict(parsed)


def reports_in(text: str) -> list[dict[str, object]]:
    reports = document(text)["reports"]
    assert isinstance(reports, list)
    return reports


# What comes out


def test_one_session_is_one_whole_report(wasteful: Path, capsys: Capture) -> None:
    assert run(["analyze", str(wasteful)]) == 0
    out, err = capsys.readouterr()

    assert out.startswith("Could have cost $0.")
    assert "1. HIGH No progress loop: $0." in out
    assert "2 calls in a loop of Read: up to 3 times the same, nothing new." in out
    assert "session" not in out.splitlines()[0]
    assert err == ""


def test_a_few_sessions_are_shown_in_short_with_one_total(clean: Path, wasteful: Path, capsys: Capture) -> None:
    assert run(["analyze", str(clean), str(wasteful)]) == 0
    out = capsys.readouterr().out

    assert out.count("\nSession ") + out.startswith("Session ") == 2
    assert "  - HIGH No progress loop: $0." in out
    assert "2 sessions: Could have cost $0." in out
    assert "Dearest cures:" in out
    assert "Bill" not in out


def test_many_sessions_are_a_table_with_the_dearest_issues(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path / "many.jsonl", *(line(number, reads=1 + number % 3) for number in range(1, 13)))

    assert run(["analyze", str(file)]) == 0
    out = capsys.readouterr().out

    assert out.splitlines()[0].split() == ["cost", "avoidable", "score", "issues", "started", "session", "task"]
    assert out.count(" 000000000000000000000000000000") >= 12
    assert "12 sessions: Could have cost $" in out
    assert "--save" not in out  # said to people at a terminal only
    assert "Dearest issues:" in out
    assert max(map(len, out.splitlines())) <= 80


def test_every_report_is_printed_whole_when_asked_for(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path / "many.jsonl", *(line(number) for number in range(1, 13)))

    assert run(["analyze", "--full", str(file)]) == 0
    out = capsys.readouterr().out

    assert out.count("\nBill ") == 12
    assert "12 sessions: Cost $" in out


def test_markdown_is_every_report_and_a_total(clean: Path, wasteful: Path, capsys: Capture) -> None:
    assert run(["analyze", "--format", "markdown", str(clean), str(wasteful)]) == 0
    out = capsys.readouterr().out

    assert out.startswith("### Cost ")
    assert out.count("\n---\n") == 2
    assert "### 2 sessions: Could have cost " in out


def test_json_is_one_document_of_reports_total_and_errors(clean: Path, wasteful: Path, capsys: Capture) -> None:
    assert run(["analyze", "--format", "json", str(clean), str(wasteful)]) == 0
    parsed = document(capsys.readouterr().out)

    assert list(parsed) == ["schema_version", "reports", "total", "errors"]
    assert [report["session_id"] for report in parsed["reports"]] == [f"{1:032x}", f"{2:032x}"]  # type: ignore[attr-defined]
    assert parsed["total"]["sessions"] == 2  # type: ignore[index]
    assert parsed["errors"] == []


def test_a_folder_gets_a_file_per_session_and_form(
    clean: Path, wasteful: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / "out" / "reports"

    assert run(["analyze", str(clean), str(wasteful), "--output", str(folder)]) == 0

    assert sorted(path.name for path in folder.iterdir()) == [
        f"{trace:032x}_report.{form}" for trace in (1, 2) for form in ("html", "json", "md", "txt")
    ]
    assert capsys.readouterr().out.splitlines()[-1] == f"Wrote 8 report files to {folder}"


@pytest.mark.parametrize(("form", "suffix"), [("json", "json"), ("markdown", "md"), ("text", "txt")])
def test_the_format_chooses_the_form_of_the_files(clean: Path, tmp_path: Path, form: str, suffix: str) -> None:
    folder = tmp_path / "reports"

    assert run(["analyze", str(clean), "--output", str(folder), "--format", form]) == 0
    assert [path.suffix for path in folder.iterdir()] == [f".{suffix}"]


def test_one_json_file_holds_all_reports(clean: Path, wasteful: Path, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "all.json"

    assert run(["analyze", str(clean), str(wasteful), "--output", str(file)]) == 0

    assert len(reports_in(file.read_text(encoding="utf-8"))) == 2
    assert capsys.readouterr().out.splitlines()[-1] == f"Wrote 2 reports to {file}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.json", "clean.jsonl", "home", "wasteful.jsonl"]


@pytest.mark.parametrize(("name", "begins"), [("all.md", "### Could have cost $"), ("all.txt", "Could have cost $")])
def test_one_text_file_has_all_reports(
    wasteful: Path, clean: Path, tmp_path: Path, name: str, begins: str, capsys: Capture
) -> None:
    file = tmp_path / name

    assert run(["analyze", str(wasteful), str(clean), "--output", str(file)]) == 0
    text = file.read_text(encoding="utf-8")
    assert text.replace("\\", "").startswith(begins)
    assert all(f"Session {number:032x}" in text.replace("`", "") for number in (1, 2))
    assert "2 sessions: " in text
    assert capsys.readouterr().out.splitlines()[-1] == f"Wrote 2 reports to {file}"
    assert run(["analyze", str(wasteful), "--output", str(file)]) == 0
    assert "1 sessions" not in file.read_text(encoding="utf-8")
    assert capsys.readouterr().out.startswith("Could have cost $")


@pytest.mark.parametrize(
    ("output", "form", "message"),
    [
        ("all.md", "json", "such a file holds markdown; name a folder for --format json"),
        ("all.json", "markdown", "such a file holds json; name a folder"),
        ("clean.jsonl", "json", "is a file"),
        ("no/all.json", "json", "does not exist"),
    ],
)
def test_an_output_that_cannot_be_is_refused(
    clean: Path, tmp_path: Path, output: str, form: str, message: str, capsys: Capture
) -> None:
    before = sorted(tmp_path.iterdir())

    assert run(["analyze", str(clean), "--output", str(tmp_path / output), "--format", form]) == 2
    assert message in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


# How it ends


@pytest.mark.parametrize(("level", "status"), [("low", 1), ("medium", 1), ("high", 1), ("critical", 0)])
def test_issues_at_or_over_the_level_are_status_1(wasteful: Path, level: str, status: int) -> None:
    assert run(["analyze", str(wasteful), "--fail-on", level]) == status


def test_a_preview_rule_never_fails_a_run() -> None:
    found = report_of(quiet_session().session(), [Says((issue(severity=Severity.CRITICAL),))])
    previewed = replace(found, issues=[replace(each, is_preview=True) for each in found.issues])

    assert has_issue_at(found, "critical")
    assert not has_issue_at(previewed, "low")


def test_a_clean_session_is_status_0_at_every_level(clean: Path) -> None:
    assert run(["analyze", str(clean), "--fail-on", "low"]) == 0


def test_bad_input_is_told_in_one_line_and_beats_issues(wasteful: Path, tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path / "bad.jsonl", line(1), "{not json", line(3))

    assert run(["analyze", str(file), str(wasteful), "--fail-on", "low"]) == 2
    out, err = capsys.readouterr()

    assert "3 sessions" in out
    assert len(err.splitlines()) == 1
    assert err.startswith(f"error: {file}: line 2")


def test_bad_input_is_in_the_json_document_too(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path / "bad.jsonl", line(1), "{not json")

    assert run(["analyze", str(file), "--format", "json"]) == 2
    parsed = document(capsys.readouterr().out)

    assert parsed["errors"][0]["source"] == str(file)  # type: ignore[index]
    assert parsed["errors"][0]["position"] == "line 2"  # type: ignore[index]


def test_a_file_of_nonsense_does_not_flood_the_screen(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path / "bad.jsonl", line(1), *["{not json"] * 50)

    assert run(["analyze", str(file)]) == 2
    err = capsys.readouterr().err

    assert len(err.splitlines()) <= 11


@pytest.mark.parametrize("pattern", ["no/such/file.json", "no-such-*.json"])
def test_no_input_is_an_error(pattern: str, tmp_path: Path, capsys: Capture) -> None:
    assert run(["analyze", str(tmp_path / pattern)]) == 2
    err = capsys.readouterr().err

    assert err.startswith(f"error: {tmp_path / pattern}: ")
    assert len(err.splitlines()) == 1


def test_an_empty_folder_is_an_error(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").mkdir()

    assert run(["analyze", str(tmp_path / "empty")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'empty'}: ")


def test_traces_without_an_agent_are_no_error_and_no_report(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path / "web.jsonl", web_line(1))

    assert run(["analyze", str(file)]) == 0
    out, err = capsys.readouterr()

    assert out == ""
    assert "No agent session in 1 input file:" in err
    assert "passed over" not in err  # it was named, and is in a known format


def test_a_file_name_with_control_characters_does_not_reach_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path / "\x1b[31mx.json", "{not json")

    run(["analyze", str(tmp_path / "\x1b[31mx.json")])

    assert "\x1b" not in capsys.readouterr().err


# Settings on the command line


def test_a_rule_can_be_run_alone_or_left_out(wasteful: Path, capsys: Capture) -> None:
    run(["analyze", str(wasteful), "--rule", "long-session", "--format", "json"])
    (report,) = reports_in(capsys.readouterr().out)
    assert [outcome["code"] for outcome in report["outcomes"]] == ["long-session"]  # type: ignore[attr-defined]

    run(["analyze", str(wasteful), "--disable", "repeated-file-read", "--format", "json"])
    (report,) = reports_in(capsys.readouterr().out)
    assert "repeated-file-read" not in [outcome["code"] for outcome in report["outcomes"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("flag", ["--rule", "--disable"])
def test_a_rule_that_is_not_there_is_wrong_use(clean: Path, flag: str, capsys: Capture) -> None:
    assert run(["analyze", str(clean), flag, "larg-file"]) == 2
    assert f"error: {flag}: there is no rule 'larg-file'; did you mean 'large-file'?" in capsys.readouterr().err


def test_an_ignored_path_has_no_finding(wasteful: Path) -> None:
    assert run(["analyze", str(wasteful), "--ignore", "values.py", "--fail-on", "low"]) == 0


def test_a_threshold_can_be_set(wasteful: Path) -> None:
    flags = ["--set", "rules.repeated-file-read.min_reads=9", "--set", "rules.repeated-file-read.high_reads=9"]

    assert run(["analyze", str(wasteful), "--rule", "repeated-file-read", "--fail-on", "low"]) == 1
    assert run(["analyze", str(wasteful), "--rule", "repeated-file-read", *flags, "--fail-on", "low"]) == 0


def test_a_price_can_be_set(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path / "own.jsonl", line(1, model="in-house-7b"))

    run(["analyze", str(file)])
    assert capsys.readouterr().out.startswith("No price known.")
    run(["analyze", str(file), "--set", "prices.in-house-7b={input = 10, output = 20}"])
    # (4,000 + 3,000 new and 4,000 read again, all at $10) + 200 × $20 per million
    assert capsys.readouterr().out.startswith("Cost $0.11;")


def test_a_mistake_in_the_settings_is_told_before_anything_is_read(clean: Path, capsys: Capture) -> None:
    assert run(["analyze", str(clean), "--set", "rules.large-file.min_tokns=3"]) == 2
    out, err = capsys.readouterr()

    assert out == ""
    assert "did you mean 'rules.large-file.min_tokens'?" in err


# As a process


def test_standard_input_is_read(home: Path) -> None:
    outcome = run_command("analyze", "-", home=home, stdin=gzip.compress(line(1, reads=3).encode()))

    assert outcome.status == 0, outcome.err
    assert "Repeated file read" in outcome.out
    assert outcome.err == ""


def test_a_pipe_that_closes_early_ends_it_quietly(home: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "many.jsonl", *(line(number, reads=3) for number in range(1, 120)))
    script = f"{sys.executable} -m otel_sessionopt analyze --full {file} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=home)

    assert done.stderr == ""
    assert done.stdout.splitlines()[0].startswith("Could have cost $")
    assert done.stdout.splitlines()[1] == "141"


def test_a_terminal_without_unicode_still_gets_a_report(home: Path, wasteful: Path) -> None:
    environ = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    text = run_command("analyze", str(wasteful), home=home, environ=environ)
    as_json = run_command("analyze", str(wasteful), "--format", "json", home=home, environ=environ)

    assert (text.status, text.err) == (0, "")
    assert len(reports_in(as_json.out)) == 1


def test_nothing_is_written_to_the_home_folder(home: Path, wasteful: Path) -> None:
    run_command("analyze", str(wasteful), home=home)

    assert list(home.iterdir()) == []


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_reports_go_to_a_pipe_and_not_to_the_bar_on_the_terminal(
    wasteful: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")

    assert run(["analyze", str(wasteful), str(wasteful.parent / "no.json"), "--format", "json"]) == 2

    assert len(reports_in(capsys.readouterr().out)) == 1
    assert "schema_version" not in screen.getvalue()
    assert "error: " in screen.getvalue()


def test_an_interruption_ends_a_run_quietly(home: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "endless.jsonl"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-m", "otel_sessionopt", "analyze", str(fifo)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        # A shell in the background hands its children SIGINT ignored; a person's terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with fifo.open("wb", buffering=0) as end:  # opens when the command does
        end.write(line(1).encode() + b"\n")
        # Into the reading, not into the imports before it: Python drops an interrupt that meets a callback there.
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert (out, err.strip()) == (b"", b"")


def test_a_folder_of_files_in_no_known_format_says_that_they_are_passed_over(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "trace.json").write_text('{"trace": {"id": "x"}}')

    assert run(["analyze", str(folder)]) == 0
    assert "Files of a folder that are in no known format are passed over" in capsys.readouterr().err


def test_a_terminal_is_told_how_to_see_more(
    clean: Path, wasteful: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert run(["analyze", str(clean), str(wasteful), "--no-progress"]) == 0
    assert capsys.readouterr().err == (
        "\nWhole reports: --full, or --output FOLDER. With --save they stay for list, compare and stats.\n"
    )
    assert run(["analyze", str(clean), str(wasteful), "--no-progress", "--full"]) == 0
    assert capsys.readouterr().err == ""

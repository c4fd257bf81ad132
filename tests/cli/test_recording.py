"""Recording from the shell: start, log, end, analyze, export, delete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from otel_sessionopt import EventType, SessionOptimizer
from tests.cli.run import Outcome
from tests.support.otlp_sink import http_sink

SCHEMA = json.loads((Path(__file__).parents[2] / "otel_sessionopt" / "report" / "schema.json").read_text())

# As its users know it, ids apart.
EXAMPLE = r"""
sessionoptimizer start FORGE "Build PriorityQueue" --model opus
sessionoptimizer log forge_20260121_143000 FILE_READ --data '{"file_path": "roadmap.md", "compressed": false}' --tokens-in 2500
sessionoptimizer log forge_20260121_143000 SEARCH --data '{"query": "how does priority queue work"}' --tokens-in 100 --tokens-out 800
sessionoptimizer log forge_20260121_143000 ERROR --data '{"message": "Test failed", "code": 1}'
sessionoptimizer end forge_20260121_143000 --status COMPLETED
sessionoptimizer analyze forge_20260121_143000 --format markdown
sessionoptimizer stats FORGE --days 7
sessionoptimizer compare forge_20260121_143000 forge_20260121_150000
sessionoptimizer export forge_20260121_143000 --format markdown --output report.md
"""  # noqa: E501


Command = Callable[..., Outcome]


def started(here: Command, *arguments: str) -> str:
    outcome = here("start", "FORGE", "Build", *arguments)
    assert outcome.status == 0, outcome.err
    return outcome.out.strip()


def as_json(outcome: Outcome) -> Any:
    assert (outcome.status, outcome.err) == (0, "")
    return json.loads(outcome.out)


def optimizer_at(home: Path) -> SessionOptimizer:
    return SessionOptimizer(home / ".sessionoptimizer", environ={})


@pytest.mark.skipif(os.name == "nt", reason="bash is not everywhere")
def test_the_examples_as_they_are_written(here: Command, home: Path) -> None:
    command = home / "bin" / "sessionoptimizer"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m otel_sessionopt "$@"\n')
    command.chmod(0o755)
    other = started(here)
    first, *rest = EXAMPLE.strip().splitlines()
    lines = "\n".join(rest).replace("forge_20260121_143000", "$id").replace("forge_20260121_150000", other)
    environ = {
        "HOME": str(home),
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", f"id=$({first})\n{lines}"],
        capture_output=True,
        text=True,
        env=environ,
        cwd=home,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "(COMPLETED): 5 events, 3,400 tokens, $0.10" in done.stdout
    assert "### Cost" in done.stdout
    assert "Best: " in done.stdout
    assert (home / "report.md").read_text().startswith("### Cost")


class TestStart:
    def test_in_a_pipe_it_prints_the_id_alone(self, here: Command, home: Path) -> None:
        session_id = started(here, "--model", "OPUS")

        assert session_id.startswith("forge_2")
        with optimizer_at(home) as optimizer:
            session = optimizer.get_session(session_id)
        assert session is not None
        assert (session.agent, session.task, session.model) == ("FORGE", "Build", "opus")

    def test_json(self, here: Command, home: Path) -> None:
        found = as_json(here("start", "Forge", "Build", "--id", "mine", "--json"))

        assert found.pop("started_at").startswith("20")
        assert found == {"id": "mine", "agent": "FORGE", "task": "Build", "model": "default", "status": "ACTIVE"}

    def test_an_id_that_is_taken_is_one_line(self, here: Command, home: Path) -> None:
        here("start", "FORGE", "x", "--id", "mine")

        assert here("start", "FORGE", "y", "--id", "mine") == (
            2,
            "",
            "error: session_id 'mine' is taken; give another one, or none\n",
        )

    def test_the_history_may_be_elsewhere(self, here: Command, home: Path) -> None:
        by_flag = here("start", "A", "x", "--storage", home / "one")
        by_variable = here("start", "A", "x", environ={"SESSIONOPT_HISTORY_FOLDER": str(home / "two")})
        (home / "config.toml").write_text(f'[history]\nfolder = "{(home / "three").as_posix()}"\n')
        by_file = here("start", "A", "x", environ={"SESSIONOPT_CONFIG": str(home / "config.toml")})

        assert [by_flag.status, by_variable.status, by_file.status] == [0, 0, 0]
        assert [(home / name / "history.db").exists() for name in ("one", "two", "three")] == [True] * 3
        assert not (home / ".sessionoptimizer").exists()


class TestLog:
    def test_an_event_with_everything(self, here: Command, home: Path) -> None:
        session_id = started(here)
        found = as_json(
            here(
                "log", session_id, "file-read", "--data", '{"file_path": "a.py"}', "--tokens-in", "5", "--tokens-out",
                "6", "--duration-ms", "7.5", "--json")
        )  # fmt: skip
        with optimizer_at(home) as optimizer:
            session = optimizer.get_session(session_id)

        assert session is not None
        assert session.events[-1].to_dict() | {"session_id": session_id} == found
        assert (found["event_type"], found["tokens_input"], found["tokens_output"]) == ("FILE_READ", 5, 6)

    def test_in_a_pipe_it_prints_the_id_of_the_event(self, here: Command, home: Path) -> None:
        session_id = started(here)
        outcome = here("log", session_id, "error")

        assert (outcome.status, len(outcome.out), outcome.err) == (0, 17, "")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["FILE_EATEN"], "error: event type 'FILE_EATEN' is not allowed; allowed are SESSION_START, "),
            (["ERROR", "--data", "[1]"], "error: --data is no object; a JSON object is wanted, for example "),
            (["ERROR", "--data", "{x}"], "error: --data: Expecting property name"),
            (["ERROR", "--data", '{"x": NaN}'], "error: data is no JSON: "),
            (["ERROR", "--data", "[" * 100_000], "error: --data"),
            (["ERROR", "--tokens-in", "-1"], "Error: Invalid value for '--tokens-in': -1 is not in the range x>=0."),
            (["ERROR", "--tokens-out", "many"], "Error: Invalid value for '--tokens-out': 'many' is not a valid int"),
            (["ERROR", "--tokens-in", "9" * 30], "error: tokens_input is 9"),
            (["ERROR", "--duration-ms", "nan"], "rror: "),
            (["ERROR", "--colour", "red"], "Error: No such option"),
            ([], "Error: Missing argument 'TYPE'."),
        ],
    )
    def test_wrong_input_is_one_line_that_says_what_is_wrong(
        self, here: Command, home: Path, arguments: list[str], said: str
    ) -> None:
        session_id = started(here)
        outcome = here("log", session_id, *arguments)

        assert (outcome.status, outcome.out) == (2, "")
        assert said in outcome.err
        assert outcome.err.count("\n") == 1
        with optimizer_at(home) as optimizer:
            assert (optimizer.summary(session_id) or pytest.fail("it is gone")).event_count == 1

    def test_it_loads_no_more_than_it_needs(self, here: Command, home: Path) -> None:
        script = (
            "import sys; from otel_sessionopt.cli.main import run\n"
            "status = run(sys.argv[1:])\n"
            "heavy = ('opentelemetry', 'genai_prices', 'rich', 'requests', 'otel_sessionopt.pipeline', "
            "'otel_sessionopt.dialects', 'otel_sessionopt.analyzers', 'otel_sessionopt.report')\n"
            "print(status, [name for name in heavy if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, "log", started(here), "ERROR", "--storage", str(home / ".sessionoptimizer")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip

        assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize("command", [["log", "x", "ERROR"], ["end", "x"], ["delete", "x"], ["export", "x"]])
def test_an_unknown_id_is_one_line(here: Command, home: Path, command: list[str]) -> None:
    outcome = here(*command)

    assert outcome == (2, "", "error: there is no session 'x'; `sessionoptimizer list` shows those there are\n")


def test_a_history_that_cannot_be_read_is_a_failure(here: Command, home: Path) -> None:
    (home / ".sessionoptimizer").mkdir()
    (home / ".sessionoptimizer" / "history.db").write_text("no database" * 100)
    outcome = here("list")

    assert outcome.status == 3
    assert outcome.err.startswith(f"error: {home}/.sessionoptimizer/history.db: ")
    assert "history.db: file is not a database" in outcome.err
    assert outcome.err.count("\n") == 1


def test_files_of_the_earlier_tool_are_taken_over_and_odd_ones_named(here: Command, home: Path) -> None:
    folder = home / ".sessionoptimizer" / "sessions"
    folder.mkdir(parents=True)
    (folder / "old.json").write_text('{"id": "old", "agent": "FORGE", "started_at": "2026-01-21T10:00:00"}')
    (folder / "odd.json").write_text("{")
    outcome = here("list", "--json")

    assert [row["id"] for row in json.loads(outcome.out)["sessions"]] == ["old"]
    assert outcome.err == f"warning: {folder / 'odd.json'}: not taken over, it holds no session\n"
    assert here("list").err == ""


class TestEnd:
    def test_it_says_what_the_session_came_to(self, here: Command, home: Path) -> None:
        session_id = started(here, "--model", "opus")
        for _ in range(2):
            here("log", session_id, "FILE_READ", "--data", '{"path": "a"}', "--tokens-in", "500")
        outcome = here("end", session_id, "--status", "failed")

        assert (outcome.status, outcome.err) == (0, "")
        assert outcome.out.startswith(f"Ended {session_id} (FAILED): 4 events, 1,000 tokens, $0.01, ")
        assert outcome.out.endswith(" Score 50.\n")

    def test_json(self, here: Command, home: Path) -> None:
        found = as_json(here("end", started(here), "--json"))

        assert (found["status"], found["events"], found["efficiency_score"]) == ("COMPLETED", 2, 100.0)
        assert found["is_trace_sent"] is None

    @pytest.mark.parametrize("status", ["ACTIVE", "DONE"])
    def test_a_status_that_ends_nothing_is_one_line(self, here: Command, home: Path, status: str) -> None:
        assert here("end", started(here), "--status", status) == (
            2, "", f"error: status '{status}' is not allowed; allowed are COMPLETED, FAILED, ABANDONED\n",
        )  # fmt: skip

    def test_with_an_endpoint_the_trace_is_sent(self, here: Command, home: Path) -> None:
        session_id = started(here)
        with http_sink() as sink:
            environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url.removesuffix("/v1/traces")}
            outcome = here("end", session_id, environ=environ)
            again = here("end", session_id, "--json", environ=environ)

        assert outcome.out.splitlines()[1] == f"Trace sent to {sink.url}"
        assert sink.names == ["SESSION_START", "SESSION_END", "invoke_agent FORGE"]
        assert json.loads(again.out)["is_trace_sent"] is True

    def test_a_receiver_that_does_not_answer_is_one_warning_and_no_error(self, here: Command, home: Path) -> None:
        session_id = started(here)
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}
        outcome = here("end", session_id, "--json", environ=environ)

        assert outcome.status == 0
        assert json.loads(outcome.out)["is_trace_sent"] is False
        assert outcome.err == (
            f"warning: The trace of session {session_id} was not taken by http://127.0.0.1:9/v1/traces; "
            "does something listen there? Ending it again sends it.\n"
        )

    def test_an_endpoint_that_is_none_is_one_warning(self, here: Command, home: Path) -> None:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}
        outcome = here("end", started(here), environ=environ)

        assert outcome.status == 0
        assert outcome.err.count("\n") == 1
        assert "an http or https URL is wanted" in outcome.err


class TestAnalyzeAndExport:
    @pytest.fixture
    def session_id(self, here: Command, home: Path) -> str:
        with optimizer_at(home) as optimizer:
            session = optimizer.start_session("FORGE", "Build", "opus", session_id="mine")
            for _ in range(3):
                optimizer.log_event(session.id, EventType.FILE_READ, {"file_path": "/a.py"}, tokens_input=500)
            optimizer.end_session(session.id)
        return session.id

    def test_analyze_tries_an_id_when_no_such_file_exists(self, here: Command, home: Path, session_id: str) -> None:
        outcome = here("analyze", session_id)

        assert (outcome.status, outcome.err) == (0, "")
        assert "Session mine" in outcome.out
        assert "Repeated file read" in outcome.out

    def test_a_file_of_that_name_comes_first(self, here: Command, home: Path, session_id: str) -> None:
        (home / session_id).write_text("{}")

        assert "Session mine" not in here("analyze", session_id).out

    def test_json_is_the_same_by_both_flags(self, here: Command, home: Path, session_id: str) -> None:
        document = as_json(here("analyze", session_id, "--json"))
        by_format = as_json(here("analyze", session_id, "--format", "json"))

        (report,) = document["reports"]
        jsonschema.validate(report, SCHEMA)
        assert report["session_id"] == "mine"
        assert report["comparisons"]["recent_sessions"] == 0
        assert by_format["reports"][0]["bill"] == report["bill"]
        assert here("analyze", session_id, "--json", "--format", "text").status == 2

    def test_issues_over_the_limit_fail(self, here: Command, home: Path, session_id: str) -> None:
        assert here("analyze", session_id, "--fail-on", "low").status == 1

    def test_other_rules_leave_the_history_as_it_is(self, here: Command, home: Path, session_id: str) -> None:
        before = as_json(here("list", "--json"))
        outcome = here("analyze", session_id, "--rule", "long-session")

        assert "Nothing found" in outcome.out
        assert as_json(here("list", "--json")) == before

    def test_the_settings_in_force_are_used(self, here: Command, home: Path, session_id: str) -> None:
        environ = {"SESSIONOPT_RULES_REPEATED_FILE_READ_ENABLED": "false"}
        outcome = here("export", session_id, "--json", environ=environ)

        assert "repeated-file-read" not in [each["code"] for each in json.loads(outcome.out)["outcomes"]]

    def test_what_is_neither_file_nor_session_is_one_line(self, here: Command, home: Path, session_id: str) -> None:
        outcome = here("analyze", "nobody", session_id)

        assert outcome.status == 2
        assert "Session mine" in outcome.out
        assert outcome.err == (
            "error: nobody: no such file, folder or session; give files, folders, globs, - for standard input, "
            "or ids that `sessionoptimizer list` shows\n"
        )

    def test_analyze_makes_no_history_where_there_is_none(self, here: Command, home: Path) -> None:
        assert here("analyze", "nobody").status == 2
        assert not (home / ".sessionoptimizer").exists()

    def test_export_prints_json_unless_told_otherwise(self, here: Command, home: Path, session_id: str) -> None:
        report = as_json(here("export", session_id))

        jsonschema.validate(report, SCHEMA)
        assert report["session_id"] == "mine"
        assert here("export", session_id, "--format", "TEXT").out.startswith("Could have cost $0.0075 instead of $0.02")
        assert as_json(here("export", session_id, "--format", "text", "--json"))["session_id"] == "mine"

    def test_export_writes_a_file(self, here: Command, home: Path, session_id: str) -> None:
        outcome = here("export", session_id, "--format", "markdown", "--output", "report.md")

        assert outcome.out == "Wrote the report of mine to report.md\n"
        assert (home / "report.md").read_text().startswith("### Could have cost")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--format", "pdf"], "'pdf' is not one of 'json', 'markdown', 'text'"),
            (["--output", "no/such/report.md"], "does not exist"),
            (["--output", "."], "is a directory"),
        ],
    )
    def test_wrong_input_of_export_is_one_line(
        self, here: Command, home: Path, session_id: str, arguments: list[str], said: str
    ) -> None:
        outcome = here("export", session_id, *arguments)

        assert (outcome.status, outcome.out) == (2, "")
        assert said in outcome.err
        assert outcome.err.count("\n") == 1

    def test_delete_forgets_the_session(self, here: Command, home: Path, session_id: str) -> None:
        assert here("delete", session_id) == (0, "Deleted mine.\n", "")
        assert here("delete", session_id).status == 2
        assert here("export", session_id).status == 2

    def test_delete_json(self, here: Command, home: Path, session_id: str) -> None:
        assert as_json(here("delete", session_id, "--json")) == {"id": "mine", "deleted": True}

"""Looking back from the shell: list, stats, compare, and sessions of files kept with `analyze --save`."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt import EventType, SessionOptimizer
from tests.cli import otlp
from tests.cli.run import Outcome


@pytest.fixture
def history(home: Path) -> Path:
    """A home with three sessions: `good` and `bad` of FORGE, and `running` of ATLAS."""
    with SessionOptimizer(home / ".sessionoptimizer", environ={}) as optimizer:
        for session_id, agent, count in (("bad", "FORGE", 3), ("good", "FORGE", 1), ("running", "ATLAS", 1)):
            optimizer.start_session(agent, f"task of {session_id}", "opus", session_id=session_id)
            for _ in range(count):
                optimizer.log_event(session_id, EventType.FILE_READ, {"file_path": "/a.py"}, tokens_input=500)
            if session_id != "running":
                optimizer.end_session(session_id)
    return home


Command = Callable[..., Outcome]


def as_json(outcome: Outcome) -> Any:
    assert (outcome.status, outcome.err) == (0, "")
    return json.loads(outcome.out)


def ids(outcome: Outcome) -> list[str]:
    return [row["id"] for row in as_json(outcome)["sessions"]]


class TestList:
    def test_newest_first_with_every_filter(self, here: Command, history: Path) -> None:
        assert ids(here("list", "--json")) == ["running", "good", "bad"]
        assert ids(here("list", "--json", "--agent", "forge", "--limit", "1")) == ["good"]
        assert ids(here("list", "--json", "--status", "active")) == ["running"]

    def test_the_default_limit_is_20(self, here: Command, home: Path) -> None:
        with SessionOptimizer(home / ".sessionoptimizer", environ={}) as optimizer:
            for number in range(25):
                optimizer.start_session("FORGE", "x", session_id=f"s{number}")

        assert len(ids(here("list", "--json"))) == 20

    def test_a_row_has_the_figures_of_the_analysis(self, here: Command, history: Path) -> None:
        running, good, bad = as_json(here("list", "--json"))["sessions"]

        assert (bad["total_tokens"], bad["cost"], bad["efficiency_score"]) == (1_500, 0.0225, 33.3)
        assert (good["efficiency_score"], good["issue_count"], good["total_waste_tokens"]) == (100.0, 0, 0)
        assert (running["status"], running["efficiency_score"], running["cost"]) == ("ACTIVE", None, None)

    def test_plain_text_in_a_pipe(self, here: Command, history: Path) -> None:
        lines = here("list").out.splitlines()

        assert lines[0].split() == [
            "started", "agent", "task", "status", "tokens", "cost", "avoidable", "score", "issues", "session",
        ]  # fmt: skip
        assert lines[1].split()[2:] == ["ATLAS", "task", "of", "running", "ACTIVE", "500", *"––––", "running"]
        assert lines[3].split()[2:] == [
            *("FORGE", "task", "of", "bad", "COMPLETED", "1,500", "$0.02", "$0.01", "33", "1", "bad"),
        ]  # fmt: skip
        assert "\x1b" not in "".join(lines)

    def test_csv_is_read_back(self, here: Command, history: Path) -> None:
        rows = list(csv.DictReader(io.StringIO(here("list", "--csv").out)))

        assert [row["id"] for row in rows] == ["running", "good", "bad"]
        assert (rows[2]["total_tokens"], rows[2]["efficiency_score"], rows[0]["cost"]) == ("1500", "33.3", "")

    def test_no_cell_begins_like_a_formula(self, here: Command, home: Path) -> None:
        here("start", "@x", '=HYPERLINK("http://evil")', "--id", "s")
        (row,) = csv.DictReader(io.StringIO(here("list", "--csv").out))

        assert (row["agent"], row["task"]) == ("'@X", '\'=HYPERLINK("http://evil")')

    def test_hostile_text_shows_as_text(self, here: Command, home: Path) -> None:
        here("start", "A\x1b[31m", "task\n[bold]x\u202e", "--id", "s")
        outcome = here("list")

        assert len(outcome.out.splitlines()) == 2
        assert "\x1b" not in outcome.out
        assert "\u202e" not in outcome.out

    def test_an_empty_history_says_how_to_begin(self, here: Command, home: Path) -> None:
        assert here("list").out.startswith("No sessions. `sessionoptimizer start` records one")
        assert as_json(here("list", "--json")) == {"sessions": []}

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--status", "DONE"], "allowed are ACTIVE, COMPLETED, FAILED, ABANDONED"),
            (["--limit", "0"], "0 is not in the range x>=1"),
            (["--csv", "--json"], "--csv and --json are two forms; give one"),
        ],
    )
    def test_wrong_input_is_one_line(self, here: Command, home: Path, arguments: list[str], said: str) -> None:
        outcome = here("list", *arguments)

        assert (outcome.status, outcome.out) == (2, "")
        assert said in outcome.err

    @pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
    @pytest.mark.parametrize(("width", "is_whole"), [(150, True), (60, False)])
    def test_a_table_on_a_terminal(self, here: Command, history: Path, width: int, is_whole: bool) -> None:
        leader, follower = pty.openpty()
        try:
            environ = {"HOME": str(history), "PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": f"{width}"}
            environ["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
            subprocess.run(
                [sys.executable, "-m", "otel_sessionopt", "list"], stdout=follower, env=environ, check=True, timeout=60
            )
        finally:
            os.close(follower)
        shown = os.read(leader, 100_000).decode()
        os.close(leader)

        assert "running" in shown
        assert "─" in shown or "━" in shown
        assert "avoidable" in shown
        assert ("tokens" in shown, "COMPLETED" in shown) == (is_whole, is_whole)


class TestStats:
    def test_one_agent_and_all(self, here: Command, history: Path) -> None:
        forge = as_json(here("stats", "forge", "--days", "7", "--json"))
        everyone = as_json(here("stats", "--json"))

        assert (forge["agent"], forge["period_days"], forge["sessions_analyzed"]) == ("forge", 7, 2)
        assert (forge["total_tokens"], forge["total_waste_tokens"]) == (2_000, 1_000)
        assert forge["average_efficiency"] == pytest.approx(66.65)
        assert {"type": "REPEATED_FILE_READ", "count": 1} in forge["common_issues"]
        assert forge["trends"]["trend"] == "improving"
        assert (everyone["agent"], everyone["sessions_analyzed"], everyone["period_days"]) == (None, 3, 30)

    def test_plain_text_in_a_pipe(self, here: Command, history: Path) -> None:
        lines = here("stats", "FORGE").out.splitlines()

        assert any(line.startswith("average score") and "66." in line for line in lines)
        assert any(line.startswith("trend of the score") and "improving, 33.3 to 100.0" in line for line in lines)

    def test_csv_is_read_back(self, here: Command, history: Path) -> None:
        (row,) = csv.DictReader(io.StringIO(here("stats", "FORGE", "--csv").out))

        assert (row["agent"], row["sessions_analyzed"], row["trend"]) == ("FORGE", "2", "improving")
        assert "REPEATED_FILE_READ:1" in row["common_issues"].split()

    def test_an_unknown_agent_has_zeros(self, here: Command, history: Path) -> None:
        assert as_json(here("stats", "NOBODY", "--json"))["sessions_analyzed"] == 0

    def test_where_nothing_is_found_it_says_where_to_look(self, here: Command, history: Path) -> None:
        with SessionOptimizer(
            history / ".sessionoptimizer", environ={}, clock=lambda: datetime(2020, 5, 1, tzinfo=timezone.utc)
        ) as optimizer:
            optimizer.start_session("OLD", "x")

        nobody, old = here("stats", "NOBODY"), here("stats", "OLD", "--days", "1")
        assert nobody.out == "No sessions of NOBODY in the last 30 days. There are sessions of ATLAS, FORGE, OLD.\n"
        assert old.out == (
            "No sessions of OLD in the last 1 day. The newest started 2020-05-01; --days looks further back.\n"
        )

    def test_an_empty_history_says_how_to_begin(self, here: Command, home: Path) -> None:
        assert "`analyze --save` keeps those of files" in here("stats").out

    @pytest.mark.parametrize("days", ["0", "-1", "week"])
    def test_wrong_days_are_one_line(self, here: Command, home: Path, days: str) -> None:
        outcome = here("stats", "FORGE", "--days", days)

        assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)


class TestCompare:
    def test_figures_and_what_the_best_did_differently(self, here: Command, history: Path) -> None:
        compared = as_json(here("compare", "bad", "good", "--json"))
        outcome = here("compare", "bad", "good")

        assert (compared["best_performer"], compared["worst_performer"]) == ("good", "bad")
        assert [row["id"] for row in compared["sessions"]] == ["bad", "good"]
        assert "Best: good\nWorst: bad\n" in outcome.out
        assert all(f"- {sentence}" in outcome.out for sentence in compared["recommendations"])

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["good"], "error: at least two known sessions are needed to compare\n"),
            (["good", "good"], "error: at least two known sessions are needed to compare\n"),
            (
                ["good", "nobody"],
                "error: there is no session 'nobody'; `sessionoptimizer list` shows those there are\n",
            ),
            ([], "Error: Missing argument 'ID ID...'.\n"),
        ],
    )
    def test_wrong_input_is_one_line(self, here: Command, history: Path, arguments: list[str], said: str) -> None:
        assert here("compare", *arguments) == (2, "", said)


class TestSave:
    @pytest.fixture
    def traces(self, here: Command, home: Path) -> Path:
        file = home / "traces.jsonl"
        file.write_text("\n".join(otlp.line(number, reads=2) for number in (1, 2)))
        return file

    def test_sessions_of_files_are_kept_and_counted_once(self, here: Command, history: Path, traces: Path) -> None:
        outcome = here("analyze", traces, "--save")
        here("analyze", traces, "--save")

        assert (outcome.status, outcome.err) == (0, "Kept 2 sessions in ~/.sessionoptimizer\n")
        kept = as_json(here("list", "--json", "--agent", "coder"))["sessions"]
        assert [row["trace_ids"] for row in kept] == [[f"{2:032x}"], [f"{1:032x}"]]
        assert {row["is_recorded"] for row in kept} == {False}
        assert as_json(here("stats", "--days", "100000", "--json"))["sessions_analyzed"] == 5

    def test_they_can_be_analysed_exported_and_compared(self, here: Command, history: Path, traces: Path) -> None:
        before = json.loads(here("analyze", traces, "--save", "--json").out)
        trace_id = f"{1:032x}"
        report = as_json(here("export", trace_id))

        known = next(each for each in before["reports"] if each["session_id"] == trace_id)
        assert report | {"comparisons": {}} == known
        assert "Repeated file read" in here("analyze", trace_id).out
        assert as_json(here("compare", trace_id, "good", "--json"))["best_performer"] == "good"

    def test_a_session_is_found_by_its_trace_and_by_the_beginning_of_an_id(self, here: Command, home: Path) -> None:
        talk = {"key": "gen_ai.conversation.id", "value": {"stringValue": "talk"}}
        document = otlp.document(1, reads=2, model="claude-sonnet-4-5", capture=True)
        for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            span["attributes"].append(talk)
        (home / "talk.jsonl").write_text(json.dumps(document))
        here("analyze", "talk.jsonl", "--save")
        here("start", "FORGE", "x", "--id", "forge_1")
        here("start", "FORGE", "x", "--id", "forge_2")

        told = here("export", "talk").out
        assert here("export", f"{1:032x}").out == told
        assert here("export", "0" * 20).out == told
        assert here("analyze", f"{1:032x}").out == here("analyze", "talk").out
        assert as_json(here("compare", "0" * 20, "forge_1", "--json"))["sessions"][0]["id"] == "talk"
        for arguments in (["export", "forge"], ["analyze", "forge"], ["compare", "forge", "talk"]):
            assert here(*arguments)[::2] == (2, "error: several sessions begin with 'forge': forge_1, forge_2\n")
        assert here("export", "for").err.startswith("error: there is no session 'for'")
        assert here("delete", "0" * 20).err.startswith("error: there is no session")

    def test_without_the_flag_nothing_is_kept(self, here: Command, home: Path, traces: Path) -> None:
        assert here("analyze", traces).err == ""
        assert not (home / ".sessionoptimizer").exists()

    def test_the_setting_keeps_them_too(self, here: Command, home: Path, traces: Path) -> None:
        here("analyze", traces, environ={"SESSIONOPT_HISTORY_SAVE": "true"})

        assert len(ids(here("list", "--json"))) == 2

    def test_traces_of_one_conversation_are_one_session_with_its_traces_below(self, here: Command, home: Path) -> None:
        talk = {"key": "gen_ai.conversation.id", "value": {"stringValue": "talk"}}
        documents = [otlp.document(number, reads=2, model="claude-sonnet-4-5", capture=True) for number in range(1, 8)]
        for document in documents:
            for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
                span["attributes"].append(talk)
        (home / "talk.jsonl").write_text("\n".join(map(json.dumps, documents)))
        here("analyze", "talk.jsonl", "--save")

        (row,) = as_json(here("list", "--json"))["sessions"]
        assert (row["id"], row["conversation_id"]) == ("talk", "talk")
        assert row["trace_ids"] == [f"{number:032x}" for number in range(1, 8)]
        lines = here("list").out.splitlines()
        assert [line.split()[:2] for line in lines[2:7]] == [["trace", f"{number:032x}"] for number in range(1, 6)]
        assert lines[7].strip() == "and 2 more traces (--json lists all)"
        assert "7 traces of one conversation" in " ".join(here("analyze", "talk").out.split())

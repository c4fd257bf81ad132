"""`analyze --group-by conversation`, and what belongs to one trace without being asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.otlp import document
from tests.cli.run import Outcome
from tests.ingest.transcripts.transcript_samples import SESSION, TRANSCRIPT

Command = Callable[..., Outcome]


def turn(trace: int, conversation: str | None) -> dict[str, Any]:
    """A trace of five spans, whose model calls name the conversation."""
    whole = document(trace, reads=1, model="claude-sonnet-4-5", capture=True)
    if conversation is not None:
        for span in whole["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            value = {"stringValue": conversation}
            span["attributes"].append({"key": "gen_ai.conversation.id", "value": value})
    return whole


def written(path: Path, *documents: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in documents), encoding="utf-8")
    return path


def sessions(outcome: Outcome) -> dict[str, Any]:
    assert outcome.status == 0, outcome.err
    return {report["session_id"]: report for report in json.loads(outcome.out)["reports"]}


def test_traces_of_a_conversation_are_one_session_on_request(here: Command, tmp_path: Path) -> None:
    one = written(tmp_path / "a.jsonl", turn(1, "talk"), turn(2, None))
    other = written(tmp_path / "b.jsonl", turn(3, "talk"), turn(4, "other"))

    apart = sessions(here("analyze", "--json", one, other))
    grouped = sessions(here("analyze", "--json", "--group-by", "conversation", one, other))

    assert len(apart) == 4
    assert list(grouped) == ["talk", f"{2:032x}", "other"]
    assert grouped["talk"]["session"]["trace_ids"] == [f"{1:032x}", f"{3:032x}"]
    assert grouped["talk"]["token_breakdown"]["TOTAL"] == 2 * apart[f"{1:032x}"]["token_breakdown"]["TOTAL"]


def test_the_history_groups_by_itself(here: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", turn(1, "talk"), turn(3, "talk"))
    assert here("analyze", path, "--save").status == 0
    (kept,) = json.loads(here("list", "--json").out)["sessions"]
    assert (kept["id"], len(kept["trace_ids"])) == ("talk", 2)
    outcome = here("analyze", path, "--save", "--group-by", "conversation")
    assert outcome.status == 2
    assert "the history itself groups" in outcome.err


def test_a_sub_agent_of_another_process_belongs_to_the_trace_it_joins(here: Command, tmp_path: Path) -> None:
    part = turn(1, None)
    for span in part["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        span["spanId"] = f"f{span['spanId'][1:]}"
        span["parentSpanId"] = f"f{span['parentSpanId'][1:]}" if span["parentSpanId"] else f"{3:016x}"
    part["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"] = "helper"

    one, other = written(tmp_path / "main.jsonl", turn(1, None)), written(tmp_path / "helper.jsonl", part)
    (report,) = sessions(here("analyze", "--json", other, one)).values()

    assert report["counts"]["model_calls"] == 4
    assert len(report["ledger"]["contexts"]) == 2


def test_a_fork_with_a_session_id_of_its_own_stays_a_session_of_its_own(here: Command, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(TRANSCRIPT)
    (tmp_path / "b.jsonl").write_text(TRANSCRIPT.replace(SESSION, "5e551011-0000-4000-8000-00000000000f"))
    assert len(sessions(here("analyze", "--json", "--group-by", "conversation", tmp_path))) == 2


def test_the_same_session_in_two_files_counts_once(here: Command, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(TRANSCRIPT)
    (alone,) = sessions(here("analyze", "--json", tmp_path)).values()
    (tmp_path / "b.jsonl").write_text(TRANSCRIPT)
    (twice,) = sessions(here("analyze", "--json", tmp_path)).values()
    assert twice["token_breakdown"] == alone["token_breakdown"]
    assert twice["counts"] == alone["counts"]

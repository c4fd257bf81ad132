"""opencode: samples in the form that version 1.18.33 writes, and in the older one of many small files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.dialects import read_span
from otel_sessionopt.ingest.files import InputFile, find_inputs, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.opencode import token_numbers
from otel_sessionopt.ingest.transcripts.span_ids import trace_id_of
from tests.ingest.otlp_samples import Errors
from tests.ingest.test_claude_code_recount import assert_one_tree, recount
from tests.ingest.transcripts.test_claude_code import TEN_O_CLOCK_NS, named, one, seconds, tool
from tests.ingest.transcripts.test_codex import event_sizes

SESSION, CHILD = "ses_1", "ses_2"
Document = dict[str, Any]


def ms(second: float) -> int:
    """Milliseconds of a moment; `second` counts from 10:00:00."""
    return TEN_O_CLOCK_NS // 1_000_000 + int(second * 1_000)


def info(session_id: str = SESSION, /, **fields: Any) -> Document:
    return {
        "id": session_id,
        "version": "1.1.0",
        "projectID": "p",
        "directory": "/home/dev/shop",
        "title": "x",
        **fields,
    }


def usage(**fields: Any) -> Document:
    return {"input": 10, "output": 20, "reasoning": 0, "cache": {"read": 1_000, "write": 300}, **fields}


def user(number: int, second: float, *texts: str, session_id: str = SESSION, synthetic: str = "") -> Document:
    parts: list[Document] = [{"id": f"prt_{number}{i}", "type": "text", "text": text} for i, text in enumerate(texts)]
    parts += [{"id": f"prt_{number}s", "type": "text", "text": synthetic, "synthetic": True}] if synthetic else []
    own = {"id": f"msg_{number}", "sessionID": session_id, "role": "user", "time": {"created": ms(second)}}
    return {"info": own, "parts": parts}


def answer(
    number: int, start: float, end: float, *parts: Document, session_id: str = SESSION, **fields: Any
) -> Document:
    own = {
        "id": f"msg_{number}", "sessionID": session_id, "role": "assistant", "modelID": "claude-opus-4-5",
        "providerID": "anthropic", "time": {"created": ms(start), "completed": ms(end)}, "tokens": usage(),
        "path": {"cwd": "/home/dev/shop", "root": "/"}, **fields,
    }  # fmt: skip
    return {"info": own, "parts": [{"id": f"prt_{number}{i:02}", **part} for i, part in enumerate(parts)]}


def ran(call_id: str, name: str, start: float, end: float, /, output: str = "", **state: Any) -> Document:
    given = {
        "status": "completed",
        "input": {},
        "output": output,
        "time": {"start": ms(start), "end": ms(end)},
        **state,
    }
    return {"type": "tool", "callID": call_id, "tool": name, "state": given}


def finish(**tokens: Any) -> Document:
    return {"type": "step-finish", "reason": "tool-calls", "tokens": usage(**tokens)}


MESSAGES = [
    user(1, 0, "fix the till", synthetic="be kind"),
    answer(
        2, 1, 9,
        {"type": "step-start"},
        {"type": "reasoning", "text": "hmm", "time": {"start": ms(2)}},
        ran("c1", "read", 3, 4, output="import till", input={"filePath": "/home/dev/shop/till.py"}),
        ran("c2", "bash", 3.5, 9, output="no rule", input={"command": "make"}, metadata={"exit": 2}),
        finish(),
    ),
    answer(3, 10, 12, {"type": "text", "text": "it sums", "time": {"end": ms(12)}}, finish(output=30)),
]  # fmt: skip
EXPORT = {"info": info(), "messages": MESSAGES}


def read(path: Path) -> list[SpanRecord]:
    errors = Errors()
    records = [record for file in find_inputs([path], errors) for record in read_spans(file, errors)]
    assert not errors
    return records


def exported(tmp_path: Path, *messages: Document, **fields: Any) -> list[SpanRecord]:
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"info": info(**fields), "messages": messages}, indent=2))
    return read(path)


def write_folder(folder: Path, *documents: Document) -> Path:
    """The layout of small files."""
    for document in documents:
        own = document["info"]
        places = {f"session/{own['projectID']}/{own['id']}": own}
        for message in document["messages"]:
            places[f"message/{own['id']}/{message['info']['id']}"] = message["info"]
            places |= {f"part/{message['info']['id']}/{part['id']}": part for part in message["parts"]}
        for place, value in places.items():
            path = folder / "storage" / f"{place}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value, indent=2))
    return folder


def write_database(path: Path, *documents: Document) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE session (id TEXT, parent_id TEXT, directory TEXT, version TEXT, time_created INTEGER);"
            "CREATE TABLE message (id TEXT, session_id TEXT, time_created INTEGER, data TEXT);"
            "CREATE TABLE part (id TEXT, message_id TEXT, session_id TEXT, data TEXT);"
        )
        for number, document in enumerate(documents):
            own = document["info"]
            row = (own["id"], own.get("parentID"), own["directory"], own["version"], number)
            database.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", row)
            for message in document["messages"]:
                told = dict(message["info"])
                key = told.pop("id")
                created = told["time"]["created"]
                database.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (key, own["id"], created, json.dumps(told)))
                for part in message["parts"]:
                    rest = {name: value for name, value in part.items() if name != "id"}
                    values = (part["id"], key, own["id"], json.dumps(rest))
                    database.execute("INSERT INTO part VALUES (?, ?, ?, ?)", values)
        database.commit()
    return path


@pytest.fixture
def session(tmp_path: Path) -> list[SpanRecord]:
    return exported(tmp_path, *MESSAGES)


def test_a_small_session_is_counted_as_by_hand(session: list[SpanRecord]) -> None:
    assert_one_tree(session)
    assert recount(session) == {
        "llm_calls": 2,
        "input_fresh": 20,
        "cache_read": 2_000,
        "cache_write": 600,
        "output": 20 + 30,
        "tool_calls": 2,
        "tool_errors": 0,  # an exit code is no failure of its own: the command decides
        "tool_rejections": 0,
        "compactions": 0,
        "think_chars": 3,
    }


def test_folder_database_and_export_give_the_same_spans(session: list[SpanRecord], tmp_path: Path) -> None:
    folder = read(write_folder(tmp_path / "opencode", EXPORT))
    database = read(write_database(tmp_path / "opencode.db", EXPORT))
    assert folder == database == session


def test_what_is_in_folder_and_database_has_the_same_ids(tmp_path: Path) -> None:
    write_folder(tmp_path, EXPORT)
    write_database(tmp_path / "opencode.db", EXPORT)
    records = read(tmp_path)
    assert len(records) == 2 * len({record.span_id for record in records})


def test_a_model_call_ends_when_its_first_tool_starts(session: list[SpanRecord]) -> None:
    assert [seconds(call) for call in named(session, "chat claude-opus-4-5")] == [(1, 3), (10, 12)]


def test_tools_are_read_with_their_arguments_and_exit_codes(session: list[SpanRecord]) -> None:
    file, made = (read_span(tool(session, call_id)) for call_id in ("c1", "c2"))
    assert file.tool is not None
    assert [access.path for access in file.tool.accesses] == ["/home/dev/shop/till.py"]
    assert made.error == "exit_code"
    assert made.tool is not None
    assert made.tool.result is not None
    assert (made.tool.result.exit_code, made.tool.result.chars) == (2, len("no rule"))


def test_what_a_person_typed_is_told_apart_from_what_opencode_adds(session: list[SpanRecord]) -> None:
    assert event_sizes(session, "USER_MESSAGE") == [len("fix the till")]
    assert event_sizes(session, "CONTEXT_LOAD") == [len("be kind")]


def test_no_text_that_a_person_or_a_model_wrote_is_in_the_spans(session: list[SpanRecord]) -> None:
    assert not any(words in repr(session) for words in ("fix the till", "it sums", "be kind", "hmm"))


def test_several_steps_of_one_message_are_several_model_calls(tmp_path: Path) -> None:
    steps = answer(2, 1, 9, ran("c1", "read", 2, 3), finish(), ran("c2", "read", 5, 6), finish(output=7))
    records = exported(tmp_path, steps)
    calls = named(records, "chat claude-opus-4-5")
    assert [seconds(call) for call in calls] == [(1, 2), (3, 5)]
    assert [call.attributes[semconv.OUTPUT_TOKENS] for call in calls] == [20, 7]


def test_a_message_without_steps_is_one_call_with_its_own_usage(tmp_path: Path) -> None:
    records = exported(tmp_path, answer(2, 1, 3, {"type": "text", "text": "hi"}))
    assert recount(records)["output"] == 20


@pytest.mark.parametrize(
    ("tokens", "output"),
    [
        ({"input": 100, "output": 50, "reasoning": 30}, 50),  # no total: an older version
        ({"input": 100, "output": 50, "reasoning": 30, "total": 150}, 50),
        ({"input": 100, "output": 20, "reasoning": 30, "total": 150}, 50),
        ({"input": 5, "output": 20, "reasoning": 30, "total": 150, "cache": {"read": 95}}, 50),
    ],
)
def test_reasoning_is_part_of_the_output_once(tokens: Document, output: int) -> None:
    numbers = token_numbers(tokens)
    assert (numbers[semconv.INPUT_TOKENS], numbers[semconv.OUTPUT_TOKENS], numbers[semconv.REASONING_TOKENS]) == (
        100,
        output,
        30,
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("no such file", (True, None)),
        ("Tool execution aborted", (True, None)),
        ("The user rejected permission to use this specific tool call.", (False, True)),
    ],
)
def test_a_failed_call_is_an_error_unless_the_user_refused_it(
    tmp_path: Path, error: str, expected: tuple[bool, bool | None]
) -> None:
    record = tool(exported(tmp_path, answer(2, 1, 5, ran("c", "bash", 2, 3, status="error", error=error))), "c")
    assert (record.is_error, record.attributes.get(semconv.TOOL_REJECTED)) == expected


def test_an_answer_that_failed_is_an_error_and_one_that_was_stopped_is_none(tmp_path: Path) -> None:
    nothing = usage(input=0, output=0, cache={})
    failed = answer(2, 1, 2, error={"name": "APIError", "data": {"message": "secret"}}, tokens=nothing)
    stopped = answer(3, 3, 4, error={"name": "MessageAbortedError"}, tokens=nothing)
    records = exported(tmp_path, failed, stopped)
    (error,) = [record for record in records if record.is_error]
    assert error.attributes[semconv.ERROR_TYPE] == "APIError"
    assert "secret" not in repr(records)
    assert recount(records)["llm_calls"] == 0


def test_a_summary_is_a_compaction_and_the_call_that_wrote_it(tmp_path: Path) -> None:
    records = exported(tmp_path, answer(2, 1, 5, {"type": "text", "text": "in short"}, summary=True))
    assert (recount(records)["llm_calls"], recount(records)["compactions"]) == (1, 1)
    assert event_sizes(records, "CONTEXT_LOAD") == [len("in short")]


@pytest.mark.parametrize("store", ["folder", "database"])
def test_a_sub_agent_is_joined_to_the_call_that_started_it(tmp_path: Path, store: str) -> None:
    task = ran("t", "task", 2, 8, input={"prompt": "look"}, metadata={"sessionId": CHILD})
    parent = {"info": info(), "messages": [answer(2, 1, 9, task, finish())]}
    own = [user(4, 3, "look", session_id=CHILD), answer(5, 4, 7, finish(), session_id=CHILD, agent="explore")]
    child = {"info": info(CHILD, parentID=SESSION), "messages": own}
    if store == "folder":
        records = read(write_folder(tmp_path, child, parent))
    else:
        records = read(write_database(tmp_path / "opencode.db", child, parent))

    assert_one_tree(records)
    agent, link = one(records, "invoke_agent explore"), one(records, "sub-agent")
    assert (agent.parent_span_id, link.parent_span_id) == (link.span_id, tool(records, "t").span_id)
    assert {record.trace_id for record in records} == {trace_id_of(SESSION)}
    assert event_sizes(records, "USER_MESSAGE") == []  # the prompt of a sub-agent is the parent's


def test_a_circle_of_parents_ends(tmp_path: Path) -> None:
    one_info, other = info(SESSION, parentID=CHILD), info(CHILD, parentID=SESSION)
    documents = [{"info": each, "messages": [answer(i, 1, 2, finish())]} for i, each in enumerate((one_info, other))]
    assert len(named(read(write_folder(tmp_path, *documents)), "chat claude-opus-4-5")) == 2


def test_an_id_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    path = write_folder(tmp_path, EXPORT) / "storage/session/p/ses_1.json"
    path.write_text(json.dumps(info("ses_1/../../../..")))
    assert read(path) == []


def test_databases_of_others_are_passed_over_unless_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (x)")
    errors = Errors()
    assert list(read_spans(InputFile(path=path, is_named=False), errors)) == []
    assert not errors
    assert list(read_spans(InputFile(path=path), errors)) == []
    assert len(errors) == 1


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    path = write_database(tmp_path / "opencode.db", EXPORT)
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 9_000)
    errors = Errors()
    assert list(read_spans(InputFile(path=path, is_named=False), errors)) == []
    assert len(errors) == 1


def test_a_cut_export_is_told(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(EXPORT, indent=2)[:-40])
    errors = Errors()
    assert list(read_spans(InputFile(path=path), errors)) == []
    assert len(errors) == 1


def test_values_with_wrong_types_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    odd: list[Any] = [
        3, {}, {"info": 5, "parts": 5}, {"info": {"time": {"created": "x"}}},
        {"info": {"role": ["user"], "time": {"created": 5}}, "parts": [None, {"type": []}]},
        answer(7, 1, 2, {"type": "tool", "state": 5}, {"type": "tool", "state": {"metadata": [], "error": 3}}, error=7,
               tokens=[], modelID=None),
    ]  # fmt: skip
    records = exported(tmp_path, *odd, *MESSAGES, directory=4, version=None, parentID=None)
    assert recount(records)["llm_calls"] == 2

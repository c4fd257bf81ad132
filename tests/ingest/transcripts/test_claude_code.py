from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.ingest.files import InputFile, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord
from tests.ingest.otlp_samples import Errors
from tests.ingest.transcripts.transcript_samples import (
    SESSION,
    TRANSCRIPT,
    answer,
    call,
    line,
    result,
    text,
    thinking,
    typed,
)

TEN_O_CLOCK_NS = 1_772_359_200_000_000_000  # 2026-03-01T10:00:00Z


def read(tmp_path: Path, *lines: str, name: str = "session.jsonl") -> list[SpanRecord]:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))
    errors = Errors()
    records = list(read_spans(InputFile(path=path), errors))
    assert not errors
    return records


def named(records: list[SpanRecord], name: str) -> list[SpanRecord]:
    return [record for record in records if record.name == name]


def one(records: list[SpanRecord], name: str) -> SpanRecord:
    (record,) = named(records, name)
    return record


def seconds(record: SpanRecord) -> tuple[float, float]:
    return ((record.start_ns - TEN_O_CLOCK_NS) / 1e9, (record.end_ns - TEN_O_CLOCK_NS) / 1e9)


def tool(records: list[SpanRecord], call_id: str) -> SpanRecord:
    (record,) = [record for record in records if record.attributes.get(semconv.TOOL_CALL_ID) == call_id]
    return record


@pytest.fixture
def session(tmp_path: Path) -> list[SpanRecord]:
    return read(tmp_path, TRANSCRIPT)


def test_ids_are_hashes_of_ids_in_the_transcript(session: list[SpanRecord], tmp_path: Path) -> None:
    assert {record.trace_id for record in session} == {
        int.from_bytes(hashlib.sha256(SESSION.encode()).digest()[:16], "big")
    }
    assert read(tmp_path, TRANSCRIPT, name="moved/elsewhere.jsonl") == session


def test_the_root_is_the_agent_and_covers_the_session(session: list[SpanRecord]) -> None:
    root = one(session, "invoke_agent claude-code")

    assert root.parent_span_id is None
    assert seconds(root) == (0, 75)
    assert root.attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.conversation.id": SESSION,
        "gen_ai.agent.name": "claude-code",
        "sessionopt.task": "shop",
    }
    assert {record.parent_span_id for record in session if record is not root} == {root.span_id}


def test_the_lines_of_one_response_are_one_model_call_with_its_last_usage(session: list[SpanRecord]) -> None:
    first = named(session, "chat claude-opus-4-6")[0]

    assert seconds(first) == (0, 5)
    assert first.kind == 3
    assert first.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-opus-4-6",
        "gen_ai.response.model": "claude-opus-4-6",
        "gen_ai.conversation.id": SESSION,
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.finish_reasons": ["tool_use"],
        "gen_ai.usage.input_tokens": 1_310,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 1_000,
        "gen_ai.usage.cache_write.input_tokens": 300,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 100,
        "sessionopt.content.chars": 0,
    }


def test_a_model_call_starts_after_the_last_result_it_carries(session: list[SpanRecord]) -> None:
    # Its parent line is the result of call_1 at 5.5 s, but that of call_2 came at 9 s.
    assert [seconds(record) for record in named(session, "chat claude-opus-4-6")] == [(0, 5), (9, 12), (60, 65)]


def test_a_tool_call_goes_from_its_line_to_its_result(session: list[SpanRecord]) -> None:
    read_call = tool(session, "call_1")

    assert read_call.name == "execute_tool Read"
    assert seconds(read_call) == (4, 5.5)
    assert not read_call.is_error
    assert read_call.attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "Read",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": {"file_path": "/home/dev/shop/till.py"},
        "gen_ai.tool.call.result": "     1→import till",
        "sessionopt.workdir": "/home/dev/shop",
    }


def test_text_blocks_of_a_result_stand_one_below_the_other_and_images_are_no_text(tmp_path: Path) -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "REDACTED"}}
    records = read(
        tmp_path,
        answer("a1", 1, "m", call("c1", "Shot"), 1),
        answer("a2", 1, "m", call("c2", "Shot"), 1),
        result("r1", 2, "c1", [text("one"), image, text("two")]),
        result("r2", 2, "c2", [image]),
    )

    assert tool(records, "c1").attributes[semconv.TOOL_RESULT] == "one\ntwo"
    assert tool(records, "c2").attributes[semconv.TOOL_RESULT] == ""


@pytest.mark.parametrize(
    ("content", "error", "is_rejected"),
    [
        ("Exit code 2\nno rule", "exit_code", False),
        ("Exit code of the tool", "tool_error", False),
        ("<tool_use_error>File does not exist.</tool_use_error>", "tool_error", False),
        ("<tool_use_error>Sibling tool call errored</tool_use_error>", "cancelled", False),
        ("The user doesn't want to take this action right now. STOP", "cancelled", False),
        ("The user doesn't want to proceed with this tool use. The tool use was rejected", None, True),
        ("[Request interrupted by user for tool use]", None, True),
        ("It says: The user doesn't want to proceed with this tool use", "tool_error", False),
        ("", "tool_error", False),
    ],
)
def test_a_failed_call_is_an_error_unless_the_user_refused_it(
    content: str, error: str | None, is_rejected: bool, tmp_path: Path
) -> None:
    records = read(
        tmp_path,
        answer("a", 1, "m", call("c", "Bash", command="x"), 1),
        result("r", 2, "c", content, is_error=True),
    )

    record = tool(records, "c")
    assert record.is_error is (error is not None)
    assert record.attributes.get(semconv.ERROR_TYPE) == error
    assert record.attributes.get(semconv.TOOL_REJECTED, False) is is_rejected


def test_a_result_that_only_quotes_a_refusal_is_no_refusal(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        answer("a", 1, "m", call("c", "Bash", command="cat log"), 1),
        result("r", 2, "c", "The user doesn't want to proceed with this tool use"),
    )

    assert semconv.TOOL_REJECTED not in tool(records, "c").attributes
    assert not tool(records, "c").is_error


def test_a_call_without_a_result_is_still_a_call(tmp_path: Path) -> None:
    record = tool(read(tmp_path, answer("a", 1, "m", call("c", "Bash", command="x"), 1)), "c")

    assert seconds(record) == (1, 1)
    assert semconv.TOOL_RESULT not in record.attributes
    assert not record.is_error


def test_no_text_that_a_person_or_a_model_wrote_is_in_the_spans(session: list[SpanRecord]) -> None:
    everything = json.dumps([record._replace(resource={}) for record in session])

    for words in ("fix the till", "Fix the till", "hmm", "explain", "sums twice", "summary of it all"):
        assert words not in everything


def test_what_a_person_typed_is_told_by_its_length(session: list[SpanRecord]) -> None:
    messages = named(session, "user_message")

    assert [record.attributes for record in messages] == [
        {"sessionopt.event.type": "USER_MESSAGE", "sessionopt.content.chars": 12},
        {"sessionopt.event.type": "USER_MESSAGE", "sessionopt.content.chars": 12},
    ]
    assert [seconds(record) for record in messages] == [(0, 0), (60, 60)]


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("[Request interrupted by user]", {}),
        ("<local-command-stdout>ok</local-command-stdout>", {}),
        ("<bash-stdout>ok</bash-stdout><bash-stderr></bash-stderr>", {}),
        ("<task-notification>done</task-notification>", {}),
        ("done", {"origin": {"kind": "task-notification"}}),
        ("skill text", {"isMeta": True}),
        ("a sub-agent's prompt", {"isSidechain": True}),
        ("", {}),
    ],
)
def test_what_nobody_typed_is_no_user_message(words: str, fields: dict[str, object], tmp_path: Path) -> None:
    records = read(tmp_path, typed("a", 0, "hello"), typed("b", 1, words, **fields))

    assert len(named(records, "user_message")) == 1


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("<command-name>/review</command-name>", {}),
        ("<bash-input>git pull</bash-input>", {}),
        ("<system-reminder>x</system-reminder> and do it", {"origin": {"kind": "human"}}),
    ],
)
def test_commands_are_typed(words: str, fields: dict[str, object], tmp_path: Path) -> None:
    assert len(named(read(tmp_path, typed("b", 1, words, **fields)), "user_message")) == 1


def test_thoughts_are_told_by_their_length_where_there_is_text(tmp_path: Path) -> None:
    records = read(tmp_path, answer("a", 1, "m", thinking("hmm, ten.."), 5), answer("b", 2, "n", thinking(""), 5))

    assert [record.attributes for record in named(records, "thinking")] == [
        {"sessionopt.event.type": "THINKING", "sessionopt.content.chars": 10},
        {"sessionopt.event.type": "THINKING"},
    ]


def test_thinking_tokens_are_reasoning_tokens_where_they_are_given(tmp_path: Path) -> None:
    usage = {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}
    records = read(tmp_path, answer("a", 1, "m", text("x"), 9, usage=usage), answer("b", 2, "n", text("x"), 9))

    given, silent = named(records, "chat claude-opus-4-6")
    assert given.attributes[semconv.REASONING_TOKENS] == 4
    assert semconv.REASONING_TOKENS not in silent.attributes


def test_boundary_and_summary_are_one_compaction(session: list[SpanRecord]) -> None:
    compaction = one(session, "context_load")

    assert seconds(compaction) == (70, 70)
    assert compaction.attributes == {
        "sessionopt.event.type": "CONTEXT_LOAD",
        "sessionopt.compaction": True,
        "sessionopt.content.chars": 17,
    }


def test_a_summary_or_a_boundary_alone_is_a_compaction_too(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        typed("s", 1, "summary", isCompactSummary=True),
        line("system", "b1", 2, subtype="compact_boundary"),
        line("system", "b2", 3, subtype="compact_boundary"),
        line("system", "x", 4, subtype="turn_duration"),
    )

    assert [(seconds(record)[0], record.attributes.get(semconv.CONTENT_CHARS)) for record in records[:-1]] == [
        (1, 7),
        (2, None),
        (3, None),
    ]


def test_files_that_are_put_into_the_context_are_told_by_their_length(tmp_path: Path) -> None:
    content = {"type": "text", "file": {"filePath": "/a.py", "content": "12345"}}
    records = read(
        tmp_path,
        typed("u", 0, "look"),
        line("attachment", "f", 1, attachment={"type": "file", "filename": "/a.py", "content": content}),
        line("attachment", "e", 2, attachment={"type": "edited_text_file", "filename": "/b.py", "snippet": "1\tx"}),
        line("attachment", "o", 3, attachment={"type": "task_reminder", "content": []}),
    )

    assert [record.attributes for record in named(records, "context_load")] == [
        {"sessionopt.event.type": "CONTEXT_LOAD", "sessionopt.content.chars": 5},
        {"sessionopt.event.type": "CONTEXT_LOAD", "sessionopt.content.chars": 3},
    ]


def test_an_api_error_is_an_error_and_no_model_call(session: list[SpanRecord]) -> None:
    error = one(session, "error")

    assert error.is_error
    assert error.attributes == {"sessionopt.event.type": "ERROR", "error.type": "rate_limit"}


def test_repeated_lines_count_once(session: list[SpanRecord], tmp_path: Path) -> None:
    assert read(tmp_path, TRANSCRIPT + TRANSCRIPT) == session


def test_the_order_of_lines_with_equal_content_does_not_lose_usage(tmp_path: Path) -> None:
    late = answer("a2", 5, "m", text("b"), 40)
    early = answer("a1", 4, "m", text("a"), 2)

    for lines in ((early, late), (late, early)):
        record = one(read(tmp_path, *lines), "chat claude-opus-4-6")
        assert record.attributes[semconv.OUTPUT_TOKENS] == 40
        assert seconds(record)[1] == 5


def test_progress_of_sub_agents_is_not_counted(tmp_path: Path) -> None:
    inner = json.loads(answer("x", 1, "inner", text("a"), 9))
    records = read(
        tmp_path, typed("u", 0, "go"), line("progress", "p", 1, data={"type": "agent_progress", "message": inner})
    )

    assert [record.name for record in records] == ["user_message", "invoke_agent claude-code"]


SUB_AGENT_FILE = (
    typed("s1", 11, "find it", isSidechain=True, agentId="ag1"),
    answer("s2", 12, "msg_s", call("call_s", "Grep", pattern="x"), 7, isSidechain=True, agentId="ag1", parentUuid="s1"),
    result("s3", 13, "call_s", "found", isSidechain=True, agentId="ag1", parentUuid="s2"),
)
MAIN_FILE = (
    typed("u1", 0, "go"),
    answer("a1", 10, "msg_m", call("call_t", "Task", prompt="find it", subagent_type="Explore"), 5, parentUuid="u1"),
    result("r1", 20, "call_t", "found", toolUseResult={"agentId": "ag1", "status": "completed"}),
)


def test_a_sub_agent_in_a_file_of_its_own_is_joined_to_the_call_that_started_it(tmp_path: Path) -> None:
    main = read(tmp_path, *MAIN_FILE, name=f"{SESSION}.jsonl")
    other = read(tmp_path, *SUB_AGENT_FILE, name=f"{SESSION}/subagents/agent-ag1.jsonl")

    agent = one(other, "invoke_agent sub-agent")
    link = one(main, "sub-agent")
    assert {record.trace_id for record in main + other} == {main[0].trace_id}
    assert not named(other, "invoke_agent claude-code")
    assert {record.parent_span_id for record in other if record is not agent} == {agent.span_id}
    assert agent.parent_span_id == link.span_id
    assert link.parent_span_id == tool(main, "call_t").span_id
    assert seconds(agent) == (11, 13)
    assert not named(other, "user_message")


def test_a_sub_agents_file_is_named_after_the_type_noted_beside_it(tmp_path: Path) -> None:
    (tmp_path / "agent-ag1.meta.json").write_text('{"agentType": "Explore"}')

    assert named(read(tmp_path, *SUB_AGENT_FILE, name="agent-ag1.jsonl"), "invoke_agent Explore")


@pytest.mark.parametrize("is_told_its_agent", [True, False])
def test_an_inline_sub_agent_stands_below_the_call_that_gives_its_prompt(
    is_told_its_agent: bool, tmp_path: Path
) -> None:
    inline = [entry if is_told_its_agent else entry.replace('"agentId": "ag1"', '"x": 1') for entry in SUB_AGENT_FILE]
    records = read(tmp_path, *MAIN_FILE[:2], *inline, MAIN_FILE[2].replace("agentId", "x"))

    agent = one(records, "invoke_agent Explore")
    assert agent.parent_span_id == tool(records, "call_t").span_id
    assert tool(records, "call_s").parent_span_id == agent.span_id
    models = {record.attributes[semconv.RESPONSE_ID]: record for record in named(records, "chat claude-opus-4-6")}
    assert models["msg_s"].parent_span_id == agent.span_id
    assert models["msg_m"].parent_span_id == one(records, "invoke_agent claude-code").span_id


def test_an_inline_sub_agent_of_unknown_origin_stands_below_the_root(tmp_path: Path) -> None:
    records = read(tmp_path, typed("u1", 0, "go"), *SUB_AGENT_FILE)

    root = one(records, "invoke_agent claude-code")
    assert one(records, "invoke_agent sub-agent").parent_span_id == root.span_id


def test_copies_in_a_side_chain_count_once_and_in_the_main_chain(tmp_path: Path) -> None:
    original = (
        answer("a1", 1, "m", thinking("hm"), 5),
        answer("a2", 2, "m", call("c", "Read", file_path="a"), 9),
    )
    copies = (
        answer("k1", 1, "m", thinking("hm"), 5, isSidechain=True, agentId="ag"),
        answer("k2", 2, "m", call("c", "Read", file_path="a"), 9, isSidechain=True, agentId="ag"),
    )
    for lines in ((*original, *copies), (*copies, *original)):
        records = read(tmp_path, *lines, result("r", 3, "c", "text"))
        root = one(records, "invoke_agent claude-code")
        assert one(records, "chat claude-opus-4-6").parent_span_id == root.span_id
        assert one(records, "execute_tool Read").parent_span_id == root.span_id
        assert len(named(records, "thinking")) == 1


def test_a_windows_folder_gives_the_task_its_name(tmp_path: Path) -> None:
    records = read(tmp_path, typed("u", 0, "go", cwd="D:\\work\\shop"))

    assert one(records, "invoke_agent claude-code").attributes[semconv.TASK] == "shop"


def test_lines_with_wrong_types_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        typed("u", 0, "go"),
        line("user", "w1", 1, message=5),
        line("user", "w2", 1, message={"content": [5, {"type": "tool_result", "tool_use_id": 5, "content": 5}]}),
        line("assistant", "w3", 1, message={"content": "text", "model": 5, "usage": []}),
        line("assistant", "w4", 2, message={"id": "m", "content": [{"type": "tool_use", "id": "c", "name": 5}]}),
        line("attachment", "w5", 2, attachment="x"),
        line("system", "w6", 2, subtype=["x"]),
        line("user", "w7", 2, timestamp="yesterday", cwd=7, version=1, isSidechain="yes"),
    )

    assert len([record for record in records if record.name == "chat"]) == 2
    assert tool(records, "c").name == "execute_tool"
    assert one(records, "invoke_agent claude-code")


def test_a_file_with_titles_only_has_no_session(tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps({"type": "summary", "summary": "Fix", "leafUuid": "l"})) == []

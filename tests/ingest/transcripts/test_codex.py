from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.dialects import read_span
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.span_ids import trace_id_of
from tests.ingest.test_claude_code_recount import assert_one_tree, recount
from tests.ingest.transcripts.test_claude_code import named, one, read, seconds, tool

THREAD = "019e0000-0000-7000-8000-000000000001"
CHILD = "019e0000-0000-7000-8000-000000000002"


def line(second: float, kind: str, /, **payload: Any) -> str:
    """One line; `second` counts from 10:00:00."""
    time = f"2026-03-01T10:{int(second) // 60:02}:{second % 60:06.3f}Z"
    return json.dumps({"timestamp": time, "type": kind, "payload": payload})


def meta(second: float = 0, /, **fields: Any) -> str:
    return line(second, "session_meta", **{"id": THREAD, "cwd": "/home/dev/shop", "cli_version": "0.140.0", **fields})


def turn(second: float, model: str = "gpt-5.5") -> str:
    return line(second, "turn_context", cwd="/home/dev/shop", model=model)


def said(second: float, role: str, text: str) -> str:
    return line(second, "response_item", type="message", role=role, content=[{"type": "input_text", "text": text}])


def typed(second: float, text: str) -> str:
    return line(second, "event_msg", type="user_message", message=text)


def called(second: float, call_id: str, name: str = "exec_command", /, **arguments: Any) -> str:
    text = json.dumps(arguments)
    return line(second, "response_item", type="function_call", name=name, arguments=text, call_id=call_id)


def gave(second: float, call_id: str, output: Any) -> str:
    return line(second, "response_item", type="function_call_output", call_id=call_id, output=output)


def used(second: float, total: int, last: int | None, cached: int = 0, reasoning: int = 0) -> str:
    """A token count: `last` prompt tokens of which some were cached, and a hundredth as many output tokens."""

    def usage(tokens: int) -> dict[str, int]:
        return {
            "input_tokens": tokens,
            "cached_input_tokens": cached,
            "output_tokens": tokens // 100,
            "reasoning_output_tokens": reasoning,
        }

    info = {"total_token_usage": usage(total)} | ({} if last is None else {"last_token_usage": usage(last)})
    return line(second, "event_msg", type="token_count", info=info)


ROLLOUT = (
    meta(),
    line(0, "event_msg", type="task_started"),
    said(0.1, "developer", "permissions"),
    said(0.2, "user", "# AGENTS.md instructions"),
    turn(0.3),
    said(1, "user", "fix the till"),
    typed(1.01, "fix the till"),
    line(3, "response_item", type="reasoning", summary=[], encrypted_content="x"),
    called(4, "call_1", cmd="sed -n '1,20p' till.py"),
    called(4.5, "call_2", cmd="make"),
    gave(5, "call_1", "Chunk ID: 1\nWall time: 0.0 seconds\nProcess exited with code 0\nOutput:\nimport till"),
    gave(9, "call_2", "Chunk ID: 2\nWall time: 4.0 seconds\nProcess exited with code 2\nOutput:\nno rule"),
    used(9.1, 1_000, 1_000, cached=400, reasoning=5),
    used(9.2, 1_000, 1_000, cached=400, reasoning=5),  # rate limits
    line(11, "response_item", type="message", role="assistant", content=[{"type": "output_text", "text": "it sums"}]),
    used(11.1, 3_200, 2_200, cached=1_000),
    line(60, "compacted", message="", replacement_history=[{"content": [{"type": "input_text", "text": "in short"}]}]),
)


@pytest.fixture
def rollout(tmp_path: Path) -> list[SpanRecord]:
    return read(tmp_path, *ROLLOUT)


def event_sizes(records: list[SpanRecord], event_type: str) -> list[int | None]:
    events = [record for record in records if record.attributes.get(semconv.EVENT_TYPE) == event_type]
    return [event.attributes.get(semconv.CONTENT_CHARS) for event in sorted(events, key=lambda event: event.start_ns)]


def test_a_small_rollout_is_counted_as_by_hand(rollout: list[SpanRecord]) -> None:
    assert_one_tree(rollout)
    assert recount(rollout) == {
        "llm_calls": 2,  # the repeated count is none
        "input_fresh": 600 + 1_200,
        "cache_read": 1_400,
        "cache_write": 0,
        "output": 10 + 22,
        "tool_calls": 2,
        "tool_errors": 0,  # an exit code is no failure of its own: the command decides
        "tool_rejections": 0,
        "compactions": 1,
        "think_chars": 0,
    }


def test_a_model_call_goes_from_what_it_carries_to_the_last_item_it_answered(rollout: list[SpanRecord]) -> None:
    assert [seconds(call) for call in named(rollout, "chat gpt-5.5")] == [(1, 4.5), (9, 11)]


def test_a_tool_call_goes_from_its_item_to_its_result(rollout: list[SpanRecord]) -> None:
    assert [seconds(tool(rollout, call_id)) for call_id in ("call_1", "call_2")] == [(4, 5), (4.5, 9)]


def test_a_shell_command_is_read_like_any_other(rollout: list[SpanRecord]) -> None:
    read_file, made = (read_span(tool(rollout, call_id)) for call_id in ("call_1", "call_2"))
    assert read_file.tool is not None
    assert [access.path for access in read_file.tool.accesses] == ["/home/dev/shop/till.py"]
    assert made.error == "exit_code"


def test_what_a_person_typed_is_told_apart_from_what_codex_adds(rollout: list[SpanRecord]) -> None:
    assert event_sizes(rollout, "USER_MESSAGE") == [len("fix the till")]
    assert event_sizes(rollout, "CONTEXT_LOAD") == [
        len("permissions"),
        len("# AGENTS.md instructions"),
        len("in short"),
    ]


def test_what_was_typed_counts_once_in_either_order(tmp_path: Path) -> None:
    records = read(tmp_path, meta(), turn(0), typed(1, "hello"), said(1.1, "user", "hello"), used(2, 100, 100))
    assert event_sizes(records, "USER_MESSAGE") == [5]
    assert event_sizes(records, "CONTEXT_LOAD") == []


def test_no_text_that_a_person_or_a_model_wrote_is_in_the_spans(rollout: list[SpanRecord]) -> None:
    assert not any(words in repr(rollout) for words in ("fix the till", "it sums", "permissions", "in short"))


def test_the_model_is_that_of_the_turn(tmp_path: Path) -> None:
    records = read(tmp_path, meta(), turn(0, "gpt-5.3"), used(1, 10, 10), turn(2, "gpt-5.5"), used(3, 30, 20))
    assert [record.name for record in records if record.name.startswith("chat")] == ["chat gpt-5.3", "chat gpt-5.5"]


def test_totals_alone_tell_what_a_call_used(tmp_path: Path) -> None:
    records = read(tmp_path, meta(), turn(0), used(1, 1_000, None), used(2, 2_500, None))
    assert [call.attributes[semconv.INPUT_TOKENS] for call in named(records, "chat gpt-5.5")] == [1_000, 1_500]


def test_the_history_that_a_fork_begins_with_is_context_and_was_billed_elsewhere(tmp_path: Path) -> None:
    fork = meta(600, id=CHILD, forked_from_id=THREAD, timestamp="2026-03-01T10:10:00Z")
    copied = [json.dumps({**json.loads(each), "timestamp": "2026-03-01T10:10:00.400Z"}) for each in ROLLOUT[:10]]
    records = read(
        tmp_path, fork, *copied, used(600, 1_000, 1_000), used(700, 3_000, 2_000), gave(701, "call_1", "late")
    )
    (call,) = named(records, "chat gpt-5.5")

    assert call.trace_id == trace_id_of(CHILD) != trace_id_of(THREAD)
    assert call.attributes[semconv.INPUT_TOKENS] == 2_000
    assert not any(record.name.startswith("execute_tool") for record in records)
    (carried,) = event_sizes(records, "CONTEXT_LOAD")
    assert carried is not None
    assert carried > len("permissions" + "# AGENTS.md instructions" + "fix the till")


def test_a_fork_that_only_refers_to_the_history_has_nothing_to_pass_over(tmp_path: Path) -> None:
    fork = meta(0, id=CHILD, forked_from_id=THREAD, history_base={"thread_id": THREAD, "end_ordinal_exclusive": 45})
    records = read(tmp_path, fork, turn(0.1), said(0.2, "user", "another way"), used(0.5, 6_000, 1_000))
    assert [call.attributes[semconv.INPUT_TOKENS] for call in named(records, "chat gpt-5.5")] == [1_000]


def test_a_sub_agent_that_inherits_history_says_where_its_own_begins(tmp_path: Path) -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": THREAD, "depth": 1, "agent_nickname": "Ada"}}}
    head = meta(0, id=CHILD, session_id=THREAD, forked_from_id=THREAD, source=source, subagent_history_start_ordinal=4)
    own = [head, meta(0), said(0, "user", "fix"), called(0, "call_1", cmd="ls"), turn(0.1), used(0.2, 500, 500)]
    numbered = [json.dumps({**json.loads(each), "ordinal": number}) for number, each in enumerate(own)]
    records = read(tmp_path, *numbered)
    assert [record.name for record in records] == ["context_load", "chat gpt-5.5", "invoke_agent Ada"]
    assert event_sizes(records, "CONTEXT_LOAD") == [len("fix") + len('{"cmd": "ls"}')]


def test_newer_versions_tell_of_typed_messages_as_completed_items(tmp_path: Path) -> None:
    item = {"type": "UserMessage", "id": "x", "content": [{"type": "text", "text": "hello"}]}
    done = line(1.1, "event_msg", type="item_completed", item=item)
    other = line(2, "response_item", type="agent_message", content=[{"type": "input_text", "text": "done"}])
    records = read(tmp_path, meta(), turn(0), said(1, "user", "hello"), done, other, used(3, 9, 9))
    assert event_sizes(records, "USER_MESSAGE") == [len("hello")]
    assert event_sizes(records, "CONTEXT_LOAD") == [len("done")]


@pytest.mark.parametrize("told_by", ["result", "event", "item"])
def test_a_sub_agent_in_a_file_of_its_own_is_joined_to_the_call_that_started_it(tmp_path: Path, told_by: str) -> None:
    spawn = called(3, "call_9", "spawn_agent", message="look")
    if told_by == "event":
        told = line(4, "event_msg", type="collab_agent_spawn_end", call_id="call_9", new_thread_id=CHILD)
    elif told_by == "item":
        item = {"type": "SubAgentActivity", "kind": "started", "id": "call_9", "agent_thread_id": CHILD}
        told = line(4, "event_msg", type="item_completed", item=item)
    else:
        told = gave(4, "call_9", json.dumps({"agent_id": CHILD}))
    parent = read(tmp_path, meta(), turn(0), spawn, told, used(7, 100, 100))
    source = {"subagent": {"thread_spawn": {"parent_thread_id": THREAD, "depth": 1, "agent_role": "explorer"}}}
    child = read(tmp_path, meta(4, id=CHILD, source=source), turn(4), used(6, 50, 50), name="child.jsonl")

    assert_one_tree([*parent, *child])
    agent = one(child, "invoke_agent explorer")
    link = one(parent, "sub-agent")
    assert (agent.parent_span_id, link.parent_span_id) == (link.span_id, tool(parent, "call_9").span_id)
    assert one(child, "chat gpt-5.5").parent_span_id == agent.span_id


def test_a_sub_agent_of_a_sub_agent_belongs_to_the_session_that_both_share(tmp_path: Path) -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": CHILD, "depth": 2}}}
    (call, _) = read(tmp_path, meta(0, id="deep", session_id=THREAD, source=source), turn(0), used(1, 10, 10))
    assert call.trace_id == trace_id_of(THREAD)


@pytest.mark.parametrize(
    ("end", "output", "expected"),
    [
        ({"type": "mcp_tool_call_end", "result": {"Ok": {"isError": True}}}, "nothing", (True, None)),
        ({"type": "mcp_tool_call_end", "result": {"Err": "gone"}}, "nothing", (True, None)),
        ({"type": "mcp_tool_call_end", "result": {"Ok": {"isError": False}}}, "fine", (False, None)),
        ({"type": "patch_apply_end", "success": False}, "no match", (True, None)),
        ({"type": "item_completed", "item": {"type": "McpToolCall", "id": "c", "status": "failed"}}, "x", (True, None)),
        (
            {"type": "item_completed", "item": {"type": "CommandExecution", "id": "c", "status": "failed"}},
            "x",
            (False, None),
        ),
        ({"type": "task_started"}, {"content": "bad", "success": False}, (True, None)),
        ({"type": "task_started"}, "exec command rejected by user", (False, True)),
        ({"type": "task_started"}, "aborted by user after 2.0s", (False, None)),
        ({"type": "task_started"}, [{"type": "input_text", "text": "fine"}], (False, None)),
    ],
)
def test_a_failed_call_is_an_error_unless_the_user_refused_it(
    tmp_path: Path, end: dict[str, Any], output: Any, expected: tuple[bool, bool | None]
) -> None:
    ended = line(2, "event_msg", **({"call_id": "c"} | end))
    record = tool(read(tmp_path, meta(), called(1, "c"), ended, gave(3, "c", output)), "c")
    assert (record.is_error, record.attributes.get(semconv.TOOL_REJECTED)) == expected


def test_patches_local_shells_and_web_searches_are_tool_calls(tmp_path: Path) -> None:
    patch = "*** Begin Patch\n*** Update File: till.py\n*** End Patch"
    records = read(
        tmp_path,
        meta(),
        line(1, "response_item", type="custom_tool_call", name="apply_patch", call_id="p", input=patch),
        line(2, "response_item", type="custom_tool_call_output", call_id="p", output="Exit code: 0\nOutput:\nDone"),
        line(3, "response_item", type="local_shell_call", call_id="s", action={"command": ["cat", "a.py"]}),
        line(4, "response_item", type="web_search_call", id="w", action={"type": "search", "query": "tills"}),
    )
    uses = [read_span(tool(records, call_id)).tool for call_id in ("p", "s", "w")]
    assert [use and (use.name, use.kind.value) for use in uses] == [
        ("apply_patch", "write"),
        ("local_shell_call", "read"),
        ("web_search_call", "web"),
    ]


def test_tool_definitions_that_were_searched_for_enter_the_context(tmp_path: Path) -> None:
    tools = [{"name": "fetch"}]
    records = read(tmp_path, meta(), line(1, "response_item", type="tool_search_output", tools=tools), used(2, 9, 9))
    assert event_sizes(records, "CONTEXT_LOAD") == [len('[{"name":"fetch"}]')]


def test_a_call_without_a_result_is_still_a_call(tmp_path: Path) -> None:
    record = tool(read(tmp_path, meta(), called(1, "c", cmd="sleep 9")), "c")
    assert record.start_ns == record.end_ns
    assert semconv.TOOL_RESULT not in record.attributes


def test_an_error_of_the_provider_is_an_error_and_no_model_call(tmp_path: Path) -> None:
    failed = line(1, "event_msg", type="error", message="secret", codex_error_info="usage_limit_exceeded")
    records = read(tmp_path, meta(), turn(0), failed)
    (error,) = [record for record in records if record.is_error]
    assert error.attributes[semconv.ERROR_TYPE] == "usage_limit_exceeded"
    assert "secret" not in repr(records)


def test_a_rollout_without_its_first_line_is_named_after_its_file(tmp_path: Path) -> None:
    name = f"rollout-2026-03-01T10-00-00-{THREAD}.jsonl"
    records = read(tmp_path, turn(0), used(1, 10, 10), name=name)
    assert {record.trace_id for record in records} == {trace_id_of(THREAD)}


def test_lines_with_wrong_types_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        meta(cwd=7, source=["x"], base_instructions=None),
        line(1, "response_item", type=["message"]),
        line(1, "response_item", type="message", role="user", content=[1, {"text": 2}, None]),
        line(1, "response_item", type="function_call", name=3, call_id=None, arguments=4),
        line(1, "response_item", type="function_call_output", call_id=[], output=5),
        line(
            1, "event_msg", type="token_count", info={"total_token_usage": [], "last_token_usage": {"input_tokens": -1}}
        ),
        line(1, "event_msg", type="token_count", info=None),
        line(1, "event_msg", type="user_message", message=None),
        line(1, "compacted", replacement_history="x"),
        line(1, "turn_context", model=[]),
        used(2, 100, 100),
    )
    assert_one_tree(records)
    assert len([record for record in records if record.name == "chat"]) == 1

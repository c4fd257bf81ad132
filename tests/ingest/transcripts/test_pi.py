from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.dialects import read_span
from otel_sessionopt.ingest.span_record import SpanRecord
from tests.ingest.test_claude_code_recount import assert_one_tree, recount
from tests.ingest.transcripts.test_claude_code import TEN_O_CLOCK_NS, named, one, read, seconds, tool
from tests.ingest.transcripts.test_codex import event_sizes

HEAD = {"type": "session", "id": "5e551011", "timestamp": "2026-03-01T10:00:00.000Z", "cwd": "/home/dev/shop"}
HEAD_LINE = json.dumps(HEAD)


def entry(second: float, kind: str, /, **fields: Any) -> str:
    """One entry; `second` counts from 10:00:00."""
    time = f"2026-03-01T10:{int(second) // 60:02}:{second % 60:06.3f}Z"
    return json.dumps({"type": kind, "timestamp": time, **fields})


def message(second: float, role: str, content: Any, /, **fields: Any) -> str:
    return entry(second, "message", message={"role": role, "content": content, **fields})


def answer(second: float, asked: float, *content: dict[str, Any], reason: str = "stop", **usage: int) -> str:
    asked_ms = TEN_O_CLOCK_NS // 1_000_000 + int(asked * 1_000)
    numbers = {"input": 10, "output": 20, "cacheRead": 1_000, "cacheWrite": 300, **usage}
    return message(
        second, "assistant", list(content), model="claude-opus-4-5", provider="anthropic", usage=numbers,
        stopReason=reason, timestamp=asked_ms,
    )  # fmt: skip


def call(call_id: str, name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"type": "toolCall", "id": call_id, "name": name, "arguments": arguments}


def result(second: float, call_id: str, text: str, is_error: bool = False) -> str:
    return message(second, "toolResult", [{"type": "text", "text": text}], toolCallId=call_id, isError=is_error)


SESSION = (
    HEAD_LINE,
    message(0, "user", [{"type": "text", "text": "fix the till"}]),
    answer(4, 1, {"type": "thinking", "thinking": "hmm"}, call("c1", "read", path="till.py"), reason="toolUse"),
    result(5, "c1", "import till"),
    answer(8, 4.999, {"type": "text", "text": "it sums"}, call("c2", "edit", path="till.py", oldText="a", newText="b")),
    result(9, "c2", "no match", is_error=True),
    answer(10, 9, reason="aborted", input=0, output=0, cacheRead=0, cacheWrite=0),
    entry(60, "compaction", summary="in short", firstKeptEntryIndex=5, tokensBefore=99),
)


@pytest.fixture
def session(tmp_path: Path) -> list[SpanRecord]:
    return read(tmp_path, *SESSION)


def test_a_small_session_is_counted_as_by_hand(session: list[SpanRecord]) -> None:
    assert_one_tree(session)
    assert recount(session) == {
        "llm_calls": 3,
        "input_fresh": 20,
        "cache_read": 2_000,
        "cache_write": 600,
        "output": 40,
        "tool_calls": 2,
        "tool_errors": 1,
        "tool_rejections": 0,
        "compactions": 1,
        "think_chars": 3,
    }


def test_a_model_call_goes_from_its_request_to_its_entry_and_after_what_it_carries(session: list[SpanRecord]) -> None:
    # The second one was sent a millisecond before the result it carries was written down.
    assert [seconds(call) for call in named(session, "chat claude-opus-4-5")] == [(1, 4), (5, 8), (9, 10)]


def test_the_tools_of_pi_are_known(session: list[SpanRecord]) -> None:
    uses = [read_span(tool(session, call_id)).tool for call_id in ("c1", "c2")]
    assert [use and (use.kind.value, use.accesses[0].path) for use in uses] == [
        ("read", "/home/dev/shop/till.py"),
        ("write", "/home/dev/shop/till.py"),
    ]


def test_a_compaction_leaves_its_summary_and_the_messages_it_kept(session: list[SpanRecord]) -> None:
    # Lines 6 and 7 are kept: a result, and an answer that was aborted.
    assert event_sizes(session, "CONTEXT_LOAD") == [len("in short") + len("no match")]


def test_a_compaction_names_the_first_kept_entry_by_its_id_in_newer_versions(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        HEAD_LINE,
        entry(1, "message", id="a", parentId=None, message={"role": "user", "content": "one"}),
        entry(2, "message", id="b", parentId="a", message={"role": "user", "content": "three"}),
        entry(3, "compaction", id="c", parentId="b", summary="both", firstKeptEntryId="b"),
    )
    assert event_sizes(records, "CONTEXT_LOAD") == [len("both") + len("three")]


def test_what_a_person_ran_and_what_extensions_add_enters_the_context(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        HEAD_LINE,
        entry(1, "message", message={"role": "bashExecution", "command": "ls", "output": "a.py"}),
        entry(
            2, "message", message={"role": "bashExecution", "command": "w", "output": "x", "excludeFromContext": True}
        ),
        entry(3, "custom_message", content="note"),
        entry(4, "branch_summary", summary="there"),
    )
    assert event_sizes(records, "CONTEXT_LOAD") == [6, 4, 5]
    assert recount(records)["compactions"] == 0


def test_a_failed_request_is_a_failed_model_call_and_an_aborted_one_is_not(tmp_path: Path) -> None:
    records = read(tmp_path, HEAD_LINE, answer(2, 1, reason="error"), answer(4, 3, reason="aborted"))
    calls = named(records, "chat claude-opus-4-5")
    assert [(each.is_error, read_span(each).error) for each in calls] == [(True, "api_error"), (False, None)]


def test_calls_to_a_server_whose_response_ids_repeat_are_all_counted(tmp_path: Path) -> None:
    lines = [answer(2, 1), answer(4, 3)]
    lines = [json.dumps({**json.loads(each), "id": f"e{i}"}) for i, each in enumerate(lines)]
    lines = [each.replace('"role": "assistant"', '"role": "assistant", "responseId": "chatcmpl-0"') for each in lines]
    records = read(tmp_path, HEAD_LINE, *lines)
    assert len({call.attributes[semconv.RESPONSE_ID] for call in named(records, "chat claude-opus-4-5")}) == 2


def test_no_text_that_a_person_or_a_model_wrote_is_in_the_spans(session: list[SpanRecord]) -> None:
    assert not any(words in repr(session) for words in ("fix the till", "it sums", "in short", "hmm"))


def test_the_root_covers_messages_that_are_older_than_the_session(tmp_path: Path) -> None:
    # A branch copies the messages before it.
    head = json.dumps({**HEAD, "timestamp": "2026-03-01T11:00:00.000Z"})
    root = one(read(tmp_path, head, message(1, "user", "hi"), answer(3, 2)), "invoke_agent pi")
    assert seconds(root) == (1, 3)
    assert root.attributes[semconv.TASK] == "shop"


def test_a_setting_that_is_changed_hours_later_is_no_part_of_the_session(tmp_path: Path) -> None:
    change = entry(3_000, "thinking_level_change", thinkingLevel="off")
    assert seconds(one(read(tmp_path, HEAD_LINE, answer(3, 2), change), "invoke_agent pi")) == (2, 3)


def test_lines_with_wrong_types_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        json.dumps({**HEAD, "cwd": 3, "version": "x"}),
        entry(1, "message", message=7),
        entry(1, "message", message={"role": ["user"], "content": 5}),
        entry(
            1, "message", message={"role": "assistant", "content": [3, {"type": "toolCall"}], "usage": {"input": "x"}}
        ),
        entry(1, "message", message={"role": "toolResult", "toolCallId": {}, "content": None}),
        entry(1, "compaction", summary=4, firstKeptEntryIndex="x"),
        entry(1, "compaction", firstKeptEntryIndex=-5),
        answer(3, 2, call("c", "read", path="a")),
    )
    assert_one_tree(records)
    assert len(named(records, "chat claude-opus-4-5")) == 1

"""The sizes of what a model wrote, from the span to the event: text of its answers and arguments of its tool calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.message_history import MAX_WHOLE_CHARS, read_history
from otel_sessionopt.dialects.tools import classify_tool
from otel_sessionopt.ingest.files import InputFile, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.session import SessionEvent
from tests.ingest.otlp_samples import Errors
from tests.ingest.transcripts.transcript_samples import answer, call, result, text, typed
from tests.session.ledger_traces import LedgerTrace


@pytest.mark.parametrize(
    ("name", "arguments", "chars"),
    [
        ("Read", {"file_path": "/a"}, len('{"file_path":"/a"}')),
        ("Read", '{ "file_path" :  "/a" }', len('{"file_path":"/a"}')),
        ("lookup", {}, 2),
        ("apply_patch", "*** Begin Patch", 15),
        ("Bash", '{"command": "make te', 20),  # cut: at least so long
        ("use_mcp_tool", {"tool_name": "x", "arguments": {}}, len('{"arguments":{},"tool_name":"x"}')),
        ("Read", None, None),
    ],
)
def test_arguments_have_the_length_of_their_canonical_form(name: str, arguments: object, chars: int | None) -> None:
    assert classify_tool(name, arguments, None).arguments_chars == chars


def test_arguments_are_counted_whatever_kind_of_tool_they_are_for() -> None:
    for name, arguments in (
        ("Write", {"file_path": "/a", "content": "x" * 50}),
        ("Grep", {"pattern": "x" * 50}),
        ("Bash", {"command": "x" * 50}),
        ("WebFetch", {"url": "x" * 50}),
        ("Task", {"prompt": "x" * 50}),
    ):
        assert classify_tool(name, arguments, None).arguments_chars == len(json.dumps(arguments, separators=(",", ":")))


def test_an_event_has_the_tokens_of_arguments_and_keeps_them_in_json() -> None:
    session = LedgerTrace().agent().tool(chars=800).written(41).session()
    (event,) = session.events

    assert event.arguments_tokens == 11
    assert SessionEvent.from_dict(event.to_dict()).arguments_tokens == 11


PARTS = [
    {"type": "reasoning", "content": "hmm"},
    {"type": "text", "content": "It sums "},
    {"type": "tool_call", "id": "1", "name": "Read", "arguments": {"path": "/a"}},
    {"type": "text", "content": "twice."},
]


@pytest.mark.parametrize(
    ("messages", "chars"),
    [
        ([{"role": "assistant", "parts": PARTS}], 14),
        (json.dumps([{"role": "assistant", "parts": PARTS, "finish_reason": "stop"}]), 14),
        ([{"role": "assistant", "parts": PARTS}, {"role": "assistant", "parts": PARTS}], 28),
        ([{"role": "assistant", "parts": PARTS[2:3]}], 0),
        ([{"role": "assistant", "content": "another form"}], 12),
        ([], None),
        ("It sums twice.", None),
        ('[{"role": "assistant", "parts": [{"type": "te', None),
        (json.dumps([{"parts": [{"type": "text", "content": "x" * MAX_WHOLE_CHARS}]}]), None),
        (3, None),
        ([None, {"parts": [None, {"type": "text", "content": 3}]}], 0),
    ],
)
def test_answers_have_the_length_of_their_text_parts(messages: object, chars: int | None) -> None:
    assert read_history(None, messages).answer_chars == chars


def test_a_model_call_says_how_long_its_answer_was() -> None:
    messages = [{"role": "assistant", "parts": PARTS}]
    digest = _read({semconv.OPERATION_NAME: "chat", "gen_ai.output.messages": messages})

    assert (digest.operation, digest.content_chars) == (Operation.MODEL_CALL, 14)
    assert _read({semconv.OPERATION_NAME: "chat"}).content_chars is None
    assert _read({semconv.OPERATION_NAME: "chat", semconv.CONTENT_CHARS: 7}).content_chars == 7
    assert _read({semconv.OPERATION_NAME: "invoke_agent", "gen_ai.output.messages": messages}).content_chars is None


def test_transcripts_tell_how_long_answers_are_once_whatever_they_repeat(tmp_path: Path) -> None:
    lines = [
        typed("u1", 0, "fix the till"),
        answer("a1", 3, "msg_1", text("I look at it."), 2, parentUuid="u1"),
        answer("a2", 4, "msg_1", call("call_1", "Read", file_path="/till.py"), 40, parentUuid="a1"),
        answer("a3", 4, "msg_1", text("And there."), 40, parentUuid="a2"),
        result("r1", 5, "call_1", "import till", parentUuid="a2"),
        answer("a4", 6, "msg_2", call("call_2", "Read", file_path="/a.py"), 5, parentUuid="r1"),
        # A side chain begins with a copy of what led to it.
        answer("s1", 7, "msg_1", text("I look at it."), 2, isSidechain=True),
    ]
    path = tmp_path / "session.jsonl"
    path.write_text("\n".join(lines))
    errors = Errors()
    records = list(read_spans(InputFile(path=path), errors))

    assert not errors
    assert {
        record.attributes[semconv.RESPONSE_ID]: record.attributes.get(semconv.CONTENT_CHARS)
        for record in records
        if semconv.RESPONSE_ID in record.attributes
    } == {"msg_1": len("I look at it.") + len("And there."), "msg_2": 0}


def _read(attributes: dict[str, Any]) -> SpanDigest:
    return read_span(SpanRecord(1, 2, 3, "span", 10, 20, attributes))

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import FileAccess, ToldCall
from otel_sessionopt.dialects.message_history import MAX_WHOLE_CHARS, read_history
from otel_sessionopt.ingest.span_record import SpanEventRecord
from tests.dialects.records import START_NS, record

ARGUMENTS = {"file_path": "/a.py"}
TEXT = json.dumps(ARGUMENTS)
RESULT = "x = 1\ny = 2"  # 11 characters

# A user asks, the model calls Read with the id call_1, and gets 11 characters back: in every form.
FORMS: dict[str, list[Any]] = {
    "otel": [
        {"role": "user", "parts": [{"type": "text", "content": "look"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "Read", "arguments": ARGUMENTS}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": RESULT}]},
    ],
    "pydantic": [
        {"role": "user", "parts": [{"type": "text", "content": "look"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "Read", "arguments": TEXT}]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "call_1", "name": "Read", "result": RESULT}]},
    ],
    "openai": [
        {"role": "user", "content": "look"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "Read", "arguments": TEXT}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": RESULT},
    ],
    "openai-flat": [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "call_1", "name": "Read", "arguments": TEXT}]},
        {"role": "tool", "tool_call_id": "call_1", "content": RESULT},
    ],
    "openai-responses": [
        {"role": "user", "content": [{"type": "input_text", "text": "look"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "Read", "arguments": TEXT},
        {"type": "function_call_output", "call_id": "call_1", "output": RESULT},
    ],
    "anthropic": [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "Read", "input": ARGUMENTS}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": RESULT}]},
    ],
    "gemini": [
        {"role": "user", "parts": [{"text": "look"}]},
        {"role": "model", "parts": [{"functionCall": {"id": "call_1", "name": "Read", "args": ARGUMENTS}}]},
        {
            "role": "user",
            "parts": [{"functionResponse": {"id": "call_1", "name": "Read", "response": {"output": RESULT}}}],
        },
    ],
    "bedrock": [
        {"role": "user", "content": [{"text": "look"}]},
        {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": "call_1", "name": "Read", "input": ARGUMENTS}}],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "call_1", "status": "success", "content": [{"text": RESULT}]}}],
        },
    ],
    "vercel": [
        {"role": "user", "content": [{"type": "text", "text": "look"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool-call", "toolCallId": "call_1", "toolName": "Read", "input": ARGUMENTS}],
        },
        {
            "role": "tool",
            "content": [
                {
                    "type": "tool-result",
                    "toolCallId": "call_1",
                    "toolName": "Read",
                    "output": {"type": "text", "text": RESULT},
                }
            ],
        },
    ],
    "langchain": [
        {"lc": 1, "id": ["langchain", "schema", "HumanMessage"], "kwargs": {"content": "look"}},
        {
            "lc": 1,
            "id": ["langchain", "schema", "AIMessage"],
            "kwargs": {"content": "", "tool_calls": [{"name": "Read", "args": ARGUMENTS, "id": "call_1"}]},
        },
        {
            "lc": 1,
            "id": ["langchain", "schema", "ToolMessage"],
            "kwargs": {"content": RESULT, "tool_call_id": "call_1"},
        },
    ],
}


def the_call(told: tuple[ToldCall, ...]) -> ToldCall:
    assert len(told) == 1
    return told[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encode", [list, json.dumps], ids=["structure", "text"])
def test_every_form_tells_the_same_tool_call(form: str, encode: Any) -> None:
    reading = read_history(encode(FORMS[form]), None)

    call = the_call(reading.told)
    assert (call.tool.name, call.tool.call_id, call.error) == ("Read", "call_1", None)
    assert call.tool.accesses == (FileAccess("/a.py"),)
    assert call.tool.arguments_chars == 21
    assert call.tool.result is not None
    assert call.tool.result.chars == 11
    assert reading.warnings == ()


@pytest.mark.parametrize(
    "answer",
    [
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "no", "is_error": True}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "c", "status": "error", "content": []}}]},
        {"role": "tool", "content": [{"type": "tool-error", "toolCallId": "c", "toolName": "t", "error": "no"}]},
        {"role": "tool", "tool_call_id": "c", "status": "error", "content": "no"},
    ],
)
def test_an_answer_can_say_that_the_call_failed(answer: Any) -> None:
    assert the_call(read_history([answer], None).told).error == "tool_error"


def test_only_what_came_after_the_last_words_of_the_model_is_new() -> None:
    def round_of(call_id: str) -> list[Any]:
        return [
            {"role": "assistant", "tool_calls": [{"id": call_id, "name": "Read", "arguments": TEXT}]},
            {"role": "tool", "tool_call_id": call_id, "content": RESULT},
        ]

    history = [*round_of("call_1"), *round_of("call_2")]
    assert the_call(read_history(history, None).told).tool.call_id == "call_2"
    answered = [*history, {"role": "assistant", "content": "done"}, {"role": "user", "content": "thanks"}]
    assert read_history(answered, None).told == ()


def test_several_calls_of_one_answer_are_all_told() -> None:
    asks = [{"id": f"c{n}", "name": "Read", "arguments": TEXT} for n in range(3)]
    answers = [{"role": "tool", "tool_call_id": f"c{n}", "content": "x" * n} for n in range(3)]

    told = read_history([{"role": "assistant", "tool_calls": asks}, *answers], None).told

    assert [(call.tool.call_id, call.tool.result and call.tool.result.chars) for call in told] == [
        ("c0", 0),
        ("c1", 1),
        ("c2", 2),
    ]


def test_a_call_without_an_answer_or_without_an_id_is_not_told() -> None:
    asked = {"role": "assistant", "tool_calls": [{"id": "c", "name": "Read", "arguments": TEXT}]}
    assert read_history([asked], [asked]).told == ()
    without_id = {"role": "model", "parts": [{"functionCall": {"name": "Read", "args": ARGUMENTS}}]}
    answer = {"role": "user", "parts": [{"functionResponse": {"name": "Read", "response": {"output": "x"}}}]}
    assert read_history([without_id, answer], None).told == ()


def test_a_tool_that_the_provider_ran_is_told_by_the_answer() -> None:
    output = [
        {
            "role": "assistant",
            "parts": [
                {"type": "server_tool_call", "id": "s1", "name": "web_search", "server_tool_call": {"query": "q"}},
                {"type": "server_tool_call_response", "id": "s1", "server_tool_call_response": "found"},
                {"type": "text", "content": "Here."},
            ],
        }
    ]
    reading = read_history(None, output)
    assert the_call(reading.told).tool.query == "q"


@pytest.mark.parametrize("order", [("role", "content"), ("content", "role")], ids=["role-first", "role-last"])
def test_the_end_of_a_long_history_is_found_without_parsing_the_rest(order: tuple[str, str]) -> None:
    def message(role: str, content: Any) -> dict[str, Any]:
        fields = {"role": role, "content": content}
        return {name: fields[name] for name in order}

    tricky = '[{"role": "assistant", "content": "quoted"}] \\'
    history = [message("user", tricky * 3_000)]
    history += [
        message("assistant", [{"type": "tool_use", "id": "call_1", "name": "Write", "input": {"file_path": "/a.py",
                 "content": tricky, "nested": [{"role": "assistant"}, {"role": "user"}]}}]),
        message("user", [{"type": "tool_result", "tool_use_id": "call_1", "content": tricky}]),
    ]  # fmt: skip
    for text in (json.dumps(history), json.dumps(history, indent=1), json.dumps(history, separators=(",", ":"))):
        assert len(text) > MAX_WHOLE_CHARS
        call = the_call(read_history(text, None).told)
        assert (call.tool.name, call.tool.result and call.tool.result.chars) == ("Write", len(tricky))


@pytest.mark.parametrize("size", [10, MAX_WHOLE_CHARS], ids=["short", "long"])
def test_a_history_whose_end_was_cut_tells_nothing_and_says_so(size: int) -> None:
    history = json.dumps([{"role": "user", "content": "x" * size}, *FORMS["openai"]])

    reading = read_history(history[:-30], None)

    assert reading.told == ()
    assert reading.warnings == ("cut-value",)


@pytest.mark.parametrize("value", [None, "", "text", 5, True, b"x", {}, [], [[]], [None], [{}], "[1, 2", "{]}", "[[[["])
def test_values_that_are_no_messages_tell_nothing(value: object) -> None:
    reading = read_history(value, value)

    assert (reading.told, reading.answer_chars) == ((), None)


def test_a_thousand_calls_that_repeat_the_conversation_do_not_keep_it_a_thousand_times() -> None:
    history: list[Any] = []
    digests = []
    tracemalloc.start()
    try:
        for n in range(300):
            ask = {"id": f"call_{n}", "name": "Read", "arguments": json.dumps({"file_path": f"/{n}.py"})}
            history.append({"role": "assistant", "content": None, "tool_calls": [ask]})
            history.append({"role": "tool", "tool_call_id": f"call_{n}", "content": "x" * 50})
            attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(history)}
            digests.append(read_span(record("chat", attributes)))
        del attributes
        before = tracemalloc.get_traced_memory()[0]
        each = before / len(digests)
    finally:
        tracemalloc.stop()
    assert [len(digest.told) for digest in digests] == [1] * 300
    assert each < 4_000  # one told call and the two messages that this test keeps itself


MESSAGE_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("gen_ai.user.message", {"content": "look"}),
    (
        "gen_ai.assistant.message",
        {
            "tool_calls": json.dumps(
                [{"id": "call_1", "type": "function", "function": {"name": "Read", "arguments": TEXT}}]
            )
        },
    ),
    ("gen_ai.tool.message", {"content": RESULT, "id": "call_1"}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": json.dumps({"content": "fine"})}),
]
EVENT_GENERATIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "1.26": [
        ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps(FORMS["openai"])}),
        ("gen_ai.content.completion", {"gen_ai.completion": '[{"role":"assistant","content":"fine"}]'}),
    ],
    "a message an event": MESSAGE_EVENTS,
    "details": [
        (
            "gen_ai.client.inference.operation.details",
            {
                "gen_ai.input.messages": json.dumps(FORMS["otel"]),
                "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "fine"}]}],
            },
        )
    ],
}


@pytest.mark.parametrize("generation", EVENT_GENERATIONS)
def test_messages_in_span_events_tell_the_same_as_those_in_attributes(generation: str) -> None:
    events = [SpanEventRecord(START_NS, name, fields) for name, fields in EVENT_GENERATIONS[generation]]

    digest = read_span(record("chat", {"gen_ai.operation.name": "chat", "gen_ai.system": "openai"}, events=events))

    call = the_call(digest.told)
    assert (call.tool.name, call.tool.result and call.tool.result.chars) == ("Read", 11)
    assert digest.content_chars == 4


@pytest.mark.parametrize("value", [[], {}, [1], {"a": 1}, 1, True])
def test_a_type_that_is_no_text_breaks_nothing(value: object) -> None:
    messages = [
        {"role": "user", "type": value},
        {"type": value},
        {"role": "assistant", "content": [{"type": value, "text": "x"}]},
        {"kwargs": {"type": value}, "id": [value]},
    ]

    assert read_history(messages, messages).told == ()

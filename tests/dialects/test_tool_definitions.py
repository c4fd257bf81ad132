from __future__ import annotations

import json

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.tool_definitions import TOOL_DEFINITIONS, read_tool_definitions
from tests.dialects.records import record

TOOLS = [
    {"type": "function", "name": "read", "description": "Reads a file", "parameters": {}},
    {"type": "function", "function": {"name": "write", "parameters": {}}},
    {"toolSpec": {"name": "search"}},
    "fetch",
]


def test_count_and_length_are_told() -> None:
    text = json.dumps(TOOLS)
    definitions = read_tool_definitions(text)
    assert definitions is not None
    assert (definitions["count"], definitions["chars"]) == (4, len(text))


def test_a_structure_is_read_like_its_text() -> None:
    text = json.dumps(TOOLS, sort_keys=True, separators=(",", ":"))
    assert read_tool_definitions(TOOLS) == read_tool_definitions(text)


def test_names_in_any_order_and_any_form_have_one_hash() -> None:
    names = ["fetch", "search", "read", "write"]
    assert _names_hash(TOOLS) == _names_hash(names) == _names_hash([{"name": name} for name in names])
    assert _names_hash(TOOLS) != _names_hash(names[:3])


def test_the_length_of_each_definition_is_told_by_its_name() -> None:
    definitions = read_tool_definitions([{"name": "b"}, {"type": "function", "function": {"name": "a"}}, "c"])
    assert definitions is not None
    assert definitions["sizes"] == {"a": len('{"function":{"name":"a"},"type":"function"}'), "b": len('{"name":"b"}')}


def test_tools_that_the_provider_runs_have_no_length() -> None:
    definitions = read_tool_definitions([{"type": "web_search_20250305", "name": "web_search"}, {"type": "mcp"}])
    assert definitions is not None
    assert definitions["sizes"] == {}


def test_of_many_definitions_the_lengths_of_the_largest_are_kept() -> None:
    definitions = read_tool_definitions([{"name": f"tool{number:03d}", "x": "y" * number} for number in range(200)])
    assert definitions is not None
    assert (definitions["count"], len(definitions["sizes"])) == (200, 128)
    assert min(definitions["sizes"]) == "tool072"


def test_equal_definitions_share_what_is_kept() -> None:
    text = json.dumps(TOOLS)
    assert read_tool_definitions(text) is read_tool_definitions(text[:5] + text[5:])


@pytest.mark.parametrize("value", [None, "", "[]", "{}", "tools", 7, [], {"a": 1}, b"[1]", '[{"name": "re'])
def test_what_is_no_list_of_tools_is_not_told(value: object) -> None:
    assert read_tool_definitions(value) is None


def test_lists_of_anything_are_survived() -> None:
    definitions = read_tool_definitions([None, 7, {"name": 7}, {"function": []}, [[]]])
    assert definitions is not None
    assert definitions["count"] == 5


def test_a_model_call_tells_what_tools_it_was_offered() -> None:
    attributes = {semconv.OPERATION_NAME: "chat", semconv.INPUT_TOKENS: 9, semconv.TOOL_DEFINITIONS: json.dumps(TOOLS)}
    detail = read_span(record("chat", attributes)).detail
    assert detail is not None
    assert detail[TOOL_DEFINITIONS]["count"] == 4


def test_other_spans_and_broken_definitions_tell_nothing() -> None:
    for operation, value in (("invoke_agent", json.dumps(TOOLS)), ("execute_tool", "[]"), ("chat", "[{")):
        attributes = {semconv.OPERATION_NAME: operation, semconv.TOOL_DEFINITIONS: value}
        digest = read_span(record(operation, attributes))
        assert TOOL_DEFINITIONS not in (digest.detail or {})


def _names_hash(tools: object) -> int:
    definitions = read_tool_definitions(tools)
    assert definitions is not None
    return int(definitions["names_hash"])

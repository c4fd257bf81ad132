from __future__ import annotations

from typing import Any

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import FileAccess, Operation
from otel_sessionopt.dialects.sessionopt import EVENT_TYPES
from otel_sessionopt.session.model import EventType
from tests.dialects.records import exception, record

TOOL_CALL: dict[str, Any] = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Read"}


def test_event_types_are_those_of_the_model() -> None:
    assert set(EventType.__members__) == EVENT_TYPES


def test_a_recording_by_hand_keeps_type_data_and_billed_tokens() -> None:
    attributes = {
        semconv.EVENT_TYPE: "FILE_READ",
        semconv.EVENT_DATA: '{"file_path": "src/a.py", "compressed": false, "original_tokens": 1200}',
        semconv.EVENT_TOKENS_INPUT: 900,
        semconv.EVENT_TOKENS_OUTPUT: 12,
        semconv.REQUEST_MODEL: "sonnet",
    }

    digest = read_span(record("file_read", attributes))

    assert (digest.operation, digest.dialect, digest.warnings) == (Operation.RECORDED, "sessionopt", ())
    assert digest.detail == {
        "event_type": "FILE_READ",
        "file_path": "src/a.py",
        "compressed": False,
        "original_tokens": 1200,
    }
    assert digest.model is not None
    assert (digest.model.model, digest.model.input_tokens, digest.model.output_tokens) == ("sonnet", 900, 12)
    assert digest.model.has_usage


def test_data_of_a_recording_may_be_a_mapping_and_loses_only_what_is_no_small_fact() -> None:
    attributes = {
        semconv.EVENT_TYPE: "CUSTOM",
        semconv.EVENT_DATA: {"query": "x" * 500, "rows": [1, 2], "score": float("nan"), "count": 3},
    }

    digest = read_span(record("custom", attributes))

    assert digest.detail == {"event_type": "CUSTOM", "query": "x" * 200, "count": 3}
    assert digest.warnings == ("left-out-data",)


@pytest.mark.parametrize(
    ("event_type", "operation"),
    [
        ("USER_MESSAGE", Operation.USER_MESSAGE),
        ("THINKING", Operation.THINKING),
        ("CONTEXT_LOAD", Operation.RECORDED),
        ("ERROR", Operation.OTHER),
    ],
)
def test_an_event_without_billed_tokens_belongs_to_a_conversation(event_type: str, operation: Operation) -> None:
    digest = read_span(record("event", {semconv.EVENT_TYPE: event_type, semconv.CONTENT_CHARS: 40}))

    assert (digest.operation, digest.content_chars, digest.model) == (operation, 40, None)


def test_an_error_event_is_an_error() -> None:
    attributes = {semconv.EVENT_TYPE: "ERROR"}

    assert read_span(record("error", attributes)).error == "error"
    assert read_span(record("error", attributes | {"error.type": "overloaded_error"})).error == "overloaded_error"


def test_a_compaction_is_told_by_its_flag() -> None:
    attributes = {semconv.EVENT_TYPE: "CONTEXT_LOAD", semconv.COMPACTION: True, semconv.CONTENT_CHARS: 4_000}

    digest = read_span(record("context_load", attributes))

    assert (digest.operation, digest.content_chars) == (Operation.COMPACTION, 4_000)


def test_a_compaction_flag_on_a_call_leaves_it_a_call() -> None:
    digest = read_span(record("chat", {"gen_ai.operation.name": "chat", semconv.COMPACTION: True}))

    assert digest.operation is Operation.MODEL_CALL
    assert digest.detail == {"is_compaction": True}


def test_a_refused_call_is_no_error() -> None:
    attributes = TOOL_CALL | {semconv.TOOL_REJECTED: True, "error.type": "rejected"}

    digest = read_span(record("execute_tool Read", attributes, is_error=True, events=[exception("Rejected")]))

    assert digest.error is None
    assert digest.tool is not None
    assert digest.tool.is_rejected


def test_relative_paths_start_from_the_stated_folder() -> None:
    attributes = TOOL_CALL | {semconv.WORKDIR: "/repo", semconv.TOOL_ARGUMENTS: {"file_path": "./src/a.py"}}

    tool = read_span(record("execute_tool Read", attributes)).tool

    assert tool is not None
    assert tool.accesses == (FileAccess("/repo/src/a.py"),)


def test_stated_sizes_stand_in_for_a_result_that_is_not_sent() -> None:
    digest = read_span(
        record("execute_tool Read", TOOL_CALL | {semconv.CONTENT_TOKENS: 700, semconv.CONTENT_CHARS: 2_800})
    )

    assert digest.tool is not None
    assert digest.tool.result is not None
    assert (digest.tool.result.tokens, digest.tool.result.chars, digest.tool.result.text_hash) == (700, 2_800, None)


def test_an_unusable_size_is_named() -> None:
    digest = read_span(record("execute_tool Read", TOOL_CALL | {semconv.CONTENT_TOKENS: -1}))

    assert digest.warnings == ("unusable-size",)


def test_the_task_of_a_session_is_kept() -> None:
    attributes = {"gen_ai.operation.name": "invoke_agent", semconv.TASK: "repo"}

    assert read_span(record("invoke_agent", attributes)).detail == {"task": "repo"}


def test_an_unknown_event_type_is_custom_and_named() -> None:
    digest = read_span(record("event", {semconv.EVENT_TYPE: "DANCE", semconv.EVENT_TOKENS_INPUT: 5}))

    assert digest.detail == {"event_type": "CUSTOM"}
    assert digest.warnings == ("unknown-event-type",)


@pytest.mark.parametrize("data", ["{broken", "[1]", 7])
def test_data_that_is_no_object_is_named(data: object) -> None:
    digest = read_span(record("event", {semconv.EVENT_TYPE: "CUSTOM", semconv.EVENT_DATA: data}))

    assert digest.detail == {"event_type": "CUSTOM"}
    assert digest.warnings in (("cut-value",), ("invalid-json",))


def test_our_own_report_span_is_an_ordinary_one() -> None:
    attributes = {"gen_ai.evaluation.score.value": 81.0, semconv.EVENT_TYPE: "CUSTOM", "gen_ai.operation.name": "chat"}

    digest = read_span(record(semconv.REPORT_SPAN, attributes, scope=semconv.SCOPE_NAME))

    assert (digest.operation, digest.model, digest.error) == (Operation.OTHER, None, None)

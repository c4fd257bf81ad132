from __future__ import annotations

from typing import Any

import pytest

from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import FileAccess, ModelUse, Operation, ToolKind
from tests.dialects.records import exception, record

# One model call of 1,200 input tokens, 1,000 of them from the cache, 300 output tokens, 100 of them reasoning,
# as each generation of the conventions would write it.
CURRENT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.response.model": "gpt-5-2025-08-07",
    "gen_ai.response.id": "resp_1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.conversation.id": "conversation-1",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1_000,
    "gen_ai.usage.reasoning.output_tokens": 100,
}
DEPRECATED: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "resp_1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read_input_tokens": 1_000,
    "gen_ai.usage.reasoning_tokens": 100,
}
OLDEST: dict[str, Any] = {
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4",
    "gen_ai.response.id": "resp_1",
    "gen_ai.usage.prompt_tokens": 1_200,
    "gen_ai.usage.completion_tokens": 300,
    "gen_ai.prompt": '[{"role":"user","content":"hello"}]',
}
GENERATIONS = [
    pytest.param(CURRENT, "gpt-5-2025-08-07", id="current"),
    pytest.param(DEPRECATED, "gpt-4o-2024-08-06", id="1.27-1.36"),
    pytest.param(OLDEST, "gpt-4", id="1.26-and-before"),
]


def model_of(attributes: dict[str, Any], name: str = "chat gpt") -> ModelUse:
    use = read_span(record(name, attributes, kind=3)).model
    assert use is not None
    return use


def without(attributes: dict[str, Any], *parts: str) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if not any(part in key for part in parts)}


@pytest.mark.parametrize(("attributes", "model"), GENERATIONS)
def test_every_generation_gives_the_same_model_call(attributes: dict[str, Any], model: str) -> None:
    digest = read_span(record("chat gpt", attributes, kind=3))

    assert digest.operation is Operation.MODEL_CALL
    assert digest.dialect == "otel-genai"
    assert digest.error is None
    assert digest.warnings == ()
    use = digest.model
    assert use is not None
    assert (use.model, use.provider, use.response_id) == (model, "openai", "resp_1")
    assert (use.input_tokens, use.output_tokens, use.has_usage) == (1_200, 300, True)


@pytest.mark.parametrize(("attributes", "is_assumed"), [(CURRENT, False), (DEPRECATED, False)])
def test_cached_tokens_of_openai_are_part_of_the_input(attributes: dict[str, Any], is_assumed: bool) -> None:
    use = model_of(attributes)

    assert (use.uncached_tokens, use.cache_read_tokens, use.cache_write_tokens) == (200, 1_000, 0)
    assert use.is_assumed is is_assumed


@pytest.mark.parametrize(("attributes", "reasoning"), [(CURRENT, 100), (DEPRECATED, 100), (OLDEST, None)])
def test_reasoning_is_part_of_the_output(attributes: dict[str, Any], reasoning: int | None) -> None:
    use = model_of(attributes)

    assert (use.output_tokens, use.reasoning_tokens) == (300, reasoning)


@pytest.mark.parametrize(("attributes", "model"), GENERATIONS)
def test_a_failed_model_call_states_its_error_and_no_usage(attributes: dict[str, Any], model: str) -> None:
    failed = without(attributes, "usage", "response") | {"error.type": "RateLimitError"}

    digest = read_span(record("chat gpt", failed, kind=3, is_error=True))

    assert (digest.operation, digest.error) == (Operation.MODEL_CALL, "RateLimitError")
    assert digest.model is not None
    assert not digest.model.has_usage
    assert digest.model.input_tokens == 0


def test_an_exception_names_the_error_where_no_attribute_does() -> None:
    digest = read_span(record("chat gpt", without(CURRENT, "usage"), is_error=True, events=[exception("TimeoutError")]))

    assert digest.error == "TimeoutError"


def test_an_error_status_alone_is_an_error_without_a_name() -> None:
    assert read_span(record("chat gpt", CURRENT, is_error=True)).error == "error"


TOOLS = [
    pytest.param(
        "execute_tool Read",
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Read", "gen_ai.tool.call.id": "call_1"},
        id="current",
    ),
    pytest.param(
        "execute_tool Read",
        {"gen_ai.system": "openai", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Read"}
        | {"gen_ai.tool.call_id": "call_1"},
        id="1.27-1.36",
    ),
    pytest.param(
        "execute_tool Read", {"gen_ai.system": "openai", "gen_ai.tool.call.id": "call_1"}, id="1.26-and-before"
    ),
]


@pytest.mark.parametrize(("name", "attributes"), TOOLS)
def test_a_tool_call_is_classified_by_name_and_arguments(name: str, attributes: dict[str, Any]) -> None:
    arguments = {"gen_ai.tool.call.arguments": '{"file_path":"/a/b.py"}', "gen_ai.tool.call.result": "x = 1"}

    digest = read_span(record(name, attributes | arguments))

    assert digest.operation is Operation.TOOL_CALL
    assert digest.tool is not None
    assert (digest.tool.name, digest.tool.kind, digest.tool.call_id) == ("Read", ToolKind.READ, "call_1")
    assert digest.tool.accesses == (FileAccess("/a/b.py"),)
    assert digest.tool.result is not None
    assert digest.tool.result.chars == 5


@pytest.mark.parametrize(("name", "attributes"), TOOLS)
def test_a_failed_tool_call_stays_what_it_is(name: str, attributes: dict[str, Any]) -> None:
    arguments = {"gen_ai.tool.call.arguments": '{"file_path":"/a/b.py"}', "error.type": "FileNotFoundError"}

    digest = read_span(record(name, attributes | arguments, is_error=True))

    assert (digest.operation, digest.error) == (Operation.TOOL_CALL, "FileNotFoundError")
    assert digest.tool is not None
    assert digest.tool.kind is ToolKind.READ


@pytest.mark.parametrize(("attributes", "model"), GENERATIONS)
def test_an_agent_keeps_its_totals_apart_from_calls(attributes: dict[str, Any], model: str) -> None:
    container = without(attributes, "operation") | {"gen_ai.agent.name": "coder"}

    digest = read_span(record("invoke_agent coder", container))

    assert (digest.operation, digest.agent) == (Operation.AGENT, "coder")
    assert digest.model is not None
    assert digest.model.input_tokens == 1_200


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("chat", Operation.MODEL_CALL),
        ("text_completion", Operation.MODEL_CALL),
        ("generate_content", Operation.MODEL_CALL),
        ("embeddings", Operation.EMBEDDING),
        ("execute_tool", Operation.TOOL_CALL),
        ("retrieval", Operation.RETRIEVAL),
        ("invoke_agent", Operation.AGENT),
        ("create_agent", Operation.CONTAINER),
        ("invoke_workflow", Operation.CONTAINER),
        ("plan", Operation.CONTAINER),
        ("create_memory", Operation.OTHER),
        ("something_new", Operation.CONTAINER),
    ],
)
def test_operations(operation: str, expected: Operation) -> None:
    assert read_span(record("span", {"gen_ai.operation.name": operation})).operation is expected


def test_a_stated_operation_wins_over_the_span_name() -> None:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 1}

    assert read_span(record("invoke_agent coder", attributes)).operation is Operation.MODEL_CALL


def test_a_span_name_alone_makes_no_model_call() -> None:
    assert read_span(record("chat room", {"http.route": "/chat"})).operation is Operation.OTHER


def test_a_model_name_alone_makes_a_model_call_only_of_a_request() -> None:
    attributes = {"gen_ai.request.model": "gpt-4"}

    assert read_span(record("wrapper", attributes)).operation is Operation.OTHER
    assert read_span(record("request", attributes, kind=3)).operation is Operation.MODEL_CALL


def test_an_agent_without_totals_has_no_usage() -> None:
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-5"}

    assert read_span(record("invoke_agent", attributes)).model is None


def test_aggregated_usage_is_ignored() -> None:
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.aggregated_usage.input_tokens": 9_999}

    assert read_span(record("invoke_agent", attributes)).model is None


ANTHROPIC = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-4-5"}


@pytest.mark.parametrize(
    ("attributes", "uncached", "read", "write", "is_assumed"),
    [
        # Since 1.40 the input includes the cache, whoever the provider is.
        pytest.param(
            {
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 5_000,
                "gen_ai.usage.cache_read.input_tokens": 4_000,
                "gen_ai.usage.cache_write.input_tokens": 900,
            },
            100,
            4_000,
            900,
            False,
            id="current",
        ),
        # Both names of the cache write at once are one number.
        pytest.param(
            {
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 5_000,
                "gen_ai.usage.cache_read.input_tokens": 4_000,
                "gen_ai.usage.cache_write.input_tokens": 900,
                "gen_ai.usage.cache_creation.input_tokens": 900,
            },
            100,
            4_000,
            900,
            False,
            id="both-write-names",
        ),
        pytest.param(
            {
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 5_000,
                "gen_ai.usage.cache_creation.input_tokens": 900,
            },
            4_100,
            0,
            900,
            False,
            id="1.40-write-name",
        ),
        # Before, instrumentations passed on Anthropic's figure, which leaves the cache out: 4,900 > 10 proves it …
        pytest.param(
            {
                "gen_ai.system": "anthropic",
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.cache_read_input_tokens": 4_000,
                "gen_ai.usage.cache_creation_input_tokens": 900,
            },
            10,
            4_000,
            900,
            False,
            id="old-proven-by-numbers",
        ),
        # … and where the numbers do not prove it the provider's table does.
        pytest.param(
            {
                "gen_ai.system": "anthropic",
                "gen_ai.usage.input_tokens": 5_000,
                "gen_ai.usage.cache_read_input_tokens": 4_000,
            },
            5_000,
            4_000,
            0,
            False,
            id="old-by-provider",
        ),
        # A framework's name says nothing about the provider: the rule of the conventions, marked as assumed.
        pytest.param(
            {
                "gen_ai.system": "autogen",
                "gen_ai.usage.input_tokens": 5_000,
                "gen_ai.usage.cache_read_input_tokens": 4_000,
            },
            1_000,
            4_000,
            0,
            True,
            id="old-unknown-provider",
        ),
    ],
)
def test_whether_the_input_includes_the_cache_depends_on_the_generation(
    attributes: dict[str, Any], uncached: int, read: int, write: int, is_assumed: bool
) -> None:
    use = model_of(ANTHROPIC | attributes)

    assert (use.uncached_tokens, use.cache_read_tokens, use.cache_write_tokens) == (uncached, read, write)
    assert use.is_assumed is is_assumed


def test_writes_for_one_hour_are_part_of_the_cache_writes() -> None:
    attributes = ANTHROPIC | {
        "gen_ai.provider.name": "anthropic",
        "gen_ai.usage.input_tokens": 1_000,
        "gen_ai.usage.cache_write.input_tokens": 600,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 400,
    }

    use = model_of(attributes)

    assert (use.uncached_tokens, use.cache_write_tokens, use.cache_write_1h_tokens) == (400, 600, 400)


@pytest.mark.parametrize("value", [-1, True, "many", 1.5, float("nan"), float("inf"), [1], {"a": 1}, 10**30])
def test_an_unusable_token_count_is_named_and_not_invented(value: object) -> None:
    digest = read_span(record("chat", CURRENT | {"gen_ai.usage.output_tokens": value}))

    assert digest.warnings == ("unusable-usage", "reasoning-over-output")
    assert digest.model is not None
    assert (digest.model.input_tokens, digest.model.output_tokens) == (1_200, 0)


def test_a_call_with_only_unusable_numbers_has_no_usage() -> None:
    digest = read_span(record("chat", {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": "?"}))

    assert digest.warnings == ("unusable-usage",)
    assert digest.model is not None
    assert not digest.model.has_usage


def test_a_name_with_an_empty_value_does_not_hide_the_older_one() -> None:
    use = model_of(
        {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": None, "gen_ai.usage.prompt_tokens": 7}
    )

    assert use.input_tokens == 7


def test_dropped_attributes_are_named() -> None:
    assert read_span(record("chat", CURRENT, dropped=2)).warnings == ("dropped-attributes",)


def test_a_protocol_call_is_a_tool_call() -> None:
    attributes = {"mcp.method.name": "tools/call", "gen_ai.tool.call.arguments": {"city": "Bergen"}}

    digest = read_span(record("tools/call get-weather", attributes, kind=3))

    assert digest.operation is Operation.TOOL_CALL
    assert digest.tool is not None
    assert digest.tool.name == "get-weather"


def test_a_protocol_result_that_says_error_is_an_error_although_the_span_is_not() -> None:
    attributes = {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "get-weather",
        "gen_ai.tool.call.result": '{"content":[{"type":"text","text":"no such city"}],"isError":true}',
    }

    assert read_span(record("tools/call get-weather", attributes)).error == "tool_error"


@pytest.mark.parametrize("method", ["initialize", "tools/list", "prompts/get"])
def test_other_protocol_requests_are_ordinary_spans(method: str) -> None:
    assert read_span(record(method, {"mcp.method.name": method})).operation is Operation.OTHER


def test_a_retrieval_is_a_search_in_its_data_source() -> None:
    attributes = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "handbook",
        "gen_ai.retrieval.query.text": "Holiday  rules",
    }

    tool = read_span(record("retrieval handbook", attributes)).tool

    assert tool is not None
    assert (tool.kind, tool.query, tool.scope) == (ToolKind.SEARCH, "Holiday  rules", "handbook")


def test_span_events_of_old_versions_break_nothing() -> None:
    events = [exception("ValueError")._replace(name="gen_ai.content.prompt", attributes={"gen_ai.prompt": "[broken"})]

    digest = read_span(record("chat gpt-4", OLDEST, events=events))

    assert (digest.error, digest.warnings) == (None, ())


def test_a_root_names_its_service() -> None:
    named = record(
        "invoke_agent", {"gen_ai.operation.name": "invoke_agent"}, parent=None, resource={"service.name": "bot"}
    )
    unnamed = named._replace(resource={"service.name": "unknown_service:python"})

    assert read_span(named).detail == {"service": "bot"}
    assert read_span(unnamed).detail is None
    assert read_span(named._replace(parent_span_id=7)).detail is None

"""Shapes that the newest library versions send, seen in the runs of `tests/peers`; smaller than a dialect's table."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sessionopt.dialects import read_span
from tests.dialects.records import record

LISTING = "     1\tvalue = 1\n     2\tother = 2\n"
MESSAGE = (
    '{"type": "tool", "data": {"content": "     1\\tvalue = 1\\n     2\\tother = 2\\n", "name": "read_file", '
    '"tool_call_id": "call_0", "status": "success", "type": "tool"}}'
)
USAGE = (
    "{'completion_tokens': 60, 'prompt_tokens': 1500, 'total_tokens': 1560, "
    "'completion_tokens_details': {'audio_tokens': None, 'reasoning_tokens': 10}, "
    "'prompt_tokens_details': {'audio_tokens': None, 'cached_tokens': 1024}}"
)


def openinference_tool(given: str, output: str) -> Any:
    attributes = {
        "openinference.span.kind": "TOOL",
        "tool.name": "read_file",
        "input.value": given,
        "output.value": output,
    }
    return read_span(record("read_file", attributes)).tool


def test_a_tool_of_langchain_is_known_by_the_id_in_the_message_that_answers_it() -> None:
    tool = openinference_tool("/repo/values.py", MESSAGE)
    assert tool.call_id == "call_0"
    assert tool.result.chars == len(LISTING)


def test_named_arguments_are_kept_beside_such_a_message() -> None:
    tool = openinference_tool("{'path': '/repo/values.py'}", MESSAGE)
    assert [access.path for access in tool.accesses] == ["/repo/values.py"]


@pytest.mark.parametrize("output", [LISTING, '{"type": "tool", "data": 3}', '{"type": "tool"}', "{broken"])
def test_other_outputs_stay_what_they_are(output: str) -> None:
    tool = openinference_tool("/repo/values.py", output)
    assert tool.call_id is None
    assert tool.result is not None


def litellm(**attributes: Any) -> Any:
    stated = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": 1_500,
        "gen_ai.usage.output_tokens": 60,
    }
    return read_span(record("litellm_request", {**stated, **attributes}, scope="litellm")).model


def test_litellm_tells_cached_and_reasoning_tokens_in_its_usage_object() -> None:
    use = litellm(**{"metadata.usage_object": USAGE})
    assert (use.uncached_tokens, use.cache_read_tokens, use.output_tokens, use.reasoning_tokens) == (476, 1_024, 60, 10)


def test_what_litellm_states_in_standard_names_wins() -> None:
    use = litellm(**{"metadata.usage_object": USAGE, "gen_ai.usage.cache_read.input_tokens": 1_000})
    assert use.cache_read_tokens == 1_000


@pytest.mark.parametrize(
    "written", ["{}", "{'prompt_tokens_details': None}", "{'prompt_tokens_details': 3}", "", 7, None]
)
def test_a_usage_object_that_says_nothing_adds_nothing(written: object) -> None:
    use = litellm(**{"metadata.usage_object": written})
    assert (use.uncached_tokens, use.cache_read_tokens, use.reasoning_tokens) == (1_500, 0, None)

"""An agent on Anthropic's client: calls tools until it has an answer. The second call is streamed, the last refused."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import anthropic
from file_tool import read_file
from telemetry import set_up

TOOLS: Any = [
    {
        "name": "read_file",
        "description": "Reads a file.",
        "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    }
]


def main() -> None:
    tracer = set_up(sys.argv[1:])
    client = anthropic.Anthropic(max_retries=0)
    messages: list[Any] = [{"role": "user", "content": "Check the values."}]
    with tracer.start_as_current_span("agent"):
        while True:
            call = streamed_call if len(messages) == 3 else plain_call
            answer = call(client, messages)
            messages.append({"role": "assistant", "content": [block.model_dump() for block in answer.content]})
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": read_file(**block.input)}
                for block in answer.content
                if block.type == "tool_use"
            ]
            if not results:
                break
            messages.append({"role": "user", "content": results})
        with suppress(anthropic.BadRequestError):
            plain_call(client, [{"role": "user", "content": "FAIL"}])


def plain_call(client: anthropic.Anthropic, messages: list[Any]) -> Any:
    return client.messages.create(model="claude-sonnet-4-5", max_tokens=1000, messages=messages, tools=TOOLS)


def streamed_call(client: anthropic.Anthropic, messages: list[Any]) -> Any:
    with client.messages.stream(model="claude-sonnet-4-5", max_tokens=1000, messages=messages, tools=TOOLS) as stream:
        for _ in stream:
            pass
        return stream.get_final_message()


if __name__ == "__main__":
    main()

"""An agent on OpenAI's client: calls tools until it has an answer. The second call is streamed, the last refused."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

import openai
from file_tool import read_file
from telemetry import set_up

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "read_file",
            "description": "Reads a file.",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
        },
    }
]


def main() -> None:
    tracer = set_up(sys.argv[1:])
    client = openai.OpenAI(max_retries=0)
    messages: list[Any] = [{"role": "user", "content": "Check the values."}]
    with tracer.start_as_current_span("agent"):
        while True:
            call = streamed_call if len(messages) == 3 else plain_call
            message = call(client, messages)
            messages.append(message)
            if not message.get("tool_calls"):
                break
            for tool in message["tool_calls"]:
                content = read_file(**json.loads(tool["function"]["arguments"]))
                messages.append({"role": "tool", "tool_call_id": tool["id"], "content": content})
        with suppress(openai.BadRequestError):
            plain_call(client, [{"role": "user", "content": "FAIL"}])


def plain_call(client: openai.OpenAI, messages: list[Any]) -> dict[str, Any]:
    answer = client.chat.completions.create(model="gpt-5-mini", messages=messages, tools=TOOLS)
    return answer.choices[0].message.model_dump(exclude_none=True)


def streamed_call(client: openai.OpenAI, messages: list[Any]) -> dict[str, Any]:
    stream = client.chat.completions.create(
        model="gpt-5-mini", messages=messages, tools=TOOLS, stream=True, stream_options={"include_usage": True}
    )
    message: dict[str, Any] = {"role": "assistant"}
    for chunk in stream:
        for choice in chunk.choices:
            for tool in choice.delta.tool_calls or ():
                function = {"name": tool.function.name, "arguments": tool.function.arguments}
                message["tool_calls"] = [{"id": tool.id, "type": "function", "function": function}]
    return message


if __name__ == "__main__":
    main()

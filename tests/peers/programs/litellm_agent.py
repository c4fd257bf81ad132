"""An agent on LiteLLM with its own OpenTelemetry callback: `litellm_agent.py openai|anthropic`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

import file_tool
import litellm
from telemetry import set_up

MODELS = {"openai": "openai/gpt-5-mini", "anthropic": "anthropic/claude-sonnet-4-5"}
TOOLS = [
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
    tracer = set_up(sys.argv[2:])
    litellm.callbacks = ["otel"]
    model = MODELS[sys.argv[1]]
    messages: list[Any] = [{"role": "user", "content": "Check the values."}]
    with tracer.start_as_current_span("agent"):
        while True:
            message = litellm.completion(model=model, messages=messages, tools=TOOLS, num_retries=0).choices[0].message
            messages.append(message.model_dump())
            if not message.tool_calls:
                break
            for tool in message.tool_calls:
                content = file_tool.read_file(**json.loads(tool.function.arguments))
                messages.append({"role": "tool", "tool_call_id": tool.id, "content": content})
        with suppress(litellm.BadRequestError):
            litellm.completion(model=model, messages=[{"role": "user", "content": "FAIL"}], num_retries=0)


if __name__ == "__main__":
    main()

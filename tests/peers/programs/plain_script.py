"""An agent that knows OpenAI's client and nothing of who watches it; its own tracing is one span around the work."""

from __future__ import annotations

import json
from typing import Any

import openai
from file_tool import read_file
from opentelemetry import trace

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "read_file",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
        },
    }
]

client = openai.OpenAI(max_retries=0)
messages: list[Any] = [{"role": "user", "content": "Check the values."}]
with trace.get_tracer("script").start_as_current_span("check values"):
    while True:
        answer = client.chat.completions.create(model="gpt-5-mini", messages=messages, tools=TOOLS)
        message = answer.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            break
        for tool in message.tool_calls:
            content = read_file(**json.loads(tool.function.arguments))
            messages.append({"role": "tool", "tool_call_id": tool.id, "content": content})

"""A model provider on loopback: OpenAI's chat completions and responses, Anthropic's messages, streamed or not.

It plays one agent session, whatever asks: two reads of the same file, then an answer. Which answer comes follows from
the number of tool results in the request, so that it needs no state. A prompt with `FAIL` in it is refused.

Source: the providers' API references (chat completions, responses, messages and their streaming events).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

OPENAI_MODEL = "gpt-5-mini"
ANTHROPIC_MODEL = "claude-sonnet-4-5"
TOOL = "read_file"
ARGUMENTS = {"path": "/repo/values.py"}
FINAL = "The values are fine."
REFUSED = "FAIL"


class Turn(NamedTuple):
    """What one answer bills: the same whole input and output with either provider, with its own caching."""

    input: int
    output: int
    openai_cached: int
    openai_reasoning: int
    anthropic_read: int
    anthropic_written: int
    calls_tool: bool


TURNS = (
    Turn(1_200, 60, 0, 10, 0, 800, calls_tool=True),
    Turn(1_500, 40, 1_024, 0, 800, 400, calls_tool=True),
    Turn(1_800, 100, 1_408, 20, 1_200, 400, calls_tool=False),
)


class StubProvider(NamedTuple):
    """Where it listens, and the paths that were asked for, in order."""

    url: str
    requests: list[str]


@contextmanager
def stub_provider() -> Iterator[StubProvider]:
    """The provider, for as long as the block runs."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append(self.path)
            if REFUSED in json.dumps(request):
                error = {"type": "invalid_request_error", "message": "this prompt is refused"}
                self._answer(400, "application/json", json.dumps({"type": "error", "error": error}).encode())
                return
            events, whole = _answer_to(self.path, request)
            if request.get("stream"):
                text = "".join(
                    f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n" for name, data in events
                )
                self._answer(200, "text/event-stream", text.encode())
            else:
                self._answer(200, "application/json", json.dumps(whole).encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield StubProvider(f"http://127.0.0.1:{server.server_address[1]}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_Answer = tuple[list[tuple[str, str]], dict[str, Any]]
"""The events of a stream, by name, and the same as one document."""


def _answer_to(path: str, request: Mapping[str, Any]) -> _Answer:
    if path.endswith("/chat/completions"):
        done = sum(message["role"] == "tool" for message in request["messages"])
        return _chat_completion(done, TURNS[done], request)
    if path.endswith("/responses"):
        items = request["input"] if isinstance(request["input"], list) else []
        done = sum(item.get("type") == "function_call_output" for item in items)
        return _response(done, TURNS[done])
    blocks = [
        block for message in request["messages"] if isinstance(message["content"], list) for block in message["content"]
    ]
    done = sum(block["type"] == "tool_result" for block in blocks)
    return _message(done, TURNS[done])


def _chat_completion(number: int, turn: Turn, request: Mapping[str, Any]) -> _Answer:
    call = {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": TOOL, "arguments": json.dumps(ARGUMENTS)},
    }
    said: dict[str, Any] = {"content": None, "tool_calls": [call]} if turn.calls_tool else {"content": FINAL}
    reason = "tool_calls" if turn.calls_tool else "stop"
    usage = {
        "prompt_tokens": turn.input,
        "completion_tokens": turn.output,
        "total_tokens": turn.input + turn.output,
        "prompt_tokens_details": {"cached_tokens": turn.openai_cached},
        "completion_tokens_details": {"reasoning_tokens": turn.openai_reasoning},
    }
    head = {"id": f"chatcmpl-{number}", "created": 1_780_000_000, "model": OPENAI_MODEL}
    delta = {"role": "assistant", **said}
    if turn.calls_tool:
        delta["tool_calls"] = [{"index": 0, **call}]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
    ]
    if (request.get("stream_options") or {}).get("include_usage"):
        chunks.append({"choices": [], "usage": usage})
    events = [("", json.dumps({**head, "object": "chat.completion.chunk", **chunk})) for chunk in chunks]
    choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": reason}
    whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    return [*events, ("", "[DONE]")], whole


def _response(number: int, turn: Turn) -> _Answer:
    item: dict[str, Any] = {
        "type": "message",
        "id": f"msg_{number}",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": FINAL, "annotations": []}],
    }
    if turn.calls_tool:
        item = {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": TOOL,
            "arguments": json.dumps(ARGUMENTS),
            "status": "completed",
        }
    usage = {
        "input_tokens": turn.input,
        "input_tokens_details": {"cached_tokens": turn.openai_cached},
        "output_tokens": turn.output,
        "output_tokens_details": {"reasoning_tokens": turn.openai_reasoning},
        "total_tokens": turn.input + turn.output,
    }
    whole: dict[str, Any] = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_780_000_000,
        "status": "completed",
        "model": OPENAI_MODEL,
        "output": [item],
        "usage": usage,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
    }
    started = {**whole, "status": "in_progress", "output": [], "usage": None}
    steps: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return [(step["type"], json.dumps({**step, "sequence_number": at})) for at, step in enumerate(steps)], whole


def _message(number: int, turn: Turn) -> _Answer:
    block: dict[str, Any] = {"type": "text", "text": FINAL}
    delta: dict[str, Any] = {"type": "text_delta", "text": FINAL}
    empty: dict[str, Any] = {"type": "text", "text": ""}
    if turn.calls_tool:
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": TOOL, "input": ARGUMENTS}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(ARGUMENTS)}
        empty = {**block, "input": {}}
    reason = "tool_use" if turn.calls_tool else "end_turn"
    usage = {
        "input_tokens": turn.input - turn.anthropic_read - turn.anthropic_written,
        "cache_read_input_tokens": turn.anthropic_read,
        "cache_creation_input_tokens": turn.anthropic_written,
        "output_tokens": turn.output,
    }
    head = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": ANTHROPIC_MODEL,
        "stop_sequence": None,
    }
    whole = {**head, "content": [block], "stop_reason": reason, "usage": usage}
    start: dict[str, Any] = {**head, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    steps: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": turn.output},
        },
        {"type": "message_stop"},
    ]
    return [(step["type"], json.dumps(step)) for step in steps], whole

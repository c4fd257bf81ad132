"""A small Claude Code transcript, written by hand after the form of version 2.1, and a builder for further ones."""

from __future__ import annotations

import json
from typing import Any

SESSION = "5e551011-0000-4000-8000-000000000001"
START = "2026-03-01T10:"


def line(kind: str, uuid: str, second: float, /, **fields: Any) -> str:
    """One line of a conversation; `second` counts from 10:00:00."""
    entry = {
        "parentUuid": None,
        "isSidechain": False,
        "cwd": "/home/dev/shop",
        "sessionId": SESSION,
        "version": "2.1.50",
        "type": kind,
        "uuid": uuid,
        "timestamp": f"{START}{int(second) // 60:02}:{second % 60:06.3f}Z",
    }
    return json.dumps({**entry, **fields})


def typed(uuid: str, second: float, text: str, /, **fields: Any) -> str:
    return line("user", uuid, second, message={"role": "user", "content": text}, **fields)


def answer(uuid: str, second: float, message_id: str, block: dict[str, Any], output: int, /, **fields: Any) -> str:
    """One line of a response: 10 fresh, 1,000 cache-read and 300 cache-write tokens, 100 of these for an hour."""
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 1_000,
        "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
        "output_tokens": output,
    }
    message = {
        "id": message_id,
        "model": "claude-opus-4-6",
        "role": "assistant",
        "content": [block],
        "stop_reason": fields.pop("stop_reason", None),
        "usage": fields.pop("usage", usage),
    }
    return line("assistant", uuid, second, message=message, **fields)


def call(call_id: str, name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(uuid: str, second: float, call_id: str, content: Any, /, is_error: bool = False, **fields: Any) -> str:
    block = {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": is_error}
    return line("user", uuid, second, message={"role": "user", "content": [block]}, **fields)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def thinking(words: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": "x"}


TRANSCRIPT = (
    "\n".join(
        [
            json.dumps({"type": "summary", "summary": "Fix the till", "leafUuid": "l"}),
            typed("u1", 0, "fix the till"),
            # One response on three lines, whose usage grows; two calls, run side by side.
            answer("a1", 3, "msg_1", thinking("hmm, ten.."), 2, parentUuid="u1"),
            answer("a2", 4, "msg_1", call("call_1", "Read", file_path="/home/dev/shop/till.py"), 2, parentUuid="a1"),
            answer(
                "a3", 5, "msg_1", call("call_2", "Bash", command="make"), 40, parentUuid="a2", stop_reason="tool_use"
            ),
            result("r1", 5.5, "call_1", "     1→import till", parentUuid="a2"),
            result("r2", 9, "call_2", [text("Exit code 2"), text("no rule")], is_error=True, parentUuid="a3"),
            answer("a4", 12, "msg_2", call("call_3", "Write", file_path="a", content="b"), 5, parentUuid="r1"),
            result("r3", 20, "call_3", "The user doesn't want to proceed with this tool use. STOP", is_error=True),
            typed("i1", 20.1, "[Request interrupted by user for tool use]"),
            typed("u2", 60, "just explain"),
            answer("a5", 65, "msg_3", text("it sums twice"), 30, parentUuid="u2", stop_reason="end_turn"),
            line("system", "b1", 70, subtype="compact_boundary", content="Conversation compacted"),
            typed("b2", 70, "summary of it all", isCompactSummary=True, parentUuid="b1"),
            answer("e1", 75, "x", text("API Error"), 0, isApiErrorMessage=True, error="rate_limit").replace(
                "claude-opus-4-6", "<synthetic>"
            ),
        ]
    )
    + "\n"
)

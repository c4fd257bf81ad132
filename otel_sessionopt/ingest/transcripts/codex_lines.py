"""What single lines of Codex rollouts say: usage, texts, results of tools, and where a thread comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.ingest.transcripts.fields import count_at, mapping_at, mappings_at, text_at

_USAGE_KEYS: Final = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens")
# How Codex tells the model that the user refused a call. An interruption is neither a refusal nor a failure.
_REJECTIONS: Final = ("exec command rejected by user", "patch rejected by user", "rejected by user")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadOrigin:
    """Where a thread belongs.

    Attributes:
        thread_id: its own id.
        session_id: id of the thread that the person talks to: its own, or for a sub-agent the one that stands above.
        kind: name or role of the sub-agent; empty for a thread of its own.
        has_copy: the file begins with a copy of another thread's history.
    """

    thread_id: str
    session_id: str
    kind: str = ""
    has_copy: bool = False


def thread_origin(meta: Mapping[str, Any], fallback_id: str) -> ThreadOrigin:
    """The origin that a `session_meta` payload tells; `fallback_id` where it states no id."""
    thread_id = text_at(meta, "id") or fallback_id
    source = mapping_at(meta, "source").get("subagent")
    spawn = mapping_at(source, "thread_spawn") if isinstance(source, dict) else {}
    parent = text_at(meta, "parent_thread_id") or text_at(spawn, "parent_thread_id")
    has_copy = bool(text_at(meta, "forked_from_id")) and "history_base" not in meta
    if source is None and not parent:
        return ThreadOrigin(thread_id=thread_id, session_id=thread_id, has_copy=has_copy)
    # Threads share the id of the session since 0.142; before, only the thread one level above is told.
    session_id = text_at(meta, "session_id")
    names = (text_at(spawn, "agent_role"), text_at(spawn, "agent_nickname"), source if isinstance(source, str) else "")
    return ThreadOrigin(
        thread_id=thread_id,
        session_id=session_id if session_id and session_id != thread_id else parent or thread_id,
        kind=next(filter(None, names), "sub-agent"),
        has_copy=has_copy,
    )


def token_numbers(usage: Mapping[str, Any]) -> dict[str, int]:
    """A `TokenUsage` under the names of `semconv`: cached tokens are part of the input, reasoning of the output."""
    if not usage:
        return {}
    return {
        semconv.INPUT_TOKENS: count_at(usage, "input_tokens"),
        semconv.OUTPUT_TOKENS: count_at(usage, "output_tokens"),
        semconv.CACHE_READ_TOKENS: count_at(usage, "cached_input_tokens"),
        semconv.CACHE_WRITE_TOKENS: count_at(usage, "cache_write_input_tokens"),
        semconv.REASONING_TOKENS: count_at(usage, "reasoning_output_tokens"),
    }


def usage_difference(total: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, int]:
    """What the call between two totals used, for versions that state totals alone."""
    keys = (*_USAGE_KEYS, "reasoning_output_tokens")
    return {key: max(count_at(total, key) - count_at(before, key), 0) for key in keys}


def text_of(content: Any) -> str:
    """The text of a message or result: a text, or its text items, one below the other. Pictures are no text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(text_at(item, "text") for item in content if isinstance(item, dict) and "text" in item)


def thought_chars(payload: Mapping[str, Any]) -> int | None:
    """Length of the text of a reasoning item; `None` where it is encrypted."""
    texts = [text_at(item, "text") for key in ("summary", "content") for item in mappings_at(payload, key)]
    return sum(map(len, texts)) or None


def result_text(output: Any) -> str:
    """What a call gave back, as the model saw it; exit codes in it are read later, with the rest of the text."""
    if isinstance(output, dict):  # until 0.30
        return text_of(output.get("content"))
    return text_of(output)


def is_failed(output: Any) -> bool:
    """Whether a result states that the call failed, beside what its text says."""
    return isinstance(output, dict) and output.get("success") is False


def is_rejection(text: str) -> bool:
    """Whether the user refused the call."""
    return text.startswith(_REJECTIONS)


def is_failed_end(payload: Mapping[str, Any]) -> bool:
    """Whether an event says of a tool of a protocol server, or of a patch, that it failed."""
    result = mapping_at(payload, "result")
    return payload.get("success") is False or "Err" in result or mapping_at(result, "Ok").get("isError") is True


def spawned_thread(name: str, output: Any) -> str:
    """Id of the thread that a `spawn_agent` call started; empty for other calls."""
    if name != "spawn_agent" or not isinstance(output, str) or not output.startswith("{"):
        return ""
    try:
        value = json.loads(output)
    except (ValueError, RecursionError):
        return ""
    return text_at(value, "agent_id") if isinstance(value, dict) else ""


def listing_chars(payload: Mapping[str, Any]) -> int:
    """Size of tool definitions that a search for tools brought into the context."""
    return len(json.dumps(payload.get("tools"), separators=(",", ":"))) if "tools" in payload else 0


def compacted_chars(payload: Mapping[str, Any]) -> int:
    """Length of what a compaction left: what replaces the history, else the summary."""
    history = payload.get("replacement_history")
    if isinstance(history, list):
        return sum(len(text_of(item.get("content"))) for item in history if isinstance(item, dict))
    return len(text_at(payload, "message"))


def call_arguments(kind: str, payload: Mapping[str, Any]) -> Any:
    """The arguments of a call of that kind, as they are in its item."""
    if kind == "custom_tool_call":
        return {"input": payload.get("input")}
    action = payload.get("action")
    if kind == "local_shell_call" and isinstance(action, dict):
        return {"command": action.get("command"), "workdir": action.get("working_directory")}
    return action if kind == "web_search_call" else payload.get("arguments")

"""Inserts rounds into a draft: a model call that asks for tools, their results, and the growth of all later prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .draft import Draft
from .prices import Usage
from .transcript import SYNTHETIC_MODEL, Call, Line

_FRAME_TOKENS: Final = 24  # what a tool call takes beside its arguments
_START_MS: Final = 1_800  # until the first token of a response
_MS_PER_TOKEN: Final = 12
_MAX_RESPONSE_MS: Final = 90_000


@dataclass(slots=True)
class Request:
    """One tool call and its result.

    Attributes:
        tokens: size of the result; from the length of its text when 0.
        seconds: how long the tool runs.
        call_id: given when it is inserted.
    """

    name: str
    arguments: dict[str, Any]
    result: str | list[dict[str, Any]]
    tokens: int = 0
    is_error: bool = False
    seconds: float = 0.4
    call_id: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What names it among the planted events."""
        return ("tool", self.call_id)


@dataclass(slots=True)
class Round:
    """An inserted model call and the tool calls it asked for."""

    call: Call
    requests: list[Request] = field(default_factory=list)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """The tool calls, and the model call."""
        return [*(request.key for request in self.requests), ("model", self.call.message_id)]


def add_round(
    draft: Draft,
    before: Call,
    requests: Sequence[Request],
    *,
    text: str = "",
    output: int = 0,
    stop_reason: str = "tool_use",
) -> Round:
    """Insert a round right before a call.

    The new call gets the prompt that `before` had; `before` and all later calls carry its output and the results.

    Args:
        text: what the model writes beside its tool calls.
        output: output tokens of the call; from text and arguments when 0.
        stop_reason: as the provider states it.
    """
    for request in requests:
        request.call_id = draft.new_id("toolu_")
        request.tokens = request.tokens or draft.tokens_of(str(request.result))
    output = output or output_tokens(draft, requests, text)
    usage = before.usage.copy()
    usage.output = output
    position = draft.position(before.first)
    start_ms = min(draft.newest_ms(position), before.first.time_ms or 0)
    end_ms = start_ms + response_ms(output)
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    blocks += [
        {"type": "tool_use", "id": each.call_id, "name": each.name, "input": each.arguments} for each in requests
    ]
    parent = before.first.value.get("parentUuid")
    call = draft.response(before, blocks, time_ms=end_ms, parent=parent, usage=usage, stop_reason=stop_reason)
    results, end_ms = result_lines(draft, call, requests, end_ms)
    entered = output + sum(request.tokens for request in requests)
    enter(draft, call, before, [*call.lines, *results], entered, end_ms - start_ms)
    draft.added += [request.key for request in requests]
    return Round(call, list(requests))


def add_exchange(draft: Draft, before: Call, answer: str, question: str, *, output: int = 0) -> Call:
    """Insert an answer that ends the turn, and the person's next message, right before a call."""
    output = output or draft.tokens_of(answer)
    usage = before.usage.copy()
    usage.output = output
    position = draft.position(before.first)
    start_ms = min(draft.newest_ms(position), before.first.time_ms or 0)
    end_ms = start_ms + response_ms(output)
    parent = before.first.value.get("parentUuid")
    block = {"type": "text", "text": answer}
    call = draft.response(before, [block], time_ms=end_ms, parent=parent, usage=usage, stop_reason="end_turn")
    end_ms += 9_000
    typed = typed_line(draft, call.lines[-1], question, end_ms)
    enter(draft, call, before, [*call.lines, typed], output + draft.tokens_of(question), end_ms - start_ms)
    return call


def add_attempt(draft: Draft, before: Call, text: str, *, output: int, error: str = "") -> Call:
    """Insert an attempt that is billed, thrown away and followed by the same call again.

    Args:
        error: kind of an API error that stands between the two; none when empty.
    """
    usage = before.usage.copy()
    usage.output = output
    position = draft.position(before.first)
    start_ms = min(draft.newest_ms(position), before.first.time_ms or 0)
    end_ms = start_ms + response_ms(output)
    parent = before.first.value.get("parentUuid")
    block = {"type": "text", "text": text}
    call = draft.response(before, [block], time_ms=end_ms, parent=parent, usage=usage, stop_reason="end_turn")
    lines = list(call.lines)
    if error:
        end_ms += 4_000
        lines.append(api_error(draft, call.lines[-1], error, end_ms))
    draft.insert_call(call, before)
    _reread(draft, before.usage, call.usage, 0)
    draft.delay(position, end_ms - start_ms + 500)
    draft.insert(position, lines)
    return call


def add_refusal(draft: Draft, before: Call, error: str) -> None:
    """Insert a request that the API refused right before a call: nothing is billed."""
    position = draft.position(before.first)
    now_ms = min(draft.newest_ms(position), before.first.time_ms or 0) + 2_000
    line = api_error(draft, before.first, error, now_ms)
    line.replace(parentUuid=before.first.value.get("parentUuid"))
    draft.delay(position, 6_000)
    before.first.replace(parentUuid=line.value["uuid"])
    draft.insert(position, [line])


def add_side_call(draft: Draft, before: Call, usage: Usage, answer: str) -> Call:
    """Insert a short request of its own, whose prompt is not the conversation and whose answer does not enter it."""
    position = draft.position(before.first)
    start_ms = min(draft.newest_ms(position), before.first.time_ms or 0)
    end_ms = start_ms + response_ms(usage.output)
    block = {"type": "text", "text": answer}
    parent = before.first.value.get("parentUuid")
    call = draft.response(before, [block], time_ms=end_ms, parent=parent, usage=usage, stop_reason="end_turn")
    call.is_side = True
    draft.insert_call(call, before)
    draft.delay(position, end_ms - start_ms + 200)
    draft.insert(position, call.lines)
    return call


def output_tokens(draft: Draft, requests: Sequence[Request], text: str) -> int:
    """Output tokens of a call that writes a text and asks for tools."""
    written = sum(draft.tokens_of(str(request.arguments)) + _FRAME_TOKENS for request in requests)
    return written + (draft.tokens_of(text) if text else 0)


def response_ms(output: int) -> int:
    """How long a response takes."""
    return min(_START_MS + _MS_PER_TOKEN * output, _MAX_RESPONSE_MS)


def result_lines(draft: Draft, call: Call, requests: Sequence[Request], start_ms: int) -> tuple[list[Line], int]:
    """The results of a call's tools, which run side by side, and when the last one ends."""
    lines: list[Line] = []
    asking = {block["id"]: line for line in call.lines for block in line.blocks if block.get("type") == "tool_use"}
    end_ms = start_ms
    for request in requests:
        asked = str(asking[request.call_id].value["uuid"])
        block: dict[str, Any] = {"tool_use_id": request.call_id, "type": "tool_result", "content": request.result}
        if request.is_error:
            block["is_error"] = True
        end_ms = max(end_ms + 20, start_ms + round(request.seconds * 1000))
        message = {"role": "user", "content": [block]}
        lines.append(draft.line(call.first, "user", end_ms, asked, message=message, sourceToolAssistantUUID=asked))
    return lines, end_ms


def typed_line(draft: Draft, after: Line, text: str, time_ms: int, **fields: Any) -> Line:
    """A line that a person typed."""
    message = {"role": "user", "content": text}
    return draft.line(after, "user", time_ms, str(after.value["uuid"]), message=message, **fields)


def api_error(draft: Draft, after: Line, error: str, time_ms: int) -> Line:
    """A line that says that the API refused a request: no call, nothing billed."""
    message = {
        "id": draft.new_uuid(),
        "model": SYNTHETIC_MODEL,
        "role": "assistant",
        "type": "message",
        "stop_reason": "stop_sequence",
        "content": [{"type": "text", "text": f"API Error: {error}"}],
        "usage": {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }
    parent = str(after.value["uuid"])
    line = draft.line(after, "assistant", time_ms, parent, message=message, isApiErrorMessage=True, error=error)
    draft.added.append(("ERROR", str(line.value["uuid"])))
    return line


def enter(draft: Draft, call: Call, before: Call, lines: Sequence[Line], entered: int, duration_ms: int) -> None:
    """Insert a call with its lines before another one, whose prompt grows by what entered."""
    position = draft.position(before.first)
    draft.insert_call(call, before)
    boundary = call.usage.cached
    _reread(draft, before.usage, call.usage, entered)
    draft.carry(before, boundary, entered)
    draft.delay(position, duration_ms)
    before.first.replace(parentUuid=lines[-1].value["uuid"])
    draft.insert(position, lines)


def _reread(draft: Draft, usage: Usage, earlier: Usage, entered: int) -> None:
    """Bill a call whose prompt is that of an earlier call, which is in the cache now, and what entered since."""
    if not earlier.cached:
        usage.uncached += entered
        return
    is_1h = usage.write_1h > usage.write_5m if usage.write else draft.writes_1h
    usage.read = earlier.cached
    usage.write_1h = entered if is_1h else 0
    usage.write_5m = 0 if is_1h else entered

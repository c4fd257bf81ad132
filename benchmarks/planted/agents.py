"""Inserts sub-agents into a draft: a call that starts them, their own conversations, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .draft import Draft
from .prices import Usage
from .rounds import Request, Round, enter, output_tokens, response_ms, result_lines, typed_line
from .transcript import Call, Line
from .words import prose


@dataclass(slots=True)
class Agent:
    """A sub-agent to insert.

    Attributes:
        inherited: tokens of its first prompt: system prompt, tool definitions and task.
        shared: how many of them a sibling before it has put into the cache.
        rounds: the tool calls it makes, one list a model call.
        answer_tokens: output of its last call, which enters the caller's conversation.
        calls, agent_id: its model calls and its own id, once it is inserted.
    """

    task: str
    inherited: int
    shared: int = 0
    rounds: list[list[Request]] = field(default_factory=list)
    answer_tokens: int = 300
    kind: str = "general-purpose"
    calls: list[Call] = field(default_factory=list)
    agent_id: str = ""

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Its model calls and tool calls."""
        tools = [request.key for requests in self.rounds for request in requests]
        return [*tools, *(("model", call.message_id) for call in self.calls), ("agent", self.agent_id)]


def add_agents(draft: Draft, before: Call, agents: Sequence[Agent]) -> Round:
    """Insert a call that starts sub-agents side by side, right before a call. Their lines stand in the same file."""
    requests = []
    for agent in agents:
        arguments = {"description": agent.task[:30], "prompt": agent.task, "subagent_type": agent.kind}
        answer = prose(draft.random, round(agent.answer_tokens * draft.chars_per_token))
        requests.append(
            Request(
                "Task",
                arguments,
                [{"type": "text", "text": answer}],
                agent.answer_tokens,
                call_id=draft.new_id("toolu_"),
            )
        )
    position = draft.position(before.first)
    start_ms = min(draft.newest_ms(position), before.first.time_ms or 0)
    usage = before.usage.copy()
    usage.output = output_tokens(draft, requests, "")
    now_ms = start_ms + response_ms(usage.output)
    blocks = [
        {"type": "tool_use", "id": request.call_id, "name": request.name, "input": request.arguments}
        for request in requests
    ]
    parent = before.first.value.get("parentUuid")
    call = draft.response(before, blocks, time_ms=now_ms, parent=parent, usage=usage, stop_reason="tool_use")
    lines = list(call.lines)
    side_calls: list[Call] = []
    for agent, request in zip(agents, requests, strict=True):
        own, now_ms = _side_chain(draft, call, agent, str(request.result[0]["text"]), now_ms)  # type: ignore[index]
        lines += own
        side_calls += agent.calls
    results, now_ms = result_lines(draft, call, requests, now_ms)
    entered = usage.output + sum(request.tokens for request in requests)
    enter(draft, call, before, [*lines, *results], entered, now_ms - start_ms)
    index = draft.calls.index(before)
    draft.calls[index:index] = side_calls
    draft.added += [request.key for request in requests]
    return Round(call, requests)


def add_background_agent(draft: Draft, before: Call, agent: Agent, answer: str, *, name: str) -> None:
    """Insert a side chain that no tool call started and whose answer does not enter the conversation."""
    position = draft.position(before.first)
    start_ms = min(draft.newest_ms(position), before.first.time_ms or 0)
    lines, end_ms = _side_chain(draft, before, agent, answer, start_ms, name=name)
    index = draft.calls.index(before)
    draft.calls[index:index] = agent.calls
    draft.delay(position, end_ms - start_ms + 100)
    draft.insert(position, lines)


def _side_chain(
    draft: Draft, caller: Call, agent: Agent, answer: str, now_ms: int, *, name: str = ""
) -> tuple[list[Line], int]:
    """The lines of one sub-agent, and when it ends."""
    agent.agent_id = name or f"a{draft.random.getrandbits(64):016x}"
    draft.added.append(("agent", agent.agent_id))
    marks: dict[str, Any] = {"isSidechain": True, "agentId": agent.agent_id}
    prompt = typed_line(draft, caller.lines[-1], agent.task, now_ms + 30, parentUuid=None, **marks)
    lines = [prompt]
    like = Call(caller.message_id, caller.model, caller.usage, [_marked(caller.first, marks)], caller.segment)
    usage = _first_usage(draft, agent)
    for requests in [*agent.rounds, []]:
        for request in requests:
            request.call_id = draft.new_id("toolu_")
            request.tokens = request.tokens or draft.tokens_of(str(request.result))
        is_last = not requests
        usage.output = agent.answer_tokens if is_last else output_tokens(draft, requests, "")
        blocks = [{"type": "tool_use", "id": r.call_id, "name": r.name, "input": r.arguments} for r in requests]
        text: list[dict[str, Any]] = [{"type": "text", "text": answer}] if is_last else []
        now_ms += response_ms(usage.output)
        call = draft.response(
            like,
            text or blocks,
            time_ms=now_ms,
            parent=str(lines[-1].value["uuid"]),
            usage=usage,
            stop_reason="end_turn" if is_last else "tool_use",
        )
        call.is_side = True
        agent.calls.append(call)
        lines += call.lines
        if not is_last:
            results, now_ms = result_lines(draft, call, requests, now_ms)
            lines += results
            draft.added += [request.key for request in requests]
            usage = _next_usage(draft, usage, usage.output + sum(request.tokens for request in requests))
    return lines, now_ms + 50


def _marked(line: Line, marks: dict[str, Any]) -> Line:
    return Line({**line.value, **marks})


def _first_usage(draft: Draft, agent: Agent) -> Usage:
    written = agent.inherited - agent.shared - 3
    if draft.writes_1h:
        return Usage(uncached=3, read=agent.shared, write_1h=written)
    return Usage(uncached=3, read=agent.shared, write_5m=written)


def _next_usage(draft: Draft, before: Usage, entered: int) -> Usage:
    if draft.writes_1h:
        return Usage(uncached=3, read=before.cached, write_1h=entered)
    return Usage(uncached=3, read=before.cached, write_5m=entered)

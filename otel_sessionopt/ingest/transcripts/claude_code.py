"""Claude Code transcripts: `~/.claude/projects/<project>/<session-id>.jsonl` and, beside it, those of sub-agents.

The format is internal to Claude Code and changes between releases. One API response is written as several lines, one
for each content block, which share the message id and repeat a usage that only grows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.ingest.inputs import InputFile
from otel_sessionopt.ingest.json_lines import Entry
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.claude_code_lines import (
    attached_text,
    error_type,
    is_rejection,
    is_typed,
    plain_text,
    token_numbers,
)
from otel_sessionopt.ingest.transcripts.fields import count_at, mapping_at, mappings_at, text_at, time_at
from otel_sessionopt.ingest.transcripts.session_spans import ModelCall, SessionSpans, ToolCall

_AGENT: Final = "claude-code"
_PROVIDER: Final = "anthropic"
_SYNTHETIC_MODEL: Final = "<synthetic>"  # a message that Claude Code made itself: no API call
_CONTEXT_TYPES: Final = frozenset({"user", "assistant", "system", "attachment"})
_COMPACTIONS: Final = frozenset({"compact_boundary", "microcompact_boundary"})


class ClaudeCodeFormat:
    """Transcripts of Claude Code, from version 1.0 on."""

    name = _AGENT

    def is_entry(self, value: Mapping[str, Any]) -> bool:
        """Lines of a conversation, and the few kinds that stand at the beginning of a file."""
        kind = value.get("type")
        if kind == "summary":
            return "leafUuid" in value
        if kind == "file-history-snapshot":
            return "snapshot" in value
        if kind == "queue-operation":
            return "operation" in value and "sessionId" in value
        return isinstance(kind, str) and "isSidechain" in value and "sessionId" in value

    def read(self, entries: Iterator[Entry], source: InputFile) -> Iterator[SpanRecord]:
        """Spans of one session, or of one sub-agent's part of it.

        Tool calls and events come as their lines are read; model calls, agents and the root at the end, when all their
        lines are known. Kept until then: ids, times and numbers, and the arguments of calls without a result so far.
        """
        session = _Session(source)
        for entry in entries:
            yield from session.read(entry.value)
        yield from session.finish()


@dataclass(slots=True)
class _Response:
    """One model call, from all the lines of its response."""

    chain: str
    start_ns: int
    end_ns: int
    model: str
    usage: Mapping[str, Any]
    finish_reason: str = ""
    text_chars: int = 0


@dataclass(slots=True)
class _OpenTool:
    """One tool call without a result so far."""

    chain: str
    name: str
    start_ns: int
    workdir: str
    arguments: Any


@dataclass(slots=True)
class _SubAgent:
    """One side chain: its extent, and where it can be told, the agent's type and the id of the call that started it."""

    start_ns: int
    end_ns: int
    kind: str
    call_id: str


class _Session:
    """The state of reading one file. For chains see `SessionSpans`."""

    def __init__(self, source: InputFile) -> None:
        self._source = source
        self._spans: SessionSpans | None = None
        self._workdir = ""
        self._start_ns: int | None = None  # of the main chain
        self._end_ns = 0
        self._now_ns = 0
        self._times: dict[str, int] = {}  # by uuid of the line; also tells repeated lines
        self._chains: dict[str, str] = {}  # by uuid of the line, where lines of side chains do not name their agent
        self._last_input_ns: dict[str, int] = {}  # by chain
        self._responses: dict[str, _Response] = {}  # by message id
        self._tools: dict[str, _OpenTool | None] = {}  # by call id; None once the span was given
        self._agents: dict[str, _SubAgent] = {}  # by chain
        self._tasks: dict[int, tuple[str, str]] = {}  # call id and agent type, by the hash of the prompt in the call
        self._thoughts: set[int] = set()  # hashes
        self._answers: set[int] = set()  # hashes of the texts that are counted
        self._links: set[str] = set()  # agents joined to the calls that started them
        self._boundary: tuple[str, str, int] | None = None  # uuid, chain and time of a compaction without its summary

    def read(self, value: Mapping[str, Any]) -> Iterator[SpanRecord]:
        """Spans that are complete with this line."""
        uuid = text_at(value, "uuid")
        if uuid and uuid in self._times:
            return  # resumed and forked sessions repeat earlier lines
        time_ns = time_at(value, "timestamp")
        self._now_ns = self._now_ns if time_ns is None else time_ns
        if uuid:
            self._times[uuid] = self._now_ns
        kind = text_at(value, "type")
        if kind not in _CONTEXT_TYPES:
            return
        spans = self._spans = self._spans or self._spans_of(value)
        chain = self._chain_of(value, uuid)
        self._extend(value, chain)
        if kind == "assistant":
            yield from self._read_assistant(value, chain, spans)
        elif kind == "user":
            yield from self._read_user(value, chain, spans)
        elif kind == "attachment":
            yield from self._read_attachment(value, chain, spans)
        elif text_at(value, "subtype") in _COMPACTIONS:
            yield from self._finish_compaction(spans)
            self._boundary = (uuid, chain, self._now_ns)

    def finish(self) -> Iterator[SpanRecord]:
        """What remains when all lines are read."""
        spans = self._spans
        if spans is None:
            return
        yield from self._finish_compaction(spans)
        for call_id, tool in self._tools.items():
            if tool:
                yield spans.tool_call(tool.chain, _tool_call(call_id, tool, tool.start_ns, None))
        for message_id, response in self._responses.items():
            yield spans.model_call(response.chain, _model_call(message_id, response))
        for chain, agent in self._agents.items():
            yield spans.sub_agent(
                chain, self._parent_of(chain), agent.kind or "sub-agent", agent.start_ns, agent.end_ns
            )
        if self._start_ns is not None:
            # The folder's name, not a prompt or title: those are content. Windows paths and others are split alike.
            yield spans.root(self._start_ns, self._end_ns, PureWindowsPath(self._workdir).name)

    # Sessions and chains

    def _spans_of(self, value: Mapping[str, Any]) -> SessionSpans:
        path = self._source.path
        session_id = text_at(value, "sessionId") or (path.name.partition(".")[0] if path else "standard input")
        return SessionSpans(session_id, _AGENT, text_at(value, "version"))

    def _chain_of(self, value: Mapping[str, Any], uuid: str) -> str:
        if value.get("isSidechain") is not True:
            return ""
        agent_id = text_at(value, "agentId")
        chain = agent_id or self._chains.get(text_at(value, "parentUuid")) or uuid or "side chain"
        if not agent_id:
            self._chains[uuid] = chain
        if chain not in self._agents:
            # The first line of a side chain is the prompt that the call gives which starts the agent.
            prompt = plain_text(mapping_at(value, "message").get("content"))
            call_id, kind = self._tasks.get(hash(prompt), ("", "")) if prompt else ("", "")
            self._agents[chain] = _SubAgent(self._now_ns, self._now_ns, kind or self._noted_kind(), call_id)
        return chain

    def _extend(self, value: Mapping[str, Any], chain: str) -> None:
        now_ns = self._now_ns
        self._end_ns = max(self._end_ns, now_ns)
        if chain:
            agent = self._agents[chain]
            agent.start_ns, agent.end_ns = min(agent.start_ns, now_ns), max(agent.end_ns, now_ns)
            return
        self._start_ns = now_ns if self._start_ns is None else min(self._start_ns, now_ns)
        self._workdir = self._workdir or text_at(value, "cwd")

    def _parent_of(self, chain: str) -> int:
        """Parent of a sub-agent's span: the call that started it, through a link where that call is in another file."""
        assert self._spans
        if call_id := self._agents[chain].call_id:
            return self._spans.tool_span_id(call_id)
        if chain in self._links or self._start_ns is None:
            return self._spans.link_span_id(chain)
        return self._spans.agent_span_id("")

    def _noted_kind(self) -> str:
        """Type of the sub-agent whose own file this is, from the small file that newer versions put beside it."""
        path = self._source.path
        if path is None or not path.name.startswith("agent-"):
            return ""
        try:
            note = path.with_name(path.name.partition(".")[0] + ".meta.json").read_text("utf-8", "replace")
            value = json.loads(note)
        except (OSError, ValueError, RecursionError):
            return ""  # a name for display only, and often there is none
        return text_at(value, "agentType") if isinstance(value, dict) else ""

    # Lines

    def _read_assistant(self, value: Mapping[str, Any], chain: str, spans: SessionSpans) -> Iterator[SpanRecord]:
        message = mapping_at(value, "message")
        uuid = text_at(value, "uuid")
        if message.get("model") == _SYNTHETIC_MODEL:
            if value.get("isApiErrorMessage") is True:
                error = text_at(value, "error") or "api_error"
                yield spans.event(chain, uuid, self._now_ns, "ERROR", None, {semconv.ERROR_TYPE: error})
            return
        message_id = text_at(message, "id") or uuid
        self._note_response(value, message, message_id, chain)
        for block in mappings_at(message, "content"):
            kind = block.get("type")
            if kind == "tool_use":
                self._open_tool(block, chain, text_at(value, "cwd"))
            elif kind == "text":
                self._count_answer(message_id, text_at(block, "text"))
            elif kind == "thinking":
                yield from self._read_thought(message_id, text_at(block, "thinking"), spans)

    def _count_answer(self, message_id: str, text: str) -> None:
        key = hash(f"{message_id}\0{text}")  # side chains begin with copies
        if key not in self._answers:
            self._answers.add(key)
            self._responses[message_id].text_chars += len(text)

    def _read_thought(self, message_id: str, text: str, spans: SessionSpans) -> Iterator[SpanRecord]:
        key = f"{message_id}\0{text}"  # the text tells copies in side chains from further thoughts
        if hash(key) not in self._thoughts:
            self._thoughts.add(hash(key))
            chars = len(text) or None  # newer versions keep no text
            yield spans.event(self._responses[message_id].chain, key, self._now_ns, "THINKING", chars)

    def _read_user(self, value: Mapping[str, Any], chain: str, spans: SessionSpans) -> Iterator[SpanRecord]:
        self._last_input_ns[chain] = max(self._now_ns, self._last_input_ns.get(chain, 0))
        message = mapping_at(value, "message")
        results = [block for block in mappings_at(message, "content") if block.get("type") == "tool_result"]
        for block in results:
            yield from self._close_tool(block, spans)
        if results:
            yield from self._link_agent(text_at(results[0], "tool_use_id"), mapping_at(value, "toolUseResult"), spans)
            return
        text = plain_text(message.get("content"))
        if value.get("isCompactSummary") is True:
            self._boundary = self._boundary or (text_at(value, "uuid"), chain, self._now_ns)
            yield from self._finish_compaction(spans, len(text))
        elif not chain and is_typed(value, text):
            yield spans.event(chain, text_at(value, "uuid"), self._now_ns, "USER_MESSAGE", len(text))

    def _read_attachment(self, value: Mapping[str, Any], chain: str, spans: SessionSpans) -> Iterator[SpanRecord]:
        """File contents that Claude Code puts into the context by itself."""
        if text := attached_text(mapping_at(value, "attachment")):
            yield spans.event(chain, text_at(value, "uuid"), self._now_ns, "CONTEXT_LOAD", len(text))

    # Calls

    def _note_response(self, value: Mapping[str, Any], message: Mapping[str, Any], message_id: str, chain: str) -> None:
        usage = mapping_at(message, "usage")
        response = self._responses.get(message_id)
        if response is None:
            start_ns = self._trigger_ns(value, chain)
            response = _Response(chain, start_ns, self._now_ns, text_at(message, "model"), usage)
            self._responses[message_id] = response
        elif not chain:
            response.chain = ""  # side chains begin with copies of the main one
        response.end_ns = max(response.end_ns, self._now_ns)
        response.finish_reason = text_at(message, "stop_reason") or response.finish_reason
        if count_at(usage, "output_tokens") >= count_at(response.usage, "output_tokens"):
            response.usage = usage or response.usage

    def _trigger_ns(self, value: Mapping[str, Any], chain: str) -> int:
        """When the request was sent: at its parent line, but not before the last of the tool results it carries."""
        parent_ns = self._times.get(text_at(value, "parentUuid"), 0)
        return min(max(parent_ns, self._last_input_ns.get(chain, 0)) or self._now_ns, self._now_ns)

    def _open_tool(self, block: Mapping[str, Any], chain: str, workdir: str) -> None:
        call_id = text_at(block, "id")
        known = self._tools.get(call_id)
        if known and not chain:
            known.chain = ""
        if not call_id or call_id in self._tools:
            return
        arguments = block.get("input")
        self._tools[call_id] = _OpenTool(chain, text_at(block, "name"), self._now_ns, workdir, arguments)
        if isinstance(arguments, dict) and (prompt := text_at(arguments, "prompt")):
            self._tasks[hash(prompt)] = (call_id, text_at(arguments, "subagent_type"))

    def _close_tool(self, block: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        call_id = text_at(block, "tool_use_id")
        tool = self._tools.get(call_id)
        if tool:
            self._tools[call_id] = None
            yield spans.tool_call(tool.chain, _tool_call(call_id, tool, self._now_ns, block))

    def _link_agent(self, call_id: str, result: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        """Join a sub-agent, whose lines are in a file of their own, to the call that started it."""
        agent_id = text_at(result, "agentId")
        if agent_id and call_id in self._tools and agent_id not in self._links:
            self._links.add(agent_id)
            yield spans.link(agent_id, spans.tool_span_id(call_id), self._now_ns)

    def _finish_compaction(self, spans: SessionSpans, chars: int | None = None) -> Iterator[SpanRecord]:
        """The one span of a compaction, whose boundary and summary are two lines."""
        if self._boundary:
            uuid, chain, time_ns = self._boundary
            self._boundary = None
            yield spans.event(chain, uuid, time_ns, "CONTEXT_LOAD", chars, {semconv.COMPACTION: True})


def _model_call(message_id: str, response: _Response) -> ModelCall:
    return ModelCall(
        response_id=message_id,
        model=response.model,
        provider=_PROVIDER,
        start_ns=response.start_ns,
        end_ns=response.end_ns,
        usage=token_numbers(response.usage),
        finish_reason=response.finish_reason,
        text_chars=response.text_chars,
    )


def _tool_call(call_id: str, tool: _OpenTool, end_ns: int, result: Mapping[str, Any] | None) -> ToolCall:
    return ToolCall(
        call_id=call_id,
        name=tool.name,
        start_ns=tool.start_ns,
        end_ns=end_ns,
        arguments=tool.arguments,
        result=None if result is None else plain_text(result.get("content")),
        workdir=tool.workdir,
        error="" if result is None else error_type(result),
        is_rejected=result is not None and is_rejection(result),
    )

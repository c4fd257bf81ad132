"""Sessions of the pi coding agent: `~/.pi/agent/sessions/--<folder>--/<time>_<session id>.jsonl`.

The first line is the session, each further one an entry; from version 2 on entries have ids and form a tree, in whose
branches every call was billed. A message of the assistant is one model call with its usage and cost; one that was
aborted before it began has no usage at all.

Source: badlogic/pi-mono, `packages/coding-agent/docs/session.md`. Checked with sessions of version 1, and with one of
version 3 (0.74) against requests that a provider's stub counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.ingest.inputs import InputFile
from otel_sessionopt.ingest.json_lines import Entry
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.fields import count_at, mapping_at, mappings_at, text_at, time_at, time_ms_at
from otel_sessionopt.ingest.transcripts.session_spans import ModelCall, SessionSpans, ToolCall

_AGENT: Final = "pi"
_CHANGES: Final = frozenset({"model_change", "thinking_level_change"})
_SUMMARIES: Final = frozenset({"compaction", "branch_summary"})
_ROLES: Final = frozenset({"user", "assistant", "toolResult", "bashExecution", "custom", "hookMessage"})


class PiFormat:
    """Sessions of pi, all versions of the format so far (1 to 3)."""

    name = _AGENT

    def is_entry(self, value: Mapping[str, Any]) -> bool:
        """The first line, or an entry whose content is pi's alone."""
        kind = text_at(value, "type")
        if kind == "session":
            return "id" in value and "cwd" in value and "timestamp" in value
        if kind == "message":
            return text_at(mapping_at(value, "message"), "role") in _ROLES and "timestamp" in value
        return kind in _CHANGES and ("modelId" in value or "thinkingLevel" in value)

    def read(self, entries: Iterator[Entry], source: InputFile) -> Iterator[SpanRecord]:
        """Spans of one session. Kept while reading: ids, and the arguments of calls without a result so far."""
        session = _Session(source)
        for entry in entries:
            yield from session.read(entry.value, entry.line)
        yield from session.finish()


@dataclass(slots=True)
class _OpenTool:
    """One tool call without a result so far."""

    name: str
    start_ns: int
    arguments: Any


class _Session:
    """The state of reading one file."""

    def __init__(self, source: InputFile) -> None:
        name = source.path.name.partition(".jsonl")[0] if source.path else "standard input"
        self._session_id = name.rpartition("_")[2]
        self._version = ""
        self._workdir = ""
        self._spans: SessionSpans | None = None
        self._start_ns: int | None = None
        self._now_ns = self._end_ns = self._input_ns = 0
        self._tools: dict[str, _OpenTool | None] = {}  # by call id; None once the span was given
        self._places: dict[str, int] = {}  # lines of entries, by id
        self._chars: dict[int, int] = {}  # by line, what the message there puts into the context

    def read(self, value: Mapping[str, Any], line: int) -> Iterator[SpanRecord]:
        """Spans that are complete with this line."""
        time_ns = time_at(value, "timestamp")
        self._now_ns = self._now_ns if time_ns is None else time_ns
        kind = text_at(value, "type")
        if kind == "session":
            self._read_head(value)
            return
        spans = self._spans = self._spans or SessionSpans(self._session_id, _AGENT, self._version)
        key = text_at(value, "id") or f"line {line}"
        self._places[key] = line
        if kind not in _CHANGES:  # settings that somebody changed long after the last answer
            self._extend(self._now_ns)
        if kind == "message":
            message = mapping_at(value, "message")
            self._chars[line] = _carried_chars(message)
            yield from self._read_message(message, key, spans)
        elif kind in _SUMMARIES:
            self._input_ns = self._now_ns
            attributes = {semconv.COMPACTION: True} if kind == "compaction" else {}
            chars = len(text_at(value, "summary")) + self._kept_chars(value)
            yield spans.event("", key, self._now_ns, "CONTEXT_LOAD", chars, attributes)
        elif kind == "custom_message":
            yield spans.event("", key, self._now_ns, "CONTEXT_LOAD", len(_text(value.get("content"))))

    def finish(self) -> Iterator[SpanRecord]:
        """What remains when all lines are read."""
        spans = self._spans
        if spans is None or self._start_ns is None:
            return
        for call_id, tool in self._tools.items():
            if tool:
                yield spans.tool_call("", self._tool_call(call_id, tool, tool.start_ns, {}))
        # The folder's name, not a prompt or title: those are content. Windows paths and others are split alike.
        yield spans.root(self._start_ns, self._end_ns, PureWindowsPath(self._workdir).name)

    def _kept_chars(self, compaction: Mapping[str, Any]) -> int:
        """Size of the messages that a compaction kept beside its summary: those from a first one on."""
        index = compaction.get("firstKeptEntryIndex")  # version 1 counts from 0, the session's own line included
        first = index + 1 if isinstance(index, int) else self._places.get(text_at(compaction, "firstKeptEntryId"))
        return 0 if first is None else sum(chars for line, chars in self._chars.items() if line >= first)

    def _read_head(self, value: Mapping[str, Any]) -> None:
        if self._spans is None:
            self._session_id = text_at(value, "id") or self._session_id
            self._workdir = text_at(value, "cwd")
            self._version = str(count_at(value, "version") or 1)

    def _extend(self, time_ns: int) -> None:
        self._start_ns = time_ns if self._start_ns is None else min(self._start_ns, time_ns)
        self._end_ns = max(self._end_ns, time_ns)

    def _read_message(self, message: Mapping[str, Any], key: str, spans: SessionSpans) -> Iterator[SpanRecord]:
        role = text_at(message, "role")
        if role == "assistant":
            yield from self._read_answer(message, key, spans)
            return
        self._input_ns = self._now_ns
        if role == "toolResult":
            yield from self._close_tool(message, spans)
        elif role == "user":
            yield spans.event("", key, self._now_ns, "USER_MESSAGE", len(_text(message.get("content"))))
        elif role == "bashExecution":
            # Run by the person; the model sees command and output with the next message.
            if message.get("excludeFromContext") is not True:
                chars = len(text_at(message, "command")) + len(text_at(message, "output"))
                yield spans.event("", key, self._now_ns, "CONTEXT_LOAD", chars)
        elif role in _ROLES:
            yield spans.event("", key, self._now_ns, "CONTEXT_LOAD", len(_text(message.get("content"))))

    def _read_answer(self, message: Mapping[str, Any], key: str, spans: SessionSpans) -> Iterator[SpanRecord]:
        # The message has the time of the request in it, the entry around it that of its end. What the request carries
        # is written down at the same moment, sometimes a millisecond later.
        request_ns = max(time_ms_at(message, "timestamp"), self._input_ns)
        start_ns = min(request_ns or self._now_ns, self._now_ns)
        self._extend(start_ns)
        text_chars = 0
        for number, block in enumerate(mappings_at(message, "content")):
            kind = block.get("type")
            if kind == "text":
                text_chars += len(text_at(block, "text"))
            elif kind == "thinking":
                chars = len(text_at(block, "thinking")) or None
                yield spans.event("", f"{key} {number}", self._now_ns, "THINKING", chars)
            elif kind == "toolCall" and (call_id := text_at(block, "id")) and call_id not in self._tools:
                self._tools[call_id] = _OpenTool(text_at(block, "name"), self._now_ns, block.get("arguments"))
        reason = text_at(message, "stopReason")
        yield spans.model_call(
            "",
            ModelCall(
                response_id=f"{self._session_id}:{key}",  # those of small servers are not unique
                model=text_at(message, "model"),
                provider=text_at(message, "provider"),
                start_ns=start_ns,
                end_ns=self._now_ns,
                usage=_token_numbers(mapping_at(message, "usage")),
                finish_reason=reason,
                text_chars=text_chars,
                error="api_error" if reason == "error" else "",
            ),
        )

    def _close_tool(self, message: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        call_id = text_at(message, "toolCallId")
        tool = self._tools.get(call_id)
        if tool:
            self._tools[call_id] = None
            yield spans.tool_call("", self._tool_call(call_id, tool, self._now_ns, message))

    def _tool_call(self, call_id: str, tool: _OpenTool, end_ns: int, message: Mapping[str, Any]) -> ToolCall:
        return ToolCall(
            call_id=call_id,
            name=tool.name,
            start_ns=tool.start_ns,
            end_ns=end_ns,
            arguments=tool.arguments,
            result=_text(message["content"]) if "content" in message else None,
            workdir=self._workdir,
            error="tool_error" if message.get("isError") is True else "",
        )


def _carried_chars(message: Mapping[str, Any]) -> int:
    """Length of what a message leaves in the context; thoughts are not sent again."""
    content = message.get("content")
    arguments = [block.get("arguments") for block in mappings_at(message, "content") if block.get("type") == "toolCall"]
    return len(_text(content)) + len(text_at(message, "output")) + sum(len(str(each)) for each in arguments)


def _token_numbers(usage: Mapping[str, Any]) -> dict[str, int]:
    """The usage of a message under the names of `semconv`; pi counts cached tokens beside the input, OTel inside it."""
    if not usage:
        return {}
    cache_read, cache_write = count_at(usage, "cacheRead"), count_at(usage, "cacheWrite")
    return {
        semconv.INPUT_TOKENS: count_at(usage, "input") + cache_read + cache_write,
        semconv.OUTPUT_TOKENS: count_at(usage, "output"),
        semconv.CACHE_READ_TOKENS: cache_read,
        semconv.CACHE_WRITE_TOKENS: cache_write,
    }


def _text(content: Any) -> str:
    """The text of a message: a text, or its text blocks, one below the other. Images are no text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    blocks = (block for block in content if isinstance(block, dict) and block.get("type") == "text")
    return "\n".join(text_at(block, "text") for block in blocks)

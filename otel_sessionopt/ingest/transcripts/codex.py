"""Codex rollouts: `~/.codex/sessions/<year>/<month>/<day>/rollout-<time>-<thread id>.jsonl`.

A line is `{timestamp, type, payload}`. Items of the conversation stand in the order in which Codex recorded them; what
a model call used follows after the results of the tools that it called, as a `token_count`, which is repeated whenever
rate limits change. A thread that was forked begins with a copy of the other one's history, in newer versions with a
reference to it.

Source: openai/codex, `codex-rs/protocol/src/protocol.rs` (`RolloutLine`, `TokenUsageInfo`). Checked with sessions of
0.140 to 0.142, and with 0.169 (a sub-agent, resumed, forked) against requests that a provider's stub counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PureWindowsPath
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.ingest.inputs import InputFile
from otel_sessionopt.ingest.json_lines import Entry
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts import codex_lines as lines
from otel_sessionopt.ingest.transcripts.codex_state import Message, OpenTool, Replay, Response, Usage, finished_call
from otel_sessionopt.ingest.transcripts.fields import count_at, mapping_at, text_at, time_at
from otel_sessionopt.ingest.transcripts.session_spans import ModelCall, SessionSpans

_AGENT: Final = "codex"
_TYPES: Final = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
_CALLS: Final = frozenset({"function_call", "custom_tool_call", "local_shell_call", "web_search_call"})
_OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_ENDS: Final = frozenset({"mcp_tool_call_end", "patch_apply_end"})
_FAILING_ITEMS: Final = frozenset({"McpToolCall", "FileChange"})  # a command fails by its exit code


class CodexFormat:
    """Rollouts of Codex, from the versions on that write token counts (0.20, summer 2025)."""

    name = _AGENT

    def is_entry(self, value: Mapping[str, Any]) -> bool:
        """Lines of a thread of any kind."""
        return text_at(value, "type") in _TYPES and isinstance(value.get("payload"), dict) and "timestamp" in value

    def read(self, entries: Iterator[Entry], source: InputFile) -> Iterator[SpanRecord]:
        """Spans of one thread. Kept while reading: numbers, and the arguments of calls without a result so far."""
        thread = _Thread(source)
        for entry in entries:
            yield from thread.read(entry.value)
        yield from thread.finish()


class _Thread:
    """The state of reading one file."""

    def __init__(self, source: InputFile) -> None:
        name = source.path.name.partition(".jsonl")[0] if source.path else "standard input"
        # rollout-2026-06-18T05-31-45-<id>
        self._origin = lines.ThreadOrigin(thread_id=name[-36:], session_id=name[-36:])
        self._spans: SessionSpans | None = None
        self._chain = ""
        self._version = ""
        self._model = ""
        self._provider = "openai"
        self._workdir = ""
        self._task = ""
        self._start_ns: int | None = None
        self._now_ns = self._end_ns = self._input_ns = 0
        self._response: Response | None = None
        self._usage = Usage()
        self._tools: dict[str, OpenTool | None] = {}  # by call id; None once the span was given
        self._messages: list[Message] = []
        self._typed: set[int] = set()  # hashes of typed texts whose item did not come yet
        self._items = 0
        self._links: set[str] = set()
        self._replay: Replay | None = None

    def read(self, value: Mapping[str, Any]) -> Iterator[SpanRecord]:
        """Spans that are complete with this line."""
        time_ns = time_at(value, "timestamp")
        self._now_ns = self._now_ns if time_ns is None else time_ns
        payload, kind = mapping_at(value, "payload"), text_at(value, "type")
        ordinal = count_at(value, "ordinal")
        if kind == "session_meta":
            self._read_meta(payload)
            return
        spans = self._spans = self._spans or self._new_spans()
        if self._replay is not None:
            if self._replay.holds(ordinal, self._now_ns):
                self._skip(kind, payload, self._replay)
                return
            yield from self._finish_replay(spans)
        self._start_ns = self._now_ns if self._start_ns is None else min(self._start_ns, self._now_ns)
        self._end_ns = max(self._end_ns, self._now_ns)
        if kind == "response_item":
            yield from self._read_item(payload, spans)
        elif kind == "event_msg":
            yield from self._read_event(payload, spans)
        elif kind == "compacted":
            yield from self._read_compaction(payload, spans)
        elif kind == "turn_context":
            self._read_turn(payload)

    def finish(self) -> Iterator[SpanRecord]:
        """What remains when all lines are read."""
        spans = self._spans
        if spans is None:
            return
        yield from self._finish_replay(spans)
        yield from self._load_messages(spans)
        for call_id, tool in self._tools.items():
            if tool:
                yield spans.tool_call(self._chain, finished_call(call_id, tool, tool.start_ns, None))
        start_ns = self._now_ns if self._start_ns is None else self._start_ns
        if self._chain:
            parent = spans.link_span_id(self._chain)
            yield spans.sub_agent(self._chain, parent, self._origin.kind, start_ns, self._end_ns)
        else:
            yield spans.root(start_ns, self._end_ns, self._task)

    # Sessions

    def _read_meta(self, payload: Mapping[str, Any]) -> None:
        if self._spans is not None or self._version:
            return  # of the thread that this one was forked from
        self._origin = lines.thread_origin(payload, self._origin.thread_id)
        self._version = text_at(payload, "cli_version") or "unknown"
        self._provider = text_at(payload, "model_provider") or self._provider
        self._workdir = text_at(payload, "cwd")
        # The folder's name, not a prompt or title: those are content.
        self._task = PureWindowsPath(self._workdir).name
        self._input_ns = self._now_ns
        end_ordinal = count_at(payload, "subagent_history_start_ordinal")
        if end_ordinal or self._origin.has_copy:
            written_ns = max(self._now_ns, time_at(payload, "timestamp") or 0)
            self._replay = Replay(written_ns, end_ordinal)

    def _new_spans(self) -> SessionSpans:
        origin = self._origin
        self._chain = origin.thread_id if origin.kind else ""
        return SessionSpans(origin.session_id, _AGENT, "" if self._version == "unknown" else self._version)

    def _read_turn(self, payload: Mapping[str, Any]) -> None:
        self._model = text_at(payload, "model") or self._model
        self._workdir = text_at(payload, "cwd") or self._workdir
        self._input_ns = self._now_ns

    def _skip(self, kind: Any, payload: Mapping[str, Any], replay: Replay) -> None:
        """Of copied lines only what they put into the context is kept: their calls were billed in another thread."""
        if kind == "turn_context":
            self._read_turn(payload)
        elif kind == "compacted":
            replay.chars = lines.compacted_chars(payload)
        elif kind == "response_item":
            texts = (payload.get("content"), payload.get("arguments"), payload.get("input"), payload.get("output"))
            replay.chars += sum(len(lines.result_text(each)) for each in texts)
        elif payload.get("type") == "token_count":
            total = mapping_at(mapping_at(payload, "info"), "total_token_usage")
            self._usage.total = total or self._usage.total

    def _finish_replay(self, spans: SessionSpans) -> Iterator[SpanRecord]:
        replay, self._replay = self._replay, None
        if replay is not None and replay.chars:
            time_ns = replay.time_ns
            self._start_ns, self._end_ns = time_ns, max(self._end_ns, time_ns)
            yield spans.event(self._chain, self._key("fork"), time_ns, "CONTEXT_LOAD", replay.chars)

    # Items of the conversation

    def _read_item(self, payload: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        kind = text_at(payload, "type")
        if kind == "message":
            yield from self._read_message(payload, spans)
        elif kind == "reasoning":
            self._extend_response()
            yield spans.event(self._chain, self._next_key(), self._now_ns, "THINKING", lines.thought_chars(payload))
        elif kind in _OUTPUTS:
            self._input_ns = self._now_ns
            yield from self._close_tool(payload, spans)
        elif kind in _CALLS:
            self._extend_response()
            yield from self._open_tool(kind, payload, spans)
        elif kind == "tool_search_call":
            self._extend_response()
        elif kind == "agent_message":  # of another agent
            self._input_ns = self._now_ns
            chars = len(lines.text_of(payload.get("content")))
            yield spans.event(self._chain, self._next_key(), self._now_ns, "CONTEXT_LOAD", chars)
        elif kind == "tool_search_output":
            self._input_ns = self._now_ns
            if chars := lines.listing_chars(payload):
                yield spans.event(self._chain, self._next_key(), self._now_ns, "CONTEXT_LOAD", chars)

    def _read_message(self, payload: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        text = lines.text_of(payload.get("content"))
        if payload.get("role") == "assistant":
            self._extend_response().text_chars += len(text)
            return
        self._input_ns = self._now_ns
        if payload.get("role") != "user":
            yield spans.event(self._chain, self._next_key(), self._now_ns, "CONTEXT_LOAD", len(text))
        elif hash(text) in self._typed:
            self._typed.discard(hash(text))  # the event came first
        else:
            self._messages.append(Message(text, self._now_ns))

    def _read_typed(self, text: str, spans: SessionSpans) -> Iterator[SpanRecord]:
        """What a person typed comes twice: as an item of the conversation, like much that nobody typed, and as this."""
        known = next((message for message in self._messages if message.text == text), None)
        if known is None:
            self._typed.add(hash(text))
            self._input_ns = self._now_ns
        else:
            self._messages.remove(known)
        time_ns = self._now_ns if known is None else known.time_ns
        yield spans.event(self._chain, self._next_key(), time_ns, "USER_MESSAGE", len(text))

    def _load_messages(self, spans: SessionSpans) -> Iterator[SpanRecord]:
        """Messages that turned out not to be typed: instructions of a project, skills, notes of Codex itself."""
        for message in self._messages:
            yield spans.event(self._chain, self._next_key(), message.time_ns, "CONTEXT_LOAD", len(message.text))
        self._messages.clear()

    def _open_tool(self, kind: str, payload: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        call_id = text_at(payload, "call_id") or text_at(payload, "id") or self._next_key()
        if call_id in self._tools:
            return
        tool = OpenTool(
            text_at(payload, "name") or kind, self._now_ns, self._workdir, lines.call_arguments(kind, payload)
        )
        self._tools[call_id] = tool
        if kind == "web_search_call":  # done by the provider; no result is recorded
            self._tools[call_id] = None
            yield spans.tool_call(self._chain, finished_call(call_id, tool, self._now_ns, None))

    def _close_tool(self, payload: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        call_id = text_at(payload, "call_id")
        tool = self._tools.get(call_id)
        if tool:
            self._tools[call_id] = None
            output = payload.get("output")
            yield spans.tool_call(self._chain, finished_call(call_id, tool, self._now_ns, output))
            yield from self._link(lines.spawned_thread(tool.name, output), call_id, spans)

    def _link(self, thread_id: str, call_id: str, spans: SessionSpans) -> Iterator[SpanRecord]:
        """Join a sub-agent, whose lines are in a file of their own, to the call that started it."""
        if thread_id and thread_id not in self._links:
            self._links.add(thread_id)
            yield spans.link(thread_id, spans.tool_span_id(call_id), self._now_ns)

    # Events beside the conversation

    def _read_event(self, payload: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        kind = text_at(payload, "type")
        if kind == "token_count":
            yield from self._read_token_count(mapping_at(payload, "info"), spans)
        elif kind == "user_message":
            yield from self._read_typed(text_at(payload, "message"), spans)
        elif kind == "item_completed":
            yield from self._read_completed(mapping_at(payload, "item"), spans)
        elif kind in _ENDS:
            self._note_failure(text_at(payload, "call_id"), lines.is_failed_end(payload))
        elif kind == "collab_agent_spawn_end":
            yield from self._link(text_at(payload, "new_thread_id"), text_at(payload, "call_id"), spans)
        elif kind in ("error", "stream_error"):
            error = {semconv.ERROR_TYPE: text_at(payload, "codex_error_info") or kind}
            yield spans.event(self._chain, self._next_key(), self._now_ns, "ERROR", None, error)

    def _read_completed(self, item: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        """What versions from 0.16x on write instead of the events that were one for each kind of thing."""
        kind, call_id = text_at(item, "type"), text_at(item, "id")
        if kind == "UserMessage":
            yield from self._read_typed(lines.text_of(item.get("content")), spans)
        elif kind == "SubAgentActivity":
            if call_id in self._tools:
                yield from self._link(text_at(item, "agent_thread_id"), call_id, spans)
        elif kind in _FAILING_ITEMS:
            self._note_failure(call_id, item.get("status") == "failed")

    def _note_failure(self, call_id: str, is_failed: bool) -> None:
        tool = self._tools.get(call_id)
        if tool:
            tool.is_failed = is_failed

    def _read_token_count(self, info: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        total, last = mapping_at(info, "total_token_usage"), mapping_at(info, "last_token_usage")
        if not info or total == self._usage.total:
            return  # rate limits alone
        usage = lines.token_numbers(last or lines.usage_difference(total, self._usage.total))
        self._usage.total = total
        self._usage.calls += 1
        response = self._response or Response(self._input_ns or self._now_ns, self._now_ns)
        self._response = None
        yield from self._load_messages(spans)
        key = self._key(str(self._usage.calls))
        yield spans.model_call(
            self._chain,
            ModelCall(
                response_id=key,
                model=self._model,
                provider=self._provider,
                start_ns=min(response.start_ns, response.end_ns),
                end_ns=response.end_ns,
                usage=usage,
                text_chars=response.text_chars,
            ),
        )

    def _read_compaction(self, payload: Mapping[str, Any], spans: SessionSpans) -> Iterator[SpanRecord]:
        self._input_ns = self._now_ns
        self._messages.clear()  # they are part of what replaces the history
        chars = lines.compacted_chars(payload)
        attributes = {semconv.COMPACTION: True}
        yield spans.event(self._chain, self._next_key(), self._now_ns, "CONTEXT_LOAD", chars or None, attributes)

    def _extend_response(self) -> Response:
        if self._response is None:
            self._response = Response(min(self._input_ns or self._now_ns, self._now_ns), self._now_ns)
        self._response.end_ns = max(self._response.end_ns, self._now_ns)
        return self._response

    def _next_key(self) -> str:
        self._items += 1
        return self._key(f"item {self._items}")

    def _key(self, name: str) -> str:
        """Id of a thing that has none of its own: its place in the thread, which is the same in every copy."""
        return f"{self._origin.thread_id}:{name}"

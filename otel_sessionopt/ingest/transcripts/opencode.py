"""Sessions of opencode: a session, its messages, and the parts of each message.

A message of the assistant holds the steps of one answer, each a model call with its usage (`step-finish`); newer
versions write one message a step. A sub-agent is a session whose parent is another one. Where they are kept: see
`opencode_store`.

Source: sst/opencode, `packages/opencode/src/session/message-v2.ts` and `session.ts` (`getUsage`). Database and export
were checked with version 1.18.33 against requests that a provider's stub counted: all calls are there but the one that
makes a title, which opencode does not write down. The folder of small files is made after the source alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.fields import count_at, mapping_at, mappings_at, text_at, time_ms_at
from otel_sessionopt.ingest.transcripts.session_spans import ModelCall, SessionSpans, ToolCall

AGENT: Final = "opencode"
_REJECTIONS: Final = ("The user rejected permission", "The user has specified a rule which prevents")
_ABORTED: Final = "Tool execution aborted"
_ABORTED_MESSAGE: Final = "MessageAbortedError"  # the person stopped it; no failure


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """One session as it was found.

    Attributes:
        info: the session's own facts (`id`, `parentID`, `directory`, `version`).
        root_id: id of the session that the person talks to: its own, or for a sub-agent the topmost one above.
        messages: `{info, parts}` each, in order.
    """

    info: Mapping[str, Any]
    root_id: str
    messages: Iterable[Mapping[str, Any]]


@dataclass(slots=True)
class _Step:
    """One model call within a message: what it wrote, until its usage comes."""

    usage: Mapping[str, Any] | None = None
    reason: str = ""
    text_chars: int = 0
    tools: list[Mapping[str, Any]] = field(default_factory=list)
    text_end_ns: int = 0


def session_spans(session: StoredSession) -> Iterator[SpanRecord]:
    """Spans of one session, or of one sub-agent's part of it. Never raises."""
    return _Reader(session).read()


class _Reader:
    """The state of reading one session."""

    def __init__(self, session: StoredSession) -> None:
        self._session = session
        info = session.info
        own_id = text_at(info, "id")
        self._chain = own_id if own_id != session.root_id else ""
        self._spans = SessionSpans(session.root_id, AGENT, text_at(info, "version"))
        self._workdir = text_at(info, "directory")
        self._agent = ""
        self._start_ns: int | None = None
        self._end_ns = 0
        self._links: set[str] = set()

    def read(self) -> Iterator[SpanRecord]:
        for message in self._session.messages:
            info, parts = mapping_at(message, "info"), mappings_at(message, "parts")
            created_ns = time_ms_at(mapping_at(info, "time"), "created")
            if not created_ns:
                continue
            self._extend(created_ns)
            if info.get("role") == "assistant":
                yield from self._read_answer(info, parts, created_ns)
            elif info.get("role") == "user":
                yield from self._read_prompt(info, parts, created_ns)
        if self._start_ns is None:
            return
        if self._chain:
            parent = self._spans.link_span_id(self._chain)
            name = self._agent or "sub-agent"
            yield self._spans.sub_agent(self._chain, parent, name, self._start_ns, self._end_ns)
        else:
            # The folder's name, not the title: that one is made of the first prompt.
            yield self._spans.root(self._start_ns, self._end_ns, PureWindowsPath(self._workdir).name)

    def _extend(self, time_ns: int) -> None:
        self._start_ns = time_ns if self._start_ns is None else min(self._start_ns, time_ns)
        self._end_ns = max(self._end_ns, time_ns)

    def _read_prompt(
        self, info: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], time_ns: int
    ) -> Iterator[SpanRecord]:
        """What a person typed, and what opencode added to it: files, reminders."""
        key = text_at(info, "id")
        typed = added = 0
        for part in parts:
            chars = len(text_at(part, "text")) if part.get("type") == "text" else 0
            if part.get("synthetic") is True:
                added += chars
            elif part.get("ignored") is not True:
                typed += chars
        if typed and not self._chain:
            yield self._spans.event("", key, time_ns, "USER_MESSAGE", typed)
        if chars := added + (typed if self._chain else 0):
            yield self._spans.event(self._chain, key, time_ns, "CONTEXT_LOAD", chars)

    def _read_answer(
        self, info: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], created_ns: int
    ) -> Iterator[SpanRecord]:
        key = text_at(info, "id")
        self._agent = self._agent or text_at(info, "agent") or text_at(info, "mode")
        workdir = text_at(mapping_at(info, "path"), "cwd") or self._workdir
        done_ns = max(time_ms_at(mapping_at(info, "time"), "completed"), created_ns)
        self._extend(done_ns)
        error = text_at(mapping_at(info, "error"), "name")
        error = "" if error == _ABORTED_MESSAGE else error
        steps = _steps(parts, mapping_at(info, "tokens"))
        start_ns = created_ns
        for number, step in enumerate(steps):
            is_last = number == len(steps) - 1
            ends = [start_ns, *(_time(tool, "end") for tool in step.tools)]
            call_key = key if len(steps) == 1 else f"{key}:{number}"
            end_ns = _end_of(step, start_ns, done_ns if is_last else step.text_end_ns)
            yield self._model_call(info, step, call_key, start_ns, end_ns, error if is_last else "")
            start_ns = max(ends)
        for part in parts:
            yield from self._read_part(part, workdir, created_ns)
        if not steps and error:
            yield self._spans.event(self._chain, key, created_ns, "ERROR", None, {semconv.ERROR_TYPE: error})
        if info.get("summary") is True:
            chars = sum(len(text_at(part, "text")) for part in parts if part.get("type") == "text")
            attributes = {semconv.COMPACTION: True}
            yield self._spans.event(self._chain, key, done_ns, "CONTEXT_LOAD", chars, attributes)

    def _model_call(
        self, info: Mapping[str, Any], step: _Step, key: str, start_ns: int, end_ns: int, error: str
    ) -> SpanRecord:
        return self._spans.model_call(
            self._chain,
            ModelCall(
                response_id=key,
                model=text_at(info, "modelID"),
                provider=text_at(info, "providerID"),
                start_ns=start_ns,
                end_ns=end_ns,
                usage=token_numbers(step.usage or {}),
                finish_reason=step.reason,
                text_chars=step.text_chars,
                error=error,
            ),
        )

    def _read_part(self, part: Mapping[str, Any], workdir: str, created_ns: int) -> Iterator[SpanRecord]:
        kind = part.get("type")
        if kind == "reasoning":
            time_ns = time_ms_at(mapping_at(part, "time"), "start") or created_ns
            chars = len(text_at(part, "text")) or None
            yield self._spans.event(self._chain, text_at(part, "id"), time_ns, "THINKING", chars)
        elif kind == "tool":
            call = _tool_call(part, workdir, created_ns)
            self._extend(call.end_ns)
            yield self._spans.tool_call(self._chain, call)
            child = text_at(mapping_at(mapping_at(part, "state"), "metadata"), "sessionId")
            if child and child not in self._links:
                self._links.add(child)
                yield self._spans.link(child, self._spans.tool_span_id(call.call_id), call.start_ns)


def _steps(parts: Sequence[Mapping[str, Any]], whole: Mapping[str, Any]) -> list[_Step]:
    """The model calls of a message; one with the usage of the whole where its steps state none."""
    steps = [_Step()]
    for part in parts:
        kind, step = part.get("type"), steps[-1]
        if kind == "text":
            step.text_chars += len(text_at(part, "text"))
            step.text_end_ns = max(step.text_end_ns, time_ms_at(mapping_at(part, "time"), "end"))
        elif kind == "tool":
            step.tools.append(part)
        elif kind == "step-finish":
            step.usage, step.reason = mapping_at(part, "tokens"), text_at(part, "reason")
            steps.append(_Step())
    finished = [step for step in steps if step.usage is not None]
    if finished:
        # What follows the last usage is an answer that was broken off: it has none, and stays with the last.
        finished[-1].tools += steps[-1].tools
        return finished
    steps[0].usage = whole
    return steps if any(token_numbers(whole).values()) else []


def _end_of(step: _Step, start_ns: int, done_ns: int) -> int:
    """When the model was done: opencode waits for the tools before it writes down the end."""
    starts = [time_ns for tool in step.tools if (time_ns := _time(tool, "start")) >= start_ns]
    return max(min([*starts, *([done_ns] if done_ns else [])], default=start_ns), start_ns)


def _time(tool: Mapping[str, Any], name: str) -> int:
    return time_ms_at(mapping_at(mapping_at(tool, "state"), "time"), name)


def _tool_call(part: Mapping[str, Any], workdir: str, created_ns: int) -> ToolCall:
    state = mapping_at(part, "state")
    start_ns = _time(part, "start") or created_ns
    error = text_at(state, "error") if state.get("status") == "error" else ""
    is_rejected = error.startswith(_REJECTIONS)
    exit_code = mapping_at(state, "metadata").get("exit")
    result: Any = error or state.get("output")
    if isinstance(exit_code, int) and isinstance(result, str) and not error:
        result = {"output": result, "exit_code": exit_code}
    failure = "cancelled" if error.startswith(_ABORTED) else "tool_error"
    return ToolCall(
        call_id=text_at(part, "callID") or text_at(part, "id"),
        name=text_at(part, "tool"),
        start_ns=start_ns,
        end_ns=max(_time(part, "end"), start_ns),
        arguments=state.get("input"),
        result=result if isinstance(result, (str, dict)) else None,
        workdir=workdir,
        error=failure if error and not is_rejected else "",
        is_rejected=is_rejected,
    )


def token_numbers(tokens: Mapping[str, Any]) -> dict[str, int]:
    """The usage of a step under the names of `semconv`.

    Cached tokens stand beside the input. Reasoning is part of the output in older versions and beside it in newer
    ones, which state a total: that tells which it is.
    """
    if not tokens:
        return {}
    cache = mapping_at(tokens, "cache")
    cache_read, cache_write = count_at(cache, "read"), count_at(cache, "write")
    prompt = count_at(tokens, "input") + cache_read + cache_write
    output, reasoning = count_at(tokens, "output"), count_at(tokens, "reasoning")
    if reasoning and prompt + output + reasoning <= count_at(tokens, "total"):
        output += reasoning
    return {
        semconv.INPUT_TOKENS: prompt,
        semconv.OUTPUT_TOKENS: output,
        semconv.CACHE_READ_TOKENS: cache_read,
        semconv.CACHE_WRITE_TOKENS: cache_write,
        semconv.REASONING_TOKENS: reasoning,
    }

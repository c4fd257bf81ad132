"""`TraceBuilder`: traces of `SpanDigest`s as a person would tell them.

    session = (
        TraceBuilder()
        .agent("coder")
        .model_call(input=1_200, output=80)
        .read("/repo/a.py", text=["import os", "print(os)"])
        .model_call(cache_read=1_200, input=300, output=90)
        .write("/repo/a.py")
        .shell("make test", error="exit-1")
        .session()
    )

Everything happens one after the other on a fake clock; span ids count up from 1, so that events are `0000000000000001`
and so on (`last_id` tells the newest). A trace that does not begin with `agent` or `container` gets an agent as root.
Files have content: two reads of one range have equal text hashes until a successful `write` to the path lies between
them. `TraceBuilder(captures_content=False)` is a trace whose sender records neither arguments' nor results' contents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from typing_extensions import Self

from otel_sessionopt.dialects.digest import (
    FileAccess,
    ModelUse,
    Operation,
    ResultDigest,
    SpanDigest,
    ToolKind,
    ToolUse,
)
from otel_sessionopt.dialects.results import digest_result
from otel_sessionopt.dialects.tool_definitions import TOOL_DEFINITIONS
from otel_sessionopt.pricing.catalog import PriceCatalog
from otel_sessionopt.session.build import build_session
from otel_sessionopt.session.model import Release, Session

TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
START_NS = 1_767_603_600_000_000_000  # 2026-01-05 09:00:00 UTC, a working Monday
MODEL = "claude-sonnet-4-5"
PROVIDER = "anthropic"
SECOND_NS = 1_000_000_000


class TraceBuilder:
    """Collects spans; every method but the last three returns the builder."""

    def __init__(
        self,
        *,
        start_ns: int = START_NS,
        model: str | None = MODEL,
        provider: str | None = PROVIDER,
        captures_content: bool = True,
        trace_id: int = TRACE_ID,
    ) -> None:
        self.now_ns = start_ns
        self.trace_id = trace_id
        self._model = model
        self._provider = provider
        self._captures_content = captures_content
        self._next_id = 1
        self._open: list[SpanDigest] = []  # they end when they are closed
        self._done: list[SpanDigest] = []
        self._versions: dict[str, int] = {}

    # Spans with others inside

    def agent(
        self, name: str = "coder", *, error: str | None = None, usage: ModelUse | None = None, task: str | None = None
    ) -> Self:
        """Open an agent; what follows is inside it until `end`."""
        detail = {"task": task} if task is not None else None
        return self._enter(Operation.AGENT, f"invoke_agent {name}", error=error, agent=name, model=usage, detail=detail)

    def container(self, name: str = "workflow", *, error: str | None = None, usage: ModelUse | None = None) -> Self:
        """Open a workflow, chain or turn; what follows is inside it until `end`."""
        return self.within(Operation.CONTAINER, name, error=error, usage=usage)

    def within(
        self, operation: Operation, name: str = "span", *, error: str | None = None, usage: ModelUse | None = None
    ) -> Self:
        """Open a span of any other kind; what follows is inside it until `end`."""
        return self._enter(operation, name, error=error, model=usage)

    def end(self) -> Self:
        """Close the innermost open span."""
        self._done.append(self._closed(self._open.pop()))
        return self

    # Model calls

    def model_call(
        self,
        *,
        input: int = 500,
        cache_read: int = 0,
        cache_write: int = 0,
        cache_write_1h: int = 0,
        output: int = 100,
        reasoning: int | None = None,
        has_usage: bool = True,
        model: str | None = None,
        response_id: str | None = None,
        finish_reason: str | None = "tool_use",
        cost: Decimal | None = None,
        error: str | None = None,
        seconds: float = 2.0,
        text_chars: int | None = None,
        tools: tuple[int, int] | None = None,
        tool_sizes: Mapping[str, int] | None = None,
        operation: Operation = Operation.MODEL_CALL,
    ) -> Self:
        """A chat call. `input` is the uncached part; `cache_write_1h` is a part of `cache_write`.

        `text_chars` is the length of the answer beside thoughts and tool calls; `tools` are number and length of the
        tool definitions, `tool_sizes` their lengths by name.
        """
        use = model_use(
            input,
            cache_read,
            cache_write,
            cache_write_1h,
            output,
            reasoning,
            model=model or self._model,
            provider=self._provider,
        )._replace(response_id=response_id, finish_reason=finish_reason, reported_cost_usd=cost)
        if not has_usage:
            use = ModelUse(model=use.model, provider=use.provider, response_id=response_id)
        if tool_sizes is not None:
            tools = (len(tool_sizes), sum(tool_sizes.values()))
        offered: dict[str, Any] | None = None
        if tools is not None:
            offered = {"count": tools[0], "chars": tools[1], "names_hash": 0, "sizes": dict(tool_sizes or {})}
        return self._span(
            operation,
            f"chat {use.model}",
            seconds,
            error=error,
            model=use,
            content_chars=text_chars,
            detail=None if offered is None else {TOOL_DEFINITIONS: offered},
        )

    def embedding(self, *, input: int = 100, model: str = "text-embedding-3-small") -> Self:
        """An embedding call."""
        return self.model_call(input=input, output=0, model=model, seconds=0.2, operation=Operation.EMBEDDING)

    # Tool calls

    def read(
        self,
        path: str,
        *,
        first: int | None = None,
        last: int | None = None,
        text: Sequence[str] | None = None,
        chars: int | None = None,
        tokens: int | None = None,
        error: str | None = None,
        rejected: bool = False,
        call_id: str | None = None,
        name: str = "Read",
    ) -> Self:
        """A file read. With `text` the result is a numbered listing from `first` on, without it `chars` of text."""
        if text is not None:
            result = digest_result(_listing(text, first or 1), is_read=True)
        else:
            size = (2_000 if tokens is None else tokens * 4) if chars is None else chars
            result = ResultDigest(chars=size, text_hash=self._hash(path, first, last, self._versions.get(path, 0)))
        result = result._replace(tokens=tokens)
        return self._tool(
            ToolUse(
                name,
                ToolKind.READ,
                call_id,
                self._hash(name, path, first, last),
                accesses=(FileAccess(path, False, first, last),),
                result=self._kept(result, error),
                is_rejected=rejected,
            ),
            0.05,
            error,
        )

    def write(
        self, path: str, *, chars: int = 60, error: str | None = None, rejected: bool = False, name: str = "Edit"
    ) -> Self:
        """A file write or edit; a successful one changes what later reads of the path return."""
        if error is None and not rejected:
            self._versions[path] = self._versions.get(path, 0) + 1
        use = ToolUse(
            name,
            ToolKind.WRITE,
            None,
            self._hash(name, path, self._next_id),
            accesses=(FileAccess(path, True),),
            result=self._kept(ResultDigest(chars=chars), error),
            is_rejected=rejected,
        )
        return self._tool(use, 0.05, error)

    def search(
        self,
        query: str,
        *,
        scope: str = "/repo",
        result: str = "a.py:1: hit",
        chars: int | None = None,
        error: str | None = None,
        name: str = "Grep",
        is_cursor: bool = False,
    ) -> Self:
        """A search; equal `result` texts are equal results."""
        use = ToolUse(
            name,
            ToolKind.SEARCH,
            None,
            self._hash(name, query, scope),
            query=query[:200],
            query_hash=_hash64(query),
            scope=scope,
            is_cursor=is_cursor,
            result=self._kept(
                ResultDigest(chars=len(result) if chars is None else chars, text_hash=_hash64(result)), error
            ),
        )
        return self._tool(use, 0.2, error)

    def shell(
        self,
        command: str,
        *,
        chars: int = 400,
        result: str | None = None,
        exit_code: int | None = None,
        error: str | None = None,
        may_write: bool = True,
        is_poll: bool = False,
        seconds: float = 1.0,
        name: str = "Bash",
    ) -> Self:
        """A shell command of the kind that nobody can classify; `may_write=False` for one that changes nothing."""
        text_hash = None if result is None else _hash64(result)
        use = ToolUse(
            name,
            ToolKind.SHELL,
            None,
            self._hash(name, command),
            command=command[:200],
            may_write=may_write,
            is_poll=is_poll,
            result=self._kept(ResultDigest(chars=chars, text_hash=text_hash, exit_code=exit_code), error),
        )
        return self._tool(use, seconds, error)

    def tool(
        self,
        name: str = "lookup",
        *,
        arguments: object = (),
        result: str | None = None,
        chars: int = 400,
        tokens: int | None = None,
        error: str | None = None,
        rejected: bool = False,
        is_poll: bool = False,
        is_cursor: bool = False,
        kind: ToolKind = ToolKind.OTHER,
        call_id: str | None = None,
        seconds: float = 0.5,
    ) -> Self:
        """Any other tool call; equal `arguments` are the same call again."""
        digest = ResultDigest(
            chars if result is None else len(result), tokens, None if result is None else _hash64(result)
        )
        use = ToolUse(
            name,
            kind,
            call_id,
            self._hash(name, arguments),
            is_poll=is_poll,
            is_cursor=is_cursor,
            is_rejected=rejected,
            result=self._kept(digest, error),
        )
        return self._tool(use, seconds, error)

    def tool_use(self, use: ToolUse, *, seconds: float = 0.5) -> Self:
        """A tool call made by the test itself."""
        return self._tool(use, seconds, None)

    # The rest

    def thinking(self, *, chars: int = 800) -> Self:
        """A block of reasoning with a span of its own."""
        return self._span(Operation.THINKING, "thinking", 1.0, content_chars=chars)

    def user_message(self, *, chars: int = 120) -> Self:
        """Something that a person says."""
        return self._span(Operation.USER_MESSAGE, "user", 0.0, content_chars=chars)

    def compaction(self, *, chars: int = 4_000) -> Self:
        """The context is replaced by a summary."""
        return self._span(Operation.COMPACTION, "compaction", 0.0, content_chars=chars)

    def recorded(
        self, event_type: str, *, input: int = 0, output: int = 0, error: str | None = None, **data: object
    ) -> Self:
        """An event recorded by hand."""
        use = model_use(input, output=output, model=self._model, provider=self._provider)
        detail = {"event_type": event_type, **data}
        return self._span(Operation.RECORDED, event_type, 1.0, error=error, model=use, detail=detail)

    def span(self, name: str = "GET /", *, operation: Operation = Operation.OTHER, error: str | None = None) -> Self:
        """An ordinary span, or one of any operation."""
        return self._span(operation, name, 0.1, error=error)

    def add(self, digest: SpanDigest) -> Self:
        """A digest made by the test itself."""
        self._done.append(digest)
        return self

    def pause(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0) -> Self:
        """Nothing happens for a while."""
        self.now_ns += round((seconds + 60 * minutes + 3_600 * hours) * SECOND_NS)
        return self

    # What comes out

    @property
    def last_id(self) -> str:
        """Event id of the newest span, opened or done."""
        return f"{self._next_id - 1:016x}"

    def digests(self) -> list[SpanDigest]:
        """All spans, in the order of their ends; open ones end now (the builder can go on)."""
        return [*self._done, *(self._closed(span) for span in reversed(self._open))]

    def session(self, *, prices: PriceCatalog | None = None, release: Release | None = None) -> Session:
        """The session that these spans are."""
        return build_session(self.trace_id, self.digests(), release or Release(), prices)

    def _enter(self, operation: Operation, name: str, **fields: Any) -> Self:
        parent = self._open[-1].span_id if self._open else None
        span = SpanDigest(self._take_id(), parent, name, self.now_ns, self.now_ns, operation, "test", **fields)
        self._open.append(span)
        return self

    def _closed(self, span: SpanDigest) -> SpanDigest:
        return span._replace(end_ns=self.now_ns)

    def _tool(self, use: ToolUse, seconds: float, error: str | None) -> Self:
        return self._span(Operation.TOOL_CALL, f"execute_tool {use.name}", seconds, error=error, tool=use)

    def _span(self, operation: Operation, name: str, seconds: float, **fields: Any) -> Self:
        if not self._open:
            self.agent()
        start_ns = self.now_ns
        self.now_ns += round(seconds * SECOND_NS)
        parent = self._open[-1].span_id
        self._done.append(SpanDigest(self._take_id(), parent, name, start_ns, self.now_ns, operation, "test", **fields))
        self.now_ns += SECOND_NS // 100
        return self

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _hash(self, *parts: object) -> int | None:
        return _hash64(*parts) if self._captures_content else None

    def _kept(self, result: ResultDigest, error: str | None) -> ResultDigest:
        if error is not None:
            return ResultDigest(chars=min(result.chars or 0, 200), exit_code=result.exit_code)
        return result if self._captures_content else result._replace(text_hash=None, lines=None)


def model_use(
    uncached: int = 0,
    cache_read: int = 0,
    cache_write: int = 0,
    cache_write_1h: int = 0,
    output: int = 0,
    reasoning: int | None = None,
    *,
    model: str | None = MODEL,
    provider: str | None = PROVIDER,
) -> ModelUse:
    """Usage with numbers, as `agent(usage=…)` and `container(usage=…)` take it."""
    return ModelUse(
        model=model,
        provider=provider,
        uncached_tokens=uncached,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        cache_write_1h_tokens=cache_write_1h,
        output_tokens=output,
        reasoning_tokens=reasoning,
        has_usage=True,
    )


def _listing(text: Sequence[str], first: int) -> str:
    return "\n".join(f"{number:6}→{line}" for number, line in enumerate(text, first))


def _hash64(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "big")

"""Traces for the ledger: by hand, with the sizes of what a model wrote, and made at random."""

from __future__ import annotations

from random import Random

from typing_extensions import Self

from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest
from tests.support.digest_builder import SECOND_NS, TraceBuilder, model_use


class LedgerTrace(TraceBuilder):
    """A `TraceBuilder` whose newest span can be told what the model wrote there."""

    def says(self, chars: int) -> Self:
        """The newest model call answered so many characters of text."""
        return self._changed(content_chars=chars)

    def written(self, chars: int) -> Self:
        """The newest tool call has arguments of so many characters."""
        tool = self._done[-1].tool
        assert tool is not None
        return self._changed(tool=tool._replace(arguments_chars=chars))

    def lasting(self, seconds: float) -> Self:
        """The newest span ends later, while others go on."""
        return self._changed(end_ns=self._done[-1].start_ns + round(seconds * SECOND_NS))

    def _changed(self, **fields: object) -> Self:
        self._done[-1] = self._done[-1]._replace(**fields)  # type: ignore[arg-type]  # named as in `SpanDigest`
        return self


def random_digests(seed: int) -> list[SpanDigest]:
    """The spans of a session with everything that senders are known to do, well-behaved or not."""
    return _RandomTrace(Random(seed)).digests()


class _RandomTrace:
    """Makes one trace. What a trace is like (cached or not, with contents or not) is drawn once."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._trace = LedgerTrace(
            captures_content=random.random() < 0.8,
            model=random.choice(["claude-sonnet-4-5", "gpt-4o", "nobody-knows-me", None]),
        )
        self._caching = random.choice(["usual", "none", "only reads", "any"])
        self._is_sized = random.random() < 0.7
        self._sizes = [random.choice([0, 300, 3_000, 40_000])]  # of the prompts of the agents that are open

    def digests(self) -> list[SpanDigest]:
        random = self._random
        if random.random() < 0.05:
            return self._recording()
        if random.random() < 0.1:
            self._trace.container(usage=self._totals() if random.random() < 0.5 else None)
        for _ in range(random.randint(0, 45)):
            random.choices(
                [self._call, self._tool, self._message, self._compaction, self._agent, self._oddity],
                weights=[10, 10, 2, 1, 2, 2],
            )[0]()
        return self._trace.digests()

    def _recording(self) -> list[SpanDigest]:
        """Everything is recorded by hand."""
        random, trace = self._random, self._trace
        for _ in range(random.randint(1, 30)):
            event_type = random.choice(["FILE_READ", "SEARCH", "AI_RESPONSE", "TOKEN_USAGE", "USER_MESSAGE", "NEWS"])
            trace.recorded(event_type, input=random.choice([0, 7, 900]), output=random.choice([0, 50]), file_path="/a")
        return trace.digests()

    def _call(self) -> None:
        random, trace = self._random, self._trace
        size = self._sizes[-1] = self._next_size()
        uncached, read, write = self._classes(size)
        output = random.choice([0, 1, 24, random.randint(1, 3_000)])
        trace.model_call(
            input=uncached,
            cache_read=read,
            cache_write=write,
            cache_write_1h=random.choice([0, write // 2]),
            output=output,
            reasoning=random.choice([None, None, None, 0, output // 2]),
            has_usage=random.random() > 0.05,
            model=random.choice([None] * 8 + ["claude-haiku-4-5", "unheard-of"]),
            error=random.choice([None] * 9 + ["overloaded"]),
            cost=None,
        )
        if self._is_sized:
            trace.says(random.choice([0, 40, 4_000]))
        if random.random() < 0.2:
            trace.thinking(chars=random.choice([0, 400, 20_000]))

    def _next_size(self) -> int:
        random, size = self._random, self._sizes[-1]
        return random.choice(
            [size + random.randint(0, 6_000)] * 6
            + [size, size * 9 // 10, max(size - 700, 0), size // 3, size * 3, 0, random.randint(1, 100_000)]
        )

    def _classes(self, size: int) -> tuple[int, int, int]:
        random = self._random
        if self._caching == "none":
            return size, 0, 0
        if self._caching == "only reads":
            return 0, size, 0
        if self._caching == "usual":
            read = size * random.choice([0, 9, 9, 9]) // 10
            return min(5, size - read), read, max(size - read - 5, 0)
        read = random.randint(0, size)
        write = random.randint(0, size - read)
        return size - read - write, read, write

    def _tool(self) -> None:
        random, trace = self._random, self._trace
        chars = random.choice([0, 30, 2_000, 30_000])
        error = random.choice([None] * 6 + ["exit_code"])
        kind = random.randrange(4)
        if kind == 0:
            trace.read(f"/repo/{random.randrange(5)}.py", chars=chars, error=error)
        elif kind == 1:
            trace.write("/repo/a.py", chars=chars, rejected=random.random() < 0.2)
        elif kind == 2:
            trace.shell("make", chars=chars, error=error, seconds=random.choice([0, 1, 30]))
        else:
            trace.tool(chars=chars, tokens=random.choice([None, chars // 3]))
        if self._is_sized and random.random() < 0.9:
            trace.written(random.choice([2, 90, 5_000]))
        if random.random() < 0.1:
            trace.lasting(random.choice([-1, 0, 5, 20]))

    def _message(self) -> None:
        self._trace.user_message(chars=self._random.choice([3, 400, 9_000]))
        self._trace.pause(minutes=self._random.choice([0, 1, 90]))

    def _compaction(self) -> None:
        random, trace = self._random, self._trace
        trace.compaction(chars=random.choice([0, 2_000, 40_000]))
        kind = random.randrange(4)
        if kind == 0:
            trace._changed(content_chars=None)
        elif kind == 1:
            trace._changed(model=model_use(self._sizes[-1], output=900))
        elif kind == 2:
            self._call()
            trace._changed(detail={"is_compaction": True})

    def _agent(self) -> None:
        random, trace = self._random, self._trace
        if len(self._sizes) > 1 and random.random() < 0.6:
            self._sizes.pop()
            trace.end()
        elif len(self._sizes) < 4:
            self._sizes.append(random.choice([0, 500, 9_000]))
            if random.random() < 0.3:
                trace.within(Operation.TOOL_CALL, "execute_tool Task")
                self._sizes.append(self._sizes[-1])
            trace.agent("helper", usage=self._totals() if random.random() < 0.3 else None)

    def _oddity(self) -> None:
        random, trace = self._random, self._trace
        kind = random.randrange(6)
        if kind == 0:
            trace.embedding(input=random.randint(0, 900))
        elif kind == 1:
            trace.recorded("FILE_READ", input=random.randint(0, 90), output=random.randint(0, 90), file_path="/a")
        elif kind == 2:
            trace.recorded("CONTEXT_LOAD")._changed(content_chars=700, model=None)
        elif kind == 3:
            trace.span(operation=Operation.RETRIEVAL)._changed(model=model_use(50))
        elif kind == 4:
            trace.within(Operation.CONTAINER, "turn", usage=self._totals()).span().end()
        else:
            trace.span("GET /", error="timeout")

    def _totals(self) -> ModelUse:
        return model_use(self._random.randint(0, 90_000), self._random.randint(0, 9_000), output=700)

"""`Conversation`: a trace in which the numbers of the model calls follow from what enters the context.

    talk = Conversation(system=10_000)
    talk.ask()                                   # a model call: 10,000 tokens written to the cache
    talk.tool("get_ticket", result="x" * 400, tokens=100)
    talk.ask()                                   # reads what the call before read and wrote, writes 50 + 100

Every prompt is the one before, what the model wrote and the results since: read from the cache as far as it was sent
before, written for the rest. `tokens` of a result is what it takes in the prompt.
"""

from __future__ import annotations

from typing import Any

from otel_sessionopt.session.model import Session
from tests.analyzers.cases import FLAT
from tests.support.digest_builder import TraceBuilder

CHARS_PER_TOKEN = 4


class Conversation:
    """One context. `trace` is the builder below, for whatever does not enter the prompt."""

    def __init__(self, *, system: int = 10_000, trace: TraceBuilder | None = None) -> None:
        self.trace = TraceBuilder() if trace is None else trace
        self._system = system
        self._size = system
        self._sent = 0

    def ask(self, *, output: int = 50, dropped: bool = False, **fields: Any) -> str:
        """A model call, and its id. What it writes is part of the next prompt unless it is `dropped`."""
        self.trace.model_call(
            input=0, cache_read=self._sent, cache_write=self._size - self._sent, output=output, **fields
        )
        self._sent = self._size
        self._size += 0 if dropped else output
        return self.trace.last_id

    def tool(self, name: str = "lookup", *, tokens: int = 100, **fields: Any) -> str:
        """A tool call of `TraceBuilder.tool`, and its id."""
        fields.setdefault("result", "x" * CHARS_PER_TOKEN * tokens)
        self.trace.tool(name, **fields)
        return self._entered(tokens)

    def shell(self, command: str, *, tokens: int = 100, **fields: Any) -> str:
        """A shell command that changes nothing, and its id."""
        fields.setdefault("may_write", False)
        fields.setdefault("result", command)
        self.trace.shell(command, chars=CHARS_PER_TOKEN * tokens, **fields)
        return self._entered(tokens)

    def read(self, path: str, *, tokens: int = 100, **fields: Any) -> str:
        """A file read, and its id."""
        fields.setdefault("chars", CHARS_PER_TOKEN * tokens)
        self.trace.read(path, **fields)
        return self._entered(tokens)

    def write(self, path: str, *, tokens: int = 20, **fields: Any) -> str:
        """A file write, and its id."""
        self.trace.write(path, chars=CHARS_PER_TOKEN * tokens, **fields)
        return self._entered(tokens)

    def search(self, query: str, *, tokens: int = 100, **fields: Any) -> str:
        """A search, and its id."""
        self.trace.search(query, chars=CHARS_PER_TOKEN * tokens, **fields)
        return self._entered(tokens)

    def say(self, *, tokens: int = 30) -> str:
        """A person's message, and its id."""
        self.trace.user_message(chars=CHARS_PER_TOKEN * tokens)
        return self._entered(tokens)

    def compact(self, *, tokens: int = 1_000) -> str:
        """The context is replaced by a summary; the id of that."""
        self.trace.compaction(chars=CHARS_PER_TOKEN * tokens)
        self._size = self._system + tokens
        self._sent = self._system
        return self.trace.last_id

    def session(self) -> Session:
        """The session so far, with the flat prices of the tests."""
        return self.trace.session(prices=FLAT)

    def _entered(self, tokens: int) -> str:
        self._size += tokens
        return self.trace.last_id

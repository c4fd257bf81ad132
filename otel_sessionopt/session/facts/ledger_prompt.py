"""`Prompt`: what the prompts of one conversation hold, call by call."""

from __future__ import annotations

from collections import deque
from typing import Final

from otel_sessionopt.session.facts.ledger_items import ItemTable, Source
from otel_sessionopt.session.model import SessionEvent

# Between the scales of a conversation's beginning and its end. Only numbers that no conversation has get there.
_MAX_SCALE: Final = 1_000_000

_SYSTEM: Final = Source.SYSTEM
_RESULT: Final = Source.TOOL_RESULT
_REASONING: Final = Source.REASONING


class Prompt:
    """Keeps the items of a conversation, in tokens that add up to the size of each prompt.

    Where a whole prompt is counted anew, all that it holds is so too, and what enters later is compared with it on the
    old scale: that is an item's weight. Most conversations have one scale, in which weights are tokens.

    Every call sets `now`, ends items, then carries the others on with `carry_on` or `fit`, then has new ones.

    Attributes:
        items: in the order of their entry.
        entered: by index of the call, tokens that were new in its prompt.
        carried: by index of the call, weights of what it carried on.
        now: index of the call whose prompt it is.
        thoughts, results, others: positions in `items` of what is carried, oldest first. The system prompt is in none.
        thought_weight: of all in `thoughts`.
    """

    __slots__ = (
        "_call_count", "_system", "_tokens", "_weight", "_weights", "carried", "entered", "items", "now", "others",
        "results", "thought_weight", "thoughts",
    )  # fmt: skip

    def __init__(self, items: ItemTable, call_count: int) -> None:
        self.items = items
        self.entered = [0] * call_count
        self.carried = [0] * call_count
        self.now = 0
        self.thoughts: deque[int] = deque()
        self.results: deque[int] = deque()
        self.others: deque[int] = deque()
        self.thought_weight = 0
        self._call_count = call_count
        self._system: int | None = None
        self._weight = 0  # of all that is held
        self._tokens = self._weights = 1  # the scale: so many tokens have so many weights

    def held(self) -> int:
        """Tokens that the prompt holds so far."""
        return self.tokens_of(self._weight)

    def tokens_of(self, weight: int) -> int:
        """Tokens that so much weight has in the prompt now."""
        return weight * self._tokens // self._weights

    def enter(self, event: SessionEvent | None, source: Source, tokens: int, is_measured: bool) -> None:
        """Add something new; nothing that has no size."""
        if tokens <= 0:
            return
        weight = tokens if self._tokens == self._weights else tokens * self._weights // self._tokens
        now, items = self.now, self.items
        position = len(items.ends)
        # Not by `ItemTable.add`: this runs twice for every span.
        items.events.append(event)
        items.sources.append(source)
        items.tokens.append(tokens)
        items.weights.append(weight)
        items.measured.append(is_measured)
        items.entries.append(now)
        items.ends.append(self._call_count)
        self.entered[now] += tokens
        self._weight += weight
        if source is _RESULT:
            self.results.append(position)
        elif source is _REASONING:
            self.thoughts.append(position)
            self.thought_weight += weight
        elif source is _SYSTEM:
            self._system = position
        else:
            self.others.append(position)

    def oldest(self, queue: deque[int]) -> int:
        """Tokens of the oldest item of a queue."""
        return self.tokens_of(self.items.weights[queue[0]])

    def end_oldest(self, queue: deque[int]) -> None:
        """Let go of the oldest item of a queue."""
        position = queue.popleft()
        self._end(position)
        if queue is self.thoughts:
            self.thought_weight -= self.items.weights[position]

    def end_thoughts(self) -> int:
        """Let go of all thoughts; their tokens."""
        tokens = self.tokens_of(self.thought_weight)
        self._end_all(self.thoughts)
        self.thought_weight = 0
        return tokens

    def end_all(self) -> None:
        """Let go of everything but the system prompt."""
        for queue in (self.thoughts, self.results, self.others):
            self._end_all(queue)
        self.thought_weight = 0

    def carry_on(self) -> None:
        """Carry what is held into this call, at its size."""
        self.carried[self.now] = self._weight
        if not self._weight:
            self._tokens = self._weights = 1

    def fit(self, room: int) -> int:
        """Carry what is held into this call so that it takes `room` tokens; those that it cannot take."""
        if room * _MAX_SCALE < self._weight or self._weight * _MAX_SCALE < room:
            self.end_all()
            if self._system is not None:
                self._end(self._system)
                self._system = None
        elif self._weight:
            self._tokens, self._weights = room, self._weight
        self.carry_on()
        return 0 if self._weight else room

    def _end_all(self, queue: deque[int]) -> None:
        ends, weights, now = self.items.ends, self.items.weights, self.now
        for position in queue:
            ends[position] = now
            self._weight -= weights[position]
        queue.clear()

    def _end(self, position: int) -> None:
        self._weight -= self.items.weights[position]
        self.items.ends[position] = self.now

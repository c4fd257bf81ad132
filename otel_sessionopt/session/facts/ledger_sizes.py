"""Sizes of what the prompts of one conversation held, from how much they grew and shrank."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.ledger_calls import ContextCalls
from otel_sessionopt.session.facts.ledger_entries import Entries
from otel_sessionopt.session.facts.ledger_items import Source, is_tool_call
from otel_sessionopt.session.facts.ledger_output import Output, entered_weight, output_of
from otel_sessionopt.session.facts.ledger_prompt import Prompt
from otel_sessionopt.session.facts.ledger_sharing import MAX_TOKENS_PER_WEIGHT, share, share_growth
from otel_sessionopt.session.model import EventType, SessionEvent

# What a prompt changes by without a cause, up to this share of it, every item in it changes by a little: nothing was
# taken out. More is.
_UNEXPLAINED_RATIO: Final = 0.05
# A prompt that keeps less than this share of the one before was replaced by a summary, also where no size of one is
# known. Clearing old tool results leaves more.
_COMPACTED_RATIO: Final = 0.6

_OUTPUT: Final = Source.OUTPUT
_REASONING: Final = Source.REASONING
_UNATTRIBUTED: Final = Source.UNATTRIBUTED
_USER_MESSAGE: Final = EventType.USER_MESSAGE


def size_conversation(prompt: Prompt, group: ContextCalls, entries: Entries) -> None:
    """Fill `prompt` with the items of the calls that carry a conversation."""
    conversation = _Conversation(prompt, group, entries)
    previous: CallBill | None = None
    before = 0
    for position, index in enumerate(group.main):
        prompt.now = index
        call, size = group.calls[index], group.sizes[index]
        if previous is None:
            conversation.open(size)
        else:
            conversation.go_on(position, previous, call, before, size)
        previous, before = call, size


class _Conversation:
    """Decides, call by call, what entered a prompt and what left it."""

    __slots__ = ("_compactions", "_group", "_prompt", "_results", "_thoughts", "_written")

    def __init__(self, prompt: Prompt, group: ContextCalls, entries: Entries) -> None:
        self._prompt = prompt
        self._group = group
        self._results = entries.results
        self._written = entries.written
        self._thoughts = entries.thoughts
        self._compactions = entries.compactions

    def open(self, size: int) -> None:
        """The first prompt: what is no message is the system prompt, with all that nobody saw enter."""
        prompt = self._prompt
        entered = self._results.take(0)
        self._thoughts.take(0)
        weights = [event.content_tokens or 0 for event in entered]
        texts = min(sum(weights), size)
        prompt.carry_on()
        prompt.enter(None, Source.SYSTEM, size - texts, True)
        for event, tokens in zip(entered, share(texts, weights), strict=True):
            prompt.enter(event, _source(event), tokens, False)

    def go_on(self, position: int, previous: CallBill, call: CallBill, before: int, size: int) -> None:
        """A later prompt, of `size` tokens after `before`."""
        entered = self._results.take(position)
        output = output_of(previous, self._written.take(position), self._thoughts.take(position))
        compaction = self._compactions.get(position) if self._compactions else None
        if compaction is not None and (_summary_tokens(compaction) or size < _COMPACTED_RATIO * before):
            self._compact(compaction, entered, size)
            return
        weights = [entered_weight(event) for event in entered]
        expected = output.spoken
        for weight in weights:
            expected += weight or 0
        growth = size - before
        if self._prompt.thoughts:
            growth += self._drop_thoughts(growth, expected, entered)
        if call.event.model != previous.event.model and _is_counted_anew(growth, expected, before, output, weights):
            self._shrink(size, output, entered, weights, can_end=False)
        elif growth > 0:
            self._grow(growth, output, entered, weights, expected)
        else:
            self._shrink(size, output, entered, weights, can_end=True)

    # What enters

    def _grow(
        self,
        growth: int,
        output: Output,
        entered: Sequence[SessionEvent],
        weights: Sequence[int | None],
        expected: int,
    ) -> None:
        """A prompt with more in it than the one before: the difference is what entered.

        What the call before wrote has the size that it states, the rest is shared by the sizes of texts.
        """
        prompt = self._prompt
        prompt.carry_on()
        if not output.stated:
            self._share_all(growth, output, entered, weights)
            return
        thoughts = output.thought_tokens
        # Thoughts are sent back while the model works, not once a person has answered.
        if growth < expected + thoughts:
            thoughts = 0
        written = min(output.spoken + thoughts, growth)
        if thoughts:
            prompt.enter(output.call, _REASONING, thoughts, output.is_thought_told)
        self._enter_output(output, written - thoughts)
        parts, rest = share_growth(growth - written, weights)
        is_measured = len(entered) == 1 and not rest
        for event, tokens in zip(entered, parts, strict=True):
            prompt.enter(event, _source(event), tokens, is_measured)
        if rest:
            prompt.enter(None, _UNATTRIBUTED, rest, False)

    def _share_all(
        self, growth: int, output: Output, entered: Sequence[SessionEvent], weights: Sequence[int | None]
    ) -> None:
        """Share growth by the sizes of texts alone, as nothing is stated."""
        prompt = self._prompt
        everything = [*output.weights, *weights]
        if output.thought_weight:
            everything.append(output.thought_weight)
        shares, rest = share_growth(growth, everything)
        is_measured = len(everything) == 1 and not rest
        parts = iter(shares)
        for piece in output.pieces:
            prompt.enter(piece, _OUTPUT, next(parts), is_measured)
        for event in entered:
            prompt.enter(event, _source(event), next(parts), is_measured)
        for tokens in parts:
            prompt.enter(output.call, _REASONING, tokens, is_measured)
        prompt.enter(None, _UNATTRIBUTED, rest, False)

    def _enter_output(self, output: Output, tokens: int) -> None:
        """What is seen of an output, `tokens` of it all."""
        prompt, pieces = self._prompt, output.pieces
        is_measured = len(pieces) == 1 and (not output.thought_tokens or output.is_thought_told)
        for piece, part in zip(pieces, output.shares(tokens), strict=True):
            prompt.enter(piece, _OUTPUT, part, is_measured)

    # What leaves

    def _drop_thoughts(self, growth: int, expected: int, entered: Sequence[SessionEvent]) -> int:
        """End thoughts where a person answered and the numbers say that they are not sent any more; their tokens."""
        prompt = self._prompt
        if not any(event.event_type is _USER_MESSAGE for event in entered):
            return 0
        held = prompt.tokens_of(prompt.thought_weight)
        return prompt.end_thoughts() if 2 * (expected - growth) >= held else 0

    def _shrink(
        self,
        size: int,
        output: Output,
        entered: Sequence[SessionEvent],
        weights: Sequence[int | None],
        *,
        can_end: bool,
    ) -> None:
        """A prompt that did not grow although something entered: old results went first, then the rest, by age.

        The little that ending whole items leaves is spread over all that is carried. Without `can_end` all is.
        """
        prompt = self._prompt
        sizes = [output.spoken, *(weight or 0 for weight in weights)]
        new = min(sum(sizes), size)
        room = size - new
        if can_end:
            for queue in (prompt.thoughts, prompt.results, prompt.others):
                self._end_oldest(queue, room)
        gap = room - prompt.held()
        if can_end and gap > _UNEXPLAINED_RATIO * room:
            prompt.carry_on()
        else:
            gap = prompt.fit(room)
        parts = share(new, sizes)
        self._enter_output(output, parts[0])
        for event, part in zip(entered, parts[1:], strict=True):
            prompt.enter(event, _source(event), part, False)
        prompt.enter(None, _UNATTRIBUTED, gap, False)

    def _end_oldest(self, queue: deque[int], room: int) -> None:
        prompt = self._prompt
        while queue:
            # An item that is much larger than what had to go is not what went.
            if prompt.oldest(queue) > 2 * (prompt.held() - room):
                return
            prompt.end_oldest(queue)

    def _compact(self, compaction: SessionEvent, arrived: Sequence[SessionEvent], size: int) -> None:
        """A prompt in which a summary took the place of the rest."""
        prompt = self._prompt
        prompt.end_all()
        entered = [event for event in arrived if (event.end_ns or 0) >= (compaction.start_ns or 0)]
        sizes = [_summary_tokens(compaction), *(event.content_tokens or 0 for event in entered)]
        new = min(sum(sizes), size)
        room = size - new
        if prompt.held() > room:
            rest = prompt.fit(room)
        else:
            rest = room - prompt.held()
            prompt.carry_on()
        parts = share(new, sizes)
        if not sizes[0]:
            parts[0], rest = rest, 0
        prompt.enter(compaction, Source.SUMMARY, parts[0], False)
        for event, part in zip(entered, parts[1:], strict=True):
            prompt.enter(event, _source(event), part, False)
        prompt.enter(None, _UNATTRIBUTED, rest, False)


def _is_counted_anew(growth: int, expected: int, before: int, output: Output, weights: Sequence[int | None]) -> bool:
    """Whether a prompt changed as it does when another model counts the same text in other tokens."""
    if None in weights or None in output.weights:
        return False
    slack = _UNEXPLAINED_RATIO * before
    return not expected - slack <= growth <= MAX_TOKENS_PER_WEIGHT * expected + slack


def _summary_tokens(compaction: SessionEvent) -> int:
    """Size of what a compaction left; 0 = not known."""
    if compaction.event_type is EventType.AI_RESPONSE:
        return 0  # a call that says that its prompt was compacted: its content is its answer
    return compaction.content_tokens or compaction.tokens_output


def _source(event: SessionEvent) -> Source:
    """Where the content of a result or message comes from."""
    if is_tool_call(event):
        return Source.TOOL_RESULT
    return Source.USER if event.event_type is _USER_MESSAGE else Source.ATTACHED

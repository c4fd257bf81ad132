"""What a model call wrote, as the next prompt carries it: its text, its thoughts, the arguments of its tool calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.ledger_sharing import (
    ARGUMENTS_FRAME_TOKENS,
    FRAME_TOKENS,
    HIDDEN_THOUGHT_RATIO,
    MIN_STATED_RATIO,
    share,
)
from otel_sessionopt.session.model import SessionEvent

_OUTPUT = PriceClass.OUTPUT


class Output(NamedTuple):
    """What one call wrote.

    Attributes:
        call: the call.
        pieces: what of it others can see: the call itself for its text, and its tool calls for their arguments.
        weights: their sizes, see `ledger_sharing`. Only the first may be `None`: then it stands for everything whose
            size is not known.
        visible: the sum of the known weights.
        stated: tokens of all of it, thoughts included; 0 where the call does not say it in earnest.
        thought_tokens: of these, thoughts.
        thought_weight: size of the thoughts' text; 0 = there are none, or it is not known.
        is_thought_told: the call itself says how many tokens its thoughts had.
    """

    call: SessionEvent
    pieces: Sequence[SessionEvent]
    weights: Sequence[int | None]
    visible: int
    stated: int
    thought_tokens: int = 0
    thought_weight: int = 0
    is_thought_told: bool = False

    @property
    def spoken(self) -> int:
        """Tokens of the pieces: as stated, else by their texts."""
        return self.stated - self.thought_tokens if self.stated else self.visible

    def shares(self, tokens: int) -> list[int]:
        """`tokens` shared among the pieces."""
        weights = self.weights
        if len(weights) < 2:
            return [tokens] * len(weights)
        if weights[0] is not None:
            return share(tokens, [weight or 0 for weight in weights])
        known = share(min(tokens, self.visible), [weight or 0 for weight in weights])
        known[0] = tokens - sum(known)
        return known


def output_of(call: CallBill, written: Sequence[SessionEvent], thinking: Sequence[SessionEvent]) -> Output:
    """What a call wrote, from the tool calls it made and the thinking it did."""
    event = call.event
    text = event.content_tokens
    visible = 0
    pieces: list[SessionEvent] = []
    weights: list[int | None] = []
    for each in written:
        size = each.arguments_tokens
        if size is None:
            text = None  # what cannot be told from the text counts as text
        else:
            size += ARGUMENTS_FRAME_TOKENS
            visible += size
            pieces.append(each)
            weights.append(size)
    if text is not None:
        visible += text
    stated = call.tokens[_OUTPUT]
    if text is None and not stated and not written:
        text = 0  # nothing says that it wrote anything
    if MIN_STATED_RATIO[1] * stated < MIN_STATED_RATIO[0] * visible:
        stated = 0
    if text or text is None or (stated and not pieces):
        pieces.insert(0, event)
        weights.insert(0, text or None)
    if not thinking and not event.reasoning_tokens:
        return Output(event, pieces, weights, visible, stated)
    return _with_thoughts(event, Output(event, pieces, weights, visible, stated), thinking)


def _with_thoughts(event: SessionEvent, output: Output, thinking: Sequence[SessionEvent]) -> Output:
    sizes = [each.content_tokens or 0 for each in thinking]
    weight = sum(sizes) if all(sizes) else 0
    stated, visible = output.stated, output.visible
    tokens = 0
    if event.reasoning_tokens is not None:
        tokens = min(event.reasoning_tokens, stated)
    elif weight:
        tokens = stated * weight // (weight + visible)
    elif output.weights and output.weights[0] is not None:
        tokens = max(stated - visible * HIDDEN_THOUGHT_RATIO[0] // HIDDEN_THOUGHT_RATIO[1], 0)
    return output._replace(
        thought_tokens=tokens, thought_weight=weight, is_thought_told=event.reasoning_tokens is not None
    )


def entered_weight(event: SessionEvent) -> int | None:
    """Size of the content of a result or message, as it enters a prompt; see `ledger_sharing`."""
    size = event.content_tokens
    # A result without text may be a picture: its size is not known, not zero.
    if not size:
        return None
    # Stated sizes are real ones; text sizes, which they share with, are three quarters of those.
    return (size * 3 // 4 if event.is_content_measured else size) + FRAME_TOKENS

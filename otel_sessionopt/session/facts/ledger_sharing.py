"""How a known number of tokens is shared among what entered a prompt, by the sizes of the texts.

Weights are text sizes at `CHARS_PER_TOKEN`, `None` where no text was recorded. They are too low for most texts (real
ones have 1.3 to 1.9 times as many tokens), which does not matter for sharing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sessionopt.session.content_size import CHARS_PER_TOKEN

FRAME_TOKENS: Final = 12
"""What stands around the text of a result or message, on the scale of weights."""
ARGUMENTS_FRAME_TOKENS: Final = 50
"""What stands around the arguments of a tool call: the call's id, the tool's name, the form of it all.

Source of both: medians over 1,300 model calls of 44 real Claude Code sessions, in which prompts grew by 0.34 tokens a
character of results and arguments, 12 to 23 tokens a result and 70 a tool call.
"""
MAX_TOKENS_PER_WEIGHT: Final = CHARS_PER_TOKEN
"""A text has hardly more tokens than characters: what a prompt grew by beyond that came from something else."""
HIDDEN_THOUGHT_RATIO: Final = (3, 2)
"""Tokens that visible text has at most, beside its weight, where thoughts of unknown size share its output."""
MIN_STATED_RATIO: Final = (1, 2)
"""A stated output below this share of the text that the call is seen to have written was never filled in.

Claude Code transcripts state 1 to 25 tokens for half of their calls. Over the same 1,300 calls those stay below 0.5,
and the others above 0.9.
"""


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of `amount` in proportion to `weights`, within one of the exact share; they add up to it.

    All zero where all weights are.
    """
    total = sum(weights)
    if len(weights) == 1:
        return [amount if total else 0]
    parts: list[int] = []
    seen = given = 0
    for weight in weights:
        seen += weight
        upto = amount * seen // total if total else 0
        parts.append(upto - given)
        given = upto
    return parts


def share_growth(amount: int, weights: Sequence[int | None]) -> tuple[list[int], int]:
    """Share what a prompt grew by among what entered it; second, what none of that explains.

    Texts get no more than a text can have; one thing of unknown size takes what the texts around it leave, and what two
    of them leave is nobody's.
    """
    if not weights:
        return [], amount
    if len(weights) == 1:
        weight = weights[0]
        given = amount if weight is None else min(amount, weight * MAX_TOKENS_PER_WEIGHT)
        return [given], amount - given
    known = [weight or 0 for weight in weights]
    total = sum(known)
    unknown = weights.count(None)
    if not unknown:
        given = min(amount, total * MAX_TOKENS_PER_WEIGHT)
        return share(given, known), amount - given
    given = min(amount, total)
    tokens = share(given, known)
    if unknown > 1:
        return tokens, amount - given
    tokens[weights.index(None)] = amount - given
    return tokens, 0

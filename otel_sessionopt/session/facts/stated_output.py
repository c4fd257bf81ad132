"""Model calls whose stated output cannot be all that they wrote."""

from __future__ import annotations

from dataclasses import dataclass

from otel_sessionopt.session.facts.ledger_sharing import MIN_STATED_RATIO
from otel_sessionopt.session.model import EventType, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderstatedOutput:
    """Calls that state fewer output tokens than half of the text they are seen to have written, and both sums."""

    calls: int = 0
    stated_tokens: int = 0
    visible_tokens: int = 0


def understated_output(session: Session) -> UnderstatedOutput:
    """Calls whose output tokens were never filled in: their text and the arguments of their tool calls say more.

    Claude Code transcripts hold such placeholders in some versions. Texts are counted by their length, reasoning not
    at all, so what is missing from the bill is more than the difference.
    """
    return session.fact(_compute_understated_output)


def _compute_understated_output(session: Session) -> UnderstatedOutput:
    last_call: dict[str, str] = {}
    stated: dict[str, int] = {}
    visible: dict[str, int] = {}
    for event in session.events:
        if event.event_type is EventType.AI_RESPONSE and event.tokens_input:
            last_call[event.context] = event.id
            stated[event.id] = event.tokens_output
            visible[event.id] = event.content_tokens or 0
        elif event.arguments_tokens and event.context in last_call:
            visible[last_call[event.context]] += event.arguments_tokens
    least, whole = MIN_STATED_RATIO
    short = [call for call, tokens in stated.items() if whole * tokens < least * visible[call]]
    return UnderstatedOutput(
        calls=len(short),
        stated_tokens=sum(stated[call] for call in short),
        visible_tokens=sum(visible[call] for call in short),
    )

"""Rule `idle-cache-expiry`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from otel_sessionopt.analyzers.base import AnalyzerMeta, Category, Fact
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.premiums import CacheMissAnalyzer, costs_more, large_misses, premium_waste, severity_of
from otel_sessionopt.session.facts.cache import CacheMiss, MissCause, Pause, cache_misses
from otel_sessionopt.session.model import Session
from otel_sessionopt.session.times import NS_PER_SECOND

_SPENT_ON: Final = {
    Pause.PERSON: "waiting for a person",
    Pause.TOOL: "in one tool call",
    Pause.UNKNOWN: "between model calls",
}
_SUGGESTIONS: Final = {
    Pause.PERSON: "Compact or clear the context before a longer break, or write the cache for an hour.",
    Pause.TOOL: "Write the cache for an hour, or let the tool run in the background.",
    Pause.UNKNOWN: "Write the cache for an hour, or call again before it expires.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleCacheExpiryAnalyzer(CacheMissAnalyzer):
    """Finds pauses after which the whole prompt was billed anew because the cache had expired.

    ## Why it matters

    A prompt cache lives for minutes after its last use. Whoever answers after a coffee pays the price of writing the
    whole conversation once more, which for a long one is more than the next ten turns cost.

    ## How it is detected

    The misses of `prompt-cache-break`, with the same two limits, where the call before began longer ago than the cache
    lives: five minutes, an hour where that call's newest cache write was one for an hour, ten minutes at OpenAI. A
    pause is a person's where a message, a permission or an answer ended it, a tool's where one call took over half of
    it. `HIGH` from `high_ratio` of the session's cost and $0.50, `MEDIUM` from `medium_ratio` and $0.10.

    ## How waste is estimated

    Missed tokens × (the price they were billed at − the price of a cache read), `measured`. Dollars only. What it would
    cost to keep the cache longer is not taken off: who never pauses pays neither.

    ## When it stays silent

    - A pause after which the cache still answered, however long.
    - Pauses before a compaction, a switch of the model or a new context: the prompt had to be billed anyway.
    - A pause after which only the last turn was billed anew, because its thoughts are not sent back.
    - Whatever `prompt-cache-break` counts: never both on one call.
    - Providers whose cache reads are known to cost as much as input.

    ## What to do

    Compact or clear before a longer break, start a new session for a new task, or have the cache written for an hour
    where pauses are usual. Let long tools run in the background.

    ## Sources

    - 454 Claude Code sessions of working developers: 10.2 % of input cost is paid again after more than five minutes.
    - anthropics/claude-code#74075: 27 % of replies come after five minutes. Tare: $722 in 636 pauses.
    - Anthropic, "Prompt caching", cache lifetime; OpenAI, "Prompt caching".
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="idle-cache-expiry",
        title="Idle cache expiry",
        category=Category.CONTEXT,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.USAGE, Fact.TIMES}),
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per agent and kind of pause."""
        groups: dict[tuple[str, Pause], list[CacheMiss]] = {}
        for miss in large_misses(cache_misses(session), self.min_tokens, self.min_ratio):
            if miss.cause is MissCause.IDLE and costs_more(miss):
                key = (miss.call.event.agent or "", miss.pause or Pause.UNKNOWN)
                groups.setdefault(key, []).append(miss)
        for (agent, pause), misses in groups.items():
            yield self._issue(session, agent, pause, misses)

    def _issue(self, session: Session, agent: str, pause: Pause, misses: Sequence[CacheMiss]) -> EfficiencyIssue:
        waste = premium_waste(misses)
        tokens = sum(miss.tokens for miss in misses)
        longest_ns = max(miss.gap_ns for miss in misses)
        minutes = longest_ns // (60 * NS_PER_SECOND)
        times = f"a pause of {minutes} min" if len(misses) == 1 else f"{len(misses)} pauses of up to {minutes} min"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, agent, pause.value),
            issue_type=IssueType.IDLE_CACHE_EXPIRY,
            severity=severity_of(session, waste.cost_usd, medium_ratio=self.medium_ratio, high_ratio=self.high_ratio),
            description=f"{tokens:,} tokens were billed anew after {times} {_SPENT_ON[pause]}: the cache had expired.",
            suggestion=_SUGGESTIONS[pause],
            events_involved=[miss.call.event.id for miss in misses],
            metadata={
                "agent": agent,
                "pause": pause.value,
                "pauses": len(misses),
                "missed_tokens": tokens,
                "longest_pause_seconds": longest_ns // NS_PER_SECOND,
            },
            waste=waste,
        )

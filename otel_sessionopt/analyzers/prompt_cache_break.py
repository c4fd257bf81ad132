"""Rule `prompt-cache-break`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from otel_sessionopt.analyzers.base import AnalyzerMeta, Category, Fact
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.premiums import (
    CacheMissAnalyzer,
    costs_more,
    large_misses,
    premium_waste,
    severity_of,
    told_causes,
)
from otel_sessionopt.session.facts.cache import CacheMiss, MissCause, cache_misses
from otel_sessionopt.session.model import Session

_SUGGESTIONS: Final = {
    MissCause.TOOLS_CHANGED: "Offer the same tools in the same order in every call of a conversation.",
    MissCause.PREFIX_CHANGED: "Keep the beginning of the prompt the same in every call; add what changes at its end.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCacheBreakAnalyzer(CacheMissAnalyzer):
    """Finds model calls that paid again for a prompt which was still in the cache.

    ## Why it matters

    A cache holds the beginning of a prompt up to the first character that differs. A time stamp, a changed tool list or
    a memory that is written anew at the top costs everything behind it: 10 to 20 times the price of reading it.

    ## How it is detected

    A call misses `min(prompt before, prompt) − cache read`, measured against the call before it of the same context and
    model, and never more than that one had in the cache. It is a break when the miss is over `min_tokens` and over
    `min_ratio` of what the prompts can share, and no other cause fits: another model, a prompt that was compacted,
    cleared or shrunk below 80 %, a part that was never written, a call before that was still running, another prompt
    beside the conversation, or a pause longer than the cache lives. What remains are changed tool definitions, where
    those are recorded, and otherwise a prefix that changed, for all that the numbers tell. `HIGH` from `high_ratio` of
    the session's cost and $0.50, `MEDIUM` from `medium_ratio` and $0.10.

    ## How waste is estimated

    Missed tokens × (the price they were billed at − the price of a cache read), `measured`; one-hour writes first, then
    other writes, then uncached input. Dollars only: the tokens stay on the bill, as cache reads.

    ## When it stays silent

    - The first call of a context, a sub-agent's cold start, the first call after a switch of the model, and after a
      compaction: counted in the metadata, not as waste.
    - A pause longer than the cache lives: that is `idle-cache-expiry`.
    - The last turn after a person's answer where the prompt got shorter: its thoughts are not sent back.
    - Calls after which the old prefix is read again: they had another prompt, or another machine answered.
    - Rows of calls of which nothing shows that they are one conversation, and those without any cached token.
    - Providers whose cache reads are known to cost as much as input.

    ## What to do

    Keep what stands at the beginning (instructions, tool definitions, memories) the same from call to call, byte for
    byte and in order, and put what changes at the end. In a client of others, do not switch tools or settings midway.

    ## Sources

    - 454 Claude Code sessions of working developers: broken caches are 14.3 % of input cost, 4.0 % while at work.
    - anthropics/claude-code#46829, #84253; rohitg00/agentmemory#720: a system prompt that changes every turn;
      microsoft/vscode#316182: nine characters re-billed 9,700 tokens.
    - Anthropic and OpenAI, "Prompt caching": exact prefixes, from 1,024 tokens on.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="prompt-cache-break",
        title="Prompt cache break",
        category=Category.CONTEXT,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.USAGE}),
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per agent."""
        by_agent: dict[str, list[CacheMiss]] = {}
        for miss in large_misses(cache_misses(session), self.min_tokens, self.min_ratio):
            by_agent.setdefault(miss.call.event.agent or "", []).append(miss)
        for agent, misses in by_agent.items():
            breaks = [miss for miss in misses if miss.cause.is_break and costs_more(miss)]
            if breaks:
                yield self._issue(session, agent, breaks, told_causes(misses))

    def _issue(
        self, session: Session, agent: str, breaks: Sequence[CacheMiss], told: dict[str, int]
    ) -> EfficiencyIssue:
        waste = premium_waste(breaks)
        tokens = sum(miss.tokens for miss in breaks)
        causes = Counter(miss.cause for miss in breaks)
        calls = "1 call" if len(breaks) == 1 else f"{len(breaks)} calls"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, agent),
            issue_type=IssueType.PROMPT_CACHE_BREAK,
            severity=severity_of(session, waste.cost_usd, medium_ratio=self.medium_ratio, high_ratio=self.high_ratio),
            description=f"{tokens:,} tokens that were in the prompt cache were billed anew in {calls}.",
            suggestion=_SUGGESTIONS[max(causes, key=lambda cause: causes[cause])],
            events_involved=[miss.call.event.id for miss in breaks],
            metadata={
                "agent": agent,
                "breaks": len(breaks),
                "missed_tokens": tokens,
                "causes": {cause.value: count for cause, count in causes.items()},
                "not_counted": told,
            },
            waste=waste,
        )

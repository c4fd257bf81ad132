"""Rule `sub-agent-overlap`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.claim_kinds import ItemClaim
from otel_sessionopt.analyzers.content import TOOL_EVENTS
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_items import LedgerItem, Source
from otel_sessionopt.session.facts.shared_results import SharedResult, shared_results
from otel_sessionopt.session.facts.sub_agents import SubAgent, sub_agents
from otel_sessionopt.session.model import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SubAgentOverlapAnalyzer(BaseAnalyzer):
    """Finds sub-agents that were given what their siblings already had, and sub-agents that used no tool at all.

    ## Why it matters

    Each sub-agent pays for its own context. Two that read the same files pay twice for one answer, and one that only
    thinks about what its caller could have thought about pays for a whole system prompt first.

    ## How it is detected

    Agents that were started by tool calls of one context. What a tool gave to one of them (lines of a file by number
    and text, else equal results of equal calls) and gives again to another is shared. It counts for an agent from
    `min_shared_tokens` and `min_shared_ratio` of its results on. Besides, agents without a single tool call whose first
    prompt has at least `min_inherited_tokens`.

    ## How waste is estimated

    The shared part of the later agent's results, entered and carried in its own context; of agents without a tool call
    the prompt that they were started with. Never the caller's usage as well. `estimated`: two looks at one thing may
    have been wanted.

    ## When it stays silent

    - What an agent reads that its caller has read: it cannot see what its caller was shown.
    - Files written since a sibling read them.
    - A few files in common, and agents of different callers.
    - Agents that no tool call started: the steps of a workflow, a client's own requests.
    - Agents without tools and with a short prompt of their own.

    ## What to do

    Give each sub-agent its own part, or have one of them read what all need and pass on what it found. Ask the model
    itself instead of starting an agent that needs no tools.

    ## Sources

    - openai/codex#38989: 74 agents, 5.39 billion tokens.
    - anthropics/claude-code#87293: an agent without a tool call took 443,914 tokens.
    - Public sessions with sub-agents: reads in common are a median 0.8 % of what was spent, so a few say nothing.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="sub-agent-overlap",
        title="Sub-agent overlap",
        category=Category.REDUNDANCY,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.TOOL_CALLS, Fact.USAGE}),
    )

    min_shared_tokens: int = threshold(
        2_000, unit="tokens", ge=1, le=100_000_000, doc="Shared tokens of one agent from which they count."
    )
    min_shared_ratio: float = threshold(
        0.5, unit="ratio", ge=0.0, le=1.0, doc="Share of an agent's results that siblings had before; less is chance."
    )
    min_inherited_tokens: int = threshold(
        20_000,
        unit="tokens",
        ge=1,
        le=100_000_000,
        doc="First prompt of an agent without a tool call from which it counts; a bare one of Claude Code has 12,000.",
    )

    medium_tokens: int = threshold(
        10_000, unit="tokens", ge=1, le=100_000_000, doc="Tokens together from which it is MEDIUM; LOW below."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """At most two issues a caller: agents without a tool call, and shared results."""
        by_caller = shared_results(session)
        for caller, agents in sub_agents(session).items():
            idle = [(agent, item) for agent in agents if (item := _inherited(session, agent)) and self._is_long(item)]
            if idle:
                yield self._idle_issue(session, caller, idle)
            shared = [each for results in by_caller.get(caller, {}).values() for each in self._many(results)]
            if shared:
                yield self._shared_issue(session, caller, len(agents), shared)

    def _is_long(self, item: LedgerItem) -> bool:
        return item.tokens >= self.min_inherited_tokens

    def _many(self, results: Sequence[SharedResult]) -> list[SharedResult]:
        """What of an agent's results its siblings had before, where it is much."""
        shared = [each for each in results if each.tokens]
        tokens = sum(each.tokens for each in shared)
        total = sum(each.item.tokens for each in results)
        return shared if tokens >= max(self.min_shared_tokens, self.min_shared_ratio * total) else []

    def _idle_issue(
        self, session: Session, caller: str, idle: Sequence[tuple[SubAgent, LedgerItem]]
    ) -> EfficiencyIssue:
        tokens = sum(item.tokens for _, item in idle)
        claims = [ItemClaim(item.id, item.tokens) for _, item in idle]
        what = "1 sub-agent" if len(idle) == 1 else f"{len(idle)} sub-agents"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, caller, "idle"),
            issue_type=IssueType.SUB_AGENT_OVERLAP,
            severity=self._severity(tokens),
            description=f"{what} used no tool and took {tokens:,} tokens to be started with.",
            suggestion="Ask the model itself: an agent that needs no tools pays for a system prompt of its own.",
            events_involved=[each for agent, _ in idle for each in (agent.started_by.id, agent.events[0].id)],
            metadata={"agents_without_tools": len(idle), "inherited_tokens": tokens},
            waste=ledger_waste(session, claims, Basis.ESTIMATED),
        )

    def _shared_issue(
        self, session: Session, caller: str, agents: int, shared: Sequence[SharedResult]
    ) -> EfficiencyIssue:
        tokens = sum(each.tokens for each in shared)
        claims = [ItemClaim(each.item.id, each.tokens) for each in shared]
        return EfficiencyIssue(
            id=issue_id(self.meta.id, caller, "shared"),
            issue_type=IssueType.SUB_AGENT_OVERLAP,
            severity=self._severity(tokens),
            description=f"{len(shared)} results ({tokens:,} tokens) went to sub-agents whose siblings had had them.",
            suggestion="Give each sub-agent its own part, or pass on what the first one found.",
            events_involved=[each.event.id for each in shared],
            metadata={"agents": agents, "shared_results": len(shared), "shared_tokens": tokens},
            waste=ledger_waste(session, claims, Basis.ESTIMATED),
        )

    def _severity(self, tokens: int) -> Severity:
        return Severity.MEDIUM if tokens >= self.medium_tokens else Severity.LOW


def _inherited(session: Session, agent: SubAgent) -> LedgerItem | None:
    """What an agent without a tool call was started with; `None` for any other agent."""
    if any(event.event_type in TOOL_EVENTS for event in agent.events):
        return None
    return session.fact(_system_items).get(agent.context)


def _system_items(session: Session) -> dict[str, LedgerItem]:
    """By context, its system prompt with all that was there from the beginning."""
    items = (item for context in ledger(session).contexts for item in context.items)
    return {item.context: item for item in items if item.source is Source.SYSTEM}

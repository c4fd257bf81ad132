"""Rule `side-request-overhead`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import TOOL_EVENTS
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.session.events import UNATTRIBUTED
from otel_sessionopt.session.facts.bill import CallBill, bill
from otel_sessionopt.session.facts.cache import conversation_calls
from otel_sessionopt.session.facts.contexts import context_events
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.facts.sub_agents import sub_agents
from otel_sessionopt.session.model import EventType, Session, SessionEvent

# Calls of one context that make a conversation which others can stand beside.
_MIN_CONVERSATION: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRequestOverheadAnalyzer(BaseAnalyzer):
    """Finds large prompts sent beside the conversation for an answer of a few words.

    ## Why it matters

    Clients ask a model for a title, a topic, or whether a command is safe, and some send the whole conversation along.
    The answer is a word; the prompt is billed like any other.

    ## How it is detected

    Model calls with more than `min_prompt_tokens` of prompt and less than `max_output_tokens` of output off the main
    chain: calls that the conversation does not go on from, because its next prompt has the size it had before them, and
    agents that make one call and use no tool, beside a conversation of several calls. From `min_requests` of them and
    `min_ratio` of the session's cost on.

    ## How waste is estimated

    It is not: all that these calls cost is told as overhead, `what_if`. It claims nothing and never enters totals or
    score. Some of it has to be; a smaller model or a shorter prompt would make it cheaper.

    ## When it stays silent

    - Calls that carry the conversation, however short their answer: a tool call is one.
    - Short prompts, long answers, embeddings, a few requests, a small share of the cost.
    - Sub-agents that worked, however short their answer, and all that a tool call started: `sub-agent-overlap` judges
      those that used no tool.
    - Sessions that consist of such calls: then they are no overhead.

    ## What to do

    Give such questions a smaller model, only the part of the conversation they need, or rules that answer without one.

    ## Sources

    - 133 captured requests of Claude Code (anAtheist987/cc-token-waste-analysis): 41 permission classifiers read 2.1M
      tokens from the cache, 19 % of all reads, for 1,423 tokens of output.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="side-request-overhead",
        title="Side request overhead",
        category=Category.CONTEXT,
        severity=Severity.LOW,
        requires=frozenset({Fact.USAGE}),
    )

    min_prompt_tokens: int = threshold(
        10_000, unit="tokens", ge=0, le=10_000_000, doc="Prompt over which a side request is a large one."
    )
    max_output_tokens: int = threshold(
        100, unit="tokens", ge=1, le=1_000_000, doc="Output below which the answer is a few words."
    )
    min_requests: int = threshold(3, unit="requests", ge=1, le=10_000, doc="Such requests before they are told.")
    min_ratio: float = threshold(
        0.002, unit="ratio", ge=0.0, le=1.0, doc="Share of the session's cost from which they are told."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per agent."""
        by_agent: dict[str, list[CallBill]] = {}
        for context, index in _off_main_chain(session):
            call = context.calls[index]
            if self._is_large_for_little(call.event, context.sizes[index]):
                by_agent.setdefault(call.event.agent or "", []).append(call)
        for agent, calls in by_agent.items():
            if len(calls) >= self.min_requests and _share(session, calls) >= self.min_ratio:
                yield self._issue(session, agent, calls)

    def _is_large_for_little(self, event: SessionEvent, prompt_tokens: int) -> bool:
        # Some clients state a placeholder for the output; then the text tells.
        output = max(event.tokens_output, event.content_tokens or 0)
        return prompt_tokens > self.min_prompt_tokens and output < self.max_output_tokens

    def _issue(self, session: Session, agent: str, calls: Sequence[CallBill]) -> EfficiencyIssue:
        prompt = sum(call.event.tokens_input for call in calls)
        output = sum(call.event.tokens_output for call in calls)
        return EfficiencyIssue(
            id=issue_id(self.meta.id, agent),
            issue_type=IssueType.SIDE_REQUEST_OVERHEAD,
            severity=Severity.LOW,
            description=(
                f"{len(calls)} requests beside the conversation sent {prompt:,} tokens "
                f"for {output:,} tokens of answers ({_share(session, calls):.0%} of the bill)."
            ),
            suggestion="Give such requests a smaller model, or only the part of the conversation that they need.",
            events_involved=[call.event.id for call in calls],
            metadata={"agent": agent, "requests": len(calls), "prompt_tokens": prompt, "output_tokens": output},
            waste=Waste(tokens=prompt + output, basis=Basis.WHAT_IF, cost_usd=_cost_usd(calls)),
        )


def _off_main_chain(session: Session) -> Iterator[tuple[ContextLedger, int]]:
    """Calls that carry no conversation, with the context they are in."""
    contexts = [context for context in ledger(session).contexts if context.context]
    has_conversation = any(len(conversation_calls(context)) >= _MIN_CONVERSATION for context in contexts)
    started = {agent.context for agents in sub_agents(session).values() for agent in agents}
    for context in contexts:
        for index in sorted(context.aside):
            if _is_request(context.calls[index].event):
                yield context, index
        is_alone = len(context.calls) == 1 and not context.aside and context.context not in started
        if has_conversation and is_alone and not _uses_tools(session, context):
            yield context, 0


def _is_request(event: SessionEvent) -> bool:
    if event.event_type is not EventType.AI_RESPONSE:
        return False
    return UNATTRIBUTED not in event.data and event.data.get("operation") != "embedding"


def _uses_tools(session: Session, context: ContextLedger) -> bool:
    return any(event.event_type in TOOL_EVENTS for event in context_events(session)[context.context])


def _cost_usd(calls: Iterable[CallBill]) -> Decimal | None:
    priced = [call.cost_usd for call in calls if call.cost_usd is not None]
    return sum(priced, Decimal(0)) if priced else None


def _share(session: Session, calls: Sequence[CallBill]) -> float:
    """Their share of the session's cost; of its tokens where nothing has a price."""
    whole = bill(session)
    cost_usd = _cost_usd(calls)
    if cost_usd is not None and whole.cost_usd:
        return float(cost_usd / whole.cost_usd)
    return sum(call.event.tokens_input + call.event.tokens_output for call in calls) / max(whole.total_tokens, 1)

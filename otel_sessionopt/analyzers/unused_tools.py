"""Rule `unused-tools`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Final

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import TOOL_EVENTS, tool_name
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.dialects.tool_definitions import TOOL_DEFINITIONS
from otel_sessionopt.dialects.tool_names import tool_name as take_apart
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.content_size import CHARS_PER_TOKEN
from otel_sessionopt.session.facts.contexts import context_events
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_amounts import Billing
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.facts.ledger_items import LedgerItem, Source
from otel_sessionopt.session.model import Session

_NAMED_TOOLS: Final = 5
_WRITES: Final = (PriceClass.CACHE_WRITE, PriceClass.CACHE_WRITE_1H)


@dataclass(slots=True)
class _Offer:
    """What one agent was offered and what it called, in all of its contexts.

    Attributes:
        sizes: tokens of each definition by name.
        calls: model calls that were offered each of them.
        called: keys of the tools that it called.
        contexts: those in which tools were offered.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    called: set[str] = field(default_factory=set)
    contexts: list[ContextLedger] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedToolsAnalyzer(BaseAnalyzer):
    """Finds tools that an agent was offered with every call and never called.

    ## Why it matters

    Definitions stand at the head of every prompt: each call pays for all of them, and the model has to choose among
    them. Protocol servers bring dozens at once.

    ## How it is detected

    The tools that model calls state as offered, against the tools that were called, per agent. A tool counts when at
    least `min_calls` calls were offered it and no call of it is in the session; they are told together from
    `min_tokens` of definitions on. One session says little about a tool, so that it is a hint. In the history, `stats`
    and `compare` tell the tools that an agent was offered and never called in five sessions or more.

    ## How waste is estimated

    The length of their definitions × the calls that were offered them, at the prices that those calls paid for the head
    of their prompts; less one rewrite of the cached rest of the prompt, which a change of the tools costs. `what_if`:
    it claims nothing and never enters totals or score.

    ## When it stays silent

    - Sources that do not record tool definitions (`gen_ai.tool.definitions`); most do not, unless they are told to.
    - Tools that were called once, also where the call failed or the user refused it, and whatever the prefix of a
      protocol server before their names.
    - Tools that the provider runs itself (web search, code interpreter): no tool call shows them.
    - Short sessions and short definitions.

    ## What to do

    Offer only the tools that the task needs: switch servers off per project, or let the agent search for tools.

    ## Sources

    - anthropics/claude-code#13717: definitions of 98,700 tokens took 49 % of the window.
    - github/gh-aw#24186: 21 tools took 10,500 tokens a turn.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="unused-tools",
        title="Unused tools",
        category=Category.CONTEXT,
        severity=Severity.LOW,
        requires=frozenset({Fact.USAGE, Fact.TOOL_CALLS, Fact.TOOL_DEFINITIONS}),
    )

    min_calls: int = threshold(
        5, unit="calls", ge=1, le=10_000, doc="Model calls that were offered a tool before it counts as unused."
    )
    min_tokens: int = threshold(
        2_000,
        unit="tokens",
        ge=1,
        le=10_000_000,
        doc="Definitions of unused tools from which they are told: four tools of 500 tokens (see Sources).",
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue an agent."""
        for agent, offer in _offers(session).items():
            unused = {
                name: tokens
                for name, tokens in sorted(offer.sizes.items(), key=lambda each: (-each[1], each[0]))
                if offer.calls[name] >= self.min_calls and take_apart(name).key not in offer.called
            }
            if sum(unused.values()) >= self.min_tokens:
                yield from self._issue(agent, offer, unused)

    def _issue(self, agent: str, offer: _Offer, unused: Mapping[str, int]) -> Iterator[EfficiencyIssue]:
        billed = Billing()
        break_usd = Decimal(0)
        for context in offer.contexts:
            billed += _billed(context, unused)
            break_usd = max(break_usd, _break_usd(context, sum(unused.values())))
        cost_usd = billed.cost_usd
        if cost_usd is not None and (cost_usd := cost_usd - break_usd) <= 0:
            return
        tokens, calls = sum(unused.values()), max(offer.calls[name] for name in unused)
        named = ", ".join(list(unused)[:_NAMED_TOOLS]) + (" …" if len(unused) > _NAMED_TOOLS else "")
        yield EfficiencyIssue(
            id=issue_id(self.meta.id, agent),
            issue_type=IssueType.UNUSED_TOOLS,
            severity=Severity.LOW,
            description=(
                f"{len(unused)} of {len(offer.sizes)} tools offered in up to {calls} calls were never called "
                f"(about {tokens:,} tokens a call): {named}."
            ),
            suggestion="Offer only the tools that the task needs, or let the agent search for tools.",
            events_involved=[offer.contexts[0].calls[0].event.id],
            metadata={
                "agent": agent,
                "tools_offered": len(offer.sizes),
                "unused_tools": dict(unused),
                "called_tools": sorted(name for name in offer.sizes if take_apart(name).key in offer.called),
                "model_calls": calls,
            },
            waste=Waste(tokens=round(billed.total_tokens), basis=Basis.WHAT_IF, cost_usd=cost_usd),
        )


def _offers(session: Session) -> dict[str, _Offer]:
    """By agent, what it was offered and what it called."""
    found: dict[str, _Offer] = {}
    events = context_events(session)
    for context in ledger(session).contexts:
        offered = list(_offered(context))
        if not context.context or not offered:
            continue
        offer = found.setdefault(context.agent or "", _Offer())
        offer.contexts.append(context)
        for _, sizes in offered:
            offer.calls.update(sizes.keys())
            offer.sizes.update(sizes)
        tools = (event for event in events.get(context.context, ()) if event.event_type in TOOL_EVENTS)
        offer.called.update(take_apart(tool_name(event)).key for event in tools)
    return found


def _offered(context: ContextLedger) -> Iterator[tuple[int, Mapping[str, int]]]:
    """Index of each call of the conversation that states its tools, and tokens of each by name."""
    for index, call in enumerate(context.calls):
        stated = call.event.data.get(TOOL_DEFINITIONS)
        sizes = stated.get("sizes") if isinstance(stated, Mapping) else None
        if isinstance(sizes, Mapping) and index not in context.aside:
            yield index, {name: -(-chars // CHARS_PER_TOKEN) for name, chars in sizes.items()}


def _billed(context: ContextLedger, unused: Mapping[str, int]) -> Billing:
    """What the calls of a context were billed for these tools, as a part of the head of their prompts."""
    head = _head(context)
    billed = Billing()
    if head is None:
        return billed
    for index, sizes in _offered(context):
        tokens = min(sum(tokens for name, tokens in unused.items() if name in sizes), head.tokens)
        billed += context.billed(head, index, index + 1).part(tokens, head.tokens)
    return billed


def _head(context: ContextLedger) -> LedgerItem | None:
    """System prompt and tool definitions."""
    return next((item for item in context.items if item.source is Source.SYSTEM), None)


def _break_usd(context: ContextLedger, tokens: int) -> Decimal:
    """What it costs once to write the first prompt without these tools into the cache instead of reading it."""
    first = next((index for index, _ in _offered(context)), 0)
    call = context.calls[first]
    is_cached = any(
        each.tokens[PriceClass.CACHE_WRITE] or each.tokens[PriceClass.CACHE_WRITE_1H] for each in context.calls
    )
    if call.rates is None or not is_cached:
        return Decimal(0)
    rest = max(context.sizes[first] - tokens, 0)
    return max(call.rates.cache_write - call.rates.cache_read, Decimal(0)) * rest

"""Where the tokens went: the context ledger as the report shows it, in whole tokens that add up to the bill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_sessionopt.report.masking import clean_text
from otel_sessionopt.report.parts import Amount
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_items import Source
from otel_sessionopt.session.facts.ledger_sharing import share

if TYPE_CHECKING:
    from otel_sessionopt.session import Session
    from otel_sessionopt.session.facts.ledger_amounts import Billing
    from otel_sessionopt.session.facts.ledger_items import LedgerItem
    from otel_sessionopt.session.facts.ledger_tally import LedgerNode

DEAREST_ITEMS: Final = 10
_MOST_CHILDREN: Final = 50
"""Tools of a source and files of a tool that are told apart; the cheaper rest is added up, so that nothing is lost."""

SOURCE_NAMES: Final = {
    Source.SYSTEM.value: "system prompt and tool definitions",
    Source.USER.value: "user messages",
    Source.ATTACHED.value: "attached files and memories",
    Source.OUTPUT.value: "model output",
    Source.REASONING.value: "reasoning",
    Source.TOOL_RESULT.value: "tool results",
    Source.SUMMARY.value: "compaction summaries",
    Source.SIDE_REQUEST.value: "side requests",
    Source.EMBEDDING.value: "embeddings and retrieval",
    Source.RECORDED.value: "recorded calls",
    Source.UNATTRIBUTED.value: "unattributed",
}
"""Sources as people read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPart:
    """A part of the bill: a source, a tool of it, a file of that. `children` add up to `amount`, dearest first."""

    name: str
    amount: Amount
    children: tuple[LedgerPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DearItem:
    """One thing in a context, its size, and what all the calls that carried it were billed for it."""

    source: str
    tool: str | None
    path: str | None
    event_id: str | None
    size_tokens: int
    is_measured: bool
    calls: int
    billed: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSizes:
    """Tokens of the prompt of every model call of one context, in order."""

    context: str
    agent: str
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummary:
    """Every billed token followed to what caused it.

    Attributes:
        total: parts by source, tool and file; its amount is the bill.
        dearest: the items that cost most.
        contexts: one a conversation, sub-agents have their own.
        measured_ratio, estimated_ratio, unattributed_ratio: shares of the input tokens whose cause is known from the
            numbers of the calls, from text lengths, or not at all; `None` where no input was billed.
    """

    total: LedgerPart
    dearest: tuple[DearItem, ...]
    contexts: tuple[ContextSizes, ...]
    measured_ratio: float | None
    estimated_ratio: float | None
    unattributed_ratio: float | None


def ledger_of(session: Session, bill_tokens: int) -> LedgerSummary | None:
    """The ledger of a session as shown; `None` when nothing was billed."""
    if bill_tokens == 0:
        return None
    found = ledger(session)
    sure = found.confidence
    return LedgerSummary(
        total=_part(found.by_source(), "total", bill_tokens),
        dearest=tuple(_dear_item(item, billed) for item, billed in found.dearest(DEAREST_ITEMS)),
        contexts=tuple(
            ContextSizes(context=context.context, agent=clean_text(context.agent or ""), sizes=context.sizes)
            for context in found.contexts
        ),
        measured_ratio=None if sure is None else round(sure.measured, 4),
        estimated_ratio=None if sure is None else round(sure.estimated, 4),
        unattributed_ratio=None if sure is None else round(sure.unattributed, 4),
    )


def _part(node: LedgerNode, name: str, tokens: int) -> LedgerPart:
    """`node` as `tokens` whole tokens, shared among its children so that they add up."""
    shown, rest = node.children[:_MOST_CHILDREN], node.children[_MOST_CHILDREN:]
    sizes = share(tokens, [_units(child.billing) for child in node.children])
    children = [
        _part(child, clean_text(child.name or "other"), size) for child, size in zip(shown, sizes, strict=False)
    ]
    if rest:
        costs = [child.billing.cost_usd for child in rest if child.billing.cost_usd is not None]
        amount = Amount(tokens=sum(sizes[_MOST_CHILDREN:]), cost_usd=sum(costs[1:], costs[0]) if costs else None)
        children.append(LedgerPart(name=f"{len(rest)} more", amount=amount))
    # A node that only says "no tool" or "no file" once more says nothing.
    if len(node.children) == 1 and node.children[0].name is None:
        children = list(children[0].children)
    return LedgerPart(name=name, amount=Amount(tokens=tokens, cost_usd=node.billing.cost_usd), children=tuple(children))


def _units(billing: Billing) -> int:
    return sum(billing.units)


def _dear_item(item: LedgerItem, billed: Billing) -> DearItem:
    return DearItem(
        source=item.source.value,
        tool=None if item.tool is None else clean_text(item.tool),
        path=None if item.path is None else clean_text(item.path),
        event_id=item.event_id,
        size_tokens=item.tokens,
        is_measured=item.is_measured,
        calls=item.end - item.entry,
        billed=Amount(tokens=round(billed.total_tokens), cost_usd=billed.cost_usd),
    )

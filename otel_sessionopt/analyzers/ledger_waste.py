"""What claims on the ledger come to: the bill as it is, less the bill without what they claim."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim
from otel_sessionopt.analyzers.issue import Basis, Waste
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger import Ledger, ledger
from otel_sessionopt.session.facts.ledger_amounts import Billing
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import Session

_NOTHING: Final = Billing()


def ledger_waste(session: Session, claims: Iterable[LedgerClaim], basis: Basis) -> Waste:
    """Waste of what is claimed, each billed token once, before overlaps with other issues are resolved.

    A call that falls away takes its prompt and its answer with it. What was new in its prompt and is not claimed would
    have been new in the next call's: it moves there, with the price that it entered at.
    """
    kept = tuple(claims)
    book = ledger(session)
    tokens: dict[str, int] = {}
    calls: dict[str, list[int]] = {}
    outputs: dict[str, int] = {}
    for claim in kept:
        if isinstance(claim, ItemClaim):
            tokens[claim.item_id] = max(tokens.get(claim.item_id, 0), claim.tokens)
        elif isinstance(claim, CallClaim):
            context, index = book.call(claim.call_id)
            calls.setdefault(context.context, []).append(index)
        elif isinstance(claim, OutputClaim):
            outputs[claim.call_id] = outputs.get(claim.call_id, 0) + claim.tokens
    removed = {context: _ranges(indices) for context, indices in calls.items()}
    saved = _NOTHING
    for context_id, ranges in removed.items():
        saved += _calls_billed(book.context(context_id), ranges, tokens)
    for item_id, amount in tokens.items():
        saved += _item_billed(book, item_id, amount, removed)
    for call_id, amount in outputs.items():
        context, index = book.call(call_id)
        if not _is_in(index, removed.get(context.context, ())):
            saved += context.generated(index, amount)
    cost_usd = saved.cost_usd
    if cost_usd is None and not kept and bill(session).cost_usd is not None:
        cost_usd = Decimal(0)
    return Waste(tokens=round(saved.total_tokens), basis=basis, cost_usd=cost_usd, ledger_claims=kept)


def _calls_billed(context: ContextLedger, ranges: Sequence[range], claimed: dict[str, int]) -> Billing:
    """All that these calls were billed, less what new content costs more for entering later."""
    saved = _NOTHING
    for each in ranges:
        for index in each:
            saved += context.whole(index)
    for item in context.items:
        if not _is_in(item.entry, ranges):
            continue
        following = next(each.stop for each in ranges if item.entry in each)
        while following in context.aside or _is_in(following, ranges):
            following += 1
        if following < item.end:
            moved = context.billed(item, stop=item.entry + 1) - context.billed(item, following, following + 1)
            saved -= moved.part(item.tokens - claimed.get(item.id, 0), item.tokens)
    return saved


def _item_billed(book: Ledger, item_id: str, tokens: int, removed: dict[str, list[range]]) -> Billing:
    """What an item was billed in the calls that stay."""
    item = book.item(item_id)
    billed = book.billed(item)
    context = book.context(item.context)
    for each in removed.get(item.context, ()):
        if each.start < item.end and each.stop > item.entry:
            billed -= context.billed(item, each.start, each.stop)
    return billed.part(tokens, item.tokens)


def _ranges(indices: Iterable[int]) -> list[range]:
    """Indices as ranges, in order."""
    found: list[range] = []
    for index in sorted(set(indices)):
        if found and found[-1].stop == index:
            found[-1] = range(found[-1].start, index + 1)
        else:
            found.append(range(index, index + 1))
    return found


def _is_in(index: int, ranges: Iterable[range]) -> bool:
    return any(index in each for each in ranges)

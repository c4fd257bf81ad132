"""What must hold of every ledger."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session import Session
from otel_sessionopt.session.facts.bill import CallBill, bill
from otel_sessionopt.session.facts.ledger import Ledger, ledger
from otel_sessionopt.session.facts.ledger_amounts import Billing
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.facts.ledger_tally import LedgerNode

# What rounding may leave of one call and class: far below the millionth part of a token or of a cent.
_ROUNDING = Fraction(1, 10**8)


def check_conservation(session: Session) -> Ledger:
    """Everything that was billed is in the ledger once: per call and class, per item over its calls, and in all."""
    found, whole = ledger(session), bill(session)
    assert sorted(call.event.id for context in found.contexts for call in context.calls) == sorted(
        call.event.id for call in whole.calls
    )
    for context in found.contexts:
        _check_calls(context)
        _check_sizes(context)
    tree = found.by_source()
    assert tree.billing.tokens == whole.tokens
    assert tree.billing.cost_usd == whole.cost_usd if whole.calls else tree.billing.money is None
    _check_tree(tree)
    return found


def _check_calls(context: ContextLedger) -> None:
    by_call: defaultdict[int, Billing] = defaultdict(Billing)
    for item in context.items:
        assert item.context == context.context
        assert item.tokens > 0
        assert 0 <= item.entry < item.end <= len(context.calls)
        parts = Billing()
        for index in range(item.entry, item.end):
            billed = context.billed(item, index, index + 1)
            assert min(billed.units) >= 0
            by_call[index] += billed
            parts += billed
        assert parts == context.billed(item)
    for index, call in enumerate(context.calls):
        _check_call(call, by_call[index] + context.generated(index))
        assert context.whole(index).tokens == call.tokens
        assert context.whole(index).cost_usd == call.cost_usd


def _check_call(call: CallBill, billed: Billing) -> None:
    for each in PriceClass:
        assert 0 <= call.tokens[each] - billed.tokens[each] < _ROUNDING, (call.event.id, each)
    if call.cost_usd is None:
        assert not billed.money
    else:
        rest = call.cost_usd - (billed.cost_usd or Decimal(0))
        assert 0 <= rest < _ROUNDING, call.event.id


def _check_sizes(context: ContextLedger) -> None:
    """The items that a prompt holds have the size of the prompt, as long as it was never counted anew."""
    if any(item.weight != item.tokens for item in context.items):
        return
    for index, size in enumerate(context.sizes):
        held = [item for item in context.items if item.entry <= index < item.end]
        if index in context.aside:
            held = [item for item in held if item.entry == index]
        tokens = sum(item.tokens for item in held)
        if context.context and tokens != size:
            # Then all of it was: every item has the same share of its size.
            carried = [context.billed(item, index, index + 1) for item in held if item.entry < index]
            assert carried
            shares = {
                billed.total_tokens / item.tokens
                for item, billed in zip((item for item in held if item.entry < index), carried, strict=True)
            }
            assert len(shares) == 1


def _check_tree(node: LedgerNode) -> None:
    if node.children:
        total = Billing()
        for child in node.children:
            total += child.billing
            _check_tree(child)
        assert total == node.billing

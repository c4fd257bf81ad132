"""The example that most tests of the ledger count by hand, and how they write amounts down."""

from __future__ import annotations

from fractions import Fraction

from otel_sessionopt.session.facts.ledger import Ledger
from otel_sessionopt.session.facts.ledger_amounts import Billing
from otel_sessionopt.session.facts.ledger_items import LedgerItem, Source
from tests.session.ledger_checks import check_conservation
from tests.session.ledger_traces import LedgerTrace

# Event ids of the example.
AGENT, USER, FIRST, READ, SECOND = (f"{number:016x}" for number in range(1, 6))


def five_calls() -> LedgerTrace:
    """A question, a file read, two more calls, a compaction, two calls.

    prompts   1,100 ── +60 output +700 result ── 1,860 ── +80 output ── 1,940 ══ 1,300 ── +10 output ── 1,310
    """
    return (
        LedgerTrace()
        .agent()
        .user_message(chars=400)
        .model_call(input=0, cache_write=1_100, output=60)
        .says(40)
        .read("/repo/a.py", chars=2_000)
        .written(40)
        .model_call(input=0, cache_read=1_100, cache_write=760, output=80)
        .says(320)
        .model_call(input=0, cache_read=1_860, cache_write=80, output=20)
        .says(80)
        .compaction(chars=800)
        .model_call(input=0, cache_read=1_000, cache_write=300, output=10)
        .says(40)
        .model_call(input=0, cache_read=1_300, cache_write=10, output=30)
        .says(120)
    )


def tokens(billing: Billing) -> dict[str, Fraction]:
    return {each.value: amount for each, amount in billing.tokens.items() if amount}


def near(billing: Billing) -> dict[str, float]:
    return {name: round(float(amount), 6) for name, amount in tokens(billing).items()}


def ledger_of(trace: LedgerTrace) -> Ledger:
    return check_conservation(trace.session())


def items_from(found: Ledger, source: Source) -> list[LedgerItem]:
    return [item for context in found.contexts for item in context.items if item.source is source]

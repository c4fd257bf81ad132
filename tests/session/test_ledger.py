"""What items of small sessions were billed, counted by hand.

Prices are those of the builder's model, Claude Sonnet 4.5, in dollars per million tokens: input 3, cache read 0.30,
cache write 3.75 (for an hour 6), output 15.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.session.facts.ledger import Ledger
from otel_sessionopt.session.facts.ledger_amounts import Billing
from tests.session.ledger_counts import (
    AGENT,
    FIRST,
    READ,
    SECOND,
    USER,
    five_calls,
    ledger_of,
    near,
    tokens,
)
from tests.session.ledger_traces import LedgerTrace


def sizes(found: Ledger, context: str = AGENT) -> dict[str, tuple[int, int, int]]:
    """Tokens, entry and end by item."""
    return {item.id: (item.tokens, item.entry, item.end) for item in found.context(context).items}


def test_items_have_the_sizes_by_which_prompts_grew() -> None:
    assert sizes(ledger_of(five_calls())) == {
        f"{AGENT}/system": (1_000, 0, 5),
        USER: (100, 0, 3),
        # 60 output tokens by the sizes of the texts: 10 said, 10 and a frame of 50 written as arguments.
        f"{FIRST}/output": (8, 1, 3),
        f"{READ}/arguments": (52, 1, 3),
        READ: (700, 1, 3),
        f"{SECOND}/output": (80, 2, 3),
        f"{AGENT}/summary@{7:016x}": (200, 3, 5),
        f"{8:016x}/unattributed": (100, 3, 5),
        f"{8:016x}/output": (10, 4, 5),
    }


def test_an_item_is_billed_at_its_entry_and_in_every_call_that_carries_it() -> None:
    found = ledger_of(five_calls())
    read = found.item(READ)

    assert tokens(found.entry_billed(read)) == {"cache_write": 700}
    assert found.entry_billed(read).cost_usd == Decimal("0.002625")
    assert tokens(found.billed(read)) == {"cache_write": 700, "cache_read": 700}
    assert found.billed(read).cost_usd == Decimal("0.002835")
    assert tokens(found.billed(read, from_call=2)) == {"cache_read": 700}
    assert found.billed(read, from_call=3) == Billing((0, 0, 0, 0, 0), 0)


def test_the_system_prompt_survives_a_compaction() -> None:
    found = ledger_of(five_calls())

    assert tokens(found.billed(found.item(f"{AGENT}/system"))) == {"cache_write": 1_000, "cache_read": 4_000}


def test_sums_by_source_tool_and_file_are_the_bill() -> None:
    tree = ledger_of(five_calls()).by_source()

    assert {node.name: node.billing.cost_usd for node in tree.children} == {
        "output": Decimal("0.0035805"),
        "system": Decimal("0.00495"),
        "tool_result": Decimal("0.002835"),
        "summary": Decimal("0.00081"),
        "user": Decimal("0.000435"),
        "unattributed": Decimal("0.000405"),
    }
    (tool,) = (node for node in tree.children if node.name == "tool_result")
    assert [(node.name, [path.name for path in node.children]) for node in tool.children] == [("Read", ["/repo/a.py"])]
    output = next(node for node in tree.children if node.name == "output")
    # Written by the call, and what of it is carried: as arguments of the read, and as text.
    assert {node.name: near(node.billing) for node in output.children} == {
        "Read": {"cache_write": 52, "cache_read": 52},
        None: {"output": 200, "cache_write": 98, "cache_read": 8},
    }


def test_the_mix_of_a_call_goes_first_to_what_is_new() -> None:
    # New: 60 output, 940 result. 800 were written and 100 sent uncached: 100 of the new tokens came from the cache.
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=0, cache_write=1_000, output=60)
        .tool(chars=3_000)
        .model_call(input=100, cache_read=1_100, cache_write=500, cache_write_1h=0, output=10)
        .tool(chars=400)
        .model_call(input=0, cache_read=1_000, cache_write=800, cache_write_1h=200, output=10)
    )
    context = found.context(AGENT)
    system, result = found.item(f"{AGENT}/system"), found.item(f"{3:016x}")

    # 700 new: 500 written, 100 uncached, 100 read; the other 1,000 reads are what was carried.
    assert result.tokens == 640
    assert near(context.billed(result, 1, 2)) == {
        "cache_write": round(640 * 500 / 700, 6),
        "input": round(640 * 100 / 700, 6),
        "cache_read": round(640 * 100 / 700, 6),
    }
    assert tokens(context.billed(system, 1, 2)) == {"cache_read": 1_000}
    # 100 new of 800 written; 500 more, 200 for an hour and 1,000 reads are shared by 1,700 carried tokens.
    assert near(context.billed(system, 2, 3)) == {
        "cache_write": round(1_000 * 500 / 1_700, 6),
        "cache_write_1h": round(1_000 * 200 / 1_700, 6),
        "cache_read": round(1_000 * 1_000 / 1_700, 6),
    }


def test_what_a_broken_cache_carries_pays_for_a_write() -> None:
    trace = five_calls().model_call(input=0, cache_write=1_340, output=10)
    found = ledger_of(trace)
    summary = found.item(f"{AGENT}/summary@{7:016x}")

    assert tokens(found.billed(summary, from_call=5)) == {"cache_write": 200}
    assert found.billed(summary, from_call=5).cost_usd == Decimal("0.00075")  # instead of 0.00006


def test_what_was_never_cached_is_billed_as_input_in_every_call() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=50)
        .tool(chars=4_000)
        .model_call(input=2_500, output=50)
        .model_call(input=2_550, output=50)
        .model_call(input=2_600, output=50)
    )
    result = found.item(f"{3:016x}")

    assert (result.tokens, result.is_measured) == (1_450, True)
    assert tokens(found.billed(result)) == {"input": 3 * 1_450}
    assert found.billed(result).cost_usd == Decimal("0.01305")


def test_a_sub_agent_has_a_context_of_its_own() -> None:
    trace = LedgerTrace().agent().model_call(input=1_000, output=100).tool("Task", chars=800, seconds=9).lasting(9)
    task = trace.last_id
    trace.pause(seconds=-8).agent("explorer").model_call(input=3_000, output=200).read("/repo/b.py", chars=3_000)
    inner = trace.last_id
    trace.model_call(input=4_200, output=90).end().pause(seconds=10).model_call(input=1_400, output=20)
    found = ledger_of(trace)

    assert [(context.agent, context.sizes) for context in found.contexts] == [
        ("coder", (1_000, 1_400)),
        ("explorer", (3_000, 4_200)),
    ]
    assert [item.tokens for item in found.items_of(task)] == [300]
    assert [item.tokens for item in found.items_of(inner)] == [1_000]
    assert found.by_source(found.contexts[1].context).billing.total_tokens == 3_000 + 4_200 + 290


def test_the_dearest_items_come_first() -> None:
    found = ledger_of(five_calls())

    assert [(item.id, billing.cost_usd) for item, billing in found.dearest(3)] == [
        (f"{AGENT}/system", Decimal("0.00495")),
        (READ, Decimal("0.002835")),
        (f"{AGENT}/summary@{7:016x}", Decimal("0.00081")),
    ]


def test_the_items_of_an_event_are_its_result_and_what_was_written_for_it() -> None:
    found = ledger_of(five_calls())

    assert [item.id for item in found.items_of(READ)] == [f"{READ}/arguments", READ]
    assert [(item.tool, item.path) for item in found.items_of(READ)] == [("Read", "/repo/a.py")] * 2
    assert [item.id for item in found.items_of(FIRST)] == [f"{FIRST}/output"]
    assert found.items_of("nobody") == ()


def test_a_call_tells_its_output_and_its_whole_bill() -> None:
    context, index = ledger_of(five_calls()).call(SECOND)

    assert (context.context, index) == (AGENT, 1)
    assert context.generated(index) == Billing((0, 0, 0, 0, 80 * 10**18), 12 * 10**32)
    assert context.generated(index, 20).cost_usd == Decimal("0.0003")
    assert context.whole(index).cost_usd == Decimal("0.00438")


def test_asking_for_what_is_not_there_is_an_error() -> None:
    found = ledger_of(five_calls())

    for ask in (found.item, found.context, found.call, found.context_sizes, found.by_source):
        with pytest.raises(KeyError):
            ask("nobody")

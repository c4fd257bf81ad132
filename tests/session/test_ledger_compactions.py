"""What a compaction leaves of a conversation, counted by hand."""

from __future__ import annotations

from otel_sessionopt.session.facts.ledger_items import Source
from tests.session.ledger_counts import items_from, ledger_of, tokens
from tests.session.ledger_traces import LedgerTrace
from tests.support.digest_builder import model_use


def before() -> LedgerTrace:
    """Prompts of 5,000 and 13,100: a system prompt of 5,000, two results of 4,000 and an output of 100."""
    return (
        LedgerTrace()
        .agent()
        .model_call(input=5_000, output=100)
        .tool(chars=8_000)
        .tool(chars=8_000)
        .model_call(input=13_100, output=100)
    )


def test_a_summary_of_unknown_size_is_what_took_the_place_of_the_rest() -> None:
    trace = before().compaction()._changed(content_chars=None).model_call(input=6_500, output=10)
    found = ledger_of(trace)

    assert [(item.source, item.tokens, item.end) for item in found.contexts[0].items] == [
        (Source.SYSTEM, 5_000, 3),
        (Source.OUTPUT, 100, 2),
        (Source.TOOL_RESULT, 4_000, 2),
        (Source.TOOL_RESULT, 4_000, 2),
        (Source.SUMMARY, 1_500, 3),
    ]


def test_a_compaction_that_leaves_most_only_cleared_old_results() -> None:
    trace = before().compaction()._changed(content_chars=None).model_call(input=9_200, output=10)
    found = ledger_of(trace)

    assert [item.end for item in items_from(found, Source.TOOL_RESULT)] == [2, 3]
    assert not items_from(found, Source.SUMMARY)


def test_a_summary_of_known_size_takes_the_place_of_everything_even_where_the_prompt_grows() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .user_message(chars=400)
        .model_call(input=1_000, output=100)
        .compaction(chars=3_200)
        .model_call(input=1_700, output=10)
    )

    assert [(item.source, item.tokens, item.end) for item in found.contexts[0].items] == [
        (Source.SYSTEM, 900, 2),
        (Source.USER, 100, 1),
        (Source.SUMMARY, 800, 2),
    ]


def test_a_system_prompt_that_no_longer_fits_shrinks() -> None:
    # A trace that begins in the middle of a conversation has that in its system prompt.
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=50_000, output=100)
        .compaction(chars=4_000)
        .model_call(input=21_000, output=10)
        .model_call(input=21_010, output=10)
    )
    context = found.contexts[0]

    assert tokens(context.billed(context.items[0], 1)) == {"input": 40_000}
    assert [(item.source, item.tokens, item.weight) for item in context.items[1:]] == [
        (Source.SUMMARY, 1_000, 2_500),
        (Source.OUTPUT, 10, 25),
    ]


def test_what_came_before_a_compaction_is_gone_and_what_came_after_is_not() -> None:
    trace = before().tool(chars=400).compaction(chars=4_000).tool(chars=800).user_message(chars=80)
    found = ledger_of(trace.model_call(input=6_220, output=10))

    assert [(item.source, item.tokens) for item in found.contexts[0].items if item.entry == 2] == [
        (Source.SUMMARY, 1_000),
        (Source.TOOL_RESULT, 200),
        (Source.USER, 20),
    ]


def test_a_call_that_says_that_its_prompt_was_compacted_has_the_summary_in_it() -> None:
    trace = before().model_call(input=6_500, output=10).says(400)._changed(detail={"is_compaction": True})
    found = ledger_of(trace)

    assert [(item.tokens, item.entry) for item in items_from(found, Source.SUMMARY)] == [(1_500, 2)]


def test_a_compaction_that_is_a_call_carries_the_old_prompt_and_leaves_its_answer() -> None:
    trace = before().compaction()._changed(content_chars=None, model=model_use(13_400, output=1_200))
    found = ledger_of(trace.model_call(input=6_500, output=10))
    (summary,) = items_from(found, Source.SUMMARY)

    assert (summary.tokens, summary.entry) == (1_200, 3)
    assert [item.tokens for item in items_from(found, Source.UNATTRIBUTED)] == [200, 300]
    assert [item.end for item in items_from(found, Source.TOOL_RESULT)] == [3, 3]
    assert found.context_sizes(summary.context) == (5_000, 13_100, 13_400, 6_500)

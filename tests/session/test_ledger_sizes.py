"""Sizes of what entered prompts and left them, counted by hand."""

from __future__ import annotations

from copy import deepcopy

import pytest

from otel_sessionopt.session.facts.ledger_items import Source
from tests.session.ledger_counts import (
    items_from,
    ledger_of,
    near,
    tokens,
)
from tests.session.ledger_traces import LedgerTrace


def test_growth_is_shared_by_text_where_the_stated_output_is_none() -> None:
    # 25 output tokens for 4,000 characters of text are a placeholder.
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=25)
        .says(4_000)
        .tool(chars=11_952)
        .written(200)
        .model_call(input=7_150, output=25)
    )

    # 1,000 text, 50 and a frame of 50 written, 2,988 and a frame of 12 read: 4,100 for 6,150 tokens
    assert [(item.tokens, item.is_measured) for item in found.contexts[0].items[1:]] == [
        (1_500, False),
        (150, False),
        (4_500, False),
    ]


def test_results_share_what_the_output_leaves() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=100)
        .read("/repo/a.py", chars=3_952)
        .read("/repo/b.py", chars=11_952)
        .model_call(input=7_100, output=100)
    )

    assert [item.tokens for item in items_from(found, Source.TOOL_RESULT)] == [1_500, 4_500]


def test_stated_sizes_and_texts_share_on_one_scale() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=100)
        .tool(tokens=1_984)
        .tool(chars=5_952)
        .model_call(input=5_100, output=100)
    )

    assert [item.tokens for item in items_from(found, Source.TOOL_RESULT)] == [2_000, 2_000]


def test_one_thing_of_unknown_size_takes_the_growth() -> None:
    found = ledger_of(
        LedgerTrace().agent().model_call(input=1_000, output=100).tool(chars=0).model_call(input=9_100, output=100)
    )

    (picture,) = items_from(found, Source.TOOL_RESULT)
    assert (picture.tokens, picture.is_measured) == (8_000, True)


def test_a_picture_takes_what_the_texts_around_it_leave() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=100)
        .tool(chars=0)
        .tool(chars=1_952)
        .model_call(input=3_600, output=100)
    )

    assert [item.tokens for item in items_from(found, Source.TOOL_RESULT)] == [2_000, 500]


def test_what_two_things_of_unknown_size_brought_is_nobodys() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=100)
        .tool(chars=0)
        .tool(chars=0)
        .model_call(input=9_100, output=100)
    )

    assert not items_from(found, Source.TOOL_RESULT)
    (rest,) = items_from(found, Source.UNATTRIBUTED)
    assert (rest.id, rest.tokens) == (f"{5:016x}/unattributed", 8_000)


def test_usage_alone_tells_output_from_the_rest() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=100)
        .model_call(input=1_500, output=30)
        .model_call(input=1_530)
    )

    assert [(item.source, item.tokens) for item in found.contexts[0].items] == [
        (Source.SYSTEM, 1_000),
        (Source.OUTPUT, 100),
        (Source.UNATTRIBUTED, 400),
        (Source.OUTPUT, 30),
    ]
    confidence = found.confidence
    assert confidence is not None
    assert confidence.unattributed == pytest.approx(800 / 4_030)
    assert confidence.measured == pytest.approx(3_230 / 4_030)


def test_no_text_has_more_tokens_than_characters() -> None:
    found = ledger_of(
        LedgerTrace().agent().model_call(input=1_000, output=100).tool(chars=352).model_call(input=9_100, output=100)
    )

    (result,) = items_from(found, Source.TOOL_RESULT)
    assert (result.tokens, result.is_measured) == (400, False)
    assert [item.tokens for item in items_from(found, Source.UNATTRIBUTED)] == [7_600]


def test_a_first_prompt_is_the_system_prompt_but_for_messages() -> None:
    found = ledger_of(LedgerTrace().agent().user_message(chars=4_000).model_call(input=700))

    assert [(item.source, item.tokens) for item in found.contexts[0].items] == [(Source.USER, 700)]


def test_thoughts_are_carried_while_the_model_works_and_dropped_when_a_person_answers() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=600, reasoning=500)
        .tool(chars=800)
        .model_call(input=1_900, output=100)
        .user_message(chars=352)
        .model_call(input=1_600, output=100)
    )

    assert [(item.source, item.tokens, item.entry, item.end) for item in found.contexts[0].items] == [
        (Source.SYSTEM, 1_000, 0, 3),
        (Source.REASONING, 500, 1, 2),
        (Source.OUTPUT, 100, 1, 3),
        (Source.TOOL_RESULT, 300, 1, 3),
        (Source.OUTPUT, 100, 2, 3),
        (Source.USER, 100, 2, 3),
    ]


def test_thoughts_are_dropped_where_a_prompt_grows_much_less_than_its_texts() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=300, reasoning=200)
        .tool(chars=800)
        .model_call(input=1_600, output=100)
        .user_message(chars=352)
        .model_call(input=1_650, output=100)
    )

    # 50 more instead of 200: 200 thoughts less, 100 output and 150 for the message
    assert [(item.tokens, item.end) for item in items_from(found, Source.REASONING)] == [(200, 2)]
    assert [item.tokens for item in found.contexts[0].items if item.entry == 2] == [100, 150]


def test_thoughts_that_are_kept_stay() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=600, reasoning=500)
        .tool(chars=800)
        .model_call(input=1_900, output=100)
        .user_message(chars=352)
        .model_call(input=2_100, output=100)
    )

    assert [(item.tokens, item.end) for item in items_from(found, Source.REASONING)] == [(500, 3)]


def test_thoughts_without_a_text_are_what_the_visible_text_cannot_be() -> None:
    # 1,000 visible weights have at most 1,500 tokens.
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=4_000)
        .says(4_000)
        .thinking(chars=0)
        .tool(chars=800)
        .written(0)
        .model_call(input=5_300, output=10)
    )

    assert [(item.source, item.tokens, item.is_measured) for item in found.contexts[0].items[1:]] == [
        (Source.REASONING, 2_425, False),
        (Source.OUTPUT, 1_500, False),
        (Source.OUTPUT, 75, False),
        (Source.TOOL_RESULT, 300, True),
    ]


def test_another_models_tokens_change_the_scale_and_not_the_items() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=10_000, output=100)
        .model_call(input=13_100, output=100, model="claude-opus-4-5")
        .says(400)
        .tool(chars=5_200)
        .written(0)
        .model_call(input=14_600, output=100, model="claude-opus-4-5")
    )
    # The first call's text is not known, so its growth is nobody's.
    assert [item.tokens for item in items_from(found, Source.UNATTRIBUTED)] == [3_000]

    known = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=10_000, output=100)
        .says(400)
        .model_call(input=13_100, output=100, model="claude-opus-4-5")
        .says(400)
        .model_call(input=13_200, output=100, model="claude-opus-4-5")
    )
    context = known.contexts[0]
    system = context.items[0]

    assert not items_from(known, Source.UNATTRIBUTED)
    assert tokens(context.billed(system, 1, 2)) == {"input": 13_000}
    assert [(item.tokens, item.weight) for item in context.items] == [(10_000, 10_000), (100, 76), (100, 76)]


def test_the_oldest_results_leave_a_prompt_that_shrinks() -> None:
    trace = LedgerTrace().agent().model_call(input=5_000, output=100)
    for size in (8_100, 11_200, 14_300):
        trace.tool(chars=8_000).model_call(input=size, output=100)
    # 14,400 with the last output, less two results of 3,000
    found = ledger_of(trace.model_call(input=8_400, output=100).model_call(input=8_500, output=100))

    assert [(item.tokens, item.entry, item.end) for item in items_from(found, Source.TOOL_RESULT)] == [
        (3_000, 1, 4),
        (3_000, 2, 4),
        (3_000, 3, 6),
    ]
    assert not items_from(found, Source.UNATTRIBUTED)
    assert [item.end for item in items_from(found, Source.SYSTEM)] == [6]


def test_what_remains_of_a_system_prompt_is_carried_when_all_else_has_left() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=5_000, output=100)
        .tool(chars=8_000)
        .model_call(input=8_100, output=100)
        .model_call(input=2_100, output=100)
    )
    context = found.context(f"{1:016x}")

    assert [(item.source, item.end) for item in context.items] == [
        (Source.SYSTEM, 3),
        (Source.OUTPUT, 2),
        (Source.TOOL_RESULT, 2),
        (Source.OUTPUT, 3),
    ]
    assert tokens(context.billed(context.items[0], 2, 3)) == {"input": 2_000}


def test_a_little_that_goes_without_a_cause_is_spread_over_everything() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=9_000, output=100)
        .tool(chars=3_600)
        .model_call(input=10_100, output=20)
        .model_call(input=10_090, output=1_000)
        .model_call(input=11_090, output=100)
    )
    context = found.context(f"{1:016x}")
    system = context.items[0]

    # 10,090 less the new output are 10,070, and 10,100 were there. None of it is as small as what is missing; what
    # enters later is weighed on the scale from before.
    assert near(context.billed(system, 2, 3)) == {"input": round(9_000 * 10_070 / 10_100, 6)}
    assert [(item.tokens, item.weight) for item in context.items[-2:]] == [(20, 20), (1_000, 1_002)]
    assert all(item.end == 4 for item in context.items)


def test_arguments_of_unknown_size_are_part_of_the_text() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=500)
        .says(40)
        .tool(chars=752)
        .tool(chars=752)
        .written(40)
        .model_call(input=2_100, output=10)
    )

    assert [(item.source, item.tokens) for item in found.contexts[0].items[1:]] == [
        (Source.OUTPUT, 440),
        (Source.OUTPUT, 60),
        (Source.TOOL_RESULT, 300),
        (Source.TOOL_RESULT, 300),
    ]


def test_thoughts_with_a_text_share_what_was_written() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=900)
        .says(400)
        .thinking(chars=400)
        .thinking(chars=400)
        .model_call(input=1_900, output=10)
    )

    assert [(item.source, item.tokens) for item in found.contexts[0].items[1:]] == [
        (Source.REASONING, 600),
        (Source.OUTPUT, 300),
    ]


def test_thoughts_of_which_one_has_no_text_have_no_known_size() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=900)
        .says(400)
        .thinking(chars=400)
        .thinking(chars=0)
        .model_call(input=1_900, output=10)
    )

    assert [(item.source, item.tokens) for item in found.contexts[0].items[1:]] == [
        (Source.REASONING, 750),
        (Source.OUTPUT, 150),
    ]


def test_thoughts_stay_while_the_prompt_grows_less_than_its_texts() -> None:
    found = ledger_of(
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=600, reasoning=500)
        .tool(chars=800)
        .model_call(input=1_900, output=100)
        .tool(chars=4_000)
        .model_call(input=2_200, output=100)
    )

    assert [item.end for item in items_from(found, Source.REASONING)] == [3]


def test_thoughts_leave_a_shrinking_prompt_before_results_and_these_before_the_rest() -> None:
    trace = (
        LedgerTrace()
        .agent()
        .model_call(input=1_000, output=1_000, reasoning=500)
        .tool(chars=2_000)
        .model_call(input=2_700, output=0)
    )
    # 500 thoughts, 500 output, 700 result
    for size, ends in ((2_200, [2, 3, 3]), (1_500, [2, 3, 2]), (1_000, [2, 2, 2])):
        found = ledger_of(deepcopy(trace).model_call(input=size, output=0))

        assert [(item.source, item.end) for item in found.contexts[0].items[1:]] == list(
            zip((Source.REASONING, Source.OUTPUT, Source.TOOL_RESULT), ends, strict=True)
        )


def test_a_result_up_to_twice_as_large_as_what_is_missing_has_left() -> None:
    trace = LedgerTrace().agent().model_call(input=10_000, output=1).tool(chars=4_000)
    trace.model_call(input=12_001, output=0)

    # What is missing although it left is nobody's, or too little to say.
    left = ledger_of(deepcopy(trace).model_call(input=11_001, output=0))
    assert [item.end for item in items_from(left, Source.TOOL_RESULT)] == [2]
    assert [item.tokens for item in items_from(left, Source.UNATTRIBUTED)] == [1_000]
    stayed = ledger_of(deepcopy(trace).model_call(input=11_002, output=0))
    assert [item.end for item in items_from(stayed, Source.TOOL_RESULT)] == [3]
    nearly = ledger_of(deepcopy(trace).model_call(input=10_520, output=0))
    assert [item.end for item in items_from(nearly, Source.TOOL_RESULT)] == [2]
    assert not items_from(nearly, Source.UNATTRIBUTED)


def test_numbers_that_no_conversation_has_start_it_anew() -> None:
    found = ledger_of(
        LedgerTrace().agent().model_call(input=5_000_000, output=0).model_call(input=4, output=0).model_call(input=90)
    )

    assert [(item.source, item.tokens, item.entry, item.end) for item in found.contexts[0].items] == [
        (Source.SYSTEM, 5_000_000, 0, 1),
        (Source.UNATTRIBUTED, 4, 1, 3),
        (Source.UNATTRIBUTED, 86, 2, 3),
    ]

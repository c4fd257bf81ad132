from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim, PremiumClaim
from otel_sessionopt.analyzers.compaction_churn import CompactionChurnAnalyzer
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.support.digest_builder import TraceBuilder, model_use

RULE = CompactionChurnAnalyzer()
FILES = ("/repo/a.py", "/repo/b.py", "/repo/c.py")


def _worked(*paths: str, trace: TraceBuilder | None = None) -> TraceBuilder:
    """A conversation that has read files and has grown to 60,000 tokens."""
    trace = (trace or TraceBuilder()).model_call(input=0, cache_write=20_000)
    for path in paths or FILES:
        trace.read(path)
    return trace.model_call(input=0, cache_read=20_000, cache_write=40_000)


def _compacted(trace: TraceBuilder) -> TraceBuilder:
    """A summary of 1,000 tokens, and a call with a prompt of 15,000, of which 4,000 are read from the cache."""
    return trace.compaction(chars=4_000).model_call(input=0, cache_read=4_000, cache_write=11_000)


def _goes_on(trace: TraceBuilder, calls: int) -> TraceBuilder:
    for _ in range(calls):
        trace.tool("lookup").model_call(input=0, cache_read=15_000, cache_write=300)
    return trace


def _reads(trace: TraceBuilder, *paths: str) -> TraceBuilder:
    for path in paths:
        trace.read(path)
    return _goes_on(trace, 1)


def test_files_read_again_after_a_compaction_are_a_low_issue() -> None:
    trace = _worked().compaction(chars=4_000)
    compaction = trace.last_id
    trace.model_call(input=0, cache_read=4_000, cache_write=11_000).read(FILES[0])
    first = trace.last_id
    trace.read(FILES[1])
    second = trace.last_id
    issue = find_one(RULE, _goes_on(trace, 1).session(prices=FLAT))
    assert (issue.issue_type, issue.severity) == (IssueType.COMPACTION_CHURN, Severity.LOW)
    assert issue.events_involved == [compaction, first, second]
    assert issue.description == "A compaction threw away what was needed: 2 files were read again."


def test_the_waste_is_what_was_built_anew_without_the_summary() -> None:
    trace = _compacted(_worked())
    call = trace.last_id
    waste = find_one(RULE, _reads(trace, *FILES).session(prices=FLAT)).waste
    assert waste is not None
    # 15,000 − 4,000 read − 1,000 of the summary
    assert (waste.ledger_claims, waste.premiums) == ((), (PremiumClaim(call, PriceClass.CACHE_WRITE, 10_000),))
    assert (waste.tokens, waste.basis, waste.cost_usd) == (0, Basis.ESTIMATED, Decimal(10_000 * 11))


def test_a_compaction_that_is_a_model_call_is_wasted_as_a_whole() -> None:
    trace = _worked()
    use = model_use(0, 60_000, 500, output=1_000)
    trace.add(SpanDigest(0xC0, 1, "compact", trace.now_ns, trace.now_ns + 10**9, Operation.COMPACTION, model=use))
    trace.pause(seconds=2)
    trace.model_call(input=0, cache_read=4_000, cache_write=11_000)
    waste = find_one(RULE, _reads(trace, *FILES).session(prices=FLAT)).waste
    assert waste is not None
    call = f"{0xC0:016x}"
    assert waste.ledger_claims == (CallClaim(call),)
    assert waste.tokens == 61_500
    # 60,000 + 500 × 12 + 1,000 × 50, and 11,000 × 11 for the next prompt
    assert waste.cost_usd == 116_000 + 121_000


def test_a_drop_of_the_prompt_is_a_compaction_without_an_event() -> None:
    trace = _worked().model_call(input=0, cache_read=4_000, cache_write=11_000)
    call = trace.last_id
    issue = find_one(RULE, _reads(trace, *FILES).session(prices=FLAT))
    assert issue.events_involved[0] == call
    assert issue.waste is not None
    assert issue.waste.cost_usd == 11_000 * 11


def test_the_next_compaction_soon_after_is_churn_without_any_read() -> None:
    trace = _goes_on(_compacted(_worked()), 4)
    _worked(trace=trace.model_call(input=0, cache_read=15_000, cache_write=40_000))
    issue = find_one(RULE, _goes_on(_compacted(trace), 20).session(prices=FLAT))
    assert issue.metadata["compacted_again"] == 1
    assert "the next one came within 10 calls" in issue.description


def test_without_a_price_there_are_no_dollars() -> None:
    trace = _compacted(_worked(trace=TraceBuilder(model="unknown-1")))
    waste = find_one(RULE, _reads(trace, *FILES).session(prices=FLAT)).waste
    assert waste is not None
    assert waste.cost_usd is None


def test_a_compaction_whose_prompt_was_read_from_the_cache_cost_nothing() -> None:
    trace = _worked().compaction(chars=4_000).model_call(input=0, cache_read=14_000, cache_write=1_000)
    waste = find_one(RULE, _reads(trace, *FILES).session(prices=FLAT)).waste
    assert waste is not None
    assert (waste.ledger_claims, waste.premiums, waste.cost_usd) == ((), (), Decimal(0))


# Silence


def test_a_compaction_after_which_the_work_goes_on_is_silent() -> None:
    assert find(RULE, _goes_on(_compacted(_worked()), 20).session(prices=FLAT)) == []


def test_other_files_are_silent() -> None:
    trace = _reads(_compacted(_worked()), "/repo/x.py", "/repo/y.py", "/repo/z.py")
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_files_read_again_without_a_compaction_are_silent() -> None:
    trace = _worked()
    for path in FILES:
        trace.read(path)
    trace.model_call(input=0, cache_read=60_000, cache_write=2_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_one_file_read_in_two_parts_is_one_file() -> None:
    trace = _compacted(_worked()).read(FILES[0], first=1, last=50)
    assert find(RULE, _reads(trace, FILES[0]).session(prices=FLAT)) == []


def test_a_file_that_only_another_agent_had_read_is_silent() -> None:
    trace = TraceBuilder().agent("main").agent("explorer")
    for path in FILES:
        trace.read(path)
    trace.end()
    trace = _compacted(_worked("/repo/x.py", trace=trace))
    assert find(RULE, _reads(trace, *FILES).session(prices=FLAT)) == []


def test_a_prompt_that_shrinks_by_a_third_is_silent() -> None:
    trace = _worked().model_call(input=0, cache_read=4_000, cache_write=36_000)
    assert find(RULE, _reads(trace, *FILES).session(prices=FLAT)) == []


def test_a_small_prompt_that_shrinks_is_silent() -> None:
    trace = TraceBuilder().model_call(input=9_900)
    for path in FILES:
        trace.read(path)
    trace.model_call(input=2_000)
    assert find(RULE, _reads(trace, *FILES).session(prices=FLAT)) == []


def test_a_side_request_is_silent() -> None:
    trace = _worked().model_call(input=5_000, output=5)
    for path in FILES:
        trace.read(path)
    trace.model_call(input=0, cache_read=60_000, cache_write=3_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_compaction_at_the_end_is_silent() -> None:
    assert find(RULE, _worked().compaction().session(prices=FLAT)) == []


def test_two_compactions_far_apart_are_silent() -> None:
    trace = _goes_on(_compacted(_worked()), 15)
    trace.model_call(input=0, cache_read=15_000, cache_write=40_000)
    assert find(RULE, _goes_on(_compacted(trace), 15).session(prices=FLAT)) == []


def test_a_recording_by_hand_is_silent() -> None:
    recording = Recording().add(EventType.AI_RESPONSE, 50_000).add(EventType.FILE_READ, 10, file_path="a")
    recording.add(EventType.AI_RESPONSE, 9_000).add(EventType.FILE_READ, 10, file_path="a")
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("files", "expected"), [(1, 0), (2, 1), (3, 1)])
def test_it_wants_two_files(files: int, expected: int) -> None:
    trace = _reads(_compacted(_worked()), *FILES[:files])
    assert len(find(RULE, trace.session(prices=FLAT))) == expected


@pytest.mark.parametrize(("min_files", "expected"), [(3, 1), (4, 0)])
def test_the_number_of_files_can_be_set(min_files: int, expected: int) -> None:
    trace = _reads(_compacted(_worked()), *FILES)
    assert len(find(CompactionChurnAnalyzer(min_files=min_files), trace.session(prices=FLAT))) == expected


@pytest.mark.parametrize(("calls", "expected"), [(8, 1), (9, 1), (10, 0)])
def test_reads_count_within_ten_calls(calls: int, expected: int) -> None:
    # The call after the compaction is the first of the ten; what it asks for comes before the second.
    trace = _reads(_goes_on(_compacted(_worked()), calls), *FILES)
    assert len(find(RULE, _goes_on(trace, 5).session(prices=FLAT))) == expected


@pytest.mark.parametrize(("window", "expected"), [(4, 0), (5, 1)])
def test_the_window_can_be_set(window: int, expected: int) -> None:
    trace = _reads(_goes_on(_compacted(_worked()), 4), *FILES)
    rule = CompactionChurnAnalyzer(window_calls=window)
    assert len(find(rule, _goes_on(trace, 5).session(prices=FLAT))) == expected

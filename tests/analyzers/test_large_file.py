from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import ItemClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.large_file import LargeFileAnalyzer
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

RULE = LargeFileAnalyzer()


def test_a_large_read_is_a_high_issue() -> None:
    trace = TraceBuilder().read("/repo/dump.json", tokens=20_000)
    read = trace.last_id
    trace.model_call(cache_write=21_000)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert (issue.issue_type, issue.severity) == (IssueType.LARGE_FILE_UNCOMPRESSED, Severity.HIGH)
    assert issue.events_involved == [read]
    assert issue.metadata["file_path"] == "/repo/dump.json"
    assert issue.description == "20,000 tokens of /repo/dump.json entered the context uncompressed."


def test_six_tenths_of_it_are_held_to_be_saveable() -> None:
    talk = Conversation()
    talk.ask()
    read = talk.read("/repo/dump.json", tokens=20_000)
    for _ in range(3):
        talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.ledger_claims == (ItemClaim(read, 12_000),)
    # written once at 12 and read twice at 1
    assert (waste.tokens, waste.basis, waste.cost_usd) == (36_000, Basis.ESTIMATED, Decimal(12_000 * (12 + 2)))


@pytest.mark.parametrize(("tokens", "expected"), [(9_999, 0), (10_000, 1)])
def test_the_size_is_what_the_prompt_grew_by_and_not_the_length_of_the_text(tokens: int, expected: int) -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/dense.json", tokens=tokens, chars=26_000)  # a quarter of the characters would be 6,500
    talk.ask()
    assert len(find(RULE, talk.session())) == expected


def test_a_picture_is_silent_however_much_the_prompt_grew_by_it() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/chart.png", tokens=12_000, chars=0)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_recorded_read_is_estimated_too() -> None:
    session = Recording().add(EventType.FILE_READ, 10_000, path="a.py").session()
    waste = find_one(RULE, session).waste
    assert waste is not None
    assert (waste.tokens, waste.basis, waste.cost_usd) == (6_000, Basis.ESTIMATED, Decimal(60_000))


def test_reads_of_one_file_are_one_issue() -> None:
    trace = TraceBuilder()
    for _ in range(2):
        trace.read("/repo/a.py", tokens=15_000).model_call(input=16_000)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert len(issue.events_involved) == 2
    assert issue.metadata["largest_tokens"] == 15_000
    assert issue.description.startswith("30,000 tokens of /repo/a.py")


# Silence


def test_a_read_marked_compressed_is_silent() -> None:
    session = Recording().add(EventType.FILE_READ, 50_000, path="a.py", compressed=True).session()
    assert find(RULE, session) == []


def test_a_read_marked_not_compressed_is_not_silent() -> None:
    session = Recording().add(EventType.FILE_READ, 50_000, path="a.py", compressed=False).session()
    assert len(find(RULE, session)) == 1


def test_a_failed_or_refused_read_is_silent() -> None:
    trace = TraceBuilder().read("/repo/a.py", tokens=50_000, rejected=True).model_call(input=60_000)
    assert find(RULE, trace.session(prices=FLAT)) == []
    failed = Recording().add(EventType.FILE_READ, 50_000, path="a.py", error="too-large").session()
    assert find(RULE, failed) == []


def test_a_size_that_was_not_recorded_is_silent() -> None:
    assert find(RULE, Recording().add(EventType.FILE_READ, path="a.py").session()) == []


def test_many_small_reads_are_silent() -> None:
    trace = TraceBuilder()
    for part in range(20):
        trace.read("/repo/a.py", first=1 + 100 * part, last=100 + 100 * part, tokens=9_000).model_call(input=10_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_large_results_of_other_tools_are_silent() -> None:
    trace = TraceBuilder().tool("fetch", tokens=50_000).search("x", chars=200_000).model_call(input=100_000)
    assert find(RULE, trace.session(prices=FLAT)) == []


# Thresholds


@pytest.mark.parametrize(("tokens", "expected"), [(9_999, 0), (10_000, 1), (10_001, 1)])
def test_a_read_is_large_from_ten_thousand_tokens_on(tokens: int, expected: int) -> None:
    trace = TraceBuilder().read("/repo/a.py", tokens=tokens).model_call(input=20_000)
    assert len(find(RULE, trace.session(prices=FLAT))) == expected


@pytest.mark.parametrize(("ratio", "tokens"), [(0.0, 0), (0.5, 5_000), (1.0, 10_000)])
def test_the_saveable_share_can_be_set(ratio: float, tokens: int) -> None:
    trace = TraceBuilder().read("/repo/a.py", tokens=10_000).model_call(input=20_000)
    rule = LargeFileAnalyzer(saveable_ratio=ratio)
    assert find_one(rule, trace.session(prices=FLAT)).estimated_waste_tokens == tokens

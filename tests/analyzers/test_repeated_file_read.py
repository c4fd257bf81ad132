from __future__ import annotations

from decimal import Decimal

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.repeated_file_read import RepeatedFileReadAnalyzer
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import FLAT, Recording, find, find_one
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

RULE = RepeatedFileReadAnalyzer()
LINES = [f"line {number:03d}" for number in range(100)]  # 100 lines of 8 characters, 16 with their number: 400 tokens


def test_a_second_read_of_an_unchanged_file_is_a_medium_issue() -> None:
    trace = TraceBuilder().model_call(input=1_000).read("/repo/a.py", tokens=500)
    first = trace.last_id
    trace.model_call(input=900).read("/repo/a.py", tokens=500)
    second = trace.last_id
    trace.model_call(input=800)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.issue_type is IssueType.REPEATED_FILE_READ
    assert issue.severity is Severity.MEDIUM
    assert issue.events_involved == [first, second]
    assert issue.metadata["file_path"] == "/repo/a.py"
    assert issue.metadata["redundant_reads"] == 1
    assert issue.description == ("1 of 2 reads of /repo/a.py brought back only lines already shown (500 tokens).")


def test_the_waste_is_the_second_copy_where_it_was_billed() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", tokens=500)
    asking = talk.ask(text_chars=0)
    read = talk.read("/repo/a.py", tokens=500)
    talk.ask()
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.ledger_claims == (ItemClaim(read, 500), CallClaim(asking), ItemClaim(f"{asking}/output", 50))
    # The call that asked: 10,000 tokens read at 1 and 50 written at 50; the 550 that were new in it have to be written
    # by the next one instead of being read. Then 550 tokens of output and result, written at 12 and read once at 1.
    assert (waste.tokens, waste.basis) == (10_000 + 550 + 50 + 2 * 550, Basis.MEASURED)
    assert waste.cost_usd == 10_000 + 550 * 1 + 50 * 50 + 550 * (12 + 1)


def test_two_files_read_again_by_one_call_are_two_issues_and_one_call() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py")
    talk.read("/repo/b.py")
    asking = talk.ask()
    talk.read("/repo/a.py")
    talk.read("/repo/b.py")
    talk.ask()
    wastes = [issue.waste for issue in find(RULE, talk.session())]
    assert [waste is not None and CallClaim(asking) in waste.ledger_claims for waste in wastes] == [True, False]


def test_a_call_that_also_asked_for_another_file_is_not_claimed() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py")
    asking = talk.ask()
    read = talk.read("/repo/a.py")
    talk.read("/repo/b.py")
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert CallClaim(asking) not in waste.ledger_claims
    assert ItemClaim(read, 100) in waste.ledger_claims


def test_a_partly_repeated_read_claims_its_share_and_not_the_call_that_asked_for_it() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", text=LINES, tokens=400)
    talk.ask()
    new = [*LINES[:50], *(f"new! {number:03d}" for number in range(50))]
    read = talk.read("/repo/a.py", text=new, tokens=400)
    talk.ask()
    waste = find_one(RepeatedFileReadAnalyzer(partial_tokens=200), talk.session()).waste
    assert waste is not None
    assert waste.ledger_claims == (ItemClaim(read, 200),)
    assert (waste.tokens, waste.cost_usd) == (200, Decimal(200 * 12))


def test_a_third_read_makes_it_high() -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.read("/repo/a.py", tokens=100).model_call(input=5_000)
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.severity is Severity.HIGH
    assert issue.metadata["redundant_reads"] == 2
    assert len(issue.events_involved) == 3


def test_sizes_that_come_from_text_lengths_are_an_estimate() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", tokens=500)
    talk.ask()
    talk.read("/repo/a.py", tokens=500)
    talk.read("/repo/b.py", tokens=500)  # what the prompt grew by is shared by the lengths of the two texts
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert issue.waste is not None
    assert issue.waste.basis is Basis.ESTIMATED
    assert "about 500 tokens" in issue.description


def test_a_size_that_was_not_recorded_claims_nothing_and_says_so() -> None:
    session = (
        Recording().add(EventType.FILE_READ, file_path="a.py").add(EventType.FILE_READ, file_path="a.py").session()
    )
    issue = find_one(RULE, session)
    assert issue.waste is not None
    assert (issue.waste.tokens, issue.waste.basis) == (0, Basis.ESTIMATED)
    assert "size not recorded" in issue.description


def test_of_a_read_that_no_model_call_followed_only_the_asking_was_billed() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", tokens=500)
    asking = talk.ask()
    talk.read("/repo/a.py", tokens=500)
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert waste.ledger_claims == (CallClaim(asking),)


def test_no_more_is_claimed_than_the_prompt_grew_by() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", tokens=120, chars=2_000)
    talk.ask()
    read = talk.read("/repo/a.py", tokens=120, chars=2_000)
    talk.ask()
    waste = find_one(RULE, talk.session()).waste
    assert waste is not None
    assert ItemClaim(read, 120) in waste.ledger_claims


def test_recorded_reads_are_billed_themselves() -> None:
    session = (
        Recording()
        .add(EventType.FILE_READ, 300, file_path="a.py")
        .add(EventType.AI_RESPONSE, 100, 50)
        .add(EventType.FILE_READ, 300, file="a.py")
        .session()
    )
    issue = find_one(RULE, session)
    assert issue.waste is not None
    assert issue.waste.ledger_claims == (ItemClaim("e3", 300),)
    assert (issue.waste.basis, issue.waste.cost_usd) == (Basis.MEASURED, Decimal(3_000))


def test_lines_shown_before_are_repeats_although_other_lines_were_edited() -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", text=LINES, tokens=400)
    talk.write("/repo/a.py")
    talk.ask()
    edited = [*LINES[:50], "changed!", *LINES[51:]]
    read = talk.read("/repo/a.py", text=edited, tokens=400)
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert issue.severity is Severity.MEDIUM
    assert issue.metadata["repeats"] == [
        {"event_id": issue.events_involved[1], "repeated_ratio": 0.99, "repeated_chars": 99 * 16}
    ]
    assert issue.waste is not None
    assert ItemClaim(read, 396) in issue.waste.ledger_claims  # 99 of 100 lines of 400 tokens


def test_a_partly_repeated_read_is_told_with_its_share_as_low() -> None:
    lines = [f"{'long line':60}{number:04d}" for number in range(100)]  # 100 × (64 + 8) characters: 1,800 tokens
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", first=1, text=lines[:60], tokens=1_080)
    talk.ask()
    talk.read("/repo/a.py", first=21, text=lines[20:100], tokens=1_440)
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert issue.severity is Severity.LOW
    assert issue.metadata["redundant_reads"] == 0
    assert issue.metadata["partly_repeated_reads"] == 1
    assert issue.metadata["repeats"][0]["repeated_ratio"] == 0.5
    assert issue.estimated_waste_tokens == 720  # 40 of 80 lines of 1,440 tokens
    assert "50%" in issue.description


def test_evidence_names_the_read_that_had_shown_the_range() -> None:
    trace = TraceBuilder().read("/repo/a.py", first=1, last=50, text=LINES[:50])
    shown = trace.last_id
    trace.model_call(input=9_000).read("/repo/a.py", first=51, last=100, text=LINES[50:]).model_call(input=9_000)
    trace.read("/repo/a.py", first=1, last=50, text=LINES[:50])
    issue = find_one(RULE, trace.session(prices=FLAT))
    assert issue.events_involved == [shown, trace.last_id]


def test_one_file_is_one_issue_and_two_files_are_two() -> None:
    trace = TraceBuilder()
    for path in ("/repo/a.py", "/repo/b.py", "/repo/a.py", "/repo/b.py"):
        trace.read(path, tokens=100).model_call(input=2_000)
    issues = find(RULE, trace.session(prices=FLAT))
    assert [issue.metadata["file_path"] for issue in issues] == ["/repo/a.py", "/repo/b.py"]
    assert len({issue.id for issue in issues}) == 2


# Silence


def test_one_read_is_no_repeat() -> None:
    trace = TraceBuilder().read("/repo/a.py", tokens=500).model_call(input=900)
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_session_without_reads_is_silent() -> None:
    assert find(RULE, TraceBuilder().model_call().session(prices=FLAT)) == []
    assert find(RULE, Recording().session()) == []


def test_another_file_is_no_repeat() -> None:
    trace = TraceBuilder().read("/repo/a.py").model_call().read("/repo/b.py").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_another_range_is_no_repeat() -> None:
    trace = TraceBuilder().read("/repo/a.py", first=1, last=100).model_call()
    trace.read("/repo/a.py", first=101, last=200).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_read_after_a_successful_write_is_no_repeat() -> None:
    trace = TraceBuilder(captures_content=False).read("/repo/a.py").model_call().write("/repo/a.py")
    trace.read("/repo/a.py").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_read_after_a_failed_write_is_a_repeat() -> None:
    trace = TraceBuilder().read("/repo/a.py", tokens=500).model_call().write("/repo/a.py", error="not-found")
    trace.read("/repo/a.py", tokens=500).model_call()
    assert len(find(RULE, trace.session(prices=FLAT))) == 1


def test_a_read_after_a_compaction_is_no_repeat() -> None:
    trace = TraceBuilder().read("/repo/a.py", text=LINES).model_call().compaction()
    trace.read("/repo/a.py", text=LINES).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_what_a_sub_agent_reads_is_new_to_it() -> None:
    trace = TraceBuilder().agent("main").read("/repo/a.py", text=LINES).model_call()
    trace.agent("explorer").read("/repo/a.py", text=LINES).model_call().end()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_read_that_failed_is_no_repeat() -> None:
    trace = TraceBuilder().read("/repo/a.py").model_call().read("/repo/a.py", error="too-large").model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_read_that_the_user_refused_is_no_repeat() -> None:
    trace = TraceBuilder().read("/repo/a.py").model_call().read("/repo/a.py", rejected=True).model_call()
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_a_small_partly_repeated_read_is_silent() -> None:
    trace = TraceBuilder().read("/repo/a.py", first=1, text=LINES[:60]).model_call()
    trace.read("/repo/a.py", first=21, text=LINES[20:]).model_call()  # 40 of 80 lines, 160 tokens
    assert find(RULE, trace.session(prices=FLAT)) == []


def test_recorded_reads_with_a_write_in_between_are_silent() -> None:
    session = (
        Recording()
        .add(EventType.FILE_READ, 300, file_path="a.py")
        .add(EventType.FILE_WRITE, 10, file_path="a.py")
        .add(EventType.FILE_READ, 300, file_path="a.py")
        .session()
    )
    assert find(RULE, session) == []


# Thresholds


@pytest.mark.parametrize(("min_reads", "expected"), [(2, 1), (3, 1), (4, 0)])
def test_min_reads_below_at_and_above_three_reads(min_reads: int, expected: int) -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.read("/repo/a.py", tokens=100).model_call(input=5_000)
    assert len(find(RepeatedFileReadAnalyzer(min_reads=min_reads), trace.session(prices=FLAT))) == expected


@pytest.mark.parametrize(("high_reads", "severity"), [(2, Severity.HIGH), (3, Severity.HIGH), (4, Severity.MEDIUM)])
def test_high_reads_below_at_and_above_three_reads(high_reads: int, severity: Severity) -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.read("/repo/a.py", tokens=100).model_call(input=5_000)
    issue = find_one(RepeatedFileReadAnalyzer(high_reads=high_reads), trace.session(prices=FLAT))
    assert issue.severity is severity


@pytest.mark.parametrize(("repeated", "severity"), [(91, Severity.MEDIUM), (90, Severity.MEDIUM), (89, Severity.LOW)])
def test_a_read_is_wholly_redundant_from_nine_tenths_on(repeated: int, severity: Severity) -> None:
    trace = TraceBuilder().read("/repo/a.py", text=LINES).model_call(input=9_000)
    new = [*LINES[:repeated], *(f"new! {number:03d}" for number in range(100 - repeated))]
    trace.read("/repo/a.py", text=new).model_call(input=9_000)
    rule = RepeatedFileReadAnalyzer(partial_tokens=0)
    assert find_one(rule, trace.session(prices=FLAT)).severity is severity


@pytest.mark.parametrize(("repeated", "expected"), [(31, 1), (30, 1), (29, 0)])
def test_a_read_is_told_as_partly_repeated_from_three_tenths_on(repeated: int, expected: int) -> None:
    trace = TraceBuilder().read("/repo/a.py", text=LINES).model_call(input=9_000)
    new = [*LINES[:repeated], *(f"new! {number:03d}" for number in range(100 - repeated))]
    trace.read("/repo/a.py", text=new).model_call(input=9_000)
    assert len(find(RepeatedFileReadAnalyzer(partial_tokens=0), trace.session(prices=FLAT))) == expected


@pytest.mark.parametrize(("partial_tokens", "expected"), [(199, 1), (200, 1), (201, 0)])
def test_a_partly_repeated_read_is_told_from_a_size_on(partial_tokens: int, expected: int) -> None:
    talk = Conversation()
    talk.ask()
    talk.read("/repo/a.py", text=LINES, tokens=400)
    talk.ask()
    new = [*LINES[:50], *(f"new! {number:03d}" for number in range(50))]
    talk.read("/repo/a.py", text=new, tokens=400)  # 50 of 100 lines, 200 tokens
    talk.ask()
    rule = RepeatedFileReadAnalyzer(partial_tokens=partial_tokens)
    assert len(find(rule, talk.session())) == expected

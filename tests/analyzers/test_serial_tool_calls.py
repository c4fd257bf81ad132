from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.analyzers.serial_tool_calls import SerialToolCallsAnalyzer
from otel_sessionopt.dialects.digest import FileAccess, ResultDigest, ToolKind, ToolUse
from otel_sessionopt.dialects.result_words import words_of
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import Recording, find, find_one
from tests.analyzers.conversation import Conversation

RULE = SerialToolCallsAnalyzer()
PLAIN = "nothing that names another file " * 4


class _Talk(Conversation):
    """A conversation whose reads and searches have results with words."""

    def look(self, path: str = "", *, query: str = "", shows: str = PLAIN, chars: int = 400, **fields: Any) -> str:
        """A read of a file, or a search, and its id."""
        result = ResultDigest(chars=chars, text_hash=self.trace.now_ns, words=words_of(shows))
        kind = ToolKind.SEARCH if query else ToolKind.READ
        accesses = (FileAccess(path),) if path else ()
        use = ToolUse("Look", kind, arguments_hash=self.trace.now_ns, accesses=accesses, query=query or None)
        self.trace.tool_use(use._replace(result=result, **fields))
        return self._entered(100)


def _one_by_one(*looks: dict[str, Any], **asked: Any) -> _Talk:
    talk = _Talk()
    for look in looks:
        talk.ask(**asked)
        talk.look(**look)
    talk.ask()
    return talk


A: dict[str, Any]
B: dict[str, Any]
C: dict[str, Any]
A, B, C = ({"path": f"/repo/src/{name}.py"} for name in ("alpha", "beta", "gamma"))


def test_three_files_read_one_by_one_are_a_low_what_if() -> None:
    issue = find_one(RULE, _one_by_one(A, B, C).session())
    assert (issue.issue_type, issue.severity) == (IssueType.SERIAL_TOOL_CALLS, Severity.LOW)
    assert issue.metadata == {"rows": 1, "longest_row": 3, "calls_to_spare": 2}
    assert len(issue.events_involved) == 3
    assert issue.waste is not None
    assert (issue.waste.basis, issue.waste.claims, issue.waste.ledger_claims) == (Basis.WHAT_IF, (), ())


def test_what_is_saved_is_the_prompt_that_was_sent_again_at_the_price_of_cache_reads() -> None:
    waste = find_one(RULE, _one_by_one(A, B, C).session()).waste
    assert waste is not None
    # The second call reads the 10,000 of the first, the third the 10,150 of the second.
    assert (waste.tokens, waste.cost_usd) == (20_150, Decimal(20_150))


def test_searches_for_different_things_and_reads_make_a_row_together() -> None:
    looks = ({"query": "load"}, A, {"query": "merge"})
    assert find_one(RULE, _one_by_one(*looks).session()).metadata["longest_row"] == 3


# Silence


def test_a_file_that_a_result_before_names_had_to_wait_for_it() -> None:
    assert find(RULE, _one_by_one(A, {**B, "shows": "import gamma"}, C).session()) == []
    assert find(RULE, _one_by_one({**A, "shows": "from x import Gamma"}, B, C).session()) == []


def test_a_file_that_was_named_before_the_row_began_did_not_have_to_wait() -> None:
    talk = _Talk()
    talk.ask()
    talk.shell("git diff --name-only")
    for look in (A, B, C):
        talk.ask()
        talk.look(**look)
    talk.ask()
    assert len(find(RULE, talk.session())) == 1


@pytest.mark.parametrize("query", ["def load", "load_all(", "LOAD"])
def test_a_search_with_a_word_of_an_earlier_query_narrows_it_down(query: str) -> None:
    assert find(RULE, _one_by_one({"query": "load"}, A, {"query": query}).session()) == []
    assert find(RULE, _one_by_one({"query": query}, A, {"query": "load"}).session()) == []


def test_other_lines_of_the_same_file_are_read_because_of_the_first() -> None:
    assert find(RULE, _one_by_one(A, A, A, B).session()) == []


@pytest.mark.parametrize("chars", [0, 99])
def test_after_a_search_that_found_next_to_nothing_comes_another_try(chars: int) -> None:
    assert find(RULE, _one_by_one({"query": "load", "chars": chars}, A, B).session()) == []


def test_a_result_without_words_may_name_anything() -> None:
    assert find(RULE, _one_by_one(A, {**B, "shows": "x" * 9_000}, C).session()) == []


def test_files_asked_for_together_are_silent() -> None:
    talk = _Talk()
    for _ in range(3):
        talk.ask()
        talk.look(**A)
        talk.look(**B)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_call_that_says_more_than_a_remark_draws_a_conclusion() -> None:
    assert find(RULE, _one_by_one(A, B, C, output=300, text_chars=900).session()) == []


@pytest.mark.parametrize("between", ["write", "say", "compact"])
def test_what_happens_between_two_calls_ends_the_row(between: str) -> None:
    talk = _Talk()
    for look in (A, B):
        talk.ask()
        talk.look(**look)
    if between == "write":
        talk.ask()
        talk.write("/repo/a.py")
    elif between == "say":
        talk.say()
    else:
        talk.compact()
    talk.ask()
    talk.look(**C)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_a_read_that_was_refused_is_no_part_of_a_row() -> None:
    assert find(RULE, _one_by_one(A, {**B, "is_rejected": True}, C).session()) == []


def test_recordings_by_hand_are_silent() -> None:
    recording = Recording()
    for name in "abc":
        recording.add(EventType.FILE_READ, 100, path=name).add(EventType.AI_RESPONSE, 100, 10)
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("min_calls", "expected"), [(2, 1), (3, 1), (4, 0)])
def test_min_calls_below_at_and_above_three_calls(min_calls: int, expected: int) -> None:
    assert len(find(SerialToolCallsAnalyzer(min_calls=min_calls), _one_by_one(A, B, C).session())) == expected

from __future__ import annotations

import pytest

from otel_sessionopt.analyzers.edit_churn import EditChurnAnalyzer
from otel_sessionopt.analyzers.issue import Basis, IssueType, Severity
from otel_sessionopt.session.model import EventType
from tests.analyzers.cases import Recording, find, find_one
from tests.analyzers.conversation import Conversation

RULE = EditChurnAnalyzer()
PATH = "/repo/a.py"


def _edit_and_fail(
    talk: Conversation, *, path: str = PATH, command: str = "npm test", error: str | None = "exit-1"
) -> None:
    talk.ask()
    talk.write(path)
    talk.ask()
    talk.shell(command, tokens=50, error=error)


def _churned(times: int) -> Conversation:
    talk = Conversation()
    for _ in range(times):
        _edit_and_fail(talk)
    talk.ask()
    return talk


def test_a_file_edited_three_times_while_its_check_fails_is_a_low_issue() -> None:
    talk = Conversation()
    events = []
    for _ in range(3):
        talk.ask()
        events.append(talk.write(PATH))
        talk.ask()
        events.append(talk.shell("npm test", tokens=50, error="exit-1"))
    talk.ask()
    issue = find_one(RULE, talk.session())
    assert (issue.issue_type, issue.severity) == (IssueType.EDIT_CHURN, Severity.LOW)
    assert issue.events_involved == events
    assert issue.description == "/repo/a.py was edited 3 times while npm test failed 3 times."
    assert issue.metadata == {"file_path": PATH, "edits": 3, "failed_checks": 3, "programs": ["npm test"]}


def test_it_is_at_risk_and_claims_nothing() -> None:
    waste = find_one(RULE, _churned(3).session()).waste
    assert waste is not None
    assert (waste.basis, waste.ledger_claims) == (Basis.AT_RISK, ())
    assert waste.tokens > 4 * 10_000  # the four model calls of the second and third edit and check
    assert waste.cost_usd is not None


def test_several_edits_before_one_check_are_one() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.ask()
        talk.write(PATH)
        _edit_and_fail(talk)
    talk.ask()
    assert find_one(RULE, talk.session()).metadata["edits"] == 3


def test_a_check_that_fails_again_without_an_edit_counts_once() -> None:
    talk = Conversation()
    for _ in range(2):
        _edit_and_fail(talk)
        talk.shell("npm test", tokens=50, error="exit-1")
    _edit_and_fail(talk)
    talk.ask()
    assert find_one(RULE, talk.session()).metadata["failed_checks"] == 3


def test_reads_and_other_commands_in_between_do_not_matter() -> None:
    talk = Conversation()
    for _ in range(3):
        _edit_and_fail(talk)
        talk.read("/repo/b.py")
        talk.shell("git status")
    talk.ask()
    assert len(find(RULE, talk.session())) == 1


# Silence


def test_two_edits_are_silent() -> None:
    assert find(RULE, _churned(2).session()) == []


def test_three_edits_of_which_the_last_helped_are_silent() -> None:
    talk = Conversation()
    _edit_and_fail(talk)
    _edit_and_fail(talk)
    _edit_and_fail(talk, error=None)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_checks_that_pass_in_between_are_silent() -> None:
    talk = Conversation()
    for _ in range(4):
        _edit_and_fail(talk)
        _edit_and_fail(talk, error=None)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_edits_of_different_files_are_silent() -> None:
    talk = Conversation()
    for number in range(5):
        _edit_and_fail(talk, path=f"/repo/{number}.py")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_edits_without_checks_are_silent() -> None:
    talk = Conversation()
    for _ in range(5):
        talk.ask()
        talk.write(PATH)
    talk.ask()
    talk.shell("npm test", tokens=50, error="exit-1")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_different_checks_that_fail_are_silent() -> None:
    talk = Conversation()
    for command in ("npm test", "go vet", "cargo clippy", "mix compile"):
        _edit_and_fail(talk, command=command)
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_edits_that_failed_or_were_refused_changed_nothing() -> None:
    talk = Conversation()
    for fields in ({"error": "no-match"}, {"rejected": True}):
        for _ in range(3):
            talk.ask()
            talk.write(PATH, **fields)
            talk.ask()
            talk.shell("npm test", tokens=50, error="exit-1")
    talk.ask()
    assert find(RULE, talk.session()) == []


@pytest.mark.parametrize("between", ["message", "compaction"])
def test_a_message_or_a_compaction_begins_anew(between: str) -> None:
    talk = Conversation()
    for _ in range(2):
        _edit_and_fail(talk)
        _edit_and_fail(talk)
        if between == "message":
            talk.say()
        else:
            talk.compact()
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_failures_of_reads_polls_and_cancelled_calls_are_no_checks() -> None:
    talk = Conversation()
    for _ in range(4):
        talk.ask()
        talk.write(PATH)
        talk.read("/repo/b.py", error="not-found")
        talk.shell("gh run watch", error="exit-1", is_poll=True)
        talk.shell("npm test", error="cancelled")
    talk.ask()
    assert find(RULE, talk.session()) == []


def test_recordings_by_hand_are_survived() -> None:
    recording = Recording()
    for _ in range(4):
        recording.add(EventType.FILE_WRITE, 10, path=PATH).add(EventType.ERROR, 10)
    assert find(RULE, recording.session()) == []


# Thresholds


@pytest.mark.parametrize(("min_edits", "expected"), [(3, 1), (4, 1), (5, 0)])
def test_min_edits_below_at_and_above_four(min_edits: int, expected: int) -> None:
    assert len(find(EditChurnAnalyzer(min_edits=min_edits), _churned(4).session())) == expected

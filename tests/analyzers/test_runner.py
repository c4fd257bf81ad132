from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar, cast

import pytest

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact
from otel_sessionopt.analyzers.catalog import default_analyzers
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste
from otel_sessionopt.analyzers.large_file import LargeFileAnalyzer
from otel_sessionopt.analyzers.repeated_file_read import RepeatedFileReadAnalyzer
from otel_sessionopt.analyzers.runner import OutcomeStatus, describe_error, run_analyzers
from otel_sessionopt.session.model import EventType, Session
from tests.analyzers.cases import FLAT, Recording
from tests.support.digest_builder import TraceBuilder


def _issue(name: str = "mine", **fields: Any) -> EfficiencyIssue:
    return EfficiencyIssue(name, IssueType.INEFFICIENT_TOOL_USE, Severity.LOW, "d", "s", **fields)


class PlainRule(BaseAnalyzer):
    """A user's own rule: a plain subclass without `meta`."""

    def __init__(self, found: object) -> None:
        self.found = found

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        return cast("Iterable[EfficiencyIssue]", self.found)


class RaisingRule(BaseAnalyzer):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        yield _issue()
        raise self.error


class PreviewRule(PlainRule):
    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="preview-rule", title="Preview", category=Category.SESSION, severity=Severity.LOW, preview=True
    )


class NeedyRule(PlainRule):
    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="needy-rule", title="Needy", category=Category.SESSION, severity=Severity.LOW, requires=frozenset(Fact)
    )


SESSION = Recording().add(EventType.CUSTOM).add(EventType.CUSTOM).session()


def test_every_analyzer_has_one_outcome_in_the_given_order() -> None:
    analyzers = default_analyzers()
    outcomes = run_analyzers(Recording().session(), analyzers)
    assert [outcome.code for outcome in outcomes] == [cast("AnalyzerMeta", a.meta).id for a in analyzers]
    assert {outcome.status for outcome in outcomes} == {OutcomeStatus.OK}


def test_a_plain_users_rule_works_and_its_id_is_its_class_name() -> None:
    (outcome,) = run_analyzers(SESSION, [PlainRule([_issue()])])
    assert (outcome.code, outcome.status) == ("plain-rule", OutcomeStatus.OK)
    assert [issue.code for issue in outcome.issues] == ["plain-rule"]


def test_an_analyzer_that_raises_fails_alone() -> None:
    outcomes = run_analyzers(SESSION, [RaisingRule(RuntimeError("broken")), PlainRule([_issue()])])
    assert [outcome.status for outcome in outcomes] == [OutcomeStatus.FAILED, OutcomeStatus.OK]
    assert outcomes[0].issues == ()
    assert outcomes[0].error is not None
    assert outcomes[0].error.startswith("RuntimeError: broken (test_runner.py:")


@pytest.mark.parametrize("found", [None, 7, "text", [None], ["text"], [{"id": "x"}]])
def test_a_wrong_return_type_is_a_failure(found: object) -> None:
    (outcome,) = run_analyzers(SESSION, [PlainRule(found)])
    assert outcome.status is OutcomeStatus.FAILED
    assert outcome.error is not None
    assert outcome.error.startswith("TypeError: analyze ")


@pytest.mark.parametrize(
    "field", [{"severity": "SEVERE"}, {"issue_type": "MINE"}, {"waste": 7}, {"events_involved": None}]
)
def test_an_issue_with_a_wrong_field_is_a_failure(field: dict[str, Any]) -> None:
    issue = _issue()
    for name, value in field.items():
        setattr(issue, name, value)
    (outcome,) = run_analyzers(SESSION, [PlainRule([issue])])
    assert outcome.status is OutcomeStatus.FAILED


def test_missing_facts_make_a_rule_not_applicable_and_it_does_not_run() -> None:
    session = TraceBuilder().model_call(has_usage=False, finish_reason="stop").session(prices=FLAT)
    (outcome,) = run_analyzers(session, [NeedyRule(RuntimeError)])
    assert (outcome.status, outcome.missing) == (OutcomeStatus.NOT_APPLICABLE, (Fact.USAGE, Fact.TOOL_DEFINITIONS))


def test_issues_are_copies_so_that_the_rules_own_are_left_alone() -> None:
    issue = _issue()
    run_analyzers(SESSION, [PlainRule([issue])])
    assert (issue.code, issue.waste) == ("", None)


def test_figures_without_claims_become_a_heuristic() -> None:
    (outcome,) = run_analyzers(SESSION, [PlainRule([_issue(estimated_waste_tokens=9, estimated_waste_cost=0.25)])])
    assert outcome.issues[0].waste == Waste(tokens=9, basis=Basis.HEURISTIC, cost_usd=Decimal("0.25"))


def test_tokens_whose_cost_was_left_at_zero_are_unpriced() -> None:
    (outcome,) = run_analyzers(SESSION, [PlainRule([_issue(estimated_waste_tokens=9)])])
    assert outcome.issues[0].estimated_waste_cost is None


def test_negative_figures_become_zero() -> None:
    (outcome,) = run_analyzers(SESSION, [PlainRule([_issue(estimated_waste_tokens=-9, estimated_waste_cost=-1.0)])])
    assert outcome.issues[0].waste == Waste(tokens=0, basis=Basis.HEURISTIC, cost_usd=Decimal(0))


def test_issues_come_in_the_order_of_their_evidence_then_by_id() -> None:
    found = [
        _issue("z"),
        _issue("y", events_involved=["e2"]),
        _issue("x", events_involved=["e2", "e1"]),
        _issue("w", events_involved=["e2"]),
    ]
    for order in (found, found[::-1]):
        (outcome,) = run_analyzers(SESSION, [PlainRule(order)])
        assert [issue.id for issue in outcome.issues] == ["x", "w", "y", "z"]


def test_equal_ids_are_made_unique_over_all_rules() -> None:
    outcomes = run_analyzers(SESSION, [PlainRule([_issue(), _issue()]), PlainRule([_issue()])])
    assert [issue.id for outcome in outcomes for issue in outcome.issues] == ["mine", "mine-2", "mine-3"]


def test_a_preview_is_marked_in_the_outcome_and_in_its_issues() -> None:
    (outcome,) = run_analyzers(SESSION, [PreviewRule([_issue()])])
    assert outcome.is_preview
    assert outcome.issues[0].is_preview


@pytest.mark.parametrize(
    ("glob", "is_kept"),
    [
        ("*.lock", False),
        ("/repo/*", False),
        ("vendor/*", False),
        ("a.lock", False),
        ("*.py", True),
        ("other/*", True),
        ("A.lock", True),
    ],
)
def test_issues_about_ignored_paths_are_dropped(glob: str, is_kept: bool) -> None:
    found = [_issue(metadata={"file_path": "/repo/vendor/a.lock"})]
    (outcome,) = run_analyzers(SESSION, [PlainRule(found)], [glob])
    assert bool(outcome.issues) is is_kept


def test_issues_without_a_path_are_never_ignored() -> None:
    (outcome,) = run_analyzers(SESSION, [PlainRule([_issue(), _issue(metadata={"file_path": 7})])], ["*"])
    assert len(outcome.issues) == 2


def test_backslashes_in_paths_match_globs_with_slashes() -> None:
    (outcome,) = run_analyzers(SESSION, [PlainRule([_issue(metadata={"file_path": "C:\\repo\\a.py"})])], ["repo/*"])
    assert outcome.issues == ()


def test_what_an_error_quotes_stays_out_of_the_report() -> None:
    error = describe_error(ValueError("invalid literal for int(): 'my secret prompt' and \"another\nline\" and 'open"))
    assert error == "ValueError: invalid literal for int(): … and … and …"


def test_a_long_error_is_cut_and_an_empty_one_is_its_type() -> None:
    assert len(describe_error(ValueError("x" * 1_000))) < 250
    assert describe_error(ValueError()) == "ValueError"


def test_the_session_is_left_as_it_was() -> None:
    trace = TraceBuilder().read("/repo/a.py", tokens=20_000).model_call(input=30_000).read("/repo/a.py", tokens=20_000)
    session = trace.session(prices=FLAT)
    before = session.to_dict()
    run_analyzers(session, default_analyzers())
    assert session.to_dict() == before


def test_the_order_in_which_spans_arrive_does_not_matter() -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.read("/repo/a.py", tokens=20_000).model_call(input=30_000).shell("make", error="exit-2").search("x")
    digests = trace.digests()
    reports = []
    for order in (digests, digests[::-1], digests[1::2] + digests[::2]):
        shuffled = TraceBuilder()
        for digest in order:
            shuffled.add(digest)
        reports.append(run_analyzers(shuffled.session(prices=FLAT), default_analyzers()))
    assert reports[0] == reports[1] == reports[2]
    assert sum(len(outcome.issues) for outcome in reports[0]) >= 4


def test_outcomes_cannot_be_changed() -> None:
    (outcome,) = run_analyzers(SESSION, [PlainRule([])])
    with pytest.raises(dataclasses.FrozenInstanceError):
        outcome.code = "x"  # type: ignore[misc]  # the point of the test


def test_evidence_of_the_shipped_rules_exists_in_the_session() -> None:
    trace = TraceBuilder()
    for _ in range(3):
        trace.read("/repo/a.py", tokens=20_000).model_call(input=30_000, output=90, reasoning=80)
        trace.shell("make", error="exit-2").search("x")
    session = trace.session(prices=FLAT)
    ids = {event.id for event in session.events}
    analyzers = [RepeatedFileReadAnalyzer(), LargeFileAnalyzer(), *default_analyzers()]
    issues = [issue for outcome in run_analyzers(session, analyzers) for issue in outcome.issues]
    assert {event for issue in issues for event in issue.events_involved} <= ids
    assert all(issue.events_involved for issue in issues)

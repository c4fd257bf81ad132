"""`OptimizationReport`: the one document that every form of a report is a view of, and how it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.analyzers.issue import EfficiencyIssue, Severity
from otel_sessionopt.analyzers.overlap import CountedWaste, resolve_overlaps
from otel_sessionopt.analyzers.presence import dialects_that_lack
from otel_sessionopt.report.ledger_view import LedgerSummary, ledger_of
from otel_sessionopt.report.masking import MASK, SENTENCE_LIMIT, TEXT_LIMIT, clean_text, clean_value, secrets_in
from otel_sessionopt.report.notes import notes_of
from otel_sessionopt.report.parts import (
    BillSummary,
    Counts,
    MissingFact,
    ReleaseInfo,
    ReplaySummary,
    RuleOutcome,
    SessionInfo,
    WasteTotals,
)
from otel_sessionopt.report.score import ScoreBasis, efficiency_score, grade
from otel_sessionopt.report.switches import switch_for
from otel_sessionopt.report.tally import bill_of, counts_of, info_of, replay_of, token_breakdown_of, waste_totals_of
from otel_sessionopt.report.timeline import Timeline, TimelineSource, timeline_of

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.runner import AnalyzerOutcome
    from otel_sessionopt.session import Release, Session, SessionEvent

SCHEMA_VERSION: Final = 1
"""Of the JSON form. Raised when a key changes its meaning or goes; new keys do not raise it."""

_EVIDENCE_LIMIT: Final = 200
"""Evidence events looked through for secrets; the texts of an issue come from its first ones."""
_SEVERITY_RANK: Final = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizationReport:
    """What one session cost, what of it was avoidable, and what to do about it.

    Every text in it is fit to show (`report/masking.py`): secrets masked, control characters visible, length bounded.

    Attributes:
        session_id: id of the session.
        generated_at: ISO 8601 time of the analysis.
        issues: dearest first: by counted dollars, then counted tokens, then severity.
        total_waste_tokens, total_waste_cost: measured and estimated waste, each token once; the cost is `None` when
            nothing is priced.
        efficiency_score: 0–100, see `report/score.py`; `score_basis` says what it compares.
        recommendations: one sentence per distinct cure, worst first.
        token_breakdown: billed tokens by event type, and `TOTAL_INPUT`, `TOTAL_OUTPUT`, `TOTAL`.
        comparisons: with earlier sessions; empty where no history is kept.
        ledger: where the tokens went; `None` when nothing was billed.
        replay: the session without the issues that count; `None` when nothing was billed, and in reports of versions
            that did not have it.
        counted: per issue id what it adds to the totals.
        outcomes: one per rule, in the order they ran.
        release: how collection ended; `None` on recordings by hand.
        notes: what a reader must know to trust the numbers, one sentence each.
        timeline_source: makes `timeline` when somebody first asks for it; text forms never do.
    """

    session_id: str
    generated_at: str
    issues: list[EfficiencyIssue]
    total_waste_tokens: int
    total_waste_cost: float | None
    efficiency_score: float
    recommendations: list[str]
    token_breakdown: dict[str, int]
    comparisons: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    grade: str
    score_basis: ScoreBasis
    session: SessionInfo
    counts: Counts
    bill: BillSummary
    ledger: LedgerSummary | None
    waste: WasteTotals
    replay: ReplaySummary | None = None
    counted: Mapping[str, CountedWaste]
    outcomes: tuple[RuleOutcome, ...]
    release: ReleaseInfo | None
    notes: tuple[str, ...] = ()
    timeline_source: TimelineSource = field(default_factory=TimelineSource, compare=False, repr=False)

    @property
    def timeline(self) -> Timeline | None:
        """What pictures are drawn from; `None` where there is no event, and in documents of earlier versions."""
        return self.timeline_source.get()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: plain types, stable order of keys, `schema.json` describes it."""
        from otel_sessionopt.report.as_json import report_to_dict

        return report_to_dict(self)


def build_report(session: Session, outcomes: Sequence[AnalyzerOutcome], *, generated_at: str) -> OptimizationReport:
    """The report of one analysed session.

    Args:
        session: is not changed.
        outcomes: of all rules that ran. Issues of preview rules are listed, and count nothing.
        generated_at: ISO 8601; there is no clock here.
    """
    found = [issue for outcome in outcomes for issue in outcome.issues]
    counted = resolve_overlaps(session, found)
    issues = sorted(found, key=lambda issue: _rank(issue, counted.by_issue[issue.id]))
    bill = bill_of(session)
    waste = waste_totals_of(counted)
    in_dollars = bill.is_fully_priced and bool(bill.total.cost_usd) and waste.avoidable.cost_usd is not None
    score = (
        efficiency_score(waste.avoidable.cost_usd or 0, bill.total.cost_usd or 0)
        if in_dollars
        else efficiency_score(waste.avoidable.tokens, bill.total.tokens)
    )
    rules = tuple(_rule_outcome(outcome, session) for outcome in outcomes)
    events = {event.id: event for event in session.events} if issues else {}
    shown = [_clean_issue(_without_secrets_of(issue, events)) for issue in issues]
    return OptimizationReport(
        session_id=clean_text(session.id),
        generated_at=generated_at,
        issues=shown,
        total_waste_tokens=waste.avoidable.tokens,
        total_waste_cost=None if waste.avoidable.cost_usd is None else float(waste.avoidable.cost_usd),
        efficiency_score=score,
        recommendations=list(dict.fromkeys(issue.suggestion for issue in shown if issue.suggestion)),
        token_breakdown=token_breakdown_of(session),
        grade=grade(score),
        score_basis=ScoreBasis.DOLLARS if in_dollars else ScoreBasis.TOKENS,
        session=info_of(session),
        counts=counts_of(session),
        bill=bill,
        ledger=ledger_of(session, bill.total.tokens),
        waste=waste,
        replay=replay_of(counted) if bill.total.tokens else None,
        counted={clean_text(issue_id): share for issue_id, share in counted.by_issue.items()},
        outcomes=rules,
        release=_release_info(session.release),
        notes=notes_of(session, bill),
        timeline_source=_timeline_source(session, issues),
    )


def _timeline_source(session: Session, issues: Sequence[EfficiencyIssue]) -> TimelineSource:
    if session.is_recorded:  # it may go on after this report, which tells of it as it was
        return TimelineSource(timeline_of(session, issues))
    return TimelineSource(make=lambda: timeline_of(session, issues))


def _rank(issue: EfficiencyIssue, share: CountedWaste) -> tuple[Any, ...]:
    return (
        -(share.cost_usd or 0),
        -share.tokens,
        -_SEVERITY_RANK[issue.severity],
        -issue.estimated_waste_tokens,
        issue.id,
    )


def _without_secrets_of(issue: EfficiencyIssue, events: Mapping[str, SessionEvent]) -> EfficiencyIssue:
    """A copy without the secrets that its evidence contains.

    A rule may shorten a command, and a secret then stands without the flag or name that shows it to be one.
    """
    secrets: set[str] = set()
    for event_id in issue.events_involved[:_EVIDENCE_LIMIT]:
        if event_id in events:
            texts = (value for value in events[event_id].data.values() if isinstance(value, str))
            secrets.update(secret for text in texts for secret in secrets_in(text))
    if not secrets:
        return issue
    pattern = re.compile("|".join(re.escape(secret) for secret in sorted(secrets, key=lambda each: (-len(each), each))))

    def masked(text: str) -> str:
        return pattern.sub(MASK, text)

    return replace(
        issue,
        description=masked(issue.description),
        suggestion=masked(issue.suggestion),
        metadata={key: masked(value) if isinstance(value, str) else value for key, value in issue.metadata.items()},
    )


def _clean_issue(issue: EfficiencyIssue) -> EfficiencyIssue:
    """A copy with every text cleaned; long texts are cut where they stand, so the sentence around them survives."""
    return replace(
        issue,
        id=clean_text(issue.id),
        description=_clean_sentence(issue.description, issue.metadata),
        suggestion=_clean_sentence(issue.suggestion, issue.metadata),
        events_involved=[clean_text(event_id) for event_id in issue.events_involved],
        metadata=clean_value(issue.metadata),
    )


def _clean_sentence(sentence: str, metadata: Mapping[str, Any]) -> str:
    for value in metadata.values():
        if isinstance(value, str) and len(value) > TEXT_LIMIT:
            sentence = sentence.replace(value, clean_text(value))
    return clean_text(sentence, SENTENCE_LIMIT)


def _rule_outcome(outcome: AnalyzerOutcome, session: Session) -> RuleOutcome:
    return RuleOutcome(
        code=outcome.code,
        status=outcome.status.value,
        issues=len(outcome.issues),
        missing=tuple(
            MissingFact(fact=fact.value, switch=switch_for(fact, dialects_that_lack(session, fact)))
            for fact in outcome.missing
        ),
        error=None if outcome.error is None else clean_text(outcome.error),
        is_preview=outcome.is_preview,
    )


def _release_info(release: Release | None) -> ReleaseInfo | None:
    if release is None:
        return None
    return ReleaseInfo(
        reason=release.reason.value,
        is_final=release.is_final,
        span_count=release.span_count,
        late_spans=release.late_spans,
        dropped={clean_text(name): count for name, count in sorted(release.dropped.items())},
        warnings={clean_text(name): count for name, count in sorted(release.warnings.items())},
    )

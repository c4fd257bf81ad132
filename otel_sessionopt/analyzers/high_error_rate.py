"""Rule `high-error-rate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, threshold
from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim
from otel_sessionopt.analyzers.content import TOOL_EVENTS, tool_name, was_called_off
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.session.events import UNATTRIBUTED
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.failures import failed_events
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.model import EventType, Session, SessionEvent

_NAMED_TOOLS: Final = 3  # as many as a sentence can carry; the metadata has no more either


@dataclass(frozen=True, slots=True, kw_only=True)
class HighErrorRateAnalyzer(BaseAnalyzer):
    """Finds sessions in which much of what was tried failed.

    ## Why it matters

    Each failure costs the call, its error text in the context, and the model call that reads it. Many of them mean that
    the agent works against its environment: a missing tool, a wrong path, a permission.

    ## How it is detected

    Failed events ÷ events that can fail, where more than `min_events` of those exist; it fires over `max_ratio` and is
    HIGH over `high_ratio`. On spans, tool calls that ran and model calls can fail. In a session recorded by hand every
    event counts, as failed when it is an ERROR or carries an error.

    ## How waste is estimated

    What failed model calls were billed, and what failed tools put into the prompt, entered and carried on. `at_risk`: a
    failure may have taught what was needed, so it claims nothing and never enters totals or score.

    ## When it stays silent

    - `min_events` events or fewer: three failures of five say little.
    - Calls that the user refused, and calls that were cancelled because another one failed, are not counted at all.
    - Ordinary spans of the program (HTTP, database): their errors are not the agent's.

    ## What to do

    Look at the tool that fails most: name the working command, path or permission in the agent's instructions.

    ## Sources

    - 44 published Claude Code sessions: 4.6 % of tool calls fail or are cancelled. In one session that is over 20 % of
      all calls, but four of its five were cancelled beside the one that failed.
    - The limits of 20 % and 40 % are those of the tool that this project succeeds.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="high-error-rate",
        title="High error rate",
        category=Category.RELIABILITY,
        severity=Severity.MEDIUM,
    )

    max_ratio: float = threshold(
        0.2, unit="ratio", ge=0.0, le=1.0, doc="Share of failed events over which the rate is high."
    )
    high_ratio: float = threshold(0.4, unit="ratio", ge=0.0, le=1.0, doc="Share of failures over which it is HIGH.")
    min_events: int = threshold(
        5, unit="events", ge=0, le=1_000_000, doc="Events that can fail which a session must exceed to be judged."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """At most one issue a session."""
        failed = [event for event in failed_events(session) if _can_fail(event)]
        if not failed:
            return
        total = len([event for event in session.events if _can_fail(event)])
        if total > self.min_events and len(failed) / total > self.max_ratio:
            yield self._issue(session, failed, total)

    def _issue(self, session: Session, failed: Sequence[SessionEvent], total: int) -> EfficiencyIssue:
        ratio = len(failed) / total
        worst = Counter(tool_name(event) or event.event_type.value for event in failed).most_common(_NAMED_TOOLS)
        most = ", ".join(f"{name} {count}" for name, count in worst)
        return EfficiencyIssue(
            id=issue_id(self.meta.id, session.agent),
            issue_type=IssueType.HIGH_ERROR_RATE,
            severity=Severity.HIGH if ratio > self.high_ratio else Severity.MEDIUM,
            description=f"{ratio:.0%} of what was tried failed ({len(failed)} of {total} events; most: {most}).",
            suggestion="Look at the tool that fails most; name the right command, path or permission in its prompt.",
            events_involved=[event.id for event in failed],
            metadata={
                "failed_events": len(failed),
                "judged_events": total,
                "error_ratio": round(ratio, 4),
                "failed_by_tool": dict(worst),
            },
            waste=_at_risk(session, failed),
        )


def _can_fail(event: SessionEvent) -> bool:
    if was_called_off(event):
        return False
    if not event.context:  # recorded by hand
        return True
    if event.event_type is EventType.AI_RESPONSE:
        return not event.data.get(UNATTRIBUTED)  # a container's sum, no call
    return event.event_type in TOOL_EVENTS


def _at_risk(session: Session, failed: Iterable[SessionEvent]) -> Waste:
    """What the failed events were billed, and what they brought, entered and carried on. Nothing is claimed."""
    calls, book = bill(session).call_by_id, ledger(session)
    claims: list[LedgerClaim] = []
    for event in failed:
        if event.id in calls:
            claims.append(CallClaim(event.id))
        else:
            claims += [ItemClaim(item.id, item.tokens) for item in book.items_of(event.id) if item.id == event.id]
    risk = ledger_waste(session, claims, Basis.AT_RISK)
    return Waste(tokens=risk.tokens, basis=Basis.AT_RISK, cost_usd=risk.cost_usd)

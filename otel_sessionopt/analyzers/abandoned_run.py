"""Rule `abandoned-run`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import TOOL_EVENTS
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.dialects.sessionopt import SessionOpt
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.failures import failed_events
from otel_sessionopt.session.model import EventType, Session, SessionEvent, SessionStatus

# Events that take part in telling how a run ended.
_ENDS: Final = TOOL_EVENTS | {EventType.AI_RESPONSE, EventType.ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonedRunAnalyzer(BaseAnalyzer):
    """Finds runs that ended in an error, with no final answer.

    ## Why it matters

    What a run cost is lost where nobody can use what it did, and where it is started again from the beginning it is
    paid twice.

    ## How it is detected

    The root span ended in an error, a recording was ended as failed or abandoned, or the last thing that a transcript
    tells is an error of the provider; and the last thing that happened in the run itself, sub-agents aside, is no
    answer: a model call that failed or asked for a tool, a tool call, or an error. From `min_tokens` billed tokens on.

    ## How waste is estimated

    The whole bill, `at_risk`: files that were written and findings that were read stay. It claims nothing and never
    enters totals or score.

    ## When it stays silent

    - A root that went well, or whose end was not seen (collection stopped, the process went away).
    - A run that failed after its final answer: the work was done.
    - Errors within a run that goes on, whatever they are.
    - Sessions that are still active, and those that a person left in the middle: nobody knows what they were worth.

    ## What to do

    Make runs resumable (keep the conversation and go on from it), retry the failed call instead of the run, and set a
    budget that ends a run with an answer.

    ## Sources

    - anomalyco/opencode#48089: six replays of one run were 33 % of the spend.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="abandoned-run",
        title="Abandoned run",
        category=Category.SESSION,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.USAGE}),
    )

    min_tokens: int = threshold(
        1_000, unit="tokens", ge=0, le=1_000_000_000, doc="Billed tokens from which a run is worth telling."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """At most one issue a session."""
        if not _may_have_failed(session):
            return
        last = _last_of_run(session.events)
        if last is None or _is_answer(last) or not _has_failed(session, last):
            return
        ours = bill(session)
        if ours.total_tokens < max(self.min_tokens, 1):
            return
        yield EfficiencyIssue(
            id=issue_id(self.meta.id, session.agent),
            issue_type=IssueType.ABANDONED_RUN,
            severity=Severity.MEDIUM,
            description=f"The run ended in an error and without an answer after {len(ours.calls):,} model calls.",
            suggestion="Retry the failed call or resume the run from where it stopped, instead of starting again.",
            events_involved=[last.id],
            metadata={"status": session.status.value, "model_calls": len(ours.calls)},
            waste=Waste(tokens=ours.total_tokens, basis=Basis.AT_RISK, cost_usd=ours.cost_usd),
        )


def _may_have_failed(session: Session) -> bool:
    """Whether it is worth to look for the end of the run; see `_has_failed`."""
    if session.is_recorded or session.status in (SessionStatus.FAILED, SessionStatus.ACTIVE):
        return session.status is not SessionStatus.ACTIVE
    return bool(failed_events(session))


def _has_failed(session: Session, last: SessionEvent) -> bool:
    if session.status in (SessionStatus.FAILED, SessionStatus.ACTIVE):
        return session.status is SessionStatus.FAILED
    if session.is_recorded:
        return session.status is SessionStatus.ABANDONED
    # A transcript has no status of its own. Of other spans `ABANDONED` says that nobody saw the root end, and an error
    # below a root that went well was dealt with.
    return last.event_type is EventType.ERROR and last.dialect == SessionOpt.id


def _last_of_run(events: Sequence[SessionEvent]) -> SessionEvent | None:
    """The last event of the outermost context, by when it ended, or of what was started after that."""
    # The error of a span around others, the root's own above all, ends last whatever came before it.
    around = {event.parent_span_id for event in events if event.parent_span_id} | {event.context for event in events}
    ends = [
        event
        for event in events
        if event.event_type in _ENDS and not (event.event_type is EventType.ERROR and event.span_id in around)
    ]
    if not ends:
        return None
    own = max((event for event in ends if event.context == ends[0].context), key=_end)
    return max((event for event in ends if event is own or (event.start_ns or 0) >= (own.end_ns or 0)), key=_end)


def _end(event: SessionEvent) -> tuple[int, int, str]:
    return event.end_ns or 0, event.start_ns or 0, event.id


def _is_answer(event: SessionEvent) -> bool:
    """Whether it is a model call that went well and asked for nothing more."""
    if event.event_type is not EventType.AI_RESPONSE or event.error is not None:
        return False
    reason = event.data.get("finish_reason")
    return not (isinstance(reason, str) and ("tool" in reason or reason in ("function_call", "error")))

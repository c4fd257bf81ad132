"""Rule `edit-churn`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import command_of, was_called_off
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.round_claims import round_claims
from otel_sessionopt.analyzers.shell_program import shell_program
from otel_sessionopt.dialects.digest import ToolKind
from otel_sessionopt.session.facts.contexts import context_events
from otel_sessionopt.session.facts.failures import failed_events
from otel_sessionopt.session.model import EventType, Session, SessionEvent


@dataclass(slots=True)
class _Churn:
    """Edits of one file with failing checks of one program between them."""

    path: str
    program: str = ""
    edits: list[SessionEvent] = field(default_factory=list)
    failures: list[SessionEvent] = field(default_factory=list)
    is_checked: bool = False  # the newest edit has been

    def in_order(self) -> list[SessionEvent]:
        """All of it, in order of time."""
        return sorted((*self.edits, *self.failures), key=lambda event: (event.start_ns or 0, event.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class EditChurnAnalyzer(BaseAnalyzer):
    """Finds files that were edited over and over while the same check kept failing.

    ## Why it matters

    After some edits that did not help, the next one is a guess: each costs a model call for the edit, one for the
    check, and the check's output in the context.

    ## How it is detected

    `min_edits` successful edits of one file in one context, and after each of them a failure of the same check, before
    it succeeds once. A check is a shell command, by its program with its first argument (`npm test`, `go vet`); several
    edits of the file before one check are one.

    ## How waste is estimated

    The edits after the first and the failures of their checks, with the model calls that did nothing else, entered and
    carried. `at_risk`: an edit may be right although another thing still fails, so it claims nothing and never enters
    totals or score.

    ## When it stays silent

    - The check passes in between, or nothing was checked.
    - Different checks fail, or the edits are of different files.
    - Edits that failed, or that the user refused.
    - A person's message or a compaction in between: a new task begins, or a new idea.

    ## What to do

    Have the agent read the failure and say what causes it before the next edit, or run a smaller check.

    ## Sources

    - clauditor and agentsview, which show such files to their users.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="edit-churn",
        title="Edit churn",
        category=Category.RELIABILITY,
        severity=Severity.LOW,
        requires=frozenset({Fact.TOOL_ARGUMENTS}),
    )

    min_edits: int = threshold(
        3, unit="edits", ge=2, le=1000, doc="Edits of one file, each followed by a failing check, before they count."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context and file."""
        if len(failed_events(session)) < self.min_edits:
            return
        for context, events in context_events(session).items():
            by_path: dict[str, list[_Churn]] = {}
            for churn in _churns(events):
                if len(churn.edits) >= self.min_edits and len(churn.failures) >= self.min_edits:
                    by_path.setdefault(churn.path, []).append(churn)
            for path, churns in by_path.items():
                yield self._issue(session, context, path, churns)

    def _issue(self, session: Session, context: str, path: str, churns: list[_Churn]) -> EfficiencyIssue:
        edits = sum(len(churn.edits) for churn in churns)
        failures = sum(len(churn.failures) for churn in churns)
        programs = sorted({churn.program for churn in churns})
        # The first edit was necessary, and its failure told so.
        later = [event for churn in churns for event in churn.in_order()[2:]]
        risk = ledger_waste(session, round_claims(session, later), Basis.AT_RISK)
        return EfficiencyIssue(
            id=issue_id(self.meta.id, context, path),
            issue_type=IssueType.EDIT_CHURN,
            severity=Severity.LOW,
            description=f"{path} was edited {edits} times while {', '.join(programs)} failed {failures} times.",
            suggestion="Find the cause of the failure before the next edit, or check a smaller part.",
            events_involved=[event.id for churn in churns for event in churn.in_order()],
            metadata={"file_path": path, "edits": edits, "failed_checks": failures, "programs": programs},
            waste=Waste(tokens=risk.tokens, basis=Basis.AT_RISK, cost_usd=risk.cost_usd),
        )


def _churns(events: Iterable[SessionEvent]) -> Iterator[_Churn]:
    """Files edited and checked in turn, each until its check passed."""
    churns: dict[str, _Churn] = {}
    # By program: files edited since its last failure (without a program: since their first edit), and all files that
    # it failed for. They keep the work linear in sessions with many files.
    unchecked: dict[str, list[_Churn]] = {}
    failing: dict[str, dict[str, _Churn]] = {}
    for event in events:
        if event.event_type is EventType.USER_MESSAGE or event.is_compaction:
            yield from churns.values()
            churns, unchecked, failing = {}, {}, {}
        elif event.event_type is EventType.FILE_WRITE:
            for path in _edited(event):
                churn = churns.setdefault(path, _Churn(path))
                if churn.is_checked or not churn.edits:
                    churn.edits.append(event)
                    churn.is_checked = False
                    unchecked.setdefault(churn.program, []).append(churn)
        elif not _is_check(event):
            continue
        elif event.error is not None:
            if unchecked and (program := _program(event)):
                for churn in (*unchecked.pop("", ()), *unchecked.pop(program, ())):
                    churn.program = program
                    churn.failures.append(event)
                    churn.is_checked = True
                    failing.setdefault(program, {})[churn.path] = churn
        elif failing:
            program = _program(event)
            if program in failing:
                unchecked.pop(program, None)
                for path in failing.pop(program):
                    yield churns.pop(path)
    yield from churns.values()


def _edited(event: SessionEvent) -> tuple[str, ...]:
    if event.error is not None or event.tool is None or event.tool.is_rejected:
        return ()
    return tuple(dict.fromkeys(access.path for access in event.tool.accesses if access.is_write))


def _is_check(event: SessionEvent) -> bool:
    """Whether the event is a shell command that may check something."""
    tool = event.tool
    return tool is not None and tool.kind is ToolKind.SHELL and not tool.is_poll and not was_called_off(event)


def _program(event: SessionEvent) -> str:
    command = command_of(event)
    return shell_program(command) if command else ""

"""Rule `failed-retry`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import ClassVar, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import TOOL_EVENTS, command_of, is_change, tool_name, was_called_off
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.round_claims import basis_of_claims, round_claims
from otel_sessionopt.analyzers.shell_program import shell_program
from otel_sessionopt.session.facts.failures import failed_events
from otel_sessionopt.session.model import EventType, Session, SessionEvent


class _Attempt(NamedTuple):
    """What a row of failures is about. `program` is empty for anything but a shell command."""

    context: str
    tool: str
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRetryAnalyzer(BaseAnalyzer):
    """Finds tools that failed several times in a row although nothing was changed in between.

    ## Why it matters

    The second failure says what the first one said. Every further try costs its error text and a model call that
    carries the whole prompt.

    ## How it is detected

    Failures are counted in a row per tool and context (an agent has its own). Model calls and other tools' calls in
    between do not end a row. For a shell, the tool is the program with its first argument (`go test`, `npm run
    build`): different commands that fail are no retries of each other. A later failure joins a row only when the agent
    could know of the one before: a model call lies between, or the arguments are the same.

    In a session recorded by hand ERROR events count as failures, per tool where they name one; a tool event right
    before an ERROR is the call that failed.

    ## How waste is estimated

    The error texts of all failures but the first and the arguments written for them, entered and carried, and the model
    calls that did nothing but ask for them; not the other model calls in between. `measured` where the numbers of the
    calls or the source state the sizes, else `estimated`.

    ## When it stays silent

    - A success of the tool ends the row, and so does a person's message.
    - A successful write by any tool, an unknown command that may have written, or a sub-agent's work in between is an
      attempt to fix it: a new row begins.
    - Calls that the user refused or that were cancelled, errors marked `recovered`, polls of a running process.
    - Calls that were sent together: none of them could know that another would fail.

    ## What to do

    Have the agent read the error and change something (the command, the arguments, the environment) before it tries
    again, or stop and ask.

    ## Sources

    - 454 Claude Code sessions of working developers: consecutive failures are separated by model calls; results of
      failed calls are 0.3 % of input cost.
    - OpenTelemetry GenAI conventions: `error.type` marks a failed operation.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="failed-retry",
        title="Failed retry",
        category=Category.RELIABILITY,
        severity=Severity.HIGH,
        requires=frozenset({Fact.TOOL_CALLS}),
    )

    min_failures: int = threshold(
        2, unit="failures", ge=2, le=1000, doc="Failures in a row, the first included, before it counts."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context, tool and program."""
        if len(failed_events(session)) < self.min_failures:
            return
        grouped: dict[_Attempt, list[list[SessionEvent]]] = {}
        for attempt, row in _Rows(session).find():
            if len(row) >= self.min_failures:
                grouped.setdefault(attempt, []).append(row)
        in_vain = {event.id for rows in grouped.values() for row in rows for event in row[1:]}
        for attempt, rows in grouped.items():
            yield self._issue(session, attempt, rows, in_vain)

    def _issue(
        self, session: Session, attempt: _Attempt, rows: Sequence[Sequence[SessionEvent]], in_vain: Collection[str]
    ) -> EfficiencyIssue:
        retries = [event for row in rows for event in row[1:]]
        claims = round_claims(session, retries, in_vain)
        failures = sum(len(row) for row in rows)
        tool = tool_name(rows[0][0])
        what = tool or "one operation"
        if attempt.program:
            what = f"{attempt.program} ({tool})" if tool else attempt.program
        in_rows = "in a row" if len(rows) == 1 else f"in {len(rows)} rows"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, *attempt),
            issue_type=IssueType.FAILED_RETRY,
            severity=Severity.HIGH,
            description=f"{failures} failures of {what} {in_rows}, with no change in between.",
            suggestion="Read the error and change the command, the arguments or the environment before trying again.",
            events_involved=[event.id for row in rows for event in row],
            metadata={"tool_name": tool, "program": attempt.program, "failures": failures, "rows": len(rows)},
            waste=ledger_waste(session, claims, basis_of_claims(session, claims, retries)),
        )


class _Rows:
    """Rows of failures of a session, found in one pass."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open: dict[_Attempt, list[SessionEvent]] = {}
        self._closed: list[tuple[_Attempt, list[SessionEvent]]] = []
        self._model_call_ns: dict[str, int] = {}  # start of the newest model call by context

    def find(self) -> list[tuple[_Attempt, list[SessionEvent]]]:
        """Every row, also those of one failure."""
        events = self._session.events
        for event, following in zip_longest(events, events[1:]):
            if event.event_type is EventType.AI_RESPONSE:
                if event.start_ns is not None:
                    self._model_call_ns[event.context] = event.start_ns
            elif event.event_type is EventType.USER_MESSAGE:
                self._close([attempt for attempt in self._open if attempt.context == event.context])
            elif event.event_type is EventType.ERROR or event.event_type in TOOL_EVENTS:
                self._take(event, following)
        self._close(list(self._open))
        return self._closed

    def _take(self, event: SessionEvent, following: SessionEvent | None) -> None:
        tool = event.tool
        if was_called_off(event) or (tool is not None and tool.is_poll):
            return
        if _is_failure(event):
            row = self._open.setdefault(_attempt(event), [])
            if not row or self._is_retry(row[-1], event):
                row.append(event)
        elif self._open and not _is_followed_by_its_error(event, following):
            self._end_by_success(event)

    def _end_by_success(self, event: SessionEvent) -> None:
        if is_change(event):
            self._close(list(self._open))
            return
        context, tool = event.context, tool_name(event).lower()
        # A recorded error without a tool's name may have been this tool's.
        tools = (tool,) if context else (tool, "")
        rows = [attempt for attempt in self._open if attempt.context == context and attempt.tool in tools]
        if rows:
            program = _attempt(event).program
            self._close([attempt for attempt in rows if attempt.program in (program, "")])

    def _is_retry(self, before: SessionEvent, event: SessionEvent) -> bool:
        """Whether who made this call could know that the one before had failed."""
        if not event.context or before.end_ns is None or event.start_ns is None:
            return True
        if event.start_ns < before.end_ns:
            return False
        model_call_ns = self._model_call_ns.get(event.context)
        if model_call_ns is None or model_call_ns >= before.end_ns:
            return True
        return _arguments_hash(event) is not None and _arguments_hash(event) == _arguments_hash(before)

    def _close(self, attempts: Iterable[_Attempt]) -> None:
        self._closed += [(attempt, self._open.pop(attempt)) for attempt in attempts]


def _is_failure(event: SessionEvent) -> bool:
    is_error = event.error is not None or event.event_type is EventType.ERROR
    return is_error and event.data.get("recovered") is not True


def _is_followed_by_its_error(event: SessionEvent, following: SessionEvent | None) -> bool:
    """Whether the next event of a recording by hand says that this tool call failed."""
    is_recorded_call = not event.context and event.event_type is not EventType.ERROR
    return is_recorded_call and following is not None and following.event_type is EventType.ERROR


def _attempt(event: SessionEvent) -> _Attempt:
    command = command_of(event)
    name = tool_name(event)
    if not name and event.event_type is EventType.ERROR and event.span_id is not None:
        name = event.name  # an ordinary operation of the program: its span name
    return _Attempt(event.context, name.lower(), shell_program(command) if command else "")


def _arguments_hash(event: SessionEvent) -> int | None:
    return event.tool.arguments_hash if event.tool is not None else None

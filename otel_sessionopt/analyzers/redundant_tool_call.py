"""Rule `redundant-tool-call`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import command_of, size_of, size_text, tool_name
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.round_claims import basis_of_claims, round_claims
from otel_sessionopt.analyzers.shell_program import shell_program
from otel_sessionopt.session.facts.repeats import Turn, quiet_stretches
from otel_sessionopt.session.model import EventType, Session


class _Asked(NamedTuple):
    """What an issue is about. `program` is empty for anything but a shell command."""

    context: str
    tool: str
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RedundantToolCallAnalyzer(BaseAnalyzer):
    """Finds tool calls made again with equal arguments and an equal result, although nothing changed in between.

    ## Why it matters

    The second result says what the first one said. It is billed when it enters the prompt and carried from then on, and
    the model call that asked for it carried the whole prompt for nothing.

    ## How it is detected

    Two successful calls of one tool in one context with equal arguments (their canonical form) and equal results, when
    nothing that may have changed the answer lies between them. Shell commands are judged where they are known to
    change nothing, other tools where they are known or their names say that they read (`get`, `list`, `search`).

    ## How waste is estimated

    The results of all equal calls but the first and the arguments written for them, entered and carried, and the model
    calls that did nothing but ask for them. `measured` where the numbers of the calls or the source state the sizes,
    else `estimated`.

    ## When it stays silent

    - After a successful write, a command or tool that may have changed something, a sub-agent's work, a compaction, or
      a person's message or refusal.
    - Another result is news: asking until there is some was polling, and so are calls that wait or ask how something
      goes on (`sleep`, `get_run_status`, `kubectl get`).
    - Cursors that move (next page, scroll), and tools that act with each call (`create`, `click`) or may do so.
    - Results without text (pictures, empty output) and calls whose arguments or results were not recorded.
    - File reads and searches, which have rules of their own, and failures, which `failed-retry` judges.
    - The same call in another context.

    ## What to do

    Have the agent use the earlier result. Where it asks because it cannot see that result any more, keep what it needs
    in its notes.

    ## Sources

    - 454 Claude Code sessions of working developers: equal calls with equal results occur, rarely in a row.
    - Codex sessions repeat identical calls mostly by polling (180 of 187 runs of three or more).
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="redundant-tool-call",
        title="Redundant tool call",
        category=Category.REDUNDANCY,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.TOOL_ARGUMENTS}),
    )

    min_calls: int = threshold(
        2, unit="calls", ge=2, le=1000, doc="Equal calls, the necessary one included, before it counts."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context, tool and program."""
        grouped: dict[_Asked, list[list[Turn]]] = {}
        for stretch in quiet_stretches(session):
            for run in _runs(stretch):
                if len(run) >= self.min_calls:
                    grouped.setdefault(_asked(run[0]), []).append(run)
        in_vain = {turn.event.id for runs in grouped.values() for run in runs for turn in run[1:]}
        for asked, runs in grouped.items():
            yield self._issue(session, asked, runs, in_vain)

    def _issue(
        self, session: Session, asked: _Asked, runs: Sequence[Sequence[Turn]], in_vain: Collection[str]
    ) -> EfficiencyIssue:
        repeats = [turn.event for run in runs for turn in run[1:]]
        calls = sum(len(run) for run in runs)
        tool = tool_name(runs[0][0].event)
        what = f"{asked.program} ({tool})" if asked.program else tool
        size = size_text([size_of(session, event) for event in repeats])
        claims = round_claims(session, repeats, in_vain)
        return EfficiencyIssue(
            id=issue_id(self.meta.id, *asked),
            issue_type=IssueType.REDUNDANT_TOOL_CALL,
            severity=Severity.MEDIUM,
            description=f"{len(repeats)} of {calls} calls of {what} brought back what an earlier one had ({size}).",
            suggestion="Use the result of the earlier call instead of calling again while nothing has changed.",
            events_involved=[turn.event.id for run in runs for turn in run],
            metadata={"tool_name": tool, "program": asked.program, "calls": calls, "repeats": len(repeats)},
            waste=ledger_waste(session, claims, basis_of_claims(session, claims, repeats)),
        )


def _runs(stretch: Sequence[Turn]) -> Iterator[list[Turn]]:
    """Equal calls with equal results and with nothing in between that may have changed them, two or more each."""
    runs: dict[tuple[str, int], list[Turn]] = {}
    for turn in stretch:
        if turn.event.event_type is not EventType.TOOL_CALL or turn.has_failed or turn.acts:
            continue
        run = runs.setdefault(turn.asked, [])
        if run and run[-1].outcome != turn.outcome:
            run.clear()  # news: what came before was polling
        elif run and run[-1].changes != turn.changes:
            if len(run) > 1:
                yield run
            run = runs[turn.asked] = []
        run.append(turn)
    yield from (run for run in runs.values() if len(run) > 1)


def _asked(turn: Turn) -> _Asked:
    command = command_of(turn.event)
    return _Asked(turn.event.context, turn.asked[0], shell_program(command) if command else "")

"""Rule `no-progress-loop`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Final, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import command_of, file_path, tool_name
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.round_claims import basis_of_claims, round_claims
from otel_sessionopt.analyzers.shell_program import shell_program
from otel_sessionopt.session.facts.repeats import Turn, quiet_stretches
from otel_sessionopt.session.model import Session

# Failures of one kind differ in times and counts, not in what they say: their texts may differ by so much.
_SIZE_RATIO: Final = 0.1
_SIZE_TOKENS: Final = 10
_NAMED_CALLS: Final = 4


class _Loop(NamedTuple):
    """Turns of which each is like the one `period` turns before it, apart from the first `period`."""

    turns: Sequence[Turn]
    period: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoProgressLoopAnalyzer(BaseAnalyzer):
    """Finds an agent that goes in circles: the same calls over and over with the same results.

    ## Why it matters

    Each turn of the circle is a model call with the whole prompt and brings nothing. Nobody may be watching: loops end
    when a budget does.

    ## How it is detected

    A cycle of one to `max_period` tool calls that occurs `min_repeats` times in a row in one context, with equal
    arguments and with equal results, or with failures of one kind and size. Each call began after the one that it
    repeats had ended, and nothing changed in between.

    ## How waste is estimated

    Everything after the first cycle: the model calls that did nothing but ask for the repeated calls, and their results
    and arguments, entered and carried. `measured` where the numbers of the calls or the source state the sizes, else
    `estimated`.

    ## When it stays silent

    - Any other result, also after the loop before something changed: that was polling, and it ended with news.
    - A successful write, a sub-agent's work, a compaction or a person's message or refusal between the repeats.
    - Polls, `sleep`, questions how something goes on, and cursors that move.
    - Calls that succeed and act (a key pressed three times, an unknown command that prints the same each time).
    - Calls sent together, and calls whose arguments were not recorded.
    - Two turns of a cycle: the other rules judge repeats that are no loop.

    ## What to do

    Stop the agent after the second equal failure: have it change its approach or ask. Set a limit of turns.

    ## Sources

    - anthropics/claude-code#30150: loops are the second most common class of bug reports; one of 187 calls cost $41.20.
    - NousResearch/hermes-agent#67829: 85 identical calls in a row.
    - Codex sessions: 180 of 187 runs of three or more identical calls are polls of a running process.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="no-progress-loop",
        title="No progress loop",
        category=Category.RELIABILITY,
        severity=Severity.HIGH,
        requires=frozenset({Fact.TOOL_ARGUMENTS}),
    )

    min_repeats: int = threshold(
        3, unit="cycles", ge=2, le=1000, doc="Equal cycles in a row before they are a loop (two are a second look)."
    )
    max_period: int = threshold(
        4, unit="calls", ge=1, le=20, doc="Longest cycle looked for; longer ones were not seen in reports of loops."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context and cycle of calls."""
        grouped: dict[tuple[str, ...], list[_Loop]] = {}
        for stretch in quiet_stretches(session):
            for loop in self._loops(stretch):
                calls = sorted({_call_name(turn) for turn in loop.turns[: loop.period]})
                grouped.setdefault((loop.turns[0].event.context, *calls), []).append(loop)
        for (context, *calls), loops in grouped.items():
            yield self._issue(session, context, calls, loops)

    def _issue(self, session: Session, context: str, calls: list[str], loops: Sequence[_Loop]) -> EfficiencyIssue:
        repeats = [turn.event for loop in loops for turn in loop.turns[loop.period :]]
        longest = max(len(loop.turns) // loop.period for loop in loops)
        claims = round_claims(session, repeats)
        named = ", ".join(calls[:_NAMED_CALLS])
        return EfficiencyIssue(
            id=issue_id(self.meta.id, context, *calls),
            issue_type=IssueType.NO_PROGRESS_LOOP,
            severity=Severity.HIGH,
            description=f"{len(repeats)} calls in a loop of {named}: up to {longest} times the same, nothing new.",
            suggestion="Stop after the second equal result: change the approach, or ask; limit the number of turns.",
            events_involved=[turn.event.id for loop in loops for turn in loop.turns],
            metadata={
                "tool_name": tool_name(loops[0].turns[0].event),
                "calls": calls,
                "repeated_calls": len(repeats),
                "longest_loop": longest,
                **({"file_path": path} if (path := _only_path(loops)) else {}),
            },
            waste=ledger_waste(session, claims, basis_of_claims(session, claims, repeats)),
        )

    def _loops(self, stretch: Sequence[Turn]) -> Iterator[_Loop]:
        """Loops of a stretch, the shortest cycle first; each turn is in one loop at most."""
        # Every call of a loop is made that often.
        if not stretch or max(Counter([turn.asked for turn in stretch]).values()) < self.min_repeats:
            return
        free = 0
        while free < len(stretch):
            loop = self._loop_at(stretch, free)
            if loop is None:
                free += 1
                continue
            free += len(loop.turns)
            if not _ends_with_news(loop, islice(stretch, free, None)):
                yield loop

    def _loop_at(self, stretch: Sequence[Turn], start: int) -> _Loop | None:
        """The loop that begins at a turn."""
        for period in range(1, self.max_period + 1):
            end = start + period
            while end < len(stretch) and _is_repeat(stretch[end - period], stretch[end]):
                end += 1
            if end - start >= self.min_repeats * period:
                return _Loop(stretch[start:end], period)
        return None


def _is_repeat(before: Turn, turn: Turn) -> bool:
    if before.asked != turn.asked or before.outcome != turn.outcome or (turn.acts and not turn.has_failed):
        return False
    ended, started = before.event.end_ns, turn.event.start_ns
    if ended is not None and started is not None and started < ended:
        return False
    return not turn.has_failed or _are_alike(before.event.content_tokens or 0, turn.event.content_tokens or 0)


def _are_alike(before: int, size: int) -> bool:
    return abs(before - size) <= max(_SIZE_TOKENS, _SIZE_RATIO * before)


def _ends_with_news(loop: _Loop, following: Iterable[Turn]) -> bool:
    """Whether one of the calls finds something else by itself later, before anything may have changed."""
    last = {turn.asked: turn for turn in loop.turns}
    for turn in following:
        if turn.asked in last:
            before = last[turn.asked]
            return turn.outcome != before.outcome and not (turn.has_failed and before.has_failed)
        if turn.acts:
            return False
    return False


def _call_name(turn: Turn) -> str:
    command = command_of(turn.event)
    return shell_program(command) if command else tool_name(turn.event)


def _only_path(loops: Iterable[_Loop]) -> str | None:
    """The file that every call is about, where it is one: paths can be ignored."""
    paths = {file_path(turn.event) for loop in loops for turn in loop.turns}
    return paths.pop() if len(paths) == 1 else None

"""Rule `repeated-search`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.content import search_query, size_of, size_text
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.analyzers.round_claims import basis_of_claims, round_claims
from otel_sessionopt.analyzers.search_runs import Search, search_runs
from otel_sessionopt.session.model import Session, SessionEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedSearchAnalyzer(BaseAnalyzer):
    """Finds searches made again although nothing had changed since the same search before.

    ## Why it matters

    The second result says what the first one said, is billed again, and is carried along for the rest of the session.

    ## How it is detected

    Two searches are equal when tool, scope (path, glob, options) and query agree, the query lower-cased and its white
    space folded, in one context. They are repeats when nothing changed files in between and, where results are
    recorded, the results are equal too.

    Two searches are nearly equal when tool, scope and result agree, the result is more than a few words, and the
    queries share at least `min_similarity` of their words: of all words in either, those that are in both, whatever
    their order and the signs of the pattern around them (`def load`, `def load(`; `load|save`, `save|load`).

    ## How waste is estimated

    The results of all equal searches but the first and the arguments written for them, entered and carried, and the
    model calls that did nothing but ask for them. `measured` where the numbers of the calls or the source state the
    sizes, else `estimated`. What no later call carried claims nothing.

    ## When it stays silent

    - After a successful write, an unknown command that may have written (even if it failed in the end), a sub-agent's
      work, or a compaction.
    - Another result is news: a search repeated until it finds something was polling.
    - Cursors that move (next page, scroll) and polls of a running process.
    - Searches that failed or that the user refused.
    - Nearly equal queries that found nothing, or whose results differ or were not recorded.
    - The same search in another context.

    ## What to do

    Have the agent use the earlier result. If it keeps searching for the same thing, put the answer (where things are)
    into its instructions.

    ## Sources

    - 454 Claude Code sessions of working developers: exactly equal queries hardly occur, so one that does is a sign of
      lost context; nearly equal ones do occur. All search results together are 2.1 % of input cost.
    - Codex sessions repeat identical calls mostly by polling (180 of 187 runs of three or more).
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="repeated-search",
        title="Repeated search",
        category=Category.REDUNDANCY,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.TOOL_ARGUMENTS}),
    )

    min_searches: int = threshold(
        2, unit="searches", ge=2, le=1000, doc="Equal searches, the necessary one included, before it counts."
    )
    min_similarity: float = threshold(
        0.5,
        unit="ratio",
        ge=0.3,
        le=1.0,
        doc="Share of words in common from which queries with equal results are nearly equal: one of two words.",
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context and search."""
        found: dict[Search, list[list[SessionEvent]]] = {}
        for key, runs in search_runs(session, self.min_similarity).items():
            long_runs = [run for run in runs if len(run) >= self.min_searches]
            if long_runs:
                found[key] = long_runs
        in_vain = {event.id for runs in found.values() for event in _repeats(runs)}
        for key, runs in found.items():
            yield self._issue(session, key, runs, in_vain)

    def _issue(
        self, session: Session, key: Search, runs: Sequence[Sequence[SessionEvent]], in_vain: Collection[str]
    ) -> EfficiencyIssue:
        repeats = _repeats(runs)
        claims = round_claims(session, repeats, in_vain)
        size = size_text([size_of(session, event) for event in repeats])
        query = search_query(runs[0][0]) or ""
        searches = sum(len(run) for run in runs)
        near_equal = sum((search_query(event) or "").lower().split() != query.lower().split() for event in repeats)
        return EfficiencyIssue(
            id=issue_id(self.meta.id, key.context, key.tool, key.scope, key.query, str(key.long_query)),
            issue_type=IssueType.REPEATED_SEARCH,
            severity=Severity.MEDIUM,
            description=f"{len(repeats)} of {searches} searches for {query} brought nothing new ({size}).",
            suggestion="Use the result of the earlier search instead of searching again while nothing has changed.",
            events_involved=[event.id for run in runs for event in run],
            metadata={
                "query": query,
                "tool_name": key.tool,
                "searches": searches,
                "repeats": len(repeats),
                "near_equal": near_equal,
            },
            waste=ledger_waste(session, claims, basis_of_claims(session, claims, repeats)),
        )


def _repeats(runs: Iterable[Sequence[SessionEvent]]) -> list[SessionEvent]:
    """All searches but the first of each run."""
    return [event for run in runs for event in run[1:]]

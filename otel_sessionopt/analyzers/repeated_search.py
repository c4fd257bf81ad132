"""Rule `repeated-search`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.claims import waste_of_contents
from otel_sessionopt.analyzers.content import content_of, may_have_changed_files, search_query, size_text, tool_name
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity, issue_id
from otel_sessionopt.session.model import EventType, Session, SessionEvent


class _Search(NamedTuple):
    """What makes two searches the same. `long_query` tells queries apart of which only the beginning was kept."""

    context: str
    tool: str
    query: str
    scope: str
    long_query: int | None


@dataclass(slots=True)
class _Runs:
    """Equal searches of one context since files last changed, and those that were repeats for good."""

    open: dict[_Search, list[SessionEvent]] = field(default_factory=dict)
    closed: list[tuple[_Search, list[SessionEvent]]] = field(default_factory=list)

    def close(self, context: str | None = None) -> None:
        """End the open runs, all or those of one context: what comes now may find something else."""
        kept = {} if context is None else {key: run for key, run in self.open.items() if key.context != context}
        self.closed += [(key, run) for key, run in self.open.items() if key not in kept and len(run) > 1]
        self.open = kept


# A query of this length was cut by the dialect: its hash decides (`ToolUse.query`).
_KEPT_QUERY_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedSearchAnalyzer(BaseAnalyzer):
    """Finds searches made again although nothing had changed since the same search before.

    ## Why it matters

    The second result says what the first one said, is billed again, and is carried along for the rest of the session.

    ## How it is detected

    Two searches are equal when tool, scope (path, glob, options) and query agree, the query lower-cased and its white
    space folded, in one context. They are repeats when nothing changed files in between and, where results are
    recorded, the results are equal too.

    ## How waste is estimated

    Content tokens of all equal searches but the first, as billed in the model call that they first entered. `measured`
    where the source states the sizes of results, `estimated` where they come from the length of the text. A size that
    was not recorded claims nothing.

    ## When it stays silent

    - After a successful write, an unknown command that may have written (even if it failed in the end), a sub-agent's
      work, or a compaction.
    - Another result is news: a search repeated until it finds something was polling.
    - Cursors that move (next page, scroll) and polls of a running process.
    - Searches that failed or that the user refused; near-equal searches.
    - The same search in another context.

    ## What to do

    Have the agent use the earlier result. If it keeps searching for the same thing, put the answer (where things are)
    into its instructions.

    ## Sources

    - 454 Claude Code sessions of working developers: exactly equal queries hardly occur, so one that does is a sign of
      lost context. All search results together are 2.1 % of input cost.
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

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context and search."""
        for key, runs in _repeats(session).items():
            long_runs = [run for run in runs if len(run) >= self.min_searches]
            if long_runs:
                yield self._issue(session, key, long_runs)

    def _issue(self, session: Session, key: _Search, runs: Sequence[Sequence[SessionEvent]]) -> EfficiencyIssue:
        repeats = [event for run in runs for event in run[1:]]
        size = size_text([content_of(event) for event in repeats])
        query = search_query(runs[0][0]) or ""
        searches = sum(len(run) for run in runs)
        return EfficiencyIssue(
            id=issue_id(self.meta.id, key.context, key.tool, key.scope, key.query, str(key.long_query)),
            issue_type=IssueType.REPEATED_SEARCH,
            severity=Severity.MEDIUM,
            description=f"{len(repeats)} of {searches} searches for {query} brought nothing new ({size}).",
            suggestion="Use the result of the earlier search instead of searching again while nothing has changed.",
            events_involved=[event.id for run in runs for event in run],
            metadata={"query": query, "tool_name": key.tool, "searches": searches, "repeats": len(repeats)},
            waste=waste_of_contents(session, repeats),
        )


def _repeats(session: Session) -> Mapping[_Search, list[list[SessionEvent]]]:
    """Runs of two or more equal searches with nothing changed in between, by search, in order of time."""
    runs = _Runs()
    for event in session.events:
        if event.event_type is EventType.SEARCH:
            key = _key(event)
            if key is not None:
                _extend(runs.open.setdefault(key, []), event)
        elif runs.open and may_have_changed_files(event):
            runs.close()
        elif event.is_compaction:
            runs.close(event.context)
    runs.close()
    grouped: dict[_Search, list[list[SessionEvent]]] = {}
    for key, run in runs.closed:
        grouped.setdefault(key, []).append(run)
    return grouped


def _key(event: SessionEvent) -> _Search | None:
    """`None` for what is no plain, successful search."""
    tool = event.tool
    query = search_query(event)
    if query is None or event.error is not None:
        return None
    folded = " ".join(query.lower().split())
    if tool is None:
        scope = event.data.get("path") or event.data.get("scope")
        return _Search(event.context, tool_name(event), folded, scope if isinstance(scope, str) else "", None)
    if tool.is_poll or tool.is_cursor or tool.is_rejected:
        return None
    long_query = tool.query_hash if len(query) >= _KEPT_QUERY_CHARS else None
    return _Search(event.context, tool.name.lower(), folded, tool.scope, long_query)


def _extend(run: list[SessionEvent], event: SessionEvent) -> None:
    """Add an equal search to its run. A result that differs is news: what came before was polling, not waste."""
    if run and _is_news(run[-1], event):
        run.clear()
    run.append(event)


def _is_news(before: SessionEvent, event: SessionEvent) -> bool:
    old, new = _result_hash(before), _result_hash(event)
    return old is not None and new is not None and old != new


def _result_hash(event: SessionEvent) -> int | None:
    return event.tool.result.text_hash if event.tool is not None and event.tool.result is not None else None

"""Runs of searches that say the same: equal ones, and nearly equal ones with equal results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from otel_sessionopt.analyzers.content import may_have_changed_files, search_query, tool_name
from otel_sessionopt.session.model import EventType, Session, SessionEvent

# A query of this length was cut by the dialect: its hash decides (`ToolUse.query`).
_KEPT_QUERY_CHARS: Final = 200
# What a search prints that found nothing, or next to nothing: the same for queries that ask different things.
_MIN_NEAR_TOKENS: Final = 30
# Searches that found the same and that a new one is compared with. The bound can hide a repeat, not make one.
_MAX_NEAR_EQUAL: Final = 16
_WORD: Final = re.compile(r"[^\W_]+")
_PATTERN_SIGN: Final = re.compile(r"\\[a-z]")  # `\b`, `\s`: no words


class Search(NamedTuple):
    """What makes two searches the same. `long_query` tells queries apart of which only the beginning was kept."""

    context: str
    tool: str
    query: str
    scope: str
    long_query: int | None


def search_runs(session: Session, min_similarity: float) -> Mapping[Search, list[list[SessionEvent]]]:
    """Runs of two or more equal searches with nothing changed in between, by search, in order of time."""
    runs = _Runs(min_similarity)
    for event in session.events:
        if event.event_type is EventType.SEARCH:
            key = _key(event)
            if key is not None:
                runs.add(key, event)
        elif runs.open and may_have_changed_files(event):
            runs.close()
        elif event.is_compaction:
            runs.close(event.context)
    runs.close()
    grouped: dict[Search, list[list[SessionEvent]]] = {}
    for key, run in runs.closed:
        grouped.setdefault(key, []).append(run)
    return grouped


class _Found(NamedTuple):
    """What a search found, for searches whose queries differ a little."""

    context: str
    tool: str
    scope: str
    result: int


@dataclass(slots=True)
class _Runs:
    """Searches of one context that say the same since files last changed, and those that were repeats for good."""

    min_similarity: float
    open: dict[Search, list[SessionEvent]] = field(default_factory=dict)
    closed: list[tuple[Search, list[SessionEvent]]] = field(default_factory=list)
    _found: dict[_Found, list[Search]] = field(default_factory=dict)

    def add(self, search: Search, event: SessionEvent) -> None:
        """Add a search to the run that it repeats, or begin one."""
        found = _found(search, event)
        if search not in self.open and found is not None:
            search = self._near_equal(search, found, event) or search
        run = self.open.setdefault(search, [])
        if run and _is_news(run[-1], event):
            run.clear()  # a result that differs is news: what came before was polling, not waste
        run.append(event)
        if found is not None:
            known = self._found.setdefault(found, [])
            if search not in known and len(known) < _MAX_NEAR_EQUAL:
                known.append(search)

    def close(self, context: str | None = None) -> None:
        """End the open runs, all or those of one context: what comes now may find something else."""
        kept = {} if context is None else {key: run for key, run in self.open.items() if key.context != context}
        self.closed += [(key, run) for key, run in self.open.items() if key not in kept and len(run) > 1]
        self.open = kept
        self._found = {} if context is None else {key: near for key, near in self._found.items() if near[0] in kept}

    def _near_equal(self, search: Search, found: _Found, event: SessionEvent) -> Search | None:
        """An earlier search with nearly the same words that found the same."""
        for earlier in self._found.get(found, ()):
            if _similarity(earlier.query, search.query) >= self.min_similarity:
                run = self.open.get(earlier)
                if run and not _is_news(run[-1], event):
                    return earlier
        return None


def _key(event: SessionEvent) -> Search | None:
    """`None` for what is no plain, successful search."""
    tool = event.tool
    query = search_query(event)
    if query is None or event.error is not None:
        return None
    folded = " ".join(query.lower().split())
    if tool is None:
        scope = event.data.get("path") or event.data.get("scope")
        return Search(event.context, tool_name(event), folded, scope if isinstance(scope, str) else "", None)
    if tool.is_poll or tool.is_cursor or tool.is_rejected:
        return None
    long_query = tool.query_hash if len(query) >= _KEPT_QUERY_CHARS else None
    return Search(event.context, tool.name.lower(), folded, tool.scope, long_query)


def _found(search: Search, event: SessionEvent) -> _Found | None:
    """`None` where the result says too little to be compared by it alone."""
    result = _result_hash(event)
    if result is None or (event.content_tokens or 0) < _MIN_NEAR_TOKENS:
        return None
    return _Found(search.context, search.tool, search.scope, result)


def _similarity(query: str, other: str) -> float:
    """Words that two queries share, of all that are in either; 0 where one has none."""
    words, others = _words(query), _words(other)
    return len(words & others) / len(words | others) if words and others else 0.0


def _words(query: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_PATTERN_SIGN.sub(" ", query)))


def _is_news(before: SessionEvent, event: SessionEvent) -> bool:
    old, new = _result_hash(before), _result_hash(event)
    return old is not None and new is not None and old != new


def _result_hash(event: SessionEvent) -> int | None:
    return event.tool.result.text_hash if event.tool is not None and event.tool.result is not None else None

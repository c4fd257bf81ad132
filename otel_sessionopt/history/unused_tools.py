"""Tools that an agent was offered and never called, over several of its sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.dialects.tool_names import tool_name
from otel_sessionopt.report import figures as shown
from otel_sessionopt.report.masking import clean_text

if TYPE_CHECKING:
    from otel_sessionopt.store.protocol import Store
    from otel_sessionopt.store.records import SessionQuery, StoredSession

MIN_SESSIONS: Final = 5
"""Sessions without a call of a tool from which it is an issue; one says little (origin: the rule's reference)."""
_RULE: Final = "unused-tools"
_TYPE: Final = "UNUSED_TOOLS"
# Newest sessions that are looked at; a tool that was last called before them is not used any more.
_MAX_SESSIONS: Final = 100
_NAMED_TOOLS: Final = 5


def with_unused_tools(stats: dict[str, Any], store: Store, query: SessionQuery) -> dict[str, Any]:
    """Statistics with `unused_tools`, where there are any: for each agent `agent`, `sessions`, `tokens` and `tools`.

    `tokens` is what their definitions take in every call, `tools` gives it by name; `sessions` is the least number of
    sessions that were offered one of them.
    """
    found = unused_tools(store, store.find(replace(query, limit=_MAX_SESSIONS)))
    return {**stats, "unused_tools": found} if found else stats


def with_unused_sentences(
    comparison: dict[str, Any], store: Store, sessions: Sequence[StoredSession]
) -> dict[str, Any]:
    """A comparison whose recommendations begin with the tools that none of its sessions called."""
    sentences = [f"{sentence_of(each)}." for each in unused_tools(store, sessions)]
    return {**comparison, "recommendations": [*sentences, *comparison["recommendations"]]} if sentences else comparison


def sentence_of(unused: Mapping[str, Any]) -> str:
    """One agent's unused tools in words, without a full stop."""
    tools = list(unused["tools"])
    named = ", ".join(clean_text(name) for name in tools[:_NAMED_TOOLS]) + (" …" if len(tools) > _NAMED_TOOLS else "")
    return (
        f"{clean_text(unused['agent']) or 'the agent'} never called {shown.count(len(tools), 'tool')} that it was "
        f"offered in {shown.count(unused['sessions'], 'session')} or more ({unused['tokens']:,} tokens a call): {named}"
    )


def unused_tools(store: Store, sessions: Sequence[StoredSession]) -> list[dict[str, Any]]:
    """By agent, the tools that at least `MIN_SESSIONS` of these sessions were offered and none called."""
    analysed = [each for each in sessions if each.figures is not None]
    if sum(_TYPE in each.figures.issues for each in analysed if each.figures is not None) < MIN_SESSIONS:
        return []
    offered: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    called: set[str] = set()
    for stored in analysed:
        told: dict[tuple[str, str], int] = {}
        for report in store.reports(stored.session.id):
            called.update(_called(report))
            for agent, name, tokens in _unused(report):
                told[agent, name] = max(told.get((agent, name), 0), tokens)
        for (agent, name), tokens in told.items():
            offered[agent][name].append(tokens)
    rows = []
    for agent, by_name in sorted(offered.items()):
        never = {
            name: sizes for name, sizes in by_name.items() if len(sizes) >= MIN_SESSIONS and _key(name) not in called
        }
        if never:
            tools = {name: max(sizes) for name, sizes in never.items()}
            rows.append(
                {
                    "agent": agent,
                    "sessions": min(len(sizes) for sizes in never.values()),
                    "tokens": sum(tools.values()),
                    "tools": dict(sorted(tools.items(), key=lambda each: (-each[1], each[0]))),
                }
            )
    return rows


def _unused(report: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Agent, tool and tokens, of all that a report tells as unused."""
    for issue in report.get("issues") or ():
        if issue.get("code") == _RULE:
            metadata = issue.get("metadata") or {}
            for name, tokens in (metadata.get("unused_tools") or {}).items():
                yield str(metadata.get("agent") or ""), name, int(tokens)


def _called(report: Mapping[str, Any]) -> Iterable[str]:
    """Keys of the tools whose arguments or results a session was billed for, or that its issue knows as called."""
    ledger = report.get("ledger") or {}
    for source in (ledger.get("total") or {}).get("children") or ():
        yield from (_key(str(tool.get("name"))) for tool in source.get("children") or ())
    for issue in report.get("issues") or ():
        if issue.get("code") == _RULE:
            yield from (_key(str(name)) for name in (issue.get("metadata") or {}).get("called_tools") or ())


def _key(name: str) -> str:
    return tool_name(name).key

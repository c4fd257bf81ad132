from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from otel_sessionopt.history.unused_tools import sentence_of, unused_tools, with_unused_sentences, with_unused_tools
from otel_sessionopt.store.memory import MemoryStore
from otel_sessionopt.store.records import IssueTally, SessionQuery
from tests.store.samples import figures, trace

CRM = {"mcp__crm__find": 2_000, "mcp__crm__merge": 1_000}
HINT = figures(issues={"UNUSED_TOOLS": IssueTally(1, 0)})


def _report(
    unused: Mapping[str, int] | None, *, called: Iterable[str] = (), billed: Iterable[str] = ()
) -> dict[str, Any]:
    """A report with the hint of the rule, where there is one, and tools whose results were billed."""
    metadata = {"agent": "coder", "unused_tools": dict(unused or {}), "called_tools": list(called)}
    results = {"name": "tool_result", "children": [{"name": name, "children": []} for name in billed]}
    return {
        "issues": [] if unused is None else [{"code": "unused-tools", "metadata": metadata}],
        "ledger": {"total": {"name": "total", "children": [results]}},
    }


def _store(*reports: Mapping[str, Any]) -> MemoryStore:
    store = MemoryStore()
    for number, report in enumerate(reports, 1):
        of = HINT if report["issues"] else figures(issues={})
        assert store.put_trace(replace(trace(number, day=number, of=of), report=report))
    return store


def _found(store: MemoryStore) -> list[dict[str, Any]]:
    return unused_tools(store, store.find(SessionQuery()))


def test_tools_that_five_sessions_were_offered_and_none_called_are_told() -> None:
    store = _store(*[_report(CRM, called=["read"])] * 5)
    assert _found(store) == [{"agent": "coder", "sessions": 5, "tokens": 3_000, "tools": CRM}]


def test_four_sessions_say_too_little() -> None:
    assert _found(_store(*[_report(CRM)] * 4, _report(None))) == []


def test_a_tool_that_another_session_called_is_used() -> None:
    store = _store(*[_report(CRM)] * 5, _report({"mcp__crm__find": 2_000}, called=["mcp__crm__merge"]))
    assert [row["tools"] for row in _found(store)] == [{"mcp__crm__find": 2_000}]


def test_a_tool_that_a_session_without_the_hint_called_is_used() -> None:
    store = _store(*[_report(CRM)] * 5, _report(None, billed=["find"]))
    assert [row["tools"] for row in _found(store)] == [{"mcp__crm__merge": 1_000}]


def test_a_tool_that_was_offered_in_fewer_sessions_than_others_is_not_told() -> None:
    store = _store(*[_report({**CRM, "rare": 9_000})] * 4, _report(CRM))
    assert [row["tools"] for row in _found(store)] == [CRM]


def test_an_empty_history_is_silent() -> None:
    assert _found(MemoryStore()) == []


def test_statistics_gain_a_key_only_where_something_is_found() -> None:
    stats = {"agent": "coder"}
    assert with_unused_tools(stats, _store(_report(CRM)), SessionQuery(agent="coder")) == stats
    told = with_unused_tools(stats, _store(*[_report(CRM)] * 5), SessionQuery(agent="coder"))
    assert [row["sessions"] for row in told["unused_tools"]] == [5]


def test_a_comparison_of_five_sessions_begins_with_it() -> None:
    store = _store(*[_report(CRM)] * 5)
    comparison = {"recommendations": ["x"]}
    sessions = store.find(SessionQuery())
    assert with_unused_sentences(comparison, store, sessions[:4]) == comparison
    assert with_unused_sentences(comparison, store, sessions)["recommendations"] == [
        "coder never called 2 tools that it was offered in 5 sessions or more (3,000 tokens a call): "
        "mcp__crm__find, mcp__crm__merge.",
        "x",
    ]


def test_hostile_names_are_made_harmless() -> None:
    row = {"agent": "co\x1b[31mder", "sessions": 5, "tokens": 1, "tools": {"a\x1b[2Jb": 1}}
    assert "\x1b" not in sentence_of(row)

"""Real Claude Code and Codex sessions against the independent recount that comes with them."""

from __future__ import annotations

import json
import lzma
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from otel_sessionopt.dialects.digest import ToolKind, ToolUse
from otel_sessionopt.dialects.results import line_weight
from otel_sessionopt.dialects.tool_calls import read_tool_call


class RealCall(NamedTuple):
    """One real call: what the recount says, and what we read."""

    counted: dict[str, Any]
    use: ToolUse


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def blocks_of(entry: dict[str, Any]) -> list[dict[str, Any]]:
    content = (entry.get("message") or {}).get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


@pytest.fixture(scope="module")
def calls(shared_data: Path) -> list[RealCall]:
    folder = shared_data / "claude-code-sessions"
    counted = {(call["session"], call["call_id"]): call for call in json_lines(folder / "calls.jsonl.xz")}
    found: list[RealCall] = []
    for path in sorted(folder.glob("*__*.jsonl.xz")):
        session = path.name.removesuffix(".jsonl.xz")
        open_calls: dict[str, tuple[str, Any, str | None]] = {}
        for entry in json_lines(path):
            for block in blocks_of(entry):
                if block.get("type") == "tool_use":
                    open_calls.setdefault(block["id"], (block["name"], block["input"], entry.get("cwd")))
                elif block.get("type") == "tool_result" and (
                    call := counted.pop((session, block["tool_use_id"]), None)
                ):
                    name, arguments, workdir = open_calls[block["tool_use_id"]]
                    read = read_tool_call(name, arguments, block["content"], workdir=workdir)
                    found.append(RealCall(call, read.use))
    return found


def test_line_weights_are_those_of_the_recount(calls: list[RealCall]) -> None:
    reads = [call for call in calls if call.counted.get("kind") == "read"]
    weights = [sum(map(line_weight, (use.result and use.result.lines) or ())) for _, use in reads]

    assert len(reads) == 372
    assert weights == [counted.get("line_chars") or 0 for counted, _ in reads]
    assert sum(weights) == 2_005_770


def test_sizes_are_those_of_the_recount_but_for_pictures(calls: list[RealCall]) -> None:
    others = [
        call for call in calls if call.use.result is None or call.use.result.chars != call.counted["result_chars"]
    ]

    assert len(calls) == 1_769
    # The recount puts `[image]` for a picture.
    assert {call.use.name for call in others} == {"get_screenshot"}
    assert all(call.use.result and call.counted["result_chars"] - (call.use.result.chars or 0) == 8 for call in others)


def test_tools_are_classified_as_in_the_recount(calls: list[RealCall]) -> None:
    kinds = Counter(
        (counted["kind"], use.kind.value) for counted, use in calls if counted.get("kind") not in (None, "shell")
    )

    assert kinds == {
        ("read", "read"): 372,
        ("edit", "write"): 369,
        ("search", "search"): 209,
        ("search", "web"): 17,  # WebFetch and WebSearch, which the recount calls searches
    }


def test_every_read_and_edit_names_its_file(calls: list[RealCall]) -> None:
    unnamed = [
        call.use.name for call in calls if call.counted.get("kind") in ("read", "edit") and not call.use.accesses
    ]

    assert unnamed == []


def test_most_real_commands_are_understood(calls: list[RealCall], shared_data: Path) -> None:
    commands = [use for counted, use in calls if counted.get("kind") == "shell"]
    for path in sorted((shared_data / "codex-copilot-sessions").glob("agentv__*.xz")):
        for entry in json_lines(path):
            payload = entry.get("payload") or {}
            if payload.get("type") == "function_call" and payload["name"] == "exec_command":
                commands.append(read_tool_call(payload["name"], payload["arguments"], None).use)
    kinds = Counter(use.kind for use in commands)
    unknown = sum(use.may_write and not use.accesses for use in commands)

    assert len(commands) == 978
    # These are scripts, package scripts that do not say what they do, commits, check-outs and programs of the user's.
    assert unknown == 270
    assert (kinds[ToolKind.READ], kinds[ToolKind.SEARCH], kinds[ToolKind.WRITE]) == (108, 109, 15)

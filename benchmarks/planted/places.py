"""Where in a draft something can be planted."""

from __future__ import annotations

from typing import Final

from .caching import answers_tool
from .draft import Draft, UnfitError
from .transcript import Call

# Tools of Claude Code that change nothing.
READ_ONLY_TOOLS: Final = frozenset({"Read", "Grep", "Glob", "LS", "ToolSearch", "TodoRead"})
_MAX_QUIET_CALLS: Final = 4


def places(draft: Draft, *, later: int = 2) -> list[Call]:
    """Calls that a round can be inserted before.

    Each answers tool results, reads its cache, and is followed by at least `later` calls before a compaction, none of
    which dropped what is inserted (a person who goes back in the conversation, cleared results).
    """
    main = draft.main
    lowest = [0] * len(main)  # the shortest prompt of a call's segment from there on
    remaining = [0] * len(main)
    for index in range(len(main) - 1, -1, -1):
        goes_on = index + 1 < len(main) and main[index + 1].segment == main[index].segment
        lowest[index] = min(main[index].usage.prompt, lowest[index + 1] if goes_on else 10**9)
        remaining[index] = 1 + remaining[index + 1] if goes_on else 0
    return [
        call
        for index, call in enumerate(main)
        if index
        and call.segment == main[index - 1].segment
        and remaining[index] >= later
        and lowest[index] >= 0.97 * call.usage.prompt
        and call.usage.read >= 0.9 * main[index - 1].usage.cached > 0
        and call.first.value.get("parentUuid")
        and _has_all_results(draft, call)
        and answers_tool(draft, call)
    ]


def a_place(draft: Draft, *, later: int = 2) -> Call:
    """One of the places. Raises `UnfitError` where there is none."""
    found = places(draft, later=later)
    if not found:
        raise UnfitError("no place for a round")
    return draft.random.choice(found)


def two_places(draft: Draft, *, later: int = 2) -> tuple[Call, Call]:
    """Two places in order, in one segment, at most some calls apart; the same one twice where there is only one."""
    found = places(draft, later=later)
    if not found:
        raise UnfitError("no place for a round")
    index = draft.random.randrange(len(found))
    second = found[min(index + draft.random.randint(1, 6), len(found) - 1)]
    return (found[index], second) if second.segment == found[index].segment else (found[index], found[index])


def quiet_places(draft: Draft, *, later: int = 2) -> tuple[Call, Call]:
    """Two places in order between which nothing is changed; the same one twice where there are no others."""
    found = places(draft, later=later)
    if not found:
        raise UnfitError("no place for a round")
    main = draft.main
    order = {id(call): index for index, call in enumerate(main)}
    pairs = [
        (first, second)
        for first in found
        for second in found
        if 0 < order[id(second)] - order[id(first)] <= _MAX_QUIET_CALLS
        and first.segment == second.segment
        and all(_is_quiet(call) for call in main[order[id(first)] : order[id(second)]])
    ]
    if not pairs:
        place = draft.random.choice(found)
        return place, place
    return draft.random.choice(pairs)


def _is_quiet(call: Call) -> bool:
    tools = call.tools
    return bool(tools) and all(block.get("name") in READ_ONLY_TOOLS for block in tools)


def _has_all_results(draft: Draft, call: Call) -> bool:
    """Whether the tools that were asked for before a call have answered before it."""
    asked: set[str] = set()
    answered: set[str] = set()
    for line in draft.lines[: draft.position(call.first)]:
        for block in line.blocks:
            if block.get("type") == "tool_use":
                asked.add(str(block.get("id")))
            elif block.get("type") == "tool_result":
                answered.add(str(block.get("tool_use_id")))
    return asked <= answered

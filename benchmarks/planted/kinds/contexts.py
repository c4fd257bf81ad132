"""Compactions that take away what is needed, and sub-agents that do work twice."""

from __future__ import annotations

import json
from pathlib import PureWindowsPath
from typing import Final

from ..agents import Agent, add_agents
from ..caching import compact
from ..draft import Draft, UnfitError
from ..places import a_place, places
from ..planting import Key, Kind, Planting, decoy_of, plant_of
from ..rounds import Request, add_round
from ..tools import fresh_read, same
from ..transcript import Call

_CALLS_AFTER: Final = 25  # as far as re-reads after a compaction may be looked for
_INHERITED_TOKENS: Final = 26_000


def compaction_and_rereads(draft: Draft) -> Planting:
    """Three files are read, a compaction takes them away, and they are read again at once."""
    return _compaction(draft, with_rereads=True)


def compaction_alone(draft: Draft) -> Planting:
    """Decoy: three files are read, and after the compaction nobody needs them again."""
    return _compaction(draft, with_rereads=False)


def compaction_and_other_reads(draft: Draft) -> Planting:
    """Decoy: after the compaction other files are read."""
    place = _place_without_rereads(draft)
    compact(draft, place)
    for _ in range(3):
        add_round(draft, place, [fresh_read(draft, 90)])
    return decoy_of(draft)


def siblings_reading_the_same(draft: Draft) -> Planting:
    """Two sub-agents, started together, read the same three files."""
    place = a_place(draft)
    files = [fresh_read(draft, 150) for _ in range(3)]
    without = draft.twin()
    wasted = _pair(draft, place, files, [same(each) for each in files])
    twin_place = without.call(place.message_id)
    emptied = [same(each) for each in files]
    for request in emptied:
        request.tokens = 1
    _pair(without, twin_place, [same(each) for each in files], emptied)
    return plant_of(draft, wasted, without.bill_usd())


def agent_without_tools(draft: Draft) -> Planting:
    """A sub-agent inherits a long prompt and answers at once."""
    place = a_place(draft)
    without = draft.twin()
    agent = Agent("Say what you think of the plan.", _INHERITED_TOKENS, answer_tokens=150)
    started = add_agents(draft, place, [agent])
    twin_place = without.call(place.message_id)
    add_agents(without, twin_place, [Agent("Say what you think of the plan.", 10, answer_tokens=150)])
    return plant_of(draft, [*agent.keys, *started.keys], without.bill_usd())


def siblings_reading_others(draft: Draft) -> Planting:
    """Decoy: two sub-agents read three files each, six in all."""
    _pair(draft, a_place(draft), *([fresh_read(draft, 120) for _ in range(3)] for _ in range(2)))
    return decoy_of(draft)


def agent_reading_what_its_caller_read(draft: Draft) -> Planting:
    """Decoy: one sub-agent, which needs to see what its caller has seen."""
    place = a_place(draft)
    request = fresh_read(draft, 120)
    add_round(draft, place, [request])
    add_agents(draft, place, [Agent("Check this file.", 12_000, rounds=[[same(request)], [fresh_read(draft)]])])
    return decoy_of(draft)


def _compaction(draft: Draft, *, with_rereads: bool) -> Planting:
    place = _last_place(draft) if with_rereads else _place_without_rereads(draft)
    early = [
        call
        for call in places(draft)
        if call.segment == place.segment and draft.main.index(call) < draft.main.index(place)
    ]
    if not early:
        raise UnfitError("no room between the reads")
    first = draft.random.choice(early)
    files = [fresh_read(draft, 110) for _ in range(3)]
    for request in files:
        add_round(draft, first, [request])
    key = compact(draft, place)
    if not with_rereads:
        return decoy_of(draft)
    rounds = [add_round(draft, place, [same(request)]) for request in files]
    return plant_of(draft, [key, *(event for each in rounds for event in each.keys)], None)


def _last_place(draft: Draft) -> Call:
    found = places(draft, later=3)
    if not found:
        raise UnfitError("no place for a compaction")
    return found[-1]


def _place_without_rereads(draft: Draft) -> Call:
    """A place after which the session itself reads nothing that it has read before."""
    main = draft.main
    files = [
        {str(block["input"].get("file_path")) for block in call.tools if block.get("name") == "Read"} for call in main
    ]
    mentions = [json.dumps([block.get("input") for block in call.tools]) for call in main]
    for place in reversed(places(draft, later=3)):
        index = main.index(place)
        names = {PureWindowsPath(path).name for paths in files[:index] for path in paths}
        after = "".join(mentions[index : index + _CALLS_AFTER])
        if not any(name in after for name in names):
            return place
    raise UnfitError("the session reads its files again")


def _pair(draft: Draft, place: Call, first: list[Request], second: list[Request]) -> list[Key]:
    """Two sub-agents started by one call; gives the events of the second, and the calls that started them."""
    agents = [
        Agent("Review the first part.", 12_000, rounds=[[request] for request in first], answer_tokens=250),
        Agent("Review the other part.", 12_000, shared=11_000, rounds=[second], answer_tokens=250),
    ]
    for request in [*first, *second]:
        request.tokens = request.tokens or max(1, round(len(str(request.result)) / draft.chars_per_token))
    started = add_agents(draft, place, agents)
    return [*agents[1].keys, *started.keys]


KINDS: Final = (
    Kind(
        rule="compaction-churn",
        plants=(compaction_and_rereads,),
        decoys=(compaction_alone, compaction_and_other_reads),
    ),
    Kind(
        rule="sub-agent-overlap",
        plants=(siblings_reading_the_same, agent_without_tools),
        decoys=(siblings_reading_others, agent_reading_what_its_caller_read),
    ),
)

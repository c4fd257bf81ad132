"""Broken, expired and missing prompt caches."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ..agents import Agent, add_agents
from ..caching import answers_person, answers_tool, cache_well, compact, miss, pause, switch_model, uncache
from ..draft import Draft, UnfitError
from ..places import a_place
from ..planting import Kind, Planting, decoy_of, plant_of
from ..prices import CHEAPEST_MODEL, DEAREST_MODEL, Usage, price_of
from ..tools import fresh_read
from ..transcript import Call

_TTL_SECONDS: Final = 300
_TTL_1H_SECONDS: Final = 3_600
_MIN_PROMPT: Final = 25_000
_SHORT_GAP_MS: Final = 150_000
_MIN_CALLS: Final = 5


def break_to_system_prompt(draft: Draft) -> Planting:
    """A call reads only the system prompt from the cache, seconds after the call before."""
    call = _hit(draft, answers_a_tool=True)
    return _miss(draft, call, min(draft.main[0].usage.read, 15_000))


def break_in_the_middle(draft: Draft) -> Planting:
    """A call reads half of the prompt from the cache."""
    call = _hit(draft, answers_a_tool=True)
    return _miss(draft, call, call.usage.read // 2)


def break_at_nothing(draft: Draft) -> Planting:
    """A call reads nothing from the cache."""
    return _miss(draft, _hit(draft, answers_a_tool=True), 0)


def small_miss(draft: Draft) -> Planting:
    """Decoy: three and a half per cent of the prompt are not read."""
    call = _hit(draft, answers_a_tool=True)
    miss(draft, call, round(0.965 * _shared(draft, call)))
    return decoy_of(draft, [("model", call.message_id)])


def miss_after_compaction(draft: Draft) -> Planting:
    """Decoy: a compaction makes a new prompt, of which only the system prompt is read; told, but not counted."""
    place = a_place(draft, later=3)
    compact(draft, place)
    return decoy_of(draft, [("model", place.message_id)], told_usd=_premium_usd(draft, place, place.usage.write))


def cold_sub_agents(draft: Draft) -> Planting:
    """Decoy: the first call of a sub-agent finds no cache of its own; told, but not counted."""
    agent = Agent("Count the modules.", 14_000, rounds=[[fresh_read(draft)], [fresh_read(draft)]])
    add_agents(draft, a_place(draft), [agent])
    return decoy_of(draft, told_usd=_premium_usd(draft, agent.calls[0], agent.inherited))


def persons_model_switch(draft: Draft) -> Planting:
    """Decoy: a person goes on with another model; told, but not counted."""
    call = _hit(draft, answers_a_tool=False)
    told_usd = _premium_usd(draft, call, call.usage.read)
    switch_model(draft, call, CHEAPEST_MODEL if not call.model.startswith("claude-haiku") else DEAREST_MODEL)
    return decoy_of(draft, [("model", call.message_id)], told_usd=told_usd)


def pause_and_miss(draft: Draft) -> Planting:
    """A person comes back after the cache has expired."""
    call = _hit(draft, answers_a_tool=False)
    pause(draft, call, _over_ttl(draft), of_person=True)
    return _miss(draft, call, _system_prefix(draft))


def long_tool_and_miss(draft: Draft) -> Planting:
    """A tool runs for longer than the cache lives."""
    call = _hit(draft, answers_a_tool=True)
    pause(draft, call, _over_ttl(draft), of_person=False)
    return _miss(draft, call, _system_prefix(draft))


def pause_without_miss(draft: Draft) -> Planting:
    """Decoy: a person comes back late, and the cache is still there."""
    call = _hit(draft, answers_a_tool=False)
    pause(draft, call, _over_ttl(draft), of_person=True)
    return decoy_of(draft, [("model", call.message_id)])


def long_tool_without_miss(draft: Draft) -> Planting:
    """Decoy: a tool runs for long, and the cache is still there."""
    call = _hit(draft, answers_a_tool=True)
    pause(draft, call, _over_ttl(draft), of_person=False)
    return decoy_of(draft, [("model", call.message_id)])


def pause_within_ttl(draft: Draft) -> Planting:
    """Decoy: a pause that the cache outlives by far, with a small miss."""
    call = _hit(draft, answers_a_tool=True)
    pause(draft, call, 2_000 if draft.writes_1h else 120, of_person=False)
    miss(draft, call, min(round(0.985 * _shared(draft, call)), call.usage.read - 1))
    return decoy_of(draft, [("model", call.message_id)])


def break_while_active(draft: Draft) -> Planting:
    """Decoy for the expiry: the cache breaks within its time to live."""
    planting = break_to_system_prompt(draft)
    return decoy_of(draft, planting.events)


def expiry_not_break(draft: Draft) -> Planting:
    """Decoy for the break: the cache has expired."""
    planting = long_tool_and_miss(draft)
    return decoy_of(draft, planting.events)


def never_cached(draft: Draft) -> Planting:
    """All prompts are billed as uncached input."""
    if len(draft.main) < _MIN_CALLS:
        raise UnfitError("too few calls")
    ideal = draft.twin()
    cache_well(ideal)
    uncache(draft)
    return plant_of(draft, [("model", call.message_id) for call in draft.main], ideal.bill_usd())


def uncached_for_three_calls(draft: Draft) -> Planting:
    """Decoy: a session of three calls."""
    cut(draft, 3)
    uncache(draft)
    return decoy_of(draft, _models(draft), expects_none=True)


def uncached_short_prompts(draft: Draft) -> Planting:
    """Decoy: prompts that are too short to be cached."""
    longest = max(call.usage.prompt for call in draft.main)
    for call in draft.calls:
        prompt = 180 + round(700 * call.usage.prompt / longest)
        call.usage = Usage(uncached=prompt, output=call.usage.output)
    return decoy_of(draft, _models(draft), expects_none=True)


def one_uncached_call(draft: Draft) -> Planting:
    """Decoy: one call among cached ones."""
    call = _hit(draft, answers_a_tool=True)
    following = next((each for each in draft.main[draft.main.index(call) + 1 :]), None)
    if following is not None:  # finds in the cache what was there before
        miss(draft, following, call.usage.read)
    call.usage = Usage(uncached=call.usage.prompt, output=call.usage.output)
    return decoy_of(draft, [("model", call.message_id)])


def cut(draft: Draft, calls: int) -> None:
    """Let the session end after its first calls and their results."""
    if len(draft.main) <= calls:
        raise UnfitError("the session is that short")
    following = draft.main[calls]
    del draft.lines[draft.position(following.first) :]
    del draft.calls[draft.calls.index(following) :]


def _models(draft: Draft) -> list[tuple[str, str]]:
    return [("model", call.message_id) for call in draft.main]


def _hit(draft: Draft, *, answers_a_tool: bool) -> Call:
    """A call soon after the one before, which reads nearly all that was in the cache."""
    answers = answers_tool if answers_a_tool else answers_person
    main = draft.main
    found = [
        call
        for before, call in pairwise(main)
        if before.usage.prompt >= _MIN_PROMPT
        and call.segment == before.segment
        and call.model == before.model
        and call.usage.prompt >= before.usage.prompt
        and call.usage.read >= 0.97 * before.usage.prompt
        and (call.first.time_ms or 0) - (before.first.time_ms or 0) < _SHORT_GAP_MS
        and answers(draft, call)
    ]
    if not found:
        raise UnfitError("no call that reads its cache")
    return draft.random.choice(found)


def _shared(draft: Draft, call: Call) -> int:
    """Tokens that a call could have read: the prompt before it, as far as its own goes."""
    before = draft.main[draft.main.index(call) - 1]
    return min(before.usage.prompt, call.usage.prompt)


def _miss(draft: Draft, call: Call, keep: int) -> Planting:
    without_usd = draft.bill_usd()
    miss(draft, call, keep)
    return plant_of(draft, [("model", call.message_id)], without_usd)


def _premium_usd(draft: Draft, call: Call, tokens: int) -> float:
    price = price_of(call.model)
    if price is None:
        raise UnfitError("no price")
    return tokens * ((price.write_1h_usd if draft.writes_1h else price.write_5m_usd) - price.read_usd)


def _over_ttl(draft: Draft) -> float:
    if any(call.usage.write_1h for call in draft.main) and any(call.usage.write_5m for call in draft.main):
        raise UnfitError("two times to live")
    limit = _TTL_1H_SECONDS if draft.writes_1h else _TTL_SECONDS
    return limit * draft.random.uniform(1.3, 2.5)


def _system_prefix(draft: Draft) -> int:
    return draft.main[0].usage.read


KINDS: Final = (
    Kind(
        rule="prompt-cache-break",
        plants=(break_to_system_prompt, break_in_the_middle, break_at_nothing),
        decoys=(small_miss, miss_after_compaction, cold_sub_agents, persons_model_switch, expiry_not_break),
        is_measured=True,
    ),
    Kind(
        rule="idle-cache-expiry",
        plants=(pause_and_miss, long_tool_and_miss),
        decoys=(pause_without_miss, long_tool_without_miss, pause_within_ttl, break_while_active),
        is_measured=True,
    ),
    Kind(
        rule="never-cached-context",
        plants=(never_cached,),
        decoys=(uncached_for_three_calls, uncached_short_prompts, one_uncached_call),
        is_session_wide=True,
    ),
)

"""Model calls that were made for nothing, cut short, on too dear a model, or beside the conversation."""

from __future__ import annotations

from typing import Final

from ..agents import Agent, add_agents, add_background_agent
from ..draft import Draft, UnfitError
from ..places import a_place, places, two_places
from ..planting import Kind, Planting, decoy_of, plant_of
from ..prices import CHEAPEST_MODEL, DEAREST_MODEL, Usage
from ..rounds import Request, add_attempt, add_exchange, add_refusal, add_round, add_side_call
from ..tools import fresh_path, fresh_read, write
from ..words import code_of, prose

_CUT_TOKENS: Final = 8_000
_WHOLE_TOKENS: Final = 2_600
_LONG_TOKENS: Final = 5_000
_SHORT_TURNS: Final = 8
_SIDE_REQUESTS: Final = 4
_NOTHING_USD: Final = 1e-6


def superseded_attempt(draft: Draft) -> Planting:
    """A call is billed, thrown away, and made again with the same prompt."""
    return _attempt(draft, "")


def overloaded_attempt(draft: Draft) -> Planting:
    """The same with the provider's error between the two."""
    return _attempt(draft, "overloaded_error")


def calls_with_small_results(draft: Draft) -> Planting:
    """Decoy: calls whose prompts hardly differ, for the results between them are tiny."""
    place = a_place(draft)
    for index in range(2):
        request = Request("mcp__notes__set", {"key": f"step{index}", "value": "done"}, "ok", 6)
        add_round(draft, place, [request], output=30)
    return decoy_of(draft)


def short_exchange(draft: Draft) -> Planting:
    """Decoy: an answer, and the person says to go on."""
    add_exchange(draft, a_place(draft), prose(draft.random, 120), "go on")
    return decoy_of(draft)


def refused_attempt(draft: Draft) -> Planting:
    """Decoy: the provider refused a request; nothing was billed."""
    add_refusal(draft, a_place(draft), "rate_limit")
    return decoy_of(draft, told_usd=_NOTHING_USD)


def cut_write(draft: Draft) -> Planting:
    """A long file is cut off at the output limit, and written again."""
    place = a_place(draft)
    path = fresh_path(draft)
    content = _text_of(draft, _WHOLE_TOKENS)
    part = _text_of(draft, _CUT_TOKENS)
    whole = draft.twin()
    error = "<tool_use_error>InputValidationError: the required parameter `content` is missing</tool_use_error>"
    cut_call = Request("Write", {"file_path": path, "content": part}, error, 40, is_error=True)
    wasted = add_round(draft, place, [cut_call], output=_CUT_TOKENS, stop_reason="max_tokens")
    for each, before in ((draft, place), (whole, whole.call(place.message_id))):
        request = write(path, content)
        request.tokens = 30
        add_round(each, before, [request], output=_WHOLE_TOKENS)
    return plant_of(draft, wasted.keys, whole.bill_usd())


def cut_last_answer(draft: Draft) -> Planting:
    """Decoy: the last answer of the session is cut off, and that was it."""
    last = draft.main[-1]
    last.usage.output = _CUT_TOKENS
    for line in last.lines:
        usage = {**(line.message.get("usage") or {}), "output_tokens": _CUT_TOKENS}
        line.replace(message={**line.message, "usage": usage, "stop_reason": "max_tokens"})
    return decoy_of(draft, [("model", last.message_id)])


def two_long_writes(draft: Draft) -> Planting:
    """Decoy: two long files one after the other, each of them whole."""
    place = a_place(draft)
    for _ in range(2):
        content = _text_of(draft, _LONG_TOKENS)
        add_round(draft, place, [write(fresh_path(draft), content)], output=_LONG_TOKENS)
    return decoy_of(draft)


def short_turns_on_the_dearest(draft: Draft) -> Planting:
    """Short turns that only call a tool, on the dearest model there is."""
    _use_model(draft, DEAREST_MODEL)
    rounds = _short_turns(draft)
    return plant_of(draft, rounds, None)


def short_turns_on_the_cheapest(draft: Draft) -> Planting:
    """Decoy: the same turns on the cheapest model."""
    _use_model(draft, CHEAPEST_MODEL)
    _short_turns(draft)
    return decoy_of(draft, expects_none=True)


def background_requests(draft: Draft) -> Planting:
    """Side chains that read the whole conversation to answer with a few words."""
    without_usd = draft.bill_usd()
    agents = []
    for index in range(_SIDE_REQUESTS):
        place = a_place(draft)
        inherited = place.usage.prompt
        if inherited < 15_000:
            raise UnfitError("the conversation is too short")
        agent = Agent("Suggest what to say next.", inherited, shared=inherited - 400, answer_tokens=18 + index)
        add_background_agent(
            draft, place, agent, prose(draft.random, 40), name=f"aprompt_suggestion-{draft.new_id('')}"
        )
        agents.append(agent)
    return plant_of(draft, [key for agent in agents for key in agent.keys], without_usd)


def classifier_calls(draft: Draft) -> Planting:
    """Short requests with a prompt of their own between the calls of the conversation."""
    without_usd = draft.bill_usd()
    calls = []
    for _ in range(_SIDE_REQUESTS):
        fitting = [call for call in places(draft) if call.usage.prompt >= 24_000]
        if not fitting:
            raise UnfitError("the conversation is too short")
        usage = Usage(uncached=300, read=11_700, output=draft.random.randint(8, 30))
        calls.append(add_side_call(draft, draft.random.choice(fitting), usage, prose(draft.random, 30)))
    return plant_of(draft, [("model", call.message_id) for call in calls], without_usd)


def short_answers(draft: Draft) -> Planting:
    """Decoy: short answers in the conversation itself."""
    first, second = two_places(draft)
    for place in (first, second):
        add_exchange(draft, place, "Done.", prose(draft.random, 160), output=9)
    return decoy_of(draft)


def short_tool_turns(draft: Draft) -> Planting:
    """Decoy: turns of the conversation that only call a tool."""
    place = a_place(draft)
    for _ in range(3):
        add_round(draft, place, [fresh_read(draft, 30)], output=60)
    return decoy_of(draft)


def sub_agent_with_short_answer(draft: Draft) -> Planting:
    """Decoy: a sub-agent that worked, and answers in a few words."""
    rounds = [[fresh_read(draft, 80)], [fresh_read(draft, 80)]]
    add_agents(draft, a_place(draft), [Agent("Is it used?", 9_000, rounds=rounds, answer_tokens=12)])
    return decoy_of(draft)


def sub_agents_without_tools(draft: Draft) -> Planting:
    """Decoy: the agent asks four sub-agents that use no tool; that is for another rule to judge."""
    place = a_place(draft)
    add_agents(draft, place, [Agent(f"Is part {part} used?", 14_000, answer_tokens=12) for part in range(4)])
    return decoy_of(draft)


def _text_of(draft: Draft, tokens: int) -> str:
    return "\n".join(code_of(draft.random, round(tokens * draft.chars_per_token)))


def _attempt(draft: Draft, error: str) -> Planting:
    place = a_place(draft)
    without_usd = draft.bill_usd()
    output = draft.random.randint(60, 500)
    text = prose(draft.random, round(output * draft.chars_per_token))
    call = add_attempt(draft, place, text, output=output, error=error)
    return plant_of(draft, [("model", call.message_id)], without_usd)


def _use_model(draft: Draft, model: str) -> None:
    for call in draft.calls:
        call.model = model
        for line in call.lines:
            line.replace(message={**line.message, "model": model})


def _short_turns(draft: Draft) -> list[tuple[str, str]]:
    place = a_place(draft)
    rounds = [add_round(draft, place, [fresh_read(draft, 30)], output=55) for _ in range(_SHORT_TURNS)]
    return [("model", each.call.message_id) for each in rounds]


KINDS: Final = (
    Kind(
        rule="duplicate-model-call",
        plants=(superseded_attempt, overloaded_attempt),
        decoys=(calls_with_small_results, short_exchange, refused_attempt),
        is_measured=True,
    ),
    Kind(
        rule="truncated-output",
        plants=(cut_write,),
        decoys=(cut_last_answer, two_long_writes),
        is_measured=True,
    ),
    Kind(
        rule="model-overprovision",
        plants=(short_turns_on_the_dearest,),
        decoys=(short_turns_on_the_cheapest,),
        is_session_wide=True,
    ),
    Kind(
        rule="side-request-overhead",
        plants=(background_requests, classifier_calls),
        decoys=(short_answers, short_tool_turns, sub_agent_with_short_answer, sub_agents_without_tools),
    ),
)

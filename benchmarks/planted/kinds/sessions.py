"""What is about a whole session: its length, its failures, its end, its thinking."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ..caching import answers_person, pause
from ..draft import Draft, UnfitError
from ..places import a_place, places
from ..planting import Key, Kind, Planting, decoy_of, plant_of
from ..rounds import add_round, api_error
from ..tools import shell, write
from ..transcript import iso_from_ms, with_usage
from ..words import code_of, log, name
from .caches import cut

_LONG_MINUTES: Final = 80
_LONGEST_GAP_MS: Final = 240_000  # below the five minutes from which a gap is idle time
_IDLE_MS: Final = 300_000
_NEARLY_LONG_MS: Final = 50 * 60_000
_LUNCH_SECONDS: Final = 5 * 3_600
_TEXT_TOKENS: Final = 16_000


def ends_in_errors(draft: Draft) -> Planting:
    """The session ends with a tool's failure and the provider's refusal, without an answer."""
    _end_after_tool(draft)
    _append_failure(draft)
    last = draft.main[-1]
    error = api_error(draft, draft.lines[-1], "overloaded_error", draft.newest_ms(len(draft.lines)) + 3_000)
    draft.insert(len(draft.lines), [error])
    return plant_of(draft, [*draft.added, ("model", last.message_id)], None)


def ends_with_an_answer(draft: Draft) -> Planting:
    """Decoy: the session ends as it should."""
    _check_is_answered(draft)
    return decoy_of(draft, [("model", draft.main[-1].message_id)], expects_none=True)


def recovers_from_errors(draft: Draft) -> Planting:
    """Decoy: failures on the way, and an answer at the end."""
    _check_is_answered(draft)
    place = a_place(draft)
    add_round(draft, place, [shell("make all", log(draft.random, 500), fails=True)])
    return decoy_of(draft, expects_none=True)


def stretched(draft: Draft) -> Planting:
    """Work goes on for 80 minutes, never with a pause of more than four."""
    _check_is_short(draft)
    lines = [line for line in draft.lines if line.kind in ("user", "assistant") and line.time_ms is not None]
    if len(lines) < 40:
        raise UnfitError("too few lines")
    wanted = _LONG_MINUTES * 60_000 // len(lines)
    if wanted > _LONGEST_GAP_MS - 20_000:
        raise UnfitError("too few lines")
    stretching = {id(line) for line in lines[1:]}
    shift, before = 0, lines[0].time_ms or 0
    for line in draft.lines:
        time_ms = line.time_ms
        if time_ms is None:
            continue
        if id(line) in stretching:
            shift += max(min(wanted, _LONGEST_GAP_MS - max(time_ms - before, 0)), 0)
            before = max(before, time_ms)
        line.replace(timestamp=iso_from_ms(time_ms + shift))
    return plant_of(draft, [], None)


def open_over_lunch(draft: Draft) -> Planting:
    """Decoy: hours pass in which nothing happens."""
    _check_is_short(draft)
    found = [call for call in draft.main[1:] if answers_person(draft, call)]
    if not found:
        raise UnfitError("nobody comes back")
    pause(draft, draft.random.choice(found), _LUNCH_SECONDS, of_person=True)
    return decoy_of(draft)


def many_failures(draft: Draft) -> Planting:
    """A third of all that is tried fails."""
    return plant_of(draft, _fail_often(draft, ""), None)


def many_refusals(draft: Draft) -> Planting:
    """Decoy: as many calls that the person refused."""
    _fail_often(draft, "The user doesn't want to proceed with this tool use. The tool use was rejected.")
    return decoy_of(draft)


def long_text(draft: Draft) -> Planting:
    """One answer writes a whole document."""
    content = "\n".join(code_of(draft.random, round(_TEXT_TOKENS * draft.chars_per_token)))
    wasted = add_round(draft, a_place(draft), [write(draft.path("docs", "all.py"), content)], output=_TEXT_TOKENS)
    return plant_of(draft, [("model", wasted.call.message_id)], None)


def long_cached_result(draft: Draft) -> Planting:
    """Decoy: a long result enters, which is written to the cache as it should."""
    text = log(draft.random, round(9_000 * draft.chars_per_token))
    add_round(draft, a_place(draft), [shell("kubectl logs deploy/web", text)])
    return decoy_of(draft)


def mostly_thinking(draft: Draft) -> Planting:
    """More than half of the output is reasoning."""
    _think(draft, 0.6)
    return plant_of(draft, [("model", call.message_id) for call in draft.main], None)


def some_thinking(draft: Draft) -> Planting:
    """Decoy: a fifth of the output is reasoning."""
    _think(draft, 0.2)
    return decoy_of(draft, [("model", call.message_id) for call in draft.main])


def _check_is_short(draft: Draft) -> None:
    """A session that is long, or nearly so, says nothing about what makes one long."""
    times = [time_ms for line in draft.lines if (time_ms := line.time_ms) is not None]
    gaps = (min(max(after - before, 0), _IDLE_MS) for before, after in pairwise(times))
    if sum(gaps) > _NEARLY_LONG_MS:
        raise UnfitError("the session is long as it is")


def _check_is_answered(draft: Draft) -> None:
    """The last word of the session has to be an answer of the model's."""
    spoken = [line for line in draft.lines if line.kind in ("user", "assistant") and not line.value.get("isMeta")]
    if draft.main[-1].tools or not any(spoken[-1] is line for line in draft.main[-1].lines):
        raise UnfitError("the session has no final answer")


def _end_after_tool(draft: Draft) -> None:
    """Let the session end in the middle of its work."""
    found = places(draft)
    if not found:
        raise UnfitError("no place to end at")
    cut(draft, draft.main.index(found[-1]))


def _append_failure(draft: Draft) -> None:
    """A last tool call that fails, at the end of the lines."""
    last = draft.main[-1]
    parent = next(str(line.value["uuid"]) for line in reversed(draft.lines) if line.value.get("uuid"))
    usage = last.usage.copy()
    block = {"type": "tool_use", "id": draft.new_id("toolu_"), "name": "Bash", "input": {"command": "make deploy"}}
    usage.read, usage.output = usage.cached, 40
    usage.write_5m, usage.write_1h = (0, 900) if draft.writes_1h else (900, 0)
    time_ms = draft.newest_ms(len(draft.lines)) + 4_000
    call = draft.response(last, [block], time_ms=time_ms, parent=parent, usage=usage, stop_reason="tool_use")
    draft.calls.append(call)
    result = {"tool_use_id": block["id"], "type": "tool_result", "is_error": True}
    result["content"] = f"Exit code 1\n{log(draft.random, 400)}"
    message = {"role": "user", "content": [result]}
    answer = draft.line(last.first, "user", time_ms + 900, str(call.lines[-1].value["uuid"]), message=message)
    draft.insert(len(draft.lines), [*call.lines, answer])
    draft.added.append(("tool", str(block["id"])))


def _fail_often(draft: Draft, refusal: str) -> list[Key]:
    """Rounds of four calls that all fail, until they are a third of all calls."""
    tools = sum(len(call.tools) for call in draft.main)
    count = (len(draft.main) + tools) * 6 // 10
    if not 4 <= count <= 60:
        raise UnfitError("too many calls to outweigh")
    place = a_place(draft)
    keys: list[Key] = []
    for _ in range(-(-count // 4)):
        requests = [
            shell(f"{name(draft.random)} --check", refusal or log(draft.random, 150), fails=True) for _ in range(4)
        ]
        for request in requests:
            request.result = refusal or request.result
        add_round(draft, place, requests)
        keys += [request.key for request in requests]
    return keys


def _think(draft: Draft, ratio: float) -> None:
    """State reasoning tokens, and outputs that are no placeholders, for every call."""
    for call in draft.main:
        call.usage.output = max(call.usage.output, 200)
        for line in call.lines:
            usage = with_usage(line.message.get("usage") or {}, call.usage, call.usage.output)
            usage["output_tokens_details"] = {"thinking_tokens": round(call.usage.output * ratio)}
            line.replace(message={**line.message, "usage": usage})


KINDS: Final = (
    Kind(
        rule="abandoned-run",
        plants=(ends_in_errors,),
        decoys=(ends_with_an_answer, recovers_from_errors),
        is_session_wide=True,
    ),
    Kind(rule="long-session", plants=(stretched,), decoys=(open_over_lunch,), is_session_wide=True),
    Kind(rule="high-error-rate", plants=(many_failures,), decoys=(many_refusals,), is_session_wide=True),
    Kind(rule="token-spike", plants=(long_text,), decoys=(long_cached_result,)),
    Kind(rule="excessive-thinking", plants=(mostly_thinking,), decoys=(some_thinking,), is_session_wide=True),
)

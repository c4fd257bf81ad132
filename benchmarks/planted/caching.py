"""Changes how the calls of a draft were cached: misses, no cache at all, compactions, other models, pauses."""

from __future__ import annotations

from .draft import Draft, UnfitError
from .prices import Usage
from .transcript import Call, Line
from .words import prose

_SUMMARY_TOKENS = 2_400


def miss(draft: Draft, call: Call, keep: int) -> int:
    """Let a call read only `keep` tokens from the cache and write again what it missed; gives how many these are."""
    usage = call.usage
    missed = usage.read - keep
    if missed <= 0:
        raise UnfitError("the call reads no more than that")
    usage.read = keep
    if draft.writes_1h:
        usage.write_1h += missed
    else:
        usage.write_5m += missed
    return missed


def uncache(draft: Draft) -> None:
    """Bill every prompt as uncached input."""
    for call in draft.calls:
        call.usage = Usage(uncached=call.usage.prompt, output=call.usage.output)


def cache_well(draft: Draft) -> None:
    """Bill every prompt as a provider does whose cache never fails: the shared prefix is read, the rest written."""
    before = 0
    segment = -1
    for call in draft.main:
        usage = call.usage
        shared = min(before, usage.prompt) if call.segment == segment else 0
        written = usage.prompt - shared
        is_1h = draft.writes_1h
        call.usage = Usage(
            read=shared, write_1h=written if is_1h else 0, write_5m=0 if is_1h else written, output=usage.output
        )
        before, segment = usage.prompt, call.segment


def compact(draft: Draft, before: Call) -> tuple[str, str]:
    """Insert a compaction right before a call: boundary, summary, and shorter prompts from there on.

    Returns:
        The key of the compaction among the planted events.
    """
    start = draft.main[0].usage
    prompt = start.prompt + _SUMMARY_TOKENS
    saved = before.usage.prompt - prompt
    if saved < 8_000:
        raise UnfitError("there is nothing to compact yet")
    position = draft.position(before.first)
    end_ms = draft.newest_ms(position) + 14_000
    boundary, summary = _compaction_lines(draft, before, before.usage.prompt, end_ms)
    draft.delay(position, 15_000)
    draft.insert(position, [boundary, summary])
    before.first.replace(parentUuid=summary.value["uuid"])
    index = draft.calls.index(before)
    old_segment = before.segment
    for call in draft.calls[index + 1 :]:
        if call.segment == old_segment and not call.is_side:
            _shorten(call.usage, saved)
        call.segment += 1
    before.segment += 1
    keep = start.read
    written = prompt - keep - before.usage.uncached
    before.usage.read = keep
    before.usage.write_1h = written if draft.writes_1h else 0
    before.usage.write_5m = 0 if draft.writes_1h else written
    key = ("CONTEXT_LOAD", str(boundary.value["uuid"]))
    draft.added.append(key)
    return key


def switch_model(draft: Draft, from_call: Call, model: str) -> None:
    """Let a call and all later ones go to another model, as after a person's `/model`. Its cache starts empty."""
    for call in draft.calls[draft.calls.index(from_call) :]:
        if call.model == model:
            raise UnfitError("this model is used already")
        call.model = model
        for line in call.lines:
            line.replace(message={**line.message, "model": model})
    if from_call.usage.read:
        miss(draft, from_call, 0)
    position = _typed_before(draft, from_call)
    if position is None:
        raise UnfitError("no person's message before this call")
    typed = draft.lines[position]
    time_ms = typed.time_ms or 0
    parent = typed.value.get("parentUuid")
    notes = [
        f"<command-name>/model</command-name>\n<command-message>model</command-message>\n<command-args>{model}"
        "</command-args>",
        f"<local-command-stdout>Set model to {model}</local-command-stdout>",
    ]
    lines: list[Line] = []
    for text in notes:
        line = draft.line(typed, "user", time_ms, parent, message={"role": "user", "content": text})
        parent = line.value["uuid"]
        lines.append(line)
    typed.replace(parentUuid=parent)
    draft.insert(position, lines)


def pause(draft: Draft, before: Call, seconds: float, *, of_person: bool) -> None:
    """Let time pass before a call: before the person's message that it answers, or while its last tool runs."""
    position = _typed_before(draft, before) if of_person else _result_before(draft, before)
    if position is None:
        raise UnfitError("the call answers something else")
    draft.delay(position, round(seconds * 1000))


def answers_person(draft: Draft, call: Call) -> bool:
    """Whether a call answers a person's message, and not a tool's result."""
    return _typed_before(draft, call) is not None


def answers_tool(draft: Draft, call: Call) -> bool:
    """Whether a call answers a tool's result."""
    return _result_before(draft, call) is not None


def _typed_before(draft: Draft, call: Call) -> int | None:
    """Position of the person's message that a call answers; `None` where it answers something else."""
    for position in range(draft.position(call.first) - 1, -1, -1):
        line = draft.lines[position]
        if line.kind == "assistant" or _is_result(line):
            return None
        if line.is_typed:
            return position
    return None


def _result_before(draft: Draft, call: Call) -> int | None:
    """Position of the last tool result, where that is what a call answers."""
    for position in range(draft.position(call.first) - 1, -1, -1):
        line = draft.lines[position]
        if line.kind == "assistant" or line.is_typed:
            return None
        if _is_result(line):
            return position
    return None


def _is_result(line: Line) -> bool:
    return line.kind == "user" and any(block.get("type") == "tool_result" for block in line.blocks)


def _shorten(usage: Usage, saved: int) -> None:
    """Take tokens off a prompt: of what it read from the cache first."""
    for name in ("read", "write_1h", "write_5m", "uncached"):
        part = min(saved, getattr(usage, name))
        setattr(usage, name, getattr(usage, name) - part)
        saved -= part


def _compaction_lines(draft: Draft, before: Call, tokens: int, end_ms: int) -> tuple[Line, Line]:
    boundary = draft.line(
        before.first,
        "system",
        end_ms,
        None,
        subtype="compact_boundary",
        content="Conversation compacted",
        isMeta=False,
        level="info",
        logicalParentUuid=before.first.value.get("parentUuid"),
        compactMetadata={"trigger": "auto", "preTokens": tokens},
    )
    text = "This session is being continued from a previous conversation. " + prose(
        draft.random, round(_SUMMARY_TOKENS * draft.chars_per_token)
    )
    summary = draft.line(
        before.first,
        "user",
        end_ms + 10,
        str(boundary.value["uuid"]),
        message={"role": "user", "content": text},
        isCompactSummary=True,
        isVisibleInTranscriptOnly=True,
    )
    return boundary, summary

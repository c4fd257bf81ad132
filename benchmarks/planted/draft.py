"""`Draft`: a copy of a transcript in which something is planted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, Final

from .prices import Usage, cost_usd
from .transcript import Call, Line, Transcript, iso_from_ms, with_usage

_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789"
# What belongs to one line and not to the session.
_OWN_FIELDS: Final = frozenset(
    {"message", "uuid", "parentUuid", "timestamp", "requestId", "type", "isApiErrorMessage", "error", "toolUseResult"}
    | {"sourceToolAssistantUUID", "thinkingMetadata", "todos", "attributionSkill", "origin", "promptId"}
)
_TIME_WINDOW: Final = 40  # lines looked back for the newest time: parallel results are not quite in order


class UnfitError(Exception):
    """A session has no place for what was to be planted."""


class Draft:
    """A copy of a transcript, to be changed by the functions of `rounds`, `caching` and `agents`.

    Attributes:
        lines: all lines in file order.
        calls: the model calls, in order of their first lines.
        random: the only source of chance.
        added: keys of everything inserted: ("tool" | "model" | event type, id).
    """

    def __init__(self, source: Transcript, seed: str) -> None:
        self._source = source
        self._seed = seed
        twins = {id(line): Line(line.value) for line in source.lines}
        self.lines = list(twins.values())
        self.calls = [
            Call(
                call.message_id,
                call.model,
                call.usage.copy(),
                [twins[id(line)] for line in call.lines],
                call.segment,
                call.is_side,
            )
            for call in source.calls
        ]
        self.random = Random(seed)
        self.added: list[tuple[str, str]] = []
        self.chars_per_token = source.chars_per_token
        self.session_id = source.session_id
        self.writes_1h = sum(call.usage.write_1h for call in self.calls) > sum(
            call.usage.write_5m for call in self.calls
        )
        self.workdir = next((str(line.value["cwd"]) for line in self.lines if line.value.get("cwd")), "/work")
        self.has_tab_numbers = _has_tab_numbers(source.lines)

    def twin(self) -> Draft:
        """An untouched draft of the same session, with the same chance from here on."""
        twin = Draft(self._source, self._seed)
        twin.random.setstate(self.random.getstate())
        return twin

    def call(self, message_id: str) -> Call:
        """The call with this id."""
        return next(call for call in self.calls if call.message_id == message_id)

    @property
    def main(self) -> list[Call]:
        """The calls of the main conversation."""
        return [call for call in self.calls if not call.is_side]

    def values(self) -> list[dict[str, Any]]:
        """The lines as they stand, with the usage numbers of their calls."""
        owner = {id(line): call for call in self.calls for line in call.lines}
        return [_rendered(line, owner.get(id(line))) for line in self.lines]

    def bill_usd(self) -> float:
        """What all calls cost. Raises `UnfitError` where the price table has no price."""
        try:
            return sum(cost_usd(call.model, call.usage) for call in self.calls)
        except LookupError as error:
            raise UnfitError(str(error)) from error

    def tokens_of(self, text: str) -> int:
        """Tokens of a text, at about the session's own characters per token: no two kinds of text have the same."""
        return max(1, round(len(text) / self.chars_per_token * self.random.uniform(0.93, 1.07)))

    def path(self, *parts: str) -> str:
        """A path below the session's working directory, in its style."""
        separator = "\\" if "\\" in self.workdir else "/"
        return separator.join([self.workdir.rstrip("/\\"), *parts])

    def new_id(self, prefix: str) -> str:
        """An id as the provider makes them."""
        return prefix + "01" + "".join(self.random.choices(_ALPHABET, k=22))

    def new_uuid(self) -> str:
        """An id of a line."""
        text = f"{self.random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def position(self, line: Line) -> int:
        """Where a line stands."""
        return next(index for index, each in enumerate(self.lines) if each is line)

    def newest_ms(self, position: int) -> int:
        """The newest time in the lines before a position."""
        before = self.lines[max(0, position - _TIME_WINDOW) : position]
        times = [time_ms for line in before if (time_ms := line.time_ms) is not None]
        if not times:
            raise UnfitError("no time before this line")
        return max(times)

    def delay(self, position: int, ms: int) -> None:
        """Let everything from a position on happen later."""
        for line in self.lines[position:]:
            time_ms = line.time_ms
            if time_ms is not None:
                line.replace(timestamp=iso_from_ms(time_ms + ms))

    def line(self, like: Line, kind: str, time_ms: int, parent: str | None, **fields: Any) -> Line:
        """A new line of the session that `like` is of; not yet inserted."""
        shared = {key: value for key, value in like.value.items() if key not in _OWN_FIELDS}
        own = {"type": kind, "uuid": self.new_uuid(), "parentUuid": parent, "timestamp": iso_from_ms(time_ms)}
        return Line({**shared, **own, **fields})

    def response(
        self,
        like: Call,
        blocks: Sequence[Mapping[str, Any]],
        *,
        time_ms: int,
        parent: str | None,
        usage: Usage,
        stop_reason: str,
        **fields: Any,
    ) -> Call:
        """A new model call with one line a block; not yet inserted."""
        call = Call(self.new_id("msg_"), like.model, usage, [], like.segment)
        request = self.new_id("req_")
        for block in blocks:
            message = {
                **like.first.message,
                "id": call.message_id,
                "content": [dict(block)],
                "stop_reason": stop_reason,
                "stop_sequence": None,
                "usage": with_usage(like.first.message.get("usage") or {}, usage, usage.output),
            }
            line = self.line(like.first, "assistant", time_ms, parent, message=message, requestId=request, **fields)
            parent = str(line.value["uuid"])
            time_ms += 20
            call.lines.append(line)
        self.added.append(("model", call.message_id))
        return call

    def insert(self, position: int, lines: Iterable[Line]) -> None:
        """Put new lines before the line at a position."""
        self.lines[position:position] = lines

    def insert_call(self, call: Call, before: Call) -> None:
        """Put a new call before another one in the order of calls."""
        self.calls.insert(self.calls.index(before), call)

    def carry(self, after: Call, boundary: int, tokens: int) -> None:
        """Let every call after `after` carry further tokens that stand behind the first `boundary` ones of the prompt.

        Until the next compaction. A call that reads at least so far from the cache reads them too; any other bills
        them in the class in which it pays for that part of its prompt.
        """
        for call in self.calls[self.calls.index(after) + 1 :]:
            if not call.is_side and call.segment == after.segment:
                add_input(call.usage, boundary, tokens)


def add_input(usage: Usage, boundary: int, tokens: int) -> None:
    """Bill further tokens behind the first `boundary` ones of a prompt; negative ones are taken off."""
    if usage.read >= boundary:
        usage.read += tokens
    elif usage.write_1h > usage.write_5m:
        usage.write_1h += tokens
    elif usage.write_5m:
        usage.write_5m += tokens
    else:
        usage.uncached += tokens


def _rendered(line: Line, call: Call | None) -> dict[str, Any]:
    value = dict(line.value)
    if call is not None:
        message = line.message
        stated = message.get("usage") or {}
        output = max(int(stated.get("output_tokens") or 0), 0)
        value["message"] = {**message, "usage": with_usage(stated, call.usage, output)}
    return value


def _has_tab_numbers(lines: Sequence[Line]) -> bool:
    """Whether listings number their lines as `1<tab>text`, as newer versions do, and not as `     1→text`."""
    for line in lines:
        for block in line.blocks:
            content = block.get("content")
            if isinstance(content, str) and content.startswith(("1\t", "     1→")):
                return content.startswith("1\t")
    return False

"""Claude Code transcripts as lines and the model calls that these lines tell of."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any, Final

from .prices import Usage, price_of

SYNTHETIC_MODEL: Final = "<synthetic>"
# Usual characters per token of code and listings in real sessions, for sessions that are too short to tell.
_CHARS_PER_TOKEN: Final = 2.6
_CHARS_PER_TOKEN_RANGE: Final = (1.6, 3.6)
_TELLING_CHARS: Final = 2_000  # a result of this size says how many characters a token has


@dataclass(slots=True, eq=False)
class Line:
    """One line. `value` may be shared with other transcripts: it is replaced, never changed."""

    value: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """`user`, `assistant`, `system` …"""
        return str(self.value.get("type", ""))

    @property
    def message(self) -> Mapping[str, Any]:
        """The message of a user or assistant line; empty on other lines."""
        message = self.value.get("message")
        return message if isinstance(message, dict) else {}

    @property
    def blocks(self) -> list[Mapping[str, Any]]:
        """Content blocks of the message; none where the content is a plain text."""
        content = self.message.get("content")
        return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []

    @property
    def time_ms(self) -> int | None:
        """Time of the line, `None` on lines without one."""
        text = self.value.get("timestamp")
        return None if not isinstance(text, str) else ms_from_iso(text)

    @property
    def is_typed(self) -> bool:
        """Whether a person wrote it: a user line that is no result and no note of Claude Code's."""
        text = self.message.get("content")
        if isinstance(text, list):
            text = "".join(str(block.get("text", "")) for block in self.blocks if block.get("type") == "text")
        if self.kind != "user" or self.value.get("isMeta") or self.value.get("isCompactSummary"):
            return False
        return bool(text) and not str(text).lstrip().startswith(("<", "[Request interrupted", "Caveat: "))

    def replace(self, **fields: Any) -> None:
        """Set fields of the line."""
        self.value = {**self.value, **fields}


@dataclass(slots=True, eq=False)
class Call:
    """One model call of the transcript: the lines of its response, and its usage, which may be changed."""

    message_id: str
    model: str
    usage: Usage
    lines: list[Line] = field(default_factory=list)
    segment: int = 0  # counts compactions before it
    is_side: bool = False

    @property
    def first(self) -> Line:
        """The line that the response begins with."""
        return self.lines[0]

    @property
    def tools(self) -> list[Mapping[str, Any]]:
        """Its tool_use blocks."""
        return [block for line in self.lines for block in line.blocks if block.get("type") == "tool_use"]


@dataclass(slots=True)
class Transcript:
    """One session as it was recorded. Not to be changed; `Draft` copies it."""

    name: str
    lines: list[Line]
    calls: list[Call]
    chars_per_token: float

    @property
    def session_id(self) -> str:
        """The session's own id."""
        return next(str(line.value["sessionId"]) for line in self.lines if line.value.get("sessionId"))

    @property
    def is_priced(self) -> bool:
        """Whether the price table holds for all of its calls."""
        prices = [(price_of(call.model), call.usage.prompt) for call in self.calls]
        return all(price is not None and prompt <= price.limit for price, prompt in prices)


def read_transcript(path: Path) -> Transcript:
    """Read a `.jsonl` file, or one compressed by xz."""
    content = path.read_bytes()
    text = (lzma.decompress(content) if path.suffix == ".xz" else content).decode("utf-8")
    values = [json.loads(row) for row in text.split("\n") if row.strip()]
    return transcript_from_values(path.name.partition(".jsonl")[0], values)


def transcript_from_values(name: str, values: Iterable[Mapping[str, Any]]) -> Transcript:
    """The transcript that consists of these lines."""
    lines = [Line(_without_ballast(value)) for value in values]
    calls = calls_of(lines)
    return Transcript(name, lines, calls, _chars_per_token(lines, calls))


def calls_of(lines: Iterable[Line]) -> list[Call]:
    """The model calls in order of their first lines. Lines of one response share its id and repeat its usage."""
    calls: dict[str, Call] = {}
    segment = 0
    for line in lines:
        if line.value.get("subtype") == "compact_boundary":
            segment += 1
        message = line.message
        if line.kind != "assistant" or message.get("model") == SYNTHETIC_MODEL or not message.get("id"):
            continue
        message_id = str(message["id"])
        usage = usage_of(message)
        call = calls.get(message_id)
        if call is None:
            is_side = line.value.get("isSidechain") is True
            call = calls[message_id] = Call(message_id, str(message.get("model", "")), usage, [], segment, is_side)
        call.lines.append(line)
        call.usage.output = max(call.usage.output, usage.output)
    return list(calls.values())


def usage_of(message: Mapping[str, Any]) -> Usage:
    """What a line states as its call's usage."""
    stated: Mapping[str, Any] = message.get("usage") or {}
    write = int(stated.get("cache_creation_input_tokens") or 0)
    write_1h = int((stated.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0)
    return Usage(
        uncached=int(stated.get("input_tokens") or 0),
        read=int(stated.get("cache_read_input_tokens") or 0),
        write_5m=write - write_1h,
        write_1h=write_1h,
        output=int(stated.get("output_tokens") or 0),
    )


def with_usage(stated: Mapping[str, Any], usage: Usage, output: int) -> dict[str, Any]:
    """A usage object like `stated` with other numbers."""
    numbers = {
        "input_tokens": usage.uncached,
        "cache_creation_input_tokens": usage.write,
        "cache_read_input_tokens": usage.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.write_5m,
            "ephemeral_1h_input_tokens": usage.write_1h,
        },
    }
    result = {**stated, **numbers, "output_tokens": output}
    if result.get("iterations"):
        result["iterations"] = [{**numbers, "output_tokens": output, "type": "message"}]
    return result


def ms_from_iso(text: str) -> int:
    """Milliseconds since 1970 from the form that transcripts use."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def iso_from_ms(time_ms: int) -> str:
    """The form that transcripts use."""
    moment = datetime.fromtimestamp(time_ms / 1000, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03}Z"


def _without_ballast(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Progress lines and file histories repeat what other lines say and make up to 80 % of a file."""
    if value.get("type") == "progress":
        return {**value, "data": {}}
    return value


def _chars_per_token(lines: list[Line], calls: list[Call]) -> float:
    """Characters per token of this session's results, from calls between which a single large text entered."""
    by_line = {id(call.first): call for call in calls if not call.is_side}
    before: Call | None = None
    entered: list[int] = []
    ratios = []
    for line in lines:
        call = by_line.get(id(line))
        if call is None:
            entered += _text_sizes(line) if line.kind == "user" else []
            continue
        growth = 0 if before is None else call.usage.prompt - before.usage.prompt - before.usage.output
        if len(entered) == 1 and entered[0] >= _TELLING_CHARS and growth > 0:
            ratios.append(entered[0] / growth)
        before, entered = call, []
    low, high = _CHARS_PER_TOKEN_RANGE
    return min(max(median(ratios), low), high) if ratios else _CHARS_PER_TOKEN


def _text_sizes(line: Line) -> list[int]:
    content = line.message.get("content")
    if isinstance(content, str):
        return [len(content)]
    sizes = []
    for block in line.blocks:
        inner = block.get("content") if block.get("type") == "tool_result" else block.get("text", "")
        if isinstance(inner, list):
            inner = "".join(str(part.get("text", "")) for part in inner if isinstance(part, dict))
        sizes.append(len(str(inner)))
    return sizes

"""Texts to plant: code, listings, logs and prose, made by chance from a seed so that no two of them are alike."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

_NOUNS: Final = """
    ledger invoice parcel harbor lantern meadow cobalt saddle thicket beacon quarry marble timber canyon plover garnet
    willow cinder basalt heron walnut copper lagoon falcon juniper pebble tundra amber orchard glacier
"""
_VERBS: Final = "settle route merge weigh align strip gather render verify shift trace bundle patch sort clip"
_PROSE: Final = """
    the a of and to in for with from over under after before while open closed early late small large steady plain
    value order field batch window record column margin branch limit source target result
"""
_nouns, _verbs, _prose = (tuple(words.split()) for words in (_NOUNS, _VERBS, _PROSE))


def name(random: Random) -> str:
    """An identifier that hardly occurs twice."""
    return f"{random.choice(_verbs)}_{random.choice(_nouns)}_{random.choice(_nouns)}_{random.randrange(1000, 9999)}"


def code(random: Random, lines: int) -> list[str]:
    """Lines of Python."""
    text: list[str] = []
    while len(text) < lines:
        one, two = name(random), name(random)
        text += [
            f"def {one}({random.choice(_nouns)}, limit={random.randrange(2, 900)}):",
            f'    """{prose(random, 60).capitalize()}."""',
            f"    {random.choice(_nouns)}_total = {two}(limit) * {random.randrange(3, 99)}",
            f"    if {random.choice(_nouns)}_total > {random.randrange(100, 99999)}:",
            f"        return {random.choice(_nouns)}_total - {name(random)}(limit)",
            f"    return {{'{random.choice(_nouns)}': {two}, 'limit': limit + {random.randrange(1, 9)}}}",
            "",
        ]
    return text[:lines]


def code_of(random: Random, chars: int) -> list[str]:
    """Lines of Python with at least so many characters, line numbers included."""
    text: list[str] = []
    size = 0
    while size < chars:
        more = code(random, 70)
        text += more
        size += sum(len(line) + 8 for line in more)
    while len(text) > 1 and size - len(text[-1]) - 8 >= chars:
        size -= len(text.pop()) + 8
    return text


def numbered(lines: Sequence[str], first: int, *, with_tabs: bool) -> str:
    """A listing as the reading tool gives it."""
    if with_tabs:
        return "\n".join(f"{number}\t{line}" for number, line in enumerate(lines, first))
    return "\n".join(f"{number:>6}→{line}" for number, line in enumerate(lines, first))


def matches(random: Random, paths: Sequence[str], count: int) -> str:
    """What a search finds: path, line number and line."""
    rows = []
    for _ in range(count):
        rows.append(
            f"{random.choice(paths)}:{random.randrange(1, 900)}:    {name(random)}(limit={random.randrange(99)})"
        )
    return "\n".join(rows)


def log(random: Random, chars: int) -> str:
    """Output of a program, of at least so many characters."""
    rows: list[str] = []
    size = 0
    while size < chars:
        rows.append(
            f"[{random.randrange(10, 24)}:{random.randrange(10, 60)}:{random.randrange(10, 60)}] "
            f"{random.choice(('info', 'warn', 'debug'))} {name(random)} took {random.randrange(1, 9999)} ms, "
            f"{random.choice(_nouns)}={random.randrange(10**6)}"
        )
        size += len(rows[-1]) + 1
    return "\n".join(rows)


def prose(random: Random, chars: int) -> str:
    """Plain words."""
    words: list[str] = []
    size = 0
    while size < chars:
        words.append(random.choice(_prose) if random.random() < 0.8 else random.choice(_nouns))
        size += len(words[-1]) + 1
    return " ".join(words)


def picture(random: Random, chars: int) -> list[dict[str, Any]]:
    """A result that is a picture: base64 text of any length."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    block = "".join(random.choices(alphabet, k=4096))
    data = (block * (chars // len(block) + 1))[:chars]
    return [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}]

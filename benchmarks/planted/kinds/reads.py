"""Files read again, searches made again, large files."""

from __future__ import annotations

import re
from typing import Final

from ..agents import Agent, add_agents
from ..caching import compact
from ..draft import Draft, UnfitError
from ..places import a_place, places, quiet_places, two_places
from ..planting import Kind, Planting, decoy_of, plant_of
from ..rounds import Request, Round, add_round
from ..tools import edit, fresh_path, fresh_read, grep, read, same, shell, some_edit
from ..transcript import Call
from ..words import code, code_of, matches, name, picture

_LARGE_TOKENS: Final = 15_000
_LARGE_KEPT: Final = 0.4  # what of a large file is held to be needed (the reference saves 60 %)
_NEARLY_LARGE_TOKENS: Final = 9_000
_MIN_REAL_CHARS: Final = 1_500
_NUMBERED: Final = re.compile(r"(?: {0,5}\d+(?:→|\t).*\n){8}")


def reread_unchanged(draft: Draft) -> Planting:
    """A file is read, and some calls later the same lines once more."""
    first, second = two_places(draft)
    request = read(draft, fresh_path(draft), code(draft.random, draft.random.randint(60, 260)))
    add_round(draft, first, [request])
    add_filler(draft, first, second)
    return _wasted(draft, second, [same(request)])


def reread_of_real(draft: Draft) -> Planting:
    """A file that the session really read is read once more, unchanged."""
    found = [(request, place) for place in places(draft) for request in _real_reads(draft, place)]
    if not found:
        raise UnfitError("no whole listing that stayed as it was")
    request, place = draft.random.choice(found)
    return _wasted(draft, place, [request])


def reread_twice_beside_others(draft: Draft) -> Planting:
    """Two files are read, an unrelated one is edited, and both are read once more by one call."""
    first, second = two_places(draft)
    requests = [fresh_read(draft, draft.random.randint(60, 160)) for _ in range(2)]
    add_round(draft, first, requests)
    add_round(draft, second, [some_edit(draft)])
    return _wasted(draft, second, [same(request) for request in requests])


def read_after_edit(draft: Draft) -> Planting:
    """Decoy: the file was rewritten by an edit before it is read again."""
    first, second = two_places(draft)
    path = fresh_path(draft)
    old = code(draft.random, 90)
    new = [*old[:12], *code(draft.random, 70), *old[80:]]
    add_round(draft, first, [read(draft, path, old)])
    add_round(draft, second, [edit(path, "\n".join(old[12:80]), "\n".join(new[12:82]))])
    add_round(draft, second, [read(draft, path, new)])
    return decoy_of(draft)


def read_after_shell_edit(draft: Draft) -> Planting:
    """Decoy: a shell command renamed something in every line before the file is read again."""
    first, second = two_places(draft)
    path = fresh_path(draft)
    old = [f"{line}  # {index}" for index, line in enumerate(code(draft.random, 80))]
    new = [line.replace("  # ", "  # v2 ") for line in old]
    add_round(draft, first, [read(draft, path, old)])
    add_round(draft, second, [shell(f"sed -i 's/  # /  # v2 /' {path}", "")])
    add_round(draft, second, [read(draft, path, new)])
    return decoy_of(draft)


def read_other_range(draft: Draft) -> Planting:
    """Decoy: other lines of the same file."""
    first, second = two_places(draft)
    path = fresh_path(draft)
    lines = code(draft.random, 400)
    add_round(draft, first, [read(draft, path, lines[:120], is_range=True)])
    add_round(draft, second, [read(draft, path, lines[115:240], first=116, is_range=True)])
    add_round(draft, second, [read(draft, path, lines[300:400], first=301, is_range=True)])
    return decoy_of(draft)


def read_after_compaction(draft: Draft) -> Planting:
    """Decoy: a compaction took the lines out of the context."""
    first, second = two_places(draft, later=3)
    if first is second:
        raise UnfitError("no room between the reads")
    request = read(draft, fresh_path(draft), code(draft.random, 120))
    add_round(draft, first, [request])
    compact(draft, second)
    add_round(draft, second, [same(request)])
    return decoy_of(draft)


def read_by_sub_agent(draft: Draft) -> Planting:
    """Decoy: a sub-agent reads what its caller has read, which it cannot see."""
    first, second = two_places(draft)
    request = read(draft, fresh_path(draft), code(draft.random, 120))
    add_round(draft, first, [request])
    agent = Agent(f"Explain {request.arguments['file_path']}.", 12_000, rounds=[[same(request)], [fresh_read(draft)]])
    add_agents(draft, second, [agent])
    return decoy_of(draft)


def search_equal(draft: Draft) -> Planting:
    """The same search, nothing changed in between."""
    first, second = quiet_places(draft)
    request = _some_search(draft, f"def {name(draft.random)}")
    add_round(draft, first, [request])
    add_filler(draft, first, second)
    return _wasted(draft, second, [same(request)])


def search_near_equal(draft: Draft) -> Planting:
    """The same alternatives in another order."""
    first, second = quiet_places(draft)
    words = [name(draft.random) for _ in range(3)]
    request = _some_search(draft, "|".join(words))
    again = same(request)
    again.arguments["pattern"] = "|".join([words[2], words[0], words[1]])
    add_round(draft, first, [request])
    add_filler(draft, first, second)
    return _wasted(draft, second, [again])


def search_anchored(draft: Draft) -> Planting:
    """The same words with the signs of a pattern around them, which find the same lines."""
    first, second = quiet_places(draft)
    word = name(draft.random)
    request = _some_search(draft, f"def {word}")
    again = same(request)
    again.arguments["pattern"] = f"def {word}\\("
    add_round(draft, first, [request])
    add_filler(draft, first, second)
    return _wasted(draft, second, [again])


def search_after_write(draft: Draft) -> Planting:
    """Decoy: an edit in between may have changed what is found, and did."""
    first, second = quiet_places(draft)
    request = _some_search(draft, f"def {name(draft.random)}")
    again = same(request)
    again.result = f"{request.result}\n{matches(draft.random, [fresh_path(draft)], 2)}"
    add_round(draft, first, [request])
    add_round(draft, second, [some_edit(draft)])
    add_round(draft, second, [again])
    return decoy_of(draft)


def search_other_scope(draft: Draft) -> Planting:
    """Decoy: the same words in another folder."""
    first, second = quiet_places(draft)
    request = _some_search(draft, f"def {name(draft.random)}")
    again = _some_search(draft, str(request.arguments["pattern"]))
    again.arguments["path"] = draft.path("tests")
    add_round(draft, first, [request])
    add_round(draft, second, [again])
    return decoy_of(draft)


def search_other_words(draft: Draft) -> Planting:
    """Decoy: another name with the same words around it."""
    first, second = quiet_places(draft)
    add_round(draft, first, [_some_search(draft, f"def {name(draft.random)}")])
    add_round(draft, second, [_some_search(draft, f"def {name(draft.random)}")])
    return decoy_of(draft)


def search_by_sub_agent(draft: Draft) -> Planting:
    """Decoy: a sub-agent searches for what its caller has searched for."""
    first, second = quiet_places(draft)
    request = _some_search(draft, f"def {name(draft.random)}")
    add_round(draft, first, [request])
    agent = Agent(f"Find {request.arguments['pattern']}.", 12_000, rounds=[[same(request)], [fresh_read(draft)]])
    add_agents(draft, second, [agent])
    return decoy_of(draft)


def large_read(draft: Draft) -> Planting:
    """A file of 15,000 tokens is read whole."""
    place = a_place(draft)
    text = code_of(draft.random, round(_LARGE_TOKENS * draft.chars_per_token))
    request = read(draft, fresh_path(draft), text)
    small = draft.twin()
    _large_round(draft, place, request, _LARGE_TOKENS)
    _large_round(small, small.call(place.message_id), same(request), round(_LARGE_TOKENS * _LARGE_KEPT))
    return plant_of(draft, [request.key], small.bill_usd())


def medium_read(draft: Draft) -> Planting:
    """Decoy: a file of 9,000 tokens."""
    text = code_of(draft.random, round(_NEARLY_LARGE_TOKENS * draft.chars_per_token))
    _large_round(draft, a_place(draft), read(draft, fresh_path(draft), text), _NEARLY_LARGE_TOKENS)
    return decoy_of(draft)


def part_of_large_file(draft: Draft) -> Planting:
    """Decoy: 200 lines from the middle of a large file."""
    lines = code(draft.random, 200)
    add_round(draft, a_place(draft), [read(draft, fresh_path(draft), lines, first=2_400, is_range=True)])
    return decoy_of(draft)


def picture_read(draft: Draft) -> Planting:
    """Decoy: a picture, whose base64 text is 30 times as long as its tokens are."""
    path = draft.path("docs", f"{name(draft.random)}.png")
    request = Request("Read", {"file_path": path}, picture(draft.random, 180_000), draft.random.randint(900, 1_600))
    add_round(draft, a_place(draft), [request])
    return decoy_of(draft)


def add_filler(draft: Draft, first: Call, second: Call) -> None:
    """Something neutral between two places that are one."""
    if first is second:
        add_round(draft, second, [fresh_read(draft, 30)])


def _wasted(draft: Draft, place: Call, requests: list[Request]) -> Planting:
    without_usd = draft.bill_usd()
    wasted = add_round(draft, place, requests)
    return plant_of(draft, wasted.keys, without_usd)


def _large_round(draft: Draft, place: Call, request: Request, tokens: int) -> Round:
    request.tokens = tokens
    return add_round(draft, place, [request], output=90)


def _some_search(draft: Draft, pattern: str) -> Request:
    paths = [fresh_path(draft) for _ in range(6)]
    return grep(pattern, draft.path("src"), matches(draft.random, paths, draft.random.randint(25, 60)))


def _real_reads(draft: Draft, place: Call) -> list[Request]:
    """Reads of whole listings in the place's segment before it, of files that nothing wrote to since."""
    asked: dict[str, Request] = {}
    shown: dict[str, Request] = {}
    for line in draft.lines[: draft.position(place.first)]:
        if line.value.get("subtype") == "compact_boundary":
            shown.clear()
        for block in line.blocks:
            if block.get("type") == "tool_use":
                arguments = block.get("input") or {}
                path = str(arguments.get("file_path") or "")
                if block.get("name") == "Read":
                    asked[str(block["id"])] = Request("Read", dict(arguments), "")
                else:
                    shown.pop(path, None)
            elif block.get("type") == "tool_result" and (request := asked.get(str(block.get("tool_use_id")))):
                text = block.get("content")
                if isinstance(text, str) and len(text) >= _MIN_REAL_CHARS and _NUMBERED.match(text):
                    request.result = text
                    shown[str(request.arguments.get("file_path"))] = request
    return list(shown.values())


KINDS: Final = (
    Kind(
        rule="repeated-file-read",
        plants=(reread_unchanged, reread_of_real, reread_twice_beside_others),
        decoys=(read_after_edit, read_after_shell_edit, read_other_range, read_after_compaction, read_by_sub_agent),
        is_measured=True,
    ),
    Kind(
        rule="repeated-search",
        plants=(search_equal, search_near_equal, search_anchored),
        decoys=(search_after_write, search_other_scope, search_other_words, search_by_sub_agent),
        is_measured=True,
    ),
    Kind(
        rule="large-file",
        plants=(large_read,),
        decoys=(medium_read, part_of_large_file, picture_read),
    ),
)

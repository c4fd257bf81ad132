"""Oversized tool results, and single calls that could have been sent together."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ..draft import Draft
from ..places import a_place
from ..planting import Kind, Planting, decoy_of, plant_of
from ..rounds import Request, add_round
from ..tools import fresh_path, fresh_read, grep, read, same, shell, some_edit
from ..transcript import Call
from ..words import code, log, matches, name, picture, prose

_OVERSIZED_TOKENS: Final = 25_000
_BUDGET_TOKENS: Final = 2_000  # what a result may have (the reference)
_ORDINARY_TOKENS: Final = 4_000
_SERIAL_CALLS: Final = 5


def oversized_output(draft: Draft) -> Planting:
    """A command prints 25,000 tokens."""
    text = log(draft.random, round(_OVERSIZED_TOKENS * draft.chars_per_token))
    return _oversized(draft, shell("kubectl logs deploy/web --since=24h", text))


def oversized_server_result(draft: Draft) -> Planting:
    """A protocol server answers with 25,000 tokens."""
    text = log(draft.random, round(_OVERSIZED_TOKENS * draft.chars_per_token))
    return _oversized(draft, Request("mcp__tracker__search", {"query": name(draft.random)}, text))


def ordinary_output(draft: Draft) -> Planting:
    """Decoy: a command prints 4,000 tokens."""
    text = log(draft.random, round(_ORDINARY_TOKENS * draft.chars_per_token))
    request = shell("kubectl get events --all-namespaces", text)
    request.tokens = _ORDINARY_TOKENS
    add_round(draft, a_place(draft), [request])
    return decoy_of(draft)


def screenshot(draft: Draft) -> Planting:
    """Decoy: a screenshot of 300,000 characters of base64 and some 1,500 tokens."""
    shot = picture(draft.random, 300_000)
    request = Request("mcp__browser__screenshot", {"full": True}, shot, draft.random.randint(1_100, 1_700))
    add_round(draft, a_place(draft), [request])
    return decoy_of(draft)


def several_ordinary_outputs(draft: Draft) -> Planting:
    """Decoy: four results of 3,500 tokens at once are not one of 14,000."""
    requests = []
    for part in ("api", "web", "jobs", "mail"):
        request = shell(f"kubectl describe deploy {part}", log(draft.random, round(3_500 * draft.chars_per_token)))
        request.tokens = 3_500
        requests.append(request)
    add_round(draft, a_place(draft), requests)
    return decoy_of(draft)


def single_reads(draft: Draft) -> Planting:
    """Five files that have nothing to do with each other are read one by one."""
    place = a_place(draft)
    requests = [fresh_read(draft, 40) for _ in range(_SERIAL_CALLS)]
    together = draft.twin()
    _bracket(draft, place)
    rounds = [add_round(draft, place, [request], output=70) for request in requests]
    _bracket(draft, place)
    twin_place = together.call(place.message_id)
    _bracket(together, twin_place)
    add_round(together, twin_place, [same(request) for request in requests], output=70 * _SERIAL_CALLS)
    _bracket(together, twin_place)
    return plant_of(draft, [key for each in rounds for key in each.keys], together.bill_usd())


def dependent_reads(draft: Draft) -> Planting:
    """Decoy: each file names the one that is read next."""
    place = a_place(draft)
    paths = [fresh_path(draft) for _ in range(_SERIAL_CALLS + 1)]
    _bracket(draft, place, showing=paths[0])
    for path, following in pairwise(paths):
        lines = [*code(draft.random, 20), f"# see {following}", *code(draft.random, 20)]
        add_round(draft, place, [read(draft, path, lines)])
    _bracket(draft, place)
    return decoy_of(draft)


def reads_together(draft: Draft) -> Planting:
    """Decoy: five files are read by one call."""
    place = a_place(draft)
    _bracket(draft, place)
    add_round(draft, place, [fresh_read(draft, 40) for _ in range(_SERIAL_CALLS)])
    _bracket(draft, place)
    return decoy_of(draft)


def refined_searches(draft: Draft) -> Planting:
    """Decoy: each search narrows down the one before."""
    place = a_place(draft)
    _bracket(draft, place)
    word = name(draft.random)
    paths = [fresh_path(draft) for _ in range(5)]
    for pattern in (word, f"def {word}", f"{word}\\(limit", f"import {word}"):
        add_round(draft, place, [grep(pattern, draft.path("src"), matches(draft.random, paths, 20))])
    _bracket(draft, place)
    return decoy_of(draft)


def parts_of_one_file(draft: Draft) -> Planting:
    """Decoy: a file is read on from where the part before ended."""
    place = a_place(draft)
    _bracket(draft, place)
    path = fresh_path(draft)
    lines = code(draft.random, 240)
    for first in range(0, 240, 60):
        add_round(draft, place, [read(draft, path, lines[first : first + 60], first=first + 1, is_range=True)])
    _bracket(draft, place)
    return decoy_of(draft)


def reads_between_edits(draft: Draft) -> Planting:
    """Decoy: a read, an edit, a read, an edit."""
    place = a_place(draft)
    _bracket(draft, place)
    for _ in range(4):
        add_round(draft, place, [fresh_read(draft, 40)])
        _bracket(draft, place)
    return decoy_of(draft)


def _oversized(draft: Draft, request: Request) -> Planting:
    place = a_place(draft)
    small = draft.twin()
    twin_place = small.call(place.message_id)
    request.tokens = _OVERSIZED_TOKENS
    add_round(draft, place, [request], output=80)
    kept = same(request)
    kept.tokens = _BUDGET_TOKENS
    add_round(small, twin_place, [kept], output=80)
    return plant_of(draft, [request.key], small.bill_usd())


def _bracket(draft: Draft, place: Call, *, showing: str = "") -> None:
    """Something that is no read, so that reads of the session itself do not join those that are planted."""
    request = some_edit(draft)
    request.tokens = 60
    add_round(draft, place, [request], output=120)
    if showing:
        add_round(draft, place, [shell("git diff --name-only", f"{showing}\n{prose(draft.random, 20)}")])


KINDS: Final = (
    Kind(
        rule="oversized-tool-result",
        plants=(oversized_output, oversized_server_result),
        decoys=(ordinary_output, screenshot, several_ordinary_outputs),
    ),
    Kind(
        rule="serial-tool-calls",
        plants=(single_reads,),
        decoys=(dependent_reads, reads_together, reads_between_edits, refined_searches, parts_of_one_file),
    ),
)

"""Calls made again without news, and loops."""

from __future__ import annotations

from typing import Final

from ..caching import compact
from ..draft import Draft, UnfitError
from ..places import a_place, quiet_places, two_places
from ..planting import Kind, Planting, decoy_of, plant_of
from ..rounds import Request, add_round
from ..tools import edit_of, fresh_path, fresh_read, keys_of, same, shell, some_edit
from ..transcript import Call
from ..words import log, name, prose
from .reads import add_filler


def call_again(draft: Draft) -> Planting:
    """A command that only shows something is run again."""
    first, second = quiet_places(draft)
    request = shell(f"git log --oneline -40 -- {fresh_path(draft)}", log(draft.random, 3_000))
    return _again(draft, first, second, request)


def server_call_again(draft: Draft) -> Planting:
    """A protocol server is asked the same again."""
    first, second = quiet_places(draft)
    ticket = {"id": f"SHOP-{draft.random.randrange(100, 999)}"}
    request = Request("mcp__tracker__get_ticket", ticket, prose(draft.random, 4_000))
    return _again(draft, first, second, request)


def poll_with_news(draft: Draft) -> Planting:
    """Decoy: asks three times until the run is done."""
    place = a_place(draft)
    run = {"run_id": draft.random.randrange(10**6, 10**7)}
    for state in ("in_progress", "in_progress", f"completed: {prose(draft.random, 200)}"):
        add_round(draft, place, [Request("mcp__ci__get_run_status", dict(run), f"status: {state}")])
    return decoy_of(draft)


def sleeps(draft: Draft) -> Planting:
    """Decoy: waits twice for something to come up."""
    place = a_place(draft)
    for _ in range(2):
        add_round(draft, place, [shell("sleep 20", "", seconds=20)])
    return decoy_of(draft)


def changed_result(draft: Draft) -> Planting:
    """Decoy: the same call finds something else."""
    first, second = quiet_places(draft)
    ticket = {"id": f"SHOP-{draft.random.randrange(100, 999)}"}
    for place in (first, second):
        add_round(draft, place, [Request("mcp__tracker__get_ticket", dict(ticket), prose(draft.random, 2_000))])
    return decoy_of(draft)


def call_after_edit(draft: Draft) -> Planting:
    """Decoy: the tests are run again after an edit, with the same result."""
    first, second = quiet_places(draft)
    request = shell("npm test -- --silent", log(draft.random, 1_000))
    add_round(draft, first, [request])
    add_round(draft, second, [some_edit(draft)])
    add_round(draft, second, [same(request)])
    return decoy_of(draft)


def next_pages(draft: Draft) -> Planting:
    """Decoy: turns pages; the arguments are the same each time."""
    place = a_place(draft)
    for _ in range(3):
        add_round(draft, place, [Request("mcp__browser__next_page", {}, prose(draft.random, 1_500))])
    return decoy_of(draft)


def call_after_compaction(draft: Draft) -> Planting:
    """Decoy: a compaction took the result out of the context."""
    first, second = two_places(draft, later=3)
    if first is second:
        raise UnfitError("no room between the calls")
    ticket = {"id": f"SHOP-{draft.random.randrange(100, 999)}"}
    request = Request("mcp__tracker__get_ticket", ticket, prose(draft.random, 2_000))
    add_round(draft, first, [request])
    compact(draft, second)
    add_round(draft, second, [same(request)])
    return decoy_of(draft)


def loop_of_two(draft: Draft) -> Planting:
    """A failing build and a look at the same file, four times."""
    place = a_place(draft)
    cycle = [
        shell("make -C build all", log(draft.random, 1_200), fails=True),
        fresh_read(draft, 50),
    ]
    return _loop(draft, place, cycle, 4)


def loop_of_one(draft: Draft) -> Planting:
    """A tool that fails in the same way five times."""
    place = a_place(draft)
    arguments = {"selector": f"#{name(draft.random)}"}
    error = f"Error: no element found\n{log(draft.random, 500)}"
    return _loop(draft, place, [Request("mcp__browser__click", arguments, error, is_error=True)], 5)


def loop_with_news(draft: Draft) -> Planting:
    """Decoy: the same two calls in turn, and each time something else comes back."""
    place = a_place(draft)
    path = fresh_path(draft)
    for _ in range(4):
        add_round(draft, place, [shell(f"tail -n 20 {draft.path('logs', 'server.log')}", log(draft.random, 900))])
        add_round(draft, place, [Request("mcp__tracker__get_comments", {"path": path}, prose(draft.random, 500))])
    return decoy_of(draft)


def loop_of_work(draft: Draft) -> Planting:
    """Decoy: edit, test, edit, test, each failure another one."""
    place = a_place(draft)
    path = fresh_path(draft)
    for _ in range(4):
        add_round(draft, place, [edit_of(draft, path)])
        add_round(draft, place, [shell("cargo test --quiet", log(draft.random, 900), fails=True)])
    return decoy_of(draft)


def loop_of_waiting(draft: Draft) -> Planting:
    """Decoy: waits and asks until there is news."""
    place = a_place(draft)
    run = {"run_id": draft.random.randrange(10**6, 10**7)}
    for state in ("queued", "queued", "queued", f"completed {prose(draft.random, 150)}"):
        add_round(draft, place, [shell("sleep 30", "", seconds=30)])
        add_round(draft, place, [Request("mcp__ci__get_run_status", dict(run), f"status: {state}")])
    return decoy_of(draft)


def two_turns_of_a_loop(draft: Draft) -> Planting:
    """Decoy: the same two calls twice are no loop yet."""
    place = a_place(draft)
    cycle = [shell("make -C build all", log(draft.random, 800), fails=True), fresh_read(draft, 40)]
    for _ in range(2):
        for request in cycle:
            add_round(draft, place, [same(request)])
    return decoy_of(draft)


def _again(draft: Draft, first: Call, second: Call, request: Request) -> Planting:
    add_round(draft, first, [request])
    add_filler(draft, first, second)
    without_usd = draft.bill_usd()
    return plant_of(draft, add_round(draft, second, [same(request)]).keys, without_usd)


def _loop(draft: Draft, place: Call, cycle: list[Request], times: int) -> Planting:
    """The first turn is necessary, all others are waste."""
    for request in cycle:
        add_round(draft, place, [request])
    without_usd = draft.bill_usd()
    rounds = [add_round(draft, place, [same(request)]) for _ in range(times - 1) for request in cycle]
    return plant_of(draft, keys_of(rounds), without_usd)


KINDS: Final = (
    Kind(
        rule="redundant-tool-call",
        plants=(call_again, server_call_again),
        decoys=(
            poll_with_news,
            sleeps,
            changed_result,
            call_after_edit,
            next_pages,
            call_after_compaction,
        ),
        is_measured=True,
    ),
    Kind(
        rule="no-progress-loop",
        plants=(loop_of_two, loop_of_one),
        decoys=(loop_with_news, loop_of_work, loop_of_waiting, two_turns_of_a_loop),
        is_measured=True,
    ),
)

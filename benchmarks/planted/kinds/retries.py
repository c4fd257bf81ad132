"""Failures tried again, and edits that do not help."""

from __future__ import annotations

from typing import Final

from ..draft import Draft
from ..places import a_place, quiet_places
from ..planting import Kind, Planting, decoy_of, plant_of
from ..rounds import Request, Round, add_round
from ..tools import edit_of, fresh_path, keys_of, same, shell, some_edit, write
from ..words import code, log, matches, name
from .reads import add_filler


def failure_three_times(draft: Draft) -> Planting:
    """The same command fails three times."""
    place = a_place(draft)
    request = _failing(draft)
    add_round(draft, place, [request])
    without_usd = draft.bill_usd()
    again = [add_round(draft, place, [same(request)]) for _ in range(2)]
    return plant_of(draft, keys_of(again), without_usd)


def failure_between_reads(draft: Draft) -> Planting:
    """A protocol server's tool fails with the same arguments, reads in between."""
    first, second = quiet_places(draft)
    arguments = {"query": f"select {name(draft.random)} from {name(draft.random)}"}
    error = f"Error: relation {name(draft.random)} does not exist\n{log(draft.random, 1_200)}"
    request = Request("mcp__postgres__query", arguments, error, is_error=True)
    add_round(draft, first, [request])
    add_filler(draft, first, second)
    without_usd = draft.bill_usd()
    again = [add_round(draft, second, [same(request)]) for _ in range(2)]
    return plant_of(draft, keys_of(again), without_usd)


def failure_fixed(draft: Draft) -> Planting:
    """Decoy: a command fails, the code is edited, and it passes."""
    place = a_place(draft)
    request = _failing(draft)
    add_round(draft, place, [request])
    add_round(draft, place, [some_edit(draft)])
    add_round(draft, place, [shell(str(request.arguments["command"]), log(draft.random, 600))])
    return decoy_of(draft)


def failure_worked_on(draft: Draft) -> Planting:
    """Decoy: fails, edit, fails in another way, edit, passes."""
    place = a_place(draft)
    request = _failing(draft)
    command = str(request.arguments["command"])
    add_round(draft, place, [request])
    add_round(draft, place, [some_edit(draft)])
    add_round(draft, place, [shell(command, log(draft.random, 900), fails=True)])
    add_round(draft, place, [some_edit(draft)])
    add_round(draft, place, [shell(command, log(draft.random, 300))])
    return decoy_of(draft)


def failures_of_different_commands(draft: Draft) -> Planting:
    """Decoy: four different programs fail once each."""
    place = a_place(draft)
    for command in ("terraform validate", "cargo clippy", "mix compile", "swift build"):
        add_round(draft, place, [shell(command, log(draft.random, 700), fails=True)])
    return decoy_of(draft)


def failures_side_by_side(draft: Draft) -> Planting:
    """Decoy: three calls sent together fail; none could know of the others."""
    requests = [
        Request(
            "mcp__postgres__query", {"query": f"select {name(draft.random)}"}, log(draft.random, 300), is_error=True
        )
        for _ in range(3)
    ]
    add_round(draft, a_place(draft), requests)
    return decoy_of(draft)


def refusals(draft: Draft) -> Planting:
    """Decoy: the person refuses the same command twice."""
    place = a_place(draft)
    text = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit)."
    for _ in range(2):
        add_round(draft, place, [Request("Bash", {"command": "git push origin main"}, text, is_error=True)])
    return decoy_of(draft)


def edits_that_fail(draft: Draft) -> Planting:
    """One file is edited four times, and the tests fail after each of them."""
    place = a_place(draft)
    path = fresh_path(draft)
    rounds: list[Round] = []
    for _ in range(4):
        rounds.append(add_round(draft, place, [edit_of(draft, path)]))
        rounds.append(add_round(draft, place, [shell("npm test", log(draft.random, 900), fails=True)]))
    return plant_of(draft, keys_of(rounds), None)


def edits_that_pass(draft: Draft) -> Planting:
    """Decoy: one file is edited four times, and the tests pass each time."""
    place = a_place(draft)
    path = fresh_path(draft)
    for _ in range(4):
        add_round(draft, place, [edit_of(draft, path)])
        add_round(draft, place, [shell("npm test", log(draft.random, 500))])
    return decoy_of(draft)


def edits_of_different_files(draft: Draft) -> Planting:
    """Decoy: the tests fail, but each edit is of another file."""
    place = a_place(draft)
    for _ in range(4):
        add_round(draft, place, [some_edit(draft)])
        add_round(draft, place, [shell("npm test", log(draft.random, 600), fails=True)])
    return decoy_of(draft)


def edits_without_checks(draft: Draft) -> Planting:
    """Decoy: one file is written and edited three times in a row, nothing is checked in between."""
    place = a_place(draft)
    path = fresh_path(draft)
    add_round(draft, place, [write(path, "\n".join(code(draft.random, 40)))])
    for _ in range(3):
        add_round(draft, place, [edit_of(draft, path)])
    add_round(draft, place, [shell("npm test", matches(draft.random, [path], 3))])
    return decoy_of(draft)


def _failing(draft: Draft) -> Request:
    target = name(draft.random)
    return shell(
        f"make {target}", f"make: *** No rule to make target '{target}'.\n{log(draft.random, 1_500)}", fails=True
    )


KINDS: Final = (
    Kind(
        rule="failed-retry",
        plants=(failure_three_times, failure_between_reads),
        decoys=(
            failure_fixed,
            failure_worked_on,
            failures_of_different_commands,
            failures_side_by_side,
            refusals,
        ),
        is_measured=True,
    ),
    Kind(
        rule="edit-churn",
        plants=(edits_that_fail,),
        decoys=(edits_that_pass, edits_of_different_files, edits_without_checks),
    ),
)

"""How well the rules find waste that was planted, and what they say of real sessions as they are.

Plants one known waste of each kind, and decoys that look like it, into real Claude Code sessions (`planted/`), has the
package analyse them, and prints per rule: recall, false alarms per decoy, and the error of the estimated dollars
against what the waste really cost. Exit status 1 when a rule misses a target; rules that do not exist yet miss none.

A plant is found when an issue of the rule names one of its events. A decoy is a false alarm when an issue names one of
its events. For rules about a whole session a new or a dearer issue does. The estimate is what the issues of the rule
count for, less what they count for in the untouched session; where other rules own a part of it, what they claim.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from machine import machine_line
from planted.catalog import KINDS, NOT_PLANTABLE
from planted.draft import Draft, UnfitError
from planted.planting import Key, Kind, Maker, Planting
from planted.transcript import Transcript, read_transcript

from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, analyzer_id
from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.ingest.transcripts.span_ids import span_id_of
from otel_sessionopt.pipeline import Pipeline, analyze_inputs

REPOSITORY = Path(__file__).resolve().parents[1]
SESSIONS = REPOSITORY.parent / "shared" / "data" / "claude-code-sessions"
EXAMPLE = REPOSITORY / "examples" / "claude-code-session.jsonl.xz"

MIN_RECALL = 0.95
MAX_FALSE_ALARMS = 0.05
MAX_ERROR = 0.10
DECOYS_PER_PLANT = 2
OFTEN = 0.5  # of real sessions; a rule that flags more of them at MEDIUM or above has to argue for it in its page
LEADING_ISSUES = 5
COUNTING = frozenset({"measured", "estimated"})
AT_LEAST_MEDIUM = frozenset({"MEDIUM", "HIGH", "CRITICAL"})


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to plant in one session: the first of the makers that the session has a place for."""

    kind: int
    is_plant: bool
    makers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one plant or decoy.

    Attributes:
        is_told: an issue is about it.
        outcome: empty, or why the rule did not judge the session.
        estimate_usd, all_usd: of a plant: what the rule and what all rules count more than in the untouched session.
    """

    rule: str
    maker: str
    session: str
    is_plant: bool
    is_told: bool
    outcome: str
    waste_usd: float | None = None
    estimate_usd: float | None = None
    all_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the untouched session's report says: by rule its worst severity and counted dollars; and the bill."""

    session: str
    worst: Mapping[str, str]
    usd: Mapping[str, float]
    bill_usd: float
    own_bill_usd: float
    issues: int
    leading_share: float


def main() -> int:
    options = _options()
    started = time.monotonic()
    print(machine_line())
    paths = _sessions(options.paths)[: options.sessions]
    built = {analyzer_id(each) for each in ANALYZER_CLASSES}
    kinds = [
        index
        for index, kind in enumerate(KINDS)
        if kind.rule in built and (not options.rule or kind.rule in options.rule)
    ]
    rules, results = _run(paths, kinds, options.per_kind, options.jobs)
    is_met = _print_planted(results, built, options.rule)
    _print_details(results)
    _print_real(rules, sorted(built))
    print(f"\n{len(results)} plants and decoys in {len(paths)} sessions, {time.monotonic() - started:.0f} s")
    return 0 if is_met else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "paths", nargs="*", type=Path, help="transcripts (default: the real sessions, else the example)"
    )
    parser.add_argument("--sessions", type=int, default=None, help="use the first N sessions only")
    parser.add_argument("--per-kind", type=int, default=24, help="plants of each kind (default %(default)s)")
    parser.add_argument("--rule", action="append", default=[], help="only this rule; may be given several times")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    return parser.parse_args()


def _sessions(paths: Sequence[Path]) -> list[Path]:
    return list(paths) or sorted(SESSIONS.glob("*__*.jsonl.xz")) or [EXAMPLE]


def _run(paths: Sequence[Path], kinds: Iterable[int], per_kind: int, jobs: int) -> tuple[list[Rules], list[Result]]:
    """Reports of the untouched sessions, and what became of all plants and decoys.

    Each kind takes sessions in an order of its own. Where one had no place for it, further ones are taken after that.
    """
    orders = {index: list(paths) for index in kinds}
    for index, order in orders.items():
        Random(KINDS[index].rule).shuffle(order)
    rules: dict[Path, Rules] = {}
    results: list[Result] = []
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        while True:
            planted = Counter(result.rule for result in results if result.is_plant)
            tasks: dict[Path, list[Task]] = {path: [] for path in paths}
            for index, order in orders.items():
                wanted = per_kind - planted[KINDS[index].rule]
                for path in order[:wanted]:
                    tasks[path] += _tasks(index, len(paths) - len(order) + order.index(path))
                del order[:wanted]
            chosen = [path for path in paths if tasks[path] or not rules]
            if not chosen:
                return [rules[path] for path in paths], results
            for path, (untouched, of_session) in zip(
                chosen, pool.map(_run_session, chosen, [tasks[path] for path in chosen]), strict=True
            ):
                rules[path] = untouched
                results += of_session


def _tasks(index: int, turn: int) -> list[Task]:
    """A plant and some decoys for one session: the variants of the kind in turn."""
    kind = KINDS[index]
    plant = Task(index, True, _from(turn, len(kind.plants)))
    starts = range(DECOYS_PER_PLANT * turn, DECOYS_PER_PLANT * (turn + 1))
    return [plant, *(Task(index, False, _from(start, len(kind.decoys))) for start in starts)]


def _from(start: int, count: int) -> tuple[int, ...]:
    return tuple((start + offset) % count for offset in range(count))


# One session


def _run_session(path: Path, tasks: Sequence[Task]) -> tuple[Rules, list[Result]]:
    source = read_transcript(path)
    with tempfile.TemporaryDirectory() as folder:
        # Every version of a session is at the same path: nothing but its lines may differ.
        file = Path(folder) / f"{source.name}.jsonl"
        untouched_draft = Draft(source, "")
        before = _analyse(file, untouched_draft.values())
        untouched = _rules(source.name, before, untouched_draft)
        done: set[Maker] = set()
        results = []
        for task in tasks:
            planted = _plant(source, task, done)
            if planted is not None:
                maker, planting = planted
                done.add(maker)
                after = _analyse(file, planting.lines)
                results.append(_judge(KINDS[task.kind], maker.__name__, source, planting, before, after, task.is_plant))
    return untouched, results


def _plant(source: Transcript, task: Task, done: set[Maker]) -> tuple[Maker, Planting] | None:
    kind = KINDS[task.kind]
    makers = kind.plants if task.is_plant else kind.decoys
    for index in task.makers:
        maker = makers[index]
        if maker in done:
            continue
        try:
            return maker, maker(Draft(source, f"{source.name}/{kind.rule}/{maker.__name__}"))
        except UnfitError:
            continue
    return None


def _analyse(file: Path, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)
    inputs = find_inputs([str(file)], on_error=_fail)
    reports = list(analyze_inputs(inputs, Pipeline(), on_error=_fail))
    if len(reports) != 1:
        raise ValueError(f"{file.name} became {len(reports)} reports")
    return reports[0].to_dict()


def _fail(error: Exception) -> None:
    raise error


def _rules(session: str, report: Mapping[str, Any], draft: Draft) -> Rules:
    worst: dict[str, str] = {}
    usd: dict[str, float] = {}
    order = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
    issues = report["issues"]
    for issue in issues:
        code = issue["code"]
        worst[code] = max(worst.get(code, "LOW"), issue["severity"], key=order.index)
        usd[code] = usd.get(code, 0.0) + (issue["counted"]["cost_usd"] or 0.0)
    total = sum(usd.values())
    leading = sum(issue["counted"]["cost_usd"] or 0.0 for issue in issues[:LEADING_ISSUES])
    bill_usd = report["bill"]["total"]["cost_usd"] or 0.0
    own = draft.bill_usd()
    return Rules(session, worst, usd, bill_usd, own, len(issues), leading / total if total else 1.0)


def _judge(
    kind: Kind,
    maker: str,
    source: Transcript,
    planting: Planting,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    is_plant: bool,
) -> Result:
    events = {_event_id(source.session_id, key) for key in planting.events}
    old, new = _issues(before, kind.rule), _issues(after, kind.rule)
    growth = _usd(new, "claimed") - _usd(old, "claimed")
    outcome = _outcome(after, kind.rule)
    is_told = _names_any(events, old, new)
    if kind.is_session_wide and not is_told:
        is_told = _is_new(old, new) or (is_plant and growth > 1e-9)
    if not is_plant:
        if planting.expects_none:
            is_told = bool(new)
        if planting.told_usd is not None:
            is_told = is_told and growth > 0.1 * planting.told_usd
        return Result(kind.rule, maker, source.name, False, is_told, outcome)
    is_owned = any(issue["counted"]["already_counted_by"] for issue in [*old, *new])
    estimate = growth if is_owned else _usd(new, "counted") - _usd(old, "counted")
    all_usd = (after["waste"]["avoidable"]["cost_usd"] or 0.0) - (before["waste"]["avoidable"]["cost_usd"] or 0.0)
    return Result(kind.rule, maker, source.name, True, is_told, outcome, planting.waste_usd, estimate, all_usd)


def _issues(report: Mapping[str, Any], rule: str) -> list[dict[str, Any]]:
    return [issue for issue in report["issues"] if issue["code"] == rule]


def _outcome(report: Mapping[str, Any], rule: str) -> str:
    """Why a rule did not judge a session; empty where it did."""
    outcome = next(each for each in report["outcomes"] if each["code"] == rule)
    if outcome["status"] == "failed":
        return f"failed: {outcome['error']}"
    missing = ", ".join(each["fact"] for each in outcome["missing"])
    return "" if outcome["status"] == "ok" else f"not evaluated, missing: {missing}"


def _event_id(session_id: str, key: Key) -> str:
    return f"{span_id_of(session_id, *key):016x}"


def _names_any(events: set[str], old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an issue names one of the events, and did not before."""
    known = {issue["id"]: set(issue["events_involved"]) for issue in old}
    return any((set(issue["events_involved"]) - known.get(issue["id"], set())) & events for issue in new)


def _is_new(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> bool:
    return bool({issue["id"] for issue in new} - {issue["id"] for issue in old})


def _usd(issues: Iterable[Mapping[str, Any]], amount: str) -> float:
    """What issues count for, or what they claim. Issues whose basis does not count have claims only."""
    total = 0.0
    for issue in issues:
        waste = issue["waste"]
        if amount == "counted" and waste is not None and waste["basis"] in COUNTING:
            total += issue["counted"]["cost_usd"] or 0.0
        elif waste is not None:
            total += waste["cost_usd"] or 0.0
    return total


# Tables


def _print_planted(results: Sequence[Result], built: set[str], only: Sequence[str]) -> bool:
    print(
        f"\n{'rule':<24} {'plants':>6} {'found':>5} {'recall':>6}  {'decoys':>6} {'alarms':>6} {'rate':>5}  "
        f"{'error':>6} {'p90':>6} {'in all':>6}  verdict"
    )
    is_met = True
    for kind in sorted(KINDS, key=lambda each: each.rule):
        if only and kind.rule not in only:
            continue
        if kind.rule not in built:
            print(f"{kind.rule:<24} {'not built':>6}")
            continue
        own = [result for result in results if result.rule == kind.rule]
        row, missed = _row(kind, [each for each in own if each.is_plant], [each for each in own if not each.is_plant])
        print(f"{kind.rule:<24} {row}  {'misses ' + ', '.join(missed) if missed else 'met'}")
        is_met &= not missed
    for rule, reason in NOT_PLANTABLE.items():
        print(f"{rule:<24} not plantable: {reason}")
    print(
        f"targets: recall at least {MIN_RECALL:.2f}, false alarms at most {MAX_FALSE_ALARMS:.2f} of decoys, median "
        f"error of the dollars at most {MAX_ERROR:.0%} where it is measured (others in brackets);\n"
        "p90: nine in ten errors are smaller; in all: what the whole report counts more, as a share of the true waste"
    )
    return is_met


def _row(kind: Kind, plants: Sequence[Result], decoys: Sequence[Result]) -> tuple[str, list[str]]:
    missed = []
    found = [result for result in plants if result.is_told]
    alarms = sum(result.is_told for result in decoys)
    recall = len(found) / len(plants) if plants else 0.0
    rate = alarms / len(decoys) if decoys else 0.0
    if recall < MIN_RECALL:
        missed.append("recall")
    if rate > MAX_FALSE_ALARMS:
        missed.append("false alarms")
    errors = _errors(found)
    error = p90 = in_all = "-"
    if errors:
        middle = median(errors)
        error, p90 = f"{middle:.0%}", f"{sorted(errors)[ceil(0.9 * len(errors)) - 1]:.0%}"
        in_all = f"{median((each.all_usd or 0.0) / each.waste_usd for each in found if each.waste_usd):.0%}"
        if not kind.is_measured:
            error = f"({error})"
        elif middle > MAX_ERROR:
            missed.append("error")
    row = (
        f"{len(plants):>6} {len(found):>5} {recall:>6.2f}  {len(decoys):>6} {alarms:>6} {rate:>5.2f}  "
        f"{error:>6} {p90:>6} {in_all:>6}"
    )
    return row, missed


def _errors(found: Iterable[Result]) -> list[float]:
    return [
        abs((result.estimate_usd or 0.0) - result.waste_usd) / result.waste_usd for result in found if result.waste_usd
    ]


def _print_details(results: Sequence[Result]) -> None:
    """Per variant: what was missed, what was a false alarm, and which way the estimate is off."""
    print("\nby variant (only those with something to say)")
    for rule, maker in dict.fromkeys((result.rule, result.maker) for result in results):
        own = [result for result in results if (result.rule, result.maker) == (rule, maker)]
        told = [result for result in own if result.is_told]
        for outcome, count in Counter(result.outcome for result in own if result.outcome).items():
            print(f"  {rule}: {maker}: {count} of {len(own)} {outcome}")
        if not own[0].is_plant:
            if told:
                print(f"  {rule}: {maker}: false alarm in {len(told)} of {len(own)}: {_names(told)}")
            continue
        notes = []
        if len(told) < len(own):
            notes.append(f"missed {len(own) - len(told)} of {len(own)}: {_names([e for e in own if not e.is_told])}")
        ratios = [(each.estimate_usd or 0.0) / each.waste_usd for each in told if each.waste_usd]
        if ratios and abs(median(ratios) - 1) > MAX_ERROR / 2:
            notes.append(f"estimate is {median(ratios):.0%} of the truth ({min(ratios):.0%} to {max(ratios):.0%})")
        if notes:
            print(f"  {rule}: {maker}: {'; '.join(notes)}")


def _names(results: Sequence[Result]) -> str:
    names = [result.session[:24] for result in results[:3]]
    return ", ".join(names) + (" …" if len(results) > 3 else "")


def _print_real(rules: Sequence[Rules], built: Sequence[str]) -> None:
    count = len(rules)
    bill_usd = sum(each.bill_usd for each in rules)
    off = max((abs(each.bill_usd - each.own_bill_usd) for each in rules), default=0.0)
    print(
        f"\nreal sessions as they are: {count}, ${bill_usd:,.2f}; bills differ from the planter's by at most ${off:.6f}"
    )
    print(f"{'rule':<24} {'flagged':>7} {'MEDIUM+':>7} {'of dollars':>10}")
    for rule in built:
        flagged = sum(rule in each.worst for each in rules) / count
        medium = sum(each.worst.get(rule) in AT_LEAST_MEDIUM for each in rules) / count
        share = sum(each.usd.get(rule, 0.0) for each in rules) / bill_usd if bill_usd else 0.0
        note = "  flags over half of real sessions: its page has to argue for it" if medium > OFTEN else ""
        print(f"{rule:<24} {flagged:>7.0%} {medium:>7.0%} {share:>10.2%}{note}")
    issues = [each.issues for each in rules]
    shares = [each.leading_share for each in rules]
    print(
        f"issues a session: median {median(issues):.0f}, most {max(issues)}; the first {LEADING_ISSUES} hold "
        f"{median(shares):.0%} of the counted dollars in the median session, {min(shares):.0%} at least"
    )


if __name__ == "__main__":
    sys.exit(main())

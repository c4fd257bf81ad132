"""The benchmark of planted waste: what it plants is consistent, readable, and costs what it says.

Costs are checked by hand on a session of five calls of `claude-opus-5`: input $5, cache read $0.50, five-minute cache
write $6.25, output $25 per million tokens.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.planted.agents import Agent, add_agents
from benchmarks.planted.caching import cache_well, compact, miss, pause, uncache
from benchmarks.planted.catalog import KINDS, NOT_PLANTABLE
from benchmarks.planted.draft import Draft, UnfitError
from benchmarks.planted.kinds import answers, caches, contexts, reads, repeats, results, sessions
from benchmarks.planted.planting import Kind, Maker, Planting
from benchmarks.planted.prices import Usage, cost_usd
from benchmarks.planted.rounds import Request, add_attempt, add_round, add_side_call
from benchmarks.planted.transcript import Call, Transcript, read_transcript, transcript_from_values
from otel_sessionopt import semconv
from otel_sessionopt.ingest.files import find_inputs, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.span_ids import span_id_of

REPOSITORY = Path(__file__).resolve().parents[1]
BENCHMARKS = REPOSITORY / "benchmarks"
EXAMPLE = REPOSITORY / "examples" / "claude-code-session.jsonl.xz"
MICRO = 1_000_000  # costs are written in millionths of a dollar: tokens × dollars per million
MAKERS = [
    pytest.param(kind, maker, id=f"{kind.rule}-{maker.__name__}")
    for kind in KINDS
    for maker in (*kind.plants, *kind.decoys)
]
PLANTS = [pytest.param(kind, maker, id=f"{kind.rule}-{maker.__name__}") for kind in KINDS for maker in kind.plants]
# In the example nobody comes back with a message soon after an answer, and the last word is a person's.
UNFIT_FOR_THE_EXAMPLE = frozenset(
    {"persons_model_switch", "pause_and_miss", "pause_without_miss", "ends_with_an_answer", "recovers_from_errors"}
)


@pytest.fixture(scope="module")
def example() -> Transcript:
    return read_transcript(EXAMPLE)


def made(maker: Maker, source: Transcript) -> Planting:
    return maker(Draft(source, f"{source.name}/{maker.__name__}"))


def read_back(planting: Planting) -> Transcript:
    return transcript_from_values("planted", planting.lines)


def spans_of(folder: Path, lines: Sequence[Mapping[str, Any]]) -> list[SpanRecord]:
    path = folder / "planted.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def fail(error: Exception) -> None:
        raise error

    return [span for each in find_inputs([str(path)], on_error=fail) for span in read_spans(each, fail)]


# A session of five calls, each with one result before the next


def tiny() -> Transcript:
    """Prompts of 10,000, 11,000 … 14,000 tokens; each call reads the one before and writes the 1,000 that entered."""
    values: list[dict[str, Any]] = [tiny_line(0, "user", "go on")]
    for index in range(5):
        usage = {
            "input_tokens": 3,
            "cache_read_input_tokens": 8_997 + 1_000 * index if index else 0,
            "cache_creation_input_tokens": 1_000 if index else 9_997,
            "output_tokens": 10,
        }
        block = {"type": "tool_use", "id": f"toolu_{index}", "name": "Read", "input": {"file_path": f"/w/{index}.py"}}
        values.append(tiny_line(2 * index + 1, "assistant", [block], id=f"msg_{index}", usage=usage))
        result = {"type": "tool_result", "tool_use_id": f"toolu_{index}", "content": f"{index}" * 900}
        values.append(tiny_line(2 * index + 2, "user", [result]))
    return transcript_from_values("tiny", values)


def tiny_line(number: int, role: str, content: object, **message: Any) -> dict[str, Any]:
    if role == "assistant":
        message |= {"model": "claude-opus-5", "type": "message"}
    return {
        "parentUuid": f"uuid-{number - 1}" if number else None,
        "isSidechain": False,
        "cwd": "/w",
        "sessionId": "tiny",
        "type": role,
        "uuid": f"uuid-{number}",
        "timestamp": f"2026-08-01T10:00:{5 * number:02}.000Z",
        "message": {"role": role, "content": content, **message},
    }


def tiny_draft() -> Draft:
    return Draft(tiny(), "seed")


def micro_usd(draft: Draft) -> float:
    return round(draft.bill_usd() * MICRO, 6)


def numbers(call: Call) -> tuple[int, int, int, int]:
    """Uncached, read, written and output tokens of a call."""
    usage = call.usage
    return usage.uncached, usage.read, usage.write, usage.output


def test_the_tiny_session_is_what_its_tests_say() -> None:
    draft = tiny_draft()
    assert [call.usage.prompt for call in draft.calls] == [10_000, 11_000, 12_000, 13_000, 14_000]
    # uncached 5 × 3 × 5, read (9,997 + 10,997 + 11,997 + 12,997) × 0.5, written (9,997 + 4,000) × 6.25, output 50 × 25
    assert micro_usd(draft) == 75 + 22_994 + 87_481.25 + 1_250


# Truth by hand, one test a family


def test_a_round_costs_its_call_its_entry_and_its_carry() -> None:
    draft = tiny_draft()
    without = micro_usd(draft)
    before = draft.calls[2]
    wasted = add_round(draft, before, [Request("Read", {"file_path": "/w/x.py"}, "x", 400)], output=100)
    assert numbers(wasted.call) == (3, 10_997, 1_000, 100)  # the prompt that the next call had
    assert numbers(before) == (3, 11_997, 500, 10)  # reads it, and writes output and result
    assert [numbers(call) for call in draft.calls[4:]] == [(3, 12_497, 1_000, 10), (3, 13_497, 1_000, 10)]
    # output 100 × 25; the prompt once more: 11,997 × 0.5 and 3 × 5; entry 500 × 6.25; carry in two calls 2 × 500 × 0.5
    assert micro_usd(draft) - without == pytest.approx(2_500 + 5_998.5 + 15 + 3_125 + 500)


def test_a_second_round_carries_the_first() -> None:
    draft = tiny_draft()
    place = draft.calls[2]
    for _ in range(2):
        add_round(draft, place, [Request("Read", {"file_path": "/w/x.py"}, "x", 400)], output=100)
    assert [call.usage.prompt for call in draft.calls] == [10_000, 11_000, 12_000, 12_500, 13_000, 14_000, 15_000]
    assert [call.usage.read for call in draft.calls] == [0, 9_997, 10_997, 11_997, 12_497, 12_997, 13_997]


def test_what_entered_before_a_miss_is_written_again() -> None:
    draft = tiny_draft()
    miss(draft, draft.calls[3], 5_000)
    add_round(draft, draft.calls[2], [Request("Read", {"file_path": "/w/x.py"}, "x", 400)], output=100)
    assert numbers(draft.calls[4]) == (3, 5_000, 6_997 + 1_000 + 500, 10)
    assert numbers(draft.calls[5]) == (3, 13_497, 1_000, 10)


def test_what_entered_is_gone_after_a_compaction(example: Transcript) -> None:
    draft = Draft(example, "seed")
    main = draft.main
    place = main[20]
    later = main[main.index(place) + 1]
    growth = later.usage.prompt - place.usage.prompt
    compact(draft, place)
    assert place.usage.prompt < main[0].usage.prompt + 5_000
    assert later.usage.prompt - place.usage.prompt == growth
    prompts = [call.usage.prompt for call in main[main.index(place) :]]
    add_round(draft, main[3], [Request("Read", {"file_path": "/w/x.py"}, "x", 400)])
    assert [call.usage.prompt for call in main[main.index(place) :]] == prompts


def test_a_missed_cache_costs_the_premium_of_what_was_missed() -> None:
    draft = tiny_draft()
    without = micro_usd(draft)
    assert miss(draft, draft.calls[3], 2_000) == 9_997
    assert numbers(draft.calls[3]) == (3, 2_000, 10_997, 10)
    assert micro_usd(draft) - without == pytest.approx(9_997 * (6.25 - 0.5))


def test_a_pause_of_a_tool_moves_its_result_and_what_follows() -> None:
    draft = tiny_draft()
    pause(draft, draft.calls[2], 600, of_person=False)
    times = [line.time_ms for line in draft.lines]
    assert [(after or 0) - (before or 0) for before, after in pairwise(times)] == [
        *[5_000] * 3, 605_000, *[5_000] * 6,
    ]  # fmt: skip


def test_never_cached_is_measured_against_a_cache_that_never_fails() -> None:
    planting = made(caches.never_cached, tiny())
    # All prompts uncached: 60,000 × 5. With a cache: 14,000 written × 6.25, and the prompts before: 46,000 × 0.5.
    assert planting.waste_usd == pytest.approx((300_000 - 87_500 - 23_000) / MICRO)
    draft = tiny_draft()
    cache_well(draft)
    assert [numbers(call)[:3] for call in draft.calls][:2] == [(0, 0, 10_000), (0, 10_000, 1_000)]
    uncache(draft)
    assert [numbers(call)[:3] for call in draft.calls][:2] == [(10_000, 0, 0), (11_000, 0, 0)]


def test_a_superseded_attempt_costs_its_prompt_once_more() -> None:
    draft = tiny_draft()
    without = micro_usd(draft)
    attempt = add_attempt(draft, draft.calls[2], "half an answer", output=200)
    assert numbers(attempt) == (3, 10_997, 1_000, 200)
    assert numbers(draft.calls[3]) == (3, 11_997, 0, 10)
    assert draft.calls[4].usage.prompt == 13_000
    assert attempt.first.value["parentUuid"] == draft.calls[3].first.value["parentUuid"]
    assert micro_usd(draft) - without == pytest.approx(200 * 25 + 11_997 * 0.5 + 3 * 5)


def test_a_large_file_could_be_two_fifths_as_large() -> None:
    planting = made(reads.large_read, tiny())
    calls = read_back(planting).calls
    place = next(index for index, call in enumerate(calls) if ("tool", tool_id(call)) == planting.events[0])
    carried = len(calls) - place - 2
    assert planting.waste_usd == pytest.approx(9_000 * (6.25 + 0.5 * carried) / MICRO)


def test_an_oversized_result_could_have_2000_tokens() -> None:
    planting = made(results.oversized_output, tiny())
    calls = read_back(planting).calls
    place = next(index for index, call in enumerate(calls) if ("tool", tool_id(call)) == planting.events[0])
    carried = len(calls) - place - 2
    assert planting.waste_usd == pytest.approx(23_000 * (6.25 + 0.5 * carried) / MICRO)


def test_single_reads_cost_the_prompts_that_one_call_would_have_saved() -> None:
    planting = made(results.single_reads, tiny())
    calls = {call.message_id: call for call in read_back(planting).calls}
    wasted = [calls[key[1]] for key in planting.events if key[0] == "model"]
    assert len(wasted) == 5
    # The first of the five is needed, and so are all entries. Each of the others makes one prompt be read once more.
    expected = sum(call.usage.cached * 0.5 + 3 * 5 for call in wasted[1:])
    assert planting.waste_usd == pytest.approx(expected / MICRO)


def test_a_cut_answer_costs_its_output_its_prompt_and_its_carry() -> None:
    planting = made(answers.cut_write, tiny())
    calls = read_back(planting).calls
    cut = next(call for call in calls if call.usage.output == 8_000)
    carried = len(calls) - calls.index(cut) - 2
    prompt = (cut.usage.prompt - 3) * 0.5 + 3 * 5
    assert planting.waste_usd is not None
    assert planting.waste_usd * MICRO == pytest.approx(8_000 * 25 + prompt + 8_040 * (6.25 + 0.5 * carried))


def test_a_side_request_costs_all_of_itself_and_changes_nothing_else() -> None:
    draft = tiny_draft()
    without = micro_usd(draft)
    others = [numbers(call) for call in draft.calls]
    add_side_call(draft, draft.calls[2], Usage(uncached=300, read=11_700, output=20), "yes")
    assert [numbers(call) for call in draft.main] == others
    assert micro_usd(draft) - without == pytest.approx(300 * 5 + 11_700 * 0.5 + 20 * 25)


def test_a_sub_agent_has_prompts_of_its_own() -> None:
    draft = tiny_draft()
    request = Request("Read", {"file_path": "/w/x.py"}, "x", 400)
    agent = Agent("Look at it.", 6_000, shared=2_000, rounds=[[request]], answer_tokens=50)
    started = add_agents(draft, draft.calls[2], [agent])
    first, last = agent.calls
    assert numbers(first)[:3] == (3, 2_000, 3_997)
    assert numbers(last) == (3, 5_997, first.usage.output + 400, 50)
    # The caller gets the answer, not what the agent has read.
    assert draft.main[3].usage.prompt == 12_000 + started.call.usage.output + 50


def test_siblings_waste_the_second_reading_of_the_same_files() -> None:
    planting = made(contexts.siblings_reading_the_same, tiny())
    transcript = read_back(planting)
    asking, last = [call for call in transcript.calls if call.is_side][-2:]
    # Its three results entered by its last call, whose writes are these results and the call for them.
    tokens = last.usage.write - asking.usage.output - 3  # one token of each result is left in the control
    assert planting.waste_usd == pytest.approx(tokens * 6.25 / MICRO)


def test_a_loop_wastes_all_turns_but_the_first() -> None:
    planting = made(repeats.loop_of_one, tiny())
    calls = read_back(planting).calls
    assert len(planting.events) == 8  # four of five turns, a tool and a model call each
    control = [call for call in calls if ("model", call.message_id) not in set(planting.events)]
    assert len(control) == len(tiny().calls) + 1


@pytest.mark.parametrize(
    "maker",
    [
        reads.reread_of_real,
        answers.superseded_attempt,
        answers.overloaded_attempt,
        answers.background_requests,
        answers.classifier_calls,
        caches.break_to_system_prompt,
        caches.break_in_the_middle,
        caches.break_at_nothing,
        caches.long_tool_and_miss,
    ],
)
def test_where_only_waste_is_planted_it_is_the_bill_of_the_lines_less_that_of_the_session(
    maker: Maker, example: Transcript
) -> None:
    planting = made(maker, example)
    bill = sum(cost_usd(call.model, call.usage) for call in read_back(planting).calls)
    before = sum(cost_usd(call.model, call.usage) for call in example.calls)
    assert planting.waste_usd == pytest.approx(bill - before)


def tool_id(call: Call) -> str:
    return str(call.tools[0]["id"]) if call.tools else ""


# What is planted is a transcript


@pytest.mark.parametrize(("kind", "maker"), MAKERS)
def test_a_planted_session_is_consistent_and_the_package_reads_what_was_planted(
    kind: Kind, maker: Maker, example: Transcript, tmp_path: Path
) -> None:
    if maker.__name__ in UNFIT_FOR_THE_EXAMPLE:
        with pytest.raises(UnfitError):
            made(maker, example)
        return
    planting = made(maker, example)
    transcript = read_back(planting)
    check_lines(transcript)
    check_usage(transcript)
    spans = spans_of(tmp_path, planting.lines)
    ids = {span.span_id for span in spans}
    assert len(ids) == len(spans)
    assert {key for key in planting.events if span_id_of(example.session_id, *key) not in ids} == set()
    billed = Counter[str]()
    for span in spans:
        for name in (semconv.INPUT_TOKENS, semconv.CACHE_READ_TOKENS, semconv.CACHE_WRITE_TOKENS):
            billed[name] += span.attributes.get(name, 0)
    assert billed[semconv.INPUT_TOKENS] == sum(call.usage.prompt for call in transcript.calls)
    assert billed[semconv.CACHE_READ_TOKENS] == sum(call.usage.read for call in transcript.calls)
    assert billed[semconv.CACHE_WRITE_TOKENS] == sum(call.usage.write for call in transcript.calls)


def check_lines(transcript: Transcript) -> None:
    """Ids are unique, parents exist, results answer calls, and results come after their calls."""
    uuids = [str(line.value["uuid"]) for line in transcript.lines if line.value.get("uuid")]
    assert len(uuids) == len(set(uuids))
    parents = {str(line.value["parentUuid"]) for line in transcript.lines if line.value.get("parentUuid")}
    assert parents <= set(uuids)
    asked: dict[str, int] = {}
    answered: Counter[str] = Counter()
    for line in transcript.lines:
        for block in line.blocks:
            if block.get("type") == "tool_use":
                assert block["id"] not in asked
                asked[str(block["id"])] = line.time_ms or 0
            elif block.get("type") == "tool_result":
                answered[str(block["tool_use_id"])] += 1
                assert (line.time_ms or 0) >= asked[str(block["tool_use_id"])]
    assert set(answered.values()) <= {1}


def check_usage(transcript: Transcript) -> None:
    """No call of a conversation reads more from the cache than the calls before it have put there."""
    cached: defaultdict[object, int] = defaultdict(int)
    for call in transcript.calls:
        usage = call.usage
        assert min(usage.uncached, usage.read, usage.write_5m, usage.write_1h) >= 0
        conversation = call.first.value.get("agentId")
        if conversation is None and call.usage.prompt > 12_000:
            assert not cached[conversation] or usage.read <= cached[conversation]
            cached[conversation] = max(cached[conversation], usage.cached)


@pytest.mark.parametrize(("kind", "maker"), PLANTS)
def test_prompts_only_grow_where_they_grew_before(kind: Kind, maker: Maker, example: Transcript) -> None:
    """In the conversation, and but for planted compactions and the short requests beside it."""
    if maker.__name__ in UNFIT_FOR_THE_EXAMPLE:
        return
    planting = made(maker, example)
    before = {call.message_id: call.usage.prompt for call in example.calls}
    calls = [call for call in read_back(planting).calls if not call.is_side and call.usage.prompt != 12_000]
    shrunk = [
        call.message_id
        for earlier, call in pairwise(calls)
        if call.usage.prompt < earlier.usage.prompt and call.segment == earlier.segment
    ]
    order = list(before)
    assert all(before[each] < before[order[order.index(each) - 1]] for each in shrunk)


def test_the_same_seed_plants_the_same(example: Transcript) -> None:
    assert made(reads.reread_unchanged, example) == made(reads.reread_unchanged, example)


def test_planting_leaves_the_session_as_it_was(example: Transcript) -> None:
    before = json.dumps([line.value for line in example.lines])
    made(answers.short_turns_on_the_cheapest, example)
    made(sessions.stretched, example)
    assert json.dumps([line.value for line in example.lines]) == before


# The benchmark


def test_the_planting_code_imports_nothing_of_the_package() -> None:
    for path in (BENCHMARKS / "planted").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
        assert not [module for module in modules if module.startswith("otel")], path


def test_every_kind_has_plants_and_decoys_and_a_rule_of_its_own() -> None:
    rules = [kind.rule for kind in KINDS]
    assert len(rules) == len(set(rules)) == 23
    assert not set(rules) & set(NOT_PLANTABLE)
    assert all(kind.plants and kind.decoys for kind in KINDS)


class TestJudging:
    """What the benchmark makes of two reports, before and after planting."""

    @pytest.fixture
    def benchmark(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module("planted_waste")

    @pytest.fixture
    def kind(self) -> Kind:
        return next(kind for kind in KINDS if kind.rule == "redundant-tool-call")

    def report(self, *issues: dict[str, Any], avoidable: float = 0.0) -> dict[str, Any]:
        outcome: dict[str, Any] = {"code": "redundant-tool-call", "status": "ok", "missing": [], "error": None}
        return {"issues": list(issues), "outcomes": [outcome], "waste": {"avoidable": {"cost_usd": avoidable}}}

    def issue(self, *keys: tuple[str, str], claimed: float = 0.5, counted: float = 0.4, owner: str = "") -> Any:
        return {
            "id": "i",
            "code": "redundant-tool-call",
            "events_involved": [f"{span_id_of('tiny', *key):016x}" for key in keys],
            "waste": {"cost_usd": claimed, "basis": "measured"},
            "counted": {"cost_usd": counted, "already_counted_by": [owner] if owner else []},
        }

    def planting(self, *keys: tuple[str, str], waste_usd: float | None = None, **more: Any) -> Planting:
        return Planting(lines=[], events=keys, waste_usd=waste_usd, **more)

    def test_a_plant_is_found_when_an_issue_newly_names_one_of_its_events(self, benchmark: Any, kind: Kind) -> None:
        known, planted = ("tool", "known"), ("tool", "planted")
        planting = self.planting(planted, ("model", "m"), waste_usd=0.3)
        before = self.report(self.issue(known, counted=0.1))
        judge = benchmark._judge
        silent = judge(kind, "x", tiny(), planting, before, self.report(self.issue(known)), True)
        found = judge(kind, "x", tiny(), planting, before, self.report(self.issue(known, planted), avoidable=0.4), True)
        assert (silent.is_told, found.is_told) == (False, True)
        assert (found.waste_usd, found.estimate_usd, found.all_usd) == (0.3, pytest.approx(0.3), 0.4)

    def test_what_another_rule_counts_is_taken_from_the_claim(self, benchmark: Any, kind: Kind) -> None:
        planted = ("tool", "planted")
        after = self.report(self.issue(planted, claimed=0.3, counted=0.0, owner="no-progress-loop"))
        found = benchmark._judge(kind, "x", tiny(), self.planting(planted, waste_usd=0.3), self.report(), after, True)
        assert found.estimate_usd == pytest.approx(0.3)

    def test_a_decoy_may_be_told_where_it_is_not_counted(self, benchmark: Any, kind: Kind) -> None:
        decoy = ("tool", "decoy")
        told = self.planting(decoy, told_usd=1.0)
        for claimed, planting, is_alarm in ((0.0, told, False), (0.5, told, True), (0.0, self.planting(decoy), True)):
            after = self.report(self.issue(decoy, claimed=claimed))
            result = benchmark._judge(kind, "x", tiny(), planting, self.report(), after, False)
            assert result.is_told is is_alarm

    def test_a_rule_that_could_not_judge_says_so(self, benchmark: Any, kind: Kind) -> None:
        after = self.report()
        after["outcomes"][0] |= {"status": "not_applicable", "missing": [{"fact": "token usage"}]}
        result = benchmark._judge(kind, "x", tiny(), self.planting(), self.report(), after, True)
        assert result.outcome == "not evaluated, missing: token usage"


def test_the_benchmark_finds_a_repeated_read_and_says_what_it_missed() -> None:
    command = [sys.executable, str(BENCHMARKS / "planted_waste.py"), str(EXAMPLE), "--jobs", "1"]
    done = subprocess.run(
        [*command, "--rule", "repeated-file-read"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode in (0, 1), done.stderr
    row = next(row.split() for row in done.stdout.splitlines() if row.startswith("repeated-file-read"))
    assert row[1:7] == ["1", "1", "1.00", "2", "0", "0.00"]
    assert ("misses" in row) == (done.returncode == 1)
    assert "unused-tools" in done.stdout

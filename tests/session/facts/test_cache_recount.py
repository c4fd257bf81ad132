"""Cache misses of 44 real sessions against an independent count (`misses.jsonl` beside them)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Final

from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.cache import CacheMiss, MissCause, Pause, cache_misses, misses_between
from otel_sessionopt.session.model import Session
from tests.session.conftest import RealSession

# Misses of more than 1,024 tokens and 5 % of what the prompts share, by session and cause; the first calls of the 44
# contexts left out. Each was looked at by hand: the cases that the count above leaves out are explained below.
EXPLAINED: Final = {
    "cipher-box__12f1f541": {"compacted": 1},
    "cli__2026-01-09-880d": {"idle": 3},
    "cli__22c5d52e": {"idle": 1},
    "cli__53ea1606": {"prefix_changed": 1, "compacted": 1},
    "cli__645ea3df": {"model_changed": 1},
    "cli__a032db5a": {"idle": 7},
    "cli__e4599950": {"idle": 5, "prefix_changed": 1, "compacted": 1},
    "context-eval__38fb3e7a": {"prefix_changed": 1, "idle": 1},
    "context-eval__a0af77b8": {"idle": 1},
    "context-eval__a9e81d0e": {"prefix_changed": 1},
    "context-eval__c336b942": {"idle": 1},
    "context-eval__d2482b67": {"idle": 1},
    "oh-my-posh__44968378": {"prefix_changed": 1, "not_written": 1},
    "oh-my-posh__69d8706c": {"prefix_changed": 1},
    "oh-my-posh__74df2bb3": {"not_written": 1},
    "oh-my-posh__bf77db8f": {"prefix_changed": 1},
    "oh-my-posh__dcce4143": {"idle": 1},
    "oh-my-posh__f776f2bf": {"idle": 2},
}


def test_the_28_misses_of_the_count_are_found_exactly(real_sessions: dict[str, RealSession], shared_data: Path) -> None:
    lines = (shared_data / "claude-code-sessions" / "misses.jsonl").read_text("utf-8").splitlines()
    keys = ("session", "prompt_tokens", "cache_read", "previous_prompt_tokens", "missed_tokens")
    counted = [tuple(json.loads(line)[key] for key in keys) for line in lines]

    found = [(name, *_numbers(miss)) for name, (_, session) in real_sessions.items() for miss in _counted(session)]

    assert len(counted) == 28
    assert sorted(found) == sorted(counted)


def test_every_further_miss_over_the_rules_own_limits_is_explained(real_sessions: dict[str, RealSession]) -> None:
    found = {
        name: dict(Counter(miss.cause.value for miss in _large(session)))
        for name, (_, session) in real_sessions.items()
    }
    explained = {
        next(name for name in real_sessions if name.startswith(prefix)): causes for prefix, causes in EXPLAINED.items()
    }
    assert {name: causes for name, causes in found.items() if causes} == explained


def test_what_the_count_leaves_out_are_other_causes_and_smaller_misses(real_sessions: dict[str, RealSession]) -> None:
    left_out = Counter(
        miss.cause for _, session in real_sessions.values() for miss in _large(session) if miss not in _counted(session)
    )
    # Two smaller breaks: 5,669 of 42,142 tokens, and 28,160 of 146,976.
    assert left_out == {
        MissCause.COMPACTED: 3,
        MissCause.MODEL_CHANGED: 1,
        MissCause.NOT_WRITTEN: 2,
        MissCause.PREFIX_CHANGED: 2,
    }


def test_every_session_has_one_first_call(real_sessions: dict[str, RealSession]) -> None:
    first = [miss for _, session in real_sessions.values() for miss in cache_misses(session) if miss.previous is None]
    assert Counter(miss.cause for miss in first) == {MissCause.FIRST_CALL: 44, MissCause.MODEL_CHANGED: 1}


# One of each cause, looked at by hand: size of the prompt before and of this one, tokens read, seconds between.


def test_a_person_came_back_after_twelve_minutes(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "cli__2026-01-09-880d", prompt=119_067)
    assert _numbers(miss) == (119_067, 0, 118_402, 118_402)
    assert (miss.cause, miss.pause, miss.gap_ns // 10**9, miss.life_ns // 10**9) == (
        MissCause.IDLE,
        Pause.PERSON,
        750,
        300,
    )
    assert miss.tokens == 118_393  # 9 tokens had not been written


def test_a_shell_command_was_open_for_six_and_a_half_minutes(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "cli__e4599950", prompt=85_290)
    assert (miss.cause, miss.pause, miss.gap_ns // 10**9) == (MissCause.IDLE, Pause.TOOL, 406)


def test_an_edit_waited_for_a_person_for_nearly_nine_minutes(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "cli__2026-01-09-880d", prompt=96_889)
    assert (miss.cause, miss.pause, miss.gap_ns // 10**9) == (MissCause.IDLE, Pause.PERSON, 526)


def test_the_first_write_was_for_an_hour_and_all_later_ones_for_five_minutes(
    real_sessions: dict[str, RealSession],
) -> None:
    miss = _miss_at(real_sessions, "context-eval__c336b942", prompt=59_556)
    assert (miss.cause, miss.gap_ns // 10**9, miss.life_ns // 10**9) == (MissCause.IDLE, 512, 300)


def test_seconds_after_the_call_before_only_the_system_prompt_was_read(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "oh-my-posh__44968378", prompt=62_075)
    assert _numbers(miss)[:3] == (62_075, 25_055, 60_788)
    assert (miss.cause, miss.gap_ns // 10**9, miss.tokens) == (MissCause.PREFIX_CHANGED, 14, 60_728 - 25_055)


def test_nine_minutes_are_no_expiry_where_the_cache_lives_an_hour(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "cli__53ea1606", prompt=137_630)
    assert (miss.cause, miss.gap_ns // 10**9, miss.life_ns // 10**9) == (MissCause.PREFIX_CHANGED, 535, 3_600)


def test_a_person_switched_from_sonnet_to_opus(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "cli__645ea3df", prompt=57_118)
    assert (miss.cause, miss.call.event.model) == (MissCause.MODEL_CHANGED, "claude-opus-4-5-20251101")


def test_a_compaction_halved_the_prompt(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "cipher-box__12f1f541", prompt=64_236)
    assert (miss.cause, _numbers(miss)[:3]) == (MissCause.COMPACTED, (64_236, 35_695, 132_151))


def test_a_prompt_shrank_by_29_percent_without_a_compaction(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "cli__e4599950", prompt=74_437)
    assert (miss.cause, _numbers(miss)[2]) == (MissCause.COMPACTED, 104_515)


def test_the_end_of_a_first_prompt_was_not_written(real_sessions: dict[str, RealSession]) -> None:
    miss = _miss_at(real_sessions, "oh-my-posh__44968378", prompt=43_459)
    assert (miss.cause, miss.tokens) == (MissCause.NOT_WRITTEN, 11_552)
    assert miss.previous is not None
    assert miss.previous.event.uncached_tokens == 11_552


def test_losses_are_a_seventh_of_the_cost(real_sessions: dict[str, RealSession]) -> None:
    whole = sum(float(bill(session).cost_usd or 0) for _, session in real_sessions.values())
    lost = {
        cause: sum(
            float(miss.premium_usd or 0)
            for _, session in real_sessions.values()
            for miss in _large(session)
            if miss.cause is cause
        )
        for cause in (MissCause.IDLE, MissCause.PREFIX_CHANGED)
    }
    # 454 sessions of the same kind: 10.2 % and 4.0 % of input cost.
    assert round(lost[MissCause.IDLE] / whole, 3) == 0.114
    assert round(lost[MissCause.PREFIX_CHANGED] / whole, 3) == 0.026


def _counted(session: Session) -> tuple[CacheMiss, ...]:
    return misses_between(session, min_previous_tokens=5_000, min_prompt_ratio=0.8, max_read_ratio=0.5)


def _large(session: Session) -> list[CacheMiss]:
    """Over the default limits of the two rules, without first calls."""
    return [
        miss
        for miss in cache_misses(session)
        if miss.cause is not MissCause.FIRST_CALL and miss.tokens > max(1_024, 0.05 * miss.shared_tokens)
    ]


def _numbers(miss: CacheMiss) -> tuple[int, int, int, int]:
    before = miss.previous.event.tokens_input if miss.previous is not None else 0
    read = miss.call.event.cache_read_tokens
    return miss.call.event.tokens_input, read, before, before - read


def _miss_at(real_sessions: dict[str, RealSession], prefix: str, *, prompt: int) -> CacheMiss:
    session = next(each.session for name, each in real_sessions.items() if name.startswith(prefix))
    (miss,) = [miss for miss in cache_misses(session) if miss.call.event.tokens_input == prompt]
    return miss

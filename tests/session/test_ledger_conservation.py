"""Every billed token and dollar is in the ledger exactly once."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from otel_sessionopt.session import Release, build_session
from otel_sessionopt.session.facts.ledger import ledger
from tests.session.conftest import RealSession, _build
from tests.session.ledger_checks import check_conservation
from tests.session.ledger_traces import random_digests
from tests.support.digest_builder import TRACE_ID


def test_every_token_and_dollar_of_real_sessions_is_there_once(real_sessions: dict[str, RealSession]) -> None:
    for _, session in real_sessions.values():
        check_conservation(session)
    assert len(real_sessions) == 44


def test_every_token_and_dollar_of_the_fixtures_is_there_once(shared_data: Path) -> None:
    paths = [path for path in (shared_data / "claude-code-fixtures").glob("*.jsonl.xz") if path.name[:5] != "calls"]
    for path in paths:
        check_conservation(_build(path))
    assert len(paths) == 2


def test_every_token_and_dollar_of_codex_and_pi_is_there_once(shared_data: Path) -> None:
    ratios = []
    for folder in ("codex-copilot-sessions", "pi-sessions"):
        for path in sorted((shared_data / folder).glob("*__*.jsonl.xz")):
            confidence = check_conservation(_build(path)).confidence
            assert confidence is not None
            ratios.append(confidence.unattributed)

    assert len(ratios) == 7
    assert sorted(ratios)[3] < 0.01
    # One pi session: what two compactions kept, thoughts and all, is more than its texts tell.
    assert 0.02 < max(ratios) < 0.06


@pytest.mark.parametrize("first", range(0, 1_000, 100))
def test_every_token_and_dollar_of_generated_sessions_is_there_once(first: int) -> None:
    for seed in range(first, first + 100):
        check_conservation(build_session(TRACE_ID, random_digests(seed), Release()))


def test_the_order_of_digests_does_not_matter() -> None:
    for seed in range(200):
        digests = random_digests(seed)
        shuffled = digests[:]
        Random(seed).shuffle(shuffled)
        one, other = (ledger(build_session(TRACE_ID, each, Release())) for each in (digests, shuffled))

        assert [context.items for context in one.contexts] == [context.items for context in other.contexts]
        assert one.by_source() == other.by_source()


def test_little_of_real_sessions_stays_unattributed(real_sessions: dict[str, RealSession]) -> None:
    ratios = []
    for _, session in real_sessions.values():
        confidence = ledger(session).confidence
        assert confidence is not None
        assert confidence.measured + confidence.estimated + confidence.unattributed == pytest.approx(1)
        ratios.append(confidence.unattributed)

    assert sorted(ratios)[len(ratios) // 2] < 0.01
    assert sum(ratio > 0.15 for ratio in ratios) == 1  # a long skill that its transcript does not show


def test_nothing_in_real_transcripts_is_a_side_request(real_sessions: dict[str, RealSession]) -> None:
    # Transcripts hold the main conversation only. Prompts shrink in them where thoughts are dropped.
    assert not any(context.aside for _, session in real_sessions.values() for context in ledger(session).contexts)

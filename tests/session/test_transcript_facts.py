"""Facts about real sessions of Codex, pi and older Claude Code, against the counts that came with them."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from otel_sessionopt.pricing import PriceClass
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.cache import misses_between
from tests.session.conftest import _build


@pytest.mark.parametrize("folder", ["codex-copilot-sessions", "pi-sessions", "claude-code-fixtures"])
def test_bill_and_cache_misses_of_every_session_are_those_of_the_count(shared_data: Path, folder: str) -> None:
    for line in (shared_data / folder / "facts.jsonl").read_text("utf-8").splitlines():
        facts = json.loads(line)
        session = _build(shared_data / folder / facts["file"])
        total = bill(session)
        misses = misses_between(session, min_previous_tokens=5_000, min_prompt_ratio=0.8, max_read_ratio=0.5)
        missed = [
            (miss.previous.event.tokens_input if miss.previous else 0) - miss.call.event.cache_read_tokens
            for miss in misses
        ]
        ours = {
            "input_fresh": total.tokens[PriceClass.INPUT],
            "cache_read": total.tokens[PriceClass.CACHE_READ],
            "cache_write": total.tokens[PriceClass.CACHE_WRITE] + total.tokens[PriceClass.CACHE_WRITE_1H],
            "output": total.tokens[PriceClass.OUTPUT],
            "compactions": sum(event.is_compaction for event in session.events),
            "cache_miss_calls": len(misses),
            "cache_miss_tokens": sum(missed),
        }

        assert ours == {key: facts[key] for key in ours}, facts["id"]


@pytest.mark.parametrize("name", ["large-session", "before-compaction"])
def test_sessions_of_pi_cost_what_pi_itself_noted_for_every_call(shared_data: Path, name: str) -> None:
    path = shared_data / "pi-sessions" / f"pi-mono__{name}.jsonl.xz"
    noted = 0.0
    with lzma.open(path, "rt") as lines:
        for entry in map(json.loads, lines):
            message = entry.get("message") or {}
            noted += message.get("usage", {}).get("cost", {}).get("total", 0)

    assert float(bill(_build(path)).cost_usd or 0) == pytest.approx(noted, abs=1e-6)
    assert noted > 30

"""What the shipped rules find in 44 real sessions, replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_sessionopt import replay
from otel_sessionopt.analyzers.catalog import default_analyzers
from otel_sessionopt.analyzers.overlap import resolve_overlaps
from otel_sessionopt.analyzers.runner import run_analyzers
from otel_sessionopt.ingest.files import find_inputs, read_spans
from otel_sessionopt.pipeline import Pipeline, release_of_input
from otel_sessionopt.session import Session, build_session
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger_amounts import usd_of
from tests.analyzers.rebilled import rebilled


@pytest.fixture(scope="module")
def sessions(shared_data: Path) -> list[Session]:
    return list(_sessions(shared_data / "claude-code-sessions"))


def _sessions(folder: Path) -> Iterator[Session]:
    for line in (folder / "facts.jsonl").read_text(encoding="utf-8").splitlines():
        (found,) = find_inputs([folder / json.loads(line)["file"]], print)
        records = list(read_spans(found, print))
        digests = [Pipeline.digest(record) for record in records]
        yield build_session(records[0].trace_id, digests, release_of_input(digests))


def test_what_counts_is_the_bill_less_the_replay_in_every_session(sessions: list[Session]) -> None:
    assert len(sessions) == 44
    wasteful = 0
    for session in sessions:
        issues = [issue for outcome in run_analyzers(session, default_analyzers()) for issue in outcome.issues]
        found = resolve_overlaps(session, issues)
        that_count = [issue for issue in issues if issue.waste is not None and issue.waste.basis.counts]
        played = replay(session, that_count)
        charged = bill(session)

        assert found.replay == played
        assert played.before.tokens == charged.tokens
        assert played.before.cost_usd == charged.cost_usd
        assert played.waste.money is not None
        assert sum(each.cost_usd or 0 for each in found.by_issue.values()) == usd_of(played.waste.money)
        assert abs(sum(each.tokens for each in found.by_issue.values()) - played.waste.total_tokens) <= 0.5
        assert all(units >= 0 for units in played.after.units)
        after = [*played.after.units, played.after.money]
        assert after == rebilled(session, [issue.waste.claims for issue in that_count if issue.waste is not None])
        wasteful += played.waste.money > 0
    assert wasteful > 20

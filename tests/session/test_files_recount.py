"""Repeated reads of 44 real sessions against an independent recount of every call."""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from otel_sessionopt.session.facts.files import FileRead, file_reads
from tests.session.conftest import RealSession

REDUNDANT_RATIO = 0.9


class _Pair(NamedTuple):
    ours: FileRead
    recounted: Mapping[str, Any]

    @property
    def ratio(self) -> float:
        assert self.ours.repeated_ratio is not None
        return self.ours.repeated_ratio


@pytest.fixture(scope="module")
def rereads(shared_data: Path, real_sessions: dict[str, RealSession]) -> list[_Pair]:
    """Reads with numbered lines and an earlier read of the path."""
    return [pair for pair in _pairs(shared_data, real_sessions) if "prev_read_i" in pair.recounted]


def _pairs(shared_data: Path, real_sessions: dict[str, RealSession]) -> Iterator[_Pair]:
    recounted: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    with lzma.open(shared_data / "claude-code-sessions" / "calls.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            if "already_shown" in call:
                recounted[call["session"]][call["call_id"]] = call
    for session_id, (_, session) in real_sessions.items():
        for read in file_reads(session):
            call_id = read.event.tool.call_id if read.event.tool else None
            if call_id in recounted[session_id]:
                yield _Pair(read, recounted[session_id][call_id])


def test_every_reread_is_seen_and_weighs_the_same(rereads: list[_Pair]) -> None:
    assert len(rereads) == 126
    assert all(pair.ours.previous is not None and pair.ours.is_measured for pair in rereads)
    assert [pair.ours.line_chars for pair in rereads] == [pair.recounted["line_chars"] for pair in rereads]


def test_a_first_read_repeats_nothing(shared_data: Path, real_sessions: dict[str, RealSession]) -> None:
    first = [pair for pair in _pairs(shared_data, real_sessions) if "prev_read_i" not in pair.recounted]

    assert len(first) > 100
    assert all(pair.ours.repeated_ratio in (None, 0.0) and pair.ours.repeated_chars == 0 for pair in first)


def test_the_repeated_share_is_that_of_the_recount(rereads: list[_Pair]) -> None:
    others = [pair for pair in rereads if abs(pair.ratio - pair.recounted["already_shown"]) > 0.0001]

    assert others == []


def test_wholly_redundant_rereads_are_found_and_next_to_nothing_else(rereads: list[_Pair]) -> None:
    redundant = [pair for pair in rereads if pair.recounted["already_shown"] >= REDUNDANT_RATIO]
    found = [pair for pair in rereads if pair.ratio >= REDUNDANT_RATIO]

    assert len(redundant) == 21
    assert sum(pair not in found for pair in redundant) == 0
    assert sum(pair not in redundant for pair in found) == 0


def test_the_redundant_characters_are_those_of_the_recount(rereads: list[_Pair]) -> None:
    recounted = sum(
        pair.recounted["line_chars"] * pair.recounted["already_shown"]
        for pair in rereads
        if pair.recounted["already_shown"] >= REDUNDANT_RATIO
    )
    ours = sum(pair.ours.repeated_chars for pair in rereads if pair.ratio >= REDUNDANT_RATIO)

    assert round(recounted) == 23_766
    assert ours == pytest.approx(recounted, rel=0.0001)


def test_compaction_and_order_are_those_of_the_recount(rereads: list[_Pair]) -> None:
    assert [pair.ours.is_compaction_between for pair in rereads] == [
        pair.recounted["read_compaction_between"] for pair in rereads
    ]
